"""Instants as Amazon writes and reads them: UTC, seconds in answers, milliseconds in notifications.

A time without a zone in a request is read as UTC, which is what Amazon's documentation asks callers to send.
"""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(at: datetime) -> str:
    """2026-11-21T21:38:43Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fine_stamp(at: datetime) -> str:
    """2026-11-21T21:38:43.123Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def read(text: str) -> datetime:
    """An instant of a request. Raises ValueError."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
