"""Every change of the clocks in every zone of the world from 2020 to 2040: not a second too early, not one too late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import chain
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import pytest

from quittance.domain.calendar import MIDNIGHT, Calendar
from quittance.domain.marketplace import Marketplace
from quittance.domain.registry import Duration
from quittance.domain.zones import day_of, end_of, instant_at

HOUR, SECOND, DAY = timedelta(hours=1), timedelta(seconds=1), timedelta(days=1)
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC)
ZONES: Final = sorted(available_timezones())
ALWAYS: Final = ((0, MIDNIGHT),)
# Where an event may lie relative to the change that comes after it.
BEFORE: Final = (SECOND, HOUR / 2, 23 * HOUR, 71 * HOUR)


def changes(zone: ZoneInfo) -> Iterator[datetime]:
    """Every instant from 2020 to 2040 at which the zone's offset changes, to the second."""
    week = timedelta(days=7)
    at = FIRST
    while at < LAST:
        low, high = at, at + week
        offset = low.astimezone(zone).utcoffset()
        if high.astimezone(zone).utcoffset() != offset:
            while high - low > SECOND:
                middle = low + (high - low) // SECOND // 2 * SECOND
                low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
            yield high
        at += week


@cache
def clocks() -> dict[tuple[object, ...], list[str]]:
    """Every zone, by what its clocks show from 2020 to 2040: those that show the same all the time are one."""
    found: dict[tuple[object, ...], list[str]] = {}
    for name in ZONES:
        zone = ZoneInfo(name)
        at = tuple(changes(zone))
        shown = tuple((instant, _offset(instant, zone)) for instant in (FIRST, *at))
        found.setdefault(shown, []).append(name)
    return found


@cache
def all_changes() -> tuple[tuple[str, datetime], ...]:
    """Each change of the clocks, with one of the zones that make it."""
    return tuple((names[0], at) for names in clocks().values() for at in changes(ZoneInfo(names[0])))


def test_the_sweep_sees_the_changes_of_the_whole_world() -> None:
    assert len(ZONES) > 500
    assert sorted(chain.from_iterable(clocks().values())) == ZONES
    paris = next(names[0] for names in clocks().values() if "Europe/Paris" in names)
    assert sum(name == paris for name, _ in all_changes()) == 42
    of_all = sum(len(names) for shown, names in clocks().items() for _ in shown[1:])
    assert of_all > 8000
    assert len({name for name, _ in all_changes()}) > 40


@pytest.mark.proves("F089", "F157", "B4")
@pytest.mark.parametrize("hours", [24, 72])
def test_a_legal_clock_runs_its_hours_to_the_second_over_every_change_of_the_clocks(hours: int) -> None:
    duration, nowhere, wrong_by_wall = Duration(hours=hours), Marketplace(), 0
    for name, change in all_changes():
        for before in BEFORE:
            starts = (change - before).astimezone(ZoneInfo(name))
            legal = duration.after(starts, nowhere)
            assert (legal.timestamp() - starts.timestamp(), legal.tzinfo) == (hours * 3600, UTC), (name, starts)
            wrong_by_wall += (starts + hours * HOUR).timestamp() != legal.timestamp()

    assert wrong_by_wall > len(all_changes())  # what adding to the wall time would have made of it


@pytest.mark.proves("B4")
@pytest.mark.parametrize("hours", [24, 72])
def test_a_desk_that_never_sleeps_works_every_second_of_it(hours: int) -> None:
    for name, change in all_changes():
        calendar, legal, span = Calendar(name, (ALWAYS,) * 7), change + hours * HOUR / 2, hours * HOUR
        assert calendar.step_back(legal, span) == legal - span, (name, change)
        assert calendar.staffed_between(legal - span, legal) == span, (name, change)


def test_a_wall_time_is_the_first_instant_at_which_the_clocks_have_reached_it() -> None:
    for name, change in all_changes():
        zone = ZoneInfo(name)
        for wall in _about(zone, change):
            minute = wall.hour * 60 + wall.minute
            found = instant_at(name, wall.date(), minute)
            shown, just_before = found.astimezone(zone), (found - SECOND).astimezone(zone)
            assert shown.fold == 0, (name, wall)
            assert just_before.replace(tzinfo=None) < wall <= shown.replace(tzinfo=None), (name, wall)


