"""One step of an intent, whatever its state: claim and send, look back, settle, hold, or wait.

Refuses to send twice without proof in between: whatever is no definite answer is UNKNOWN, and UNKNOWN is settled by
reading the channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from quittance.application import drafting
from quittance.application.commit import Key
from quittance.application.intent_step import Limits, Step, postpone
from quittance.application.look_back import look, look_accepted, look_held
from quittance.application.ports import Ports
from quittance.application.send_intent import end_lease, send_ready
from quittance.domain import refund
from quittance.domain.draft import REMIND_AFTER
from quittance.domain.errors import Conflict
from quittance.domain.intent import IntentState


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
    step = Step(ports, scene, intent, limits, ports.clock.now())
    try:
        return _ADVANCE[intent.state](step)
    except Conflict:
        ports.meter.count("CommitConflict", intent.channel, "intent")
        return intent.state


def _remind(step: Step) -> IntentState:
    """A waiting intent is looked at once a day, and takes its turn if nobody gave it."""
    draft = step.draft()
    if step.intent.state is IntentState.RESERVED:
        draft = refund.take_turn(draft)
    if not draft.events:
        return postpone(step, REMIND_AFTER, step.intent.why)
    drafting.commit(step.ports, step.scene, [draft])
    return draft.intents[step.intent.id].state


_ADVANCE: Mapping[IntentState, Callable[[Step], IntentState]] = {
    IntentState.RESERVED: _remind,
    IntentState.AWAITING_APPROVAL: _remind,
    IntentState.READY: send_ready,
    IntentState.SENDING: end_lease,
    IntentState.ACCEPTED: look_accepted,
    IntentState.UNKNOWN: look,
    IntentState.HOLD: look_held,
}
