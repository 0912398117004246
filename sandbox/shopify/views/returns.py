"""Returns, their lines and fees, and the goods on their way back, as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.shopify import records as r
from sandbox.shopify import return_records as rr
from sandbox.shopify.money import slice_of
from sandbox.shopify.suggestion import Wanted, fee_of, line_share
from sandbox.shopify.views.common import BagView, ConnectionView, Scene, View, bag, connect, utc_text
from sandbox.shopify.views.lines import LineView
from sandbox.shopify.views.orders import FulfillmentLineView, FulfillmentView, LocationView, OrderView
from sandbox.shopify.views.payments import RefundView, TransactionView

if TYPE_CHECKING:
    from sandbox.shopify.views.suggestions import OutcomeView


class ReasonView(View):
    typename = "ReturnReasonDefinition"

    def __init__(self, scene: Scene, reason: rr.Reason) -> None:
        super().__init__(scene)
        self.id, self.name, self.handle, self.deleted = reason.id, reason.name, reason.handle, reason.deleted


class DeclineView:
    typename = "ReturnDecline"

    def __init__(self, reason: str, note: str | None) -> None:
        self.reason, self.note = reason, note


class FeeView(View):
    """A fee of a return: restocking (with a percentage) or return shipping."""

    def __init__(self, scene: Scene, typename: str, fee_id: str, amount: BagView, percentage: float = 0) -> None:
        super().__init__(scene)
        self.typename = typename  # type: ignore[misc]
        self.id = fee_id
        self.amount_set = amount
        self.percentage = percentage


class ReturnView(View):
    typename = "Return"

    def __init__(self, scene: Scene, item: rr.Return) -> None:
        super().__init__(scene)
        self.item = item
        self.id = item.id
        self.name = item.name
        self.status = item.status
        self.created_at = utc_text(item.created_at)
        self.closed_at = utc_text(item.closed_at)
        self.request_approved_at = utc_text(item.approved_at)
        self.total_quantity = sum(line.quantity for line in item.lines)

    def order(self) -> OrderView:
        return OrderView(self.scene, self.books.orders[self.item.order])

    def decline(self) -> DeclineView | None:
        reason = self.item.decline_reason
        return None if reason is None else DeclineView(reason, self.item.decline_note)

    def return_line_items(
        self, processing_status: str | None = None, **arguments: Any
    ) -> ConnectionView[ReturnLineView]:
        lines = [line for line in self.item.lines if _is_in(processing_status, line.quantity, line.processed)]
        return connect((ReturnLineView(self.scene, self.item, line) for line in lines), arguments)

    def exchange_line_items(
        self, processing_status: str | None = None, *, include_removed_items: bool | None = None, **arguments: Any
    ) -> ConnectionView[ExchangeLineView]:
        del include_removed_items  # a removed exchange line leaves the books
        lines = [line for line in self.item.exchanges if _is_in(processing_status, line.quantity, line.processed)]
        return connect((ExchangeLineView(self.scene, self.item, line) for line in lines), arguments)

    def refunds(self, **arguments: Any) -> ConnectionView[RefundView]:
        found = (item for item in self.books.refunds_of(self.item.order) if item.return_id == self.id)
        return connect((RefundView(self.scene, item) for item in found), arguments)

    def transactions(self, **arguments: Any) -> ConnectionView[TransactionView]:
        refunds = {item.id for item in self.books.refunds_of(self.item.order) if item.return_id == self.id}
        found = (item for item in self.books.transactions_of(self.item.order) if item.refund in refunds)
        return connect((TransactionView(self.scene, item) for item in found), arguments)

    def return_shipping_fees(self) -> list[FeeView]:
        currencies = self.books.currencies(self.item.order)
        return [FeeView(self.scene, "ReturnShippingFee", fee.id, bag(currencies, fee.amount)) for fee in self.item.fees]

    def reverse_fulfillment_orders(self, **arguments: Any) -> ConnectionView[ReverseOrderView]:
        found = self.books.reverse_orders_of(self.id)
        return connect((ReverseOrderView(self.scene, item) for item in found), arguments)

    def suggested_financial_outcome(self, **arguments: Any) -> OutcomeView:
        from sandbox.shopify.views.suggestions import financial_outcome

        return financial_outcome(self.scene, self.item, arguments)


def _is_in(wanted: str | None, quantity: int, processed: int) -> bool:
    if wanted == "PROCESSABLE":
        return processed < quantity
    return processed > 0 if wanted == "PROCESSED" else True


class ReturnLineView(View):
    typename = "ReturnLineItem"

    def __init__(self, scene: Scene, item: rr.Return, line: rr.ReturnLine) -> None:
        super().__init__(scene)
        self.item = item
        self.line = line
        self.id = line.id
        self.quantity = line.quantity
        self.processed_quantity = line.processed
        self.unprocessed_quantity = line.quantity - line.processed
        self.processable_quantity = line.quantity - line.processed if item.status == "OPEN" else 0
        self.refunded_quantity = line.refunded
        self.return_reason = line.reason
        self.return_reason_note = line.reason_note
        self.customer_note = line.customer_note

    def _parcel(self) -> tuple[r.Fulfillment, r.FulfillmentLine]:
        found = self.books.fulfillment_line(self.line.fulfillment_line)
        if found is None:
            raise LookupError(f"return line {self.id} names no fulfilment line")
        return found

    def _ordered(self) -> tuple[r.Order, r.Line]:
        found = self.books.order_line(self._parcel()[1].line)
        if found is None:
            raise LookupError(f"return line {self.id} names no line of its order")
        return found

    def refundable_quantity(self) -> int:
        order, line = self._ordered()
        return max(0, min(self.line.quantity - self.line.refunded, self.books.refundable_quantity(order.id, line)))

    def return_reason_definition(self) -> ReasonView | None:
        known = self.books.reasons.get(self.line.reason_definition or "")
        return None if known is None else ReasonView(self.scene, known)

    def fulfillment_line_item(self) -> FulfillmentLineView:
        return FulfillmentLineView(self.scene, *self._parcel())

    def restocking_fee(self) -> FeeView | None:
        if self.line.fee_id is None:
            return None
        order, line = self._ordered()
        share = line_share(self.books, order, Wanted(line, self.quantity))
        amount = bag(order.currencies, fee_of(share, self.line.fee_percentage))
        return FeeView(self.scene, "RestockingFee", self.line.fee_id, amount, float(self.line.fee_percentage))

    def with_code_discounted_total_price_set(self) -> BagView:
        order, line = self._ordered()
        return bag(order.currencies, slice_of(line.net_total, line.quantity, 0, self.quantity))


class ExchangeLineView(View):
    typename = "ExchangeLineItem"

    def __init__(self, scene: Scene, item: rr.Return, line: rr.ExchangeLine) -> None:
        super().__init__(scene)
        self.item = item
        self.line = line
        variant = scene.books.variants[line.variant]
        self.id = line.id
        self.quantity = line.quantity
        self.processed_quantity = line.processed
        self.unprocessed_quantity = self.processable_quantity = line.quantity - line.processed
        self.variant_id, self.variant_sku, self.title = variant.id, variant.sku, variant.title
        self.variant_title = self.product_id = None

    def line_items(self) -> list[LineView]:
        order = self.books.orders[self.item.order]
        found = (order.line(line_id) for line_id in self.line.lines)
        return [LineView(self.scene, order, line) for line in found if line is not None]


# Reverse logistics


class DispositionView(View):
    typename = "ReverseFulfillmentOrderDisposition"

    def __init__(self, scene: Scene, disposition: rr.Disposition) -> None:
        super().__init__(scene)
        self._location = disposition.location
        self.id, self.type, self.quantity = disposition.id, disposition.type, disposition.quantity
        self.created_at = utc_text(disposition.created_at)

    def location(self) -> LocationView | None:
        known = self.books.locations.get(self._location or "")
        return None if known is None else LocationView(self.scene, known)


class ReverseLineView(View):
    typename = "ReverseFulfillmentOrderLineItem"

    def __init__(self, scene: Scene, line: rr.ReverseLine) -> None:
        super().__init__(scene)
        self.line = line
        self.id = line.id
        self.total_quantity = line.quantity

    def dispositions(self) -> list[DispositionView]:
        return [DispositionView(self.scene, item) for item in self.line.dispositions]

    def fulfillment_line_item(self) -> FulfillmentLineView | None:
        found = self.books.fulfillment_line(self.line.fulfillment_line)
        return None if found is None else FulfillmentLineView(self.scene, *found)


class ReverseOrderView(View):
    typename = "ReverseFulfillmentOrder"

    def __init__(self, scene: Scene, reverse: rr.ReverseOrder) -> None:
        super().__init__(scene)
        self.reverse = reverse
        self.id = reverse.id
        self.status = reverse.status

    def order(self) -> OrderView:
        return OrderView(self.scene, self.books.orders[self.reverse.order])

    def line_items(self, **arguments: Any) -> ConnectionView[ReverseLineView]:
        return connect((ReverseLineView(self.scene, line) for line in self.reverse.lines), arguments)

    def reverse_deliveries(self, **arguments: Any) -> ConnectionView[ReverseDeliveryView]:
        found = self.books.deliveries_of(self.id)
        return connect((ReverseDeliveryView(self.scene, item) for item in found), arguments)


class LabelView:
    typename = "ReverseDeliveryLabelV2"

    def __init__(self, delivery: rr.ReverseDelivery) -> None:
        self.public_file_url = delivery.label_url
        self.created_at = utc_text(delivery.created_at)
        self.updated_at = utc_text(delivery.updated_at)


class ReverseTrackingView:
    typename = "ReverseDeliveryTrackingV2"

    def __init__(self, delivery: rr.ReverseDelivery) -> None:
        self.carrier_name = None
        self.number = delivery.tracking_number
        self.url = delivery.tracking_url


class DeliverableView:
    typename = "ReverseDeliveryShippingDeliverable"

    def __init__(self, delivery: rr.ReverseDelivery) -> None:
        tracked = delivery.tracking_number is not None or delivery.tracking_url is not None
        self.label = LabelView(delivery) if delivery.label_url else None
        self.tracking = ReverseTrackingView(delivery) if tracked else None


class ReverseDeliveryView(View):
    typename = "ReverseDelivery"

    def __init__(self, scene: Scene, delivery: rr.ReverseDelivery) -> None:
        super().__init__(scene)
        self.delivery = delivery
        self.id = delivery.id
        self.deliverable = DeliverableView(delivery)

    def reverse_fulfillment_order(self) -> ReverseOrderView:
        return ReverseOrderView(self.scene, self.books.reverse_orders[self.delivery.reverse_order])

    def reverse_delivery_line_items(self, **arguments: Any) -> ConnectionView[ReverseDeliveryLineView]:
        lines = (ReverseDeliveryLineView(self.scene, line) for line in self.delivery.lines)
        return connect(lines, arguments)


class ReverseDeliveryLineView(View):
    typename = "ReverseDeliveryLineItem"

    def __init__(self, scene: Scene, line: rr.ReverseDeliveryLine) -> None:
        super().__init__(scene)
        self.line = line
        self.id = line.id
        self.quantity = line.quantity

    def _reverse_line(self) -> rr.ReverseLine:
        found = self.books.reverse_line(self.line.reverse_line)
        if found is None:
            raise LookupError(f"reverse delivery line {self.id} names no reverse line")
        return found[1]

    def reverse_fulfillment_order_line_item(self) -> ReverseLineView:
        return ReverseLineView(self.scene, self._reverse_line())

    def dispositions(self) -> list[DispositionView]:
        return [DispositionView(self.scene, item) for item in self._reverse_line().dispositions]


# What can still be returned


class ReturnableView(View):
    typename = "ReturnableFulfillment"

    def __init__(self, scene: Scene, parcel: r.Fulfillment) -> None:
        super().__init__(scene)
        self.parcel = parcel
        self.id = parcel.id.replace("/Fulfillment/", "/ReturnableFulfillment/")

    def fulfillment(self) -> FulfillmentView:
        return FulfillmentView(self.scene, self.parcel)

    def returnable_fulfillment_line_items(self, **arguments: Any) -> ConnectionView[ReturnableLineView]:
        return connect(returnable_lines(self.scene, self.parcel), arguments)


class ReturnableLineView(View):
    typename = "ReturnableFulfillmentLineItem"

    def __init__(self, scene: Scene, parcel: r.Fulfillment, line: r.FulfillmentLine, quantity: int) -> None:
        super().__init__(scene)
        self.id = line.id
        self.quantity = quantity
        self.fulfillment_line_item = FulfillmentLineView(scene, parcel, line)


def returnable_lines(scene: Scene, parcel: r.Fulfillment) -> list[ReturnableLineView]:
    counted = ((line, scene.books.returnable(parcel.order, line)) for line in parcel.lines)
    return [ReturnableLineView(scene, parcel, line, quantity) for line, quantity in counted if quantity > 0]
