"""A return request: its lines with their quantities, and the state that follows from them.

Refuses a verb that the state does not allow, and more units than a line has in that place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from quittance.domain.errors import IllegalTransition, Rejected
from quittance.domain.ids import IntentId, ReceiptId
from quittance.domain.intent import Act
from quittance.domain.observations import ChannelStatus, ReceivedUnits, ReturnLineReading
from quittance.domain.values import dataclass, replace


class ReturnState(StrEnum):
    """Where a return stands, derived from its lines, its status at the channel and its open intents."""

    REQUESTED = "requested"
    DECIDING = "deciding"
    AUTHORISED = "authorised"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"
    RESOLVED = "resolved"
    CLOSED = "closed"
    DECLINED = "declined"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Say whether the channel regards the return as over."""
        return self in (ReturnState.CLOSED, ReturnState.DECLINED, ReturnState.CANCELLED)


class ReturnVerb(StrEnum):
    """What people, rules, the warehouse or the buyer do to a return."""

    AUTHORISE = "authorise"
    DECLINE = "decline"
    REMOVE = "remove"
    ACCEPT = "accept"
    REJECT = "reject"
    KEEP = "keep"
    EXCHANGE = "exchange"
    REPAIR = "repair"
    CANCEL = "cancel"
    CLOSE = "close"
    RECEIVE = "receive"


_RESOLVE = frozenset({ReturnVerb.ACCEPT, ReturnVerb.REJECT, ReturnVerb.EXCHANGE, ReturnVerb.REPAIR})
_OPEN = frozenset({ReturnVerb.KEEP, ReturnVerb.REMOVE, ReturnVerb.CLOSE, ReturnVerb.RECEIVE})
ALLOWED: Mapping[ReturnState, frozenset[ReturnVerb]] = {
    ReturnState.REQUESTED: frozenset({ReturnVerb.AUTHORISE, ReturnVerb.DECLINE, ReturnVerb.RECEIVE}),
    ReturnState.DECIDING: frozenset({ReturnVerb.RECEIVE}),
    ReturnState.AUTHORISED: _OPEN | {ReturnVerb.CANCEL},
    ReturnState.PARTLY_RECEIVED: _OPEN | _RESOLVE,
    ReturnState.RECEIVED: _OPEN | _RESOLVE,
    ReturnState.RESOLVED: frozenset({ReturnVerb.CLOSE, ReturnVerb.RECEIVE}),
    ReturnState.CLOSED: frozenset({ReturnVerb.RECEIVE}),
    ReturnState.DECLINED: frozenset({ReturnVerb.RECEIVE}),
    ReturnState.CANCELLED: frozenset({ReturnVerb.RECEIVE}),
}


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """One line: units requested, and what became of them. `paying` and `paid` are units refunded, underway and done.

    `adjustment` is a signed amount in minor units that a person set for the next refund of the line; `foreign` are
    units that other hands have refunded at the channel.
    """

    order_line: str
    sku: str
    requested: int
    reason: str = ""
    authorised: int = 0
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    kept: int = 0
    exchanged: int = 0
    repaired: int = 0
    paying: int = 0
    paid: int = 0
    adjustment: int = 0
    foreign: int = 0

    @property
    def outstanding(self) -> int:
        """Units that were authorised and are still to arrive."""
        return max(0, self.authorised - self.received - self.kept)

    @property
    def undecided(self) -> int:
        """Units that arrived and about which nothing is decided."""
        return self.received - self.accepted - self.rejected - self.exchanged - self.repaired

    @property
    def payable(self) -> int:
        """Units to pay back for which no refund exists yet."""
        return max(0, self.accepted + self.kept - self.covered)

    @property
    def covered(self) -> int:
        """Units that a refund covers, whoever made it and wherever it stands."""
        return self.paying + self.paid + self.foreign

    @property
    def expected(self) -> int:
        """Units that may still come in a parcel: requested, not here yet and not left to the buyer."""
        return max(0, self.requested - self.received - self.kept)


