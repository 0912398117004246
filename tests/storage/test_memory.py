"""The engine in memory keeps what it holds to itself."""

from __future__ import annotations

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


def test_changing_what_was_read_does_not_change_what_is_stored() -> None:
    engine = MemoryEngine()
    engine.transact([Write(KEY, {"value": [1]}, (Absent(),))])

    for item in (engine.get(KEY), engine.query(KEY.pk)[0], engine.batch_get([KEY])[KEY]):
        assert item is not None
        item["value"].append(2)

    assert engine.query(KEY.pk) == [{"pk": KEY.pk, "sk": KEY.sk, "value": [1]}]


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
