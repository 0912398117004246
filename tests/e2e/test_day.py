"""The day at the shop that `make demo` plays, held as a test: every story ends as it has to, both books agree."""

from __future__ import annotations

import pytest

from sandbox.day import Day
from sandbox.report import compare
from sandbox.world import World


@pytest.mark.proves("F005", "F073", "F074", "F077", "F082", "F135", "F139", "F140", "F143")
def test_every_story_of_the_day_ends_as_it_has_to_and_both_books_agree_to_the_cent(world: World) -> None:
    told: list[str] = []
    day = Day(world, told.append)

    day.play()

    assert list(day.failures()) == []
    assert len(told) == len(day.scenes) >= 12
    lines = compare(world.shopify.books(), world.ledgers())
    assert [line for line in lines if not line.agrees] == []
    assert sum(line.refunded[0] for line in lines) > 100_000
    assert world.shopify.faults.waiting() == 0, "every scripted misfortune happened"
