"""Typed access to what Shopify answered: a missing, null or oddly shaped value is unreadable, never absent.

Refuses by name of the field only; a value never enters an error, because it may be a person's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from quittance.channels.shopify.gid import number_of
from quittance.domain.errors import Rejected, Unavailable
from quittance.domain.instant import parse_any
from quittance.domain.money import parse

Node = Mapping[str, Any]
_LONGEST_ENUM: Final = 64


class Unreadable(Unavailable):
    """Shopify answered something that cannot be understood whole, so nothing follows from it."""


def unreadable(name: str, why: str = "is missing or has another shape") -> Unreadable:
    """The error for a field of this name."""
    return Unreadable(f"shopify: {name} {why}")


def as_node(value: Any, name: str) -> Node:
    """Return a JSON object; raises Unreadable for anything else."""
    if not isinstance(value, dict):
        raise unreadable(name)
    return value


def child(node: Node, name: str) -> Node:
    """Return a required object."""
    return as_node(node.get(name), name)


def maybe_child(node: Node, name: str) -> Node | None:
    """Return an object that may be null, but must have been answered."""
    return None if _nullable(node, name) is None else child(node, name)


def items(node: Node, name: str) -> list[Node]:
    """Return a required list of objects; a null among them makes all of it unreadable."""
    found = node.get(name)
    if not isinstance(found, list):
        raise unreadable(name)
    return [as_node(one, name) for one in found]


def text(node: Node, name: str) -> str:
    """Return a required text."""
    found = node.get(name)
    if not isinstance(found, str):
        raise unreadable(name)
    return found


def maybe_text(node: Node, name: str) -> str:
    """Return a text that may be null, as an empty one."""
    return "" if _nullable(node, name) is None else text(node, name)


def count(node: Node, name: str) -> int:
    """Return a required whole number from zero."""
    found = node.get(name)
    if type(found) is not int or found < 0:
        raise unreadable(name)
    return found


def flag(node: Node, name: str) -> bool:
    """Return a required truth value."""
    found = node.get(name)
    if not isinstance(found, bool):
        raise unreadable(name)
    return found


def code(node: Node, name: str) -> str:
    """Return a required enum value, whether anybody knows it or not."""
    found = text(node, name)
    if not 0 < len(found) <= _LONGEST_ENUM:
        raise unreadable(name)
    return found


def number(node: Node, kind: str, name: str = "id") -> str:
    """Return the number of a required global id of this type."""
    try:
        return number_of(kind, text(node, name))
    except Rejected:
        raise unreadable(f"{kind}.{name}", "is no global id of that type") from None


def moment(node: Node, name: str) -> datetime:
    """Return a required instant in UTC."""
    try:
        return parse_any(text(node, name), name)
    except Rejected:
        raise unreadable(name, "is no time with a zone") from None


def maybe_moment(node: Node, name: str) -> datetime | None:
    """Return an instant that may be null."""
    return None if _nullable(node, name) is None else moment(node, name)


def minor(node: Node, name: str, currency: str) -> int:
    """Return the presentment side of a money bag in minor units.

    Raises Unreadable for another currency, and for more digits than the currency has.
    """
    money = child(child(node, name), "presentmentMoney")
    if text(money, "currencyCode") != currency:
        raise unreadable(name, "is not in the order's presentment currency")
    try:
        return parse(text(money, "amount"), currency, name).minor
    except Rejected as refusal:
        raise unreadable(name, refusal.code) from None


def _nullable(node: Node, name: str) -> Any:
    if name not in node:
        raise unreadable(name)
    return node[name]
