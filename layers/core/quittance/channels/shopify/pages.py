"""Turns a first answer into a whole one: every paged list is read to its end, every cut one asked for again.

Refuses to stop early: a page that repeats, never ends or answers null makes the whole reading unreadable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from quittance.channels.shopify import documents
from quittance.channels.shopify.fields import Node, child, flag, text, unreadable
from quittance.channels.shopify.gid import kind_of
from quittance.domain.errors import Rejected

Ask = Callable[[str, Mapping[str, Any]], Node]
_MOST_PAGES: Final = 40


def whole(ask: Ask, found: Any) -> Any:
    """Return what was found with each connection replaced by the list of all its nodes.

    `ask` sends a document with variables and returns its data. Raises Unavailable when a page cannot be read.
    """
    if isinstance(found, list):
        return [whole(ask, one) for one in found]
    if not isinstance(found, dict):
        return found
    return {name: _field(ask, found, name, value) for name, value in found.items()}


def uncut(ask: Ask, order: Node) -> Node:
    """Return the order with its cut lists at full length; raises Unreadable for one that is longer than allowed."""
    lists: dict[str, Any] = {}
    for field, cut in documents.CUTS.items():
        found = order.get(field)
        if isinstance(found, list) and len(found) >= cut.first:
            found = child(ask(cut.more, {"id": text(order, "id")}), "order").get(field)
            if not isinstance(found, list) or len(found) >= documents.LONGEST_LIST:
                raise unreadable(field, "has no end")
        lists[field] = found
    return {**order, **lists}


def _field(ask: Ask, owner: Node, name: str, value: Any) -> Any:
    if isinstance(value, dict) and "pageInfo" in value:
        return [whole(ask, node) for node in _nodes(ask, owner, name, value)]
    return whole(ask, value)


def _nodes(ask: Ask, owner: Node, name: str, first: Node) -> list[Any]:
    nodes = _page(first, name)
    page = first
    for _ in range(_MOST_PAGES):
        info = child(page, "pageInfo")
        if not flag(info, "hasNextPage"):
            return nodes
        page = _next(ask, owner, name, text(info, "endCursor"))
        if child(page, "pageInfo").get("endCursor") == info["endCursor"]:
            raise unreadable(name, "gave the same page twice")
        nodes += _page(page, name)
    raise unreadable(name, "has no end")


def _page(page: Node, name: str) -> list[Any]:
    nodes = page.get("nodes")
    if not isinstance(nodes, list):
        raise unreadable(name)
    return list(nodes)


def _next(ask: Ask, owner: Node, name: str, cursor: str) -> Node:
    identity = text(owner, "id")
    try:
        connection = documents.CONNECTIONS[kind_of(identity), name]
    except Rejected:
        raise unreadable("id", "is no global id") from None
    return child(child(ask(connection.more, {"id": identity, "after": cursor}), "node"), name)
