"""The working clock steps back into staffed hours, counts exactly, and is never later than the legal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quittance.domain.calendar import Absence, Calendar, away_until, days_off
from quittance.domain.errors import Rejected

HOUR, MINUTE, NONE = timedelta(hours=1), timedelta(minutes=1), timedelta(0)
MORNING, AFTERNOON = (9 * 60, 12 * 60), (13 * 60, 18 * 60)
OFFICE = Calendar("Europe/Paris", ((MORNING, AFTERNOON),) * 5 + ((), ()))
ARMISTICE = date(2026, 11, 11)


def paris(text: str) -> datetime:
    """The instant of a wall time in Paris."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Paris"))


@pytest.mark.parametrize(
    "legal, expected",
    [
        ("2026-11-18 15:00", "2026-11-18 15:00"),  # Wednesday, somebody is there
        ("2026-11-18 12:30", "2026-11-18 12:00"),  # lunch
        ("2026-11-18 09:00", "2026-11-17 18:00"),  # the shift begins only now
        ("2026-11-18 18:00", "2026-11-18 18:00"),  # until closing time
        ("2026-11-18 03:00", "2026-11-17 18:00"),  # night
        ("2026-11-22 12:00", "2026-11-20 18:00"),  # Sunday
        ("2026-11-23 08:59", "2026-11-20 18:00"),  # Monday before opening
    ],
)
def test_the_latest_staffed_moment_before_a_legal_end_is_found_over_nights_and_weekends(
    legal: str, expected: str
) -> None:
    assert OFFICE.working_before(paris(legal)) == paris(expected)


@pytest.mark.proves("B4")
@pytest.mark.parametrize(
    "legal, hours, expected",
    [
        ("2026-11-18 17:00", 2, "2026-11-18 15:00"),
        ("2026-11-18 14:00", 2, "2026-11-18 11:00"),  # the hour of lunch is no working time
        ("2026-11-18 17:00", 8, "2026-11-17 17:00"),
        ("2026-11-23 10:00", 4, "2026-11-20 15:00"),  # one hour on Monday, three on Friday
        ("2026-11-22 23:00", 40, "2026-11-16 09:00"),  # a whole week
    ],
)
def test_working_time_is_stepped_back_over_what_is_none(legal: str, hours: int, expected: str) -> None:
    assert OFFICE.step_back(paris(legal), hours * HOUR) == paris(expected)


@pytest.mark.proves("B4")
def test_public_holidays_and_absences_are_no_working_time() -> None:
    with_holiday = replace(OFFICE, holidays=frozenset({ARMISTICE}))
    away = replace(with_holiday, absences=(days_off("Europe/Paris", date(2026, 11, 9), date(2026, 11, 10)),))

    assert OFFICE.step_back(paris("2026-11-12 10:00"), 3 * HOUR) == paris("2026-11-11 16:00")
    assert with_holiday.step_back(paris("2026-11-12 10:00"), 3 * HOUR) == paris("2026-11-10 16:00")
    assert away.step_back(paris("2026-11-12 10:00"), 3 * HOUR) == paris("2026-11-06 16:00")


@pytest.mark.proves("F053")
def test_an_absence_begins_and_ends_at_the_minute_that_was_set() -> None:
    dentist = Absence(paris("2026-11-18 10:30"), paris("2026-11-18 14:15"))
    away = replace(OFFICE, absences=(dentist,))

    assert away.is_staffed(paris("2026-11-18 10:29"))
    assert not away.is_staffed(paris("2026-11-18 10:30"))
    assert not away.is_staffed(paris("2026-11-18 14:14"))
    assert away.next_staffed(paris("2026-11-18 11:00")) == paris("2026-11-18 14:15")
    assert away_until(away.absences, paris("2026-11-18 10:30")) == paris("2026-11-18 14:15")
    assert away_until(away.absences, paris("2026-11-18 14:15")) is None


def test_absences_that_follow_one_another_are_one() -> None:
    first = Absence(paris("2026-12-21 09:00"), paris("2026-12-26 00:00"))
    second = Absence(paris("2026-12-26 00:00"), paris("2027-01-04 09:00"))

    assert away_until((second, first), paris("2026-12-24 12:00")) == second.ends


def test_every_absence_counts_in_whatever_order_they_were_set() -> None:
    late = Absence(paris("2026-11-18 16:00"), paris("2026-11-18 17:30"))
    early = Absence(paris("2026-11-18 10:00"), paris("2026-11-18 11:00"))

    for absences in ((early, late), (late, early)):
        away = replace(OFFICE, absences=absences)
        assert away.staffed_between(paris("2026-11-18 00:00"), paris("2026-11-19 00:00")) == 5 * HOUR + 30 * MINUTE


def test_from_a_later_to_an_earlier_instant_there_is_no_working_time() -> None:
    assert OFFICE.staffed_between(paris("2026-11-18 17:00"), paris("2026-11-18 14:00")) == NONE


