"""A draft: one case, its order and the order's intents, with the events that are decided but not yet committed.

`evolve` is the only place where an event changes a state; deciding modules record events and read the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from quittance.domain import order as orders
from quittance.domain.account import Control
from quittance.domain.allowance import Allowance
from quittance.domain.case import Case
from quittance.domain.difference import Difference
from quittance.domain.errors import Rejected
from quittance.domain.events import (
    CaseMarked,
    CaseNamed,
    CaseOpened,
    CaseUnmarked,
    DifferenceClosed,
    DifferenceFound,
    DisputesOverridden,
    Event,
    IntentAdmitted,
    IntentMoved,
    LinesRemoved,
    OrderRead,
    ParcelIdentified,
    ParcelReceived,
    Resolution,
    ReturnAuthorised,
    ReturnCancelled,
    ReturnClosed,
    ReturnDeclined,
    ReturnRead,
    ReturnReopened,
    UnitsResolved,
)
from quittance.domain.ids import IntentId
from quittance.domain.intent import Intent, IntentState, IntentVerb, move, restored
from quittance.domain.ledger import Amounts, Ledger, forget_failed, release, reserve, settle
from quittance.domain.observations import ChannelStatus
from quittance.domain.order import Order
from quittance.domain.parcel import Parcel
from quittance.domain.return_request import ReturnRequest, with_reading
from quittance.domain.values import dataclass, replace

LATE_PARCEL = "late_parcel"
WAKE_AFTER = timedelta(seconds=60)
REMIND_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Draft:
    """What one commit may change. `intents` are all of the order; `events` are new; `allowance` was read for bounds."""

    case: Case
    order: Order | None
    intents: Mapping[IntentId, Intent]
    control: Control
    now: datetime
    events: tuple[Event, ...] = ()
    allowance: Allowance = Allowance()

    @property
    def body(self) -> ReturnRequest:
        """The body of a return case; TypeError for another kind."""
        if not isinstance(self.case.body, ReturnRequest):
            raise TypeError(f"case {self.case.id} is a {self.case.kind}, not a return")
        return self.case.body

    @property
    def ordered(self) -> Order:
        """The order; Rejected(NO_ORDER) for a case that has none."""
        if self.order is None:
            raise Rejected("NO_ORDER", "case", "identify the order of this case first")
        return self.order

    def record(self, *events: Event) -> Draft:
        """Return the draft after these events, in their order."""
        if not events:
            return self
        draft = self
        for event in events:
            draft = evolve(draft, event)
        return replace(draft, events=self.events + events)

    def marked(self, mark: str) -> Draft:
        """Mark the case for a person, once."""
        return self if mark in self.case.marks else self.record(CaseMarked(mark))

    def unmarked(self, mark: str) -> Draft:
        """Take a mark away if it is there."""
        return self.record(CaseUnmarked(mark)) if mark in self.case.marks else self

    def named(self, names: Iterable[tuple[str, str]]) -> Draft:
        """Add the names that the case does not have yet."""
        new = tuple(sorted(set(names) - self.case.names))
        return self.record(CaseNamed(new)) if new else self

    def admitted(self) -> int:
        """How many intents this draft has admitted so far: the next one's index."""
        return sum(isinstance(event, IntentAdmitted) for event in self.events)

    @property
    def has_refund(self) -> bool:
        """Say whether this draft has admitted a refund that counts, which one in shadow does not."""
        born = (event.intent for event in self.events if isinstance(event, IntentAdmitted))
        return any(intent.act.is_money and not intent.has_ended for intent in born)


def evolve(draft: Draft, event: Event) -> Draft:
    """Apply one event; events that only tell change nothing."""
    change = _EVOLVE.get(type(event))
    return draft if change is None else change(draft, event)


def _head(draft: Draft, **changes: Any) -> Draft:
    return replace(draft, case=replace(draft.case, **changes))


