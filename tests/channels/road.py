"""The double of a channel's API: a road that answers what a test says and remembers every request in full.

It stands where HTTP stands (an adapter of `requests`), so that everything above it is the real thing.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer; `body` is sent as JSON unless it is bytes."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it left, with the options it was sent with."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    options: Mapping[str, Any]

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.body)
        return found


Answer = Callable[[Sent], Reply | Exception]


class Road(BaseAdapter):
    """Answers each request by `answer`; an exception is raised as the network would."""

    def __init__(self, answer: Answer | None = None) -> None:
        super().__init__()
        self.answer: Answer = answer or (lambda _: Reply({}, 500))
        self.sent: list[Sent] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # a double takes any option
        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
        sent = Sent(str(request.url), dict(request.headers), body, options)
        self.sent.append(sent)
        reply = self.answer(sent)
        if isinstance(reply, Exception):
            raise reply
        return _response(request, reply)

    def close(self) -> None:
        """Nothing is held open."""

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", self)
        session.mount("http://", self)
        return session


def _response(request: requests.PreparedRequest, reply: Reply) -> requests.Response:
    raw = HTTPResponse(io.BytesIO(reply.raw), status=reply.status, headers=dict(reply.headers), preload_content=False)
    response = requests.Response()
    response.status_code = reply.status
    response.headers.update(reply.headers)
    response.raw = raw
    response.url = str(request.url)
    response.request = request
    return response


class Counted:
    """A meter that remembers."""

    def __init__(self) -> None:
        self.counts: list[tuple[str, str, str, int]] = []

    def count(self, metric: str, channel: str, outcome: str, value: int = 1) -> None:
        self.counts.append((metric, channel, outcome, value))
