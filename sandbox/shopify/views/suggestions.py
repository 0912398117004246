"""Suggested refunds, a return's financial outcome and a calculated return, as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from graphql import GraphQLError

from sandbox.shopify import records as r
from sandbox.shopify import return_records as rr
from sandbox.shopify.books import Refused
from sandbox.shopify.money import Currencies, parse
from sandbox.shopify.processing import exchange_lines, return_lines, shipping_amount
from sandbox.shopify.suggestion import (
    LineShare,
    Suggestion,
    Wanted,
    all_refundable,
    fee_of,
    line_share,
    return_outcome,
    shipping_left,
    split,
    suggest,
)
from sandbox.shopify.views.common import BagView, Scene, View, bag
from sandbox.shopify.views.lines import LineView
from sandbox.shopify.views.orders import FulfillmentLineView, LocationView
from sandbox.shopify.views.payments import PaymentPartView, RefundDutyView
from sandbox.shopify.views.returns import FeeView


def _invalid(refused: Refused) -> GraphQLError:
    return GraphQLError(str(refused), extensions={"code": "BAD_REQUEST"})


class ShippingRefundView(View):
    typename = "ShippingRefund"

    def __init__(self, scene: Scene, currencies: Currencies, suggestion: Suggestion) -> None:
        super().__init__(scene)
        self.amount_set = bag(currencies, suggestion.shipping.amount)
        self.tax_set = bag(currencies, suggestion.shipping.tax)
        self.maximum_refundable_set = bag(currencies, suggestion.shipping.maximum)


class StoreCreditView(View):
    typename = "SuggestedStoreCreditRefund"

    def __init__(self, scene: Scene, amount: BagView, maximum: BagView) -> None:
        super().__init__(scene)
        self.amount = amount
        self.maximum_refundable = maximum
        self.expires_at = None


class SuggestedLineView(View):
    """A line that a suggestion would refund: it has no id yet."""

    typename = "RefundLineItem"

    def __init__(self, scene: Scene, order: r.Order, share: LineShare) -> None:
        super().__init__(scene)
        self._location = share.location
        self.id = None
        self.quantity = share.quantity
        self.restock_type = share.restock_type
        self.restocked = share.restock_type in ("RETURN", "CANCEL")
        self.line_item = LineView(scene, order, share.line)
        self.price_set = bag(order.currencies, share.line.unit_price)
        self.subtotal_set = bag(order.currencies, share.subtotal)
        self.total_tax_set = bag(order.currencies, share.tax)

    def location(self) -> LocationView | None:
        known = self.books.locations.get(self._location or "")
        return None if known is None else LocationView(self.scene, known)


class _MoneyParts(View):
    """How an amount would be paid: to the payments it came from, or as store credit."""

    def __init__(self, scene: Scene, order: r.Order, amount: int, maximum: int, allocation: str | None) -> None:
        super().__init__(scene)
        credit = allocation == "STORE_CREDIT"
        parts = () if credit else split(scene.books, order.id, amount)
        self.suggested_transactions = [
            PaymentPartView(scene, part.payment, part.amount, part.maximum) for part in parts
        ]
        given, most = bag(order.currencies, amount), bag(order.currencies, maximum)
        self.suggested_refund_methods = [StoreCreditView(scene, given, most)] if credit else []


class SuggestedRefundView(_MoneyParts):
    typename = "SuggestedRefund"

    def __init__(self, scene: Scene, order: r.Order, suggestion: Suggestion, allocation: str | None) -> None:
        super().__init__(scene, order, suggestion.amount, suggestion.maximum, allocation)
        currencies = order.currencies
        self.amount_set = bag(currencies, suggestion.amount)
        self.maximum_refundable_set = bag(currencies, suggestion.maximum)
        self.subtotal_set = bag(currencies, suggestion.subtotal)
        self.discounted_subtotal_set = bag(currencies, suggestion.discounted)
        self.total_cart_discount_amount_set = bag(currencies, suggestion.cart_discount)
        self.total_tax_set = bag(currencies, suggestion.tax)
        self.total_duties_set = bag(currencies, suggestion.duty_total)
        self.shipping = ShippingRefundView(scene, currencies, suggestion)
        self.refund_duties = [RefundDutyView(scene, order, duty) for duty in suggestion.duties]
        self.refund_line_items = [SuggestedLineView(scene, order, share) for share in suggestion.lines]


def suggested_refund(scene: Scene, order: r.Order, given: Mapping[str, Any]) -> SuggestedRefundView:
    """Order.suggestedRefund; more units than are left are cut to what is left."""
    books = scene.books
    left = shipping_left(books, order)
    amount = left if given.get("refund_shipping") else 0
    if given.get("shipping_amount") is not None:
        amount = min(left, parse(given["shipping_amount"], order.currencies.presentment))
    full = bool(given.get("suggest_full_refund"))
    wanted = all_refundable(books, order) if full else _wanted(scene, order, given.get("refund_line_items") or ())
    try:
        suggestion = suggest(books, order, wanted, left if full else amount, given.get("refund_duties") or ())
    except Refused as refused:
        raise _invalid(refused) from None
    return SuggestedRefundView(scene, order, suggestion, given.get("refund_method_allocation"))


def _wanted(scene: Scene, order: r.Order, given: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    used: dict[str, int] = {}
    wanted = []
    for item in given:
        line = order.line(item["lineItemId"])
        if line is None:
            raise GraphQLError("Line item does not exist", extensions={"code": "RESOURCE_NOT_FOUND"})
        left = scene.books.refundable_quantity(order.id, line) - used.get(line.id, 0)
        count = max(0, min(item["quantity"], left))
        used[line.id] = used.get(line.id, 0) + count
        wanted.append(Wanted(line, count, item.get("restockType") or "NO_RESTOCK", item.get("locationId")))
    return wanted


class RefundOutcomeView(_MoneyParts):
    typename = "RefundReturnOutcome"

    def __init__(self, scene: Scene, order: r.Order, amount: int, maximum: int, allocation: str | None) -> None:
        super().__init__(scene, order, amount, maximum, allocation)
        self.amount = bag(order.currencies, amount)


class InvoiceOutcomeView(View):
    typename = "InvoiceReturnOutcome"

    def __init__(self, scene: Scene, order: r.Order, amount: int) -> None:
        super().__init__(scene)
        self.amount = bag(order.currencies, amount)


class OutcomeView(View):
    typename = "SuggestedReturnFinancialOutcome"

    def __init__(
        self,
        scene: Scene,
        order: r.Order,
        suggestion: Suggestion,
        transfer: RefundOutcomeView | InvoiceOutcomeView | None,
    ) -> None:
        super().__init__(scene)
        currencies = order.currencies
        self.financial_transfer = transfer
        self.discounted_subtotal = bag(currencies, suggestion.discounted)
        self.maximum_refundable = bag(currencies, suggestion.maximum)
        self.total_cart_discount_amount = bag(currencies, suggestion.cart_discount)
        self.total_tax = bag(currencies, suggestion.tax)
        self.total_duties = bag(currencies, suggestion.duty_total)
        self.total_additional_fees = bag(currencies, 0)
        self.shipping = ShippingRefundView(scene, currencies, suggestion)
        self.refund_duties = [RefundDutyView(scene, order, duty) for duty in suggestion.duties]


def financial_outcome(scene: Scene, item: rr.Return, given: Mapping[str, Any]) -> OutcomeView:
    """Return.suggestedFinancialOutcome: a refund, an invoice, or nothing to transfer."""
    books = scene.books
    order = books.orders[item.order]
    try:
        asked = return_lines(item, given["return_line_items"], ("returnLineItems",), unprocessed=False)
        lines = [(line, min(quantity, line.quantity - line.refunded)) for line, quantity in asked]
        exchanges = exchange_lines(item, given["exchange_line_items"], ("exchangeLineItems",))
        shipping = shipping_amount(books, order, given.get("refund_shipping"))
        outcome = return_outcome(books, item, lines, exchanges, shipping, given.get("refund_duties") or ())
    except Refused as refused:
        raise _invalid(refused) from None
    return OutcomeView(
        scene, order, outcome.suggestion, _transfer(scene, order, outcome.transfer, outcome.suggestion, given)
    )


def _transfer(
    scene: Scene, order: r.Order, transfer: int, suggestion: Suggestion, given: Mapping[str, Any]
) -> RefundOutcomeView | InvoiceOutcomeView | None:
    if transfer == 0:
        return None
    if transfer < 0:
        return InvoiceOutcomeView(scene, order, -transfer)
    allocation = given.get("refund_method_allocation")
    return RefundOutcomeView(scene, order, transfer, suggestion.maximum, allocation)


# returnCalculate: amounts are negative, because they leave the order


class CalculatedLineView(View):
    typename = "CalculatedReturnLineItem"

    def __init__(self, scene: Scene, order: r.Order, share: LineShare, parcel_line: FulfillmentLineView) -> None:
        super().__init__(scene)
        self.id = None
        self.fulfillment_line_item = parcel_line
        self.quantity = share.quantity
        self.restocking_fee: FeeView | None = None
        self.subtotal_before_order_discounts_set = bag(order.currencies, -share.discounted)
        self.subtotal_set = bag(order.currencies, -share.subtotal)
        self.total_tax_set = bag(order.currencies, -share.tax)


class CalculatedReturnView(View):
    typename = "CalculatedReturn"

    def __init__(self, scene: Scene, lines: list[CalculatedLineView], shipping_fee: FeeView | None) -> None:
        super().__init__(scene)
        self.id = f"gid://shopify/CalculatedReturn/{scene.books.ids.uuid('CalculatedReturn')}"
        self.return_line_items = lines
        self.return_shipping_fee = shipping_fee


def calculated_return(scene: Scene, given: Mapping[str, Any]) -> CalculatedReturnView | None:
    order = scene.books.orders.get(given["orderId"])
    if order is None:
        return None
    lines = [line for line in (_calculated(scene, order, item) for item in given.get("returnLineItems") or ()) if line]
    fee = given.get("returnShippingFee")
    shipping_fee = None
    if fee is not None:
        amount = parse(fee["amount"]["amount"], order.currencies.presentment)
        shipping_fee = _fee(scene, order, "CalculatedReturnShippingFee", amount)
    return CalculatedReturnView(scene, lines, shipping_fee)


def _fee(scene: Scene, order: r.Order, typename: str, amount: int, percentage: float = 0) -> FeeView:
    fee_id = f"gid://shopify/{typename}/{scene.books.ids.uuid(typename)}"
    return FeeView(scene, typename, fee_id, bag(order.currencies, amount), percentage)


def _calculated(scene: Scene, order: r.Order, item: Mapping[str, Any]) -> CalculatedLineView | None:
    found = scene.books.fulfillment_line(item["fulfillmentLineItemId"])
    line = order.line(found[1].line) if found else None
    if found is None or line is None:
        return None
    share = line_share(scene.books, order, Wanted(line, item["quantity"]))
    view = CalculatedLineView(scene, order, share, FulfillmentLineView(scene, *found))
    if item.get("restockingFee") is not None:
        percentage = item["restockingFee"]["percentage"]
        amount = fee_of(share, Decimal(str(percentage)))
        view.restocking_fee = _fee(scene, order, "CalculatedRestockingFee", amount, percentage)
    return view
