"""The engine in memory: the same writes under the same conditions, for tests and the fault laboratory.

Refuses a change of what it holds by anything but a write: what goes in is copied, what comes out cannot be changed.
"""

from __future__ import annotations

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
from quittance.domain.values import dataclass
from quittance.storage import keys
from quittance.storage.engine import IDLE, Fixed, FixedList, Item

_INDEXES: Final = ((keys.DUE_INDEX, "due_pk", "due_sk"), (keys.DESK_INDEX, "desk_pk", "desk_sk"))
# What cannot change is stored as it comes.
_SETTLED: Final = frozenset({str, int, bool, type(None), Fixed, FixedList})
_Place = tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything an engine held at one moment, to put back into it or into another."""

    partitions: Mapping[str, dict[str, Fixed]]
    indexes: Mapping[tuple[str, str], set[tuple[str, Key]]]


class MemoryEngine:
    """Items in a dictionary; indexes are exact at once. Not for several threads."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, Fixed]] = {}
        self._indexes: dict[tuple[str, str], set[tuple[str, Key]]] = {}
        # Places that a snapshot shares are copied before the first write to them.
        self._shared: set[str | tuple[str, str]] = set()

    def snapshot(self) -> Snapshot:
        """Everything held now; takes as long as there are partitions, whatever they hold."""
        self._share()
        return Snapshot(dict(self._partitions), dict(self._indexes))

    def restore(self, snapshot: Snapshot) -> None:
        """Hold what the snapshot holds and nothing else."""
        self._partitions, self._indexes = dict(snapshot.partitions), dict(snapshot.indexes)
        self._share()

    def _share(self) -> None:
        self._shared = {*self._partitions, *self._indexes}

    def get(self, key: Key) -> dict[str, Any] | None:
        """One item."""
        return self._find(key)

    def query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        """The items of a partition in the order of their sort keys."""
        items = self._partitions.get(pk, {})
        # DynamoDB orders by bytes of UTF-8, which is the order of code points.
        return [items[sk] for sk in sorted(items) if sk.startswith(prefix)]

    def batch_get(self, wanted: Iterable[Key]) -> dict[Key, dict[str, Any]]:
        """The items that exist among these keys."""
        found = ((key, self.get(key)) for key in wanted)
        return {key: item for key, item in found if item is not None}

    def query_index(self, index: str, pk: str, upto: str, limit: int, since: str = "") -> list[Key]:
        """The first keys of an index partition from one sort key to another, both included."""
        entries = sorted(entry for entry in self._indexes.get((index, pk), ()) if since <= entry[0] <= upto)
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

    def _find(self, key: Key) -> Fixed | None:
        partition = self._partitions.get(key.pk)
        return None if partition is None else partition.get(key.sk)

    def _apply(self, write: Write) -> None:
        key = write.key
        before = self._find(key)
        changed = {"pk": key.pk, "sk": key.sk} if before is None else dict(before)
        changed |= _stored(write.set)
        for attribute in write.remove:
            changed.pop(attribute, None)
        self._partition(key.pk)[key.sk] = after = Fixed(changed)
        for index, pk, sk in _INDEXES:
            if pk in after or (before and pk in before):
                self._move(index, key, _place(before or {}, pk, sk), _place(after, pk, sk))

    def _partition(self, pk: str) -> dict[str, Fixed]:
        """A partition that no snapshot shares."""
        if pk in self._shared:
            self._shared.remove(pk)
            self._partitions[pk] = dict(self._partitions[pk])
        return self._partitions.setdefault(pk, {})

    def _index(self, place: tuple[str, str]) -> set[tuple[str, Key]]:
        if place in self._shared:
            self._shared.remove(place)
            self._indexes[place] = set(self._indexes[place])
        return self._indexes.setdefault(place, set())

    def _move(self, index: str, key: Key, before: _Place, after: _Place) -> None:
        if before == after:
            return
        if before is not None:
            self._index((index, before[0])).discard((before[1], key))
        if after is not None:
            self._index((index, after[0])).add((after[1], key))


def _place(item: Item, pk: str, sk: str) -> _Place:
    """Where an item stands in an index; nowhere without both attributes."""
    partition, order = item.get(pk), item.get(sk)
    return None if partition is None or order is None else (partition, order)


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


def _stored(value: Mapping[str, Value]) -> Fixed:
    stored = Fixed(value)
    for name, part in value.items():
        if type(part) not in _SETTLED:
            dict.__setitem__(stored, name, _value(part))
    return stored


def _value(value: Value) -> Any:
    # The exact types first: a test against an abstract class costs more than the copy.
    if type(value) is dict:
        return _stored(value)
    if type(value) is list:
        return FixedList([part if type(part) in _SETTLED else _value(part) for part in value])
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return _stored(value)
    if isinstance(value, Sequence):
        return _value(list(value))
    raise TypeError(f"{value!r} is no plain value")
