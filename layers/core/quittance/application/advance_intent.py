"""One step of an intent, whatever its state: claim and send, look back, settle, hold, or wait.

Refuses to send twice without proof in between: whatever is no definite answer is UNKNOWN, and UNKNOWN is settled by
reading the channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from quittance.application import drafting
from quittance.application.commit import Changes, Key, Scene
from quittance.application.ports import (
    Ambiguous,
    Applied,
    Channel,
    Guard,
    NotFound,
    NotSent,
    Ports,
    Prepared,
    Refused,
    SendOutcome,
    Suggestion,
    Unknown,
)
from quittance.domain import decide_return, refund
from quittance.domain.draft import REMIND_AFTER, Draft
from quittance.domain.errors import Conflict, Unavailable
from quittance.domain.events import CaseMarked, IntentMoved, RefundSettled
from quittance.domain.ids import IntentId, digest
from quittance.domain.intent import (
    Act,
    Attempt,
    Intent,
    IntentState,
    IntentVerb,
    ReplayGuard,
    back_off,
    claim,
    look_from,
    move,
    sent,
)
from quittance.domain.ledger import attribute
from quittance.domain.observations import MoneyStatus

FIRST_LOOK = timedelta(seconds=15)
LONGEST_WAIT = timedelta(hours=1)
KEY_MARGIN = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(hours=48)
PAUSED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a sender can live, and how long one send may take."""

    lease: timedelta
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class _Step:
    """One intent with what was loaded around it, and the doors it may use; `is_fresh` after a second loading."""

    ports: Ports
    scene: Scene
    intent: Intent
    limits: Limits
    now: datetime
    is_fresh: bool = False

    def holding(self, intent: Intent) -> _Step:
        """The step after this worker has written the intent."""
        intents = {**self.scene.intents, intent.id: intent}
        return replace(self, intent=intent, scene=replace(self.scene, intents=intents))

    @property
    def channel(self) -> Channel:
        return self.ports.channel(self.intent.channel)

    @property
    def guard(self) -> Guard:
        guard = self.ports.acts(self.intent.channel).guard(self.intent.act)
        if guard is None:
            raise Unavailable(f"{self.intent.channel} no longer offers {self.intent.act.value}")
        return guard

    def draft(self) -> Draft:
        """A draft of the intent's own case."""
        control = self.ports.table.control(self.intent.account)
        return drafting.begin(self.scene, self.intent.case, control, self.ports.clock.now())


def advance_intent(ports: Ports, key: Key, limits: Limits) -> IntentState | None:
    """Take the intent one step on and return the state it is in; None when there is no such intent.

    Losing a race is no error: whoever won has moved it. Raises Unavailable when nothing could be done now; the due
    index brings the intent back.
    """
    loaded = ports.table.intent_at(key)
    if loaded is None:
        return None
    scene, intent_id = loaded
    intent = scene.intents[intent_id]
    if intent.has_ended:
        return intent.state
    step = _Step(ports, scene, intent, limits, ports.clock.now())
    try:
        return _ADVANCE[intent.state](step)
    except Conflict:
        ports.meter.count("CommitConflict", intent.channel, "intent")
        return intent.state


def _save(step: _Step, after: Intent) -> IntentState:
    """Write the intent alone."""
    step.ports.table.commit_intent(step.intent, after)
    if after.state is not step.intent.state:
        step.ports.meter.count("IntentTransition", after.channel, after.state.value)
    return after.state


def _postpone(step: _Step, wait: timedelta, why: str) -> IntentState:
    after = replace(step.intent, due=step.now + wait, version=step.intent.version + 1, why=why)
    return _save(step, after)


def _remind(step: _Step) -> IntentState:
    """A waiting intent is looked at once a day, and takes its turn if nobody gave it."""
    draft = step.draft()
    if step.intent.state is IntentState.RESERVED:
        draft = refund.take_turn(draft)
    if not draft.events:
        return _postpone(step, REMIND_AFTER, step.intent.why)
    drafting.commit(step.ports, step.scene, [draft])
    return draft.intents[step.intent.id].state


