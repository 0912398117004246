"""The engine in memory as the laboratory uses it: every call is a touch, and what was there before is remembered.

Refuses to be told apart from `MemoryEngine` by a use case: without a worker and without a fault it is that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quittance.application.commit import Key, Write
from quittance.domain.errors import Conflict, Unavailable
from quittance.storage import keys
from quittance.storage.memory import MemoryEngine, Snapshot
from tests.faults.laboratory.faults import Door

Item = Mapping[str, Any]
Ask = Callable[[Door, Callable[[], str], Callable[[], Any], Callable[[], Any]], Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One item before and after a transaction; only what a condition checked stands equal on both sides."""

    key: Key
    before: Item | None
    after: Item


class LaboratoryEngine(MemoryEngine):
    """`touch` stands at every call; `committed` is told of every transaction that went through."""

    def __init__(self) -> None:
        super().__init__()
        self.touch: Ask | None = None
        self.committed: Callable[[Sequence[Change]], None] | None = None
        self.refused: Callable[[str], None] | None = None
        self._older: dict[str, Mapping[str, dict[str, Any]]] = {}
        self._left: dict[tuple[str, str], list[tuple[str, Key]]] = {}

    # Every call is a touch.

    def get(self, key: Key) -> dict[str, Any] | None:
        """One item, or what stood there before the last write."""
        if self.touch is None:
            return super().get(key)
        found: dict[str, Any] | None = self.touch(
            Door.READ,
            lambda: f"get {_name(key)}",
            lambda: super(LaboratoryEngine, self).get(key),
            lambda: self._older.get(key.pk, self._partitions.get(key.pk, {})).get(key.sk),
        )
        return found

    def query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        """A partition, or what it held before the last write."""
        if self.touch is None:
            return super().query(pk, prefix)
        found: list[dict[str, Any]] = self.touch(
            Door.READ,
            lambda: f"query {pk.partition('#')[0]}",
            lambda: super(LaboratoryEngine, self).query(pk, prefix),
            lambda: self._queried_before(pk, prefix),
        )
        return found

    def _queried_before(self, pk: str, prefix: str) -> list[dict[str, Any]]:
        items = self._older.get(pk, self._partitions.get(pk, {}))
        return [items[sk] for sk in sorted(items) if sk.startswith(prefix)]

    def batch_get(self, wanted: Iterable[Key]) -> dict[Key, dict[str, Any]]:
        """Several items, or what stood there before the last write to each."""
        ordered = list(wanted)
        if self.touch is None:
            return super().batch_get(ordered)
        found: dict[Key, dict[str, Any]] = self.touch(
            Door.READ,
            lambda: f"batch get {_name(ordered[0])}",
            lambda: super(LaboratoryEngine, self).batch_get(ordered),
            lambda: self._got_before(ordered),
        )
        return found

    def _got_before(self, wanted: Iterable[Key]) -> dict[Key, dict[str, Any]]:
        held = ((key, self._older.get(key.pk, self._partitions.get(key.pk, {})).get(key.sk)) for key in wanted)
        return {key: item for key, item in held if item is not None}

    def query_index(self, index: str, pk: str, upto: str, limit: int, since: str = "") -> list[Key]:
        """An index partition; a lagging one misses what came last and still shows what has left."""
        exact = super().query_index(index, pk, upto, limit, since)
        left = self._left.get((index, pk), [])
        if self.touch is None or not (exact or left):
            return exact
        gone = [key for sk, key in left if since <= sk <= upto]
        found: list[Key] = self.touch(
            Door.INDEX,
            lambda: f"query {index}",
            lambda: super(LaboratoryEngine, self).query_index(index, pk, upto, limit, since),
            lambda: [key for key in gone if key not in exact],
        )
        return found

    def transact(self, writes: Sequence[Write]) -> None:
        """Write, or not, or later."""
        if self.touch is None:
            self._write(writes)
        else:
            self.touch(Door.WRITE, lambda: name_of(writes), lambda: self._write(writes), _no_answer)

    def _write(self, writes: Sequence[Write]) -> None:
        before = [self._find(write.key) for write in writes]
        older = {write.key.pk: dict(self._partitions.get(write.key.pk, {})) for write in writes if not write.is_check}
        try:
            super().transact(writes)
        except Conflict as lost:
            if self.refused is not None:
                self.refused(str(lost))
            raise
        self._older |= older
        changes = [
            Change(write.key, was, self._find(write.key) or {}) for write, was in zip(writes, before, strict=True)
        ]
        for change in changes:
            self._note_index(change)
        if self.committed is not None:
            self.committed(changes)

    def _note_index(self, change: Change) -> None:
        """Remember an entry that left the due index, for readers that lag, and tell of one that came."""
        was = change.before or {}
        place, sort = was.get("due_pk"), was.get("due_sk")
        if sort == change.after.get("due_sk"):
            return
        if place is not None and sort is not None:
            left = self._left.setdefault((keys.DUE_INDEX, place), [])
            left.append((sort, change.key))
            del left[:-2]

    # The observer's side: nothing of this is a touch.

    def item(self, key: Key) -> Item | None:
        """One item as it stands; not to be changed."""
        return self._find(key)

    def partition(self, pk: str) -> Mapping[str, Item]:
        """A partition as it stands; not to be changed."""
        return self._partitions.get(pk, {})

    def partitions(self) -> Iterable[str]:
        """Every partition key."""
        return self._partitions

    def due_keys(self) -> Iterator[str]:
        """The sort keys of everything that waits in the due index for a tick."""
        for (index, pk), entries in self._indexes.items():
            if index == keys.DUE_INDEX and pk != keys.PARKED_DUE.pk:
                yield from (sort for sort, _ in entries)

    def put_back(self, snapshot: Snapshot) -> None:
        """Make the table what it was."""
        self.restore(snapshot)
        self._older.clear()
        self._left.clear()


def _no_answer() -> Any:
    raise Unavailable("no answer")


def _name(key: Key) -> str:
    kind = key.pk.partition("#")[0].lower()
    return f"{kind} {key.sk.partition('#')[0].lower()}" if kind == "account" else kind


def name_of(writes: Sequence[Write]) -> str:
    """What a transaction is about, for the table of boundaries: an intent's new state, or the kinds that it writes."""
    states = [str(w.set["state"]) for w in writes if w.key.sk.startswith("INTENT#") and "state" in w.set]
    heads = any(w.key.sk == "HEAD" for w in writes)
    if states:
        return f"{'commit' if heads else 'write'} {'+'.join(sorted(states))}"
    return "commit case" if heads else f"write {writes[0].key.pk.partition('#')[0].lower()}"
