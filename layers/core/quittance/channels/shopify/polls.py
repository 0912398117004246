"""The lists that find what no webhook told: orders with open returns, returns we know, and orders with refunds.

Refuses a list that nobody knows, and to take a return that Shopify does not show for one that ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from quittance.application.ports import Page, Row
from quittance.channels.shopify import documents
from quittance.channels.shopify.fields import Node, child, flag, items, moment, number, text, unreadable
from quittance.channels.shopify.gid import to_gid
from quittance.channels.shopify.pages import Ask, whole
from quittance.channels.shopify.returns import status_of
from quittance.domain.errors import Rejected
from quittance.domain.ids import OrderId
from quittance.domain.instant import from_text, to_text
from quittance.domain.observations import ChannelStatus

OPEN_RETURNS: Final = "open_returns"
KNOWN_RETURNS: Final = "known_returns"
REFUNDED_ORDERS: Final = "refunded_orders"
SOURCES: Final = (OPEN_RETURNS, KNOWN_RETURNS, REFUNDED_ORDERS)
# A search lags behind the orders themselves; what changed shortly before the last one seen is asked for once more.
_OVERLAP: Final = timedelta(hours=1)
_SECONDS: Final = len("2026-11-21T21:38:43")
_WITHIN: Final = "|"
_KNOWN_AT_ONCE: Final = 50
_ENDED: Final = frozenset({ChannelStatus.CLOSED, ChannelStatus.DECLINED, ChannelStatus.CANCELLED})


def page(ask: Ask, source: str, cursor: str, known: Sequence[str]) -> Page:
    """Fetch one page; the status of each return is a ChannelStatus as text. Raises Unavailable."""
    if source == OPEN_RETURNS:
        return _open_returns(ask, cursor)
    if source == KNOWN_RETURNS:
        return _known_returns(ask, cursor, known)
    if source == REFUNDED_ORDERS:
        return _refunded_orders(ask, cursor)
    raise Rejected("UNKNOWN_SOURCE", "source", f"poll one of {', '.join(SOURCES)}")


def _open_returns(ask: Ask, cursor: str) -> Page:
    variables = {"filter": documents.OPEN_RETURNS_FILTER, "after": cursor or None}
    orders = child(ask(documents.OPEN_RETURNS, variables), "orders")
    rows = tuple(_row(whole(ask, order)) for order in items(orders, "nodes"))
    return Page(rows, _following(orders, cursor))


def _following(orders: Node, cursor: str) -> str:
    """The cursor of the next page; empty at the end."""
    info = child(orders, "pageInfo")
    if not flag(info, "hasNextPage"):
        return ""
    following = text(info, "endCursor")
    if following in ("", cursor):
        raise unreadable("orders", "gave the same page twice")
    return following


def _refunded_orders(ask: Ask, cursor: str) -> Page:
    """Orders with money paid back that changed since an instant, the oldest change first.

    The cursor is that instant, while a round is under way also the last change seen and the page, and without one the
    list is read from its start.
    """
    since, latest, after = (*cursor.split(_WITHIN), "", "")[:3]
    # Shopify's times have no fractions of a second: what changed within the second of the cursor is news as well.
    search = f"{documents.REFUNDED} updated_at:>='{since[:_SECONDS]}Z'" if since else documents.REFUNDED
    orders = child(ask(documents.REFUNDED_ORDERS, {"filter": search, "after": after or None}), "orders")
    found = [(number(order, "Order"), moment(order, "updatedAt")) for order in items(orders, "nodes")]
    rows = tuple(Row(OrderId(order), changed=to_text(at)) for order, at in found)
    latest = max([latest, *(row.changed for row in rows)])
    following = _following(orders, after)
    if following:
        return Page(rows, _WITHIN.join((since, latest, following)))
    resume = to_text(from_text(latest) - _OVERLAP) if latest else since
    return Page(rows, resume=max(since, resume))


def _row(order: Node) -> Row:
    """The open returns of an order: what ended long ago is no news, and would be found again each time."""
    found = [(number(one, "Return"), status_of(one)) for one in items(order, "returns")]
    is_open = tuple((name, status.value) for name, status in found if status not in _ENDED)
    return Row(OrderId(number(order, "Order")), is_open)


def _known_returns(ask: Ask, cursor: str, known: Sequence[str]) -> Page:
    """The cursor is the last id that was asked for, so that returns may come and go between two pages."""
    wanted = sorted({one for one in known if _rank(one) > _rank(cursor)}, key=_rank)
    now = wanted[:_KNOWN_AT_ONCE]
    if not now:
        return Page(())
    nodes = ask(documents.KNOWN_RETURNS, {"ids": [to_gid("Return", one) for one in now]}).get("nodes")
    if not isinstance(nodes, list) or len(nodes) != len(now):
        raise unreadable("nodes")
    return Page(_by_order(nodes), now[-1] if len(wanted) > len(now) else "")


def _rank(number: str) -> tuple[int, str]:
    """Numbers without leading zeros in their order, without trusting them to be numbers."""
    return len(number), number


def _by_order(nodes: list[Any]) -> tuple[Row, ...]:
    """One row per order. A null says only that Shopify does not show the return now, so nothing follows from it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for node in nodes:
        if node is None:
            continue
        if not isinstance(node, dict):
            raise unreadable("nodes")
        order = number(child(node, "order"), "Order")
        found.setdefault(order, []).append((number(node, "Return"), status_of(node).value))
    return tuple(Row(OrderId(order), tuple(returns)) for order, returns in found.items())
