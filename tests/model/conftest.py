"""Prints how many states each world has: a search that became small is no longer the search it was."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.model.search import Space, search
from tests.model.terms import World

_LINES = pytest.StashKey[list[str]]()
Explore = Callable[[World], Space]


@pytest.fixture
def explore(request: pytest.FixtureRequest) -> Explore:
    """Search a world to its end or to the first broken claim, and note its size for the summary."""
    lines = request.config.stash.setdefault(_LINES, [])

    def exploring(world: World) -> Space:
        began = time.perf_counter()
        space = search(world)
        outcome = space.broken or "nothing broken"
        lines.append(f"{len(space.states):7d} states {time.perf_counter() - began:6.2f} s  {world.name}: {outcome}")
        return space

    return exploring


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(_LINES, [])
    if lines:
        terminalreporter.section("states of the refund model")
        terminalreporter.write_line("\n".join(lines))
