"""UNKNOWN, ACCEPTED and HOLD: find out at the channel what a send did, and let the replay guard say what may follow.

Refuses to take absence for proof before the settle horizon, and a single absence where a second send would count.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from quittance.application.intent_step import (
    FIRST_LOOK,
    LONGEST_WAIT,
    Step,
    decline,
    follow,
    hold,
    lose,
    postpone,
    save,
    settle,
)
from quittance.application.ports import Ambiguous, Applied, Guard, NotFound, Sighting
from quittance.domain.draft import REMIND_AFTER
from quittance.domain.errors import Unavailable
from quittance.domain.events import IntentMoved
from quittance.domain.ids import IntentId
from quittance.domain.intent import (
    IntentState,
    IntentVerb,
    ReplayGuard,
    back_off,
    look_from,
    move,
)
from quittance.domain.observations import MoneyStatus
from quittance.domain.order import NOT_READ_SINCE_RESTORE
from quittance.domain.values import replace

KEY_MARGIN = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(hours=48)
NOT_YET = timedelta(minutes=5)


def look(step: Step) -> IntentState:
    """UNKNOWN: after the horizon, find out at the channel what the send did."""
    horizon = look_from(step.intent, step.guard.horizon)
    if step.now < horizon:
        return postpone(step, horizon - step.now, step.intent.why)
    try:
        sighting = step.channel.look_back(step.intent.account, step.intent, owned(step))
    except Unavailable:
        step.ports.meter.count("ChannelUnreadable", step.intent.channel, "look_back")
        return _look_again(step, "unreadable")
    return _concluded(step, sighting)


def _concluded(step: Step, sighting: Sighting) -> IntentState:
    """What a whole reading of the channel says of an unknown outcome."""
    match sighting:
        case Applied(reference, MoneyStatus.MOVED):
            return settle(step, reference)
        case Applied(reference, MoneyStatus.FAILED):
            return decline(step, "transaction_failed", reference)
        case Applied():
            return _look_again(step, "pending")
        case Ambiguous():
            return hold(step, "more_than_one_effect", freeze=True)
        case NotFound():
            return _absent(step)


def owned(step: Step) -> frozenset[str]:
    """Refunds that other intents of ours are known to have made, or that are older than any send of this one."""
    order = step.scene.order
    refunds = order.ledger.refunds.items() if order else ()
    return frozenset(r for r, seen in refunds if IntentId(seen.owner) in step.scene.intents) | set(
        step.intent.attempt.before
    )


def _look_again(step: Step, why: str) -> IntentState:
    attempt = step.intent.attempt
    since = (attempt.last_sent_at if attempt.restored else attempt.first_sent_at) or step.intent.created_at
    if step.now - since > GIVE_UP_AFTER:
        return hold(step, f"still_{why}")
    wait = back_off(attempt.looks, FIRST_LOOK, LONGEST_WAIT)
    looked = replace(attempt, looks=attempt.looks + 1)
    after = replace(step.intent, attempt=looked, due=step.now + wait, version=step.intent.version + 1, why=why)
    return save(step, after)


def _absent(step: Step) -> IntentState:
    """Read whole and not there: what may follow is the replay guard's to say."""
    guard, attempt = step.guard, step.intent.attempt
    if attempt.restored:
        return _absent_since_restore(step)
    if guard.kind is ReplayGuard.KEYED:
        return _resend(step) if _is_key_young(step) else hold(step, "key_too_old")
    if guard.kind is ReplayGuard.REPEATABLE:
        return _resend(step)
    if attempt.absent_at is None or step.now - attempt.absent_at < guard.horizon:
        return _first_absence(step, guard)
    if guard.kind is ReplayGuard.QUANTITY and attempt.sends <= 1:
        return _resend(step)
    return hold(step, "absent_without_guard")


def _is_key_young(step: Step) -> bool:
    age = step.now - (step.intent.attempt.first_sent_at or step.intent.created_at)
    return age < step.guard.lifetime - KEY_MARGIN


def _absent_since_restore(step: Step) -> IntentState:
    """What came back from a backup may have been sent, answered or undone in the time that was lost.

    Only what cannot count twice becomes ready, in the epoch of today: by its key while that is young, or because a
    repetition changes nothing. An approval that nobody remembers is given again by a person.
    """
    intent, order = step.intent, step.scene.order
    if order is None or order.frozen == NOT_READ_SINCE_RESTORE:
        return postpone(step, NOT_YET, "order_not_read")
    if intent.attempt.restored == IntentState.AWAITING_APPROVAL.value:
        return hold(step, "approval_lost")
    if intent.act.is_money and order.ledger.turn not in (None, intent.id):
        return postpone(step, LONGEST_WAIT, "not_its_turn")
    is_keyed = step.guard.kind is ReplayGuard.KEYED and _is_key_young(step)
    if not is_keyed and step.guard.kind is not ReplayGuard.REPEATABLE:
        return hold(step, "absent_since_restore")
    return follow(step, step.draft().record(IntentMoved(intent.id, IntentVerb.ABSENT, "channel", "absence_proven")))


def _first_absence(step: Step, guard: Guard) -> IntentState:
    """One reading proves nothing where a second application would count; read again a horizon later."""
    attempt = replace(step.intent.attempt, absent_at=step.intent.attempt.absent_at or step.now)
    due = (attempt.absent_at or step.now) + guard.horizon
    after = replace(step.intent, attempt=attempt, due=due, version=step.intent.version + 1, why="absent_once")
    return save(step, after)


def _resend(step: Step) -> IntentState:
    return save(step, move(step.intent, IntentVerb.ABSENT, due=step.now, why="absence_proven"))


def look_accepted(step: Step) -> IntentState:
    """ACCEPTED: the channel has it and the money is on its way; look until it has moved or failed."""
    return _look_for_effect(step, missing=lambda: lose(step, step.intent.attempt, "effect_vanished"))


def look_held(step: Step) -> IntentState:
    """HOLD: proof that turns up later settles it; nothing else does, and what was never sent has no proof to find."""
    if not step.intent.attempt.sends:
        return postpone(step, REMIND_AFTER, step.intent.why)
    return _look_for_effect(step, missing=lambda: postpone(step, REMIND_AFTER, step.intent.why))


def _look_for_effect(step: Step, *, missing: Callable[[], IntentState]) -> IntentState:
    try:
        sighting = step.channel.look_back(step.intent.account, step.intent, owned(step))
    except Unavailable:
        return _wait(step, "unreadable")
    match sighting:
        case Applied(reference, MoneyStatus.MOVED):
            return settle(step, reference)
        case Applied(reference, MoneyStatus.FAILED) if step.intent.state is IntentState.ACCEPTED:
            return decline(step, "transaction_failed", reference)
        case Applied():
            return _wait(step, "pending")
        case Ambiguous():
            return postpone(step, REMIND_AFTER, "more_than_one_effect")
        case NotFound():
            return missing()


def _wait(step: Step, why: str) -> IntentState:
    """What is held keeps the reason for which it was held: a person has to see that one."""
    if step.intent.state is IntentState.ACCEPTED:
        return _look_again(step, why)
    return postpone(step, LONGEST_WAIT, step.intent.why)
