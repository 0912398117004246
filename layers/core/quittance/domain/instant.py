"""Instants as text: one fixed width, so that the order of the text is the order of time.

Refuses naive times and anything that is not UTC text of exactly this width.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from quittance.domain.errors import Rejected

WIDTH = 24
# One use case writes and reads the same few instants many times over.
_REMEMBERED = 1024


def to_text(instant: datetime) -> str:
    """Return `2026-11-21T21:38:43.123Z`; raises Rejected(NAIVE_TIME) for a time without a zone."""
    if instant.tzinfo is None:
        raise Rejected("NAIVE_TIME", "instant", f"{instant.isoformat()} has no time zone; state one")
    # Only in UTC are equal times always one instant: within a zone the hour that comes twice equals itself.
    return _utc_text(instant if instant.tzinfo is UTC else instant.astimezone(UTC))


@lru_cache(_REMEMBERED)
def _utc_text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Return the instant that `to_text` wrote; raises Rejected(BAD_TIME) for any other text."""
    try:
        return _instant_of(text)
    except (TypeError, ValueError):
        raise Rejected("BAD_TIME", "instant", f"{text!r} is not UTC text like 2026-11-21T21:38:43.123Z") from None


@lru_cache(_REMEMBERED)
def _instant_of(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None or to_text(instant) != text:
        raise ValueError(text)
    return instant


def parse_any(text: str, field: str) -> datetime:
    """Return the UTC instant of an ISO 8601 text with a zone, to the millisecond.

    Raises Rejected(BAD_TIME) when the text is no such time, and Rejected(NAIVE_TIME) when it names no zone.
    """
    try:
        instant = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Rejected("BAD_TIME", field, f"{text!r} is not an ISO 8601 time with a zone") from None
    if instant.tzinfo is None:
        raise Rejected("NAIVE_TIME", field, f"{text!r} names no time zone; add Z or an offset")
    try:
        instant = instant.astimezone(UTC)
    except OverflowError:
        raise Rejected("BAD_TIME", field, f"{text!r} lies outside the years 1 to 9999 in UTC") from None
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
