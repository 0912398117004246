"""Windows of whole days end at midnight of the store, also across a change of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.policy import window_end
from tests.policies.documents import SHOP, compiled, documents

SECOND = timedelta(seconds=1)
# Clocks in Paris go forward on 29 March and back on 25 October 2026.
EDGES = [
    ("2026-03-20T11:00:00Z", 14, "2026-04-03T22:00:00Z"),
    ("2026-03-14T22:59:59Z", 14, "2026-03-28T23:00:00Z"),
    ("2026-03-14T23:00:00Z", 14, "2026-03-29T22:00:00Z"),
    ("2026-10-10T12:00:00Z", 14, "2026-10-24T22:00:00Z"),
    ("2026-10-11T12:00:00Z", 14, "2026-10-25T23:00:00Z"),
    ("2026-10-15T12:00:00Z", 30, "2026-11-14T23:00:00Z"),
    ("2026-02-27T12:00:00Z", 30, "2026-03-29T22:00:00Z"),
    ("2026-12-10T12:00:00Z", 30, "2027-01-09T23:00:00Z"),
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.proves("F012", "F019")
@pytest.mark.parametrize("delivered, days, end", EDGES)
@pytest.mark.parametrize("off, is_inside", [(-SECOND, True), (timedelta(0), False), (SECOND, False)])
def test_the_merchants_window_is_open_until_the_end_of_its_last_day(
    delivered: str, days: int, end: str, off: timedelta, is_inside: bool
) -> None:
    found = documents()
    found["shopify"]["returns"]["window_days"] = days

    policy = compiled(found)

    assert policy.is_inside_window(at(delivered), at(end) + off) is is_inside


@pytest.mark.proves("F012")
@pytest.mark.parametrize("delivered, days, end", [edge for edge in EDGES if edge[1] == 14])
@pytest.mark.parametrize("off, is_inside", [(-SECOND, True), (timedelta(0), False), (SECOND, False)])
@pytest.mark.parametrize("country, rule", [("FR", "eu.withdrawal"), ("GB", "uk.withdrawal")])
def test_the_laws_window_is_open_until_the_end_of_its_last_day(
    delivered: str, days: int, end: str, off: timedelta, is_inside: bool, country: str, rule: str
) -> None:
    law = compiled(documents()).withdrawal(country, at(delivered), at(end) + off)

    assert (law.rule if law else None) == (rule if is_inside else None)
    assert law is None or law.days == days


@pytest.mark.parametrize("country", ["US", "CH", "JP"])
def test_where_no_law_gives_a_withdrawal_there_is_none(country: str) -> None:
    delivered = at("2026-11-01T12:00:00Z")

    assert compiled(documents()).withdrawal(country, delivered, delivered) is None


def test_an_unknown_country_or_delivery_counts_as_inside() -> None:
    policy = compiled(documents())
    delivered = at("2026-11-01T12:00:00Z")

    assert policy.withdrawal("", delivered, delivered + timedelta(days=1)) is not None
    assert policy.withdrawal("FR", None, delivered + timedelta(days=999)) is not None
    assert policy.is_inside_window(None, delivered) is True


@pytest.mark.proves("F012")
@given(
    start=st.integers(0, 15 * 365 * 86_400).map(lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + seconds * SECOND),
    days=st.integers(0, 400),
    zone=st.sampled_from(["Europe/Paris", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu", "UTC"]),
)
def test_a_window_never_ends_before_its_whole_days_have_passed(start: datetime, days: int, zone: str) -> None:
    length = window_end(start, days, zone) - start

    # A day may have 23 or 25 hours where clocks change, and the rest of the first day comes on top.
    assert timedelta(days=days) - timedelta(hours=1) < length <= timedelta(days=days + 1, hours=1)


@pytest.mark.proves("F019")
def test_the_window_of_a_store_is_its_own() -> None:
    found = documents()
    found["shopify"]["store"] = {SHOP: {"returns": {"window_days": 100}}}
    delivered = at("2026-01-01T12:00:00Z")

    assert compiled(found).is_inside_window(delivered, delivered + timedelta(days=90)) is True
    assert compiled(documents()).is_inside_window(delivered, delivered + timedelta(days=90)) is False
