"""The moves of an intent that every state shares: save it, postpone it, settle, decline, hold or lose it.

Refuses to move what another worker has moved: each write stands on the version and the fence that were read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from quittance.application import drafting
from quittance.application.commit import Changes, Scene
from quittance.application.ports import (
    Channel,
    Guard,
    Ports,
)
from quittance.domain import decide_return, refund
from quittance.domain.draft import Draft
from quittance.domain.errors import Conflict, Unavailable
from quittance.domain.events import CaseMarked, IntentMoved, RefundSettled
from quittance.domain.ids import digest
from quittance.domain.intent import (
    LATER,
    Act,
    Attempt,
    Intent,
    IntentState,
    IntentVerb,
    look_from,
    move,
)
from quittance.domain.values import dataclass, replace

FIRST_LOOK = timedelta(seconds=15)
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a sender can live, and how long one send may take."""

    lease: timedelta
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class Step:
    """One intent with what was loaded around it, and the doors it may use; `is_fresh` after a second loading."""

    ports: Ports
    scene: Scene
    intent: Intent
    limits: Limits
    now: datetime
    is_fresh: bool = False

    def holding(self, intent: Intent) -> Step:
        """The step after this worker has written the intent."""
        intents = {**self.scene.intents, intent.id: intent}
        return replace(self, intent=intent, scene=replace(self.scene, intents=intents))

    @property
    def channel(self) -> Channel:
        """The intent's channel."""
        return self.ports.channel(self.intent.channel)

    @property
    def guard(self) -> Guard:
        """The replay guard of the act; raises Unavailable when the channel no longer offers it."""
        guard = self.ports.acts(self.intent.channel).guard(self.intent.act)
        if guard is None:
            raise Unavailable(f"{self.intent.channel} no longer offers {self.intent.act.value}")
        return guard

    def draft(self) -> Draft:
        """A draft of the intent's own case."""
        control = self.ports.table.control(self.intent.account)
        return drafting.begin(self.scene, self.intent.case, control, self.ports.clock.now())


def body_of(step: Step) -> tuple[bytes, str]:
    """The exact bytes that the intent sends; with a reason where they are not what was fixed when it was born."""
    intent = step.intent
    words = step.ports.table.words(intent.case, intent.text) if intent.text else ""
    if words is None:
        return b"", "words_erased"
    body = step.ports.acts(intent.channel).render(intent, words)
    return body, "" if digest(body) == intent.body_sha256 else "body_changed"


def save(step: Step, after: Intent) -> IntentState:
    """Write the intent alone."""
    step.ports.table.commit_intent(step.intent, after)
    if after.state is not step.intent.state:
        step.ports.meter.count("IntentTransition", after.channel, after.state.value)
    return after.state


def postpone(step: Step, wait: timedelta, why: str) -> IntentState:
    """Look at the intent again after a while; one that is ready is not sent before."""
    if step.intent.state is IntentState.READY:
        why = f"{LATER}{why}"
    after = replace(step.intent, due=step.now + wait, version=step.intent.version + 1, why=why)
    return save(step, after)


def follow(step: Step, draft: Draft) -> IntentState:
    """Commit a draft with all that follows from it for the case."""
    case = draft.case
    policy = step.ports.policies.at(case.policy, case.channel, case.store)
    draft = decide_return.follow_up(drafting.allowed(step.ports, draft, policy), policy)
    draft, texts = drafting.seal(draft, step.ports.acts(case.channel), policy.terms.texts_days)
    drafting.commit(step.ports, step.scene, [draft], extra=Changes(draft.now, texts=texts))
    return draft.intents[step.intent.id].state


def settle(step: Step, reference: str) -> IntentState:
    """The channel shows it: the claim becomes a refund in the ledger, the case follows.

    Settling from what the channel shows needs no fence; losing a race here is repeated on what the winner wrote.
    """

    def settled(draft: Draft) -> Draft:
        draft = draft.record(IntentMoved(step.intent.id, IntentVerb.SETTLE, "channel", "", reference))
        intent = draft.intents[step.intent.id]
        if intent.act is Act.REFUND:
            units = tuple(sorted(intent.quantities().items()))
            draft = draft.record(RefundSettled(intent.id, reference, intent.total, intent.currency, units))
        else:
            draft = decide_return.settled(draft, intent)
        return draft.unmarked(f"{intent.act.value}:held")

    return _conclude(step, settled)


def decline(step: Step, code: str, reference: str = "") -> IntentState:
    """The channel definitely did not do it: headroom returns with that proof, a person is told why."""
    moved = IntentMoved(step.intent.id, IntentVerb.DECLINE, "channel", code, reference)
    mark = CaseMarked(f"{step.intent.act.value}:{code}")
    return _conclude(step, lambda draft: draft.record(moved, mark))


def _conclude(step: Step, ended: Callable[[Draft], Draft]) -> IntentState:
    """Commit how an intent ended; after a lost race again on what is stored, if the intent still stands there."""
    for _ in range(drafting.ATTEMPTS):
        try:
            return follow(step, refund.take_turn(ended(step.draft())))
        except Conflict:
            fresh = again(step)
            if fresh is None:
                raise
            step = fresh
    raise Unavailable(f"intent {step.intent.id} is written by too many at once")


def again(step: Step) -> Step | None:
    """The step on what is stored now, unless somebody else has moved the intent meanwhile."""
    scene = step.ports.table.load_scene(step.intent.case)
    fresh = scene.intents.get(step.intent.id)
    if fresh is None or fresh.state is not step.intent.state or fresh.attempt.fence != step.intent.attempt.fence:
        return None
    return replace(step, scene=scene, intent=fresh)


def hold(step: Step, why: str, *, freeze: bool = False) -> IntentState:
    """Only a person may go on; the case shows what was sent, when, and why nobody knows."""
    draft = step.draft().record(IntentMoved(step.intent.id, IntentVerb.HOLD, "rule", why))
    draft = draft.marked(f"{step.intent.act.value}:held")
    if freeze:
        draft = replace(draft, order=replace(draft.ordered, frozen=why))
    return follow(step, draft)


def lose(step: Step, attempt: Attempt, why: str) -> IntentState:
    """Nobody knows what came of the send; it is looked for once the settle horizon has passed."""
    lost = move(step.intent, IntentVerb.LOSE, attempt=attempt, why=why)
    return save(step, replace(lost, due=look_from(lost, step.guard.horizon)))
