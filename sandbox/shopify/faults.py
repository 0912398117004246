"""Scripted misfortune: what happens to the next request or the next refund transaction that matches.

Faults are consumed in the order they were scripted; a request that matches none is served as usual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from sandbox.shopify.books import Settlement


class Kind(Enum):
    """What goes wrong. The first group happens before the operation is applied, the second after."""

    REQUEST_LOST = "request lost"
    REFUSED_STATUS = "refused with a status"
    THROTTLED = "throttled in the body"
    ANSWER_LOST = "answer lost"
    FAILED_STATUS = "failed with a status after applying"
    TRUNCATED = "answer cut short"
    INTERNAL_ERROR = "internal error after applying"
    SLOW = "slow answer"


BEFORE = frozenset((Kind.REQUEST_LOST, Kind.REFUSED_STATUS, Kind.THROTTLED))


@dataclass(frozen=True, slots=True)
class Call:
    """What a matcher sees: the shop, the operation's name, its root fields and variables."""

    shop: str
    operation: str | None
    fields: tuple[str, ...]
    variables: dict[str, object]


Match = Callable[[Call], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    match: Match
    status: int = 502
    seconds: float = 0.0


@dataclass(slots=True)
class Faults:
    """The script. Name a root field (`refundCreate`), an operation, or give a matcher; None matches every request."""

    _requests: list[Fault] = field(default_factory=list)
    _settlements: list[Settlement] = field(default_factory=list)

    def _add(self, kind: Kind, on: str | Match | None, times: int, status: int = 502, seconds: float = 0.0) -> None:
        self._requests.extend(Fault(kind, _matcher(on), status, seconds) for _ in range(times))

    def lose_request(self, on: str | Match | None = None, times: int = 1) -> None:
        """The connection closes before anything is applied."""
        self._add(Kind.REQUEST_LOST, on, times)

    def lose_answer(self, on: str | Match | None = None, times: int = 1) -> None:
        """The operation is applied, then the connection closes without an answer."""
        self._add(Kind.ANSWER_LOST, on, times)

    def refuse(self, status: int, on: str | Match | None = None, times: int = 1) -> None:
        """An HTTP status (401, 403, 429, 5xx) before anything is applied."""
        self._add(Kind.REFUSED_STATUS, on, times, status)

    def fail_after(self, status: int = 502, on: str | Match | None = None, times: int = 1) -> None:
        """The operation is applied, the answer is an HTTP status without a body of use."""
        self._add(Kind.FAILED_STATUS, on, times, status)

    def throttle(self, on: str | Match | None = None, times: int = 1) -> None:
        """HTTP 200 whose errors say THROTTLED; nothing is applied."""
        self._add(Kind.THROTTLED, on, times)

    def slow(self, seconds: float, on: str | Match | None = None, times: int = 1) -> None:
        """The answer comes late (machine time), after the operation was applied."""
        self._add(Kind.SLOW, on, times, seconds=seconds)

    def truncate(self, on: str | Match | None = None, times: int = 1) -> None:
        """The operation is applied, the JSON of the answer breaks off."""
        self._add(Kind.TRUNCATED, on, times)

    def internal_error(self, on: str | Match | None = None, times: int = 1) -> None:
        """The operation is applied, the answer is 200 with INTERNAL_SERVER_ERROR."""
        self._add(Kind.INTERNAL_ERROR, on, times)

    def settle_next(
        self, status: str = "SUCCESS", after_seconds: float = 0.0, error_code: str | None = None, times: int = 1
    ) -> None:
        """The next refund transactions are PENDING for so long (virtual time), then SUCCESS, FAILURE or ERROR."""
        self._settlements.extend(Settlement(after_seconds, status, error_code) for _ in range(times))

    def clear(self) -> None:
        self._requests.clear()
        self._settlements.clear()

    def waiting(self) -> int:
        """How many scripted faults have not happened yet."""
        return len(self._requests) + len(self._settlements)

    def take(self, call: Call) -> Fault | None:
        found = next((fault for fault in self._requests if fault.match(call)), None)
        if found is not None:
            self._requests.remove(found)
        return found

    def take_settlement(self, otherwise: Settlement) -> Settlement:
        return self._settlements.pop(0) if self._settlements else otherwise


def _matcher(on: str | Match | None) -> Match:
    if on is None:
        return lambda _: True
    if isinstance(on, str):
        return lambda call: on == call.operation or on in call.fields
    return on