def _send(step: _Step) -> IntentState:
    """READY: read, compare, claim, ask the switches once more, send once."""
    control = step.ports.table.control(step.intent.account)
    if not control.may_send or control.epoch != step.intent.epoch:
        return _postpone(step, PAUSED, "account_may_not_send")
    try:
        prepared = step.channel.prepare(step.intent.account, step.intent, step.now)
    except Unavailable as error:
        step.ports.meter.count("ChannelUnreadable", step.intent.channel, "prepare")
        return _postpone(step, back_off(step.intent.attempt.looks, FIRST_LOOK, LONGEST_WAIT), _code(error))
    stopped = _compare(step, prepared)
    if stopped is IntentState.READY and not step.is_fresh:
        again = _again(step)
        return stopped if again is None else _send(replace(again, is_fresh=True))
    if stopped is not None:
        return stopped
    claimed = claim(step.intent, prepared.snapshot, step.now, step.limits.lease)
    _save(step, claimed)
    return _sent(step.holding(claimed))


def _code(error: Unavailable) -> str:
    return f"unreadable:{type(error).__name__}"


def _compare(step: _Step, prepared: Prepared) -> IntentState | None:
    """Take the reading in; stop here when it changes the order, or differs from what was previewed."""
    draft = _taken_in(step, prepared)
    if draft.intents[step.intent.id].state is not IntentState.READY:
        return _follow(step, draft)
    if step.intent.act.is_money and draft.ordered.ledger.unattributed:
        return _hold(step, "late_effect_seen")
    why = _objection(step.intent, draft, prepared)
    if why:
        draft = draft.record(IntentMoved(step.intent.id, IntentVerb.CANCEL, "rule", why))
        draft = draft if why == "already_done" else draft.marked(f"{step.intent.act.value}:{why}")
        return _follow(step, draft)
    if step.scene.order is None or draft.ordered.ledger != step.scene.order.ledger:
        return _follow(step, draft)
    return None


def _taken_in(step: _Step, prepared: Prepared) -> Draft:
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


def _objection(intent: Intent, draft: Draft, prepared: Prepared) -> str:
    """Why the intent must not be sent, or nothing."""
    if prepared.done:
        return "already_done"
    if not intent.act.is_money:
        return ""
    if draft.ordered.disputes or draft.ordered.frozen:
        return "refund_blocked"
    return _differs(intent, prepared.suggestion)


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


def _follow(step: _Step, draft: Draft) -> IntentState:
    """Commit a draft with all that follows from it for the case."""
    case = draft.case
    policy = step.ports.policies.at(case.policy, case.channel, case.store)
    draft = decide_return.follow_up(draft, policy)
    draft, texts = drafting.seal(draft, step.ports.acts(case.channel), policy.terms.texts_days)
    drafting.commit(step.ports, step.scene, [draft], extra=Changes(draft.now, texts=texts))
    return draft.intents[step.intent.id].state


def _sent(step: _Step) -> IntentState:
    """SENDING, and ours: a consistent read of the switches, then the one call."""
    intent = step.intent
    control = step.ports.table.control(intent.account)
    if not control.may_send or control.epoch != intent.epoch:
        return _unsent(step, NotSent("account_may_not_send", PAUSED))
    words = step.ports.table.words(intent.case, intent.text) if intent.text else ""
    if words is None:
        return _hold_unsent(step, "words_erased")
    body = step.ports.acts(intent.channel).render(intent, words)
    if digest(body) != intent.body_sha256:
        return _hold_unsent(step, "body_changed")
    outcome = step.channel.send(intent.account, intent, body, step.limits.timeout)
    return _after_send(step, outcome)


def _unsent(step: _Step, outcome: NotSent) -> IntentState:
    after = move(step.intent, IntentVerb.UNSENT, due=step.now + outcome.after, why=outcome.why)
    return _save(step, after)


def _hold_unsent(step: _Step, why: str) -> IntentState:
    """It cannot be sent as it was decided; that is for a person, and nothing has left."""
    back = move(step.intent, IntentVerb.UNSENT, due=step.now, why=why)
    _save(step, back)
    return _hold(step.holding(back), why)


