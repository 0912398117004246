"""What breaches by a given hour if nobody acts, and the fewest acts that save it with the people who are there.

Decides over heads alone and reads nothing; refuses an act that takes no time and a desk without hands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import combinations
from typing import Final

from quittance.domain.calendar import Calendar
from quittance.domain.case import Case
from quittance.domain.errors import Rejected
from quittance.domain.ids import CaseId
from quittance.domain.return_request import ReturnRequest
from quittance.domain.values import dataclass
from quittance.domain.zones import in_utc

RESOLVE_UNITS: Final = "resolve_units"
RELEASE_REFUND: Final = "release_refund"
# The kinds of deadline that one act meets together; every other kind is met by an act that is called as it is.
TOGETHER: Final[Mapping[str, frozenset[str]]] = {
    RESOLVE_UNITS: frozenset({"decide_units", "refund_received", "law_refund"}),
    RELEASE_REFUND: frozenset({"refund_received", "law_refund"}),
}


@dataclass(frozen=True, slots=True)
class Threat:
    """A deadline that passes unmet unless somebody acts."""

    case: CaseId
    kind: str
    legal: datetime
    rank: int
    provisional: bool


@dataclass(frozen=True, slots=True)
class Action:
    """One act on one case: the deadlines it meets, the earliest of their ends, and when to start at the latest."""

    case: CaseId
    act: str
    meets: tuple[str, ...]
    legal: datetime
    start_by: datetime
    rank: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Every threat by `until`; the acts that save what can be saved, in the order to do them; and what they cannot."""

    until: datetime
    threats: tuple[Threat, ...]
    actions: tuple[Action, ...]
    lost: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Crew:
    """Who is there: the calendar, how many work at once, and how long one act takes one of them."""

    calendar: Calendar
    hands: int = 1
    effort: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        """Raise Rejected (NO_HANDS | BAD_EFFORT)."""
        if self.hands < 1:
            raise Rejected("NO_HANDS", "hands", "state how many people work at once, one or more")
        if self.effort <= timedelta(0):
            raise Rejected("BAD_EFFORT", "effort", "state how long one act takes, above zero")


def forecast(cases: Iterable[Case], now: datetime, until: datetime, crew: Crew) -> Forecast:
    """Say which armed deadlines end after `now` and by `until`, and what to do about them.

    The acts are the fewest that meet them all. Where the hours do not suffice, the most that can be saved is saved,
    and claims and cancellations before anything else.
    """
    now, until = in_utc(now, "now"), in_utc(until, "until")
    threats: list[Threat] = []
    acts: list[Action] = []
    for case in cases:
        found = _threats(case, now, until)
        threats += found
        acts += _fewest(case, found, now, crew)
    saved, lost = _within_hours(acts, now, crew)
    return Forecast(until, tuple(sorted(threats, key=_by_end)), tuple(saved), tuple(lost))


def _by_end(each: Threat | Action) -> tuple[datetime, int, str]:
    return each.legal, each.rank, each.case


def _threats(case: Case, now: datetime, until: datetime) -> list[Threat]:
    return [
        Threat(case.id, kind, deadline.legal, case.standing.rank, deadline.provisional)
        for kind, deadline in sorted(case.deadlines.items())
        if now < deadline.legal <= until and deadline.due is not None
    ]


def _fewest(case: Case, threats: list[Threat], now: datetime, crew: Crew) -> list[Action]:
    """The smallest set of acts that meets all of these, by trying one, then two, and so on: a case has a handful."""
    ends = {threat.kind: threat.legal for threat in threats}
    acts = _acts(case, ends.keys())
    for size in range(len(ends) + 1):
        for chosen in combinations(sorted(acts), size):
            if ends.keys() <= frozenset().union(*(acts[act] for act in chosen)):
                return [_action(case, act, acts[act], ends, now, crew) for act in chosen]
    raise AssertionError("every kind has an act of its own")


def _acts(case: Case, kinds: Iterable[str]) -> dict[str, frozenset[str]]:
    """What a person can do about these kinds: one act for several where the state allows it."""
    undecided = isinstance(case.body, ReturnRequest) and any(line.undecided for line in case.body.lines.values())
    joint = RESOLVE_UNITS if undecided else RELEASE_REFUND
    alone = {kind: frozenset({kind}) for kind in kinds if kind not in TOGETHER[joint]}
    met = TOGETHER[joint].intersection(kinds)
    return {**alone, **({joint: met} if met else {})}


def _action(
    case: Case, act: str, meets: frozenset[str], ends: Mapping[str, datetime], now: datetime, crew: Crew
) -> Action:
    legal = min(ends[kind] for kind in meets)
    start_by = crew.calendar.step_back(legal, crew.effort, now)
    return Action(case.id, act, tuple(sorted(meets)), legal, start_by, case.standing.rank)


def _within_hours(acts: list[Action], now: datetime, crew: Crew) -> tuple[list[Action], list[Action]]:
    """Give each act the latest free turn before its end, the gravest first; what finds none is lost.

    Acts take the same time, so that the sets that can be done in time form a matroid: taking them in the order of
    weight saves both the weightiest and the most.
    """
    free: dict[int, int] = {}
    saved: list[Action] = []
    lost: list[Action] = []
    for act in sorted(acts, key=lambda each: (each.rank, each.legal, each.case)):
        turns = crew.calendar.staffed_between(now, act.legal) // crew.effort * crew.hands
        turn = _latest_free(free, turns)
        if turn:
            free[turn] = turn - 1
            saved.append(act)
        else:
            lost.append(act)
    return sorted(saved, key=_by_end), sorted(lost, key=_by_end)


def _latest_free(free: dict[int, int], turn: int) -> int:
    """The latest turn at or before this one that nobody has taken; 0 where there is none. Shortens the way for next."""
    passed = []
    while turn in free:
        passed.append(turn)
        turn = free[turn]
    for each in passed:
        free[each] = turn
    return turn
