"""Bodies of webhooks about orders, parcels, refunds, transactions and disputes.

The keys are those of Shopify's published samples; what a returns engine never looks at is null, as it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sandbox.shopify import records as r
from sandbox.shopify.books import Books, News
from sandbox.shopify.ids import legacy_id
from sandbox.shopify.money import Currencies, fixed_text
from sandbox.shopify.payload_parts import Body, address_body, line_body, price_set, tax_body
from sandbox.shopify.status import financial_status, fulfillment_status
from sandbox.shopify.suggestion import current_total, outstanding, shipping_left

_NULL_ORDER_KEYS = (
    "app_id", "browser_ip", "cart_token", "checkout_id", "checkout_token", "client_details", "confirmation_number",
    "current_total_additional_fees_set", "current_total_duties_set", "device_id", "landing_site", "landing_site_ref",
    "location_id", "merchant_business_entity_id", "merchant_of_record_app_id", "order_status_url",
    "original_total_additional_fees_set", "original_total_duties_set", "payment_terms", "phone", "po_number",
    "reference", "referring_site", "source_identifier", "source_url", "token", "user_id",
)  # fmt: skip


def _unsettled(currencies: Currencies) -> Body:
    return {
        "presentment_money": {"amount": "0.0", "currency": currencies.presentment},
        "shop_money": {"amount": "0.0", "currency": currencies.shop},
    }


@dataclass(slots=True)
class Writer:
    """Writes one shop's payloads; `local` is how it writes a time."""

    books: Books
    local: Callable[[datetime | None], str | None]
    shop_id: int

    def write(self, news: News) -> Body:
        books = self.books
        if news.topic.startswith("orders/"):
            return self.order(books.orders[news.subject])
        if news.topic == "refunds/create":
            return self.refund(books.refunds[news.subject])
        if news.topic == "order_transactions/create":
            return self.transaction(books.transactions[news.subject], with_details=True)
        if news.topic.startswith("fulfillments/"):
            return self.fulfillment(books.fulfillments[news.subject])
        if news.topic == "fulfillment_events/create":
            return self.event(news.subject)
        if news.topic.startswith("disputes/"):
            return self.dispute(books.disputes[news.subject])
        raise KeyError(f"no payload is known for the topic {news.topic}")

    # Orders

    def order(self, order: r.Order) -> Body:
        body: Body = dict.fromkeys(_NULL_ORDER_KEYS)
        return body | self._facts(order) | self._people(order) | self._sums(order) | self._parts(order)

    def _facts(self, order: r.Order) -> Body:
        financial = financial_status(self.books, order)
        fulfilment = fulfillment_status(self.books, order)
        shipped = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial", "RESTOCKED": "restocked"}
        return {
            "id": legacy_id(order.id),
            "admin_graphql_api_id": order.id,
            "name": order.name,
            "number": order.number - 1000,
            "order_number": order.number,
            "created_at": self.local(order.created_at),
            "processed_at": self.local(order.created_at),
            "updated_at": self.local(order.updated_at),
            "closed_at": self.local(order.closed_at),
            "cancelled_at": self.local(order.cancelled_at),
            "cancel_reason": None if order.cancel_reason is None else order.cancel_reason.lower(),
            "confirmed": True,
            "financial_status": "pending" if financial is None else financial.lower(),
            "fulfillment_status": shipped.get(fulfilment),
            "currency": order.currencies.shop,
            "presentment_currency": order.currencies.presentment,
            "taxes_included": order.taxes_included,
            "duties_included": False,
            "estimated_taxes": False,
            "tax_exempt": False,
            "test": False,
            "note": order.note,
            "note_attributes": [],
            "tags": ", ".join(order.tags),
            "source_name": "web",
            "total_weight": 0,
        }

    def _people(self, order: r.Order) -> Body:
        customer = self.books.customers.get(order.customer or "")
        return {
            "email": order.email,
            "contact_email": order.email,
            "buyer_accepts_marketing": False,
            "customer_locale": order.locale,
            "customer": None if customer is None else self._customer(customer, order),
            "shipping_address": address_body(order.shipping_address),
            "billing_address": address_body(order.billing_address),
        }

    def _customer(self, customer: r.Customer, order: r.Order) -> Body:
        return {
            "id": legacy_id(customer.id),
            "admin_graphql_api_id": customer.id,
            "email": customer.email,
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "created_at": self.local(customer.created_at),
            "updated_at": self.local(customer.created_at),
            "currency": order.currencies.presentment,
            "default_address": address_body(order.shipping_address),
            "state": "enabled",
            "verified_email": True,
            "tax_exempt": False,
            "tax_exemptions": [],
            "multipass_identifier": None,
            "note": None,
            "phone": None,
        }

    def _sums(self, order: r.Order) -> Body:
        goods = sum(line.net_total for line in order.lines)
        taxes = sum(line.tax_total for line in order.lines) + sum(item.tax_total for item in order.shipping)
        discounts = sum(line.original_total - line.net_total for line in order.lines)
        refunded = [line for refund in self.books.refunds_of(order.id) for line in refund.lines]
        shipping = sum(item.discounted for item in order.shipping)
        pairs = {
            "subtotal_price": goods,
            "total_price": self.books.order_total(order),
            "total_tax": taxes,
            "total_discounts": discounts,
            "total_line_items_price": sum(line.original_total for line in order.lines),
            "current_subtotal_price": goods - sum(line.subtotal for line in refunded),
            "current_total_price": current_total(self.books, order),
            "current_total_tax": taxes - sum(line.tax for line in refunded),
            "current_total_discounts": discounts,
        }
        currencies = order.currencies
        body: Body = {}
        for name, minor in pairs.items():
            body[name] = fixed_text(currencies.to_shop(minor), currencies.shop)
            body[f"{name}_set"] = price_set(currencies, minor)
        body["total_shipping_price_set"] = price_set(currencies, shipping)
        body["current_shipping_price_set"] = price_set(currencies, shipping_left(self.books, order))
        body["total_cash_rounding_payment_adjustment_set"] = price_set(currencies, 0)
        body["total_cash_rounding_refund_adjustment_set"] = price_set(currencies, 0)
        body["total_outstanding"] = fixed_text(currencies.to_shop(outstanding(self.books, order)), currencies.shop)
        body["total_tip_received"] = fixed_text(0, currencies.shop)
        return body

    def _parts(self, order: r.Order) -> Body:
        gateways = (item.gateway for item in self.books.paid(order.id))
        return {
            "discount_applications": [],
            "discount_codes": [],
            "payment_gateway_names": list(dict.fromkeys(gateways)),
            "tax_lines": [tax_body(order, tax) for line in order.lines for tax in line.taxes],
            "line_items": [line_body(self.books, order, line) for line in order.lines],
            "shipping_lines": [self._shipping(order, line) for line in order.shipping],
            "fulfillments": [self.fulfillment(item) for item in self.books.fulfillments_of(order.id)],
            "refunds": [self.refund(item) for item in self.books.refunds_of(order.id)],
            "returns": [
                {"id": legacy_id(item.id), "admin_graphql_api_id": item.id, "status": item.status.lower()}
                for item in self.books.returns_of(order.id)
            ],
        }

    def _shipping(self, order: r.Order, line: r.Shipping) -> Body:
        currencies = order.currencies
        left = line.discounted - self.books.refunded_shipping(order.id, line.id)
        return {
            "id": legacy_id(line.id),
            "carrier_identifier": None,
            "code": line.title,
            "current_discounted_price_set": price_set(currencies, left),
            "discount_allocations": [],
            "discounted_price": fixed_text(currencies.to_shop(line.discounted), currencies.shop),
            "discounted_price_set": price_set(currencies, line.discounted),
            "is_removed": False,
            "phone": None,
            "price": fixed_text(currencies.to_shop(line.price), currencies.shop),
            "price_set": price_set(currencies, line.price),
            "requested_fulfillment_service_id": None,
            "source": "shopify",
            "tax_lines": [tax_body(order, tax) for tax in line.taxes],
            "title": line.title,
        }

    # Money

    def refund(self, refund: r.Refund) -> Body:
        order = self.books.orders[refund.order]
        found = None if refund.return_id is None else self.books.returns[refund.return_id]
        return {
            "id": legacy_id(refund.id),
            "admin_graphql_api_id": refund.id,
            "order_id": legacy_id(order.id),
            "note": refund.note,
            "user_id": refund.staff,
            "created_at": self.local(refund.created_at),
            "processed_at": self.local(refund.processed_at),
            "restock": any(line.restock_type in ("RETURN", "CANCEL") for line in refund.lines),
            "duties": [],
            "total_duties_set": price_set(order.currencies, sum(part.amount for part in refund.duties)),
            "order_adjustments": [self._adjustment(order, refund, part) for part in refund.adjustments],
            "refund_line_items": [self._refund_line(order, line) for line in refund.lines],
            "refund_shipping_lines": [self._refund_shipping(order, part) for part in refund.shipping],
            "return": None if found is None else {"id": legacy_id(found.id), "admin_graphql_api_id": found.id},
            "transactions": [self.transaction(item) for item in self.books.refund_transactions(refund.id)],
        }

    def _adjustment(self, order: r.Order, refund: r.Refund, part: r.Adjustment) -> Body:
        return {
            "id": legacy_id(part.id),
            "order_id": legacy_id(order.id),
            "refund_id": legacy_id(refund.id),
            "amount": fixed_text(order.currencies.to_shop(part.amount), order.currencies.shop),
            "amount_set": price_set(order.currencies, part.amount),
            "kind": part.reason.lower(),
            "reason": "Refund discrepancy",
            "tax_amount": fixed_text(0, order.currencies.shop),
            "tax_amount_set": price_set(order.currencies, 0),
        }

    def _refund_shipping(self, order: r.Order, part: r.RefundShipping) -> Body:
        return {
            "id": legacy_id(part.id),
            "shipping_line": {"id": legacy_id(part.shipping)},
            "subtotal_amount_set": price_set(order.currencies, part.amount),
            "tax_amount_set": price_set(order.currencies, part.tax),
        }

    def _refund_line(self, order: r.Order, line: r.RefundLine) -> Body:
        ordered = order.line(line.line)
        currencies = order.currencies
        return {
            "id": legacy_id(line.id),
            "line_item": None if ordered is None else self._refunded_line(order, ordered),
            "line_item_id": legacy_id(line.line),
            "location_id": None if line.location is None else legacy_id(line.location),
            "quantity": line.quantity,
            "restock_type": line.restock_type.lower(),
            "subtotal": float(fixed_text(currencies.to_shop(line.subtotal), currencies.shop)),
            "subtotal_set": price_set(currencies, line.subtotal),
            "total_tax": float(fixed_text(currencies.to_shop(line.tax), currencies.shop)),
            "total_tax_set": price_set(currencies, line.tax),
        }

    def _refunded_line(self, order: r.Order, line: r.Line) -> Body:
        """The line as refunds show it: without what only orders tell."""
        only_orders = ("attributed_staffs", "current_quantity", "sales_line_item_group_id")
        return {name: part for name, part in line_body(self.books, order, line).items() if name not in only_orders}

    def transaction(self, item: r.Transaction, *, with_details: bool = False) -> Body:
        currencies = self.books.currencies(item.order)
        body: Body = {
            "id": legacy_id(item.id),
            "admin_graphql_api_id": item.id,
            "order_id": legacy_id(item.order),
            "parent_id": None if item.parent is None else legacy_id(item.parent),
            "kind": item.kind.lower(),
            "status": item.status.lower(),
            "gateway": item.gateway,
            "amount": fixed_text(item.amount, currencies.presentment),
            "currency": currencies.presentment,
            "error_code": None if item.error_code is None else item.error_code.lower(),
            "message": item.message,
            "created_at": self.local(item.created_at),
            "processed_at": self.local(item.processed_at),
            "payment_id": f"{self.books.orders[item.order].name}.1",
            "manual_payment_gateway": item.gateway == "manual",
            "source_name": "web",
            "test": False,
            "receipt": {},
            "total_unsettled_set": _unsettled(currencies),
            "amount_rounding": None,
            "authorization": None,
            "device_id": None,
            "location_id": None,
            "user_id": None,
        }
        return body | ({"payment_details": None} if with_details else {})

    def dispute(self, item: r.Dispute) -> Body:
        currencies = self.books.currencies(item.order)
        return {
            "id": legacy_id(item.id),
            "order_id": legacy_id(item.order),
            "type": item.kind.lower(),
            "amount": fixed_text(item.amount, currencies.presentment),
            "currency": currencies.presentment,
            "reason": "product_unacceptable",
            "network_reason_code": "4853",
            "status": item.status.lower(),
            "evidence_due_by": self.local(item.evidence_due),
            "evidence_sent_on": None,
            "finalized_on": None,
            "initiated_at": self.local(item.initiated_at),
        }

    # Parcels

    def fulfillment(self, parcel: r.Fulfillment) -> Body:
        order = self.books.orders[parcel.order]
        lines = [(line, order.line(line.line)) for line in parcel.lines]
        events = sorted(parcel.events, key=lambda event: event.happened_at)
        number, url = parcel.tracking_number, parcel.tracking_url
        return {
            "id": legacy_id(parcel.id),
            "admin_graphql_api_id": parcel.id,
            "order_id": legacy_id(order.id),
            "name": parcel.name.replace("-F", "."),
            "status": "success",
            "shipment_status": events[-1].status.lower() if events else None,
            "created_at": self.local(parcel.created_at),
            "updated_at": self.local(parcel.updated_at),
            "destination": address_body(order.shipping_address),
            "email": order.email,
            "line_items": [
                line_body(self.books, order, ordered) | {"quantity": line.quantity}
                for line, ordered in lines
                if ordered
            ],
            "location_id": legacy_id(parcel.location),
            "origin_address": None,
            "receipt": {},
            "service": "manual",
            "tracking_company": parcel.tracking_company,
            "tracking_number": number,
            "tracking_numbers": [] if number is None else [number],
            "tracking_url": url,
            "tracking_urls": [] if url is None else [url],
        }

    def event(self, event_id: str) -> Body:
        found = (
            (parcel, event)
            for parcel in self.books.fulfillments.values()
            for event in parcel.events
            if event.id == event_id
        )
        parcel, event = next(found)
        return {
            "id": legacy_id(event.id),
            "admin_graphql_api_id": event.id,
            "fulfillment_id": legacy_id(parcel.id),
            "order_id": legacy_id(parcel.order),
            "shop_id": self.shop_id,
            "status": event.status.lower(),
            "message": event.message,
            "happened_at": self.local(event.happened_at),
            "created_at": self.local(event.created_at),
            "updated_at": self.local(event.created_at),
            "estimated_delivery_at": None,
            "address1": None,
            "city": None,
            "province": None,
            "country": None,
            "zip": None,
            "latitude": None,
            "longitude": None,
        }