def test_clocks_that_are_set_back_over_midnight_lose_no_shift() -> None:
    # In 2010 the clocks of Saint John's went from 00:01 on Sunday back to 23:01 on Saturday.
    sunday = Calendar("America/St_Johns", ((),) * 6 + (((0, 6 * 60),),))
    again_saturday = datetime(2010, 11, 6, 23, 30, fold=1, tzinfo=ZoneInfo("America/St_Johns")).astimezone(UTC)
    first_midnight = datetime(2010, 11, 7, 0, 0, tzinfo=ZoneInfo("America/St_Johns")).astimezone(UTC)

    assert sunday.is_staffed(again_saturday)
    assert sunday.working_before(again_saturday) == again_saturday
    assert sunday.staffed_between(first_midnight, again_saturday) == 30 * MINUTE
    assert sunday.step_back(again_saturday, 30 * MINUTE) == first_midnight


def test_days_off_count_their_last_day_whole() -> None:
    off = days_off("Europe/Paris", date(2026, 3, 28), date(2026, 3, 29))

    assert (off.starts, off.ends) == (paris("2026-03-28 00:00"), paris("2026-03-30 00:00"))
    assert off.ends - off.starts == 47 * HOUR  # the clocks are put forward in that night


def test_with_a_floor_the_search_stops_there() -> None:
    away = replace(OFFICE, absences=(days_off("Europe/Paris", date(2026, 11, 1), date(2026, 11, 30)),))
    starts, legal = paris("2026-11-18 15:00"), paris("2026-11-19 15:00")

    assert away.step_back(legal, 2 * HOUR, starts) == starts
    assert OFFICE.step_back(legal, 2 * HOUR, starts) == paris("2026-11-19 13:00")
    assert OFFICE.step_back(legal, 2 * HOUR, legal + HOUR) == legal


@pytest.mark.parametrize("method", ["step_back", "step_on"])
def test_where_nobody_comes_back_within_two_years_it_says_so(method: str) -> None:
    gone = replace(OFFICE, absences=(days_off("Europe/Paris", date(2020, 1, 1), date(2040, 1, 1)),))

    with pytest.raises(Rejected, match="NO_WORKING_DAY"):
        getattr(gone, method)(paris("2030-01-01 12:00"), HOUR)


@pytest.mark.parametrize(
    "change, code",
    [
        ({"week": ((),) * 7}, "NO_WORKING_DAY"),
        ({"week": ((MORNING,),) * 5}, "BAD_HOURS"),
        ({"week": (((600, 600),),) * 7}, "BAD_HOURS"),
        ({"week": (((600, 540),),) * 7}, "BAD_HOURS"),
        ({"week": (((-1, 540),),) * 7}, "BAD_HOURS"),
        ({"week": (((540, 1441),),) * 7}, "BAD_HOURS"),
        ({"week": ((AFTERNOON, MORNING),) * 7}, "BAD_HOURS"),
        ({"week": (((540, 720), (719, 800)),) * 7}, "BAD_HOURS"),
        ({"zone": "Europe/Lutetia"}, "UNKNOWN_ZONE"),
        ({"zone": "Europe"}, "UNKNOWN_ZONE"),
        ({"zone": "../../etc/passwd"}, "UNKNOWN_ZONE"),
        ({"zone": ""}, "UNKNOWN_ZONE"),
    ],
)
def test_a_calendar_that_nobody_can_work_by_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Rejected) as refused:
        replace(OFFICE, **change)

    assert refused.value.code == code


@pytest.mark.parametrize("method", ["step_back", "step_on", "staffed_between"])
def test_a_time_without_a_zone_is_refused(method: str) -> None:
    naive = datetime(2026, 11, 18, 12, tzinfo=UTC).replace(tzinfo=None)
    further: Any = naive if method == "staffed_between" else HOUR

    with pytest.raises(Rejected, match="NAIVE_TIME"):
        getattr(OFFICE, method)(naive, further)


def test_an_absence_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(Rejected, match="BAD_ABSENCE"):
        days_off("Europe/Paris", date(2026, 11, 19), date(2026, 11, 18))
    with pytest.raises(Rejected, match="BAD_SPAN"):
        OFFICE.step_back(paris("2026-11-18 17:00"), -HOUR)


# Zones whose clocks change by an hour, by half an hour, at midnight, before midnight, and not at all.
ZONES = st.sampled_from(
    "Europe/Paris America/New_York Australia/Lord_Howe America/Havana America/Santiago Asia/Beirut Africa/Cairo"
    " America/Nuuk Atlantic/Azores Pacific/Chatham Africa/Casablanca Asia/Kolkata Pacific/Kiritimati UTC".split()
)
INSTANTS = st.integers(0, 20 * 365 * 24 * 60).map(lambda minute: datetime(2020, 1, 1, tzinfo=UTC) + minute * MINUTE)
SPANS = st.integers(0, 12 * 60).map(lambda minutes: minutes * MINUTE)


