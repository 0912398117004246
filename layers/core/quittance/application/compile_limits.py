"""Reads and compiles the rows of the deadline registry, as policy files state them.

Refuses a row that says two durations or none, that warns before its start, or that counts from another event than its
kind does; a kind that nobody knows is a deadline that silently would not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Final

from quittance.application.policy_reading import (
    Found,
    Reader,
    country_or_any,
    day,
    flag,
    many,
    one_of,
    text,
    whole,
)
from quittance.domain.registry import SPANS, Duration, Limit, limits_of
from quittance.domain.values import replace

Document = Mapping[str, Any]

# Each kind of deadline, and the event it counts from: the channel's own time of it, never ours.
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "acknowledge_message": "message_received",
        "acknowledge_withdrawal": "requested",
        "answer_appeal_question": "appeal_question_asked",
        "answer_as_person": "message_received",
        "answer_cancellation": "cancellation_requested",
        "answer_claim": "claim_opened",
        "answer_dispute": "dispute_opened",
        "answer_information_request": "information_requested",
        "answer_message": "message_received",
        "appeal_claim": "claim_debited",
        "cancel_before_ship": "cancellation_requested",
        "decide_request": "requested",
        "decide_units": "received",
        "file_safe_t": "safe_t_opened",
        "file_safe_t_lost": "last_scanned",
        "goods_outstanding": "authorised",
        "identify_parcel": "received",
        "lost_on_return": "last_scanned",
        "never_sent": "authorised",
        "prevent_claim": "buyer_contacted",
        "refund_received": "received",
    }
)
_YEAR: Final = 366
_SPAN: Final[Mapping[str, Reader]] = {
    "minutes": whole(1, 24 * 60),
    "hours": whole(1, 24 * _YEAR),
    "working_hours": whole(1, 24 * 30),
    "calendar_days": whole(1, _YEAR),
    "business_days": whole(1, _YEAR),
}
_MINUTES: Final = many(whole(1, 60 * 24 * _YEAR))
ROW: Final[Mapping[str, Reader]] = {
    "kind": one_of(*KINDS),
    "stage": text(example="before the decision"),
    "starts": one_of(*KINDS.values()),
    **_SPAN,
    "printed": flag,
    "ahead_hours": whole(0, 24 * _YEAR),
    "warn_minutes": _MINUTES,
    "escalate_minutes": _MINUTES,
    "margin_minutes": whole(1, 24 * 60),
    "lane": whole(0, 2),
    "countries": many(country_or_any, least=1),
    "valid_from": day,
    "valid_until": day,
    "source": text(example="Seller Central help G202152030"),
}
OPTIONAL: Final = frozenset({*SPANS, "stage", "printed", "escalate_minutes", "margin_minutes", "valid_until"})


def problems(row: Document) -> Iterator[Found]:
    """What is wrong in a row of which every key by itself can be read."""
    stated = [span for span in SPANS if span in row]
    if len(stated) != (0 if row.get("printed") else 1):
        yield "hours", "BAD_DURATION", f"state one of {', '.join(SPANS)}, or printed = true where the channel says it"
        return
    if row["starts"] != KINDS[row["kind"]]:
        yield "starts", "BAD_VALUE", f"{row['kind']} is counted from {KINDS[row['kind']]}"
    if row.get("valid_until", "9999-12-31") <= row["valid_from"]:
        yield "valid_until", "BAD_VALUE", "it has to be after valid_from"
    for key in ("warn_minutes", "escalate_minutes"):
        yield from _steps(key, row.get(key, []), _least_minutes(row))
    if stated and row["ahead_hours"] * 60 >= _least_minutes(row):
        yield "ahead_hours", "BAD_VALUE", "people would have to be done before it starts"


def _steps(key: str, minutes: list[int], least: int) -> Iterator[Found]:
    if minutes != sorted(minutes, reverse=True):
        yield key, "BAD_WARN", "put the earliest, the largest number, first"
    if minutes and max(minutes) >= least:
        yield key, "BAD_WARN", f"{max(minutes)} minutes is not after the start; stay below {least}"


def _least_minutes(row: Document) -> int:
    """How many minutes a row lasts at least: a day of the clocks may be an hour short."""
    lasts = {"minutes": 1, "hours": 60, "working_hours": 60, "calendar_days": 23 * 60, "business_days": 23 * 60}
    return next((row[span] * lasts[span] for span in SPANS if span in row), 60 * 24 * _YEAR)


def limit_of(row: Document, rule: str) -> Limit:
    """The row as the domain counts by it; `rule` names the file and its version, as decisions record it."""
    spans = {span: row[span] for span in SPANS if span in row}
    until = row.get("valid_until")
    return Limit(
        kind=row["kind"],
        starts=row["starts"],
        duration=Duration(**spans) if spans else None,
        ahead=timedelta(hours=row["ahead_hours"]),
        warn=tuple(row["warn_minutes"]),
        lane=row["lane"],
        rule=f"{rule}:deadline.{row['kind']}",
        source=row["source"],
        since=date.fromisoformat(row["valid_from"]),
        until=date.fromisoformat(until) if until else None,
        countries=frozenset(row["countries"]),
        escalate=tuple(row.get("escalate_minutes", ())),
        stage=row.get("stage", ""),
        margin=timedelta(minutes=row.get("margin_minutes", 0)),
    )


def limits_in(rows: Iterable[Document], country: str, rule: str) -> tuple[Limit, ...]:
    """The rows that count in a country of sale; where a kind has several, each rule names how long it gives."""
    compiled = [limit_of(row, rule) for row in rows]
    found: list[Limit] = []
    for kind in sorted({limit.kind for limit in compiled}):
        here = limits_of(compiled, kind, country)
        found += [_named(limit) for limit in here] if len(here) > 1 else here
    return tuple(found)


_SHORT: Final = ("min", "h", "wh", "d", "bd")


def _named(limit: Limit) -> Limit:
    spans = zip(SPANS, _SHORT, strict=True) if limit.duration else ()
    length = "".join(f"{each}{short}" for span, short in spans if (each := getattr(limit.duration, span)))
    return replace(limit, rule=".".join(part for part in (limit.rule, limit.stage, length) if part))


def overlaps(rows: Iterable[Document]) -> Iterator[Found]:
    """Rows that say the same twice: one kind, one country, one source, at one time."""
    listed = list(rows)
    for index, row in enumerate(listed):
        for other in listed[:index]:
            shared = set(row["countries"]) & set(other["countries"])
            same = all(row.get(key) == other.get(key) for key in ("kind", "stage", "source"))
            if same and shared and _at_one_time(row, other):
                yield f"{row['kind']}.countries", "DUPLICATE", f"{', '.join(sorted(shared))} has this row twice"


def _at_one_time(row: Document, other: Document) -> bool:
    def ends(each: Document) -> str:
        return str(each.get("valid_until", "9999-12-31"))

    return bool(row["valid_from"] < ends(other) and other["valid_from"] < ends(row))
