"""What all items share: how defaults are left out, how times are written, and how older schemas are read.

Refuses an item more than one schema ahead: this release would misread it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache, wraps
from typing import Any, Final, TypeVar, cast

from quittance.application.commit import Value
from quittance.domain.errors import Unavailable
from quittance.domain.instant import WIDTH, from_text, to_text
from quittance.domain.values import dataclass
from quittance.storage.engine import Fixed, Item

SCHEMA: Final = 1
_MILLISECOND: Final = timedelta(milliseconds=1)
_Meant = TypeVar("_Meant")


@dataclass(frozen=True, slots=True)
class Upgrade:
    """How an item of one kind is read that was written under an older schema.

    `apply` turns an item of schema `since` into one of the next; `gone` are attributes that only the older one had,
    which the next write of the item removes.
    """

    kind: str
    since: int
    apply: Callable[[dict[str, Any]], dict[str, Any]]
    gone: frozenset[str] = frozenset()


# Empty as long as there has been one schema only.
UPGRADES: Final[tuple[Upgrade, ...]] = ()


def upgraded(kind: str, item: Item, upgrades: tuple[Upgrade, ...] = UPGRADES) -> Item:
    """The item as this release writes it; one schema ahead is read as it is, for the time of a deployment.

    Raises Unavailable for an item that is further ahead or for which an upgrade is missing.
    """
    schema = item.get("v", 0)
    if schema in (SCHEMA, SCHEMA + 1):
        return item
    steps = {upgrade.since: upgrade for upgrade in upgrades if upgrade.kind == kind}
    current = dict(item)
    for since in range(schema, SCHEMA):
        if since not in steps:
            raise Unavailable(f"{kind}: no upgrade from schema {since}; deploy a release that has one")
        current = steps[since].apply(current)
    if schema > SCHEMA:
        raise Unavailable(f"{kind}: written under schema {schema}, this release reads up to {SCHEMA + 1}")
    return current


def read_once(read: Callable[[Item], _Meant]) -> Callable[[Item], _Meant]:
    """Read an item that never changes only once; what it means, which never changes either, is kept with it."""

    @wraps(read)
    def reading(item: Item) -> _Meant:
        if not isinstance(item, Fixed):
            return read(item)
        try:
            return cast("_Meant", item.meaning)
        except AttributeError:
            item.meaning = meant = read(item)
            return meant

    return reading


@cache
def gone(kind: str, upgrades: tuple[Upgrade, ...] = UPGRADES) -> frozenset[str]:
    """Attributes of older schemas that a write of this kind removes."""
    return frozenset(name for upgrade in upgrades if upgrade.kind == kind for name in upgrade.gone)


def compact(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """Leave out what is empty, zero, false or None: every reader takes the same for the default."""
    return {name: value for name, value in attributes.items() if value}


def unless(default: Value, **attributes: Value) -> dict[str, Value]:
    """Leave out what equals a default other than nothing."""
    return {name: value for name, value in attributes.items() if value != default}


def written(instant: datetime | None) -> str:
    """An instant as text; empty for none."""
    return "" if instant is None else to_text(instant)


def read(text: str | None) -> datetime | None:
    """The instant that `written` wrote."""
    return from_text(text) if text else None


def due_of_item(item: Item) -> datetime | None:
    """The instant in an item's due key."""
    return read(item.get("due_sk", "")[:WIDTH])


def milliseconds(span: timedelta) -> int:
    """A span in whole milliseconds."""
    return span // _MILLISECOND


def span(count: int) -> timedelta:
    """The span that `milliseconds` wrote."""
    return count * _MILLISECOND


def epoch_seconds(instant: datetime) -> int:
    """An instant as DynamoDB's time to live wants it."""
    return int(instant.timestamp())
