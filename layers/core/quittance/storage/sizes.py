"""How many bytes DynamoDB counts for an item, by its published rule; a write unit is one kilobyte of them.

Refuses values that DynamoDB has no type for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quittance.application.commit import Key, Value


def item_size(key: Key, attributes: Mapping[str, Value]) -> int:
    """Bytes of a whole item: names and values in UTF-8, with the keys.

    Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    keys = len("pk") + len("sk") + len(key.pk.encode()) + len(key.sk.encode())
    return keys + sum(len(name.encode()) + value_size(value) for name, value in attributes.items())


def value_size(value: Value) -> int:
    """Bytes of one value; raises TypeError for what is no plain value."""
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, int):
        return _number_size(value)
    if isinstance(value, Mapping):
        return 3 + sum(1 + len(name.encode()) + value_size(part) for name, part in value.items())
    if isinstance(value, Sequence):
        return 3 + sum(1 + value_size(part) for part in value)
    raise TypeError(f"{value!r} is no plain value")


def _number_size(number: int) -> int:
    """One byte per two significant digits, and one or two more; leading and trailing zeroes are not significant."""
    digits = str(abs(number)).strip("0")
    return 1 + (len(digits) + 1) // 2 + (number < 0)
