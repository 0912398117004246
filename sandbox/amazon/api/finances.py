"""Finances 2024-06-19 (listTransactions) and v0 (events by order, by time): money as Amazon booked it, with its lag.

What is not visible yet is not told; v0 keeps deferred events back until they are released.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.amazon import money
from sandbox.amazon.api.paging import page
from sandbox.amazon.books import DISCOUNT
from sandbox.amazon.house import Floor
from sandbox.amazon.instants import read, stamp
from sandbox.amazon.operations import Operation, Visit
from sandbox.amazon.records import Movement, Order, Share
from sandbox.amazon.refusals import invalid
from sandbox.amazon.shapes import TEXT, WHEN, Record, Shape, Whole

MODEL: Final = "finances_2024-06-19"
MODEL_V0: Final = "financesV0"
SETTLED: Final = timedelta(minutes=2)
LONGEST: Final = timedelta(days=180)
PAGE: Final = 100
FILTERS: Final = ("ORDER_ID", "FINANCIAL_EVENT_GROUP_ID")
_LISTS: Final = {
    "Shipment": "ShipmentEventList",
    "Refund": "RefundEventList",
    "GuaranteeClaim": "GuaranteeClaimEventList",
    "Chargeback": "ChargebackEventList",
    "SAFETReimbursement": "SAFETReimbursementEventList",
}
_DESCRIPTIONS: Final = {
    "Shipment": "Order Payment",
    "Refund": "Refund Order",
    "GuaranteeClaim": "Guarantee Claim",
    "Chargeback": "Chargeback Refund",
    "SAFETReimbursement": "SAFE-T Reimbursement",
}


def _window(visit: Visit, after: str, before: str, *, needed: bool) -> tuple[datetime | None, datetime]:
    query, latest = visit.query, visit.now - SETTLED
    if needed and after not in query:
        raise invalid(f"{after} is required.")
    start = read(query[after]) if after in query else None
    end = read(query[before]) if before in query else latest
    if end > latest or (start is not None and start > latest):
        raise invalid(f"{after} and {before} must be more than two minutes before now.")
    if start is not None and end <= start:
        raise invalid(f"{before} must be later than {after}.")
    return start, end


def _visible(floor: Floor, now: datetime, window: tuple[datetime | None, datetime]) -> list[Movement]:
    start, end = window
    if start is not None and end - start > LONGEST:
        return []
    return [
        one
        for one in floor.books.movements
        if one.visible_at <= now and (start is None or start <= one.posted_at) and one.posted_at < end
    ]


def status_of(movement: Movement, now: datetime) -> str:
    if movement.released_at is None:
        return "RELEASED"
    return "DEFERRED" if now < movement.released_at else "DEFERRED_RELEASED"


# 2024-06-19


def list_transactions(visit: Visit) -> dict[str, Any]:
    query, floor = visit.query, visit.floor
    name, value = query.get("relatedIdentifierName"), query.get("relatedIdentifierValue")
    if (name is None) != (value is None):
        raise invalid("relatedIdentifierName and relatedIdentifierValue go together.")
    if name is not None and name not in FILTERS:
        raise invalid(f"relatedIdentifierName must be one of {', '.join(FILTERS)}.")
    window = _window(visit, "postedAfter", "postedBefore", needed=name is None)
    rows, token = page(floor, query.get("nextToken"), PAGE, lambda: _transactions(visit, window))
    payload: dict[str, Any] = {"transactions": [_transaction(floor, one, visit.now) for one in rows]}
    return {"payload": payload | ({"nextToken": token} if token else {})}


def _transactions(visit: Visit, window: tuple[datetime | None, datetime]) -> list[Movement]:
    query, floor = visit.query, visit.floor
    found = _visible(floor, visit.now, window)
    if query.get("relatedIdentifierName") == "ORDER_ID":
        found = [one for one in found if one.order == query["relatedIdentifierValue"]]
    elif "relatedIdentifierName" in query:
        found = []
    if "marketplaceId" in query:
        found = [one for one in found if floor.books.orders[one.order].marketplace.id == query["marketplaceId"]]
    if "transactionStatus" in query:
        found = [one for one in found if status_of(one, visit.now) == query["transactionStatus"]]
    return found


def _currency(minor: int, currency: str) -> dict[str, Any]:
    return {"currencyAmount": money.number(minor, currency), "currencyCode": currency}


def _transaction(floor: Floor, one: Movement, now: datetime) -> dict[str, Any]:
    order = floor.books.orders[one.order]
    marketplace = order.marketplace
    names = [{"relatedIdentifierName": "ORDER_ID", "relatedIdentifierValue": order.id}]
    if one.kind != "Shipment":
        names.append({"relatedIdentifierName": "REFUND_ID", "relatedIdentifierValue": one.id})
    return {
        "sellingPartnerMetadata": {
            "sellingPartnerId": floor.seller.id,
            "accountType": "PAYABLE",
            "marketplaceId": marketplace.id,
        },
        "relatedIdentifiers": names,
        "transactionType": one.kind,
        "transactionId": one.id,
        "transactionStatus": status_of(one, now),
        "description": _DESCRIPTIONS[one.kind],
        "postedDate": stamp(one.posted_at),
        "totalAmount": _currency(one.total, order.currency),
        "marketplaceDetails": {"marketplaceId": marketplace.id, "marketplaceName": marketplace.name},
        "items": [_transaction_item(order, one, part) for part in one.shares],
        "breakdowns": _breakdowns(_summed(one.shares), order.currency),
    }


def _transaction_item(order: Order, movement: Movement, part: Share) -> dict[str, Any]:
    context = {
        "contextType": "ProductContext",
        "asin": part.asin,
        "sku": part.sku,
        "quantityShipped": part.quantity,
        "fulfillmentNetwork": "AFN" if order.by_amazon else "MFN",
    }
    body: dict[str, Any] = {
        "description": next(line.title for line in order.lines if line.id == part.line),
        "totalAmount": _currency(part.total, order.currency),
        "breakdowns": _breakdowns(part.charges, order.currency),
        "contexts": [context],
    }
    if movement.kind != "Shipment":
        name = "ORDER_ADJUSTMENT_ITEM_ID"
        body["relatedIdentifiers"] = [{"itemRelatedIdentifierName": name, "itemRelatedIdentifierValue": part.id}]
    return body


def _summed(shares: Iterable[Share]) -> list[tuple[str, int]]:
    total: dict[str, int] = {}
    for part in shares:
        for kind, amount in part.charges:
            total[kind] = total.get(kind, 0) + amount
    return list(total.items())


def _breakdowns(charges: Iterable[tuple[str, int]], currency: str) -> list[dict[str, Any]]:
    return [{"breakdownType": kind, "breakdownAmount": _currency(amount, currency)} for kind, amount in charges]


# v0


def list_events(visit: Visit) -> dict[str, Any]:
    window = _window(visit, "PostedAfter", "PostedBefore", needed="NextToken" not in visit.query)
    return _events(visit, lambda: _released(_visible(visit.floor, visit.now, window), visit.now))


def list_events_of_order(visit: Visit) -> dict[str, Any]:
    order = visit.floor.order(visit.path["orderId"])
    shown = [one for one in visit.floor.books.movements_of(order.id) if one.visible_at <= visit.now]
    return _events(visit, lambda: _released(shown, visit.now))


def _released(found: list[Movement], now: datetime) -> list[Movement]:
    return [one for one in found if status_of(one, now) != "DEFERRED"]


def _events(visit: Visit, found: Any) -> dict[str, Any]:
    size = visit.query.get("MaxResultsPerPage", PAGE)
    rows, token = page(visit.floor, visit.query.get("NextToken"), size, found)
    events: dict[str, list[dict[str, Any]]] = {name: [] for name in _LISTS.values()}
    for one in rows:
        events[_LISTS[one.kind]].append(_event(visit.floor, one))
    payload: dict[str, Any] = {"FinancialEvents": events}
    return {"payload": payload | ({"NextToken": token} if token else {})}


def _event(floor: Floor, one: Movement) -> dict[str, Any]:
    order = floor.books.orders[one.order]
    if one.kind == "SAFETReimbursement":
        amount = {"CurrencyCode": order.currency, "CurrencyAmount": money.number(one.total, order.currency)}
        return {"PostedDate": stamp(one.posted_at), "SAFETClaimId": one.reason, "ReimbursedAmount": amount}
    adjusts = one.kind != "Shipment"
    name = "ShipmentItemAdjustmentList" if adjusts else "ShipmentItemList"
    return {
        "AmazonOrderId": order.id,
        "MarketplaceName": order.marketplace.name,
        "PostedDate": stamp(one.posted_at),
        name: [_event_item(order, part, adjusts=adjusts) for part in one.shares],
    }


def _event_item(order: Order, part: Share, *, adjusts: bool) -> dict[str, Any]:
    def amount(minor: int) -> dict[str, Any]:
        return {"CurrencyCode": order.currency, "CurrencyAmount": money.number(minor, order.currency)}

    suffix = "AdjustmentList" if adjusts else "List"
    charges = [{"ChargeType": kind, "ChargeAmount": amount(minor)} for kind, minor in part.charges if kind != DISCOUNT]
    promotions = [
        {"PromotionType": kind, "PromotionAmount": amount(minor)} for kind, minor in part.charges if kind == DISCOUNT
    ]
    body: dict[str, Any] = {
        "SellerSKU": part.sku,
        "QuantityShipped": part.quantity,
        f"ItemCharge{suffix}": charges,
        f"Promotion{suffix}": promotions,
    }
    return body | ({"OrderAdjustmentItemId": part.id} if adjusts else {"OrderItemId": part.line})


_QUERY: Final = Record(
    optional={
        "postedAfter": WHEN,
        "postedBefore": WHEN,
        "marketplaceId": TEXT,
        "transactionStatus": TEXT,
        "relatedIdentifierName": TEXT,
        "relatedIdentifierValue": TEXT,
        "nextToken": TEXT,
    }
)
_PAGED: Final[Mapping[str, Shape]] = {"MaxResultsPerPage": Whole(1, 100), "NextToken": TEXT}
_QUERY_V0: Final = Record(optional={"PostedAfter": WHEN, "PostedBefore": WHEN, **_PAGED})
_TRANSACTIONS: Final = "/finances/2024-06-19/transactions"
_EVENTS: Final = "/finances/v0/financialEvents"
_ORDER_EVENTS: Final = "/finances/v0/orders/{orderId}/financialEvents"
OPERATIONS: Final = (
    Operation(MODEL, "listTransactions", "GET", _TRANSACTIONS, (0.5, 10), list_transactions, _QUERY),
    Operation(MODEL_V0, "listFinancialEvents", "GET", _EVENTS, (0.5, 30), list_events, _QUERY_V0),
    Operation(
        MODEL_V0,
        "listFinancialEventsByOrderId",
        "GET",
        _ORDER_EVENTS,
        (0.5, 30),
        list_events_of_order,
        Record(optional=_PAGED),
    ),
)
