"""The books of a shop in plain figures, to hold against another system's books to the cent."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.shopify import records as r
from sandbox.shopify.books import Books


@dataclass(frozen=True, slots=True)
class PaymentSummary:
    """`refunded` has gone back, `pending` is on its way."""

    id: str
    gateway: str
    amount: int
    refunded: int
    pending: int


@dataclass(frozen=True, slots=True)
class LineSummary:
    id: str
    sku: str
    quantity: int
    fulfilled: int
    refunded: int


@dataclass(frozen=True, slots=True)
class RefundSummary:
    """`amount` counts successful transactions, `pending` those on their way; `lines` maps SKU to units."""

    id: str
    amount: int
    pending: int
    failed: int
    lines: dict[str, int]
    return_id: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class ReturnSummary:
    id: str
    name: str
    status: str
    quantity: int
    processed: int
    refunded: int


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """Minor units of `currency`, the buyer's."""

    id: str
    name: str
    currency: str
    captured: int
    refunded: int
    pending: int
    cancelled: bool
    payments: tuple[PaymentSummary, ...]
    lines: dict[str, LineSummary]
    refunds: tuple[RefundSummary, ...]
    returns: tuple[ReturnSummary, ...]


def _sum(transactions: list[r.Transaction], *statuses: str) -> int:
    return sum(item.amount for item in transactions if item.status in statuses)


def _payment(books: Books, payment: r.Transaction) -> PaymentSummary:
    back = [item for item in books.transactions_of(payment.order) if item.parent == payment.id]
    refunded = _sum([item for item in back if item.kind == "REFUND"], "SUCCESS")
    return PaymentSummary(
        payment.id, payment.gateway, payment.amount, refunded, payment.amount - books.left_of(payment) - refunded
    )


def _refund(books: Books, order: r.Order, refund: r.Refund) -> RefundSummary:
    transactions = books.refund_transactions(refund.id)
    units: dict[str, int] = {}
    for line in refund.lines:
        ordered = order.line(line.line)
        if ordered is not None:
            units[ordered.sku] = units.get(ordered.sku, 0) + line.quantity
    return RefundSummary(
        id=refund.id,
        amount=_sum(transactions, "SUCCESS"),
        pending=_sum(transactions, "PENDING", "AWAITING_RESPONSE", "UNKNOWN"),
        failed=_sum(transactions, "FAILURE", "ERROR"),
        lines=units,
        return_id=refund.return_id,
        note=refund.note,
    )


def _returns(books: Books, order: r.Order) -> tuple[ReturnSummary, ...]:
    return tuple(
        ReturnSummary(
            id=item.id,
            name=item.name,
            status=item.status,
            quantity=sum(line.quantity for line in item.lines),
            processed=sum(line.processed for line in item.lines),
            refunded=sum(line.refunded for line in item.lines),
        )
        for item in books.returns_of(order.id)
    )


def summarise(books: Books, order: r.Order) -> OrderSummary:
    lines = {
        line.sku: LineSummary(
            id=line.id,
            sku=line.sku,
            quantity=line.quantity,
            fulfilled=books.fulfilled_quantity(order.id, line.id),
            refunded=books.refunded_quantity(order.id, line.id),
        )
        for line in order.lines
    }
    refunded = books.refunded(order.id)
    return OrderSummary(
        id=order.id,
        name=order.name,
        currency=order.currencies.presentment,
        captured=books.received(order.id),
        refunded=refunded,
        pending=books.committed(order.id) - refunded,
        cancelled=order.cancelled_at is not None,
        payments=tuple(_payment(books, payment) for payment in books.paid(order.id)),
        lines=lines,
        refunds=tuple(_refund(books, order, refund) for refund in books.refunds_of(order.id)),
        returns=_returns(books, order),
    )
