"""returnProcess: confirm what came back, put the goods where they belong, and refund if asked to.

It pays only when `financialTransfer.issueRefund` is given, knows no idempotency, and leaves the return OPEN.
The note given here stays with the return; the refund it makes carries none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.shopify import records as r
from sandbox.shopify import return_records as rr
from sandbox.shopify.books import Books, Refused, UserError, refuse
from sandbox.shopify.money import half_up, parse, tax_share
from sandbox.shopify.refunds import (
    Payout,
    RefundPlan,
    carry_out,
    check_money,
    check_payouts,
    parent_of,
    store_credit_payouts,
)
from sandbox.shopify.reverse import apply_dispositions, check_dispositions
from sandbox.shopify.suggestion import Outcome, return_outcome, shipping_left

_ISSUE = ("input", "financialTransfer", "issueRefund")


@dataclass(frozen=True, slots=True)
class _Work:
    item: rr.Return
    lines: tuple[tuple[rr.ReturnLine, int], ...]
    exchanges: tuple[tuple[rr.ExchangeLine, int], ...]
    dispositions: tuple[Mapping[str, Any], ...]
    note: str | None


def process(books: Books, given: Mapping[str, Any]) -> rr.Return:
    """`given` is a ReturnProcessInput. Raises Refused before anything is written."""
    work = _read(books, given)
    order = books.orders[work.item.order]
    transfer = (given.get("financialTransfer") or {}).get("issueRefund")
    plan = None
    if transfer is not None:
        shipping = shipping_amount(books, order, given.get("refundShipping"))
        outcome = return_outcome(
            books, work.item, work.lines, work.exchanges, shipping, given.get("refundDuties") or ()
        )
        plan = _refund_plan(books, order, work, transfer, outcome)
    _confirm(books, work, paid=plan is not None)
    books.announce("returns/process", work.item.id)
    if plan is not None:
        carry_out(books, plan)
    return books.returns[work.item.id]


def _read(books: Books, given: Mapping[str, Any]) -> _Work:
    item = books.returns.get(given["returnId"])
    if item is None:
        raise refuse(("input", "returnId"), "Return not found.", "NOT_FOUND")
    if item.status != "OPEN":
        raise refuse(("input", "returnId"), "Return status is invalid.", "INVALID_STATE")
    if given.get("tipLineId") is not None:
        raise refuse(("input", "tipLineId"), "Tip line item not found.", "NOT_FOUND")
    entries = given.get("returnLineItems") or ()
    lines = return_lines(item, entries, ("input", "returnLineItems"))
    exchanges = exchange_lines(item, given.get("exchangeLineItems") or (), ("input", "exchangeLineItems"))
    if not lines and not exchanges and not given.get("financialTransfer"):
        raise refuse(("input",), "There is nothing to process.", "INVALID")
    dispositions = tuple(entry for line in entries for entry in line.get("dispositions") or ())
    if dispositions:
        check_dispositions(books, dispositions, ("input", "returnLineItems"))
    return _Work(item, lines, exchanges, dispositions, given.get("note"))


def return_lines(
    item: rr.Return, given: Sequence[Mapping[str, Any]], root: tuple[str, ...], *, unprocessed: bool = True
) -> tuple[tuple[rr.ReturnLine, int], ...]:
    """Each line with the quantity asked for; refused beyond what is still processable."""
    used: dict[str, int] = {}
    lines = []
    for index, entry in enumerate(given):
        line = item.line(entry["id"])
        if line is None:
            raise refuse((*root, str(index), "id"), "Return line item not found.", "NOT_FOUND")
        left = line.quantity - (line.processed if unprocessed else 0) - used.get(line.id, 0)
        if not 1 <= entry["quantity"] <= left:
            text = "Quantity is greater than the processable quantity."
            raise refuse((*root, str(index), "quantity"), text, "INVALID")
        used[line.id] = used.get(line.id, 0) + entry["quantity"]
        lines.append((line, entry["quantity"]))
    return tuple(lines)


def exchange_lines(
    item: rr.Return, given: Sequence[Mapping[str, Any]], root: tuple[str, ...]
) -> tuple[tuple[rr.ExchangeLine, int], ...]:
    known = {line.id: line for line in item.exchanges}
    lines = []
    for index, entry in enumerate(given):
        line = known.get(entry["id"])
        if line is None:
            raise refuse((*root, str(index), "id"), "Exchange line item not found.", "NOT_FOUND")
        if not 1 <= entry["quantity"] <= line.quantity - line.processed:
            text = "Quantity is greater than the processable quantity."
            raise refuse((*root, str(index), "quantity"), text, "INVALID")
        lines.append((line, entry["quantity"]))
    return tuple(lines)


def shipping_amount(books: Books, order: r.Order, given: Mapping[str, Any] | None) -> int:
    """A RefundShippingInput as minor units."""
    if given is None:
        return 0
    left = shipping_left(books, order)
    if given.get("fullRefund"):
        return left
    money = given.get("shippingRefundAmount")
    if money is None:
        return 0
    field = ("input", "refundShipping", "shippingRefundAmount")
    check_money(order, money, field)
    amount = _minor(money, order, field)
    if amount > left:
        raise refuse(field, "Shipping refund amount is greater than what is left to refund.", "LESS_THAN_OR_EQUAL_TO")
    return amount


def _minor(money: Mapping[str, Any], order: r.Order, field: tuple[str, ...]) -> int:
    try:
        return parse(money["amount"], order.currencies.presentment)
    except ValueError as error:
        raise refuse(field, f"Amount is invalid: {error}", "INVALID") from None


def _refund_plan(
    books: Books, order: r.Order, work: _Work, transfer: Mapping[str, Any], outcome: Outcome
) -> RefundPlan:
    try:
        payouts = _payouts(books, order, transfer)
        check_payouts(books, order, payouts, allow_over=bool(transfer.get("allowOverRefunding")))
    except Refused as refused:
        # refundCreate's guards name its own fields; here they stand under issueRefund
        raise Refused(
            *(UserError((*_ISSUE, "orderTransactions"), error.message, error.code) for error in refused.errors)
        ) from None
    return RefundPlan(order=order, suggestion=outcome.suggestion, payouts=payouts, return_id=work.item.id)


def _payouts(books: Books, order: r.Order, transfer: Mapping[str, Any]) -> tuple[Payout, ...]:
    payouts = []
    for entry in transfer["orderTransactions"]:
        money = entry["transactionAmount"]
        check_money(order, money, (*_ISSUE, "orderTransactions"))
        payouts.append(
            Payout(parent_of(books, order, entry["parentId"]), _minor(money, order, (*_ISSUE, "orderTransactions")))
        )
    return (*payouts, *store_credit_payouts(order, transfer.get("refundMethods") or ()))


def _confirm(books: Books, work: _Work, *, paid: bool) -> None:
    done: dict[str, int] = {}
    for line, quantity in work.lines:
        done[line.id] = done.get(line.id, 0) + quantity
    lines = tuple(
        replace(
            line,
            processed=line.processed + done.get(line.id, 0),
            refunded=line.refunded + (done.get(line.id, 0) if paid else 0),
        )
        for line in work.item.lines
    )
    fees = tuple(replace(fee, charged=fee.charged or paid) for fee in work.item.fees)
    exchanged = {line.id: quantity for line, quantity in work.exchanges}
    swaps = tuple(_ship_exchange(books, work.item, line, exchanged.get(line.id, 0)) for line in work.item.exchanges)
    books.returns[work.item.id] = replace(
        work.item, lines=lines, fees=fees, exchanges=swaps, process_note=work.note or work.item.process_note
    )
    if work.dispositions:
        apply_dispositions(books, work.dispositions)


def _ship_exchange(books: Books, item: rr.Return, line: rr.ExchangeLine, quantity: int) -> rr.ExchangeLine:
    """The exchanged goods become a new line of the order."""
    if quantity == 0:
        return line
    order = books.orders[item.order]
    variant = books.variants[line.variant]
    price = order.currencies.to_presentment(variant.price)
    goods = price * quantity
    rate = variant.tax_rate
    tax = half_up(goods * tax_share(rate, included=order.taxes_included))
    added = r.Line(
        id=books.ids.gid("LineItem"),
        sku=variant.sku,
        title=variant.title,
        quantity=quantity,
        unit_price=price,
        variant=variant.id,
        taxes=(r.Tax("VAT", rate, tax),) if rate else (),
    )
    books.orders[order.id] = replace(order, lines=(*order.lines, added))
    books.touch(order.id)
    return replace(line, processed=line.processed + quantity, lines=(*line.lines, added.id))
