"""Amazon's HTTP on loopback: requests are read whole, answers written as told, late, cut short or not at all.

One address serves the API, the token endpoint (/auth/o2/token) and the document store (/documents/...).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.loopback import LoopbackServer


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` by lower-case name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))


@dataclass(frozen=True, slots=True)
class Reply:
    """`lost` closes the connection without an answer; `delay` in seconds of machine time."""

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    lost: bool = False


Answer = Callable[[Request], Reply]


class Handler(BaseHTTPRequestHandler):
    """One connection. What to answer is the gateway's decision; here it is only read and written."""

    protocol_version = "HTTP/1.1"
    # Head and content leave together: apart, each answer waits for the client's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(parts.path),
            query=_query(parts.query),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        self._write(self.server.answer(request))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815  # the names http.server looks for

    def _write(self, reply: Reply) -> None:
        if reply.delay:
            time.sleep(reply.delay)
        if reply.lost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:  # noqa: PLR2004
            self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """The simulator keeps its own log of requests."""


def _query(text: str) -> dict[str, str]:
    """A list parameter may be repeated or written with commas: both are the same."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


class Server(LoopbackServer):
    """Takes its requests to whom it is given."""

    def __init__(self, answer: Answer, port: int = 0) -> None:
        super().__init__(Handler, port)
        self.answer = answer
