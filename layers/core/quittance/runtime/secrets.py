"""Fetches secrets and decides how long a fetched, a missing and a doubtful one is believed.

Refuses to turn traffic that nobody signed into a bill: repeats, refreshes and unknown names are all rationed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from quittance.domain.errors import Unavailable
from quittance.runtime.aws import AWS_ERRORS, error_code

HELD: Final = timedelta(seconds=300)
MISSING_HELD: Final = timedelta(seconds=60)
REFRESHED: Final = timedelta(seconds=30)
FAILURE_HELD: Final = timedelta(seconds=5)
STRANGERS: Final = 60
STRANGERS_WITHIN: Final = timedelta(seconds=60)

# Secrets Manager answers so for a name that never was, has no value yet, or is marked for deletion.
_NO_SUCH_SECRET: Final = frozenset({"ResourceNotFoundException", "InvalidRequestException"})


class SecretUnavailable(Unavailable):
    """The secret may exist, but this process cannot say what it holds. `reason` is one word for the log."""

    def __init__(self, name: str, reason: str, fix: str) -> None:
        super().__init__(f"secret {name}: {fix}")
        self.name = name
        self.reason = reason


class SecretsClient(Protocol):
    """What is used of the Secrets Manager client."""

    def get_secret_value(self, *, SecretId: str) -> Mapping[str, Any]:  # noqa: N803  # the provider's name
        """Return the secret, or raise a ClientError."""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    value: Mapping[str, Any] | None
    fetched_at: datetime | None
    tried_at: datetime
    failed: bool = False


class Secrets:
    """The secrets of one stack, as this process last saw them.

    Built from a Secrets Manager client, the prefix of every name (`quittance/<stack>/`) and the machine's time: caches
    do not follow the sandbox clock. Values are JSON objects. Not shared between threads.
    """

    def __init__(self, client: SecretsClient, prefix: str, now: Callable[[], datetime]) -> None:
        self.client = client
        self._prefix = prefix
        self._now = now
        self._known: dict[str, _Known] = {}
        self._strangers: list[datetime] = []

    def get(self, name: str) -> Mapping[str, Any] | None:
        """Return the secret `<prefix><name>`, at most 300 s old, or None where there is none, at most 60 s ago.

        Raises SecretUnavailable when the answer is neither: throttled, denied, not JSON, or too many unknown names.
        """
        known = self._known.get(name)
        if known is None:
            return self._fetch(name, None)
        if known.fetched_at and self._is_within(HELD if known.value is not None else MISSING_HELD, known.fetched_at):
            return known.value
        if known.failed and self._is_within(FAILURE_HELD, known.tried_at):
            raise SecretUnavailable(name, "failed_before", "the last fetch failed moments ago; try again later")
        return self._fetch(name, known)

    def refresh(self, name: str) -> Mapping[str, Any] | None:
        """Return the secret as it is now, because the held one did not fit; at most one fetch per 30 s and name.

        Within these 30 s, counted from the last fetch of any kind, the answer is that of `get`.
        """
        known = self._known.get(name)
        if known is not None and self._is_within(REFRESHED, known.tried_at):
            return self.get(name)
        return self._fetch(name, known)

    def _is_within(self, span: timedelta, since: datetime) -> bool:
        # A clock that was set back makes an age negative: then nothing is believed and it is fetched again.
        return timedelta(0) <= self._now() - since < span

    def _fetch(self, name: str, known: _Known | None) -> Mapping[str, Any] | None:
        if known is None or known.value is None:
            self._admit_stranger(name)
        tried_at = self._now()
        try:
            value = self._read(name)
        except SecretUnavailable:
            held = known or _Known(None, None, tried_at)
            self._known[name] = _Known(held.value, held.fetched_at, tried_at, failed=True)
            raise
        self._known[name] = _Known(value, tried_at, tried_at)
        return value

    def _admit_stranger(self, name: str) -> None:
        # Names that were found before are exempt, so a flood of invented ones does not starve a connected store.
        self._strangers = [at for at in self._strangers if self._is_within(STRANGERS_WITHIN, at)]
        if len(self._strangers) >= STRANGERS:
            raise SecretUnavailable(name, "too_many_unknown", f"{STRANGERS} unknown names asked within a minute")
        self._strangers.append(self._now())
        self._forget_strangers()

    def _forget_strangers(self) -> None:
        if len(self._known) < 2 * STRANGERS:
            return
        keep = {
            name: known
            for name, known in self._known.items()
            if known.value is not None or self._is_within(MISSING_HELD, known.tried_at)
        }
        self._known = keep

    def _read(self, name: str) -> Mapping[str, Any] | None:
        try:
            answer = self.client.get_secret_value(SecretId=self._prefix + name)
        except AWS_ERRORS as error:
            if error_code(error) in _NO_SUCH_SECRET:
                return None
            raise SecretUnavailable(name, error_code(error), "Secrets Manager did not give it") from error
        return _parsed(name, answer.get("SecretString"))


def _parsed(name: str, text: object) -> Mapping[str, Any]:
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        value = None  # the text stays out of the error: it is the secret
    if not isinstance(value, dict):
        raise SecretUnavailable(name, "malformed", "it is no JSON object; write it again as docs/onboarding.md shows")
    return value
