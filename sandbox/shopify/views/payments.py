"""Transactions and refunds as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.shopify import records as r
from sandbox.shopify.ids import legacy_id
from sandbox.shopify.views.common import BagView, ConnectionView, MoneyView, Scene, View, bag, connect, utc_text
from sandbox.shopify.views.lines import DutyView, LineView, ShippingLineView
from sandbox.shopify.views.orders import LocationView, OrderView

if TYPE_CHECKING:
    from sandbox.shopify.views.returns import ReturnView

_GATEWAY_NAMES = {"shopify_payments": "Shopify Payments", "gift_card": "Gift Card", "manual": "Manual"}


def formatted_gateway(gateway: str) -> str:
    return _GATEWAY_NAMES.get(gateway, gateway.replace("_", " ").title())


class TransactionView(View):
    typename = "OrderTransaction"

    def __init__(self, scene: Scene, transaction: r.Transaction) -> None:
        super().__init__(scene)
        self.transaction = transaction
        self.id = transaction.id
        self.kind = transaction.kind
        self.status = transaction.status
        self.error_code = transaction.error_code
        self.gateway = transaction.gateway
        self.formatted_gateway = formatted_gateway(transaction.gateway)
        self.created_at = utc_text(transaction.created_at)
        self.processed_at = utc_text(transaction.processed_at)
        self.manual_payment_gateway = transaction.gateway == "manual"
        self.manually_capturable = self.multi_capturable = self.test = False
        self.account_number = None
        self.settlement_currency = self.settlement_currency_rate = None
        self.maximum_refundable_v2: MoneyView | None = None

    def amount_set(self) -> BagView:
        currencies = self.books.currencies(self.transaction.order)
        return bag(currencies, self.transaction.amount, self.transaction.shop_amount)

    def total_unsettled_set(self) -> BagView:
        return bag(self.books.currencies(self.transaction.order), 0)

    def payment_id(self) -> str:
        siblings = self.books.transactions_of(self.transaction.order)
        number = next(index for index, item in enumerate(siblings, start=1) if item.id == self.id)
        return f"{self.books.orders[self.transaction.order].name}.{number}"

    def order(self) -> OrderView:
        return OrderView(self.scene, self.books.orders[self.transaction.order])

    def parent_transaction(self) -> TransactionView | None:
        parent = self.books.transactions.get(self.transaction.parent or "")
        return None if parent is None else TransactionView(self.scene, parent)


class RefundView(View):
    typename = "Refund"

    def __init__(self, scene: Scene, refund: r.Refund) -> None:
        super().__init__(scene)
        self.refund = refund
        self.id = refund.id
        self.legacy_resource_id = str(legacy_id(refund.id))
        self.note = refund.note
        self.created_at = utc_text(refund.created_at)
        self.processed_at = utc_text(refund.processed_at)
        self.updated_at = utc_text(refund.updated_at)

    def _record(self) -> r.Order:
        return self.books.orders[self.refund.order]

    def order(self) -> OrderView:
        return OrderView(self.scene, self._record())

    def return_(self) -> ReturnView | None:
        from sandbox.shopify.views.returns import ReturnView

        known = self.books.returns.get(self.refund.return_id or "")
        return None if known is None else ReturnView(self.scene, known)

    def total_refunded_set(self) -> BagView:
        return bag(self._record().currencies, self.books.refund_total(self.id))

    def transactions(self, **arguments: Any) -> ConnectionView[TransactionView]:
        found = self.books.refund_transactions(self.id)
        return connect((TransactionView(self.scene, item) for item in found), arguments)

    def refund_line_items(self, **arguments: Any) -> ConnectionView[RefundLineView]:
        lines = (RefundLineView(self.scene, self._record(), line) for line in self.refund.lines)
        return connect(lines, arguments)

    def refund_shipping_lines(self, **arguments: Any) -> ConnectionView[RefundShippingView]:
        parts = (RefundShippingView(self.scene, self._record(), part) for part in self.refund.shipping)
        return connect(parts, arguments)

    def order_adjustments(self, **arguments: Any) -> ConnectionView[AdjustmentView]:
        parts = (AdjustmentView(self.scene, self._record(), part) for part in self.refund.adjustments)
        return connect(parts, arguments)

    def duties(self) -> list[RefundDutyView]:
        return [RefundDutyView(self.scene, self._record(), part) for part in self.refund.duties]


class RefundLineView(View):
    typename = "RefundLineItem"

    def __init__(self, scene: Scene, order: r.Order, line: r.RefundLine) -> None:
        super().__init__(scene)
        self.order = order
        self.line = line
        self.id = line.id
        self.quantity = line.quantity
        self.restock_type = line.restock_type
        self.restocked = line.restock_type in ("RETURN", "CANCEL")
        self.subtotal_set = bag(order.currencies, line.subtotal)
        self.total_tax_set = bag(order.currencies, line.tax)

    def _ordered(self) -> r.Line:
        line = self.order.line(self.line.line)
        if line is None:
            raise LookupError(f"refund line {self.id} names no line of its order")
        return line

    def line_item(self) -> LineView:
        return LineView(self.scene, self.order, self._ordered())

    def price_set(self) -> BagView:
        return bag(self.order.currencies, self._ordered().unit_price)

    def location(self) -> LocationView | None:
        known = self.books.locations.get(self.line.location or "")
        return None if known is None else LocationView(self.scene, known)


class RefundShippingView(View):
    typename = "RefundShippingLine"

    def __init__(self, scene: Scene, order: r.Order, part: r.RefundShipping) -> None:
        super().__init__(scene)
        self.order = order
        self.part = part
        self.id = part.id
        self.subtotal_amount_set = bag(order.currencies, part.amount)
        self.tax_amount_set = bag(order.currencies, part.tax)

    def shipping_line(self) -> ShippingLineView:
        line = next(item for item in self.order.shipping if item.id == self.part.shipping)
        return ShippingLineView(self.scene, self.order, line)


class AdjustmentView(View):
    typename = "OrderAdjustment"

    def __init__(self, scene: Scene, order: r.Order, part: r.Adjustment) -> None:
        super().__init__(scene)
        self.id = part.id
        self.reason = part.reason
        self.amount_set = bag(order.currencies, part.amount)
        self.tax_amount_set = bag(order.currencies, 0)


class RefundDutyView(View):
    typename = "RefundDuty"

    def __init__(self, scene: Scene, order: r.Order, part: r.RefundedDuty) -> None:
        super().__init__(scene)
        self.amount_set = bag(order.currencies, part.amount)
        duty = next((duty for line in order.lines for duty in line.duties if duty.id == part.duty), None)
        self.original_duty = None if duty is None else DutyView(scene, order.currencies, duty)


class PaymentPartView(View):
    """A suggested transaction: what one payment would give back."""

    typename = "SuggestedOrderTransaction"

    def __init__(self, scene: Scene, payment: r.Transaction, amount: int, maximum: int) -> None:
        super().__init__(scene)
        currencies = scene.books.currencies(payment.order)
        self.kind = "SUGGESTED_REFUND"
        self.gateway = payment.gateway
        self.formatted_gateway = formatted_gateway(payment.gateway)
        self.account_number = None
        self.amount_set = bag(currencies, amount)
        self.maximum_refundable_set = bag(currencies, maximum)
        self.parent_transaction = TransactionView(scene, payment)
