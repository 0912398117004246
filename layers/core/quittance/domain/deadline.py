"""Deadlines: what must have happened by when, with the steps that warn, escalate and record a breach.

Refuses to fire a step before its time and to fire it twice: a step that was passed is named as skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from quittance.domain.values import dataclass, replace


class StepKind(StrEnum):
    """What a step does when its time has come."""

    WARN = "warn"
    ESCALATE = "escalate"
    BREACH = "breach"


@dataclass(frozen=True, slots=True)
class Step:
    """One instant at which a deadline acts."""

    kind: StepKind
    at: datetime


@dataclass(frozen=True, slots=True)
class Deadline:
    """An armed deadline. `legal` is absolute and never stops; `working` is earlier, for people to work to.

    `warn` and `escalate` are minutes before `legal`, longest first; `next` is the step that fires next; a move bumps
    `generation`. A `provisional` one rests on an unproven source.
    """

    legal: datetime
    working: datetime
    rule: str
    warn: tuple[int, ...] = ()
    lane: int = 2
    next: int = 0
    generation: int = 1
    provisional: bool = False
    escalate: tuple[int, ...] = ()

    def steps(self) -> tuple[Step, ...]:
        """Every step in the order of time: warnings and escalations, then the breach at the legal instant."""
        if not self.escalate:
            ahead = [(minutes, StepKind.WARN) for minutes in self.warn]
        else:
            both = [(m, StepKind.WARN) for m in self.warn] + [(m, StepKind.ESCALATE) for m in self.escalate]
            ahead = sorted(both, key=lambda step: step[0], reverse=True)
        early = tuple(Step(kind, self.legal - timedelta(minutes=minutes)) for minutes, kind in ahead)
        return (*early, Step(StepKind.BREACH, self.legal))

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
    escalate: tuple[int, ...] = ()
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What reconciling did to one kind: armed, moved or met; or late, when it had passed before it was known.

    `skipped` counts the steps that a late one stands for.
    """

    kind: str
    what: str
    legal: datetime
    skipped: int = 0


def reconcile(
    armed: Mapping[str, Deadline], wanted: Mapping[str, Wanted], now: datetime | None = None
) -> tuple[dict[str, Deadline], tuple[Change, ...]]:
    """Bring the armed deadlines into line with the state: arm what is new, move what changed, meet what is done.

    A deadline whose legal instant stands keeps its steps, so that its warnings are not repeated; its rule, its working
    instant and whether it is provisional follow what is known now. One that had passed by `now` when it is armed or
    moved is over at once and told as late: nobody could have met it, and it never fires.
    """
    after: dict[str, Deadline] = {}
    changes: list[Change] = []
    for kind, want in sorted(wanted.items()):
        old = armed.get(kind)
        if old is not None and old.legal == want.legal:
            after[kind] = _refreshed(old, want)
            continue
        made = _made(want, old.generation + 1 if old else 1)
        changes.append(Change(kind, "moved" if old else "armed", want.legal))
        if now is not None and want.legal <= now:
            steps = len(made.steps())
            made = replace(made, next=steps)
            changes.append(Change(kind, "late", want.legal, skipped=steps - 1))
        after[kind] = made
    gone = sorted(kind for kind in armed if kind not in wanted)
    changes += [Change(kind, "met", armed[kind].legal) for kind in gone]
    return after, tuple(changes)


def _made(want: Wanted, generation: int) -> Deadline:
    return Deadline(
        legal=want.legal,
        working=want.working,
        rule=want.rule,
        warn=want.warn,
        lane=want.lane,
        generation=generation,
        provisional=want.provisional,
        escalate=want.escalate,
    )


def _refreshed(old: Deadline, want: Wanted) -> Deadline:
    """What may change without a step firing twice; an unproven source does not make a proven deadline doubtful."""
    provisional = old.provisional and want.provisional
    if (old.working, old.rule, old.provisional) == (want.working, want.rule, provisional):
        return old
    rule = old.rule if want.provisional and not old.provisional else want.rule
    return replace(old, working=want.working, rule=rule, provisional=provisional)
