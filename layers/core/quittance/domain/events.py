"""Events: what has happened to a case or its order, in the past tense, without anybody's words or name.

Every event is data alone; `facts` is what leaves the house, so nothing personal may become a field here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from quittance.domain.case import Case
from quittance.domain.difference import Entry
from quittance.domain.instant import to_text
from quittance.domain.intent import Intent, IntentVerb
from quittance.domain.observations import Condition, OrderReading, Receipt, ReturnReading
from quittance.domain.values import dataclass

Units = tuple[tuple[str, int], ...]


class Resolution(StrEnum):
    """What becomes of units that came back, or that the buyer keeps."""

    ACCEPT = "accept"
    REJECT = "reject"
    KEEP = "keep"
    EXCHANGE = "exchange"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """A case exists from now on."""

    case: Case


@dataclass(frozen=True, slots=True)
class CaseNamed:
    """The case can be found under further names, such as its RMA or a tracking number."""

    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class OrderRead:
    """The channel showed the order; the ledger now rests on this reading."""

    reading: OrderReading


@dataclass(frozen=True, slots=True)
class ReturnRead:
    """The channel showed the return; lines and status follow it."""

    reading: ReturnReading


@dataclass(frozen=True, slots=True)
class ReturnAuthorised:
    """The return was authorised at the channel, by us or by other hands."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReturnDeclined:
    """The return was declined at the channel."""

    by: str


@dataclass(frozen=True, slots=True)
class ReturnCancelled:
    """The request was withdrawn; nothing is paid for it."""

    by: str


@dataclass(frozen=True, slots=True)
class ReturnClosed:
    """The return was closed at the channel."""

    by: str


@dataclass(frozen=True, slots=True)
class ReturnReopened:
    """A closed, declined or cancelled return is open again; `why` says what reopened it."""

    why: str


