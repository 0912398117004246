"""GET_V2_SELLER_PERFORMANCE_REPORT from the books: defects, late shipments, cancellations, tracking, account status.

Rates are counted over the report's own windows; targets are Amazon's published ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sandbox.amazon.house import Floor, Report
from sandbox.amazon.marketplaces import Marketplace
from sandbox.amazon.records import Order

DEFECTS, LATE, CANCELLED = timedelta(days=60), timedelta(days=30), timedelta(days=7)


def performance(floor: Floor, report: Report) -> bytes:
    """One block of figures for each marketplace asked for."""
    now = report.data_until
    wanted = [one for one in floor.seller.marketplaces if one.id in report.marketplaces]
    body = {
        "accountStatuses": [{"marketplaceId": one.id, "status": floor.account_status} for one in wanted],
        "performanceMetrics": [_metrics(floor, one, now) for one in wanted],
    }
    return json.dumps(body).encode()


def _range(now: datetime, span: timedelta) -> dict[str, str]:
    form = "%Y-%m-%dT%H:%MZ"
    return {"reportingDateFrom": (now - span).strftime(form), "reportingDateTo": now.strftime(form)}


def _orders(floor: Floor, marketplace: Marketplace, since: datetime) -> list[Order]:
    found = floor.books.orders.values()
    return [one for one in found if one.marketplace is marketplace and one.placed_at >= since]


def _rate(count: int, of: int) -> float:
    return count / of if of else 0.0


def _figure(
    count: tuple[str, int], of: tuple[str, int], target: float, now: datetime, span: timedelta
) -> dict[str, Any]:
    rate = _rate(count[1], of[1])
    return {
        "reportingDateRange": _range(now, span),
        of[0]: of[1],
        count[0]: count[1],
        "status": "GOOD" if rate < target else "BAD",
        "rate": rate,
        "targetValue": target,
        "targetCondition": "LESS_THAN",
    }


def _metrics(floor: Floor, marketplace: Marketplace, now: datetime) -> dict[str, Any]:
    recent = [one for one in _orders(floor, marketplace, now - LATE) if not one.by_amazon]
    week = [one for one in _orders(floor, marketplace, now - CANCELLED) if not one.by_amazon]
    late = sum(_is_late(one, now) for one in recent)
    cancelled = sum(_is_defect_cancellation(one) for one in week)
    parcels = [parcel for one in recent for parcel in one.packages]
    tracked = sum(parcel.tracking is not None for parcel in parcels)
    tracking = _figure(("validTrackingCount", tracked), ("shipmentCount", len(parcels)), 0.95, now, LATE)
    good = not parcels or tracking["rate"] > tracking["targetValue"]
    return {
        "marketplaceId": marketplace.id,
        "lateShipmentRate": _figure(("lateShipmentCount", late), ("orderCount", len(recent)), 0.04, now, LATE),
        "prefulfillmentCancelRate": _figure(
            ("cancellationCount", cancelled), ("orderCount", len(week)), 0.025, now, CANCELLED
        ),
        "validTrackingRate": tracking | {"targetCondition": "GREATER_THAN", "status": "GOOD" if good else "BAD"},
        "orderDefectRate": {
            "mfn": _defects(floor, marketplace, now, by_amazon=False),
            "afn": _defects(floor, marketplace, now, by_amazon=True),
        },
    }


def _is_late(order: Order, now: datetime) -> bool:
    if order.status == "CANCELLED":
        return False
    first = min((parcel.shipped_at for parcel in order.packages), default=now)
    return first > order.ship_by


def _is_defect_cancellation(order: Order) -> bool:
    """A cancellation counts unless the buyer asked for it on the order page."""
    return any(line.cancelled and line.cancelled_by == "MERCHANT" and line.cancel_wish is None for line in order.lines)


def _count(of: Iterable[bool]) -> dict[str, Any]:
    return {"count": sum(of), "status": "NONE"}


def _defects(floor: Floor, marketplace: Marketplace, now: datetime, *, by_amazon: bool) -> dict[str, Any]:
    orders = [one for one in _orders(floor, marketplace, now - DEFECTS) if one.by_amazon is by_amazon]
    claimed = {one.id: _has_defect_claim(floor, one) for one in orders}
    charged = {one.id: any(m.kind == "Chargeback" for m in floor.books.movements_of(one.id)) for one in orders}
    negative = {one.id: one.id in floor.books.negative_feedback for one in orders}
    defects = sum(claimed[one.id] or charged[one.id] or negative[one.id] for one in orders)
    rate = _rate(defects, len(orders))
    status = "GOOD" if rate < 0.01 else "BAD"  # noqa: PLR2004
    return {
        "reportingDateRange": _range(now, DEFECTS),
        "orderCount": len(orders),
        "orderWithDefects": {"count": defects, "status": status},
        "claims": _count(claimed.values()),
        "chargebacks": _count(charged.values()),
        "negativeFeedback": _count(negative.values()),
        "fulfillmentType": "afn" if by_amazon else "mfn",
        "status": status,
        "rate": rate,
        "targetValue": 0.01,
        "targetCondition": "LESS_THAN",
    }


def _has_defect_claim(floor: Floor, order: Order) -> bool:
    return any(one.on_seller for one in floor.books.claims_of(order.id))
