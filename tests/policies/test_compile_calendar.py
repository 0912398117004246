"""A store's hours, its region's holidays and its absences become one calendar; a country becomes a count of days."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from ops.public_holidays import frozen
from quittance.application.compile_calendar import (
    HOURS,
    absences_of,
    calendar_of,
    excerpt,
    marketplace_of,
    problems,
    runs_out,
)
from quittance.domain.errors import Rejected

HOLIDAYS: Final[dict[str, Any]] = json.loads(frozen(frozenset({"AE", "FR", "SA", "US"}), 2026))
OFFICE: Final = {day: ["09:00-12:00", "13:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
PARIS: Final = {"country": "FR", "time_zone": "Europe/Paris", "hours": OFFICE}


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Paris"))


def calendar(**changes: Any) -> Any:
    made = calendar_of({**PARIS, **changes}, HOLIDAYS)
    assert made is not None
    return made


@pytest.mark.proves("B4")
def test_nobody_works_on_a_public_holiday_of_the_country() -> None:
    assert not calendar().is_staffed(paris("2026-07-14 10:00"))
    assert calendar().is_staffed(paris("2026-07-15 10:00"))
    assert calendar().working_before(paris("2026-07-15 08:00")) == paris("2026-07-13 18:00")


def test_a_region_has_days_off_of_its_own() -> None:
    good_friday = paris("2026-04-03 10:00")

    assert calendar().is_staffed(good_friday)
    assert not calendar(region="57").is_staffed(good_friday)


def test_a_store_has_days_off_of_its_own_and_absences_to_the_minute() -> None:
    away = absences_of([{"starts": "2026-11-18T10:30:00.000Z", "ends": "2026-11-18T12:00:00.000Z"}])
    made = calendar_of({**PARIS, "days_off": ["2026-12-24"]}, HOLIDAYS, away)

    assert made is not None
    assert not made.is_staffed(paris("2026-12-24 10:00"))
    assert made.next_staffed(datetime(2026, 11, 18, 10, 45, tzinfo=UTC)) == paris("2026-11-18 13:00")


def test_midnight_may_end_a_shift() -> None:
    night = calendar(hours={"sat": ["22:00-24:00"]})

    assert night.working_before(paris("2026-11-24 12:00")) == paris("2026-11-22 00:00")


def test_a_store_without_hours_has_no_calendar() -> None:
    assert calendar_of({"country": "FR", "time_zone": "Europe/Paris"}, HOLIDAYS) is None


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"country": "XX"}, "UNKNOWN_COUNTRY"),
        ({"region": "Bretagne"}, "UNKNOWN_REGION"),
        ({"time_zone": "Europe/Lutetia"}, "UNKNOWN_ZONE"),
        ({"hours": {}}, "NO_WORKING_DAY"),
        ({"hours": {"mon": []}}, "NO_WORKING_DAY"),
        ({"hours": {"mon": ["12:00-09:00"]}}, "BAD_HOURS"),
        ({"hours": {"mon": ["13:00-18:00", "09:00-12:00"]}}, "BAD_HOURS"),
    ],
)
def test_what_cannot_be_a_calendar_stops_publishing(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Rejected) as refused:
        calendar(**changes)

    assert refused.value.code == code
    assert [rule for _, rule, _ in problems({**PARIS, **changes}, HOLIDAYS)] == [code]
    assert list(problems(PARIS, HOLIDAYS)) == []


@pytest.mark.parametrize(
    "hours, rules",
    [
        (OFFICE, []),
        ({"sun": ["00:00-24:00"]}, []),
        ({"monday": []}, ["UNKNOWN_KEY"]),
        ({"mon": "09:00-12:00"}, ["WRONG_TYPE"]),
        ({"mon": ["9-12"]}, ["BAD_VALUE"]),
        ({"mon": ["24:00-24:00"]}, ["BAD_VALUE"]),
        ({"mon": ["09:00-12:00", "09:00-12:00"]}, ["DUPLICATE"]),
    ],
)
def test_hours_are_read_by_weekday_and_minute(hours: object, rules: list[str]) -> None:
    assert [rule for _, rule, _ in HOURS("store.0.hours", hours)] == rules


@pytest.mark.proves("B4")
def test_days_are_counted_in_every_zone_of_the_country_or_in_the_one_that_is_stated() -> None:
    states, eastern = marketplace_of(HOLIDAYS, "US"), marketplace_of(HOLIDAYS, "US", "America/New_York")
    late = datetime(2026, 11, 25, 6, tzinfo=UTC)  # the 25th in New York, the 24th in Los Angeles

    assert {"America/New_York", "Pacific/Honolulu"} <= set(states.zones)
    assert eastern.calendar_days_after(late, 4) - states.calendar_days_after(late, 4) == timedelta(hours=22)
    assert date(2026, 11, 26) in states.holidays  # Thanksgiving
    assert date(2026, 3, 31) not in states.holidays  # kept in some states only


def test_a_holiday_that_hangs_on_the_moon_is_a_business_day_and_a_day_off() -> None:
    feast = date(2027, 3, 9)
    dubai = {"country": "AE", "time_zone": "Asia/Dubai", "hours": {"tue": ["09:00-17:00"]}}
    made = calendar_of(dubai, HOLIDAYS)

    assert made is not None
    assert feast in made.holidays
    assert feast not in marketplace_of(HOLIDAYS, "AE").holidays
    assert marketplace_of(HOLIDAYS, "SA").weekend == {4, 5}


def test_a_country_that_is_not_frozen_is_refused() -> None:
    with pytest.raises(Rejected, match="UNKNOWN_COUNTRY"):
        marketplace_of(HOLIDAYS, "XX")


def test_only_the_countries_and_regions_in_use_are_published_and_they_say_the_same() -> None:
    store = {**PARIS, "region": "57"}

    cut = excerpt([store], ["US"], HOLIDAYS)

    assert list(cut["countries"]) == ["FR", "US"]
    assert list(cut["countries"]["FR"]["regions"]) == ["57"]
    assert calendar_of(store, cut) == calendar_of(store, HOLIDAYS)
    assert marketplace_of(cut, "US") == marketplace_of(HOLIDAYS, "US")
    assert cut["countries"]["US"]["regions"] == {}
    assert (cut["name"], cut["library"]) == ("holidays", HOLIDAYS["library"])


def test_the_frozen_years_run_out_when_the_last_has_begun() -> None:
    last = HOLIDAYS["last_year"]

    assert not runs_out(HOLIDAYS, datetime(last - 1, 12, 31, tzinfo=UTC))
    assert runs_out(HOLIDAYS, datetime(last, 1, 1, tzinfo=UTC))
