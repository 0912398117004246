"""A rule in days becomes one instant: a midnight of the marketplace, the earliest one where its zone is in doubt."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.errors import Rejected
from quittance.domain.marketplace import LONGEST, Marketplace
from quittance.domain.policy import window_end

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
COAST_TO_COAST = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Pacific/Honolulu")
STATES = Marketplace(COAST_TO_COAST, holidays=frozenset({date(2026, 11, 26)}))
PARIS = Marketplace(("Europe/Paris",))
RIYADH = Marketplace(("Asia/Riyadh",), weekend=frozenset({4, 5}))


def at(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def test_the_day_of_the_event_is_not_counted_and_the_last_day_counts_whole() -> None:
    ends = PARIS.calendar_days_after(at("Europe/Paris", "2026-11-18 15:00"), 4)

    assert ends == at("Europe/Paris", "2026-11-23 00:00")
    assert ends.tzinfo is UTC


@pytest.mark.proves("B4")
@pytest.mark.parametrize(
    "event, days, ends",
    [
        ("2026-11-18 15:00", 2, "2026-11-21 00:00"),  # Wednesday: Thursday, Friday
        ("2026-11-20 15:00", 2, "2026-11-25 00:00"),  # Friday: Monday, Tuesday
        ("2026-11-21 15:00", 2, "2026-11-25 00:00"),  # Saturday: Monday, Tuesday
        ("2026-11-24 15:00", 2, "2026-11-28 00:00"),  # Thanksgiving lies between
        ("2026-11-25 22:00", 1, "2026-11-28 00:00"),
    ],
)
def test_business_days_leave_out_the_weekend_and_public_holidays(event: str, days: int, ends: str) -> None:
    new_york = Marketplace(("America/New_York",), holidays=STATES.holidays)

    assert new_york.business_days_after(at("America/New_York", event), days) == at("America/New_York", ends)


def test_a_weekend_is_where_the_country_has_it() -> None:
    thursday = at("Asia/Riyadh", "2026-11-19 12:00")

    assert RIYADH.business_days_after(thursday, 1) == at("Asia/Riyadh", "2026-11-23 00:00")


def test_over_several_zones_the_earliest_plausible_midnight_counts() -> None:
    noon, late = at("America/New_York", "2026-11-18 12:00"), at("America/New_York", "2026-11-18 01:00")

    assert STATES.calendar_days_after(noon, 4) == at("America/New_York", "2026-11-23 00:00")
    # One in the morning in New York is still the day before further west, whose count ends first.
    assert STATES.calendar_days_after(late, 4) == at("America/Denver", "2026-11-22 00:00")
    assert STATES.days_of(late) == {date(2026, 11, 17), date(2026, 11, 18)}


def test_where_nothing_is_known_of_the_zone_it_ends_before_it_could_end_anywhere() -> None:
    event = datetime(2026, 11, 18, 12, tzinfo=UTC)

    ends = Marketplace().calendar_days_after(event, 4)

    assert event + 96 * HOUR - 2 * HOUR <= ends <= event + 96 * HOUR
    assert Marketplace().days_of(event - HOUR) == {date(2026, 11, day) for day in (17, 18, 19)}


EVENTS = st.integers(0, 20 * 365 * 24 * 4).map(lambda n: datetime(2020, 1, 1, tzinfo=UTC) + n * timedelta(minutes=15))
ZONE = st.sampled_from(sorted(available_timezones()))


@given(EVENTS, ZONE, st.integers(1, 40))
def test_one_zone_counts_days_as_the_return_window_does(event: datetime, zone: str, days: int) -> None:
    assert Marketplace((zone,)).calendar_days_after(event, days) == window_end(event, days, zone)


@given(EVENTS, st.lists(ZONE, min_size=1, max_size=4), st.integers(1, 12))
def test_a_further_zone_never_makes_it_later_and_none_makes_it_earliest(
    event: datetime, zones: list[str], days: int
) -> None:
    fewer, more, none = Marketplace(tuple(zones[:1])), Marketplace(tuple(zones)), Marketplace()

    for ends in (Marketplace.calendar_days_after, Marketplace.business_days_after):
        assert event < ends(none, event, days) <= ends(more, event, days) <= ends(fewer, event, days)


@given(EVENTS, ZONE, st.integers(1, 12), st.integers(0, 200), st.lists(st.integers(-5, 30), max_size=4))
def test_more_days_a_later_event_and_more_holidays_never_make_it_earlier(
    event: datetime, zone: str, days: int, later: int, off: list[int]
) -> None:
    plain = Marketplace((zone,))
    festive = Marketplace((zone,), holidays=frozenset((event + timedelta(days=n)).date() for n in off))

    business = festive.business_days_after(event, days)
    assert plain.calendar_days_after(event, days) <= plain.business_days_after(event, days) <= business
    assert business < festive.business_days_after(event, days + 1)
    assert business <= festive.business_days_after(event + later * HOUR, days)


@pytest.mark.parametrize(
    "made, code",
    [
        (lambda: Marketplace(("Europe/Lutetia",)), "UNKNOWN_ZONE"),
        (lambda: Marketplace(weekend=frozenset(range(7))), "NO_WORKING_DAY"),
        (lambda: Marketplace(weekend=frozenset({7})), "BAD_WEEKEND"),
        (lambda: PARIS.calendar_days_after(datetime(2026, 11, 18, tzinfo=UTC), 0), "BAD_DURATION"),
        (lambda: PARIS.business_days_after(datetime(2026, 11, 18, tzinfo=UTC), LONGEST + 1), "BAD_DURATION"),
        (lambda: PARIS.calendar_days_after(datetime(2026, 11, 18, tzinfo=UTC).replace(tzinfo=None), 1), "NAIVE_TIME"),
        (lambda: PARIS.days_of(datetime(2026, 11, 18, tzinfo=UTC).replace(tzinfo=None)), "NAIVE_TIME"),
    ],
)
def test_what_nobody_can_count_by_is_refused(made: object, code: str) -> None:
    assert callable(made)
    with pytest.raises(Rejected) as refused:
        made()

    assert refused.value.code == code
