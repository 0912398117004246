"""What happens to an order before it arrives: placed, shipped in parcels, cancelled by unit, and what that costs.

A buyer is charged when a unit ships, so a cancelled unit moves no money.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.amazon.books import charges_of
from sandbox.amazon.house import Floor
from sandbox.amazon.instants import fine_stamp
from sandbox.amazon.moving import Cause, move, share_of
from sandbox.amazon.records import Line, Order, Package

_STATUS = {
    "PENDING": "Pending",
    "UNSHIPPED": "Unshipped",
    "PARTIALLY_SHIPPED": "PartiallyShipped",
    "SHIPPED": "Shipped",
    "CANCELLED": "Canceled",
}
NOTIFY_BEFORE = timedelta(hours=6)


def place(floor: Floor, order: Order) -> Order:
    floor.books.orders[order.id] = order
    tell_change(floor, order, "OrderStatusChange", "Order placed", order.placed_at)
    return order


def ship(
    floor: Floor, order_id: str, units: Mapping[str, int] | None, carrier: str, tracking: str | None, at: datetime
) -> Package:
    """Hand units (by SKU; all that is open when None) to a carrier. Raises ValueError when too few are open."""
    order = floor.order(order_id)
    wanted = _units(order, units)
    package = Package(floor.house.ids.letters("package", 10), wanted, at, carrier, tracking)
    shares, lines = [], {}
    for line_id, count in wanted.items():
        line = next(one for one in order.lines if one.id == line_id)
        shares.append(share_of(floor, line, count, charges_of(line, count, line.shipped)))
        lines[line_id] = replace(line, shipped=line.shipped + count)
    order = floor.books.update_lines(replace(order, packages=(*order.packages, package)), lines, at)
    move(floor, order, tuple(shares), Cause("Shipment"), at)
    tell_change(floor, order, "OrderStatusChange", "Order shipped", at)
    return package


def _units(order: Order, units: Mapping[str, int] | None) -> dict[str, int]:
    if units is None:
        wanted = {line.id: line.open for line in order.lines if line.open}
    else:
        wanted = {order.line_of_sku(sku).id: count for sku, count in units.items()}
    for line in order.lines:
        if wanted.get(line.id, 0) > line.open:
            raise ValueError(f"{order.id}: only {line.open} of {line.sku} can ship")
    if not wanted:
        raise ValueError(f"{order.id}: nothing is left to ship")
    return wanted


def deliver(floor: Floor, order_id: str, at: datetime) -> Order:
    order = floor.order(order_id)
    packages = tuple(replace(one, delivered_at=one.delivered_at or at) for one in order.packages)
    return floor.books.update_order(replace(order, packages=packages), at)


def cancel_units(floor: Floor, order_id: str, units: Mapping[str, int], by: str, reason: str, at: datetime) -> Order:
    """Cancel units by item id; `by` is BUYER, MERCHANT or AMAZON. Raises ValueError when too few are open."""
    order = floor.order(order_id)
    lines: dict[str, Line] = {}
    for line_id, count in units.items():
        line = next(one for one in order.lines if one.id == line_id)
        if count > line.open:
            raise ValueError(f"{order.id}: only {line.open} of {line.sku} can be cancelled")
        lines[line_id] = replace(line, cancelled=line.cancelled + count, cancelled_by=by, cancel_reason=reason)
    order = floor.books.update_lines(order, lines, at)
    tell_change(floor, order, "OrderStatusChange", "Order cancelled", at)
    return order


def wish_cancelled(floor: Floor, order_id: str, skus: tuple[str, ...], reason: str, at: datetime) -> Order:
    """The buyer's official request, by the order page: marks the items and tells the seller."""
    order = floor.order(order_id)
    chosen = [line for line in order.lines if not skus or line.sku in skus]
    order = floor.books.update_lines(order, {line.id: replace(line, cancel_wish=reason) for line in chosen}, at)
    tell_change(floor, order, "BuyerRequestedChange", "Buyer Requested Cancel", at)
    return order


def tell_change(floor: Floor, order: Order, change: str, reason: str, at: datetime) -> None:
    """ORDER_CHANGE."""
    payload = {
        "NotificationLevel": "OrderLevel",
        "SellerId": floor.seller.id,
        "AmazonOrderId": order.id,
        "OrderChangeType": change,
        "OrderChangeTrigger": {"TimeOfOrderChange": fine_stamp(at), "ChangeReason": reason},
        "Summary": _summary(order, change),
    }
    floor.announce(
        "ORDER_CHANGE", "OrderChangeNotification", payload, at, marketplace=order.marketplace.id, change=change
    )


def _summary(order: Order, change: str) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "MarketplaceId": order.marketplace.id,
        "OrderStatus": _STATUS[order.status],
        "PurchaseDate": fine_stamp(order.placed_at),
        "DestinationPostalCode": order.buyer.postal_code,
        "FulfillmentType": "AFN" if order.by_amazon else "MFN",
        "OrderType": "StandardOrder",
        "NumberOfItemsShipped": sum(line.shipped for line in order.lines),
        "NumberOfItemsUnshipped": sum(line.open for line in order.lines),
        "LatestShipDate": fine_stamp(order.ship_by),
        "LatestDeliveryDate": fine_stamp(order.deliver_by),
        "OrderPrograms": ["Prime"] if order.prime else [],
        "OrderItems": [_item(line) for line in order.lines],
    }
    if change == "BuyerRequestedChange":
        summary["CancelNotifyDate"] = fine_stamp(order.ship_by - NOTIFY_BEFORE)
    return summary


def _item(line: Line) -> dict[str, Any]:
    return {
        "OrderItemId": line.id,
        "SellerSKU": line.sku,
        "SupplySourceId": None,
        "OrderItemStatus": "Shipped" if line.shipped == line.quantity else "Unshipped",
        "Quantity": line.quantity,
        "QuantityShipped": line.shipped,
        "IsBuyerRequestedCancel": line.cancel_wish is not None,
    }
