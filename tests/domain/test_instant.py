"""An instant as text has one width, so that the order of the text is the order of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.errors import Rejected
from quittance.domain.instant import WIDTH, from_text, parse_any, to_text

ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1000, 1, 3), datetime(9999, 12, 29), timezones=ZONES)  # noqa: DTZ001


def whole(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@given(TIMES, TIMES)
def test_the_order_of_the_texts_is_the_order_of_time(one: datetime, other: datetime) -> None:
    assert (to_text(one) < to_text(other)) == (whole(one.astimezone(UTC)) < whole(other.astimezone(UTC)))
    assert len(to_text(one)) == WIDTH


@given(TIMES)
def test_reading_gives_what_was_written_to_the_millisecond(instant: datetime) -> None:
    assert from_text(to_text(instant)) == whole(instant.astimezone(UTC))
    assert parse_any(instant.isoformat(), "at") == whole(instant.astimezone(UTC))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Rejected, match="NAIVE_TIME"):
        to_text(datetime(2026, 11, 21))  # noqa: DTZ001
    with pytest.raises(Rejected, match="NAIVE_TIME") as refusal:
        parse_any("2026-11-21T21:38:43", "requested_at")
    assert refusal.value.field == "requested_at"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21T21:38:43Z",
        "2026-11-21T21:38:43.123456Z",
        "2026-11-21T21:38:43.123+00:00",
        "2026-11-21 21:38:43.123Z",
        "2026-W47-6T21:38:43.123Z",
        "2026-11-21T21:38:43,123Z",
        "2026-13-21T21:38:43.123Z",
        "2026-11-21T21:38:43.1234",
    ],
)
def test_a_stored_time_has_exactly_the_one_form(text: str) -> None:
    with pytest.raises(Rejected, match="BAD_TIME"):
        from_text(text)


@pytest.mark.parametrize("text", ["", "soon", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00", None])
def test_what_is_no_time_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(Rejected, match="BAD_TIME") as refusal:
        parse_any(text, "sent_at")
    assert refusal.value.field == "sent_at"
