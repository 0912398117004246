"""The chain of a case's history breaks where somebody touches it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from quittance.application.commit import CaseChange, Changes
from quittance.domain.events import CaseMarked, CaseOpened
from quittance.storage import keys
from quittance.storage.history import broken_at
from quittance.storage.memory import MemoryEngine
from quittance.storage.table import Table
from tests.storage import races
from tests.storage.samples import CASE, NOW

Items = list[dict[str, Any]]


def chain() -> tuple[Items, str]:
    engine = MemoryEngine()
    table = Table(engine)
    table.commit(Changes(NOW, (CaseChange(None, races.fresh(), (CaseOpened(races.fresh()),)),)))
    for mark in ("one", "two", "three"):
        table.commit(Changes(NOW, (races.marked(races.loaded(table), mark),)))
    forgeable: Items = json.loads(json.dumps(engine.query(keys.case_head(CASE).pk, "EVENT#")))
    return forgeable, races.loaded(table).tail


def _changed(items: Items) -> Items:
    items[1]["events"][0]["facts"]["mark"] = "other"
    return items


def _swapped(items: Items) -> Items:
    items[1], items[2] = items[2], items[1]
    return items


def _moved_to_another_case(items: Items) -> Items:
    items[1]["pk"] = "CASE#another"
    return items


@pytest.mark.proves("B14")
@pytest.mark.parametrize(
    "touch,broken",
    [
        (lambda items: items, None),
        (_changed, 2),
        (_swapped, 2),
        (_moved_to_another_case, 2),
        (lambda items: items[1:], 1),
        (lambda items: items[:1] + items[2:], 2),
        (lambda items: items[:3], 4),
        (lambda _: [], 1),
    ],
    ids=["untouched", "changed", "swapped", "moved", "first gone", "middle gone", "last gone", "all gone"],
)
def test_the_chain_breaks_where_it_was_touched(touch: Callable[[Items], Items], broken: int | None) -> None:
    items, tail = chain()

    assert broken_at(touch(items), tail) == broken


def test_an_item_rewritten_with_a_hash_of_its_own_breaks_the_next_one() -> None:
    items, tail = chain()
    forged = MemoryEngine()
    Table(forged).commit(Changes(NOW, (CaseChange(None, races.fresh(), (CaseMarked("forged"),)),)))
    items[0] = forged.query(keys.case_head(CASE).pk, "EVENT#")[0]

    assert broken_at(items, tail) == 2


def test_a_case_without_commits_has_a_whole_chain() -> None:
    assert broken_at([], "") is None
