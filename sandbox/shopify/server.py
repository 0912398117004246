"""Shopify's HTTP on loopback: tokens, the GraphQL endpoint, versions, and the faults of the road.

The routes are those of a shop behind one more path segment: /<shop>/admin/oauth/access_token and
/<shop>/admin/api/<version>/graphql.json.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import parse_qs

from sandbox.loopback import LoopbackServer

_TOKEN_PATH = re.compile(r"^/([^/]+)/admin/oauth/access_token$")
_API_PATH = re.compile(r"^/([^/]+)/admin/api/([^/]+)/graphql\.json$")
SUPPORTED = ("2026-01", "2026-04", "2026-07", "2026-10")


def served_version(asked: str) -> str | None:
    """A version out of support falls forward to the oldest supported one; None when there is no such version."""
    if asked in (*SUPPORTED, "unstable"):
        return asked
    is_version = re.fullmatch(r"20\d\d-(01|04|07|10)", asked) is not None
    return SUPPORTED[0] if is_version and asked < SUPPORTED[0] else None


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer and how it is spoilt: late by `delay`, without an answer at all (`lost`), or cut short."""

    status: int
    body: dict[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    lost: bool = False
    truncated: bool = False
    done: Callable[[], None] = field(default=lambda: None)


class Handler(BaseHTTPRequestHandler):
    """One connection. What to answer is the desk's decision; here it is only read and written."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        reply = self._reply(self.rfile.read(length))
        time.sleep(reply.delay)
        reply.done()
        self._write(reply)

    def _reply(self, raw: bytes) -> Reply:
        desk = self.server.desk
        if match := _TOKEN_PATH.match(self.path):
            form = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
            return desk.token(match[1], form)
        if match := _API_PATH.match(self.path):
            return desk.graphql(match[1], match[2], self.headers.get("X-Shopify-Access-Token"), raw)
        return Reply(404, {"errors": "Not Found"})

    def do_GET(self) -> None:
        self._write(Reply(404, {"errors": "Not Found"}))

    def _write(self, reply: Reply) -> None:
        if reply.lost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        content = b"" if reply.body is None else json.dumps(reply.body, ensure_ascii=False).encode()
        if reply.truncated:
            content = content[: max(1, len(content) // 2)]
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """The simulator keeps its own log of requests."""


class Desk(Protocol):
    """What the server asks: tokens for a shop, and the answer to a GraphQL request."""

    def token(self, shop: str, form: dict[str, str]) -> Reply: ...

    def graphql(self, shop: str, version: str, token: str | None, raw: bytes) -> Reply: ...


class Server(LoopbackServer):
    """Takes its requests to whom it is given."""

    def __init__(self, desk: Desk, port: int = 0) -> None:
        super().__init__(Handler, port)
        self.desk = desk