def _body(draft: Draft, **changes: Any) -> Draft:
    return replace(draft, case=replace(draft.case, body=replace(draft.body, **changes)))


def _opened(draft: Draft, event: CaseOpened) -> Draft:
    return replace(draft, case=event.case)


def _named(draft: Draft, event: CaseNamed) -> Draft:
    return _head(draft, names=draft.case.names | set(event.names))


def _marked(draft: Draft, event: CaseMarked) -> Draft:
    return _head(draft, marks=draft.case.marks | {event.mark})


def _unmarked(draft: Draft, event: CaseUnmarked) -> Draft:
    return _head(draft, marks=draft.case.marks - {event.mark})


def _identified(draft: Draft, event: ParcelIdentified) -> Draft:
    if not isinstance(draft.case.body, Parcel):
        raise TypeError(f"case {draft.case.id} is a {draft.case.kind}, not a parcel")
    return _head(draft, body=replace(draft.case.body, target=event.target))


def _order_read(draft: Draft, event: OrderRead) -> Draft:
    order = orders.read(draft.ordered, event.reading)
    draft = replace(draft, order=order)
    if not isinstance(draft.case.body, ReturnRequest):
        return draft
    return _body(draft, country=order.country, delivered_at=order.delivered_at)


def _return_read(draft: Draft, event: ReturnRead) -> Draft:
    reading = event.reading
    body = with_reading(draft.body, reading.lines, reading.status)
    return _head(draft, body=replace(body, as_of=reading.as_of, sent_at=body.sent_at or reading.sent_at))


def _authorised(draft: Draft, event: ReturnAuthorised) -> Draft:
    lines = {key: replace(line, authorised=line.requested) for key, line in draft.body.lines.items()}
    first = draft.body.authorised_at or event.at
    return _body(draft, authorised_at=first, lines=lines, status=ChannelStatus.OPEN, late_parcel=False)


def _ended(status: ChannelStatus) -> Callable[[Draft, Any], Draft]:
    return lambda draft, _: _body(draft, status=status, late_parcel=False)


def _reopened(draft: Draft, event: ReturnReopened) -> Draft:
    if event.why == LATE_PARCEL:
        return _body(draft, late_parcel=True)
    return _body(draft, late_parcel=False, authorised_at=draft.body.authorised_at or draft.now)


def _parcel(draft: Draft, event: ParcelReceived) -> Draft:
    lines = dict(draft.body.lines)
    for line_id, quantity, _ in event.units:
        lines[line_id] = replace(lines[line_id], received=lines[line_id].received + quantity)
    receipts = {**draft.body.receipts, event.receipt.id: event.receipt.digest}
    first = min(draft.body.received_at or event.at, event.at)
    return _body(draft, lines=lines, receipts=receipts, received_at=first)


def _lines_removed(draft: Draft, event: LinesRemoved) -> Draft:
    lines = dict(draft.body.lines)
    for line_id, quantity in event.units:
        line = lines[line_id]
        left = max(0, line.requested - quantity)
        lines[line_id] = replace(line, requested=left, authorised=min(line.authorised, left))
    return _body(draft, lines=lines)


_PLACE = {
    Resolution.ACCEPT: "accepted",
    Resolution.REJECT: "rejected",
    Resolution.KEEP: "kept",
    Resolution.EXCHANGE: "exchanged",
    Resolution.REPAIR: "repaired",
}


def _resolve(draft: Draft, event: UnitsResolved) -> Draft:
    lines = dict(draft.body.lines)
    place = _PLACE[event.resolution]
    for line_id, quantity in event.units:
        changed: dict[str, Any] = {place: getattr(lines[line_id], place) + quantity}
        lines[line_id] = replace(lines[line_id], **changed)
    for line_id, minor in event.adjustments:
        lines[line_id] = replace(lines[line_id], adjustment=lines[line_id].adjustment + minor)
    return _body(draft, lines=lines)


