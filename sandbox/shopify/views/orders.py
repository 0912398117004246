"""Orders, their lines, shipping, addresses and parcels as the API shows them."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sandbox.shopify import records as r
from sandbox.shopify.books import PAID_KINDS
from sandbox.shopify.ids import legacy_id
from sandbox.shopify.money import half_up
from sandbox.shopify.status import financial_status, fulfillment_status, return_status
from sandbox.shopify.suggestion import current_total, outstanding, shipping_left
from sandbox.shopify.views.common import BagView, ConnectionView, Scene, View, bag, connect, first_of, utc_text
from sandbox.shopify.views.lines import LineView, ShippingLineView, TaxView

if TYPE_CHECKING:
    from sandbox.shopify.views.payments import RefundView, TransactionView
    from sandbox.shopify.views.returns import ReturnView
    from sandbox.shopify.views.suggestions import SuggestedRefundView

_EVENT_DISPLAY = frozenset(
    (
        "ATTEMPTED_DELIVERY", "CARRIER_PICKED_UP", "CONFIRMED", "DELAYED", "DELIVERED", "IN_TRANSIT", "LABEL_PRINTED",
        "LABEL_PURCHASED", "OUT_FOR_DELIVERY", "READY_FOR_PICKUP",
    )
)  # fmt: skip


class OrderView(View):
    typename = "Order"

    def __init__(self, scene: Scene, order: r.Order) -> None:
        super().__init__(scene)
        self.order = order
        self.id = order.id
        self.legacy_resource_id = str(legacy_id(order.id))
        self.name = order.name
        self.number = order.number
        self.created_at = utc_text(order.created_at)
        self.updated_at = utc_text(order.updated_at)
        self.processed_at = utc_text(order.created_at)
        self.cancelled_at = utc_text(order.cancelled_at)
        self.cancel_reason = order.cancel_reason
        self.closed = order.closed_at is not None
        self.closed_at = utc_text(order.closed_at)
        self.confirmed = True
        self.edited = False
        self.currency_code = order.currencies.shop
        self.presentment_currency_code = order.currencies.presentment
        self.taxes_included = order.taxes_included
        self.duties_included = False
        self.email = order.email
        self.phone = None
        self.note = order.note
        self.tags = list(order.tags)
        self.test = False
        self.customer_locale = order.locale
        self.source_name = "web"
        self.po_number = None

    def _bag(self, minor: int) -> BagView:
        return bag(self.order.currencies, minor)

    # State

    def return_status(self) -> str:
        return return_status(self.books, self.id)

    def display_financial_status(self) -> str | None:
        return financial_status(self.books, self.order)

    def display_fulfillment_status(self) -> str:
        return fulfillment_status(self.books, self.order)

    def refundable(self) -> bool:
        return self.books.net_payment(self.id) > 0

    def restockable(self) -> bool:
        return any(self.books.refundable_quantity(self.id, line) for line in self.order.lines)

    def capturable(self) -> bool:
        return False

    def fulfillable(self) -> bool:
        return self.display_fulfillment_status() not in ("FULFILLED", "RESTOCKED")

    def fully_paid(self) -> bool:
        return self.books.received(self.id) >= self.books.order_total(self.order)

    def unpaid(self) -> bool:
        return self.books.received(self.id) == 0

    def requires_shipping(self) -> bool:
        return any(line.requires_shipping for line in self.order.lines)

    # People

    def customer(self) -> CustomerView | None:
        known = self.books.customers.get(self.order.customer or "")
        return None if known is None else CustomerView(self.scene, known)

    def shipping_address(self) -> AddressView | None:
        address = self.order.shipping_address
        return None if address is None else AddressView(self.scene, address)

    def billing_address(self) -> AddressView | None:
        address = self.order.billing_address
        return None if address is None else AddressView(self.scene, address)

    # Goods

    def line_items(self, **arguments: Any) -> ConnectionView[LineView]:
        return connect((LineView(self.scene, self.order, line) for line in self.order.lines), arguments)

    def shipping_line(self) -> ShippingLineView | None:
        lines = self.order.shipping
        return ShippingLineView(self.scene, self.order, lines[0]) if lines else None

    def shipping_lines(self, **arguments: Any) -> ConnectionView[ShippingLineView]:
        return connect((ShippingLineView(self.scene, self.order, line) for line in self.order.shipping), arguments)

    def tax_lines(self) -> list[TaxView]:
        taxes = [tax for line in self.order.lines for tax in line.taxes]
        taxes += [tax for item in self.order.shipping for tax in item.taxes]
        return [TaxView(self.scene, self.order.currencies, tax) for tax in taxes]

    def fulfillments(self, first: int | None = None, query: str | None = None) -> list[FulfillmentView]:
        del query  # the parcels of one order are few: Shopify's filter adds nothing a caller here could see
        parcels = self.books.fulfillments_of(self.id)
        return first_of([FulfillmentView(self.scene, parcel) for parcel in parcels], first)

    def subtotal_line_items_quantity(self) -> int:
        return sum(line.quantity for line in self.order.lines)

    def current_subtotal_line_items_quantity(self) -> int:
        return sum(self.books.refundable_quantity(self.id, line) for line in self.order.lines)

    # Sums

    def _taxes(self) -> int:
        return sum(line.tax_total for line in self.order.lines) + sum(item.tax_total for item in self.order.shipping)

    def _refunded_part(self, what: str) -> int:
        refunds = self.books.refunds_of(self.id)
        return sum(getattr(line, what) for refund in refunds for line in refund.lines)

    def subtotal_price_set(self) -> BagView:
        return self._bag(sum(line.net_total for line in self.order.lines))

    def current_subtotal_price_set(self) -> BagView:
        return self._bag(sum(line.net_total for line in self.order.lines) - self._refunded_part("subtotal"))

    def total_price_set(self) -> BagView:
        return self._bag(self.books.order_total(self.order))

    def original_total_price_set(self) -> BagView:
        return self._bag(self.order.original_total)

    def current_total_price_set(self) -> BagView:
        return self._bag(current_total(self.books, self.order))

    def total_tax_set(self) -> BagView:
        return self._bag(self._taxes())

    def current_total_tax_set(self) -> BagView:
        shipping = sum(part.tax for refund in self.books.refunds_of(self.id) for part in refund.shipping)
        return self._bag(self._taxes() - self._refunded_part("tax") - shipping)

    def total_discounts_set(self) -> BagView:
        return self._bag(sum(line.original_total - line.net_total for line in self.order.lines))

    def current_total_discounts_set(self) -> BagView:
        shares = (half_up((line.original_total - line.net_total) * self._kept(line)) for line in self.order.lines)
        return self._bag(sum(shares))

    def _kept(self, line: r.Line) -> Fraction:
        return Fraction(self.books.refundable_quantity(self.id, line), line.quantity)

    def cart_discount_amount_set(self) -> BagView:
        return self._bag(sum(line.cart_discount for line in self.order.lines))

    def total_shipping_price_set(self) -> BagView:
        return self._bag(sum(item.discounted for item in self.order.shipping))

    def current_shipping_price_set(self) -> BagView:
        return self._bag(shipping_left(self.books, self.order))

    def total_refunded_shipping_set(self) -> BagView:
        whole = sum(item.discounted for item in self.order.shipping)
        return self._bag(whole - shipping_left(self.books, self.order))

    def total_received_set(self) -> BagView:
        return self._bag(self.books.received(self.id))

    def total_refunded_set(self) -> BagView:
        return self._bag(self.books.refunded(self.id))

    def net_payment_set(self) -> BagView:
        return self._bag(self.books.received(self.id) - self.books.refunded(self.id))

    def total_outstanding_set(self) -> BagView:
        return self._bag(outstanding(self.books, self.order))

    def total_capturable_set(self) -> BagView:
        return self._bag(0)

    def total_tip_received_set(self) -> BagView:
        return self._bag(0)

    def refund_discrepancy_set(self) -> BagView:
        parts = (part.amount for refund in self.books.refunds_of(self.id) for part in refund.adjustments)
        return self._bag(sum(parts))

    # What money and goods did

    def payment_gateway_names(self) -> list[str]:
        names = (item.gateway for item in self.books.transactions_of(self.id) if item.kind in PAID_KINDS)
        return list(dict.fromkeys(names))

    def transactions(
        self, first: int | None = None, *, capturable: bool | None = None, manually_resolvable: bool | None = None
    ) -> list[TransactionView]:
        from sandbox.shopify.views.payments import TransactionView

        if capturable or manually_resolvable:
            return []
        found = self.books.transactions_of(self.id)
        return first_of([TransactionView(self.scene, item) for item in found], first)

    def refunds(self, first: int | None = None) -> list[RefundView]:
        from sandbox.shopify.views.payments import RefundView

        return first_of([RefundView(self.scene, item) for item in self.books.refunds_of(self.id)], first)

    def returns(self, query: str | None = None, **arguments: Any) -> ConnectionView[ReturnView]:
        from sandbox.shopify.search import return_matches
        from sandbox.shopify.views.returns import ReturnView

        found = (item for item in self.books.returns_of(self.id) if return_matches(item, query))
        return connect((ReturnView(self.scene, item) for item in found), arguments)

    def disputes(self) -> list[DisputeView]:
        return [DisputeView(self.scene, item) for item in self.books.disputes_of(self.id)]

    def suggested_refund(self, **arguments: Any) -> SuggestedRefundView:
        from sandbox.shopify.views.suggestions import suggested_refund

        return suggested_refund(self.scene, self.order, arguments)


class CustomerView(View):
    typename = "Customer"

    def __init__(self, scene: Scene, customer: r.Customer) -> None:
        super().__init__(scene)
        self.id = customer.id
        self.legacy_resource_id = str(legacy_id(customer.id))
        self.first_name = customer.first_name
        self.last_name = customer.last_name
        self.display_name = f"{customer.first_name} {customer.last_name}"
        self.email = customer.email
        self.locale = customer.locale
        self.created_at = self.updated_at = utc_text(customer.created_at)


class AddressView(View):
    typename = "MailingAddress"

    def __init__(self, scene: Scene, address: r.Address) -> None:
        super().__init__(scene)
        self.id = address.id
        self.first_name, self.last_name = address.first_name, address.last_name
        self.name = f"{address.first_name} {address.last_name}"
        self.company = self.address2 = self.province = self.province_code = None
        self.address1, self.city, self.zip = address.address1, address.city, address.zip
        self.country, self.country_code_v2 = address.country, address.country_code
        self.phone = address.phone


class DisputeView(View):
    typename = "OrderDisputeSummary"

    def __init__(self, scene: Scene, dispute: r.Dispute) -> None:
        super().__init__(scene)
        self.id = dispute.id
        self.initiated_as = dispute.kind
        self.status = dispute.status


class LocationView(View):
    typename = "Location"

    def __init__(self, scene: Scene, location: r.Location) -> None:
        super().__init__(scene)
        self.id = location.id
        self.legacy_resource_id = str(legacy_id(location.id))
        self.name = location.name
        self.is_active = True
        self.created_at = self.updated_at = utc_text(location.created_at)


class FulfillmentView(View):
    typename = "Fulfillment"

    def __init__(self, scene: Scene, parcel: r.Fulfillment) -> None:
        super().__init__(scene)
        self.parcel = parcel
        self.id = parcel.id
        self.legacy_resource_id = str(legacy_id(parcel.id))
        self.name = parcel.name
        self.status = "SUCCESS"
        self.created_at = utc_text(parcel.created_at)
        self.updated_at = utc_text(parcel.updated_at)
        self.delivered_at = utc_text(self._happened("DELIVERED"))
        self.in_transit_at = utc_text(self._happened("IN_TRANSIT"))
        self.estimated_delivery_at = None
        self.requires_shipping = True
        self.total_quantity = sum(line.quantity for line in parcel.lines)

    def _happened(self, status: str) -> datetime | None:
        return next((event.happened_at for event in self.parcel.events if event.status == status), None)

    def display_status(self) -> str:
        shown = [event for event in self.parcel.events if event.status in _EVENT_DISPLAY]
        return max(shown, key=lambda event: event.happened_at).status if shown else "FULFILLED"

    def order(self) -> OrderView:
        return OrderView(self.scene, self.books.orders[self.parcel.order])

    def location(self) -> LocationView:
        return LocationView(self.scene, self.books.locations[self.parcel.location])

    def tracking_info(self, first: int | None = None) -> list[TrackingView]:
        parcel = self.parcel
        if parcel.tracking_number is None:
            return []
        return first_of([TrackingView(parcel.tracking_company, parcel.tracking_number, parcel.tracking_url)], first)

    def fulfillment_line_items(self, **arguments: Any) -> ConnectionView[FulfillmentLineView]:
        lines = (FulfillmentLineView(self.scene, self.parcel, line) for line in self.parcel.lines)
        return connect(lines, arguments)

    def events(self, **arguments: Any) -> ConnectionView[FulfillmentEventView]:
        ordered = sorted(self.parcel.events, key=lambda event: event.happened_at)
        return connect((FulfillmentEventView(self.scene, event) for event in ordered), arguments)


class TrackingView:
    typename = "FulfillmentTrackingInfo"

    def __init__(self, company: str | None, number: str | None, url: str | None) -> None:
        self.company, self.number, self.url = company, number, url


class FulfillmentLineView(View):
    typename = "FulfillmentLineItem"

    def __init__(self, scene: Scene, parcel: r.Fulfillment, line: r.FulfillmentLine) -> None:
        super().__init__(scene)
        self.parcel = parcel
        self.line = line
        self.id = line.id
        self.quantity = line.quantity

    def line_item(self) -> LineView:
        order = self.books.orders[self.parcel.order]
        return LineView(self.scene, order, self._ordered())

    def _ordered(self) -> r.Line:
        line = self.books.orders[self.parcel.order].line(self.line.line)
        if line is None:
            raise LookupError(f"fulfilment line {self.id} names no line of its order")
        return line

    def original_total_set(self) -> BagView:
        return bag(self.books.currencies(self.parcel.order), self._ordered().unit_price * self.quantity)

    def discounted_total_set(self) -> BagView:
        line = self._ordered()
        share = half_up(Fraction(line.discounted_total * self.quantity, line.quantity))
        return bag(self.books.currencies(self.parcel.order), share)


class FulfillmentEventView(View):
    typename = "FulfillmentEvent"

    def __init__(self, scene: Scene, event: r.FulfillmentEvent) -> None:
        super().__init__(scene)
        self.id = event.id
        self.status = event.status
        self.happened_at = utc_text(event.happened_at)
        self.created_at = utc_text(event.created_at)
        self.message = event.message
        self.address1 = self.city = self.country = self.province = self.zip = None
        self.latitude = self.longitude = self.estimated_delivery_at = None
