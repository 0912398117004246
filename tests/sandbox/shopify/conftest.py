"""A fresh simulator per test, and a subscriber to its webhooks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.shopify.world import Subscriber, World, listening, open_world


@pytest.fixture
def world() -> Iterator[World]:
    with open_world() as made:
        yield made


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    with listening() as made:
        yield made
