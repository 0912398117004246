"""A commit as data: writes under typed conditions, all of which happen or none.

One renderer turns it into a DynamoDB transaction and one interpreter runs it in memory, so that a test of the
conditions is a test of the very conditions that run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime

from quittance.domain.allowance import Shard
from quittance.domain.case import Case
from quittance.domain.draft import Draft
from quittance.domain.events import Event
from quittance.domain.ids import CaseId, DeliveryId, IntentId
from quittance.domain.intent import Intent
from quittance.domain.order import Order
from quittance.domain.values import dataclass

Value = None | bool | int | str | Sequence["Value"] | Mapping[str, "Value"]


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The primary key of an item."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The item must not exist."""


@dataclass(frozen=True, slots=True)
class VersionIs:
    """The item's `version` must be the one that was read."""

    number: int


@dataclass(frozen=True, slots=True)
class FenceIs:
    """The item's `fence` must be the one under which the work was claimed."""

    number: int


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A number in the item, at a path of attribute names, must not be below the minimum."""

    path: tuple[str, ...]
    minimum: int


@dataclass(frozen=True, slots=True)
class IsNot:
    """An attribute must be missing or hold something else."""

    attribute: str
    value: str


@dataclass(frozen=True, slots=True)
class PointsTo:
    """An alias must still name this case."""

    case: str


Condition = Absent | VersionIs | FenceIs | AtLeast | IsNot | PointsTo


@dataclass(frozen=True, slots=True)
class Write:
    """Set and remove attributes of one item under conditions; with nothing to set or remove it only checks."""

    key: Key
    set: Mapping[str, Value]
    conditions: tuple[Condition, ...]
    remove: frozenset[str] = frozenset()

    @property
    def is_check(self) -> bool:
        """Say whether the item is only looked at."""
        return not self.set and not self.remove


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A case as it was read (None: it is new), as it shall be, and the events in between."""

    before: Case | None
    after: Case
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class OrderChange:
    """An order as it was read (None: it is new) and as it shall be; equal ones are only checked."""

    before: Order | None
    after: Order


@dataclass(frozen=True, slots=True)
class IntentChange:
    """An intent as it was read (None: it is new) and as it shall be."""

    before: Intent | None
    after: Intent


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """A delivery by the channel's own id."""

    channel: str
    account: str
    id: DeliveryId


@dataclass(frozen=True, slots=True)
class Text:
    """Somebody's words, stored with the person's data under their digest, and gone at `expires`."""

    case: CaseId
    reference: str
    words: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of a case; `instead_of` is the case that the name pointed to until now."""

    channel: str
    account: str
    kind: str
    name: str
    case: CaseId
    instead_of: CaseId | None = None


@dataclass(frozen=True, slots=True)
class ShardChange:
    """One shard of a day's budget as it shall be; `after` carries the version that was read."""

    account: str
    day: str
    currency: str
    number: int
    after: Shard


@dataclass(frozen=True, slots=True)
class CustomerChange:
    """A case of a customer, who is known by a salted hash; `refunds` is None where nobody counts them."""

    account: str
    pseudonym: str
    case: CaseId
    refunds: tuple[datetime, ...] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything one use case commits at once; `command` is the digest of the person's command that it carries out."""

    at: datetime
    cases: tuple[CaseChange, ...] = ()
    order: OrderChange | None = None
    intents: tuple[IntentChange, ...] = ()
    deliveries: tuple[DeliveryKey, ...] = ()
    aliases: tuple[Alias, ...] = ()
    texts: tuple[Text, ...] = ()
    shards: tuple[ShardChange, ...] = ()
    customers: tuple[CustomerChange, ...] = ()
    command: str = ""

    @property
    def is_empty(self) -> bool:
        """Say whether nothing but the deliveries would be written."""
        return not (self.cases or self.order or self.intents or self.aliases or self.texts)


@dataclass(frozen=True, slots=True)
class Scene:
    """What was loaded before deciding: cases of one order, the order, its intents."""

    cases: Mapping[CaseId, Case] = field(default_factory=dict)
    order: Order | None = None
    intents: Mapping[IntentId, Intent] = field(default_factory=dict)


def changes_of(scene: Scene, drafts: Sequence[Draft], at: datetime) -> Changes:
    """Compare the drafts, each built on the one before, with what was loaded.

    A case without events is left alone. An order that differs in nothing but the time of its reading is left alone
    too; where intents change it is at least checked, because the decision rested on it.
    """
    last = drafts[-1]
    cases = tuple(CaseChange(scene.cases.get(d.case.id), d.case, d.events) for d in drafts if d.events)
    known = ((scene.intents.get(intent.id), intent) for intent in last.intents.values())
    intents = tuple(IntentChange(old, new) for old, new in known if old is not new and old != new)
    order = order_change(scene.order, last.order, is_read=bool(intents))
    return Changes(at, cases, order, intents, shards=_shards(last), customers=tuple(_customers(scene, drafts)))


def _shards(draft: Draft) -> tuple[ShardChange, ...]:
    budget = draft.allowance.budget
    if budget is None:
        return ()
    names = (budget.account, budget.day, budget.currency)
    return tuple(ShardChange(*names, number, budget.shards[number]) for number in sorted(budget.changed))


def _customers(scene: Scene, drafts: Sequence[Draft]) -> Iterator[CustomerChange]:
    """A case is put down under its customer once it is known whose it is, and again with every refund that counts."""
    last = drafts[-1]
    if last.order is None or not last.order.customer:
        return
    is_known = scene.order is not None and scene.order.customer == last.order.customer
    counted = last.allowance.customer
    for draft in drafts:
        case = draft.case
        if draft.order is None or not draft.events:
            continue
        if case.id not in scene.cases or not is_known or (counted is not None and draft.has_refund):
            refunds = None if counted is None else counted.refunds.get(case.id, ())
            yield CustomerChange(case.account, last.order.customer, case.id, refunds)


def order_change(before: Order | None, after: Order | None, *, is_read: bool = False) -> OrderChange | None:
    """How an order changes, or that it is only checked where a decision rests on it; None for neither."""
    if after is None:
        return None
    if before is not None and _content(before) == _content(after):
        return OrderChange(before, before) if is_read else None
    return OrderChange(before, after)


def _content(order: Order) -> object:
    return (order.ledger, order.cases, order.ordinals, order.disputes, order.frozen, order.due, order.country,
            order.delivered_at, order.cancelled_at, order.overridden, order.fulfilled_by, order.customer)  # fmt: skip