def claimed(intent: Intent) -> Amounts:
    """The headroom that an intent needs: its payments, its units with their goods value, its shipping."""
    lines: dict[str, tuple[int, int]] = {}
    for line in intent.lines:
        quantity, minor = lines.get(line.order_line, (0, 0))
        lines[line.order_line] = (quantity + line.quantity, minor + line.minor)
    return Amounts(intent.payments, lines, intent.components.shipping)


def _admitted(draft: Draft, event: IntentAdmitted) -> Draft:
    intent = event.intent
    draft = replace(draft, intents={**draft.intents, intent.id: intent})
    if intent.has_ended:
        return draft
    draft = _body(draft, open_intents={**draft.body.open_intents, intent.id: intent.act})
    if not intent.act.is_money:
        return draft
    ledger = reserve(draft.ordered.ledger, intent.id, claimed(intent), draft.now)
    if intent.state is IntentState.READY:
        ledger = replace(ledger, turn=intent.id)
    draft = _paying(replace(draft, order=replace(draft.ordered, ledger=ledger)), intent, underway=1)
    allowance = draft.allowance.counted(draft.case.id, draft.now)
    if intent.state is not IntentState.AWAITING_APPROVAL:
        allowance = allowance.booked(intent.total)
    return replace(draft, allowance=allowance)


def _paying(draft: Draft, intent: Intent, *, underway: int = 0, done: int = 0) -> Draft:
    """Count the units of a refund as underway or done on the case it belongs to.

    An adjustment goes with the refund; without effect it comes back, whole on one line, for the next refund.
    """
    if intent.case != draft.case.id:
        return draft
    lines = dict(draft.body.lines)
    for part in intent.lines:
        line = lines[part.return_line]
        paying, paid = line.paying + underway * part.quantity, line.paid + done * part.quantity
        adjustment = 0 if underway > 0 else line.adjustment
        lines[part.return_line] = replace(line, paying=paying, paid=paid, adjustment=adjustment)
    if underway < 0 and not done and intent.lines:
        first = intent.lines[0].return_line
        back = lines[first].adjustment + intent.components.adjustment
        lines[first] = replace(lines[first], adjustment=back)
    return _body(draft, lines=lines)


def due_of(state: IntentState, now: datetime) -> datetime | None:
    """When an intent in this state is looked at again if nobody says otherwise; None once it has ended."""
    if state is IntentState.READY:
        return now + WAKE_AFTER
    if state in (IntentState.RESERVED, IntentState.AWAITING_APPROVAL, IntentState.HOLD):
        return now + REMIND_AFTER
    return None


_APPROVALS = (IntentVerb.APPROVE, IntentVerb.APPROVE_AND_WAIT)


def _intent_moved(draft: Draft, event: IntentMoved) -> Draft:
    before = draft.intents[IntentId(event.intent)]
    after = move(before, event.verb, why=event.why, reference=event.reference or before.reference)
    changes: dict[str, Any] = {"due": due_of(after.state, draft.now)}
    if event.verb in (*_APPROVALS, IntentVerb.RETRY):
        changes["approved_by"] = event.by
    if event.verb in (IntentVerb.ABSENT, IntentVerb.RETRY):
        # By proof, or by a person who has looked: what came back from a backup may be sent in the epoch of today.
        changes["epoch"] = draft.control.epoch
    if event.verb is IntentVerb.RESTORE:
        changes |= {"due": draft.now, "attempt": restored(before, draft.ordered.ledger.refunds, draft.now)}
    after = replace(after, **changes)
    draft = replace(draft, intents={**draft.intents, after.id: after})
    if after.act.is_money:
        draft = _money_moved(draft, after)
        if before.state is IntentState.AWAITING_APPROVAL and event.verb in _APPROVALS:
            draft = replace(draft, allowance=draft.allowance.booked(after.total))
    if after.has_ended and after.case == draft.case.id:
        remaining = {key: act for key, act in draft.body.open_intents.items() if key != after.id}
        draft = _body(draft, open_intents=remaining)
    return draft


