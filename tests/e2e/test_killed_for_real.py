"""Function processes are killed at random while refunds run against a shop that drops answers: both books are equal.

The short form runs with every test run; `QUITTANCE_KILLS=500` runs as many refunds as it says.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

import pytest

from quittance.application.apply_observation import apply_observation
from quittance.application.ports import Hint
from quittance.domain.ids import OrderId
from quittance.domain.intent import IntentState
from quittance.storage.queues import wake_message
from sandbox.cloud import FunctionFailed
from sandbox.report import compare
from sandbox.world import World
from tests.e2e.many_returns import PLACE, Asked, ask_back, key_of, ports_of, refunds

REFUNDS: Final = int(os.environ.get("QUITTANCE_KILLS", "16"))
SEED: Final = int(os.environ.get("QUITTANCE_SEED", "1"))
# A killed worker's message comes back after so long (machine time); a slow one's while it is still at work.
VISIBILITY: Final = 2
# Longer than lease and settle horizon together, so that each round looks at what the one before lost.
ROUND: Final = timedelta(seconds=100)
MOST_ROUNDS: Final = 40
BETWEEN_KILLS: Final = (0.1, 0.6)
BUSY: Final = 0.3
ENDED: Final = (IntentState.SETTLED, IntentState.HOLD)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.start() as started:
        yield started


# How many processes of each are killed for every twenty refunds, at least.
KILLS: Final[Mapping[str, int]] = {
    "ReceiveWebhookFunction": 1,
    "IngestReturnsFunction": 1,
    "PublishEventsFunction": 1,
    "ExecuteRefundFunction": 3,
}


@dataclass
class Killer:
    """Kills random function processes of one cloud after random pauses, so many of each, until its block ends."""

    cloud: int
    dice: random.Random
    killed: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self.dice.uniform(*BETWEEN_KILLS)):
            workers = sorted(self._workers())
            if workers:
                process, function = self.dice.choice(workers)
                os.kill(process, signal.SIGKILL)
                self.killed[function] += 1

    @property
    def is_done(self) -> bool:
        return not any(map(self._left, KILLS))

    def _left(self, function: str) -> int:
        return KILLS[function] * max(1, REFUNDS // 20) - self.killed[function]

    def _workers(self) -> Iterator[tuple[int, str]]:
        """The processes of functions of this cloud alone: its own children, by the name in their command."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                command = (process / "cmdline").read_text()
            except (OSError, ValueError):
                continue  # it ended while we looked
            function = next((name for name in KILLS if name in command), "")
            if parent == self.cloud and function and self._left(function):
                yield int(process.name), function


@dataclass
class Run:
    """One world under fire: receipts go in, half of them and half of the wake-ups twice, until all refunds end."""

    world: World
    dice: random.Random
    woken: set[str] = field(default_factory=set)
    refused: int = 0

    def report(self, asked: list[Asked]) -> None:
        """The warehouse reports every parcel until it hears 200; every fourth it reports twice."""
        for number, one in enumerate(asked):
            for _ in range(2 if number % 4 == 0 else 1):
                while self.world.parcel(f"P-{number}", {one.sku: 1}, rma=one.rma) != 200:
                    self.refused += 1

    def wake_twice(self) -> None:
        """Every second refund is woken by two more messages as soon as it is seen."""
        queue, send = self.world.cloud.queue_url("Refund"), self.world.cloud.client("sqs").send_message
        for intent in refunds(self.world):
            if intent.id not in self.woken and intent.total % 2:
                self.woken.add(intent.id)
                for _ in range(2):
                    send(QueueUrl=queue, MessageBody=wake_message([key_of(intent)]))

    def rest(self, within: float) -> None:
        """Wait until no function works and no message waits, or it has been long enough."""
        limit = time.monotonic() + within
        while not self.world.cloud.is_idle() and time.monotonic() < limit:
            time.sleep(BUSY)

    def round(self) -> None:
        """Let the clock pass the next look, and the due index bring back what was lost."""
        self.world.clock.advance(ROUND)
        _until_answered(lambda: self.world.cloud.invoke("WatchdogTickFunction"))
        self.wake_twice()
        self.rest(within=10 + REFUNDS / 4)

    def has_ended(self) -> bool:
        """Say whether every parcel has led to a refund and every refund to its end."""
        found = list(refunds(self.world))
        return len(found) >= REFUNDS and all(intent.state in ENDED for intent in found)