def _after_send(step: _Step, outcome: SendOutcome) -> IntentState:
    now = step.ports.clock.now()
    attempt = sent(step.intent, now)
    if isinstance(outcome, Applied | Refused):
        step = step.holding(replace(step.intent, attempt=attempt))
    match outcome:
        case Applied(reference, MoneyStatus.MOVED):
            return _settle(step, reference)
        case Applied(reference, MoneyStatus.FAILED):
            return _decline(step, "transaction_failed", reference)
        case Applied(reference):
            wait = now + FIRST_LOOK
            return _save(step, move(step.intent, IntentVerb.ACCEPT, attempt=attempt, reference=reference, due=wait))
        case Refused(code):
            return _decline(step, code)
        case NotSent():
            return _unsent(step, outcome)
        case Unknown(why):
            return _lose(step, attempt, why)


def _lose(step: _Step, attempt: Attempt, why: str) -> IntentState:
    lost = move(step.intent, IntentVerb.LOSE, attempt=attempt, why=why)
    return _save(step, replace(lost, due=look_from(lost, step.guard.horizon)))


def _settle(step: _Step, reference: str) -> IntentState:
    """The channel shows it: the claim becomes a refund in the ledger, the case follows.

    Settling from what the channel shows needs no fence; losing a race here is repeated on what the winner wrote.
    """
    for _ in range(drafting.ATTEMPTS):
        draft = step.draft().record(IntentMoved(step.intent.id, IntentVerb.SETTLE, "channel", "", reference))
        intent = draft.intents[step.intent.id]
        if intent.act is Act.REFUND:
            units = tuple(sorted(intent.quantities().items()))
            draft = draft.record(RefundSettled(intent.id, reference, intent.total, intent.currency, units))
        else:
            draft = decide_return.settled(draft, intent)
        try:
            return _follow(step, refund.take_turn(draft.unmarked(f"{intent.act.value}:held")))
        except Conflict:
            again = _again(step)
            if again is None:
                raise
            step = again
    raise Unavailable(f"intent {step.intent.id} is written by too many at once")


def _decline(step: _Step, code: str, reference: str = "") -> IntentState:
    """The channel definitely did not do it: headroom returns with that proof, a person is told why."""
    for _ in range(drafting.ATTEMPTS):
        moved = IntentMoved(step.intent.id, IntentVerb.DECLINE, "channel", code, reference)
        draft = step.draft().record(moved, CaseMarked(f"{step.intent.act.value}:{code}"))
        try:
            return _follow(step, refund.take_turn(draft))
        except Conflict:
            again = _again(step)
            if again is None:
                raise
            step = again
    raise Unavailable(f"intent {step.intent.id} is written by too many at once")


def _again(step: _Step) -> _Step | None:
    """The step on what is stored now, unless somebody else has moved the intent meanwhile."""
    scene = step.ports.table.load_scene(step.intent.case)
    fresh = scene.intents.get(step.intent.id)
    if fresh is None or fresh.state is not step.intent.state or fresh.attempt.fence != step.intent.attempt.fence:
        return None
    return replace(step, scene=scene, intent=fresh)


def _lease(step: _Step) -> IntentState:
    """SENDING: while the lease runs somebody is at it; afterwards nobody is, and what came of it is unknown."""
    until = step.intent.attempt.lease_until
    if until is not None and step.now < until:
        return step.intent.state
    attempt = replace(step.intent.attempt, fence=step.intent.attempt.fence + 1)
    return _lose(step, attempt, "lease_expired")


def _look(step: _Step) -> IntentState:
    """UNKNOWN: after the horizon, find out at the channel what the send did."""
    horizon = look_from(step.intent, step.guard.horizon)
    if step.now < horizon:
        return _postpone(step, horizon - step.now, step.intent.why)
    try:
        sighting = step.channel.look_back(step.intent.account, step.intent, _owned(step))
    except Unavailable:
        step.ports.meter.count("ChannelUnreadable", step.intent.channel, "look_back")
        return _look_again(step, "unreadable")
    match sighting:
        case Applied(reference, MoneyStatus.MOVED):
            return _settle(step, reference)
        case Applied(reference, MoneyStatus.FAILED):
            return _decline(step, "transaction_failed", reference)
        case Applied():
            return _look_again(step, "pending")
        case Ambiguous():
            return _hold(step, "more_than_one_effect", freeze=True)
        case NotFound():
            return _absent(step)


def _owned(step: _Step) -> frozenset[str]:
    """Refunds that other intents of ours are known to have made."""
    order = step.scene.order
    refunds = order.ledger.refunds.items() if order else ()
    return frozenset(r for r, seen in refunds if IntentId(seen.owner) in step.scene.intents)


