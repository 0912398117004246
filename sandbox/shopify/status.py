"""The aggregated states of an order, as Shopify derives them from money, parcels and returns."""

from __future__ import annotations

from sandbox.shopify import records as r
from sandbox.shopify.books import Books


def return_status(books: Books, order_id: str) -> str:
    """A prioritised aggregate: a request outranks a return in progress, which outranks a finished one."""
    found = books.returns_of(order_id)
    statuses = {item.status for item in found}
    if "REQUESTED" in statuses:
        return "RETURN_REQUESTED"
    if "OPEN" in statuses:
        return "INSPECTION_COMPLETE" if _all_inspected(books, order_id) else "IN_PROGRESS"
    return "RETURNED" if "CLOSED" in statuses else "NO_RETURN"


def _all_inspected(books: Books, order_id: str) -> bool:
    lines = [
        line
        for item in books.returns_of(order_id)
        if item.status == "OPEN"
        for reverse in books.reverse_orders_of(item.id)
        for line in reverse.lines
    ]
    return bool(lines) and all(line.disposed >= line.quantity for line in lines)


def financial_status(books: Books, order: r.Order) -> str | None:
    """None for an order nobody has tried to pay, as recorded."""
    if not books.transactions_of(order.id):
        return None
    received, refunded = books.received(order.id), books.refunded(order.id)
    if received == 0:
        return "VOIDED" if order.cancelled_at is not None else "PENDING"
    if refunded >= received:
        return "REFUNDED"
    if refunded > 0:
        return "PARTIALLY_REFUNDED"
    return "PAID" if received >= books.order_total(order) else "PARTIALLY_PAID"


def fulfillment_status(books: Books, order: r.Order) -> str:
    shipped = sum(books.fulfilled_quantity(order.id, line.id) for line in order.lines)
    left = sum(books.refundable_quantity(order.id, line) for line in order.lines)
    open_units = sum(
        max(0, books.refundable_quantity(order.id, line) - books.fulfilled_quantity(order.id, line.id))
        for line in order.lines
    )
    if shipped == 0:
        return "UNFULFILLED" if left or order.cancelled_at is None else "RESTOCKED"
    return "PARTIALLY_FULFILLED" if open_units else "FULFILLED"
