"""A difference: what our ledger and the channel's refunds say of one order, where nothing explains why they disagree.

Refuses to judge a refund that the channel may not show yet, and one that is still on its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from quittance.domain.ids import IntentId
from quittance.domain.intent import Intent, IntentState
from quittance.domain.ledger import FOREIGN, UNATTRIBUTED, Amounts, SeenRefund
from quittance.domain.observations import MoneyStatus, OrderReading, RefundReading
from quittance.domain.order import Order
from quittance.domain.values import dataclass

JUDGE_AFTER = timedelta(minutes=10)
"""How long after a refund was last touched its absence at the channel is a difference and no delay of the channel."""


class DifferenceKind(StrEnum):
    """How a refund in our books and the channel's differ."""

    MISSING = "missing"
    UNEQUAL = "unequal"
    DOUBLE = "double"
    DISOWNED = "disowned"
    CURRENCY = "currency"


class DifferenceState(StrEnum):
    """Whether the books still differ, as far as anybody knows."""

    OPEN = "open"
    CLOSED = "closed"

    @property
    def is_final(self) -> bool:
        """Say whether nothing is left to do."""
        return self is DifferenceState.CLOSED


@dataclass(frozen=True, slots=True)
class Entry:
    """One refund that differs: what our ledger says was paid back and what the channel does, in minor units.

    `payments` are (payment, ours, theirs); `refund` is the channel's id, `intent` ours where one is concerned.
    """

    kind: DifferenceKind
    refund: str
    intent: str
    ours: int
    theirs: int
    payments: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """The body of a difference case: entries in one currency. `closed` says why it ended, `by` who said so."""

    currency: str
    entries: tuple[Entry, ...]
    found_at: datetime
    closed: str = ""
    by: str = ""

    @property
    def state(self) -> DifferenceState:
        """Derived: closed as soon as there is a reason."""
        return DifferenceState.CLOSED if self.closed else DifferenceState.OPEN

    @property
    def ours(self) -> int:
        """What our ledger says was paid back by the refunds that differ, in minor units."""
        return sum(entry.ours for entry in self.entries)

    @property
    def theirs(self) -> int:
        """What the channel says was paid back by them, in minor units."""
        return sum(entry.theirs for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What laying a ledger beside a reading came to; `is_whole` unless something was too young to be judged."""

    entries: tuple[Entry, ...]
    is_whole: bool = True


def compare(
    order: Order, intents: Mapping[IntentId, Intent], reading: OrderReading, known_since: datetime
) -> Comparison:
    """Lay an order, which has taken the reading in, beside that reading, both ways, per refund and payment.

    `known_since` is when the ledger last learned anything. A refund that the reading adds is in the ledger already, as
    foreign or unattributed; what is reported is only what neither that nor an intent on its way explains.
    """
    if reading.currency != order.currency:
        ours = sum(seen.amounts.total for seen in order.ledger.refunds.values())
        theirs = sum(seen.amounts.total for seen in reading.refunds)
        return Comparison((Entry(DifferenceKind.CURRENCY, "", "", ours, theirs),))
    at_channel = {seen.id: seen for seen in reading.refunds}
    found: list[Entry] = []
    is_whole = True
    for name, known in sorted(order.ledger.refunds.items()):
        entry = _of_ours(name, known, at_channel.get(name), intents)
        if entry is None:
            continue
        if reading.as_of - _touched(known, intents, known_since) < JUDGE_AFTER:
            is_whole = False
        else:
            found.append(entry)
    found += _of_theirs(order, intents, reading.refunds)
    return Comparison(tuple(found), is_whole)


def _touched(known: SeenRefund, intents: Mapping[IntentId, Intent], known_since: datetime) -> datetime:
    intent = intents.get(IntentId(known.owner))
    return known_since if intent is None else intent.attempt.last_sent_at or intent.created_at


def _of_ours(
    name: str, known: SeenRefund, seen: RefundReading | None, intents: Mapping[IntentId, Intent]
) -> Entry | None:
    """How a refund of the ledger differs from what the channel shows of it; None where it does not."""
    owner = intents.get(IntentId(known.owner))
    intent = "" if known.owner in (FOREIGN, UNATTRIBUTED) else known.owner
    if seen is None:
        return _entry(DifferenceKind.MISSING, name, intent, known.amounts, Amounts())
    if seen.status is MoneyStatus.FAILED and owner is not None:
        return None  # It is reversed, which is told and held against the headroom elsewhere.
    return (
        None
        if _is_equal(known.amounts, seen.amounts)
        else _entry(DifferenceKind.UNEQUAL, name, intent, known.amounts, seen.amounts)
    )


def _is_equal(ours: Amounts, theirs: Amounts) -> bool:
    """Equal money per payment and equal units per line; what a line is worth is arithmetic, money is what moved."""
    units = [{line: quantity for line, (quantity, _) in each.lines.items() if quantity} for each in (ours, theirs)]
    money = [{payment: minor for payment, minor in each.payments.items() if minor} for each in (ours, theirs)]
    return units[0] == units[1] and money[0] == money[1]


def _of_theirs(order: Order, intents: Mapping[IntentId, Intent], refunds: Iterable[RefundReading]) -> Iterator[Entry]:
    """Refunds that say they are an intent's which is settled by another one, or had no effect by our books."""
    for seen in refunds:
        intent = intents.get(IntentId(seen.intent))
        known = order.ledger.refunds.get(seen.id)
        is_proof = known is not None and known.owner == seen.intent
        if intent is None or is_proof or not intent.has_ended or seen.status is MoneyStatus.FAILED:
            continue
        is_paid = intent.state in (IntentState.SETTLED, IntentState.REVERSED)
        kind = DifferenceKind.DOUBLE if is_paid else DifferenceKind.DISOWNED
        yield _entry(kind, seen.id, intent.id, Amounts(), seen.amounts)


def _entry(kind: DifferenceKind, refund: str, intent: str, ours: Amounts, theirs: Amounts) -> Entry:
    names = sorted(ours.payments.keys() | theirs.payments.keys())
    payments = tuple((name, ours.payments.get(name, 0), theirs.payments.get(name, 0)) for name in names)
    return Entry(kind, refund, intent, ours.total, theirs.total, payments)
