"""What a person's command does to a case: decisions on the request, on units, on intents, deadlines and marks.

Refuses what the state, the policy or the alias does not allow, naming the rule; then nothing is written at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from quittance.domain import decide_return, obligations, refund
from quittance.domain.account import Mode
from quittance.domain.command import RETURN_VERBS, Command, CommandName, authorise
from quittance.domain.difference import Difference
from quittance.domain.draft import Draft
from quittance.domain.errors import Rejected
from quittance.domain.events import (
    CaseUnmarked,
    DeadlineWaived,
    DecisionTaken,
    DifferenceClosed,
    DisputesOverridden,
    IntentMoved,
    RefundSettled,
    Resolution,
    TaskOpened,
    UnitsResolved,
)
from quittance.domain.feed_batch import NOT_OVER
from quittance.domain.ids import IntentId
from quittance.domain.intent import Act, Intent, IntentLine, IntentState, IntentVerb
from quittance.domain.money import share_of
from quittance.domain.policy import Policy
from quittance.domain.return_request import ReturnRequest, ReturnVerb, check_units
from quittance.domain.values import replace

_RESOLUTIONS: Mapping[CommandName, Resolution] = {
    CommandName.ACCEPT_LINES: Resolution.ACCEPT,
    CommandName.REJECT_LINES: Resolution.REJECT,
    CommandName.KEEP_LINES: Resolution.KEEP,
    CommandName.EXCHANGE_LINES: Resolution.EXCHANGE,
    CommandName.REPAIR_LINES: Resolution.REPAIR,
}


def decide(draft: Draft, command: Command, policy: Policy) -> Draft:
    """Carry a command out on the draft of a case; raises Rejected with the code, the field and the fix."""
    authorise(command)
    policy.serves(draft.case.channel)
    if draft.control.mode is Mode.OBSERVE and command.name not in _ALWAYS:
        raise Rejected("ACCOUNT_OBSERVES", "account", "set the account to shadow or live before deciding here")
    if draft.order is not None and draft.order.is_marketplaces and command.name not in _ALWAYS:
        raise Rejected("MARKETPLACE_FULFILLED", "order", f"{draft.case.channel} ships and pays it back; watch it there")
    if command.override:
        policy.override(command.actor.alias, command.reason)
    if command.name in RETURN_VERBS:
        if not isinstance(draft.case.body, ReturnRequest):
            raise Rejected("NOT_A_RETURN", "case", f"{command.name} decides a return; this case is a {draft.case.kind}")
        draft.body.permit(RETURN_VERBS[command.name])
    draft = _DECISIONS[command.name](draft, command, policy)
    return _finish(draft, policy, command.actor.alias)


def _finish(draft: Draft, policy: Policy, alias: str) -> Draft:
    if draft.order is None or isinstance(draft.case.body, Difference):
        return obligations.keep(draft, policy)
    return decide_return.follow_up(draft, policy, alias)


def _authorise(draft: Draft, command: Command, policy: Policy) -> Draft:
    rule = policy.rule("returns.window_days")
    if not decide_return.is_inside(draft, policy) and not command.override:
        raise Rejected("OUTSIDE_WINDOW", "override", f"{rule} has passed; an approver may override with a reason")
    taken = DecisionTaken("authorise", command.actor.alias, rule, command.reason, command.override)
    draft = draft.record(taken).unmarked("outside_window")
    return decide_return.tell(draft, policy, Act.APPROVE_RETURN, rule, command.actor.alias, command.reason or "decided")


def _decline(draft: Draft, command: Command, policy: Policy) -> Draft:
    rule = policy.rule("decline.reasons")
    _listed(command.reason, policy.terms.decline_reasons, rule)
    law = policy.withdrawal(draft.body.country, draft.body.delivered_at, draft.body.requested_at)
    if law is not None and not command.override:
        raise Rejected("BELOW_LAW", "reason", f"{policy.law_rule(law)} gives the buyer this return; authorise it")
    taken = DecisionTaken("decline", command.actor.alias, rule, command.reason, command.override)
    draft = draft.record(taken).unmarked("outside_window")
    text = command.comment
    return decide_return.tell(draft, policy, Act.DECLINE_RETURN, rule, command.actor.alias, command.reason, text=text)


def _listed(reason: str, allowed: frozenset[str], rule: str) -> None:
    if reason not in allowed:
        raise Rejected("REASON_NOT_LISTED", "reason", f"{rule} allows {', '.join(sorted(allowed)) or 'none'}")


def _resolve(draft: Draft, command: Command, policy: Policy) -> Draft:
    resolution = _RESOLUTIONS[command.name]
    rule = policy.rule(f"returns.resolutions.{resolution.value}")
    if resolution.value not in policy.terms.resolutions:
        raise Rejected("NOT_OFFERED", "command", f"{rule} is not offered in this store")
    if not command.reason:
        raise Rejected("MISSING", "reason", "give the reason of the decision")
    if command.amounts and resolution not in (Resolution.ACCEPT, Resolution.KEEP):
        raise Rejected("BAD_AMOUNT", "lines", f"{command.name} pays nothing back; give no amount")
    if resolution is Resolution.KEEP:
        _not_underway(draft, Act.REMOVE_LINES, Act.CANCEL_RETURN)
    check_units(draft.body, RETURN_VERBS[command.name], command.lines)
    adjustments = tuple(sorted(_adjustments(draft, command).items()))
    units = tuple(sorted(command.lines.items()))
    draft = draft.record(UnitsResolved(resolution, units, command.actor.alias, rule, command.reason, adjustments))
    if resolution in (Resolution.EXCHANGE, Resolution.REPAIR):
        draft = draft.record(TaskOpened(resolution.value, units)).marked(f"task:{resolution.value}")
    return draft


def _not_underway(draft: Draft, *acts: Act) -> None:
    """Raise Rejected(UNDERWAY) while the channel is being told something that this command would contradict."""
    found = [act for act in acts if act in draft.body.open_intents.values()]
    if found:
        raise Rejected("UNDERWAY", "command", f"{found[0].value} is underway; wait until it has ended")


def _adjustments(draft: Draft, command: Command) -> dict[str, int]:
    """What a person's amount takes off or adds to what the units come to; never above the line's headroom."""
    changed: dict[str, int] = {}
    for line_id, amount in command.amounts.items():
        line = draft.body.lines[line_id]
        sold = draft.ordered.ledger.lines.get(line.order_line)
        if sold is None:
            raise Rejected("UNKNOWN_LINE", f"lines.{line_id}", "the order has no such line")
        done, paid = draft.ordered.ledger.taken(line.order_line)
        done = min(done + line.payable, sold.quantity)
        full = share_of(sold.total, done, min(command.lines[line_id], sold.quantity - done), sold.quantity)
        if amount > min(full, sold.total - paid):
            raise Rejected("OVER_HEADROOM", f"lines.{line_id}.amount", f"at most {min(full, sold.total - paid)}")
        changed[line_id] = amount - full
    return changed


def _remove(draft: Draft, command: Command, policy: Policy) -> Draft:
    _not_underway(draft, Act.REMOVE_LINES, Act.CANCEL_RETURN)
    check_units(draft.body, ReturnVerb.REMOVE, command.lines)
    lines = draft.body.lines
    units = [IntentLine(key, lines[key].order_line, quantity) for key, quantity in sorted(command.lines.items())]
    rule, by = policy.rule("returns.remove"), command.actor.alias
    draft = draft.record(DecisionTaken("remove", by, rule, command.reason))
    return decide_return.tell(draft, policy, Act.REMOVE_LINES, rule, by, command.reason or "decided", units=units)


def _close(draft: Draft, command: Command, policy: Policy) -> Draft:
    rule = policy.rule("close.reasons")
    _listed(command.reason, policy.terms.close_reasons, rule)
    if not command.comment.strip():
        raise Rejected("MISSING", "comment", "closing needs a comment for the buyer")
    _not_underway(draft, Act.CLOSE_RETURN, Act.CANCEL_RETURN)
    if obligations.is_owing(draft.case):
        raise Rejected("MONEY_OWED", "command", "a refund is owed or underway; let it end before closing")
    by = command.actor.alias
    draft = draft.record(DecisionTaken("close", by, rule, command.reason))
    return decide_return.tell(draft, policy, Act.CLOSE_RETURN, rule, by, command.reason, text=command.comment)


def _cancel(draft: Draft, command: Command, policy: Policy) -> Draft:
    if not command.reason:
        raise Rejected("MISSING", "reason", "give the reason of the decision")
    _not_underway(draft, Act.CANCEL_RETURN, Act.CLOSE_RETURN)
    rule, by = policy.rule("returns.cancel"), command.actor.alias
    draft = draft.record(DecisionTaken("cancel", by, rule, command.reason))
    draft = decide_return.stop_intents(draft, "cancelled")
    return decide_return.tell(draft, policy, Act.CANCEL_RETURN, rule, by, command.reason)


def _intent(draft: Draft, command: Command) -> Intent:
    intent = draft.intents.get(IntentId(command.target))
    if intent is None or intent.case != draft.case.id:
        raise Rejected("UNKNOWN_INTENT", "target", "name an intent of this case")
    return intent


def _approve_intent(draft: Draft, command: Command, _: Policy) -> Draft:
    intent, by = _intent(draft, command), command.actor.alias
    _another_person(intent, by)
    _undisputed(draft, intent)
    verb = IntentVerb.APPROVE_AND_WAIT if refund.is_busy(draft) else IntentVerb.APPROVE
    return draft.record(IntentMoved(intent.id, verb, by, "approved"))


def _another_person(intent: Intent, by: str) -> None:
    if by == intent.requested_by:
        raise Rejected("SAME_PERSON", "command", "another approver has to agree to what came through this alias")


def _undisputed(draft: Draft, intent: Intent) -> None:
    if intent.act.is_money and draft.ordered.blocking:
        named = ", ".join(sorted(draft.ordered.blocking))
        raise Rejected("DISPUTE_OPEN", "target", f"{named} is open; give OverrideDispute with a reason, or refuse it")


def _refuse_intent(draft: Draft, command: Command, _: Policy) -> Draft:
    intent = _intent(draft, command)
    if not command.reason:
        raise Rejected("MISSING", "reason", "give the reason of the refusal")
    if intent.state is IntentState.HOLD:
        raise Rejected("HELD", "target", "it may have had its effect; answer the hold with what the channel shows")
    moved = IntentMoved(intent.id, IntentVerb.CANCEL, command.actor.alias, "refused")
    return draft.record(moved).marked(refund.REFUSED if intent.act.is_money else f"{intent.act.value}:refused")


def _settle_hold(draft: Draft, command: Command, _: Policy) -> Draft:
    """A person has seen the effect at the channel and names it."""
    intent, by = _held(draft, command), command.actor.alias
    if not command.reference:
        raise Rejected("MISSING", "reference", "give the channel's id of the refund that you have seen")
    draft = draft.record(IntentMoved(intent.id, IntentVerb.SETTLE, by, "seen_by_person", command.reference))
    if intent.act.is_money:
        units = tuple(sorted(intent.quantities().items()))
        return draft.record(RefundSettled(intent.id, command.reference, intent.total, intent.currency, units))
    return decide_return.settled(draft, intent)


def _held(draft: Draft, command: Command) -> Intent:
    intent = _intent(draft, command)
    if intent.state is not IntentState.HOLD:
        raise Rejected("NOT_HELD", "target", f"the intent is {intent.state.value}; only HOLD waits for an answer")
    return intent


def _retry_hold(draft: Draft, command: Command, _: Policy) -> Draft:
    intent = _held(draft, command)
    _another_person(intent, command.actor.alias)
    _undisputed(draft, intent)
    if intent.why in NOT_OVER:
        raise Rejected("FEED_NOT_OVER", "target", "its feed may still be worked on; settle or cancel by what it shows")
    ledger = draft.ordered.ledger
    if intent.act.is_money and ledger.turn not in (None, intent.id):
        raise Rejected("ORDER_BUSY", "target", "another refund of this order is in flight; answer that one first")
    if intent.act.is_money and ledger.deficit:
        raise Rejected("DEFICIT", "target", "more was paid back than was captured; recover it or cancel this refund")
    return draft.record(IntentMoved(intent.id, IntentVerb.RETRY, command.actor.alias, "retried_by_person"))


def _cancel_hold(draft: Draft, command: Command, _: Policy) -> Draft:
    intent = _held(draft, command)
    if not command.reason:
        raise Rejected("MISSING", "reason", "say how you know that nothing happened at the channel")
    return draft.record(IntentMoved(intent.id, IntentVerb.CANCEL, command.actor.alias, "absent_by_person"))


def _waive(draft: Draft, command: Command, policy: Policy) -> Draft:
    deadline = draft.case.deadlines.get(command.target)
    if deadline is None:
        raise Rejected("UNKNOWN_DEADLINE", "target", "name an armed deadline of this case")
    if policy.terms.locked:
        raise Rejected("POLICY_LOCKED", "target", f"{deadline.rule} is not the merchant's to waive")
    if deadline.rule.startswith("law@"):
        raise Rejected("BELOW_LAW", "target", f"{deadline.rule} is the law's; it cannot be waived")
    if not command.reason:
        raise Rejected("MISSING", "reason", "give the reason of the waiver")
    quiet = replace(deadline, next=len(deadline.steps()))
    case = replace(draft.case, deadlines={**draft.case.deadlines, command.target: quiet})
    return replace(draft, case=case).record(DeadlineWaived(command.target, command.actor.alias, command.reason))


def _clear_mark(draft: Draft, command: Command, _: Policy) -> Draft:
    if command.target not in draft.case.marks:
        raise Rejected("UNKNOWN_MARK", "target", "name a mark of this case")
    if not command.reason:
        raise Rejected("MISSING", "reason", "say what was done about it")
    return draft.record(CaseUnmarked(command.target))


def _close_difference(draft: Draft, command: Command, _: Policy) -> Draft:
    """A person answers for a difference that no comparison has found to be gone; it is not opened again."""
    if not isinstance(draft.case.body, Difference):
        raise Rejected("NOT_A_DIFFERENCE", "case", f"this case is a {draft.case.kind}")
    if draft.case.body.state.is_final:
        raise Rejected("ALREADY_CLOSED", "case", "the difference is closed already")
    if not command.reason:
        raise Rejected("MISSING", "reason", "say what explains the difference")
    return draft.record(DifferenceClosed(command.actor.alias, command.reason))


def _override_dispute(draft: Draft, command: Command, policy: Policy) -> Draft:
    """An approver lets money move despite the disputes that are open now; the next one stops it again."""
    open_now = draft.ordered.blocking
    if not open_now:
        raise Rejected("NO_DISPUTE", "case", "no dispute stops a refund of this order")
    policy.override(command.actor.alias, command.reason)
    for intent in draft.intents.values():
        if intent.act.is_money and intent.case == draft.case.id and intent.why == refund.BLOCKED:
            _another_person(intent, command.actor.alias)
    draft = draft.record(DisputesOverridden(tuple(sorted(open_now)), command.actor.alias, command.reason))
    return draft.unmarked(refund.BLOCKED).unmarked(f"{Act.REFUND.value}:{refund.BLOCKED}")


def _elsewhere(_draft: Draft, command: Command, _: Policy) -> Draft:
    raise Rejected("TWO_CASES", "command", f"{command.name} needs both its cases; use identify")


_DECISIONS: Mapping[CommandName, Callable[[Draft, Command, Policy], Draft]] = {
    CommandName.AUTHORISE_RETURN: _authorise,
    CommandName.DECLINE_RETURN: _decline,
    CommandName.REMOVE_LINES: _remove,
    CommandName.CANCEL_RETURN: _cancel,
    CommandName.CLOSE_RETURN: _close,
    CommandName.APPROVE_INTENT: _approve_intent,
    CommandName.REFUSE_INTENT: _refuse_intent,
    CommandName.SETTLE_HOLD: _settle_hold,
    CommandName.RETRY_HOLD: _retry_hold,
    CommandName.CANCEL_HOLD: _cancel_hold,
    CommandName.WAIVE_DEADLINE: _waive,
    CommandName.CLEAR_MARK: _clear_mark,
    CommandName.OVERRIDE_DISPUTE: _override_dispute,
    CommandName.CLOSE_DIFFERENCE: _close_difference,
    CommandName.IDENTIFY_PARCEL: _elsewhere,
    **dict.fromkeys(_RESOLUTIONS, _resolve),
}
_ALWAYS = frozenset(
    {CommandName.IDENTIFY_PARCEL, CommandName.CLEAR_MARK, CommandName.WAIVE_DEADLINE, CommandName.CLOSE_DIFFERENCE}
)
