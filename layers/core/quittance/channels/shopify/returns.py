"""A return as Shopify shows it: its lines, its status, the names under which its parcel may come back.

Refuses to guess a status that nobody knows, and the time of sending: Shopify shows labels and tracking numbers of a
reverse delivery, but no scan of the carrier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from quittance.channels.shopify.fields import (
    Node,
    child,
    code,
    count,
    items,
    maybe_child,
    maybe_text,
    moment,
    number,
    text,
    unreadable,
)
from quittance.channels.shopify.gid import any_number
from quittance.domain.errors import Rejected
from quittance.domain.ids import OrderId, digest
from quittance.domain.observations import ChannelStatus, ReturnLineReading, ReturnReading

_STATUSES: Final[Mapping[str, ChannelStatus]] = {
    "REQUESTED": ChannelStatus.REQUESTED,
    "OPEN": ChannelStatus.OPEN,
    "CLOSED": ChannelStatus.CLOSED,
    "DECLINED": ChannelStatus.DECLINED,
    "CANCELED": ChannelStatus.CANCELLED,
}


def status_of(node: Node) -> ChannelStatus:
    """Where a return stands; UNRECOGNISED for a status that nobody knows."""
    return _STATUSES.get(code(node, "status"), ChannelStatus.UNRECOGNISED)


def reading(node: Node, order: OrderId, as_of: datetime) -> ReturnReading:
    """Read one return whose lists are complete; raises Unreadable."""
    odd: list[str] = []
    status = status_of(node)
    if status is ChannelStatus.UNRECOGNISED:
        odd.append(f"return_status:{code(node, 'status')}")
    lines = [(_line(line, odd), maybe_text(line, "customerNote")) for line in items(node, "returnLineItems")]
    return ReturnReading(
        id=number(node, "Return"),
        order=order,
        as_of=as_of,
        status=status,
        requested_at=moment(node, "createdAt"),
        lines={line.id: line for line, _ in lines},
        rma=text(node, "name"),
        tracking=frozenset(_tracking(node, odd)),
        refunds=frozenset(number(one, "Refund") for one in items(node, "refunds")),
        texts={digest(words): words for _, words in lines if words.strip()},
        unrecognised=tuple(dict.fromkeys(odd)),
    )


def _line(node: Node, odd: list[str]) -> ReturnLineReading:
    order_line, sku = "", ""
    kind = text(node, "__typename")
    if kind == "ReturnLineItem":
        sold = child(child(node, "fulfillmentLineItem"), "lineItem")
        order_line, sku = number(sold, "LineItem"), maybe_text(sold, "sku")
    else:
        odd.append(f"return_line:{kind}")
    reason = maybe_child(node, "returnReasonDefinition")
    return ReturnLineReading(
        id=_identity(node),
        order_line=order_line,
        sku=sku,
        quantity=count(node, "quantity"),
        reason="" if reason is None else text(reason, "handle"),
        processed=count(node, "processedQuantity"),
        refunded=count(node, "refundedQuantity"),
    )


def _identity(node: Node) -> str:
    try:
        return any_number(text(node, "id"))
    except Rejected:
        raise unreadable("returnLineItems.id", "is no global id") from None


def _tracking(node: Node, odd: list[str]) -> Iterator[str]:
    for reverse in items(node, "reverseFulfillmentOrders"):
        for delivery in items(reverse, "reverseDeliveries"):
            deliverable = maybe_child(delivery, "deliverable")
            if deliverable is None:
                continue
            if text(deliverable, "__typename") != "ReverseDeliveryShippingDeliverable":
                odd.append(f"deliverable:{text(deliverable, '__typename')}")
                continue
            tracking = maybe_child(deliverable, "tracking")
            found = "" if tracking is None else maybe_text(tracking, "number").strip()
            if found:
                yield found
