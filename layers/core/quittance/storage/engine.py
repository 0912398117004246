"""What the table needs of a key-value engine: five calls that DynamoDB answers, and memory in its place.

Refuses nothing itself; an engine raises Conflict when a condition fails and Unavailable when no answer came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn, Protocol

from quittance.application.commit import Key, Write

Item = Mapping[str, Any]
IDLE: Final = "a write has to set, remove or check something"


def _refused(self: object, *_: object, **__: object) -> NoReturn:
    raise TypeError(f"{self!r} is what is stored; only a write changes it")


class Fixed(dict[str, Any]):
    """An item, or a map in one, that never changes: equal to a plain one, and safe to hand out without a copy.

    `meaning` is what was read from the item, once somebody has read it.
    """

    __slots__ = ("meaning",)
    meaning: object
    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refused


class FixedList(list[Any]):
    """A list in such an item."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refused
    append = clear = extend = insert = pop = remove = reverse = sort = _refused


class Engine(Protocol):
    """Items are plain: text, whole numbers, booleans, None, lists and maps; each carries its `pk` and `sk`."""

    def get(self, key: Key) -> dict[str, Any] | None:
        """One item, read consistently."""
        ...

    def query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        """Every item of a partition whose sort key begins so, in the order of the sort key, read consistently."""
        ...

    def batch_get(self, wanted: Iterable[Key]) -> dict[Key, dict[str, Any]]:
        """The items that exist among these keys, each read consistently."""
        ...

    def query_index(self, index: str, pk: str, upto: str, limit: int, since: str = "") -> list[Key]:
        """The first keys of an index partition from one sort key to another, both included; an index may lag."""
        ...

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes if all conditions hold, else none; raises Conflict or Unavailable.

        Raises ValueError for a write that neither changes nor checks anything.
        """
        ...
