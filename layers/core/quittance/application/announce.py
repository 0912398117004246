"""From a history item to what leaves the house: events for the bus, and the people who are told.

Refuses to tell two groups the same thing: operators hear of what is broken, the desk of what is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from quittance.domain.intent import IntentVerb
from quittance.domain.values import dataclass

SCHEMA = 1


class Topic(StrEnum):
    """Whom an alert is for."""

    OPERATORS = "operators"
    DESK = "desk"


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One commit of a case as history keeps it; `events` are (name, facts)."""

    case: str
    version: int
    at: str
    channel: str
    account: str
    store: str
    order: str
    state: str
    events: tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class Announcement:
    """One event for the bus; `id` is the same however often it is published."""

    id: str
    name: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to people, without anybody's words or name."""

    topic: Topic
    subject: str
    text: str


def announcements(record: HistoryRecord) -> Iterable[Announcement]:
    """Every event of the record, each with an id of its own made of case, version and place."""
    for number, (name, facts) in enumerate(record.events):
        identity = f"{record.case}#{record.version}#{number}"
        detail = {
            "schema": SCHEMA,
            "id": identity,
            "case": record.case,
            "version": record.version,
            "channel": record.channel,
            "account": record.account,
            "store": record.store,
            "order": record.order,
            "at": record.at,
            "facts": dict(facts),
        }
        yield Announcement(identity, name, detail)


_SUBJECTS: Mapping[str, tuple[Topic, str]] = {
    "DeficitFound": (Topic.OPERATORS, "More was paid back than was captured"),
    "DifferenceFound": (Topic.OPERATORS, "The books differ"),
    "DeadlineWarned": (Topic.DESK, "A deadline is near"),
    "DeadlineEscalated": (Topic.DESK, "A deadline needs the next person up"),
    "DeadlineBreached": (Topic.DESK, "A deadline was missed"),
}
_MOVES: Mapping[str, str] = {
    IntentVerb.HOLD.value: "Money or a decision is on hold",
    IntentVerb.REVERSE.value: "A refund was reversed by the channel",
}


def alerts(record: HistoryRecord) -> Iterable[Alert]:
    """Who has to be told of the record, and what."""
    for name, facts in record.events:
        topic, subject = _SUBJECTS.get(name, (Topic.OPERATORS, ""))
        if name == "IntentMoved":
            subject = _MOVES.get(str(facts.get("verb")), "")
        if subject:
            yield Alert(topic, f"{subject} ({record.channel})", _text(record, name, facts))


def _text(record: HistoryRecord, name: str, facts: Mapping[str, Any]) -> str:
    lines = [f"{name} at {record.at}", f"case {record.case} version {record.version}, {record.state}"]
    lines += [f"channel {record.channel}, account {record.account}, store {record.store}, order {record.order}"]
    lines += [f"{key}: {value}" for key, value in sorted(facts.items())]
    return "\n".join(lines)