@dataclass(frozen=True, slots=True)
class ReturnRequest:
    """The body of a return case. `open_intents` are the acts underway; `receipts` map a parcel to its digest."""

    status: ChannelStatus
    requested_at: datetime
    as_of: datetime
    lines: Mapping[str, ReturnLine] = field(default_factory=dict)
    receipts: Mapping[ReceiptId, str] = field(default_factory=dict)
    open_intents: Mapping[IntentId, Act] = field(default_factory=dict)
    country: str = ""
    delivered_at: datetime | None = None
    authorised_at: datetime | None = None
    sent_at: datetime | None = None
    received_at: datetime | None = None
    late_parcel: bool = False

    @property
    def state(self) -> ReturnState:
        """Derive the state: the channel's verdict first, then what is underway, then the goods."""
        final = _FINAL.get(self.status)
        if final is not None and not self.late_parcel:
            return final
        if self.status is ChannelStatus.REQUESTED:
            return ReturnState.DECIDING if self._is_deciding else ReturnState.REQUESTED
        return self._goods_state()

    @property
    def _is_deciding(self) -> bool:
        return any(act in (Act.APPROVE_RETURN, Act.DECLINE_RETURN) for act in self.open_intents.values())

    def _goods_state(self) -> ReturnState:
        lines, outstanding = self.lines.values(), self.outstanding
        if any(line.undecided for line in lines):
            return ReturnState.PARTLY_RECEIVED if outstanding else ReturnState.RECEIVED
        if outstanding:
            came = any(line.received or line.kept for line in lines)
            return ReturnState.PARTLY_RECEIVED if came else ReturnState.AUTHORISED
        return ReturnState.RECEIVED if self.is_paying else ReturnState.RESOLVED

    @property
    def outstanding(self) -> int:
        """Units of the whole return that are still to arrive."""
        return sum(line.outstanding for line in self.lines.values())

    @property
    def is_paying(self) -> bool:
        """Say whether money is owed or underway for this return."""
        return any(line.payable or line.paying for line in self.lines.values())

    def permit(self, verb: ReturnVerb) -> None:
        """Raise IllegalTransition unless the state allows the verb."""
        if verb not in ALLOWED[self.state]:
            raise IllegalTransition("return", self.state.value, verb.value)


_FINAL: Mapping[ChannelStatus, ReturnState] = {
    ChannelStatus.CLOSED: ReturnState.CLOSED,
    ChannelStatus.DECLINED: ReturnState.DECLINED,
    ChannelStatus.CANCELLED: ReturnState.CANCELLED,
}


def with_reading(body: ReturnRequest, lines: Mapping[str, ReturnLineReading], status: ChannelStatus) -> ReturnRequest:
    """Take the channel's lines and status over; what only we know of a line stays.

    Units refunded at the channel beyond those of ours, settled or underway, are the work of other hands: never twice.
    """
    merged = dict(body.lines)
    for line_id, seen in lines.items():
        known = merged.get(line_id) or ReturnLine(seen.order_line, seen.sku, seen.quantity)
        others = max(known.foreign, seen.refunded - known.paying - known.paid)
        merged[line_id] = replace(known, requested=seen.quantity, reason=seen.reason, foreign=others)
    for gone in merged.keys() - lines.keys():
        merged[gone] = replace(merged[gone], requested=0)
    if status in (ChannelStatus.OPEN, ChannelStatus.CLOSED):
        merged = {key: replace(line, authorised=line.requested) for key, line in merged.items()}
    return replace(body, lines=merged, status=status)


def place(
    body: ReturnRequest, units: Iterable[ReceivedUnits]
) -> tuple[dict[str, list[ReceivedUnits]], list[ReceivedUnits]]:
    """Fill the oldest open line of each SKU first; what fits no open line is surplus."""
    room = {line_id: line.expected for line_id, line in body.lines.items()}
    placed: dict[str, list[ReceivedUnits]] = {}
    surplus: list[ReceivedUnits] = []
    for found in units:
        rest = found.quantity
        for line_id in sorted((key for key, line in body.lines.items() if line.sku == found.sku), key=_age):
            take = min(rest, room[line_id])
            if take:
                placed.setdefault(line_id, []).append(replace(found, quantity=take))
                room[line_id] -= take
                rest -= take
        if rest:
            surplus.append(replace(found, quantity=rest))
    return placed, surplus


def _age(line_id: str) -> tuple[int, str]:
    # Channels count their ids up: of two, the shorter, then the smaller, is the older.
    return len(line_id), line_id


def check_units(body: ReturnRequest, verb: ReturnVerb, units: Mapping[str, int]) -> None:
    """Raise Rejected unless each named line has that many units for this verb."""
    if not units:
        raise Rejected("NO_LINES", "lines", "name at least one line with a quantity")
    for line_id, quantity in units.items():
        line = body.lines.get(line_id)
        if line is None:
            raise Rejected("UNKNOWN_LINE", f"lines.{line_id}", "name a line of this return")
        free = line.outstanding if verb in (ReturnVerb.KEEP, ReturnVerb.REMOVE) else line.undecided
        if not 0 < quantity <= free:
            raise Rejected("BAD_QUANTITY", f"lines.{line_id}.quantity", f"between 1 and {free} units can be decided")