def _about(zone: ZoneInfo, change: datetime) -> Iterator[datetime]:
    """Wall times, in whole minutes, about what the clocks show before and after a change: skipped, doubled, plain."""
    shown = [at.astimezone(zone).replace(tzinfo=None, second=0) for at in (change - SECOND, change)]
    apart = abs(shown[1] - shown[0])
    for minutes in (-90, -1, 0, 1, 29, 31, apart // SECOND // 60 + 1, 90):
        for wall in shown:
            yield wall + timedelta(minutes=minutes)


def test_the_days_of_a_zone_follow_one_another_without_a_gap_and_differ_by_what_the_clocks_were_moved() -> None:
    for name, change in all_changes():
        zone, today = ZoneInfo(name), day_of(name, change)
        lengths = []
        for day in (today - DAY, today, today + DAY):
            starts, ends = instant_at(name, day, 0), end_of(name, day)
            assert ends == instant_at(name, day + DAY, 0)
            lengths.append(ends - starts)
        moved = _offset(change, zone) - _offset(change - SECOND, zone)
        assert sum(lengths, moved) == 3 * DAY or _is_odd(zone, today), (name, change)
        assert all(abs(length - DAY) <= abs(moved) for length in lengths), (name, change)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _is_odd(zone: ZoneInfo, day: date) -> bool:
    """Say whether the clocks skip or repeat the midnight at which the three days begin or end."""
    edges = (datetime(edge.year, edge.month, edge.day, tzinfo=zone) for edge in (day - DAY, day + 2 * DAY))
    return any(edge.utcoffset() != edge.replace(fold=1).utcoffset() for edge in edges)


@pytest.mark.proves("B4")
def test_an_ordinary_shift_keeps_its_hours_whatever_the_clocks_did_in_the_night() -> None:
    shift = (9 * 60, 17 * 60)
    for name, change in all_changes():
        calendar = Calendar(name, ((shift,),) * 7)
        for day in (day_of(name, change) - DAY, day_of(name, change), day_of(name, change) + DAY):
            opens, closes = instant_at(name, day, shift[0]), instant_at(name, day, shift[1])
            walls = [at.astimezone(ZoneInfo(name)) for at in (opens, closes)]
            assert [(wall.hour, wall.minute) for wall in walls] == [(9, 0), (17, 0)], (name, day)
            assert calendar.staffed_between(opens, closes) == 8 * HOUR
            assert calendar.step_back(closes + 3 * HOUR, HOUR) == closes - HOUR


@pytest.mark.proves("B4")
def test_a_rule_in_days_ends_at_midnight_in_its_zone_and_no_later_where_the_zone_is_unknown() -> None:
    unknown = cache(Marketplace().calendar_days_after)
    for name, change in all_changes():
        there = Marketplace((name,))
        for starts in (change - 50 * HOUR, change - SECOND, change + HOUR):
            for counted in (Marketplace.calendar_days_after, Marketplace.business_days_after):
                ends = counted(there, starts, 2)
                wall = ends.astimezone(ZoneInfo(name))
                assert (ends - SECOND).astimezone(ZoneInfo(name)).date() < wall.date(), (name, starts)
            assert unknown(starts, 2) <= there.calendar_days_after(starts, 2), (name, starts)


@pytest.mark.proves("B4")
def test_staff_who_work_only_their_hours_breach_nothing_in_a_year_anywhere() -> None:
    """A message has to be answered within 24 hours; whoever picks work up at its working instant is always in time."""
    week = (((9 * 60, 17 * 60),),) * 5
    effort, starts = 2 * HOUR, [FIRST + timedelta(hours=7 * n) for n in range(365 * 24 // 7)]
    for name in ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata"):
        calendar = Calendar(name, tuple(chain(week, ((), ()))))
        for at in starts:
            legal = at + 24 * HOUR
            working = calendar.step_back(legal, effort, at)
            assert at <= working <= legal
            if calendar.staffed_between(at, legal) >= effort:
                assert calendar.step_on(working, effort) <= legal
            else:
                assert working == at  # nobody can make it in staffed hours: it has to be told at once
