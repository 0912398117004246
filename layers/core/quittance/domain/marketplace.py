"""A marketplace's own count of days: business and calendar days turned once into an instant that never moves again.

Where its zone is not published the earliest plausible midnight counts; refuses a marketplace that never opens.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from quittance.domain.errors import Rejected
from quittance.domain.values import dataclass
from quittance.domain.zones import day_of, end_of, in_utc, zone_named

DAYS: Final = 7
SATURDAY_AND_SUNDAY: Final = frozenset({5, 6})
# No rule of a marketplace runs longer than this; a longer one is a slip of the pen.
LONGEST: Final = 3660
_DAY: Final = timedelta(days=1)
_MIDNIGHT: Final = time(0)
# Every offset from UTC that clocks show somewhere, and what a change of the clocks may take from a day.
_OFFSETS: Final = tuple(timedelta(minutes=minute) for minute in range(-12 * 60, 14 * 60 + 1, 15))
_CHANGE: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Marketplace:
    """How a marketplace counts days: the zones it may mean, none where nothing is known, its weekend, its holidays.

    Weekdays count from Monday, 0. `holidays` are the days off of the whole country: one that is kept in a part of it
    only is a business day here, because a deadline must not be thought to end later than it does.
    """

    zones: tuple[str, ...] = ()
    weekend: frozenset[int] = SATURDAY_AND_SUNDAY
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        """Raise Rejected (UNKNOWN_ZONE | BAD_WEEKEND | NO_WORKING_DAY) for what nobody can count by."""
        for zone in self.zones:
            zone_named(zone)
        if not self.weekend <= frozenset(range(DAYS)):
            raise Rejected("BAD_WEEKEND", "weekend", "name weekdays from 0, Monday, to 6, Sunday")
        if len(self.weekend) == DAYS:
            raise Rejected("NO_WORKING_DAY", "weekend", "leave at least one day of the week to work on")

    def calendar_days_after(self, start: datetime, days: int) -> datetime:
        """The instant at which this many whole days after the day of `start` are over, in the earliest zone meant.

        The day of the event is not counted, the last counts whole. Source: Regulation (EEC, Euratom) 1182/71 article 3.
        """
        return self._ends(start, days, is_business=False)

    def business_days_after(self, start: datetime, days: int) -> datetime:
        """The same over business days alone: neither the weekend nor a public holiday counts."""
        return self._ends(start, days, is_business=True)

    def days_of(self, instant: datetime) -> frozenset[date]:
        """Every day that it may be there at this instant: one, or more where the zone is in doubt."""
        instant = in_utc(instant, "instant")
        if self.zones:
            return frozenset(day_of(zone, instant) for zone in self.zones)
        return frozenset((instant + offset).date() for offset in (_OFFSETS[0], timedelta(0), _OFFSETS[-1]))

    def _ends(self, start: datetime, days: int, *, is_business: bool) -> datetime:
        if not 0 < days <= LONGEST:
            raise Rejected("BAD_DURATION", "days", f"{days} is not between 1 and {LONGEST}")
        start = in_utc(start, "start")
        last = self._business_day if is_business else _calendar_day
        if self.zones:
            return min(end_of(zone, last(day_of(zone, start), days)) for zone in self.zones)
        midnights = (_midnight_after(last((start + offset).date(), days)) - offset for offset in _OFFSETS)
        return max(min(midnights) - _CHANGE, start)

    def _business_day(self, day: date, days: int) -> date:
        left = days
        while left:
            day += _DAY
            left -= day.weekday() not in self.weekend and day not in self.holidays
        return day


def _calendar_day(day: date, days: int) -> date:
    return day + days * _DAY


def _midnight_after(day: date) -> datetime:
    return datetime.combine(day + _DAY, _MIDNIGHT, tzinfo=UTC)