def _until_answered(call: Callable[[], object]) -> None:
    """Somebody killed the function that was called: its schedule calls it again."""
    for _ in range(5):
        try:
            call()
        except FunctionFailed:
            continue
        return


@pytest.mark.proves("B1", "B3")
def test_whatever_is_killed_every_refund_ends_once_and_both_books_are_equal(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(SEED)
    asked = ask_back(world, REFUNDS)
    _shorten_visibility(world)
    _drop_answers(world, dice)
    run = Run(world, dice)

    with Killer(world.cloud.pid, random.Random(SEED)) as killer:
        run.report(asked)
        run.wake_twice()
        run.rest(within=5 + REFUNDS / 4)
        while not (killer.is_done or run.has_ended()):
            run.round()
    world.shopify.faults.clear()
    rounds = _finish(run)

    with capsys.disabled():
        sys.stdout.write(f"\n{_told(world, killer, run, rounds)}\n")
    assert killer.killed["ExecuteRefundFunction"] >= 1, "the functions that pay were killed too"
    assert killer.killed.total() >= REFUNDS / 10
    _everything_holds(world, asked)


def _shorten_visibility(world: World) -> None:
    for name in ("Inbox", "Refund", "Urgent", "Due"):
        world.cloud.client("sqs").set_queue_attributes(
            QueueUrl=world.cloud.queue_url(name), Attributes={"VisibilityTimeout": str(VISIBILITY)}
        )


def _drop_answers(world: World, dice: random.Random) -> None:
    """A fifth of the payments are applied and never answered, in one way or another; some never arrive."""
    faults, few = world.shopify.faults, max(1, REFUNDS // 20)
    for scripted in (
        faults.lose_answer,
        faults.truncate,
        faults.fail_after,
        faults.internal_error,
        faults.lose_request,
    ):
        scripted(on=lambda call: "returnProcess" in call.fields and dice.random() < 0.2, times=few)


def _finish(run: Run) -> int:
    """The faults have stopped: the operator redrives what died too often, the clock runs, and everything ends."""
    for number in range(1, MOST_ROUNDS + 1):
        if run.world.cloud.dead_letters():
            run.world.ops("redrive", "--apply")
        run.round()
        if run.has_ended():
            _look_at_what_is_held(run)
            return number
    pytest.fail(f"after {MOST_ROUNDS} rounds not at their end: {Counter(i.state.value for i in refunds(run.world))}")


def _look_at_what_is_held(run: Run) -> None:
    """A poll reads the orders of held refunds again, and what it finds there settles them."""
    ports = ports_of(run.world)
    for intent in refunds(run.world):
        if intent.state is IntentState.HOLD:
            apply_observation(ports, PLACE, Hint(OrderId(intent.order)))
    run.round()


def _everything_holds(world: World, asked: list[Asked]) -> None:
    books = world.shopify.books()
    by_order = {intent.order: intent for intent in refunds(world)}
    assert len(by_order) == len(list(refunds(world))) == len(asked), "one refund an order, whatever came twice"
    for one in asked:
        intent, paid = by_order[OrderId(one.order.rpartition("/")[2])], books[one.name].refunds
        assert len(paid) <= 1, f"{one.name} was paid {len(paid)} times"
        assert intent.state in ENDED
        assert (intent.state is IntentState.SETTLED) == (len(paid) == 1), (
            f"{one.name}: {intent.state}, {len(paid)} paid"
        )
        assert books[one.name].refunded == (one.price if paid else 0)
    assert [line for line in compare(books, world.ledgers()) if not line.agrees] == []
    assert world.shopify.defects == []


def _told(world: World, killer: Killer, run: Run, rounds: int) -> str:
    states = Counter(intent.state.value for intent in refunds(world))
    sends = sum(intent.attempt.sends for intent in refunds(world))
    kills = ", ".join(f"{name} {count}" for name, count in sorted(killer.killed.items()))
    return (
        f"{REFUNDS} refunds, {killer.killed.total()} processes killed ({kills}), {run.refused} reports refused, "
        f"{rounds} rounds after the last: {dict(states)}, {sends} sends"
    )
