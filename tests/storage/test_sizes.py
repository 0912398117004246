"""Sizes follow the rule that DynamoDB bills by."""

from __future__ import annotations

import pytest

from quittance.application.commit import Key, Value
from quittance.storage.sizes import item_size, value_size


@pytest.mark.parametrize(
    "value,size",
    [
        ("", 0),
        ("été", 5),
        (None, 1),
        (True, 1),
        (0, 1),
        (7, 2),
        (27, 2),
        (-27, 3),
        (123, 3),
        (86_400_000, 3),
        ([], 3),
        (["ab", 1], 3 + 1 + 2 + 1 + 2),
        ({}, 3),
        ({"ab": "c"}, 3 + 1 + 2 + 1),
        ({"a": {"b": [1]}}, 3 + 1 + 1 + (3 + 1 + 1 + (3 + 1 + 2))),
    ],
)
def test_a_value_is_as_long_as_dynamodb_counts(value: Value, size: int) -> None:
    assert value_size(value) == size


def test_an_item_is_its_keys_and_its_names_and_values() -> None:
    assert item_size(Key("CASE#a", "HEAD"), {"kind": "return"}) == 2 + 6 + 2 + 4 + 4 + 6


def test_what_dynamodb_has_no_type_for_has_no_size() -> None:
    with pytest.raises(TypeError, match="plain"):
        value_size(1.5)  # type: ignore[arg-type]
