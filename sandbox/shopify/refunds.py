"""Money going back: the guards of refundCreate, the refund record, its transactions and how they settle.

A refund stands as soon as it is created; its money moves when a transaction succeeds. Nothing is written before every
guard has passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.shopify import records as r
from sandbox.shopify.books import STORE_CREDIT, Books, refuse
from sandbox.shopify.money import parse, shown
from sandbox.shopify.suggestion import Suggestion, Wanted, shipping_left, suggest

_NOT_A_PARENT = "Transactions require a parent_id associated with the order"


@dataclass(frozen=True, slots=True)
class Payout:
    """Money to send: on a payment, or to the customer's store credit when `parent` is None."""

    parent: r.Transaction | None
    amount: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundPlan:
    order: r.Order
    suggestion: Suggestion
    payouts: tuple[Payout, ...]
    note: str | None = None
    return_id: str | None = None
    reason: str | None = None
    staff: int | None = None
    processed_at: datetime | None = None


def create_refund(books: Books, given: Mapping[str, Any], staff: int | None = None) -> r.Refund:
    """refundCreate: `given` is a RefundInput. Raises Refused with messages as recorded."""
    order = books.orders.get(given["orderId"])
    if order is None:
        raise refuse(("orderId",), "Order does not exist")
    _check_currency(order, given.get("currency"))
    wanted = _wanted_lines(books, order, given.get("refundLineItems") or ())
    shipping = _shipping_amount(books, order, given.get("shipping") or {})
    suggestion = suggest(books, order, wanted, shipping, given.get("refundDuties") or ())
    payouts = _payouts(books, order, given)
    check_payouts(books, order, payouts, allow_over=bool(given.get("allowOverRefunding")))
    plan = RefundPlan(
        order=order,
        suggestion=suggestion,
        payouts=payouts,
        note=given.get("note"),
        reason=given.get("discrepancyReason"),
        staff=staff,
        processed_at=given.get("processedAt"),
    )
    return carry_out(books, plan)


def _check_currency(order: r.Order, currency: str | None) -> None:
    wanted = order.currencies.presentment
    if currency is None and wanted != order.currencies.shop:
        raise refuse(("currency",), "Currency is required for an order in more than one currency")
    if currency is not None and currency != wanted:
        raise refuse(("currency",), f"Currency must be the order's presentment currency {wanted}")


