"""Many workers click and send at once on few orders of the embedded DynamoDB: nothing is paid twice or above an order.

Each worker has a client of its own and runs the real use cases; the provider's books are compared with every ledger.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import boto3
from botocore.config import Config

from bench import Figure, Result, machine
from bench.refund_world import STORE, Clock, Provider, ProviderChannel, Sold, ports, stock, write_down
from quittance.application.advance_intent import advance_intent
from quittance.application.command_case import command_case
from quittance.application.intent_step import Limits
from quittance.application.ports import Ports
from quittance.domain.command import Actor, Authority, Command, CommandName
from quittance.domain.errors import Rejected, Unavailable
from quittance.domain.ids import CaseId, OrderId
from quittance.domain.intent import Intent, IntentState
from quittance.domain.observations import Condition
from quittance.storage import keys
from quittance.storage.dynamo import DynamoEngine
from quittance.storage.table import Table
from sandbox.cloud import PARAMETERS
from sandbox.emulator import REGION, ROOT_KEY, Emulator
from sandbox.translate import emulated

WORKERS: Final = 16
ATTEMPTS: Final = int(os.environ.get("QUITTANCE_RACES", "10000"))
PER_ORDER: Final = 33
UNITS: Final = 6
# So many orders are fought over at a time.
AT_ONCE: Final = 4
LOOKS: Final = 3
LIMITS: Final = Limits(timedelta(seconds=57), timedelta(seconds=19))
ROUND: Final = timedelta(seconds=130)
MOST_ROUNDS: Final = 12
TABLE: Final = "quittance"
SHAPE: Final = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")
NOTES: Final = (
    (
        f"Each order of {UNITS} units has two returns that each ask for all of them, and {PER_ORDER} attempts to have "
        f"one paid back. An attempt is a person's click, previewed and confirmed; who finds the case changed looks "
        f"again, up to {LOOKS} times. {AT_ONCE} orders are fought over at a time."
    ),
    "Whoever admits a refund sends it at once; then two workers at a time send what is left of each order.",
    (
        "Over-refunded: the provider paid more than was captured. Out of balance: captured is not what is available, "
        "claimed and refunded together, or the ledger's refunds are not the provider's. A key belongs to one refund."
    ),
    "The provider is un-keyed: it pays whenever it is asked.",
    "The embedded DynamoDB answers one request at a time: this proves the conditions, not AWS.",
)


@dataclass(frozen=True, slots=True)
class Raced:
    """What a race came to."""

    orders: int
    attempts: int
    admitted: int
    settled: int
    open: int
    lost_races: int
    doubled: int
    over_refunded: int
    unbalanced: int
    seconds: float


class Anyone:
    """A seal whose token is what was shown."""

    def sign(self, shown: str) -> str:
        """The text itself."""
        return shown

    def verify(self, shown: str, token: str) -> None:
        """Equal or stale."""
        if shown != token:
            raise Rejected("STALE_PREVIEW", "token", "look again")


@dataclass
class Arena:
    """The orders, their cases and one worker's ports per thread."""

    emulator: Emulator
    channel: ProviderChannel
    clock: Clock
    orders: Sequence[Sold]
    cases: dict[str, list[CaseId]]
    _own: threading.local
    outcomes: Counter[str]

    def ports(self) -> Ports:
        """This thread's own client and ports."""
        if not hasattr(self._own, "ports"):
            engine = DynamoEngine(client(self.emulator), TABLE)
            self._own.ports = ports(Table(engine), self.channel, self.clock)
        found: Ports = self._own.ports
        return found

    def attempt(self, which: tuple[int, int]) -> None:
        """One person's wish to pay one unit of one return of an order back."""
        place, number = which
        sold = self.orders[place]
        case = self.cases[sold.order][number % len(sold.requests)]
        request = sold.requests[number % len(sold.requests)]
        for _ in range(LOOKS):
            outcome = self._click(OrderId(sold.order), case, f"{request}/line")
            self.outcomes[outcome] += 1
            if outcome not in ("STALE_VERSION", "STALE_PREVIEW"):
                break

    def _click(self, order: OrderId, case: CaseId, line: str) -> str:
        made = self.ports()
        head = made.table.load_case(case)
        version = 0 if head is None else head.version
        actor = Actor("agent", Authority.AGENT)
        given = Command(CommandName.ACCEPT_LINES, case, version, actor, {line: 1}, {}, reason="worn")
        answer = command_case(made, given, Anyone())
        if answer.outcome == "previewed":
            answer = command_case(made, replace(given, token=answer.token), Anyone())
        for shown in answer.shown.get("intents", ()) if answer.outcome == "done" else ():
            if shown["state"] == IntentState.READY.value:
                self.send(order, shown["intent"])
        return answer.code or answer.outcome

    def send(self, order: OrderId, intent: Any) -> None:
        """One step of an intent; who cannot now is followed by others."""
        with suppress(Unavailable):
            advance_intent(self.ports(), keys.intent("shopify", STORE, order, intent), LIMITS)

    def intents(self, order: str) -> list[Intent]:
        """The order's intents as they are stored."""
        scene = self.ports().table.load_order("shopify", STORE, OrderId(order))
        return sorted(scene.intents.values(), key=lambda intent: intent.id)

    def drain(self, order: str) -> None:
        """Send what is left of an order, until a pass moves nothing."""
        before: object = None
        while True:
            left = [intent for intent in self.intents(order) if intent.act.is_money and not intent.has_ended]
            state = [(intent.id, intent.version) for intent in left]
            if not left or state == before:
                return
            before = state
            for intent in left:
                self.send(intent.order, intent.id)


