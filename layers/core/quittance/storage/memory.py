"""The engine in memory: the same writes under the same conditions, for tests and the fault laboratory.

Refuses to share a value with its caller: what goes in and what comes out are copies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, assert_never

from quittance.application.commit import (
    Absent,
    AtLeast,
    Condition,
    FenceIs,
    IsNot,
    Key,
    PointsTo,
    Value,
    VersionIs,
    Write,
)
from quittance.domain.errors import Conflict
from quittance.storage import keys
from quittance.storage.engine import IDLE, Item

_INDEXES: Final = ((keys.DUE_INDEX, "due_pk", "due_sk"), (keys.DESK_INDEX, "desk_pk", "desk_sk"))
_SCALARS: Final = frozenset({str, int, bool, type(None)})


class MemoryEngine:
    """Items in a dictionary; indexes are exact at once. Not for several threads."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, dict[str, Any]]] = {}
        self._indexes: defaultdict[tuple[str, str], set[tuple[str, Key]]] = defaultdict(set)

    def get(self, key: Key) -> dict[str, Any] | None:
        """One item."""
        item = self._find(key)
        return None if item is None else _copy_map(item)

    def query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        """The items of a partition in the order of their sort keys."""
        items = self._partitions.get(pk, {})
        # DynamoDB orders by bytes of UTF-8, which is the order of code points.
        return [_copy_map(items[sk]) for sk in sorted(items) if sk.startswith(prefix)]

    def batch_get(self, wanted: Iterable[Key]) -> dict[Key, dict[str, Any]]:
        """The items that exist among these keys."""
        found = ((key, self.get(key)) for key in wanted)
        return {key: item for key, item in found if item is not None}

    def query_index(self, index: str, pk: str, upto: str, limit: int, since: str = "") -> list[Key]:
        """The first keys of an index partition from one sort key to another, both included."""
        entries = sorted(entry for entry in self._indexes[index, pk] if since <= entry[0] <= upto)
        return [key for _, key in entries[:limit]]

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none; raises Conflict naming the first item whose condition failed."""
        for write in writes:
            if write.is_check and not write.conditions:
                raise ValueError(IDLE)
            item = self._find(write.key)
            for condition in write.conditions:
                if not holds(condition, item):
                    raise Conflict(f"{keys.kind_of(write.key)}: {condition} does not hold")
        for write in writes:
            if not write.is_check:
                self._apply(write)

    def _find(self, key: Key) -> dict[str, Any] | None:
        partition = self._partitions.get(key.pk)
        return None if partition is None else partition.get(key.sk)

    def _apply(self, write: Write) -> None:
        key = write.key
        before = self._find(key)
        after: dict[str, Any] = {"pk": key.pk, "sk": key.sk} if before is None else dict(before)
        after.update(_copy_map(write.set))
        for attribute in write.remove:
            after.pop(attribute, None)
        self._partitions.setdefault(key.pk, {})[key.sk] = after
        for index, pk, sk in _INDEXES:
            self._move(index, key, (before or {}).get(pk), (before or {}).get(sk), after.get(pk), after.get(sk))

    def _move(self, index: str, key: Key, *places: str | None) -> None:
        old_pk, old_sk, new_pk, new_sk = places
        if old_pk is not None and old_sk is not None:
            self._indexes[index, old_pk].discard((old_sk, key))
        if new_pk is not None and new_sk is not None:
            self._indexes[index, new_pk].add((new_sk, key))


def holds(condition: Condition, item: Item | None) -> bool:
    """Say whether a condition holds on an item, as DynamoDB would: what is missing equals nothing."""
    present = item or {}
    match condition:
        case Absent():
            return item is None
        case VersionIs(number):
            return _is_number(present.get("version"), number)
        case FenceIs(number):
            return _is_number(present.get("fence"), number)
        case AtLeast(path, minimum):
            found = _at(present, path)
            return type(found) is int and found >= minimum
        case IsNot(attribute, value):
            return bool(present.get(attribute) != value)
        case PointsTo(case):
            return bool(present.get("case") == case)
        case _:
            assert_never(condition)


def _is_number(found: object, number: int) -> bool:
    # In Python True is 1; in DynamoDB it is not.
    return type(found) is int and found == number


def _at(item: Item, path: tuple[str, ...]) -> object:
    found: object = item
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _copy_map(value: Mapping[str, Value]) -> dict[str, Any]:
    return {name: part if type(part) in _SCALARS else _copy(part) for name, part in value.items()}


def _copy(value: Value) -> Any:
    # The exact types first: a test against an abstract class costs more than the copy.
    if type(value) is dict or isinstance(value, Mapping):
        return _copy_map(value)
    if isinstance(value, str):
        return str(value)
    if type(value) is list or isinstance(value, Sequence):
        return [part if type(part) in _SCALARS else _copy(part) for part in value]
    raise TypeError(f"{value!r} is no plain value")
