"""Scripted misfortune: what happens to the next request that matches, to the next feed, to the next report or document.

Faults are consumed in the order they were scripted; what matches none is served as usual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, TypeVar

Scripted = TypeVar("Scripted")


class Kind(Enum):
    """What goes wrong. The first group happens before the operation is applied, the second after."""

    REQUEST_LOST = "request lost"
    REFUSED = "refused with errors"
    ERRORLESS = "refused without an errors list"
    HTML = "refused with a page of HTML"
    ANSWER_LOST = "answer lost"
    FAILED = "failed with errors after applying"
    ERRORLESS_AFTER = "failed without an errors list after applying"
    HTML_AFTER = "failed with a page of HTML after applying"
    TRUNCATED = "answer cut short"
    STRAY_KEYS = "answer with unknown keys"
    SLOW = "slow answer"


BEFORE = frozenset((Kind.REQUEST_LOST, Kind.REFUSED, Kind.ERRORLESS, Kind.HTML))


@dataclass(frozen=True, slots=True)
class Call:
    """What a matcher sees."""

    seller: str | None
    operation: str
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any


Match = Callable[[Call], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    match: Match
    status: int = 500
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LineFault:
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class FeedFault:
    """What happens to one feed. `lines`: errors by MessageID or row; `killed_after`: FATAL when so many are applied.

    `late`: the effects come so much later than the result says. `hidden`: getFeeds does not list it for so long.
    `result` rewrites the result document; `told` is False when no notification is sent.
    """

    queue: timedelta | None = None
    work: timedelta | None = None
    stuck: bool = False
    cancelled: bool = False
    killed_after: int | None = None
    with_result: bool = True
    lines: Mapping[int, LineFault] = field(default_factory=dict)
    late: timedelta | None = None
    hidden: timedelta | None = None
    result: Callable[[bytes], bytes] | None = None
    gzip: bool = False
    told: bool = True


@dataclass(frozen=True, slots=True)
class ReportFault:
    """What happens to one report: `status` CANCELLED or FATAL instead of DONE, or another content."""

    status: str | None = None
    work: timedelta | None = None
    content: Callable[[bytes], bytes] | None = None
    stuck: bool = False
    told: bool = True


ORDINARY_FEED = FeedFault()
ORDINARY_REPORT = ReportFault()


@dataclass(slots=True)
class Faults:
    """The script. Name an operation (`createFeed`) or give a matcher; None matches every request."""

    _requests: list[Fault] = field(default_factory=list)
    _feeds: list[tuple[str | None, FeedFault]] = field(default_factory=list)
    _reports: list[tuple[str | None, ReportFault]] = field(default_factory=list)
    _hosts: list[str] = field(default_factory=list)
    _lags: list[timedelta] = field(default_factory=list)

    def _add(self, kind: Kind, on: str | Match | None, times: int, status: int = 500, seconds: float = 0.0) -> None:
        self._requests.extend(Fault(kind, _matcher(on), status, seconds) for _ in range(times))

    # Requests

    def lose_request(self, on: str | Match | None = None, times: int = 1) -> None:
        """The connection closes before anything is applied."""
        self._add(Kind.REQUEST_LOST, on, times)

    def lose_answer(self, on: str | Match | None = None, times: int = 1) -> None:
        """The operation is applied, then the connection closes without an answer."""
        self._add(Kind.ANSWER_LOST, on, times)

    def refuse(self, status: int, on: str | Match | None = None, times: int = 1) -> None:
        """A status with its errors list before anything is applied; 429 is Amazon's QuotaExceeded."""
        self._add(Kind.REFUSED, on, times, status)

    def fail_after(self, status: int = 500, on: str | Match | None = None, times: int = 1) -> None:
        """The operation is applied, the answer is a status with an errors list."""
        self._add(Kind.FAILED, on, times, status)

    def errorless(
        self,
        status: int = 500,
        on: str | Match | None = None,
        times: int = 1,
        *,
        html: bool = False,
        applied: bool = False,
    ) -> None:
        """A 5xx whose body has no errors list: JSON that says nothing, or a page of HTML; before or after applying."""
        kinds = {
            (False, False): Kind.ERRORLESS,
            (True, False): Kind.HTML,
            (False, True): Kind.ERRORLESS_AFTER,
            (True, True): Kind.HTML_AFTER,
        }
        self._add(kinds[html, applied], on, times, status)

    def truncate(self, on: str | Match | None = None, times: int = 1) -> None:
        """The operation is applied, the JSON of the answer breaks off."""
        self._add(Kind.TRUNCATED, on, times)

    def stray_keys(self, on: str | Match | None = None, times: int = 1) -> None:
        """The answer holds keys that no model names, at every level."""
        self._add(Kind.STRAY_KEYS, on, times)

    def slow(self, seconds: float, on: str | Match | None = None, times: int = 1) -> None:
        """The answer comes late (machine time), after the operation was applied."""
        self._add(Kind.SLOW, on, times, seconds=seconds)

    # Feeds, reports, documents

    def feed(self, fault: FeedFault, feed_type: str | None = None, times: int = 1) -> None:
        self._feeds.extend((feed_type, fault) for _ in range(times))

    def report(self, fault: ReportFault, report_type: str | None = None, times: int = 1) -> None:
        self._reports.extend((report_type, fault) for _ in range(times))

    def elsewhere(self, host: str, times: int = 1) -> None:
        """The next document's download address points to another base, such as http://evil.example."""
        self._hosts.extend([host] * times)

    def lag_money(self, by: timedelta, times: int = 1) -> None:
        """The next money that moves shows in Finances only so much later."""
        self._lags.extend([by] * times)

    def clear(self) -> None:
        self._requests.clear()
        self._feeds.clear()
        self._reports.clear()
        self._hosts.clear()
        self._lags.clear()

    def waiting(self) -> int:
        """How many scripted faults have not happened yet."""
        scripts = (self._requests, self._feeds, self._reports, self._hosts, self._lags)
        return sum(len(script) for script in scripts)

    # Taking

    def take(self, call: Call) -> Fault | None:
        found = next((fault for fault in self._requests if fault.match(call)), None)
        if found is not None:
            self._requests.remove(found)
        return found

    def take_feed(self, feed_type: str) -> FeedFault:
        return _take(self._feeds, feed_type) or ORDINARY_FEED

    def take_report(self, report_type: str) -> ReportFault:
        return _take(self._reports, report_type) or ORDINARY_REPORT

    def take_lag(self, otherwise: timedelta) -> timedelta:
        return self._lags.pop(0) if self._lags else otherwise

    def take_host(self, otherwise: str) -> str:
        return self._hosts.pop(0) if self._hosts else otherwise


def _take(script: list[tuple[str | None, Scripted]], kind: str) -> Scripted | None:
    for place, (wanted, fault) in enumerate(script):
        if wanted in (None, kind):
            del script[place]
            return fault
    return None


def _matcher(on: str | Match | None) -> Match:
    if on is None:
        return lambda _: True
    if isinstance(on, str):
        return lambda call: on == call.operation
    return on
