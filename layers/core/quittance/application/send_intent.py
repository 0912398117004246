"""READY and SENDING: read the channel, compare with what was decided, claim, ask the switches, send once.

Refuses to send what differs from its preview, what may belong to another effect, and what has changed since birth.
"""

from __future__ import annotations

from datetime import timedelta

from quittance.application.intent_step import (
    FIRST_LOOK,
    LONGEST_WAIT,
    Step,
    again,
    body_of,
    decline,
    follow,
    hold,
    lose,
    postpone,
    save,
    settle,
)
from quittance.application.join_batch import join_batch, look_at_batch
from quittance.application.look_back import owned
from quittance.application.ports import (
    Applied,
    NotFound,
    NotSent,
    Prepared,
    Refused,
    SendOutcome,
    Suggestion,
    Unknown,
)
from quittance.domain import decide_return, refund
from quittance.domain.draft import Draft
from quittance.domain.errors import Unavailable
from quittance.domain.events import IntentMoved
from quittance.domain.intent import (
    LATER,
    Act,
    Intent,
    IntentState,
    IntentVerb,
    back_off,
    claim,
    move,
    sent,
    unsent,
)
from quittance.domain.ledger import attribute
from quittance.domain.observations import MoneyStatus
from quittance.domain.order import NOT_READ_SINCE_RESTORE, Order
from quittance.domain.values import replace

PAUSED = timedelta(minutes=5)
ALREADY_DONE = "already_done"
LATE = "late_effect_seen"
OWNED_ELSEWHERE = "owned_elsewhere"


def send_ready(step: Step) -> IntentState:
    """READY: read, compare, claim, ask the switches once more, send once."""
    if step.intent.is_postponed and step.intent.due is not None and step.now < step.intent.due:
        return step.intent.state
    stopper = _stopper(step)
    if stopper:
        return postpone(step, PAUSED, stopper)
    try:
        prepared = step.channel.prepare(step.intent.account, step.intent, step.now)
        is_late = _is_late(step)
    except Unavailable as error:
        step.ports.meter.count("ChannelUnreadable", step.intent.channel, "prepare")
        return _unreadable(step, error)
    stopped = hold(step, LATE) if is_late else _compare(step, prepared)
    if stopped is IntentState.READY and not step.is_fresh:
        fresh = again(step)
        return stopped if fresh is None else send_ready(replace(fresh, is_fresh=True))
    return _claimed(step, prepared) if stopped is None else stopped


def _claimed(step: Step, prepared: Prepared) -> IntentState:
    """Join the batch of an act that goes by feed; claim and send any other."""
    feed_type = step.ports.acts(step.intent.channel).feed_type(step.intent.act)
    if feed_type is not None:
        return join_batch(step, feed_type, prepared.snapshot)
    claimed = claim(step.intent, prepared.snapshot, step.now, step.limits.lease)
    save(step, claimed)
    return _sent(step.holding(claimed))


def _stopper(step: Step) -> str:
    """Why nothing of this order may be sent now, or nothing."""
    control = step.ports.table.control(step.intent.account)
    if not control.may_send or control.epoch != step.intent.epoch:
        return "account_may_not_send"
    is_unread = step.scene.order is not None and step.scene.order.frozen == NOT_READ_SINCE_RESTORE
    return "order_not_read" if is_unread else ""


def _is_late(step: Step) -> bool:
    """Say whether what came back from a backup has an effect after all; asked once more right before its send."""
    if not step.intent.attempt.restored:
        return False
    return step.channel.look_back(step.intent.account, step.intent, owned(step)) != NotFound()


def _unreadable(step: Step, error: Unavailable) -> IntentState:
    """Without a reading nothing is sent; wait twice as long each time."""
    attempt = step.intent.attempt
    wait = back_off(attempt.looks, FIRST_LOOK, LONGEST_WAIT)
    looked = step.holding(replace(step.intent, attempt=replace(attempt, looks=attempt.looks + 1)))
    return postpone(looked, wait, f"unreadable:{type(error).__name__}")


def _compare(step: Step, prepared: Prepared) -> IntentState | None:
    """Take the reading in; stop here when it changes the order, or differs from what was previewed."""
    draft = _taken_in(step, prepared)
    if draft.intents[step.intent.id].state is not IntentState.READY:
        return follow(step, draft)
    if step.intent.act.is_money and draft.ordered.ledger.unattributed:
        return hold(step, LATE)
    why = _objection(step, draft, prepared)
    if why:
        draft = draft.record(IntentMoved(step.intent.id, IntentVerb.CANCEL, "rule", why))
        return follow(step, _told(draft, step.intent.act, why))
    if step.scene.order is None or draft.ordered.ledger != step.scene.order.ledger:
        return follow(step, draft)
    return None


def _taken_in(step: Step, prepared: Prepared) -> Draft:
    draft = step.draft()
    is_first = not step.intent.attempt.sends and draft.ordered.ledger.turn in (None, step.intent.id)
    draft = _others(draft, prepared) if is_first else decide_return.read_order(draft, prepared.reading.order)
    for seen in prepared.reading.returns:
        if seen.id == draft.case.external:
            draft = decide_return.read_return(draft, seen)
    return draft


