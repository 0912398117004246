"""The books of one shop: every record by id, what is left of lines and payments, the news of each act.

It stores and sums; whether an act is allowed is decided by the act's module, which raises Refused first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sandbox.shopify import records as r
from sandbox.shopify import return_records as rr
from sandbox.shopify.ids import Sequence
from sandbox.shopify.money import Currencies

OPEN_MONEY = frozenset(("SUCCESS", "PENDING", "AWAITING_RESPONSE", "UNKNOWN"))
PAID_KINDS = frozenset(("SALE", "CAPTURE"))
STORE_CREDIT = "shopify_store_credit"
GIFT_CARD = "gift_card"


@dataclass(frozen=True, slots=True)
class UserError:
    field: tuple[str, ...] | None
    message: str
    code: str | None = None


class Refused(Exception):
    """A business refusal: becomes `userErrors`, and nothing was written."""

    def __init__(self, *errors: UserError) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


def refuse(field: Iterable[str] | None, message: str, code: str | None = None) -> Refused:
    return Refused(UserError(None if field is None else tuple(field), message, code))


@dataclass(frozen=True, slots=True)
class News:
    """Something a subscriber may want to hear: topic, the record, and what the record does not show."""

    topic: str
    subject: str
    delta: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a payment provider answers the next refund: after so many seconds, with this status and code."""

    seconds: float = 0.0
    status: str = "SUCCESS"
    error_code: str | None = None


