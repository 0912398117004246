"""The calendar of a store: when somebody is there to work, and the working clock that steps back into those hours.

Refuses a calendar in which nobody ever works. Legal instants come from elsewhere and are never moved by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from quittance.domain.errors import Rejected
from quittance.domain.values import dataclass
from quittance.domain.zones import day_of, in_utc, instant_at, zone_named

# Staffed minutes of a local day, from the first until the second, which belongs to it no more.
Shift = tuple[int, int]
# The same between two instants.
Span = tuple[datetime, datetime]

MIDNIGHT: Final = 24 * 60
DAYS: Final = 7
# Further than this no search for somebody at work goes: two years of holidays and absences are no calendar.
HORIZON: Final = timedelta(days=731)
_DAY: Final = timedelta(days=1)
_NONE: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Absence:
    """Nobody is there from `starts` until `ends`, which belongs to it no more; both are instants."""

    starts: datetime
    ends: datetime

    def __post_init__(self) -> None:
        """Raise Rejected(NAIVE_TIME) for a time without a zone, Rejected(BAD_ABSENCE) for an end before the start."""
        if in_utc(self.starts, "absence.starts") >= in_utc(self.ends, "absence.ends"):
            raise Rejected("BAD_ABSENCE", "absence.ends", "an absence has to end after it starts")


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a store is staffed: shifts for each weekday, Monday first, without public holidays and absences.

    Shifts are in the order of the day and do not overlap. Every answer is an instant in UTC.
    """

    zone: str
    week: tuple[tuple[Shift, ...], ...]
    holidays: frozenset[date] = frozenset()
    absences: tuple[Absence, ...] = ()

    def __post_init__(self) -> None:
        """Raise Rejected (UNKNOWN_ZONE | BAD_HOURS | NO_WORKING_DAY) for what cannot be worked by."""
        zone_named(self.zone)
        if len(self.week) != DAYS:
            raise Rejected("BAD_HOURS", "week", f"state the shifts of {DAYS} days, Monday first")
        for index, shifts in enumerate(self.week):
            _check(f"week.{index}", shifts)
        if not any(self.week):
            raise Rejected("NO_WORKING_DAY", "week", "state at least one shift on one day of the week")

    def working_before(self, legal: datetime) -> datetime:
        """The latest moment before `legal` until which somebody works: the end of the last shift, or `legal` itself."""
        return self.step_back(legal, _NONE)

    def step_back(self, legal: datetime, span: timedelta, floor: datetime | None = None) -> datetime:
        """The latest instant from which `span` of working time is left until `legal`, over nights, days off, absences.

        It is never later than `legal`. With a `floor` it is never earlier than that, and stops there where there is
        less working time; without one raises Rejected(NO_WORKING_DAY) where two years hold too little.
        """
        if span < _NONE:
            raise Rejected("BAD_SPAN", "span", "working time is counted back from the end; state none or more")
        legal = in_utc(legal, "legal")
        start = legal - HORIZON if floor is None else min(in_utc(floor, "floor"), legal)
        left = span
        for opens, closes in self._backwards(start, legal):
            if closes - opens >= left:
                return closes - left
            left -= closes - opens
        if floor is None:
            raise _nobody(legal)
        return start

    def step_on(self, start: datetime, span: timedelta) -> datetime:
        """The earliest instant by which `span` of working time has gone by since `start`.

        Raises Rejected(NO_WORKING_DAY) where two years hold less.
        """
        start = in_utc(start, "start")
        left = span
        for opens, closes in self._onwards(start, start + HORIZON):
            if closes - opens >= left:
                return opens + left
            left -= closes - opens
        raise _nobody(start)

    def next_staffed(self, now: datetime) -> datetime:
        """The earliest staffed instant from `now` on; raises Rejected(NO_WORKING_DAY) where two years hold none."""
        return self.step_on(now, _NONE)

    def is_staffed(self, at: datetime) -> bool:
        """Say whether somebody is at work; not any more at the instant at which a shift ends."""
        at = in_utc(at, "at")
        return any(opens <= at < closes for opens, closes in self._onwards(at, at + timedelta(microseconds=1)))

    def staffed_between(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between both; none where the end is not after the start."""
        start, end = in_utc(start, "start"), in_utc(end, "end")
        return sum((closes - opens for opens, closes in self._onwards(start, max(start, end))), _NONE)

    def _onwards(self, start: datetime, end: datetime) -> Iterator[Span]:
        """Staffed spans between both instants, cut to them, in the order of time."""
        # Clocks that are set back over midnight show a day twice, hence one more day at either side.
        day, last = day_of(self.zone, start) - _DAY, day_of(self.zone, end) + _DAY
        while day <= last:
            for opens, closes in _staffed(self, day):
                if closes > start and opens < end:
                    yield max(opens, start), min(closes, end)
            day += _DAY

    def _backwards(self, start: datetime, end: datetime) -> Iterator[Span]:
        """The same spans, the latest first."""
        day, first = day_of(self.zone, end) + _DAY, day_of(self.zone, start) - _DAY
        while day >= first:
            for opens, closes in reversed(_staffed(self, day)):
                if closes > start and opens < end:
                    yield max(opens, start), min(closes, end)
            day -= _DAY


def _check(field: str, shifts: tuple[Shift, ...]) -> None:
    until = 0
    for opens, closes in shifts:
        if not until <= opens < closes <= MIDNIGHT:
            message = f"{opens} to {closes} is no shift; state minutes of the day from 0 to {MIDNIGHT}, in their order"
            raise Rejected("BAD_HOURS", field, message)
        until = closes


def _nobody(at: datetime) -> Rejected:
    return Rejected("NO_WORKING_DAY", "absences", f"nobody works long enough within two years of {at:%Y-%m-%d}")


@lru_cache(maxsize=16_384)
def _staffed(calendar: Calendar, day: date) -> tuple[Span, ...]:
    """When somebody is there on this day, as instants; nothing is left of a shift that the clocks skip."""
    if day in calendar.holidays:
        return ()
    shifts = calendar.week[day.weekday()]
    spans = [
        (instant_at(calendar.zone, day, opens), instant_at(calendar.zone, day, closes)) for opens, closes in shifts
    ]
    for absence in calendar.absences:
        spans = [part for span in spans for part in _without(span, absence)]
    return tuple(span for span in spans if span[0] < span[1])


def _without(span: Span, absence: Absence) -> Iterator[Span]:
    opens, closes = span
    yield opens, min(closes, in_utc(absence.starts, "absence.starts"))
    yield max(opens, in_utc(absence.ends, "absence.ends")), closes


def days_off(zone: str, first: date, last: date) -> Absence:
    """Nobody is there on all these days, of which the last counts whole; raises Rejected(BAD_ABSENCE)."""
    return Absence(instant_at(zone, first, 0), instant_at(zone, last, MIDNIGHT))


def away_until(absences: Iterable[Absence], now: datetime) -> datetime | None:
    """When whoever is away now is back, over absences that follow one another; None while nobody is away."""
    until = None
    for absence in sorted(absences, key=lambda each: each.starts):
        if absence.starts <= (until or now) < absence.ends:
            until = absence.ends
    return until
