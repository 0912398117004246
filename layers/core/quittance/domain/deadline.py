"""Deadlines: what must have happened by when, with the steps that warn and the one that records a breach.

Refuses to fire a step before its time and to fire it twice: a step that was passed is named as skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class StepKind(StrEnum):
    """What a step does when its time has come."""

    WARN = "warn"
    BREACH = "breach"


@dataclass(frozen=True, slots=True)
class Step:
    """One instant at which a deadline acts."""

    kind: StepKind
    at: datetime


@dataclass(frozen=True, slots=True)
class Deadline:
    """An armed deadline. `legal` is absolute and never stops; `working` is earlier, for people to work to.

    `warn` are minutes before `legal`, longest first; `next` is the step that fires next; a move bumps `generation`.
    """

    legal: datetime
    working: datetime
    rule: str
    warn: tuple[int, ...] = ()
    lane: int = 2
    next: int = 0
    generation: int = 1
    provisional: bool = False

    def steps(self) -> tuple[Step, ...]:
        """Every step in the order of time: the warnings, then the breach at the legal instant."""
        warnings = tuple(Step(StepKind.WARN, self.legal - timedelta(minutes=m)) for m in self.warn)
        return (*warnings, Step(StepKind.BREACH, self.legal))

    @property
    def due(self) -> datetime | None:
        """When the next step fires; None once the breach has fired."""
        steps = self.steps()
        return steps[self.next].at if self.next < len(steps) else None


@dataclass(frozen=True, slots=True)
class Fired:
    """The step that fired, the earlier ones it stands for, and the deadline afterwards."""

    step: Step
    skipped: int
    after: Deadline


def fire(deadline: Deadline, now: datetime) -> Fired | None:
    """Fire the latest step whose time has passed; None when none has."""
    steps = deadline.steps()
    passed = [i for i in range(deadline.next, len(steps)) if steps[i].at <= now]
    if not passed:
        return None
    last = passed[-1]
    return Fired(steps[last], last - deadline.next, replace(deadline, next=last + 1))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A deadline that the state of a case calls for, counted from `starts`."""

    starts: datetime
    legal: datetime
    working: datetime
    rule: str
    warn: tuple[int, ...]
    lane: int


@dataclass(frozen=True, slots=True)
class Change:
    """What reconciling did to one kind: armed, moved or met."""

    kind: str
    what: str
    legal: datetime


def reconcile(
    armed: Mapping[str, Deadline], wanted: Mapping[str, Wanted]
) -> tuple[dict[str, Deadline], tuple[Change, ...]]:
    """Bring the armed deadlines into line with the state: arm what is new, move what changed, meet what is done.

    A deadline whose legal instant stands is left alone, so that its warnings are not repeated.
    """
    after: dict[str, Deadline] = {}
    changes: list[Change] = []
    for kind, want in sorted(wanted.items()):
        old = armed.get(kind)
        if old is not None and old.legal == want.legal:
            after[kind] = old
            continue
        generation = old.generation + 1 if old else 1
        after[kind] = Deadline(want.legal, want.working, want.rule, want.warn, want.lane, generation=generation)
        changes.append(Change(kind, "moved" if old else "armed", want.legal))
    gone = sorted(kind for kind in armed if kind not in wanted)
    changes += [Change(kind, "met", armed[kind].legal) for kind in gone]
    return after, tuple(changes)
