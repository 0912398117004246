"""Fulfillment Outbound 2020-07-01 and 2026-07-04: reading, cancelling and returning Multi-Channel Fulfillment orders.

Cancelling answers at once and proves nothing: the status read afterwards does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sandbox.amazon import fulfilling
from sandbox.amazon.instants import read, stamp
from sandbox.amazon.operations import Operation, Visit
from sandbox.amazon.records import OutboundLine, OutboundOrder, OutboundReturn
from sandbox.amazon.refusals import absent, invalid
from sandbox.amazon.report_rows import FULFILMENT_CENTRE
from sandbox.amazon.shapes import TEXT, WHEN, ListOf, Record, Text

MODEL: Final = "fulfillmentOutbound_2020-07-01"
MODEL_2026: Final = "fulfillmentOutbound_2026-07-04"
REASONS: Final = {"AMZ-PG-BAD-DESC": "Not as described", "AMZ-PG-MIS-PART": "Missing parts"}
_STATUS_2026: Final = {"CompletePartialled": "COMPLETE_PARTIALLED"}


def _order(visit: Visit, name: str) -> OutboundOrder:
    found = visit.floor.books.outbound.get(visit.path[name])
    if found is None:
        raise absent(f"Fulfillment order {visit.path[name]}")
    return found


def _address(order: OutboundOrder) -> dict[str, str]:
    buyer = order.buyer
    return {
        "name": buyer.name,
        "addressLine1": buyer.street,
        "city": buyer.city,
        "postalCode": buyer.postal_code,
        "countryCode": buyer.country,
    }


# 2020-07-01


def _told(order: OutboundOrder) -> dict[str, Any]:
    return {
        "sellerFulfillmentOrderId": order.id,
        "marketplaceId": order.marketplace.id,
        "displayableOrderId": order.id,
        "displayableOrderDate": stamp(order.received_at),
        "displayableOrderComment": order.comment,
        "shippingSpeedCategory": "Standard",
        "destinationAddress": _address(order),
        "fulfillmentAction": "Ship",
        "fulfillmentPolicy": "FillAll",
        "receivedDate": stamp(order.received_at),
        "fulfillmentOrderStatus": order.status,
        "statusUpdatedDate": stamp(order.updated_at),
    }


def get_order(visit: Visit) -> dict[str, Any]:
    order = _order(visit, "sellerFulfillmentOrderId")
    items = [
        {
            "sellerSku": line.sku,
            "sellerFulfillmentOrderItemId": line.id,
            "quantity": line.quantity,
            "cancelledQuantity": line.cancelled,
            "unfulfillableQuantity": 0,
        }
        for line in order.lines
    ]
    payload = {
        "fulfillmentOrder": _told(order),
        "fulfillmentOrderItems": items,
        "fulfillmentShipments": [_shipment(order, order.shipment)] if order.shipment else [],
        "returnItems": [_return_item(one) for one in order.returns],
        "returnAuthorizations": [_authorisation(order, one) for one in order.returns],
    }
    return {"payload": payload}


def _shipment(order: OutboundOrder, shipment: str) -> dict[str, Any]:
    items = [
        {"sellerSku": line.sku, "sellerFulfillmentOrderItemId": line.id, "quantity": line.quantity}
        for line in order.lines
    ]
    package = {"packageNumber": 1, "carrierCode": "AMZN", "trackingNumber": order.tracking or ""}
    return {
        "amazonShipmentId": shipment,
        "fulfillmentCenterId": FULFILMENT_CENTRE,
        "fulfillmentShipmentStatus": "SHIPPED",
        "shippingDate": stamp(order.shipped_at or order.updated_at),
        "fulfillmentShipmentItem": items,
        "fulfillmentShipmentPackage": [package],
    }


def _return_item(one: OutboundReturn) -> dict[str, Any]:
    body = {
        "sellerReturnItemId": one.id,
        "sellerFulfillmentOrderItemId": one.line,
        "amazonShipmentId": one.shipment,
        "sellerReturnReasonCode": one.reason,
        "status": "Processed" if one.received_at else "New",
        "statusChangedDate": stamp(one.received_at or one.at),
        "returnAuthorizationId": one.authorisation,
    }
    return body | ({"returnReceivedCondition": "Sellable"} if one.received_at else {})


def _authorisation(order: OutboundOrder, one: OutboundReturn) -> dict[str, Any]:
    host = f"https://{order.marketplace.domain}"
    return {
        "returnAuthorizationId": one.authorisation,
        "fulfillmentCenterId": FULFILMENT_CENTRE,
        "returnToAddress": {
            "name": "Amazon",
            "addressLine1": "1 avenue du Retour",
            "postalCode": "69800",
            "countryCode": "FR",
        },
        "amazonRmaId": one.rma,
        "rmaPageURL": f"{host}/returns/mailing-label/{one.rma}",
    }


def list_orders(visit: Visit) -> dict[str, Any]:
    since = read(visit.query["queryStartDate"]) if "queryStartDate" in visit.query else None
    orders = visit.floor.books.outbound.values()
    return {
        "payload": {"fulfillmentOrders": [_told(one) for one in orders if since is None or one.updated_at >= since]}
    }


def cancel(visit: Visit) -> dict[str, Any]:
    order = _order(visit, "sellerFulfillmentOrderId")
    if order.status not in fulfilling.STOPPABLE:
        raise invalid(f"Order {order.id} is {order.status}: it cannot be cancelled any more.")
    fulfilling.ask_to_cancel(visit.floor, order.id)
    return {}


def list_reasons(visit: Visit) -> dict[str, Any]:
    order = visit.query.get("sellerFulfillmentOrderId")
    if order is not None and order not in visit.floor.books.outbound:
        raise absent(f"Fulfillment order {order}")
    details = [{"returnReasonCode": code, "description": text} for code, text in REASONS.items()]
    return {"payload": {"reasonCodeDetails": details}}


def create_return(visit: Visit) -> dict[str, Any]:
    order = _order(visit, "sellerFulfillmentOrderId")
    made, refused = [], []
    for item in visit.body["items"]:
        line = next((one for one in order.lines if one.id == item["sellerFulfillmentOrderItemId"]), None)
        if problem := _problem(order, line, item):
            refused.append(_invalid_item(item, problem))
        else:
            made.append(_made(visit, item))
    fulfilling.keep(visit.floor, replace(order, returns=(*order.returns, *made)))
    payload = {
        "returnItems": [_return_item(one) for one in made],
        "invalidReturnItems": refused,
        "returnAuthorizations": [_authorisation(order, one) for one in made],
    }
    return {"payload": payload}


def _problem(order: OutboundOrder, line: OutboundLine | None, item: dict[str, Any]) -> str | None:
    known = {one.id for one in order.returns}
    if line is None or item["amazonShipmentId"] != order.shipment:
        return "InvalidValues"
    if item["sellerReturnItemId"] in known:
        return "DuplicateRequest"
    return None if item["returnReasonCode"] in REASONS else "InvalidValues"


def _made(visit: Visit, item: dict[str, Any]) -> OutboundReturn:
    ids = visit.house.ids
    return OutboundReturn(
        id=item["sellerReturnItemId"],
        line=item["sellerFulfillmentOrderItemId"],
        shipment=item["amazonShipmentId"],
        reason=item["returnReasonCode"],
        rma=ids.rma(),
        authorisation=ids.uuid("return authorisation"),
        at=visit.now,
    )


def _invalid_item(item: dict[str, Any], code: str) -> dict[str, Any]:
    return {
        "sellerReturnItemId": item["sellerReturnItemId"],
        "sellerFulfillmentOrderItemId": item["sellerFulfillmentOrderItemId"],
        "invalidItemReason": {"invalidItemReasonCode": code, "description": f"The item cannot be returned: {code}."},
    }


# 2026-07-04


def _told_2026(order: OutboundOrder) -> dict[str, Any]:
    lines = [
        {
            "lineItemId": line.id,
            "product": {"productIdentifier": {"amazonSku": line.sku}},
            "amount": {"value": str(line.quantity)},
            "cancelledAmount": {"value": str(line.cancelled)},
        }
        for line in order.lines
    ]
    return {
        "orderId": order.id,
        "receiveTime": stamp(order.received_at),
        "status": _STATUS_2026.get(order.status, order.status.upper()),
        "statusUpdateTime": stamp(order.updated_at),
        "destination": {"deliveryAddress": _address(order)},
        "lineItems": lines,
    }


def get_order_2026(visit: Visit) -> dict[str, Any]:
    return {"order": _told_2026(_order(visit, "orderId"))}


def cancel_2026(visit: Visit) -> dict[str, Any]:
    order = _order(visit, "orderId")
    if order.status not in fulfilling.STOPPABLE:
        raise invalid(f"Order {order.id} is {order.status}: it cannot be cancelled any more.")
    fulfilling.ask_to_cancel(visit.floor, order.id)
    return {}


_RETURN_ITEM: Final = Record(
    {
        "sellerReturnItemId": Text(longest=80),
        "sellerFulfillmentOrderItemId": TEXT,
        "amazonShipmentId": TEXT,
        "returnReasonCode": TEXT,
    },
    {"returnComment": Text(longest=1000)},
)
_REASON_QUERY: Final = Record(
    {"sellerSku": TEXT}, {"marketplaceId": TEXT, "sellerFulfillmentOrderId": TEXT, "language": TEXT}
)
_RATE: Final = (2, 30)
_ORDERS: Final = "/fba/outbound/2020-07-01/fulfillmentOrders"
_ONE: Final = f"{_ORDERS}/{{sellerFulfillmentOrderId}}"
_ONE_2026: Final = "/fulfillment/outbound/2026-07-04/orders/{orderId}"
_LIST: Final = Record(optional={"queryStartDate": WHEN, "nextToken": TEXT})
_SHIPMENTS: Final = Record(optional={"shipments": Text(one_of=("INCLUDE", "EXCLUDE"))})
_RETURN: Final = Record({"items": ListOf(_RETURN_ITEM)})
_REASONS_PATH: Final = "/fba/outbound/2020-07-01/returnReasonCodes"
OPERATIONS: Final = (
    Operation(MODEL, "listAllFulfillmentOrders", "GET", _ORDERS, _RATE, list_orders, _LIST),
    Operation(MODEL, "getFulfillmentOrder", "GET", _ONE, _RATE, get_order),
    Operation(MODEL, "cancelFulfillmentOrder", "PUT", f"{_ONE}/cancel", _RATE, cancel),
    Operation(MODEL, "listReturnReasonCodes", "GET", _REASONS_PATH, _RATE, list_reasons, _REASON_QUERY),
    Operation(MODEL, "createFulfillmentReturn", "PUT", f"{_ONE}/return", _RATE, create_return, body=_RETURN),
    Operation(MODEL_2026, "getOrder", "GET", _ONE_2026, _RATE, get_order_2026, _SHIPMENTS),
    Operation(MODEL_2026, "cancelOrder", "PUT", f"{_ONE_2026}/cancel", _RATE, cancel_2026, status=202),
)
