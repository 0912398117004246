"""The query root: finding things by id, by search and by page. Nothing here writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.shopify import search
from sandbox.shopify.ids import kind_of, legacy_id
from sandbox.shopify.views.common import ConnectionView, Scene, View, connect
from sandbox.shopify.views.hooks import SubscriptionView
from sandbox.shopify.views.jobs import JobResultView, JobView
from sandbox.shopify.views.lines import LineView, VariantView
from sandbox.shopify.views.orders import (
    CustomerView,
    DisputeView,
    FulfillmentLineView,
    FulfillmentView,
    LocationView,
    OrderView,
)
from sandbox.shopify.views.payments import RefundView, TransactionView
from sandbox.shopify.views.returns import (
    ReasonView,
    ReturnableView,
    ReturnLineView,
    ReturnView,
    ReverseDeliveryView,
    ReverseLineView,
    ReverseOrderView,
    returnable_lines,
)
from sandbox.shopify.views.shop import AppView, ShopView
from sandbox.shopify.views.suggestions import CalculatedReturnView, calculated_return

Finder = Callable[[Scene, str], View | None]


def find_order(scene: Scene, gid: str) -> OrderView | None:
    order = scene.books.orders.get(gid)
    return OrderView(scene, order) if order is not None and scene.can_see(order.created_at) else None


def _one(table: str, view: Callable[[Scene, Any], View]) -> Finder:
    def find(scene: Scene, gid: str) -> View | None:
        record = getattr(scene.books, table).get(gid)
        return None if record is None else view(scene, record)

    return find


def _pair(method: str, view: Callable[[Scene, Any, Any], View]) -> Finder:
    def find(scene: Scene, gid: str) -> View | None:
        found = getattr(scene.books, method)(gid)
        return None if found is None else view(scene, *found)

    return find


def _reverse_line(scene: Scene, gid: str) -> View | None:
    found = scene.books.reverse_line(gid)
    return None if found is None else ReverseLineView(scene, found[1])


def _subscription(scene: Scene, gid: str) -> View | None:
    found = scene.hooks.subscriptions.get(gid)
    visible = found is not None and found.shop == scene.books.shop and not found.app_level
    return SubscriptionView(scene, found) if visible else None


def _job_result(scene: Scene, gid: str) -> View | None:
    found = next((job for job in scene.books.jobs.values() if job.result_id == gid), None)
    return None if found is None else JobResultView(scene, found)


def _returnable(scene: Scene, gid: str) -> View | None:
    parcel = scene.books.fulfillments.get(gid.replace("/ReturnableFulfillment/", "/Fulfillment/"))
    return None if parcel is None or not returnable_lines(scene, parcel) else ReturnableView(scene, parcel)


FINDERS: dict[str, Finder] = {
    "Order": find_order,
    "Return": _one("returns", ReturnView),
    "Refund": _one("refunds", RefundView),
    "OrderTransaction": _one("transactions", TransactionView),
    "Fulfillment": _one("fulfillments", FulfillmentView),
    "ReverseFulfillmentOrder": _one("reverse_orders", ReverseOrderView),
    "ReverseDelivery": _one("reverse_deliveries", ReverseDeliveryView),
    "ReturnReasonDefinition": _one("reasons", ReasonView),
    "Customer": _one("customers", CustomerView),
    "Location": _one("locations", LocationView),
    "ProductVariant": _one("variants", VariantView),
    "ShopifyPaymentsDispute": _one("disputes", DisputeView),
    "FulfillmentLineItem": _pair("fulfillment_line", FulfillmentLineView),
    "ReturnLineItem": _pair("return_line", ReturnLineView),
    "LineItem": _pair("order_line", LineView),
    "ReverseFulfillmentOrderLineItem": _reverse_line,
    "ReturnableFulfillment": _returnable,
    "WebhookSubscription": _subscription,
    "OrderCancelJobResult": _job_result,
}


class Query:
    """One attribute per root field."""

    typename = "QueryRoot"

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def _of(self, kind: str, gid: str) -> Any:
        return FINDERS[kind](self.scene, gid) if kind_of(gid) == kind else None

    def node(self, id: str) -> Any:  # noqa: A002
        finder = FINDERS.get(kind_of(id))
        return None if finder is None else finder(self.scene, id)

    def nodes(self, ids: list[str]) -> list[Any]:
        return [self.node(gid) for gid in ids]

    def order(self, id: str) -> Any:  # noqa: A002
        return self._of("Order", id)

    def return_(self, id: str) -> Any:  # noqa: A002
        return self._of("Return", id)

    def refund(self, id: str) -> Any:  # noqa: A002
        return self._of("Refund", id)

    def fulfillment(self, id: str) -> Any:  # noqa: A002
        return self._of("Fulfillment", id)

    def reverse_fulfillment_order(self, id: str) -> Any:  # noqa: A002
        return self._of("ReverseFulfillmentOrder", id)

    def reverse_delivery(self, id: str) -> Any:  # noqa: A002
        return self._of("ReverseDelivery", id)

    def returnable_fulfillment(self, id: str) -> Any:  # noqa: A002
        return self._of("ReturnableFulfillment", id)

    def webhook_subscription(self, id: str) -> Any:  # noqa: A002
        return self._of("WebhookSubscription", id)

    def customer(self, id: str) -> Any:  # noqa: A002
        return self._of("Customer", id)

    def location(self, id: str | None = None) -> Any:  # noqa: A002
        return self._of("Location", id or next(iter(self.scene.books.locations)))

    def job(self, id: str) -> JobView | None:  # noqa: A002
        found = self.scene.books.jobs.get(id)
        return None if found is None else JobView(self.scene, found)

    def shop(self) -> ShopView:
        return ShopView(self.scene)

    def current_app_installation(self) -> AppView:
        return AppView(self.scene)

    def orders(
        self, query: str | None = None, sort_key: str = "PROCESSED_AT", **arguments: Any
    ) -> ConnectionView[OrderView]:
        found = search.matching(self.scene.books, query, self.scene.warnings)
        seen = sorted((order for order in found if self.scene.can_see(order.created_at)), key=search.sort_key(sort_key))
        return connect((OrderView(self.scene, order) for order in seen), arguments)

    def returnable_fulfillments(self, order_id: str, **arguments: Any) -> ConnectionView[ReturnableView]:
        parcels = self.scene.books.fulfillments_of(order_id)
        found = [ReturnableView(self.scene, parcel) for parcel in parcels if returnable_lines(self.scene, parcel)]
        return connect(found, arguments)

    def return_calculate(self, input: dict[str, Any]) -> CalculatedReturnView | None:  # noqa: A002
        return calculated_return(self.scene, input)

    def return_reason_definitions(
        self, ids: list[str] | None = None, handles: list[str] | None = None, sort_key: str = "ID", **arguments: Any
    ) -> ConnectionView[ReasonView]:
        known = [
            reason
            for reason in self.scene.books.reasons.values()
            if (ids is None or reason.id in ids) and (handles is None or reason.handle in handles)
        ]
        if sort_key != "ID":
            known.sort(key=lambda reason: reason.name if sort_key == "NAME" else reason.handle)
        return connect((ReasonView(self.scene, reason) for reason in known), arguments)

    def locations(self, **arguments: Any) -> ConnectionView[LocationView]:
        known = sorted(self.scene.books.locations.values(), key=lambda location: location.name)
        return connect((LocationView(self.scene, location) for location in known), arguments)

    def webhook_subscriptions(
        self,
        topics: list[str] | None = None,
        uri: str | None = None,
        callback_url: str | None = None,
        **arguments: Any,
    ) -> ConnectionView[SubscriptionView]:
        known = (SubscriptionView(self.scene, item) for item in self.scene.hooks.subscriptions.values())
        found = [
            view
            for view in known
            if view.subscription.shop == self.scene.books.shop
            and not view.subscription.app_level
            and (not topics or view.topic in topics)
            and (uri or callback_url or view.uri) == view.uri
        ]
        return connect(sorted(found, key=lambda view: legacy_id(view.id)), arguments)
