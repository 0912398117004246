"""What the table needs of a key-value engine: five calls that DynamoDB answers, and memory in its place.

Refuses nothing itself; an engine raises Conflict when a condition fails and Unavailable when no answer came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from quittance.application.commit import Key, Write

Item = Mapping[str, Any]
IDLE: Final = "a write has to set, remove or check something"


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
