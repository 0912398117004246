"""How many points of Shopify's bucket are left, so that reads wait for their turn and a send finds room.

Decides waits from the last answer alone; another process draws from the same bucket, so it may still be empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_LONGEST_WAIT: Final = 60.0
_USUAL_WAIT: Final = 2.0
_MOST_POINTS: Final = 1_000_000
_SECONDS: Final = re.compile(r"[0-9]{1,5}(\.[0-9]{1,3})?", re.ASCII)


class Bucket:
    """The bucket of one account as its last answer showed it. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = self._size = float("inf")
        self._rate = 1.0
        self._at = clock()
        self._costs: dict[str, float] = {}

    def take_in(self, document: str, answer: Mapping[str, Any]) -> None:
        """Remember what an answer says under `extensions.cost`; one that says nothing changes nothing."""
        cost = _cost(answer)
        status = _part(cost, "throttleStatus")
        left, size, rate = (_number(status, name) for name in ("currentlyAvailable", "maximumAvailable", "restoreRate"))
        if left is None or size is None or not rate:
            return
        self._left, self._size, self._rate, self._at = left, size, rate, self._clock()
        wanted = _number(cost, "requestedQueryCost")
        if wanted is not None:
            self._costs[document] = wanted

    def wait(self, document: str) -> float:
        """How many seconds until this document can be paid for; 0 for one whose cost is not known yet."""
        gone = max(0.0, self._clock() - self._at)
        left = min(self._size, self._left + gone * self._rate)
        return max(0.0, (self._costs.get(document, 0.0) - left) / self._rate)


def refused_for(answer: Mapping[str, Any], headers: Mapping[str, str]) -> float:
    """How many seconds a throttled request should wait, between one and sixty."""
    cost = _cost(answer)
    status = _part(cost, "throttleStatus")
    wanted, left, rate = (
        _number(cost, "requestedQueryCost"),
        _number(status, "currentlyAvailable"),
        _number(status, "restoreRate"),
    )
    stated = _USUAL_WAIT
    if wanted is not None and left is not None and rate:
        stated = (wanted - left) / rate
    elif _SECONDS.fullmatch(headers.get("retry-after", "")):
        stated = float(headers["retry-after"])
    return min(max(stated, 1.0), _LONGEST_WAIT)


def _cost(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return _part(_part(answer, "extensions"), "cost")


def _part(node: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = node.get(name)
    return found if isinstance(found, dict) else {}


def _number(node: Mapping[str, Any], name: str) -> float | None:
    """A number of points from zero; None for what is none, such as NaN."""
    found = node.get(name)
    if not isinstance(found, int | float) or isinstance(found, bool):
        return None
    return float(found) if 0 <= found < _MOST_POINTS else None
