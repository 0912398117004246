"""A case whose time has come: fire the latest passed step of every due deadline, in one commit.

Refuses to fire early, and to fire again what another worker fired.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from quittance.application import drafting
from quittance.application.commit import Key, Scene
from quittance.application.ports import Ports
from quittance.domain.case import Case
from quittance.domain.deadline import Deadline, StepKind, fire
from quittance.domain.draft import Draft
from quittance.domain.errors import Conflict
from quittance.domain.events import DeadlineBreached, DeadlineEscalated, DeadlineWarned, Event
from quittance.domain.values import replace

TRIES = 5


def fire_due(ports: Ports, key: Key, received: int = 1) -> int:
    """Fire what is due of one case and return how many deadlines fired; an older message finds nothing to do.

    `received` counts the deliveries of the message: a case that fails again and again is parked, so that it never
    starves its lane.
    """
    case = ports.table.case_at(key)
    if case is None:
        return 0
    if received > 1 and _is_due(case, ports.clock.now()) and ports.table.count_try(case, TRIES):
        ports.meter.count("Parked", case.channel, "deadline")
        return 0
    for _ in range(drafting.ATTEMPTS):
        try:
            return _fire(ports, case)
        except Conflict:
            ports.meter.count("CommitConflict", case.channel, "deadline")
            case = ports.table.case_at(key) or case
    return 0


def _is_due(case: Case, now: datetime) -> bool:
    """Say whether there is anything to fire; a neighbour in the message may be what makes it come again."""
    return case.due is not None and case.due[1] <= now


def _fire(ports: Ports, case: Case) -> int:
    now = ports.clock.now()
    scene = Scene({case.id: case})
    draft = Draft(case, None, {}, ports.table.control(case.account), now)
    deadlines = dict(case.deadlines)
    events: list[Event] = []
    for kind, deadline in sorted(case.deadlines.items()):
        fired = fire(deadline, now)
        if fired is not None:
            deadlines[kind] = fired.after
            events.append(_told(kind, deadline, fired.step.kind, fired.skipped, case.opened_at))
    if not events:
        return 0
    draft = draft.record(*events)
    for event in events:
        if isinstance(event, DeadlineBreached):
            draft = draft.marked(f"breached:{event.deadline}")
    draft = replace(draft, case=replace(draft.case, deadlines=deadlines, due_tries=0))
    drafting.commit(ports, scene, [draft])
    _count(ports, case, events)
    return len(events)


def _told(kind: str, deadline: Deadline, step: StepKind, skipped: int, opened_at: datetime) -> Event:
    if step is StepKind.WARN:
        return DeadlineWarned(kind, deadline.legal, skipped)
    if step is StepKind.ESCALATE:
        return DeadlineEscalated(kind, deadline.legal, skipped)
    return DeadlineBreached(kind, deadline.legal, skipped, late=deadline.legal <= opened_at)


_OUTCOMES: Mapping[type[Event], str] = {
    DeadlineWarned: "warned",
    DeadlineEscalated: "escalated",
    DeadlineBreached: "breached",
}


def _count(ports: Ports, case: Case, events: list[Event]) -> None:
    for event in events:
        ports.meter.count("DeadlineFired", case.channel, _OUTCOMES[type(event)])
