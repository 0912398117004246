"""UNKNOWN, ACCEPTED and HOLD: find out at the channel what a send did, and let the replay guard say what may follow.

Refuses to take absence for proof before the settle horizon, and a single absence where a second send would count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from quittance.application.intent_step import (
    FIRST_LOOK,
    LONGEST_WAIT,
    Step,
    decline,
    hold,
    lose,
    postpone,
    save,
    settle,
)
from quittance.application.ports import Ambiguous, Applied, Guard, NotFound, Sighting
from quittance.domain.draft import REMIND_AFTER
from quittance.domain.errors import Unavailable
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

KEY_MARGIN = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(hours=48)


def look(step: Step) -> IntentState:
    """UNKNOWN: after the horizon, find out at the channel what the send did."""
    horizon = look_from(step.intent, step.guard.horizon)
    if step.now < horizon:
        return postpone(step, horizon - step.now, step.intent.why)
    try:
        sighting = step.channel.look_back(step.intent.account, step.intent, _owned(step))
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


def _owned(step: Step) -> frozenset[str]:
    """Refunds that other intents of ours are known to have made."""
    order = step.scene.order
    refunds = order.ledger.refunds.items() if order else ()
    return frozenset(r for r, seen in refunds if IntentId(seen.owner) in step.scene.intents)


def _look_again(step: Step, why: str) -> IntentState:
    attempt = step.intent.attempt
    since = attempt.first_sent_at or step.intent.created_at
    if step.now - since > GIVE_UP_AFTER:
        return hold(step, f"still_{why}")
    wait = back_off(attempt.looks, FIRST_LOOK, LONGEST_WAIT)
    looked = replace(attempt, looks=attempt.looks + 1)
    after = replace(step.intent, attempt=looked, due=step.now + wait, version=step.intent.version + 1, why=why)
    return save(step, after)


def _absent(step: Step) -> IntentState:
    """Read whole and not there: what may follow is the replay guard's to say."""
    guard, attempt = step.guard, step.intent.attempt
    age = step.now - (attempt.first_sent_at or step.intent.created_at)
    if guard.kind is ReplayGuard.KEYED:
        is_young = age < guard.lifetime - KEY_MARGIN
        return _resend(step) if is_young else hold(step, "key_too_old")
    if guard.kind is ReplayGuard.REPEATABLE:
        return _resend(step)
    if attempt.absent_at is None or step.now - attempt.absent_at < guard.horizon:
        return _first_absence(step, guard)
    if guard.kind is ReplayGuard.QUANTITY and attempt.sends <= 1:
        return _resend(step)
    return hold(step, "absent_without_guard")


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
        sighting = step.channel.look_back(step.intent.account, step.intent, _owned(step))
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
    return _look_again(step, why) if step.intent.state is IntentState.ACCEPTED else postpone(step, LONGEST_WAIT, why)