@dataclass(frozen=True, slots=True)
class DecisionTaken:
    """A person or a rule decided; the channel is told by an intent."""

    decision: str
    by: str
    rule: str
    reason: str
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class ParcelReceived:
    """A parcel arrived; `units` are (return line, quantity, condition), `surplus` (sku, quantity, condition)."""

    receipt: Receipt
    units: tuple[tuple[str, int, Condition], ...]
    surplus: tuple[tuple[str, int, Condition], ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class UnitsResolved:
    """Units of return lines were accepted, rejected, kept, exchanged or repaired."""

    resolution: Resolution
    units: Units
    by: str
    rule: str
    reason: str
    adjustments: Units = ()


@dataclass(frozen=True, slots=True)
class LinesRemoved:
    """Units were taken out of the return at the channel."""

    units: Units


@dataclass(frozen=True, slots=True)
class ParcelIdentified:
    """A parcel nobody knew belongs to this case after all."""

    target: str
    by: str


@dataclass(frozen=True, slots=True)
class IntentAdmitted:
    """An instruction to the channel was written down, and holds its headroom if it moves money."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class IntentMoved:
    """An instruction changed its state; `why` is a code, `reference` the channel's own id of the effect."""

    intent: str
    verb: IntentVerb
    by: str
    why: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class RefundSettled:
    """The channel shows that the buyer's money has moved."""

    intent: str
    refund: str
    minor: int
    currency: str
    units: Units


@dataclass(frozen=True, slots=True)
class ForeignRefundSeen:
    """Somebody else paid money back on this order."""

    refund: str
    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class DisputesOverridden:
    """An approver lets money move despite these open disputes; a new one stops it again."""

    disputes: tuple[str, ...]
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeficitFound:
    """More was promised or paid than was captured; `minor` has to be recovered."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class DifferenceFound:
    """Our books and the channel's differ, and nothing explains it; `entries` are all that differ now."""

    currency: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class DifferenceClosed:
    """The books are equal again, or a person has answered for the difference."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeadlineArmed:
    """A deadline runs."""

    deadline: str
    legal: datetime


@dataclass(frozen=True, slots=True)
class DeadlineMoved:
    """A deadline ends at another time than was thought."""

    deadline: str
    legal: datetime


@dataclass(frozen=True, slots=True)
class DeadlineMet:
    """What the deadline asked for was done."""

    deadline: str
    legal: datetime


@dataclass(frozen=True, slots=True)
class DeadlineWarned:
    """A deadline is near; `skipped` earlier steps were not fired on their own."""

    deadline: str
    legal: datetime
    skipped: int


@dataclass(frozen=True, slots=True)
class DeadlineEscalated:
    """A deadline is so near that the next person up has to know; `skipped` is as in a warning."""

    deadline: str
    legal: datetime
    skipped: int


@dataclass(frozen=True, slots=True)
class DeadlineBreached:
    """A deadline passed unmet; `late` says that it had already passed when it became known."""

    deadline: str
    legal: datetime
    skipped: int
    late: bool


@dataclass(frozen=True, slots=True)
class DeadlineWaived:
    """A person let a deadline go, with a reason."""

    deadline: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class CaseMarked:
    """A person has to look; `mark` is a code."""

    mark: str


@dataclass(frozen=True, slots=True)
class CaseUnmarked:
    """The reason for a person to look is gone."""

    mark: str


@dataclass(frozen=True, slots=True)
class TaskOpened:
    """Work for a person that no channel call can do, such as sending a replacement."""

    task: str
    units: Units


Event = (
    CaseOpened
    | CaseNamed
    | OrderRead
    | ReturnRead
    | ReturnAuthorised
    | ReturnDeclined
    | ReturnCancelled
    | ReturnClosed
    | ReturnReopened
    | DecisionTaken
    | ParcelReceived
    | UnitsResolved
    | LinesRemoved
    | ParcelIdentified
    | IntentAdmitted
    | IntentMoved
    | RefundSettled
    | ForeignRefundSeen
    | DisputesOverridden
    | DeficitFound
    | DifferenceFound
    | DifferenceClosed
    | DeadlineArmed
    | DeadlineMoved
    | DeadlineMet
    | DeadlineWarned
    | DeadlineEscalated
    | DeadlineBreached
    | DeadlineWaived
    | CaseMarked
    | CaseUnmarked
    | TaskOpened
)


def name(event: Event) -> str:
    """The event's name in history and on the bus."""
    return type(event).__name__


def facts(event: Event) -> dict[str, Any]:
    """What history and the bus carry of an event: plain JSON values, no text and no name of a person."""
    match event:
        case CaseOpened(case):
            return {"kind": case.kind.value, "external": case.external}
        case CaseNamed(names):
            return {"kinds": sorted({kind for kind, _ in names})}
        case OrderRead() | ReturnRead():
            return _reading_facts(event)
        case IntentAdmitted(intent):
            return _intent_facts(intent)
        case ParcelReceived() | DifferenceFound():
            return _listed_facts(event)
        case _:
            return {field: _plain(getattr(event, field)) for field in event.__match_args__}


def _reading_facts(event: OrderRead | ReturnRead) -> dict[str, Any]:
    if isinstance(event, OrderRead):
        return {"order": event.reading.id, "as_of": to_text(event.reading.as_of)}
    seen = event.reading
    units = {line.id: line.quantity for line in seen.lines.values()}
    return {"status": seen.status.value, "units": units, "as_of": to_text(seen.as_of)}


def _listed_facts(event: ParcelReceived | DifferenceFound) -> dict[str, Any]:
    if isinstance(event, DifferenceFound):
        return {"currency": event.currency, "entries": [_entry_facts(entry) for entry in event.entries]}
    return {
        "receipt": event.receipt.id,
        "units": [[line, quantity, condition.value] for line, quantity, condition in event.units],
        "surplus": [[sku, quantity, condition.value] for sku, quantity, condition in event.surplus],
    }


def _entry_facts(entry: Entry) -> list[str | int]:
    """Kind, the channel's id of the refund, our intent, what we say was paid back and what the channel says."""
    return [entry.kind.value, entry.refund, entry.intent, entry.ours, entry.theirs]


def _intent_facts(intent: Intent) -> dict[str, Any]:
    return {
        "intent": intent.id,
        "act": intent.act.value,
        "state": intent.state.value,
        "minor": intent.total,
        "currency": intent.currency,
        "units": intent.quantities(),
        "reason": intent.reason,
        "rule": intent.rule,
        "by": intent.requested_by,
        "why": intent.why,
    }


def _plain(value: Any) -> Any:
    if type(value) is str:
        return value
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping) or is_dataclass(value):
        raise TypeError(f"{value!r} has no place in an event's facts")
    return value