def _others(draft: Draft, prepared: Prepared) -> Draft:
    """Nothing of ours has been sent yet, so that every refund seen now is somebody else's."""
    draft = decide_return.read_order(draft, prepared.reading.order)
    return replace(draft, order=replace(draft.ordered, ledger=attribute(draft.ordered.ledger)))


def _told(draft: Draft, act: Act, why: str) -> Draft:
    """Mark the case for a person who has to look, or for the other hands whose act it is."""
    if why == ALREADY_DONE:
        return draft
    return draft.marked(refund.elsewhere(act) if why == OWNED_ELSEWHERE else f"{act.value}:{why}")


def _objection(step: Step, draft: Draft, prepared: Prepared) -> str:
    """Why the intent must not be sent, or nothing."""
    intent, case = step.intent, draft.case
    if prepared.done:
        return ALREADY_DONE
    if draft.ordered.is_marketplaces:
        return "marketplace_fulfilled"
    if not step.ports.policies.at(case.policy, case.channel, case.store).bounds.is_ours(intent.act):
        return OWNED_ELSEWHERE
    return _not_payable(draft.ordered) or _differs(intent, prepared.suggestion) if intent.act.is_money else ""


def _not_payable(order: Order) -> str:
    """Why nothing may be paid back on the order as it was just read, or nothing."""
    if order.blocking or order.frozen:
        return refund.BLOCKED
    return "units_refunded_twice" if order.ledger.is_overdrawn else ""


def _differs(intent: Intent, suggestion: Suggestion | None) -> str:
    """Compare with what the channel itself would pay, before our fee and adjustment."""
    if suggestion is None:
        return "no_suggestion"
    if suggestion.currency != intent.currency:
        return "currency_differs"
    if suggestion.total != intent.components.goods + intent.components.shipping:
        return "amount_differs"
    plain = not (intent.components.fee or intent.components.adjustment)
    if plain and dict(suggestion.payments) != dict(intent.payments):
        return "split_differs"
    return ""


def _sent(step: Step) -> IntentState:
    """SENDING, and ours: a consistent read of the switches, then the one call."""
    intent = step.intent
    control = step.ports.table.control(intent.account)
    if not control.may_send or control.epoch != intent.epoch:
        return _unsent(step, NotSent("account_may_not_send", PAUSED))
    body, why = body_of(step)
    if why:
        return _hold_unsent(step, why)
    outcome = step.channel.send(intent.account, intent, body, step.limits.timeout)
    return _after_send(step, outcome)


def _unsent(step: Step, outcome: NotSent) -> IntentState:
    due, why = step.now + outcome.after, f"{LATER}{outcome.why}"
    return save(step, move(step.intent, IntentVerb.UNSENT, attempt=unsent(step.intent), due=due, why=why))


def _hold_unsent(step: Step, why: str) -> IntentState:
    """It cannot be sent as it was decided; that is for a person, and nothing has left."""
    back = move(step.intent, IntentVerb.UNSENT, attempt=unsent(step.intent), due=step.now, why=why)
    save(step, back)
    return hold(step.holding(back), why)


def _after_send(step: Step, outcome: SendOutcome) -> IntentState:
    if isinstance(outcome, NotSent):
        return _unsent(step, outcome)
    attempt = sent(step.intent, step.ports.clock.now())
    if isinstance(outcome, Unknown):
        return lose(step, attempt, outcome.why)
    step = step.holding(replace(step.intent, attempt=attempt))
    return refused(step, outcome) if isinstance(outcome, Refused) else applied(step, outcome)


def refused(step: Step, outcome: Refused) -> IntentState:
    """A first send that is refused had no effect; a later one may be refused because an earlier one got through."""
    if step.intent.attempt.sends > 1:
        return lose(step, step.intent.attempt, f"refused_again:{outcome.code}")
    return decline(step, outcome.code)


def applied(step: Step, outcome: Applied) -> IntentState:
    """The channel took it: settled when the money has moved, accepted until then."""
    match outcome.status:
        case MoneyStatus.MOVED:
            return settle(step, outcome.reference)
        case MoneyStatus.FAILED:
            return decline(step, "transaction_failed", outcome.reference)
        case MoneyStatus.PENDING:
            due = step.ports.clock.now() + FIRST_LOOK
            accepted = move(step.intent, IntentVerb.ACCEPT, reference=outcome.reference, due=due)
            return save(step, accepted)


def end_lease(step: Step) -> IntentState:
    """SENDING: while the lease runs somebody is at it; afterwards nobody is, and what came of it is unknown.

    A batch answers for its members.
    """
    if step.intent.batch:
        feed_type = step.ports.acts(step.intent.channel).feed_type(step.intent.act)
        return look_at_batch(step, feed_type or "")
    until = step.intent.attempt.lease_until
    if until is not None and step.now < until:
        return step.intent.state
    attempt = replace(step.intent.attempt, fence=step.intent.attempt.fence + 1)
    return lose(step, attempt, "lease_expired")