def _look_again(step: _Step, why: str) -> IntentState:
    attempt = step.intent.attempt
    since = attempt.first_sent_at or step.intent.created_at
    if step.now - since > GIVE_UP_AFTER:
        return _hold(step, f"still_{why}")
    wait = back_off(attempt.looks, FIRST_LOOK, LONGEST_WAIT)
    looked = replace(attempt, looks=attempt.looks + 1)
    after = replace(step.intent, attempt=looked, due=step.now + wait, version=step.intent.version + 1, why=why)
    return _save(step, after)


def _absent(step: _Step) -> IntentState:
    """Read whole and not there: what may follow is the replay guard's to say."""
    guard, attempt = step.guard, step.intent.attempt
    age = step.now - (attempt.first_sent_at or step.intent.created_at)
    if guard.kind is ReplayGuard.KEYED:
        is_young = age < guard.lifetime - KEY_MARGIN
        return _resend(step) if is_young else _hold(step, "key_too_old")
    if guard.kind is ReplayGuard.REPEATABLE:
        return _resend(step)
    if attempt.absent_at is None or step.now - attempt.absent_at < guard.horizon:
        return _first_absence(step, guard)
    if guard.kind is ReplayGuard.QUANTITY and attempt.sends <= 1:
        return _resend(step)
    return _hold(step, "absent_without_guard")


def _first_absence(step: _Step, guard: Guard) -> IntentState:
    """One reading proves nothing where a second application would count; read again a horizon later."""
    attempt = replace(step.intent.attempt, absent_at=step.intent.attempt.absent_at or step.now)
    due = (attempt.absent_at or step.now) + guard.horizon
    after = replace(step.intent, attempt=attempt, due=due, version=step.intent.version + 1, why="absent_once")
    return _save(step, after)


def _resend(step: _Step) -> IntentState:
    return _save(step, move(step.intent, IntentVerb.ABSENT, due=step.now, why="absence_proven"))


def _hold(step: _Step, why: str, *, freeze: bool = False) -> IntentState:
    """Only a person may go on; the case shows what was sent, when, and why nobody knows."""
    draft = step.draft().record(IntentMoved(step.intent.id, IntentVerb.HOLD, "rule", why))
    draft = draft.marked(f"{step.intent.act.value}:held")
    if freeze:
        draft = replace(draft, order=replace(draft.ordered, frozen=why))
    return _follow(step, draft)


def _accepted(step: _Step) -> IntentState:
    """ACCEPTED: the channel has it and the money is on its way; look until it has moved or failed."""
    return _look_for_effect(step, missing=lambda: _lose(step, step.intent.attempt, "effect_vanished"))


def _held(step: _Step) -> IntentState:
    """HOLD: proof that turns up later settles it; nothing else does."""
    return _look_for_effect(step, missing=lambda: _postpone(step, REMIND_AFTER, step.intent.why))


def _look_for_effect(step: _Step, *, missing: Callable[[], IntentState]) -> IntentState:
    try:
        sighting = step.channel.look_back(step.intent.account, step.intent, _owned(step))
    except Unavailable:
        return _wait(step, "unreadable")
    match sighting:
        case Applied(reference, MoneyStatus.MOVED):
            return _settle(step, reference)
        case Applied(reference, MoneyStatus.FAILED) if step.intent.state is IntentState.ACCEPTED:
            return _decline(step, "transaction_failed", reference)
        case Applied():
            return _wait(step, "pending")
        case Ambiguous():
            return _postpone(step, REMIND_AFTER, "more_than_one_effect")
        case NotFound():
            return missing()


def _wait(step: _Step, why: str) -> IntentState:
    return _look_again(step, why) if step.intent.state is IntentState.ACCEPTED else _postpone(step, LONGEST_WAIT, why)


_ADVANCE: Mapping[IntentState, Callable[[_Step], IntentState]] = {
    IntentState.RESERVED: _remind,
    IntentState.AWAITING_APPROVAL: _remind,
    IntentState.READY: _send,
    IntentState.SENDING: _lease,
    IntentState.ACCEPTED: _accepted,
    IntentState.UNKNOWN: _look,
    IntentState.HOLD: _held,
}
