"""An order as it came back from a backup: whatever had not ended may have been sent since, and nobody remembers.

Refuses to let anything of it be sent before the channel has been read again.
"""

from __future__ import annotations

from datetime import datetime

from quittance.application.commit import Changes, Scene, changes_of, order_change
from quittance.application.ports import Table
from quittance.domain import order as orders
from quittance.domain.account import Control
from quittance.domain.draft import Draft
from quittance.domain.events import IntentMoved
from quittance.domain.intent import Intent, IntentState, IntentVerb, restored
from quittance.domain.values import dataclass, replace

# They have no edge to take: one is where a restore leads, the other waits for a person before and after.
_STAYING = (IntentState.UNKNOWN, IntentState.HOLD)


@dataclass(frozen=True, slots=True)
class Restored:
    """How many intents of an order nobody knows the outcome of now, and how many wait for a person as they did."""

    unknown: int = 0
    held: int = 0


def restore_order(table: Table, scene: Scene, control: Control, now: datetime, *, is_open: bool) -> Restored:
    """Commit what a restore means for one order, and return what became of its intents.

    `control` is the account's after its epoch was raised. An order that `is_open`, or has an intent that had not
    ended, is read again at once, any other when something points to it. Doing it twice is harmless. Raises Conflict.
    """
    if scene.order is None:
        return Restored()
    stale = [i for i in scene.intents.values() if not i.has_ended and i.epoch < control.epoch]
    stale.sort(key=lambda intent: (intent.created_at, intent.id))
    due = now if is_open or stale else scene.order.due
    order = replace(scene.order, frozen=scene.order.frozen or orders.NOT_READ_SINCE_RESTORE, due=due)
    staying = {i.id: _staying(i, scene, now) for i in stale if i.state in _STAYING}
    drafts: list[Draft] = []
    for case in scene.cases.values():
        last = drafts[-1] if drafts else Draft(case, order, {**scene.intents, **staying}, control, now)
        moved = [i for i in stale if i.state not in _STAYING and i.case == case.id]
        drafts.append(replace(last, case=case, events=()).record(*map(_moved, moved)))
    alone = Changes(now, order=order_change(scene.order, order))
    table.commit(changes_of(scene, drafts, now) if drafts else alone)
    held = sum(i.state is IntentState.HOLD for i in stale)
    return Restored(len(stale) - held, held)


def _moved(intent: Intent) -> IntentMoved:
    return IntentMoved(intent.id, IntentVerb.RESTORE, "restore", f"was_{intent.state.value.lower()}")


def _staying(intent: Intent, scene: Scene, now: datetime) -> Intent:
    known = scene.order.ledger.refunds if scene.order else ()
    return replace(intent, attempt=restored(intent, known, now), version=intent.version + 1, due=now)
