"""One HTTP exchange with Shopify: a time limit on all of it, a size limit, no redirect, no second try.

Tells apart what was certainly not sent from what may have been: only the latter can have had an effect.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

import requests
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError

OK: Final = 200
CONNECT_SECONDS: Final = 2.0
LARGEST_ANSWER: Final = 5 * 1024 * 1024
_CHUNK: Final = 64 * 1024
# Raised while a request is put together or its connection is made: nothing of it has left.
_BEFORE_SENDING: Final = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


class NotReached(Exception):
    """The request certainly did not arrive; `why` is a code."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Lost(Exception):
    """The request may have arrived, but its answer did not, or not whole; `why` is a code."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers by lower-case name, the body whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def plain_session() -> requests.Session:
    """A session that sends a request once and takes neither proxies nor passwords from its surroundings."""
    session = requests.Session()
    session.trust_env = False
    return session


class Wire:
    """Posts bytes. `clock` counts seconds for the time limit."""

    def __init__(self, session: requests.Session, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._clock = clock

    def post(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        """Post once within so many seconds; raises NotReached or Lost."""
        connect = min(CONNECT_SECONDS, seconds / 4)
        limits = (connect, seconds - connect)
        ends = self._clock() + seconds
        try:
            with self._session.post(
                url, data=body, headers=dict(headers), timeout=limits, allow_redirects=False, stream=True
            ) as response:
                names = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, names, self._read(response, ends))
        except _BEFORE_SENDING as error:
            raise NotReached(_code(error)) from error
        except (OSError, HTTPError, HTTPException) as error:
            if _is_unconnected(error):
                raise NotReached("unreachable") from error
            raise Lost(_code(error)) from error

    def _read(self, response: requests.Response, ends: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise Lost("answer_too_large")
            if self._clock() > ends:
                raise Lost("timeout")
        return bytes(body)


def _is_unconnected(error: Exception) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _code(error: Exception) -> str:
    cause = error.args[0] if error.args else None
    if isinstance(error, requests.Timeout) or isinstance(cause, ReadTimeoutError):
        return "timeout"
    return "connection_lost" if isinstance(error, requests.ConnectionError) else type(error).__name__
