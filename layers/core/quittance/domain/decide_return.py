"""What follows for a return when the channel is read, a parcel arrives or a rule may act alone.

Refuses to decide by another channel's policy, and to let a rule do more than its limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from quittance.domain import obligations, refund
from quittance.domain.account import Mode
from quittance.domain.draft import Draft
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


def read_order(draft: Draft, reading: OrderReading) -> Draft:
    """Take a reading of the order in: foreign refunds, deficits, disputes, and refunds of ours that failed later."""
    before = draft.ordered
    if before.version and reading.as_of < before.as_of:
        return draft
    draft = draft.record(OrderRead(reading))
    for refund_id, seen in draft.ordered.ledger.refunds.items():
        if seen.owner == FOREIGN and refund_id not in before.ledger.refunds:
            draft = draft.record(ForeignRefundSeen(refund_id, seen.amounts.total, draft.ordered.currency))
    draft = _reversals(draft, reading)
    deficit = draft.ordered.ledger.deficit
    if deficit > before.ledger.deficit:
        draft = draft.record(DeficitFound(deficit, draft.ordered.currency)).marked("deficit")
    for value in reading.unrecognised:
        draft = draft.marked(f"unrecognised:{value}")
    return _hold_on_deficit(draft) if deficit else draft


def _reversals(draft: Draft, reading: OrderReading) -> Draft:
    """A refund of ours whose transaction failed after it had settled is reversed; headroom stays taken."""
    for seen in reading.refunds:
        owner = draft.ordered.ledger.refunds.get(seen.id)
        intent = draft.intents.get(IntentId(owner.owner)) if owner else None
        if seen.status is MoneyStatus.FAILED and intent is not None and intent.state is IntentState.SETTLED:
            moved = IntentMoved(intent.id, IntentVerb.REVERSE, "channel", "transaction_failed")
            draft = draft.record(moved).marked("refund_reversed")
    return draft


def _hold_on_deficit(draft: Draft) -> Draft:
    waiting = (IntentState.RESERVED, IntentState.AWAITING_APPROVAL, IntentState.READY)
    for intent in sorted(draft.intents.values(), key=lambda i: i.id):
        if intent.act.is_money and intent.state in waiting:
            draft = draft.record(IntentMoved(intent.id, IntentVerb.HOLD, "rule", "deficit"))
    return draft


def read_return(draft: Draft, reading: ReturnReading) -> Draft:
    """Take a reading of the return in; an older one than the last changes nothing."""
    body = draft.body
    if draft.case.version and reading.as_of < body.as_of:
        return draft
    if reading.status is ChannelStatus.UNRECOGNISED:
        return _names(draft, reading).marked("unrecognised:status")
    before = body.status if draft.case.version else ChannelStatus.REQUESTED
    draft = _names(draft.record(ReturnRead(reading)), reading)
    for value in reading.unrecognised:
        draft = draft.marked(f"unrecognised:{value}")
    return _status_changed(draft, before, reading)


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
        case ChannelStatus.DECLINED:
            return draft.record(ReturnDeclined("channel"))
        case ChannelStatus.CANCELLED:
            return stop_intents(draft.record(ReturnCancelled("buyer")), "buyer_cancelled")
        case ChannelStatus.CLOSED:
            return draft.record(ReturnClosed("channel"))
        case _:
            return draft


def stop_intents(draft: Draft, why: str) -> Draft:
    """Cancel what has not left the house yet; what may have left is settled by looking back."""
    stoppable = (IntentState.RESERVED, IntentState.AWAITING_APPROVAL, IntentState.READY)
    for intent_id in sorted(draft.body.open_intents):
        if draft.intents[intent_id].state in stoppable:
            draft = draft.record(IntentMoved(intent_id, IntentVerb.CANCEL, "rule", why))
    return refund.take_turn(draft)


def receive(draft: Draft, receipt: Receipt, policy: Policy) -> Draft:
    """Take a parcel in: place its units on lines, decide by their condition where the policy does so alone.

    The same report again changes nothing; the same receipt with other content marks the case.
    """
    known = draft.body.receipts.get(receipt.id)
    if known == receipt.digest:
        return draft
    if known is not None:
        return draft.marked("receipt_contradicted")
    draft.body.permit(ReturnVerb.RECEIVE)
    if draft.body.state.is_final:
        draft = draft.record(ReturnReopened("late_parcel")).marked("late_parcel")
    placed, surplus = place(draft.body, receipt.units)
    units = tuple((line, found.quantity, found.condition) for line, parts in placed.items() for found in parts)
    rest = tuple((found.sku, found.quantity, found.condition) for found in surplus)
    draft = draft.record(ParcelReceived(receipt, units, rest, receipt.received_at))
    if rest:
        draft = draft.marked("surplus_in_parcel")
    return _decide_units(draft, units, policy)


def _decide_units(draft: Draft, units: Iterable[tuple[str, int, Condition]], policy: Policy) -> Draft:
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
    draft = _authorise_alone(draft, policy)
    if draft.body.status in (ChannelStatus.OPEN, ChannelStatus.CLOSED):
        draft = refund.admit(draft, policy, by)
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
    if not alone or value(draft) > small.minor or is_shadowed(draft, Act.APPROVE_RETURN):
        return draft
    rule = policy.rule("returns.authorise_alone_up_to")
    return tell(draft.record(DecisionTaken("authorise", "rule", rule, "inside_window")), Act.APPROVE_RETURN, rule)


def is_inside(draft: Draft, policy: Policy) -> bool:
    """Say whether the request came in time, by the law or by the merchant's own window."""
    body = draft.body
    lawful = policy.withdrawal(body.country, body.delivered_at, body.requested_at) is not None
    return lawful or policy.is_inside_window(body.delivered_at, body.requested_at)