def race(emulator: Emulator, *, workers: int, attempts: int, seed: int = 1) -> Raced:
    """Make the table and the orders, let the workers loose, and compare the books."""
    dice = random.Random(seed)  # noqa: S311  # repeatable, no secret
    provider = Provider(keyed=False)
    orders = [Sold(f"order-{n}", UNITS, (f"return-{n}-a", f"return-{n}-b")) for n in range(-(-attempts // PER_ORDER))]
    arena = _arena(emulator, provider, orders)
    wishes = [(number // PER_ORDER, number) for number in range(attempts)]
    begun = time.perf_counter()
    _all(workers, arena.attempt, _mixed(wishes, dice))
    for _ in range(MOST_ROUNDS):
        names = [sold.order for sold in orders]
        _all(workers, arena.drain, [name for name in names for _ in range(2)])
        if not any(intent.act.is_money and not intent.has_ended for name in names for intent in arena.intents(name)):
            break
        arena.clock.at += ROUND
    return _judged(arena, provider, attempts, time.perf_counter() - begun)


def _mixed(wishes: list[tuple[int, int]], dice: random.Random) -> list[tuple[int, int]]:
    mixed: list[tuple[int, int]] = []
    for start in range(0, len(wishes), AT_ONCE * PER_ORDER):
        part = wishes[start : start + AT_ONCE * PER_ORDER]
        mixed += dice.sample(part, len(part))
    return mixed


def _all(workers: int, work: Callable[[Any], None], items: Iterable[Any]) -> None:
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, items):
            pass


def _arena(emulator: Emulator, provider: Provider, orders: Sequence[Sold]) -> Arena:
    dynamo, clock = client(emulator), Clock()
    properties = emulated(PARAMETERS)["Resources"]["Table"]["Properties"]
    dynamo.create_table(TableName=TABLE, **{name: properties[name] for name in SHAPE})
    channel = ProviderChannel(provider, orders)
    cases, items = stock(channel, clock, STORE, orders, Condition.USED)
    write_down(dynamo, TABLE, items)
    per_order = {sold.order: cases[2 * place : 2 * place + 2] for place, sold in enumerate(orders)}
    return Arena(emulator, channel, clock, orders, per_order, threading.local(), Counter())


def _judged(arena: Arena, provider: Provider, attempts: int, seconds: float) -> Raced:
    admitted = settled = still_open = doubled = over = unbalanced = 0
    for sold in arena.orders:
        refunds = [intent for intent in arena.intents(sold.order) if intent.act.is_money]
        paid = provider.of(sold.order)
        admitted += len(refunds)
        settled += sum(intent.state is IntentState.SETTLED for intent in refunds)
        still_open += sum(not intent.has_ended for intent in refunds)
        doubled += sum(times > 1 for times in Counter(effect.key for effect in paid).values())
        over += sum(effect.minor for effect in paid) > sold.captured
        unbalanced += not _is_balanced(arena, sold, sum(effect.minor for effect in paid))
    lost = arena.outcomes["STALE_VERSION"] + arena.outcomes["STALE_PREVIEW"]
    return Raced(len(arena.orders), attempts, admitted, settled, still_open, lost, doubled, over, unbalanced, seconds)


def _is_balanced(arena: Arena, sold: Sold, paid: int) -> bool:
    order = arena.ports().table.load_order("shopify", STORE, OrderId(sold.order)).order
    if order is None:
        return False
    ledger = order.ledger
    claimed = sum(claim.amounts.total for claim in ledger.claims.values())
    refunded = sum(seen.amounts.total for seen in ledger.refunds.values())
    return sold.captured == ledger.available("card") + claimed + refunded and refunded == paid


def run() -> Result:
    emulator = Emulator.start()
    try:
        raced = race(emulator, workers=WORKERS, attempts=ATTEMPTS)
    finally:
        emulator.stop()
    return Result(
        name="refund_races",
        title=f"{WORKERS} workers and {raced.attempts} racing refunds",
        figures=_figures(raced),
        notes=NOTES,
        machine=machine("boto3", "botocore", "ministack"),
    )


def _figures(raced: Raced) -> tuple[Figure, ...]:
    return (
        Figure("orders", raced.orders, ""),
        Figure("attempts", raced.attempts, ""),
        Figure("attempts that found the case changed", raced.lost_races, ""),
        Figure("refunds admitted", raced.admitted, ""),
        Figure("refunds settled", raced.settled, ""),
        Figure("refunds neither settled nor ended", raced.open, "", at_most=0),
        Figure("keys paid more than once", raced.doubled, "", at_most=0),
        Figure("orders over-refunded", raced.over_refunded, "", at_most=0),
        Figure("orders out of balance", raced.unbalanced, "", at_most=0),
        Figure("time of the whole race", raced.seconds, "s"),
    )


def client(emulator: Emulator) -> Any:
    """A client of one worker's own; lost races are the engine's to see, so that the SDK tries nothing twice."""
    return boto3.session.Session().client(
        "dynamodb",
        endpoint_url=emulator.url,
        region_name=REGION,
        aws_access_key_id=ROOT_KEY,
        aws_secret_access_key=ROOT_KEY,
        config=Config(retries={"total_max_attempts": 1}),
    )
