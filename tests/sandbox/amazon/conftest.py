"""A fresh simulator per test, with one seller in Germany, France, Italy and Spain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.amazon.world import World, open_world


@pytest.fixture
def world() -> Iterator[World]:
    with open_world() as made:
        yield made