def is_shadowed(draft: Draft, act: Act) -> bool:
    """Say whether a shadow decision of this kind exists for the case, so that it is made once."""
    return any(
        i.state is IntentState.SHADOWED and i.act is act and i.case == draft.case.id for i in draft.intents.values()
    )


def tell(
    draft: Draft,
    act: Act,
    rule: str,
    by: str = "rule",
    reason: str = "rule",
    *,
    units: Iterable[IntentLine] = (),
    text: str = "",
) -> Draft:
    """Admit an intent without money that tells the channel what was decided."""
    intent = refund.blank(draft, act, by, reason, rule, IntentState.READY)
    return draft.record(IntentAdmitted(replace(intent, lines=tuple(units), text=text)))


def _close_alone(draft: Draft, policy: Policy) -> Draft:
    body, terms = draft.body, policy.terms
    paid = any(line.paid for line in body.lines.values())
    ready = body.state is ReturnState.RESOLVED and paid and body.status is ChannelStatus.OPEN
    closing = Act.CLOSE_RETURN in body.open_intents.values() or is_shadowed(draft, Act.CLOSE_RETURN)
    if not (terms.close_after_refund and ready) or closing or draft.case.marks or draft.control.mode is Mode.OBSERVE:
        return draft
    return tell(draft, Act.CLOSE_RETURN, policy.rule("close.after_refund"), reason="refunded")


def settled(draft: Draft, intent: Intent) -> Draft:
    """What a settled act without money means for its case; the reading that follows confirms it."""
    match intent.act:
        case Act.APPROVE_RETURN:
            return draft.record(ReturnAuthorised(intent.requested_by, draft.now))
        case Act.DECLINE_RETURN:
            return draft.record(ReturnDeclined(intent.requested_by))
        case Act.CLOSE_RETURN:
            return draft.record(ReturnClosed(intent.requested_by))
        case Act.CANCEL_RETURN:
            return draft.record(ReturnCancelled(intent.requested_by))
        case Act.REMOVE_LINES:
            return draft.record(LinesRemoved(tuple(sorted(intent.quantities().items()))))
        case _:
            return draft