class Books:
    """All records of one shop. `settlement` is asked once for each refund transaction."""

    def __init__(
        self,
        shop: str,
        currency: str,
        ids: Sequence,
        clock: Callable[[], datetime],
        settlement: Callable[[], Settlement] = Settlement,
    ) -> None:
        self.shop = shop
        self.currency = currency
        self.ids = ids
        self.clock = clock
        self.settlement = settlement
        self.orders: dict[str, r.Order] = {}
        self.transactions: dict[str, r.Transaction] = {}
        self.refunds: dict[str, r.Refund] = {}
        self.fulfillments: dict[str, r.Fulfillment] = {}
        self.returns: dict[str, rr.Return] = {}
        self.reverse_orders: dict[str, rr.ReverseOrder] = {}
        self.reverse_deliveries: dict[str, rr.ReverseDelivery] = {}
        self.disputes: dict[str, r.Dispute] = {}
        self.customers: dict[str, r.Customer] = {}
        self.variants: dict[str, r.Variant] = {}
        self.locations: dict[str, r.Location] = {}
        self.reasons: dict[str, rr.Reason] = {}
        self.jobs: dict[str, r.CancelJob] = {}
        self.credits: list[r.Credit] = []
        self.news: list[News] = []
        self.next_number = 1001

    def announce(self, topic: str, subject: str, delta: tuple[tuple[str, int], ...] = ()) -> None:
        self.news.append(News(topic, subject, delta))

    def touch(self, order_id: str) -> None:
        """The order itself changed: `updatedAt` moves and orders/updated goes out."""
        self.orders[order_id] = replace(self.orders[order_id], updated_at=self.clock())
        self.announce("orders/updated", order_id)

    # What belongs to an order

    def transactions_of(self, order_id: str) -> list[r.Transaction]:
        return [item for item in self.transactions.values() if item.order == order_id]

    def refunds_of(self, order_id: str) -> list[r.Refund]:
        return [item for item in self.refunds.values() if item.order == order_id]

    def refund_transactions(self, refund_id: str) -> list[r.Transaction]:
        return [item for item in self.transactions.values() if item.refund == refund_id]

    def returns_of(self, order_id: str) -> list[rr.Return]:
        return [item for item in self.returns.values() if item.order == order_id]

    def fulfillments_of(self, order_id: str) -> list[r.Fulfillment]:
        return [item for item in self.fulfillments.values() if item.order == order_id]

    def reverse_orders_of(self, return_id: str) -> list[rr.ReverseOrder]:
        return [item for item in self.reverse_orders.values() if item.return_id == return_id]

    def deliveries_of(self, reverse_order_id: str) -> list[rr.ReverseDelivery]:
        return [item for item in self.reverse_deliveries.values() if item.reverse_order == reverse_order_id]

    def disputes_of(self, order_id: str) -> list[r.Dispute]:
        return [item for item in self.disputes.values() if item.order == order_id]

    def currencies(self, order_id: str) -> Currencies:
        return self.orders[order_id].currencies

    # Payments

    def paid(self, order_id: str) -> list[r.Transaction]:
        """Payments that brought money: the only parents a refund may have."""
        return [item for item in self.transactions_of(order_id) if item.kind in PAID_KINDS and item.status == "SUCCESS"]

    def _refunding(self, order_id: str, statuses: frozenset[str]) -> Iterator[r.Transaction]:
        return (item for item in self.transactions_of(order_id) if item.kind == "REFUND" and item.status in statuses)

    def received(self, order_id: str) -> int:
        return sum(item.amount for item in self.paid(order_id))

    def refunded(self, order_id: str) -> int:
        """Money that has gone back: successful refund transactions."""
        return sum(item.amount for item in self._refunding(order_id, frozenset(("SUCCESS",))))

    def committed(self, order_id: str) -> int:
        """Money that has gone back or is on its way."""
        return sum(item.amount for item in self._refunding(order_id, OPEN_MONEY))

    def left_of(self, payment: r.Transaction) -> int:
        """What can still be refunded on one payment."""
        spent = sum(item.amount for item in self._refunding(payment.order, OPEN_MONEY) if item.parent == payment.id)
        return payment.amount - spent

    def net_payment(self, order_id: str) -> int:
        return self.received(order_id) - self.committed(order_id)

    def refund_total(self, refund_id: str) -> int:
        return sum(item.amount for item in self.refund_transactions(refund_id) if item.status in OPEN_MONEY)

    # Quantities

    def refunded_quantity(self, order_id: str, line_id: str) -> int:
        return sum(
            line.quantity for refund in self.refunds_of(order_id) for line in refund.lines if line.line == line_id
        )

    def refundable_quantity(self, order_id: str, line: r.Line) -> int:
        return line.quantity - self.refunded_quantity(order_id, line.id)

    def fulfilled_quantity(self, order_id: str, line_id: str) -> int:
        return sum(
            line.quantity for parcel in self.fulfillments_of(order_id) for line in parcel.lines if line.line == line_id
        )

    def refunded_shipping(self, order_id: str, shipping_id: str) -> int:
        return sum(
            part.amount
            for refund in self.refunds_of(order_id)
            for part in refund.shipping
            if part.shipping == shipping_id
        )

    def refunded_duty(self, order_id: str, duty_id: str) -> int:
        return sum(
            part.amount for refund in self.refunds_of(order_id) for part in refund.duties if part.duty == duty_id
        )

    def in_returns(self, order_id: str, fulfillment_line_id: str) -> int:
        """Units of a fulfilment line that a live return already claims."""
        return sum(
            line.quantity
            for item in self.returns_of(order_id)
            if item.status in ("REQUESTED", "OPEN", "CLOSED")
            for line in item.lines
            if line.fulfillment_line == fulfillment_line_id
        )

    def returnable(self, order_id: str, parcel_line: r.FulfillmentLine) -> int:
        """Fulfilled units that no return claims and no other refund has paid back."""
        order = self.orders[order_id]
        line = order.line(parcel_line.line)
        if line is None:
            return 0
        parcel_lines = [item for parcel in self.fulfillments_of(order_id) for item in parcel.lines]
        claimed = sum(self.in_returns(order_id, item.id) for item in parcel_lines if item.line == line.id)
        elsewhere = sum(
            item.quantity
            for refund in self.refunds_of(order_id)
            if refund.return_id is None
            for item in refund.lines
            if item.line == line.id
        )
        free = parcel_line.quantity - self.in_returns(order_id, parcel_line.id)
        return max(0, min(free, line.quantity - claimed - elsewhere))

    # Finding by a part of a record

    def fulfillment_line(self, line_id: str) -> tuple[r.Fulfillment, r.FulfillmentLine] | None:
        found = ((parcel, line) for parcel in self.fulfillments.values() for line in parcel.lines if line.id == line_id)
        return next(found, None)

    def return_line(self, line_id: str) -> tuple[rr.Return, rr.ReturnLine] | None:
        found = ((item, line) for item in self.returns.values() for line in item.lines if line.id == line_id)
        return next(found, None)

    def reverse_line(self, line_id: str) -> tuple[rr.ReverseOrder, rr.ReverseLine] | None:
        found = ((item, line) for item in self.reverse_orders.values() for line in item.lines if line.id == line_id)
        return next(found, None)

    def order_line(self, line_id: str) -> tuple[r.Order, r.Line] | None:
        found = ((order, line) for order in self.orders.values() for line in order.lines if line.id == line_id)
        return next(found, None)

    # Totals of an order

    def order_total(self, order: r.Order) -> int:
        goods = sum(line.net_total + self.tax_of(order, line.tax_total) for line in order.lines)
        freight = sum(item.discounted + self.tax_of(order, item.tax_total) for item in order.shipping)
        return goods + freight + sum(duty.amount for line in order.lines for duty in line.duties)

    @staticmethod
    def tax_of(order: r.Order, tax: int) -> int:
        """What a tax adds to the price: nothing when prices include it."""
        return 0 if order.taxes_included else tax
