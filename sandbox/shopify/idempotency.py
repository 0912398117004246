"""The @idempotent key of refundCreate: required from 2026-04, remembered for 24 hours from the first request.

A refusal is not remembered: the same key may then succeed. A replay shows the refund as it stands now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.shopify.books import refuse
from sandbox.shopify.views.common import bad_request

REQUIRED_FROM = "2026-04"
LIFETIME = timedelta(hours=24)
_OTHER_PARAMETERS = "The same idempotency key cannot be used with different operation parameters."
_IN_FLIGHT = "This request is currently in progress, please try again."


def fingerprint(given: Mapping[str, Any]) -> str:
    """The input as it was sent: another order of fields is another request."""
    return json.dumps(given, default=str)


@dataclass(frozen=True, slots=True)
class Remembered:
    fingerprint: str
    refund: str
    at: datetime


@dataclass(slots=True)
class Keys:
    """The keys one app has used in one shop."""

    _known: dict[str, Remembered] = field(default_factory=dict)
    _in_flight: set[str] = field(default_factory=set)

    def check(self, key: str | None, version: str) -> None:
        """Raises GraphQLError BAD_REQUEST for a missing or blank key."""
        required = version == "unstable" or version >= REQUIRED_FROM
        if key is None and required:
            raise bad_request("The @idempotent directive is required for this mutation but was not provided.")
        if key is not None and not key.strip():
            raise bad_request("The idempotency key cannot be an empty string or whitespace only.")

    def replay(self, key: str, print_: str, now: datetime) -> str | None:
        """The refund an earlier request with this key made. Raises Refused for other parameters or one in flight."""
        if key in self._in_flight:
            raise refuse(None, _IN_FLIGHT)
        known = self._known.get(key)
        if known is None or now - known.at >= LIFETIME:
            return None
        if known.fingerprint != print_:
            raise refuse(None, _OTHER_PARAMETERS)
        return known.refund

    def remember(self, key: str, print_: str, refund: str, now: datetime) -> None:
        self._known[key] = Remembered(print_, refund, now)
        self._in_flight.add(key)

    def answered(self, keys: Iterable[str]) -> None:
        """The answer of the request that used these keys for the first time is on its way."""
        self._in_flight.difference_update(keys)
