"""One run: the real use cases on a stage, with the touch at every door where a fault may strike.

Refuses to run on after a broken invariant: it raises where it was broken, so that the trace ends there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from quittance.application.ports import Guard, Ports
from quittance.domain.instant import from_text
from quittance.domain.intent import Intent
from quittance.domain.values import replace
from quittance.storage import keys
from quittance.storage.table import Table
from tests.faults.laboratory import channel as shop_side
from tests.faults.laboratory.channel import Effect, LaboratoryShop
from tests.faults.laboratory.dice import Dice
from tests.faults.laboratory.engine import Change, LaboratoryEngine
from tests.faults.laboratory.faults import STRIKES, Door, Fault, Touch
from tests.faults.laboratory.laws import Invariants
from tests.faults.laboratory.mail import Mail
from tests.faults.laboratory.plans import Plan
from tests.faults.laboratory.scheduler import Scheduler, Worker
from tests.faults.laboratory.stage import Stage
from tests.faults.laboratory.trace import Trace
from tests.support import builders as b
from tests.support.workbench import PLACE, OnePolicy

MILLISECOND = timedelta(milliseconds=1)
# A call takes this many milliseconds, and up to as many again.
LATENCY = {Door.READ: 5, Door.INDEX: 5, Door.WRITE: 10, Door.ASK: 120, Door.SEND: 400, Door.QUEUE: 10}


class Clock:
    """Virtual time, as the worker that asks believes it to be."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def now(self) -> datetime:
        """The present to the millisecond, two seconds off where a fault made it so."""
        worker = self._scheduler.worker
        return b.NOW + (self._scheduler.now + (worker.skew if worker else 0)) * MILLISECOND


class NoMeter:
    """Counts nothing."""

    def count(self, metric: str, channel: str, outcome: str, value: int = 1) -> None:
        """Leave it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a run is watched and disturbed with: a plan of faults, a trace, and an engine in which guards may lack."""

    plan: Plan | None = None
    trace: Trace | None = None
    engine: Callable[[], LaboratoryEngine] = LaboratoryEngine


