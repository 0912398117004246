"""Zones: local wall times turned into instants, one day at a time, so that no arithmetic is ever done on local times.

Decides what a wall time means on the days on which clocks change; refuses a zone that nobody knows.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from quittance.domain.errors import Rejected

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo:
    """Return the IANA time zone of this name; raises Rejected(UNKNOWN_ZONE) where there is none."""
    # A name may be that of a folder, or lead outside the database: ZoneInfo raises for each in its own way.
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Rejected("UNKNOWN_ZONE", "zone", f"{name!r} is no IANA time zone such as 'Europe/Paris'") from None


def in_utc(instant: datetime, field: str) -> datetime:
    """Return the instant in UTC; raises Rejected(NAIVE_TIME) for a time without a zone."""
    if instant.tzinfo is None:
        raise Rejected("NAIVE_TIME", field, f"{instant.isoformat()} has no time zone; state one")
    return instant.astimezone(UTC)


@lru_cache(maxsize=65_536)
def instant_at(zone: str, day: date, minute: int) -> datetime:
    """Return the first instant at which the zone's clocks show this minute of this day, or have passed it.

    `minute` counts from midnight, 1440 is the next midnight. A wall time that the clocks skip is the instant at which
    they skip it; one that they show twice is the first of both, so that nobody is expected to be there for longer.
    """
    wall = datetime.combine(day, time(0)) + timedelta(minutes=minute)
    local = zone_named(zone)
    first = wall.replace(tzinfo=local).astimezone(UTC)
    if first.astimezone(local).replace(tzinfo=None) == wall:
        return first
    return _skip(local, wall.replace(tzinfo=local, fold=1).astimezone(UTC), first)


def _skip(local: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the instant between both at which the clocks jumped, to the second."""
    offset = before.astimezone(local).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(local).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def day_of(zone: str, instant: datetime) -> date:
    """Return the day that the zone's calendars show at this instant."""
    return instant.astimezone(zone_named(zone)).date()


def end_of(zone: str, day: date) -> datetime:
    """Return the instant at which this day is over in the zone."""
    return instant_at(zone, day + _DAY, 0)
