"""A row of the deadline registry is read whole, refused where it cannot be meant, and named so that it can be cited."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from quittance.application.compile_limits import OPTIONAL, ROW, limit_of, limits_in, overlaps, problems
from quittance.application.policy_reading import Found, table
from quittance.domain.marketplace import Marketplace
from quittance.domain.registry import Counted, Duration, choose

SPAN_KEYS = ("minutes", "hours", "working_hours", "calendar_days", "business_days")
READ = table(ROW, OPTIONAL)


def row(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "kind": "answer_claim",
        "starts": "claim_opened",
        "hours": 72,
        "ahead_hours": 8,
        "warn_minutes": [1440, 240],
        "lane": 0,
        "countries": ["*"],
        "valid_from": "2026-01-01",
        "source": "Seller Central help 27951",
    }
    made = plain | changes
    return {key: value for key, value in made.items() if value is not None}


def wrong(stated: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[Found] = list(READ("", stated)) or list(problems(stated))
    return [(key, rule) for key, rule, _ in found]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"escalate_minutes": [240, 120], "margin_minutes": 60, "stage": "opened", "valid_until": "2027-01-01"},
        {"hours": None, "calendar_days": 3},
        {"hours": None, "business_days": 2},
        {"hours": None, "working_hours": 40},
        {"hours": None, "printed": True},
    ],
)
def test_a_row_that_says_how_long_or_that_the_channel_prints_it_is_read(changes: dict[str, Any]) -> None:
    assert wrong(row(**changes)) == []


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"hours": None}, ("hours", "BAD_DURATION")),
        ({"calendar_days": 3}, ("hours", "BAD_DURATION")),
        ({"printed": True}, ("hours", "BAD_DURATION")),
        ({"starts": "received"}, ("starts", "BAD_VALUE")),
        ({"kind": "answer_everything"}, ("kind", "BAD_VALUE")),
        ({"valid_until": "2026-01-01"}, ("valid_until", "BAD_VALUE")),
        ({"valid_until": "soon"}, ("valid_until", "BAD_VALUE")),
        ({"warn_minutes": [240, 1440]}, ("warn_minutes", "BAD_WARN")),
        ({"warn_minutes": [72 * 60]}, ("warn_minutes", "BAD_WARN")),
        ({"escalate_minutes": [72 * 60]}, ("escalate_minutes", "BAD_WARN")),
        ({"escalate_minutes": [60, 120]}, ("escalate_minutes", "BAD_WARN")),
        ({"ahead_hours": 72}, ("ahead_hours", "BAD_VALUE")),
        ({"hours": None, "calendar_days": 1, "warn_minutes": [1380]}, ("warn_minutes", "BAD_WARN")),
        ({"countries": ["XX"]}, ("countries.0", "UNKNOWN_COUNTRY")),
        ({"days": 3}, ("days", "UNKNOWN_KEY")),
        ({"source": None}, ("source", "MISSING_KEY")),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused_by_its_key(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert wrong(row(**changes)) == [expected]


def test_a_row_becomes_a_limit_with_everything_it_says() -> None:
    stated = row(escalate_minutes=[120], margin_minutes=60, valid_until="2027-01-01", countries=["US"], stage="opened")

    limit = limit_of(stated, "amazon@2")

    assert (limit.kind, limit.starts, limit.duration) == ("answer_claim", "claim_opened", Duration(hours=72))
    assert (limit.ahead, limit.margin) == (timedelta(hours=8), timedelta(hours=1))
    assert (limit.warn, limit.escalate, limit.lane) == ((1440, 240), (120,), 0)
    assert (limit.since, limit.until, limit.countries) == (
        date(2026, 1, 1),
        date(2027, 1, 1),
        frozenset({"US"}),
    )
    assert (limit.rule, limit.source, limit.stage) == (
        "amazon@2:deadline.answer_claim",
        "Seller Central help 27951",
        "opened",
    )


@pytest.mark.proves("F157")
def test_where_a_kind_has_several_rows_the_rule_that_set_it_names_the_row() -> None:
    rows = [row(hours=96), row(hours=None, calendar_days=4, source="the notice"), row(hours=48, countries=["AU"])]
    event = datetime(2026, 11, 18, 12, tzinfo=UTC)

    found = choose(event, limits_in(rows, "US", "amazon@2"), Counted(Marketplace(("America/New_York",))))

    assert found is not None
    assert found.rule == "amazon@2:deadline.answer_claim.96h"
    assert [rule for rule, _ in found.rivals] == ["amazon@2:deadline.answer_claim.4d"]
    assert [limit.rule for limit in limits_in(rows, "AU", "amazon@2")] == ["amazon@2:deadline.answer_claim"]


def test_the_same_row_twice_at_one_time_is_found_and_one_after_the_other_is_not() -> None:
    before, after = row(valid_until="2026-02-16"), row(valid_from="2026-02-16")

    assert list(overlaps([before, after, row(source="another source")])) == []
    assert [(key, rule) for key, rule, _ in overlaps([row(), after])] == [("answer_claim.countries", "DUPLICATE")]
    assert list(overlaps([row(countries=["US"]), row(countries=["FR"])])) == []


@pytest.mark.parametrize("span", SPAN_KEYS)
def test_every_way_to_say_how_long_reaches_the_domain(span: str) -> None:
    stated = row(**{"hours": None, "ahead_hours": 0, "warn_minutes": [], span: 3})

    assert wrong(stated) == []
    assert limit_of(stated, "x@1").duration == Duration(**{span: 3})