def _money_moved(draft: Draft, intent: Intent) -> Draft:
    ledger = draft.ordered.ledger
    match intent.state:
        case IntentState.READY:
            ledger = replace(ledger, turn=intent.id)
        case IntentState.UNKNOWN if ledger.turn is None:
            ledger = replace(ledger, turn=intent.id)
        case IntentState.SETTLED:
            ledger = settle(_passed_on(draft, intent), intent.id, intent.reference)
            draft = _paying(draft, intent, underway=-1, done=1)
            due = draft.ordered.due or draft.now + orders.COMPARE_AFTER
            draft = replace(draft, order=replace(draft.ordered, due=due))
        case IntentState.DECLINED | IntentState.CANCELLED:
            # A refund of ours that failed is nobody's: it must not be taken for other hands' when the turn ends.
            ledger = release(forget_failed(_passed_on(draft, intent), frozenset({intent.reference})), intent.id)
            draft = _paying(draft, intent, underway=-1)
        case _:
            return draft
    return replace(draft, order=replace(draft.ordered, ledger=ledger))


def _passed_on(draft: Draft, intent: Intent) -> Ledger:
    """The ledger in which the turn of an intent that ends is the oldest one's of which nobody knows what it did.

    After a restore there may be several of these: until each is found or proven absent, a refund may be any one's.
    """
    ledger = draft.ordered.ledger
    lost = [i for i in draft.intents.values() if i.act.is_money and i.state is IntentState.UNKNOWN]
    if ledger.turn != intent.id or not lost:
        return ledger
    return replace(ledger, turn=min(lost, key=lambda i: (i.created_at, i.id)).id)


def _differing(draft: Draft, event: DifferenceFound) -> Draft:
    """Nothing more is paid on an order whose books differ."""
    found_at = draft.case.body.found_at if isinstance(draft.case.body, Difference) else draft.now
    draft = _head(draft, body=Difference(event.currency, event.entries, found_at))
    return replace(draft, order=replace(draft.ordered, frozen=draft.ordered.frozen or orders.BOOKS_DIFFER))


def _agreeing(draft: Draft, event: DifferenceClosed) -> Draft:
    if not isinstance(draft.case.body, Difference):
        raise TypeError(f"case {draft.case.id} is a {draft.case.kind}, not a difference")
    draft = _head(draft, body=replace(draft.case.body, closed=event.reason, by=event.by))
    frozen = "" if draft.ordered.frozen == orders.BOOKS_DIFFER else draft.ordered.frozen
    return replace(draft, order=replace(draft.ordered, frozen=frozen))


def _overridden(draft: Draft, event: DisputesOverridden) -> Draft:
    known = draft.ordered.overridden
    return replace(draft, order=replace(draft.ordered, overridden=known | frozenset(event.disputes)))


_EVOLVE: Mapping[type[Event], Callable[[Draft, Any], Draft]] = {
    CaseOpened: _opened,
    CaseNamed: _named,
    CaseMarked: _marked,
    CaseUnmarked: _unmarked,
    OrderRead: _order_read,
    ReturnRead: _return_read,
    ReturnAuthorised: _authorised,
    ReturnDeclined: _ended(ChannelStatus.DECLINED),
    ReturnCancelled: _ended(ChannelStatus.CANCELLED),
    ReturnClosed: _ended(ChannelStatus.CLOSED),
    ReturnReopened: _reopened,
    ParcelReceived: _parcel,
    ParcelIdentified: _identified,
    UnitsResolved: _resolve,
    LinesRemoved: _lines_removed,
    DifferenceFound: _differing,
    DifferenceClosed: _agreeing,
    DisputesOverridden: _overridden,
    IntentAdmitted: _admitted,
    IntentMoved: _intent_moved,
}
