"""What an operation of the Selling Partner API is here: its route, its rate, what it takes, who may call it.

The tables stand beside the handlers in `api/`; tests hold them against the published models.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sandbox.amazon.house import Floor, House
from sandbox.amazon.refusals import denied
from sandbox.amazon.shapes import Record

NOTIFICATIONS_SCOPE: Final = "sellingpartnerapi::notifications"
ROTATION_SCOPE: Final = "sellingpartnerapi::client_credential:rotation"


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that has passed the door. `seller` is None on grantless calls; use `floor` where one is needed."""

    house: House
    seller: Floor | None
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any
    now: datetime
    full_path: str = ""

    @property
    def floor(self) -> Floor:
        if self.seller is None:
            raise denied("This operation needs a token of a selling partner.")
        return self.seller


Serve = Callable[[Visit], Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """`model` names the published model's file; `usage` is its (rate per second, burst), None where it states none.

    `greedy` lets a path parameter hold slashes.
    """

    model: str
    name: str
    method: str
    path: str
    usage: tuple[float, int] | None
    serve: Serve
    query: Record = field(default_factory=Record)
    body: Record | None = None
    status: int = 200
    scope: str | None = None
    greedy: bool = False

    @property
    def key(self) -> str:
        return f"{self.model}/{self.name}"

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The path's parameters when this operation serves it."""
        if method != self.method:
            return None
        one = ".+" if self.greedy else "[^/]+"
        pattern = re.sub(r"\\\{(\w+)\\\}", rf"(?P<\1>{one})", re.escape(self.path))
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found else None