def _wanted_lines(books: Books, order: r.Order, given: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    used: dict[str, int] = {}
    wanted = []
    for index, item in enumerate(given):
        field = ("refundLineItems", str(index))
        line = order.line(item["lineItemId"])
        if line is None:
            raise refuse((*field, "lineItemId"), "Line item does not exist")
        if item.get("restockType") == "LEGACY_RESTOCK":
            raise refuse((*field, "restockType"), "Legacy restock is not a valid restock type")
        left = books.refundable_quantity(order.id, line) - used.get(line.id, 0)
        if item["quantity"] > left:
            raise refuse((*field, "quantity"), "Quantity cannot refund more items than were purchased")
        if item["quantity"] < 1:
            raise refuse((*field, "quantity"), "Quantity must be greater than 0")
        used[line.id] = used.get(line.id, 0) + item["quantity"]
        wanted.append(Wanted(line, item["quantity"], item.get("restockType") or "NO_RESTOCK", item.get("locationId")))
    return wanted


def _shipping_amount(books: Books, order: r.Order, given: Mapping[str, Any]) -> int:
    left = shipping_left(books, order)
    if given.get("fullRefund"):
        return left
    if given.get("amount") is None:
        return 0
    amount = _amount(given["amount"], order, ("shipping", "amount"))
    if amount > left:
        shown_left = shown(left, order.currencies.presentment)
        raise refuse(("shipping", "amount"), f"Shipping refund amount is greater than the {shown_left} left to refund")
    return amount


def _amount(value: object, order: r.Order, field: tuple[str, ...]) -> int:
    try:
        return parse(value, order.currencies.presentment)
    except ValueError as error:
        raise refuse(field, f"Amount is invalid: {error}") from None


def _payouts(books: Books, order: r.Order, given: Mapping[str, Any]) -> tuple[Payout, ...]:
    payouts = []
    for item in given.get("transactions") or ():
        if item["kind"] != "REFUND":
            raise refuse(None, f"Kind {item['kind'].lower()} is not a valid transaction")
        payouts.append(
            Payout(parent_of(books, order, item.get("parentId")), _amount(item["amount"], order, ("transactions",)))
        )
    return (*payouts, *store_credit_payouts(order, given.get("refundMethods") or ()))


def parent_of(books: Books, order: r.Order, parent_id: str | None) -> r.Transaction:
    parents = {item.id: item for item in books.paid(order.id)}
    if parent_id not in parents:
        raise refuse(("transactions",), _NOT_A_PARENT, "INVALID")
    return parents[parent_id]


def store_credit_payouts(order: r.Order, methods: Sequence[Mapping[str, Any]]) -> tuple[Payout, ...]:
    payouts = []
    for method in methods:
        credit = method.get("storeCreditRefund")
        if credit is None:
            continue
        if order.customer is None:
            raise refuse(("refundMethods",), "Store credit needs an order with a customer", "INVALID")
        check_money(order, credit["amount"], ("refundMethods",))
        amount = _amount(credit["amount"]["amount"], order, ("refundMethods",))
        payouts.append(Payout(None, amount, credit.get("expiresAt")))
    return tuple(payouts)


def check_money(order: r.Order, money: Mapping[str, Any], field: tuple[str, ...]) -> None:
    if money["currencyCode"] != order.currencies.presentment:
        raise refuse(field, f"Currency must be {order.currencies.presentment}", "INVALID")


def check_payouts(books: Books, order: r.Order, payouts: Sequence[Payout], *, allow_over: bool) -> None:
    """Over-refund guard. `allow_over` lifts the order's limit, never that of one payment (as recorded)."""
    currency = order.currencies.presentment
    net = books.net_payment(order.id)
    total = sum(payout.amount for payout in payouts)
    if any(payout.amount <= 0 for payout in payouts):
        raise refuse(("transactions",), "Transactions amount must be greater than 0", "INVALID")
    if total > net and not allow_over:
        raise refuse(None, _too_much(total, net, currency), "INVALID")
    by_parent: dict[str, int] = {}
    for payout in payouts:
        if payout.parent is None:
            continue
        by_parent[payout.parent.id] = by_parent.get(payout.parent.id, 0) + payout.amount
        if by_parent[payout.parent.id] > books.left_of(payout.parent):
            raise refuse(
                None, _too_much(by_parent[payout.parent.id], books.left_of(payout.parent), currency), "INVALID"
            )


def _too_much(amount: int, net: int, currency: str) -> str:
    return f"Refund amount {shown(amount, currency)} is greater than net payment received {shown(net, currency)}"


def carry_out(books: Books, plan: RefundPlan) -> r.Refund:
    """Write the refund, its transactions, and say so. The caller has checked everything."""
    now = books.clock()
    order = plan.order
    paid = sum(payout.amount for payout in plan.payouts)
    refund = r.Refund(
        id=books.ids.gid("Refund"),
        order=order.id,
        return_id=plan.return_id,
        note=plan.note,
        staff=plan.staff,
        created_at=now,
        processed_at=plan.processed_at or now,
        updated_at=now,
        lines=_refund_lines(books, plan.suggestion),
        shipping=_shipping_parts(books, order, plan.suggestion),
        duties=plan.suggestion.duties,
        adjustments=_adjustments(books, plan, paid),
    )
    books.refunds[refund.id] = refund
    books.announce("refunds/create", refund.id)
    for payout in plan.payouts:
        _start_transaction(books, order, refund, payout)
    books.touch(order.id)
    return refund


def _refund_lines(books: Books, suggestion: Suggestion) -> tuple[r.RefundLine, ...]:
    return tuple(
        r.RefundLine(
            id=books.ids.gid("RefundLineItem"),
            line=share.line.id,
            quantity=share.quantity,
            restock_type=share.restock_type,
            location=share.location,
            subtotal=share.subtotal,
            tax=share.tax,
        )
        for share in suggestion.lines
        if share.quantity
    )


def _shipping_parts(books: Books, order: r.Order, suggestion: Suggestion) -> tuple[r.RefundShipping, ...]:
    amount, tax = suggestion.shipping.amount, suggestion.shipping.tax
    parts = []
    for item in order.shipping:
        taken = min(amount, item.discounted - books.refunded_shipping(order.id, item.id))
        if taken > 0:
            last = taken == amount
            part_tax = tax if last else 0
            parts.append(r.RefundShipping(books.ids.gid("RefundShippingLine"), item.id, taken, part_tax))
            amount, tax = amount - taken, tax - part_tax
    return tuple(parts)


def _adjustments(books: Books, plan: RefundPlan, paid: int) -> tuple[r.Adjustment, ...]:
    gap = plan.suggestion.value - paid
    if gap == 0:
        return ()
    reason = plan.reason if plan.reason not in (None, "OTHER") else "REFUND_DISCREPANCY"
    return (r.Adjustment(books.ids.gid("OrderAdjustment"), gap, str(reason)),)


def _start_transaction(books: Books, order: r.Order, refund: r.Refund, payout: Payout) -> None:
    now = books.clock()
    credit = payout.parent is None
    answer = books.settlement()
    pending = answer.seconds > 0 and not credit
    status = "SUCCESS" if credit else ("PENDING" if pending else answer.status)
    transaction = r.Transaction(
        id=books.ids.gid("OrderTransaction"),
        order=order.id,
        kind="REFUND",
        status=status,
        gateway=payout.parent.gateway if payout.parent else STORE_CREDIT,
        amount=payout.amount,
        shop_amount=order.currencies.to_shop(payout.amount),
        created_at=now,
        processed_at=None if pending else now,
        parent=payout.parent.id if payout.parent else None,
        refund=refund.id,
        error_code=answer.error_code if status in ("FAILURE", "ERROR") else None,
        due=now + timedelta(seconds=answer.seconds) if pending else None,
        outcome=answer.status,
        outcome_code=answer.error_code,
    )
    books.transactions[transaction.id] = transaction
    if not pending:
        books.announce("order_transactions/create", transaction.id)
    if credit and order.customer is not None:
        currency = order.currencies.presentment
        books.credits.append(r.Credit(order.customer, currency, payout.amount, now, transaction.id, payout.expires_at))


def settle_due(books: Books, now: datetime) -> None:
    """Pending transactions whose provider has answered by now."""
    for transaction in list(books.transactions.values()):
        if transaction.status == "PENDING" and transaction.due is not None and transaction.due <= now:
            settle(books, transaction.id, transaction.outcome, transaction.outcome_code)


def settle(books: Books, transaction_id: str, status: str, error_code: str | None = None) -> None:
    """The provider's answer. A failure gives the payment its money back and leaves the refund's lines as they are."""
    transaction = books.transactions[transaction_id]
    failed = status in ("FAILURE", "ERROR")
    books.transactions[transaction_id] = replace(
        transaction,
        status=status,
        processed_at=books.clock(),
        due=None,
        error_code=(error_code or "GENERIC_ERROR") if failed else None,
    )
    if transaction.refund is not None:
        books.refunds[transaction.refund] = replace(books.refunds[transaction.refund], updated_at=books.clock())
    books.announce("order_transactions/create", transaction_id)
    books.touch(transaction.order)