def shifts(low: int, high: int) -> st.SearchStrategy[tuple[tuple[int, int], ...]]:
    """Up to two shifts of half an hour or more between two minutes of the day."""
    marks = st.lists(st.integers(low // 30, high // 30), unique=True, max_size=4).map(sorted)
    return marks.map(lambda found: tuple((a * 30, b * 30) for a, b in zip(found[::2], found[1::2], strict=False)))


@st.composite
def calendars(draw: st.DrawFn, low: int = 0, high: int = 1440) -> tuple[Calendar, datetime]:
    """A calendar, and an instant about which its holidays and absences lie."""
    about = draw(INSTANTS)
    week = tuple(draw(shifts(low, high)) for _ in range(7))
    assume(any(week))
    near = st.integers(-20, 20).map(lambda days: (about + timedelta(days=days)).date())
    off = st.tuples(st.integers(-20 * 24, 20 * 24), st.integers(1, 10 * 24)).map(
        lambda hours: Absence(about + hours[0] * HOUR, about + (hours[0] + hours[1]) * HOUR)
    )
    holidays = frozenset(draw(st.lists(near, max_size=4)))
    return Calendar(draw(ZONES), week, holidays, tuple(draw(st.lists(off, max_size=3)))), about


@pytest.mark.proves("B4")
@settings(max_examples=50)
@given(calendars(), SPANS)
def test_exactly_the_working_time_that_was_asked_for_is_left_and_never_less(
    made: tuple[Calendar, datetime], span: timedelta
) -> None:
    calendar, legal = made

    working = calendar.step_back(legal, span)

    assert working <= legal
    assert calendar.staffed_between(working, legal) == span
    assert calendar.staffed_between(working + MINUTE, legal) < span or span == NONE
    assert calendar.step_on(working, span) <= legal or span == NONE


@settings(max_examples=50)
@given(calendars(), SPANS, SPANS, st.integers(0, 72 * 60))
def test_a_later_end_is_never_worked_to_earlier_and_a_longer_span_never_later(
    made: tuple[Calendar, datetime], span: timedelta, more: timedelta, minutes: int
) -> None:
    calendar, legal = made
    assume(more <= 4 * HOUR)

    assert calendar.step_back(legal, span) <= calendar.step_back(legal + minutes * MINUTE, span)
    assert calendar.step_back(legal, span + more) <= calendar.step_back(legal, span)


@settings(max_examples=50)
@given(calendars(), SPANS, st.integers(-72, 72), st.integers(1, 72))
def test_one_more_day_off_never_makes_it_later(
    made: tuple[Calendar, datetime], span: timedelta, begins: int, lasts: int
) -> None:
    calendar, legal = made
    off = Absence(legal + begins * HOUR, legal + (begins + lasts) * HOUR)
    day = (legal + begins * HOUR).date()

    assert replace(calendar, absences=(*calendar.absences, off)).step_back(legal, span) <= calendar.step_back(
        legal, span
    )
    assert replace(calendar, holidays=calendar.holidays | {day}).step_back(legal, span) <= calendar.step_back(
        legal, span
    )


@settings(max_examples=50)
@given(calendars(), SPANS, st.integers(0, 96))
def test_with_a_floor_it_lies_between_the_floor_and_the_end(
    made: tuple[Calendar, datetime], span: timedelta, hours: int
) -> None:
    calendar, legal = made
    starts = legal - hours * HOUR

    working = calendar.step_back(legal, span, starts)

    assert starts <= working <= legal
    assert working == max(starts, calendar.step_back(legal, span))


@settings(max_examples=50)
@given(calendars())
def test_the_next_staffed_instant_is_staffed_and_none_lies_before_it(made: tuple[Calendar, datetime]) -> None:
    calendar, now = made

    found = calendar.next_staffed(now)

    assert found >= now
    assert calendar.is_staffed(found)
    assert calendar.staffed_between(now, found) == NONE
    assert calendar.is_staffed(now) is (found == now)


@settings(max_examples=50)
@given(calendars(), st.lists(st.integers(0, 30 * 24 * 60), min_size=3, max_size=3))
def test_working_time_adds_up(made: tuple[Calendar, datetime], minutes: list[int]) -> None:
    calendar, about = made
    marks = sorted(about + minute * MINUTE for minute in minutes)

    parts = [calendar.staffed_between(a, b) for a, b in pairwise(marks)]

    assert sum(parts, NONE) == calendar.staffed_between(marks[0], marks[-1])
    assert calendar.staffed_between(marks[-1], marks[0]) == NONE


def wall_minutes(calendar: Calendar, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every minute at which a clock on the wall shows a time of a shift: the same by other means."""
    while start < end:
        wall = start.astimezone(ZoneInfo(calendar.zone))
        minute = wall.hour * 60 + wall.minute
        is_shift = any(opens <= minute < closes for opens, closes in calendar.week[wall.weekday()])
        is_off = any(off.starts <= start < off.ends for off in calendar.absences)
        if is_shift and not is_off and wall.date() not in calendar.holidays:
            yield start
        start += MINUTE


@pytest.mark.proves("B4")
@settings(max_examples=50)
@given(calendars(5 * 60, 21 * 60), st.integers(0, 48))
def test_a_clock_on_the_wall_counts_the_same_working_time(made: tuple[Calendar, datetime], hours: int) -> None:
    calendar, start = made
    end = start + hours * HOUR

    counted = sum(1 for _ in wall_minutes(calendar, start, end))

    assert calendar.staffed_between(start, end) == counted * MINUTE
