"""Multi-Channel Fulfillment: orders of the seller's other shops that Amazon ships, stops, and takes returns of.

To cancel is a request: until the goods are being packed it succeeds a moment later, afterwards it does not.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sandbox.amazon.house import Floor
from sandbox.amazon.instants import fine_stamp
from sandbox.amazon.records import OutboundOrder, OutboundReturn

STOPPABLE = ("New", "Received", "Planning")


def keep(floor: Floor, order: OutboundOrder) -> OutboundOrder:
    floor.books.outbound[order.id] = order
    return order


def move_on(floor: Floor, order_id: str, status: str, at: datetime) -> OutboundOrder:
    """Another status, and the notification of it."""
    order = keep(floor, replace(floor.books.outbound[order_id], status=status, updated_at=at))
    tell(floor, order, "Order", at)
    return order


def ship(floor: Floor, order_id: str, tracking: str, at: datetime) -> OutboundOrder:
    shipment = f"D{floor.house.ids.letters('shipment', 8)}"
    order = replace(floor.books.outbound[order_id], shipment=shipment, shipped_at=at, tracking=tracking)
    keep(floor, replace(order, status="Complete", updated_at=at))
    tell(floor, floor.books.outbound[order_id], "Shipment", at)
    tell_shipment(floor, order_id, shipment, "Created", at)
    return floor.books.outbound[order_id]


def tell_shipment(floor: Floor, order_id: str, shipment: str, status: str, at: datetime) -> None:
    """FBA_OUTBOUND_SHIPMENT_STATUS."""
    payload = {
        "SellerId": floor.seller.id,
        "AmazonOrderId": order_id,
        "AmazonShipmentId": shipment,
        "ShipmentStatus": status,
    }
    floor.announce("FBA_OUTBOUND_SHIPMENT_STATUS", "FBAOutboundShipmentStatusNotification", payload, at)


def ask_to_cancel(floor: Floor, order_id: str) -> None:
    """Amazon stops what it still can, a moment later."""
    floor.in_time(floor.seller.lags.cancellation, lambda at: _cancel(floor, order_id, at))


def _cancel(floor: Floor, order_id: str, at: datetime) -> None:
    order = floor.books.outbound[order_id]
    if order.status in STOPPABLE:
        lines = tuple(replace(line, cancelled=line.quantity) for line in order.lines)
        keep(floor, replace(order, lines=lines))
        move_on(floor, order_id, "Cancelled", at)


def receive_return(floor: Floor, order_id: str, return_id: str, at: datetime) -> OutboundReturn:
    """The goods of an authorised return have come back to Amazon."""
    order = floor.books.outbound[order_id]
    found = next(one for one in order.returns if one.id == return_id)
    arrived = replace(found, received_at=at)
    returns = tuple(arrived if one.id == return_id else one for one in order.returns)
    tell(floor, keep(floor, replace(order, returns=returns, updated_at=at)), "Return", at, arrived)
    return arrived


def tell(floor: Floor, order: OutboundOrder, event: str, at: datetime, returned: OutboundReturn | None = None) -> None:
    """FULFILLMENT_ORDER_STATUS; shipment and return are in it only where there are such."""
    payload: dict[str, Any] = {
        "SellerId": floor.seller.id,
        "EventType": event,
        "StatusUpdatedDateTime": fine_stamp(at),
        "SellerFulfillmentOrderId": order.id,
        "FulfillmentOrderStatus": order.status.upper(),
    }
    if order.shipment is not None:
        package = {"PackageNumber": 1, "CarrierCode": "AMZN", "TrackingNumber": order.tracking or ""}
        payload["FulfillmentShipment"] = {
            "FulfillmentShipmentStatus": "SHIPPED",
            "AmazonShipmentId": order.shipment,
            "EstimatedArrivalDateTime": fine_stamp(at),
            "info": package,
            "FulfillmentShipmentPackages": [package],
        }
    if returned is not None:
        line = next(one for one in order.lines if one.id == returned.line)
        payload["FulfillmentReturnItem"] = {
            "ReceivedDateTime": fine_stamp(at),
            "ReturnedQuantity": line.quantity,
            "SellerSKU": line.sku,
        }
    floor.announce("FULFILLMENT_ORDER_STATUS", "FulfillmentOrderStatusNotification", payload, at)
