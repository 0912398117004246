"""A provider that pays refunds back, and orders with a return each: the same for every handler that is measured.

It keeps its own books of effects; what a handler believes is compared with them, never copied into them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from threading import RLock
from typing import Any, Final

from bench import ROOT
from ops.documents import read as documents
from ops.publish_policy import publish
from quittance.application.apply_observation import apply_observation
from quittance.application.ports import (
    Ambiguous,
    Applied,
    Delivery,
    Guard,
    Hint,
    NotFound,
    Page,
    Place,
    Ports,
    Prepared,
    Reading,
    SendOutcome,
    Sighting,
    Suggestion,
)
from quittance.application.receive_parcel import receive_parcel
from quittance.domain.account import Control, Mode
from quittance.domain.errors import Rejected
from quittance.domain.ids import CaseId, OrderId, ReceiptId, case_of_channel
from quittance.domain.intent import Act, Intent, ReplayGuard
from quittance.domain.ledger import Amounts, Payment, SoldLine
from quittance.domain.observations import (
    ChannelStatus,
    Condition,
    MoneyStatus,
    OrderReading,
    Receipt,
    ReceivedUnits,
    RefundReading,
    ReturnLineReading,
    ReturnReading,
)
from quittance.domain.priority import CaseKind
from quittance.storage import keys
from quittance.storage.engine import Item
from quittance.storage.expressions import typed
from quittance.storage.memory import MemoryEngine
from quittance.storage.policies import PublishedPolicies
from quittance.storage.table import Table

STORE: Final = "maison-lumiere"
NOON: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HORIZON: Final = timedelta(seconds=60)
KEY_LIFETIME: Final = timedelta(hours=24)
PRICE: Final = 100
SKU: Final = "SHIRT"
MOST_PUTS: Final = 25


@dataclass(frozen=True, slots=True)
class Effect:
    """Money that the provider moved: under which key, for which order and return, how much and how many units."""

    reference: str
    key: str
    order: str
    request: str
    units: int
    minor: int


@dataclass
class Provider:
    """Pays back whatever it is asked; `keyed`: the same key again is the same effect. For several threads."""

    keyed: bool
    effects: list[Effect] = field(default_factory=list)
    _by_order: dict[str, list[Effect]] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def refund(self, key: str, order: str, request: str, units: int, minor: int) -> str:
        """Move the money and return the effect's id."""
        with self._lock:
            known = [effect for effect in self.of(order) if effect.key == key]
            if self.keyed and known:
                return known[0].reference
            effect = Effect(f"R{len(self.effects) + 1}", key, order, request, units, minor)
            self.effects.append(effect)
            self._by_order.setdefault(order, []).append(effect)
            return effect.reference

    def of(self, order: str) -> list[Effect]:
        """The effects of an order, oldest first."""
        with self._lock:
            return list(self._by_order.get(order, ()))

    def paid(self, key: str, order: str) -> int:
        """How often the money of a key was moved."""
        return sum(effect.key == key for effect in self.of(order))


@dataclass(frozen=True, slots=True)
class Sold:
    """An order of `units` of one article at the provider, and the ids of its returns, each of which asks for all."""

    order: str
    units: int
    requests: tuple[str, ...]

    @property
    def captured(self) -> int:
        """What was paid, in minor units."""
        return self.units * PRICE


class ProviderChannel:
    """The provider as a channel of Quittance: it can be read, and it moves money once per call."""

    name = "shopify"

    def __init__(self, provider: Provider, orders: Sequence[Sold]) -> None:
        self._provider = provider
        self._orders = {sold.order: sold for sold in orders}

    def add(self, sold: Sold) -> None:
        """One more order."""
        self._orders[sold.order] = sold

    # The pure part.

    def guard(self, act: Act) -> Guard | None:
        """A refund has the provider's key or nothing; nothing else is asked of it."""
        if act is not Act.REFUND:
            return Guard(ReplayGuard.REPEATABLE, HORIZON)
        kind = ReplayGuard.KEYED if self._provider.keyed else ReplayGuard.NONE
        return Guard(kind, HORIZON, KEY_LIFETIME)

    def render(self, intent: Intent, words: str) -> bytes:
        """Act, units and money."""
        return json.dumps([intent.act, sorted(intent.quantities().items()), intent.total, words]).encode()

    def feed_type(self, _act: Act) -> str | None:
        """Every act is a call of its own."""
        return None

    def hint(self, delivery: Delivery) -> Hint:
        """Nothing is pushed here."""
        raise Rejected("MALFORMED", "body", f"{delivery.topic} is never sent by this provider")

    # Reading.

    def order_of(self, _account: str, return_id: str) -> OrderId | None:
        """The order of a return."""
        found = (sold.order for sold in self._orders.values() if return_id in sold.requests)
        order = next(found, None)
        return None if order is None else OrderId(order)

    def read(self, _account: str, order: OrderId, as_of: datetime) -> Reading | None:
        """An order with its returns and everything that was paid back."""
        sold = self._orders.get(order)
        if sold is None:
            return None
        refunds = tuple(map(_reading_of, self._provider.of(order)))
        reading = OrderReading(
            id=order,
            as_of=as_of,
            currency="EUR",
            country="FR",
            delivered_at=NOON - timedelta(days=3),
            lines={"line": SoldLine(SKU, sold.units, sold.captured)},
            payments={"card": Payment(sold.captured, "cards", 0)},
            refunds=refunds,
        )
        return Reading(reading, tuple(_request(sold, name, as_of) for name in sold.requests))

    def poll(self, _account: str, _source: str, _cursor: str, _known: Sequence[str]) -> Page:
        """Nothing new."""
        return Page(())

    def prepare(self, account: str, intent: Intent, as_of: datetime) -> Prepared:
        """The reading, what was there before, and what the provider would pay: the same."""
        reading = self.read(account, intent.order, as_of)
        if reading is None:
            raise Rejected("UNKNOWN_ORDER", "order", "the provider knows no such order")
        before = {"refunds": ",".join(refund.id for refund in reading.order.refunds)}
        return Prepared(reading, before, Suggestion(intent.components.goods, intent.currency, intent.payments))

    # Sending and looking back.

    def send(self, _account: str, intent: Intent, _body: bytes, _timeout: timedelta) -> SendOutcome:
        """Move the money, or do nothing for an act without money."""
        if intent.act is not Act.REFUND:
            return Applied(intent.external)
        units = sum(intent.quantities().values())
        key = intent.key
        return Applied(self._provider.refund(key, intent.order, intent.external, units, intent.total))

    def look_back(self, _account: str, intent: Intent, owned: frozenset[str]) -> Sighting:
        """The effects of its return that were not there before and belong to no other intent, by their amount."""
        before = {*intent.attempt.snapshot.get("refunds", "").split(","), *owned}
        fitting = [
            effect.reference
            for effect in self._provider.of(intent.order)
            if effect.reference not in before and (effect.request, effect.minor) == (intent.external, intent.total)
        ]
        if len(fitting) > 1:
            return Ambiguous(tuple(fitting))
        return Applied(fitting[0]) if fitting else NotFound()


