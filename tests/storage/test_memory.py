"""The engine in memory keeps what it holds to itself."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest

from quittance.application.commit import Absent, AtLeast, Condition, FenceIs, Key, Value, VersionIs, Write
from quittance.domain.account import Mode
from quittance.domain.errors import Conflict
from quittance.storage.memory import MemoryEngine, holds

KEY = Key("CASE#a", "HEAD")


def test_changing_what_was_written_does_not_change_what_is_stored() -> None:
    engine = MemoryEngine()
    nested: dict[str, Any] = {"list": [1, {"deep": 2}]}
    engine.transact([Write(KEY, {"value": nested}, (Absent(),))])

    nested["list"].append(3)
    nested["list"][1]["deep"] = 9

    assert engine.get(KEY) == {"pk": KEY.pk, "sk": KEY.sk, "value": {"list": [1, {"deep": 2}]}}


CHANGES: tuple[Callable[[Any], object], ...] = (
    lambda item: item.update(value=2),
    lambda item: item.setdefault("new", 2),
    lambda item: item.pop("value"),
    lambda item: item.popitem(),
    lambda item: item.clear(),
    lambda item: operator.setitem(item, "value", 2),
    lambda item: operator.delitem(item, "value"),
    lambda item: item.__ior__({"value": 2}),
    lambda item: operator.setitem(item["value"], 0, 2),
    lambda item: operator.delitem(item["value"], 0),
    lambda item: item["value"].__iadd__([2]),
    lambda item: item["value"].__imul__(2),
    lambda item: item["value"].append(2),
    lambda item: item["value"].extend([2]),
    lambda item: item["value"].insert(0, 2),
    lambda item: item["value"].pop(),
    lambda item: item["value"].remove(1),
    lambda item: item["value"].clear(),
    lambda item: item["value"].sort(),
    lambda item: item["value"].reverse(),
    lambda item: item["value"][1].update(deep=2),
)


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_read_cannot_be_changed(change: Callable[[Any], object]) -> None:
    engine = MemoryEngine()
    engine.transact([Write(KEY, {"value": [1, {"deep": 1}]}, (Absent(),))])

    for item in (engine.get(KEY), engine.query(KEY.pk)[0], engine.batch_get([KEY])[KEY]):
        with pytest.raises(TypeError, match="only a write"):
            change(item)

    assert engine.query(KEY.pk) == [{"pk": KEY.pk, "sk": KEY.sk, "value": [1, {"deep": 1}]}]


def test_what_was_read_and_written_again_is_not_copied_a_second_time() -> None:
    engine = MemoryEngine()
    engine.transact([Write(KEY, {"value": [1]}, ())])
    (first,) = engine.query(KEY.pk)

    engine.transact([Write(KEY, {"other": first["value"]}, ())])

    (second,) = engine.query(KEY.pk)
    assert second["other"] is first["value"]
    assert first == {"pk": KEY.pk, "sk": KEY.sk, "value": [1]}


PLACED = {"due_pk": "DUE#1#1", "due_sk": "2026#a"}


def stored(engine: MemoryEngine) -> object:
    found = [engine.query_index("due", f"DUE#1#{shard}", "~", 9) for shard in range(3)]
    return engine.query(KEY.pk), engine.query("CASE#b"), found


def test_a_snapshot_is_put_back_whole_whatever_was_written_since() -> None:
    engine = MemoryEngine()
    engine.transact([Write(KEY, {"value": 1, **PLACED}, ())])
    snapshot, before = engine.snapshot(), stored(engine)

    for _ in range(2):
        engine.transact([Write(KEY, {"value": 2, "due_pk": "DUE#1#2"}, ()), Write(Key("CASE#b", "HEAD"), PLACED, ())])
        assert stored(engine) != before
        engine.restore(snapshot)
        assert stored(engine) == before


def test_engines_that_began_with_one_snapshot_do_not_see_each_other() -> None:
    first, second = MemoryEngine(), MemoryEngine()
    first.transact([Write(KEY, {"value": 1, **PLACED}, ())])
    second.restore(first.snapshot())
    before = stored(second)

    first.transact([Write(KEY, {"value": 2, "due_sk": "2027#a"}, ())])
    assert stored(second) == before
    second.transact([Write(KEY, {"value": 3}, (), frozenset(PLACED))])
    assert first.query(KEY.pk)[0]["value"] == 2
    assert first.query_index("due", "DUE#1#1", "~", 9) == [KEY]


def test_what_is_no_plain_value_is_refused() -> None:
    with pytest.raises(TypeError, match="plain"):
        MemoryEngine().transact([Write(KEY, {"value": 1.5}, ())])  # type: ignore[dict-item]


def test_a_conflict_names_the_kind_of_item_and_the_condition_but_no_id() -> None:
    engine = MemoryEngine()
    engine.transact([Write(KEY, {"value": 1}, ())])

    with pytest.raises(Conflict, match=r"case head: Absent") as conflict:
        engine.transact([Write(KEY, {"value": 2}, (Absent(),))])

    assert KEY.pk not in str(conflict.value)


def test_an_enum_is_stored_as_its_text() -> None:
    engine = MemoryEngine()

    engine.transact([Write(KEY, {"value": Mode.LIVE, "list": [Mode.SHADOW]}, ())])

    item = engine.get(KEY)
    assert item is not None
    assert (type(item["value"]), item["value"], item["list"]) == (str, "live", ["shadow"])


@pytest.mark.parametrize("found", ["2", "9", True, None, [2], {"2": 2}])
def test_what_is_no_number_is_never_at_least_one(found: Value) -> None:
    assert not holds(AtLeast(("free",), 1), {"free": found})
    assert holds(AtLeast(("free",), 1), {"free": 1})


@pytest.mark.parametrize("condition", [VersionIs(1), FenceIs(1)])
def test_a_truth_is_not_the_number_one(condition: Condition) -> None:
    assert not holds(condition, {"version": True, "fence": True})
    assert holds(condition, {"version": 1, "fence": 1})
