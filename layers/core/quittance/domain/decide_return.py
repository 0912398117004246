"""What follows for a return when the channel is read, a parcel arrives or a rule may act alone.

Refuses to decide by another channel's policy, and to let a rule do more than its limit.
"""

from __future__ import annotations

from collections.abc import Iterable

from quittance.domain import obligations, refund
from quittance.domain.account import Mode
from quittance.domain.draft import LATE_PARCEL, Draft
from quittance.domain.events import (
    DecisionTaken,
    DeficitFound,
    ForeignRefundSeen,
    IntentAdmitted,
    IntentMoved,
    LinesRemoved,
    OrderRead,
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
from quittance.domain.intent import Act, Intent, IntentLine, IntentState, IntentVerb
from quittance.domain.ledger import FOREIGN
from quittance.domain.money import share_of
from quittance.domain.observations import (
    ChannelStatus,
    Condition,
    MoneyStatus,
    OrderReading,
    Receipt,
    ReturnReading,
)
from quittance.domain.policy import DecidedBy, Policy
from quittance.domain.return_request import ReturnState, ReturnVerb, place
from quittance.domain.values import replace


def read_order(draft: Draft, reading: OrderReading) -> Draft:
    """Take a reading of the order in: foreign refunds, deficits, disputes, and refunds of ours that failed later."""
    before = draft.ordered
    if before.version and reading.as_of < before.as_of:
        return draft
    draft = _order_taken_in(draft, reading)
    for refund_id, seen in draft.ordered.ledger.refunds.items():
        known = before.ledger.refunds.get(refund_id)
        if seen.owner == FOREIGN and (known is None or known.owner != FOREIGN):
            draft = draft.record(ForeignRefundSeen(refund_id, seen.amounts.total, draft.ordered.currency))
    draft = _reversals(draft, reading)
    for value in reading.unrecognised:
        draft = draft.marked(f"unrecognised:{value}")
    deficit = draft.ordered.ledger.deficit
    return hold_on_deficit(draft, is_news=deficit > before.ledger.deficit)


def _order_taken_in(draft: Draft, reading: OrderReading) -> Draft:
    """The draft after the reading, or as it was where the reading shows nothing new but its time."""
    before = draft.ordered
    after = draft.record(OrderRead(reading))
    is_same = replace(after.ordered, as_of=before.as_of) == before and after.case == draft.case
    return draft if before.version and is_same else after


def _reversals(draft: Draft, reading: OrderReading) -> Draft:
    """A refund of ours whose transaction failed after it had settled is reversed; headroom stays taken."""
    for seen in reading.refunds:
        owner = draft.ordered.ledger.refunds.get(seen.id)
        intent = draft.intents.get(IntentId(owner.owner)) if owner else None
        if seen.status is MoneyStatus.FAILED and intent is not None and intent.state is IntentState.SETTLED:
            moved = IntentMoved(intent.id, IntentVerb.REVERSE, "channel", "transaction_failed")
            draft = draft.record(moved).marked("refund_reversed")
    return draft


_STOPPABLE = (IntentState.RESERVED, IntentState.AWAITING_APPROVAL, IntentState.READY)


def hold_on_deficit(draft: Draft, *, is_news: bool = False) -> Draft:
    """Hold every refund of the order that has not left yet while more was paid or promised than was captured."""
    deficit = draft.ordered.ledger.deficit
    waiting = [i for i in draft.intents.values() if i.act.is_money and i.state in _STOPPABLE]
    if not deficit or not (waiting or is_news):
        return draft
    if not any(isinstance(event, DeficitFound) for event in draft.events):
        draft = draft.record(DeficitFound(deficit, draft.ordered.currency)).marked("deficit")
    for intent in sorted(waiting, key=lambda i: i.id):
        draft = draft.record(IntentMoved(intent.id, IntentVerb.HOLD, "rule", "deficit"))
    return draft


def _has_ended_refund(draft: Draft) -> bool:
    """Say whether a refund ends in this draft, which books as foreign what nobody owned until then."""
    moved = [draft.intents[IntentId(e.intent)] for e in draft.events if isinstance(e, IntentMoved)]
    return any(intent.has_ended and intent.act.is_money for intent in moved)


def read_return(draft: Draft, reading: ReturnReading) -> Draft:
    """Take a reading of the return in; an older one than the last, or one without news, changes nothing."""
    body = draft.body
    if draft.case.version and reading.as_of < body.as_of:
        return draft
    if reading.status is ChannelStatus.UNRECOGNISED:
        return _names(draft, reading).marked("unrecognised:status")
    before = body.status if draft.case.version else ChannelStatus.REQUESTED
    after = _names(draft.record(ReturnRead(reading)), reading)
    for value in reading.unrecognised:
        after = after.marked(f"unrecognised:{value}")
    after = _status_changed(after, before, reading)
    is_same = replace(after.case, body=replace(after.body, as_of=body.as_of)) == draft.case
    return draft if draft.case.version and is_same else after


def _names(draft: Draft, reading: ReturnReading) -> Draft:
    seen = {("tracking", number) for number in reading.tracking}
    if reading.rma:
        seen.add(("rma", reading.rma))
    return draft.named(seen)


def _status_changed(draft: Draft, before: ChannelStatus, reading: ReturnReading) -> Draft:
    if reading.status is before:
        return draft
    match reading.status:
        case ChannelStatus.OPEN if before in (ChannelStatus.CLOSED, ChannelStatus.CANCELLED):
            return draft.record(ReturnReopened("channel"))
        case ChannelStatus.OPEN:
            return draft.record(ReturnAuthorised("channel", reading.as_of))
        case ChannelStatus.CLOSED:
            return draft.record(ReturnClosed("channel"))
        case _:
            return _refused_outside(draft, reading.status)


def _refused_outside(draft: Draft, status: ChannelStatus) -> Draft:
    if status is ChannelStatus.DECLINED:
        return stop_intents(draft.record(ReturnDeclined("channel")), "declined")
    if status is ChannelStatus.CANCELLED:
        return stop_intents(draft.record(ReturnCancelled("buyer")), "buyer_cancelled")
    return draft


def stop_intents(draft: Draft, why: str) -> Draft:
    """Cancel what has not left the house yet; what may have left is settled by looking back."""
    for intent_id in sorted(draft.body.open_intents):
        if draft.intents[intent_id].state in _STOPPABLE:
            draft = draft.record(IntentMoved(intent_id, IntentVerb.CANCEL, "rule", why))
    return refund.take_turn(draft)


def receive(draft: Draft, receipt: Receipt, policy: Policy) -> Draft:
    """Take a parcel in: place its units on lines, decide by their condition where the policy does so alone.

    The same report again changes nothing; the same receipt with other content marks the case. Where the return was
    declined or cancelled, or the account observes, a person decides. Raises Rejected(WRONG_CHANNEL).
    """
    policy.serves(draft.case.channel)
    known = draft.body.receipts.get(receipt.id)
    if known == receipt.digest:
        return draft
    if known is not None:
        return draft.marked("receipt_contradicted")
    draft.body.permit(ReturnVerb.RECEIVE)
    if draft.body.state.is_final:
        draft = draft.record(ReturnReopened(LATE_PARCEL)).marked(LATE_PARCEL)
    placed, surplus = place(draft.body, receipt.units)
    units = tuple((line, found.quantity, found.condition) for line, parts in placed.items() for found in parts)
    rest = tuple((found.sku, found.quantity, found.condition) for found in surplus)
    draft = draft.record(ParcelReceived(receipt, units, rest, receipt.received_at))
    if rest:
        draft = draft.marked("surplus_in_parcel")
    return _decide_units(draft, units, policy)


def _decide_units(draft: Draft, units: Iterable[tuple[str, int, Condition]], policy: Policy) -> Draft:
    refused = draft.body.status in (ChannelStatus.DECLINED, ChannelStatus.CANCELLED)
    if refused or draft.control.mode is Mode.OBSERVE:
        return draft
    resolutions = {Resolution.ACCEPT: policy.terms.accept_conditions, Resolution.REJECT: policy.terms.reject_conditions}
    for resolution, conditions in resolutions.items():
        counted: dict[str, int] = {}
        for line_id, quantity, condition in units:
            if condition in conditions:
                counted[line_id] = counted.get(line_id, 0) + quantity
        if counted:
            rule = policy.rule(f"receipt.{resolution.value}")
            draft = draft.record(UnitsResolved(resolution, tuple(sorted(counted.items())), "rule", rule, "condition"))
    return draft


def follow_up(draft: Draft, policy: Policy, by: str = "rule") -> Draft:
    """Do what the policy does alone now: authorise, refund, close; then keep the deadlines.

    Every reading, receipt and command ends here, whatever it was.
    """
    policy.serves(draft.case.channel)
    draft = _without_past_routes(draft, policy)
    if draft.ordered.is_marketplaces:
        return obligations.keep(draft, policy)
    draft = _authorise_alone(draft, policy)
    draft = hold_on_deficit(draft, is_news=_has_ended_refund(draft))
    if draft.body.status in (ChannelStatus.OPEN, ChannelStatus.CLOSED):
        draft = refund.admit(draft, policy, by)
    elif any(line.payable for line in draft.body.lines.values()) and draft.body.status is not ChannelStatus.REQUESTED:
        # The channel pays nothing back on a return it calls over; only a person can bring both together.
        draft = draft.marked(refund.BLOCKED)
    draft = refund.take_turn(draft)
    draft = _close_alone(draft, policy)
    return obligations.keep(draft, policy)


def value(draft: Draft) -> int:
    """What all requested units cost, in minor units of the order's currency."""
    total = 0
    for line in draft.body.lines.values():
        sold = draft.ordered.ledger.lines.get(line.order_line)
        if sold is not None and sold.quantity:
            total += share_of(sold.total, 0, min(line.requested, sold.quantity), sold.quantity)
    return total


def _authorise_alone(draft: Draft, policy: Policy) -> Draft:
    body, terms = draft.body, policy.terms
    if body.state is not ReturnState.REQUESTED or draft.control.mode is Mode.OBSERVE:
        return draft
    if not is_inside(draft, policy):
        return draft.marked("outside_window")
    small = terms.authorise_alone_up_to
    alone = terms.decided_by is DecidedBy.RULE and small.currency == draft.ordered.currency
    if not alone or not _is_clear(draft) or value(draft) > small.minor or _is_decided(draft, Act.APPROVE_RETURN):
        return draft
    rule = policy.rule("returns.authorise_alone_up_to")
    draft = draft.record(DecisionTaken("authorise", "rule", rule, "inside_window"))
    return tell(draft, policy, Act.APPROVE_RETURN, rule)


def _is_clear(draft: Draft) -> bool:
    """Say whether a rule may judge the request: its lines are known, read whole, and no approval came back refused."""
    sold = draft.ordered.ledger.lines
    known = bool(draft.body.lines) and all(line.order_line in sold for line in draft.body.lines.values())
    doubts = (f"{Act.APPROVE_RETURN.value}:", "unrecognised:")
    return known and not any(mark.startswith(doubts) for mark in draft.case.marks)


def is_inside(draft: Draft, policy: Policy) -> bool:
    """Say whether the request came in time, by the law or by the merchant's own window."""
    body = draft.body
    lawful = policy.withdrawal(body.country, body.delivered_at, body.requested_at) is not None
    return lawful or policy.is_inside_window(body.delivered_at, body.requested_at)


def _is_decided(draft: Draft, act: Act) -> bool:
    """Say whether a decision of this kind stands that leaves no open intent: one in shadow, or for other hands."""
    shadowed = any(
        i.state is IntentState.SHADOWED and i.act is act and i.case == draft.case.id for i in draft.intents.values()
    )
    return shadowed or refund.elsewhere(act) in draft.case.marks


def _without_past_routes(draft: Draft, policy: Policy) -> Draft:
    """Take the marks away of acts that other hands have carried out, or that are ours again."""
    if not draft.case.marks:
        return draft
    for act in Act:
        mark = refund.elsewhere(act)
        if mark in draft.case.marks and (policy.bounds.is_ours(act) or not _is_pending(draft, policy, act)):
            draft = draft.unmarked(mark)
    return draft


def _is_pending(draft: Draft, policy: Policy, act: Act) -> bool:
    """Say whether the channel does not show yet what somebody else has to carry out."""
    match act:
        case Act.REFUND:
            return refund.is_owing(draft, policy)
        case Act.APPROVE_RETURN | Act.DECLINE_RETURN:
            return draft.body.status is ChannelStatus.REQUESTED
        case Act.CANCEL_RETURN:
            return draft.body.status in (ChannelStatus.REQUESTED, ChannelStatus.OPEN)
        case Act.CLOSE_RETURN | Act.REMOVE_LINES:
            return draft.body.status is ChannelStatus.OPEN


def tell(
    draft: Draft,
    policy: Policy,
    act: Act,
    rule: str,
    by: str = "rule",
    reason: str = "rule",
    *,
    units: Iterable[IntentLine] = (),
    text: str = "",
) -> Draft:
    """Admit an intent without money that tells the channel what was decided; where others tell it, mark the case."""
    if not policy.bounds.is_ours(act):
        return draft.marked(refund.elsewhere(act))
    intent = refund.blank(draft, act, by, reason, rule, IntentState.READY)
    return draft.record(IntentAdmitted(replace(intent, lines=tuple(units), text=text)))


def _close_alone(draft: Draft, policy: Policy) -> Draft:
    body, terms = draft.body, policy.terms
    paid = any(line.paid for line in body.lines.values())
    ready = body.state is ReturnState.RESOLVED and paid and body.status is ChannelStatus.OPEN
    closing = Act.CLOSE_RETURN in body.open_intents.values() or _is_decided(draft, Act.CLOSE_RETURN)
    if not (terms.close_after_refund and ready) or closing or draft.case.marks or draft.control.mode is Mode.OBSERVE:
        return draft
    return tell(draft, policy, Act.CLOSE_RETURN, policy.rule("close.after_refund"), reason="refunded")


def settled(draft: Draft, intent: Intent) -> Draft:
    """What a settled act without money means for its case; nothing, where a reading has shown it or more already."""
    status, by = draft.body.status, intent.requested_by
    match intent.act:
        case Act.APPROVE_RETURN if status is ChannelStatus.REQUESTED:
            return draft.record(ReturnAuthorised(by, draft.now))
        case Act.DECLINE_RETURN if status is ChannelStatus.REQUESTED:
            return draft.record(ReturnDeclined(by))
        case Act.CLOSE_RETURN if status is ChannelStatus.OPEN or draft.body.late_parcel:
            return draft.record(ReturnClosed(by))
        case Act.CANCEL_RETURN if status in (ChannelStatus.REQUESTED, ChannelStatus.OPEN):
            return draft.record(ReturnCancelled(by))
        case Act.REMOVE_LINES if not _was_read_since(draft, intent):
            return draft.record(LinesRemoved(tuple(sorted(intent.quantities().items()))))
        case _:
            return draft


def _was_read_since(draft: Draft, intent: Intent) -> bool:
    """Say whether the last reading began after the last send, so that it shows the lines without what was removed."""
    sent_at = intent.attempt.last_sent_at
    return sent_at is not None and draft.body.as_of > sent_at