def _reading_of(effect: Effect) -> RefundReading:
    amounts = Amounts({"card": effect.minor}, {"line": (effect.units, effect.minor)})
    return RefundReading(effect.reference, amounts, MoneyStatus.MOVED, effect.request)


def _request(sold: Sold, name: str, as_of: datetime) -> ReturnReading:
    line = f"{name}/line"
    return ReturnReading(
        id=name,
        order=OrderId(sold.order),
        as_of=as_of,
        status=ChannelStatus.OPEN,
        requested_at=NOON - timedelta(hours=1),
        lines={line: ReturnLineReading(line, "line", SKU, sold.units, "UNWANTED")},
        rma=f"RMA-{name}",
    )


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    at: datetime = NOON

    def now(self) -> datetime:
        """The time it was set to."""
        return self.at


class NoMeter:
    """Counts nothing: metrics are log lines."""

    def count(self, metric: str, channel: str, outcome: str, value: int = 1) -> None:
        """Forget it."""


@cache
def _policies() -> PublishedPolicies:
    """The repository's policies, published to a table of their own."""
    engine = MemoryEngine()
    list(publish(engine, documents(ROOT / "policies")))
    return PublishedPolicies(engine, Clock().now)


def ports(table: Table, channel: ProviderChannel, clock: Clock) -> Ports:
    """The use cases' ports over a table and the provider, under the repository's policies."""
    return Ports(table, _policies(), clock, NoMeter(), acts=lambda _: channel, channel=lambda _: channel)


def take_back(made: Ports, account: str, sold: Sold, condition: Condition) -> list[CaseId]:
    """Open the order's returns and let all their units arrive, by the real use cases; units that are new are owed."""
    place = Place("shopify", account, STORE)
    apply_observation(made, place, Hint(OrderId(sold.order)))
    for name in sold.requests:
        receipt = Receipt(
            id=ReceiptId(f"parcel-{name}"),
            received_at=made.clock.now(),
            units=(ReceivedUnits(SKU, sold.units, condition),),
            names=(("rma", f"RMA-{name}"),),
            digest=name,
        )
        receive_parcel(made, place, receipt)
    return [case_of_channel("shopify", account, CaseKind.RETURN, name) for name in sold.requests]


def stock(
    channel: ProviderChannel, clock: Clock, account: str, orders: Sequence[Sold], condition: Condition
) -> tuple[list[CaseId], list[Item]]:
    """The same for many orders of one account, in memory: their cases, and every item to be written down."""
    memory = MemoryEngine()
    table = Table(memory)
    table.set_control(account, Control(Mode.LIVE))
    made, cases, partitions = ports(table, channel, clock), list[CaseId](), [keys.control(account).pk]
    for sold in orders:
        opened = take_back(made, account, sold, condition)
        partitions += [keys.order("shopify", account, OrderId(sold.order)).pk]
        partitions += [keys.case_head(case).pk for case in opened]
        cases += opened
    return cases, [item for pk in partitions for item in memory.query(pk)]


def write_down(client: Any, table: str, items: Sequence[Item]) -> None:
    """Put items into a table as they are."""
    requests = [{"PutRequest": {"Item": {name: typed(value) for name, value in item.items()}}} for item in items]
    for start in range(0, len(requests), MOST_PUTS):
        left = client.batch_write_item(RequestItems={table: requests[start : start + MOST_PUTS]})["UnprocessedItems"]
        if left:
            raise RuntimeError("the embedded DynamoDB left items unwritten")
