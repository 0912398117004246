"""Pages of answers: a token stands for the rest of one seller's list and is good once more and no longer.

A token that nobody was given is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.amazon.house import Floor
from sandbox.amazon.refusals import invalid


def cut(floor: Floor, rows: list[Any], size: int) -> tuple[list[Any], str | None]:
    """The first page, and the token for the rest when there is any."""
    if len(rows) <= size:
        return rows, None
    token = floor.house.ids.letters("page", 48)
    floor.pages[token] = [size, rows[size:]]
    return rows[:size], token


def resume(floor: Floor, token: str) -> tuple[list[Any], str | None]:
    """Raises Refused (400) for an unknown token."""
    if token not in floor.pages:
        raise invalid("nextToken is not valid.")
    size, rows = floor.pages[token]
    return cut(floor, rows, size)


def page(floor: Floor, token: str | None, size: int, rows: Callable[[], list[Any]]) -> tuple[list[Any], str | None]:
    """The page that a request asks for."""
    return cut(floor, rows(), size) if token is None else resume(floor, token)
