"""Orders API 2026-01-01: getOrder, searchOrders, and cancelOrder where Amazon has switched it on for the seller.

Every dataset must be asked for by name; what was not asked for is not told.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.amazon import money
from sandbox.amazon.api.paging import page
from sandbox.amazon.house import Floor
from sandbox.amazon.instants import read, stamp
from sandbox.amazon.letters import relay_address
from sandbox.amazon.operations import Operation, Visit
from sandbox.amazon.records import Line, Order, Package
from sandbox.amazon.refusals import Refused, denied, invalid
from sandbox.amazon.shapes import TEXT, WHEN, ListOf, Record, Text, Whole
from sandbox.amazon.shipping import cancel_units

MODEL: Final = "orders_2026-01-01"
CANCEL_MODEL: Final = "orders_2026-01-01.cancelOrder-fragment"
STATUSES: Final = (
    "PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED", "UNFULFILLABLE",
)  # fmt: skip
DATASETS: Final = (
    "BUYER", "RECIPIENT", "PROCEEDS", "EXPENSE", "PROMOTION", "CANCELLATION", "FULFILLMENT", "PACKAGES", "TAX",
    "PAYMENT", "FULFILLMENT_ORDERS",
)  # fmt: skip
CANCEL_REASONS: Final = (
    "NO_INVENTORY", "BUYER_CANCELLED", "SHIPPING_ADDRESS_UNDELIVERABLE", "CUSTOMER_EXCHANGE", "PRICING_ERROR",
)  # fmt: skip
PAGE: Final = 100
SETTLED: Final = timedelta(minutes=2)
_PROCEEDS: Final = {
    "Principal": ("ITEM", None),
    "Shipping": ("SHIPPING", None),
    "GiftWrap": ("GIFT_WRAP", None),
    "Tax": ("TAX", "ITEM"),
    "ShippingTax": ("TAX", "SHIPPING"),
    "GiftWrapTax": ("TAX", "GIFT_WRAP"),
}


def _money(minor: int, currency: str) -> dict[str, str]:
    return {"amount": money.text(minor, currency), "currencyCode": currency}


# What an order looks like


def told(order: Order, wanted: set[str]) -> dict[str, Any]:
    marketplace = order.marketplace
    body: dict[str, Any] = {
        "orderId": order.id,
        "createdTime": stamp(order.placed_at),
        "lastUpdatedTime": stamp(order.updated_at),
        "programs": ["PRIME"] if order.prime else [],
        "salesChannel": {
            "channelName": "AMAZON",
            "marketplaceId": marketplace.id,
            "marketplaceName": marketplace.name,
        },
        "orderItems": [_item(order, line, wanted) for line in order.lines],
    }
    if "BUYER" in wanted:
        body["buyer"] = {"buyerName": order.buyer.name, "buyerEmail": relay_address(order)}
    if "RECIPIENT" in wanted:
        body["recipient"] = {"deliveryAddress": _address(order)}
    if "PROCEEDS" in wanted:
        body["proceeds"] = _order_proceeds(order)
    if "FULFILLMENT" in wanted:
        body["fulfillment"] = _fulfilment(order)
    if "PACKAGES" in wanted and not order.by_amazon:
        body["packages"] = [_package(one) for one in order.packages]
    return body


def _address(order: Order) -> dict[str, str]:
    buyer = order.buyer
    return {
        "name": buyer.name,
        "addressLine1": buyer.street,
        "city": buyer.city,
        "postalCode": buyer.postal_code,
        "countryCode": buyer.country,
        "addressType": "RESIDENTIAL",
    }


def _sums(line: Line) -> dict[str, int]:
    """Proceeds by type, discount included."""
    sums: dict[str, int] = {}
    for kind, amount in line.charges.items():
        name = _PROCEEDS[kind][0]
        sums[name] = sums.get(name, 0) + amount
    if line.discount:
        sums["DISCOUNT"] = -line.discount
    return sums


def _order_proceeds(order: Order) -> dict[str, Any]:
    total: dict[str, int] = {}
    for line in order.lines:
        for name, amount in _sums(line).items():
            total[name] = total.get(name, 0) + amount
    parts = [{"type": name, "subtotal": _money(amount, order.currency)} for name, amount in total.items()]
    return {"grandTotal": _money(order.total, order.currency), "breakdowns": parts}


def _item_proceeds(order: Order, line: Line) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    for name, amount in _sums(line).items():
        part: dict[str, Any] = {"type": name, "subtotal": _money(amount, order.currency)}
        if name == "TAX":
            part["detailedBreakdowns"] = list(_tax_parts(order, line))
        parts.append(part)
    return {"proceedsTotal": _money(line.total, order.currency), "breakdowns": parts}


def _tax_parts(order: Order, line: Line) -> Iterator[dict[str, Any]]:
    for kind, amount in line.charges.items():
        subtype = _PROCEEDS[kind][1]
        if subtype is not None:
            yield {"subtype": subtype, "value": _money(amount, order.currency)}


def _item(order: Order, line: Line, wanted: set[str]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "orderItemId": line.id,
        "quantityOrdered": line.quantity,
        "product": {
            "asin": line.asin,
            "title": line.title,
            "sellerSku": line.sku,
            "condition": {"conditionType": "NEW"},
            "price": {"unitPrice": _money(line.unit_price, order.currency)},
        },
    }
    if "PROCEEDS" in wanted:
        body["proceeds"] = _item_proceeds(order, line)
    if "PROMOTION" in wanted and line.promotion:
        body["promotion"] = {"breakdowns": [{"promotionId": line.promotion}]}
    if "FULFILLMENT" in wanted:
        body["fulfillment"] = {"quantityFulfilled": line.shipped, "quantityUnfulfilled": line.open}
    if "CANCELLATION" in wanted and (line.cancel_wish is not None or line.cancelled):
        body["cancellation"] = _cancellation(line)
    return body


def _cancellation(line: Line) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if line.cancel_wish is not None:
        body["cancellationRequest"] = {"requester": "BUYER", "cancelReason": line.cancel_wish}
    if line.cancelled:
        body["cancellationExecution"] = {
            "cancelledBy": line.cancelled_by or "AMAZON",
            "cancelReason": line.cancel_reason or "",
        }
    return body


def _fulfilment(order: Order) -> dict[str, Any]:
    return {
        "fulfillmentStatus": order.status,
        "fulfilledBy": "AMAZON" if order.by_amazon else "MERCHANT",
        "fulfillmentServiceLevel": "STANDARD",
        "shipByWindow": {"earliestDateTime": stamp(order.placed_at), "latestDateTime": stamp(order.ship_by)},
        "deliverByWindow": {"earliestDateTime": stamp(order.ship_by), "latestDateTime": stamp(order.deliver_by)},
    }


def _package(one: Package) -> dict[str, Any]:
    status = "DELIVERED" if one.delivered_at is not None else "SHIPPED"
    items = [{"orderItemId": line, "quantity": count} for line, count in one.units.items()]
    body: dict[str, Any] = {
        "packageReferenceId": one.id,
        "createdTime": stamp(one.shipped_at),
        "packageStatus": {"status": status},
        "carrier": one.carrier,
        "shipTime": stamp(one.shipped_at),
        "packageItems": items,
    }
    return body | ({"trackingNumber": one.tracking} if one.tracking else {})


# Serving


def get_order(visit: Visit) -> dict[str, Any]:
    order = visit.floor.order(visit.path["orderId"])
    return {"order": told(order, set(visit.query.get("includedData", ())))}


def search_orders(visit: Visit) -> dict[str, Any]:
    query = visit.query
    if ("createdAfter" in query) == ("lastUpdatedAfter" in query):
        raise invalid("Exactly one of createdAfter and lastUpdatedAfter must be given.")
    by_update = "lastUpdatedAfter" in query
    foreign = ("createdBefore",) if by_update else ("lastUpdatedBefore",)
    if any(name in query for name in foreign):
        raise invalid(f"{foreign[0]} does not go with the other pair.")
    after = read(query["lastUpdatedAfter" if by_update else "createdAfter"])
    name = "lastUpdatedBefore" if by_update else "createdBefore"
    before = read(query[name]) if name in query else visit.now - SETTLED
    if before > visit.now - SETTLED or (before < after and name in query):
        raise invalid(f"{name} must be after its counterpart and two minutes before now.")
    size = query.get("maxResultsPerPage", PAGE)
    rows, token = page(
        visit.floor, query.get("paginationToken"), size, lambda: _found(visit, after, before, by_update=by_update)
    )
    wanted = set(query.get("includedData", ()))
    body: dict[str, Any] = {"orders": [told(visit.floor.books.orders[one], wanted) for one in rows]}
    body[name] = stamp(before)
    return body | ({"pagination": {"nextToken": token}} if token else {})


def _found(visit: Visit, after: datetime, before: datetime, *, by_update: bool) -> list[str]:
    query = visit.query
    statuses, places = query.get("fulfillmentStatuses", STATUSES), query.get("marketplaceIds")
    makers = query.get("fulfilledBy", ("MERCHANT", "AMAZON"))
    found = []
    for order in visit.floor.books.orders.values():
        at = order.updated_at if by_update else order.placed_at
        maker = "AMAZON" if order.by_amazon else "MERCHANT"
        in_place = places is None or order.marketplace.id in places
        if after <= at <= before and in_place and maker in makers and order.status in statuses:
            found.append((at, order.id))
    return [order_id for _, order_id in sorted(found)]


def cancel_order(visit: Visit) -> None:
    """Accepted now, done a moment later: read the order to know."""
    floor = visit.floor
    if not floor.seller.cancel_order:
        raise denied("The application does not have access to this operation.")
    order = floor.order(visit.path["orderId"])
    if order.by_amazon:
        raise Refused(400, "InvalidInput", "Orders fulfilled by Amazon cannot be cancelled by the seller.")
    if order.status not in ("UNSHIPPED", "PENDING"):
        raise Refused(400, "InvalidInput", f"The order is {order.status} and cannot be cancelled.")
    reason = visit.body["cancelReasonCode"]
    floor.in_time(floor.seller.lags.cancellation, lambda at: _cancel(floor, order.id, reason, at))


def _cancel(floor: Floor, order_id: str, reason: str, at: datetime) -> None:
    """What has shipped meanwhile stays."""
    order = floor.order(order_id)
    units = {line.id: line.open for line in order.lines if line.open}
    if units and order.status == "UNSHIPPED":
        cancel_units(floor, order_id, units, "MERCHANT", reason, at)


_INCLUDED: Final = ListOf(Text(one_of=DATASETS))
_SEARCH: Final = Record(
    optional={
        "createdAfter": WHEN,
        "createdBefore": WHEN,
        "lastUpdatedAfter": WHEN,
        "lastUpdatedBefore": WHEN,
        "fulfillmentStatuses": ListOf(Text(one_of=STATUSES)),
        "marketplaceIds": ListOf(TEXT, None, 50),
        "fulfilledBy": ListOf(Text(one_of=("MERCHANT", "AMAZON"))),
        "maxResultsPerPage": Whole(1, 100),
        "paginationToken": TEXT,
        "includedData": _INCLUDED,
    }
)
_CANCEL: Final = Record({"cancelReasonCode": Text(one_of=CANCEL_REASONS)})
_ORDERS: Final = "/orders/2026-01-01/orders"
_ONE: Final = f"{_ORDERS}/{{orderId}}"
OPERATIONS: Final = (
    Operation(MODEL, "searchOrders", "GET", _ORDERS, (0.0056, 20), search_orders, _SEARCH),
    Operation(MODEL, "getOrder", "GET", _ONE, (0.5, 30), get_order, Record(optional={"includedData": _INCLUDED})),
    Operation(
        CANCEL_MODEL, "cancelOrder", "PUT", f"{_ONE}/cancellation", (1, 5), cancel_order, body=_CANCEL, status=202
    ),
)