class World:
    """Everything of one run. `is_bounded` says whether every effect lands within the settle horizon."""

    def __init__(self, guard: Guard, dice: Dice, begin: Stage, watch: Watch) -> None:
        self.dice = dice
        self.plan = watch.plan
        self.trace = watch.trace
        self.guard = guard
        self.is_bounded = True
        self.touches = 0
        self.struck: list[tuple[str, Fault]] = []
        self.met: Counter[str] | None = None
        self.last_fault = 0
        self.owed: Counter[str] = Counter(begin.owed)
        self.restore: Callable[[], None] = _cannot
        self.keep: Callable[[], None] = _nothing
        self.scheduler = Scheduler()
        self.clock = Clock(self.scheduler)
        self.engine = watch.engine()
        self.shop = LaboratoryShop()
        self._set_stage(begin)
        self.table = Table(self.engine)
        self.mail = Mail(self)
        self.invariants = Invariants(self)
        self._listen()

    def _set_stage(self, begin: Stage) -> None:
        self.engine.put_back(begin.snapshot)
        self.shop.orders, self.shop.returns = dict(begin.orders), dict(begin.returns)
        self.shop.refund_guard = self.guard
        self.policies = OnePolicy(begin.policy)

    def _listen(self) -> None:
        engine, shop = self.engine, self.shop
        self.ports = Ports(
            self.table, self.policies, self.clock, NoMeter(), acts=lambda _: shop, channel=lambda _: shop
        )
        engine.touch, engine.committed = self.touch, self._committed
        shop.touch, shop.time, shop.lag = (
            self.touch,
            lambda: self.scheduler.now,
            lambda: self.dice.between(1000, 20_000),
        )
        shop.sending, shop.applied, shop.looked = self._sending, self._applied, self.invariants.looked
        if self.trace is not None:
            engine.refused = self.trace.refused

    # Touches.

    def touch(
        self, door: Door, name: Callable[[], str], call: Callable[[], Any], other: Callable[[], Any] | None = None
    ) -> Any:
        """Make the call, or what a fault makes of it. Whoever only looks on is no worker, and is never struck.

        `other` is what an older state answers a reader, or what a sender sees without an answer.
        """
        worker = self.scheduler.worker
        if worker is None:
            return call()
        self.touches += 1
        fault = self.plan.draw(door) if self.plan is not None else None
        latency = LATENCY[door]
        self.scheduler.sleep(latency + self.dice.below(latency))
        if self.met is not None:
            self.met[f"{worker.work}: {name()}"] += 1
        if self.trace is not None:
            self.trace.touched(self, worker, name())
        return call() if fault is None else self._strike(fault, door, name(), call, other)

    def _strike(
        self, fault: Fault, door: Door, name: str, call: Callable[[], Any], other: Callable[[], Any] | None
    ) -> Any:
        worker = self.scheduler.worker
        if worker is None:
            raise RuntimeError("only a worker can be struck")
        self.struck.append((f"{worker.work}: {name}", fault))
        if self.trace is not None:
            self.trace.struck(fault)
        is_send = door is Door.SEND
        lost = other if is_send and other is not None else shop_side.no_answer
        busy = shop_side.not_sent if is_send else shop_side.throttled
        try:
            return STRIKES[fault](Touch(self, worker, door, name, call, lost, busy, other or call))
        finally:
            self.last_fault = max(self.last_fault, self.scheduler.now)

    def later(self, after: int, call: Callable[[], Any], words: str) -> None:
        """A call that nobody waits for any more gets through after a while, or is refused."""
        self.scheduler.at(self.scheduler.now + after, lambda: self._landed(call, words))

    def _landed(self, call: Callable[[], Any], words: str) -> None:
        self.last_fault = max(self.last_fault, self.scheduler.now)
        self.note(words)
        self.mail.unanswered(call)

    # What others are told of.

    def _committed(self, changes: Sequence[Change]) -> None:
        worker = self.scheduler.worker
        if self.trace is not None:
            self.trace.committed(changes)
        self.invariants.committed(changes, worker)
        self.keep()
        for change in changes:
            self.mail.stream(change)
            due = change.after.get("due_sk")
            if due is not None and due != (change.before or {}).get("due_sk"):
                self.mail.expect(self.milliseconds(due[: keys_width()]))

    def _sending(self, intent: Intent, body: bytes) -> None:
        self.invariants.sending(intent, body, self.scheduler.worker)

    def _applied(self, effect: Effect) -> None:
        self.note(f"the channel pays {effect.minor} as {effect.name} for {effect.intent[:8]}, {effect.status.value}")
        self.invariants.applied(effect)

    def note(self, words: str) -> None:
        """Write into the trace what happened outside."""
        if self.trace is not None:
            self.trace.note(self, words)

    def milliseconds(self, text: str) -> int:
        """An instant's text in virtual time."""
        return (from_text(text) - b.NOW) // MILLISECOND

    # What the account's people may do.

    def control(self, **changes: Any) -> None:
        """Set the account's mode or kill switch."""
        self.table.set_control(PLACE.account, replace(self.table.control(PLACE.account), **changes))

    def start(self, work: str, name: str, job: Callable[[], object], **options: Any) -> Worker:
        """Let a worker begin; `ended` and `again` say what follows for the message that it works on."""
        worker = Worker(name, work, job, options.get("ended", _nobody))
        worker.again = options.get("again", worker.again)
        self.scheduler.start(worker, options.get("after", 0))
        return worker

    def without_worker(self, call: Callable[[], None]) -> None:
        """Do something that is not a worker's, and is not struck, in the middle of a worker's step."""
        worker, self.scheduler.worker = self.scheduler.worker, None
        try:
            call()
        finally:
            self.scheduler.worker = worker


def keys_width() -> int:
    """How many characters of a due key are its instant."""
    return len(keys.NO_CLOCK)


def _cannot() -> None:
    raise RuntimeError("this run keeps no backups")


def _nothing() -> None:
    """Nobody keeps a copy."""


def _nobody(_done: bool) -> None:
    """Nobody waits for the end."""
