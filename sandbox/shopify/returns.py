"""The life of a return: requested, approved or declined, opened, cut, cancelled, closed, reopened.

Messages and codes are Shopify's where a recording shows them; nothing here moves the order's `updatedAt`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.shopify import records as r
from sandbox.shopify import return_records as rr
from sandbox.shopify.books import Books, Refused, UserError, refuse
from sandbox.shopify.money import parse
from sandbox.shopify.refunds import check_money

_CUSTOMER_NOTE = 300
_REASON_NOTE = 255
_DECLINE_NOTE = 500


@dataclass(frozen=True, slots=True)
class Door:
    """Which mutation is asking: its argument's name, and how strict it is about reasons."""

    root: str
    by_merchant: bool


REQUEST = Door("input", by_merchant=False)
CREATE = Door("returnInput", by_merchant=True)


def request_return(books: Books, given: Mapping[str, Any]) -> rr.Return:
    """returnRequest: a REQUESTED return that a merchant must approve or decline."""
    made = _build(books, REQUEST, given, status="REQUESTED")
    books.announce("returns/request", made.id)
    return made


def create_return(books: Books, given: Mapping[str, Any], *, announce: bool = False) -> rr.Return:
    """returnCreate: OPEN at once; an archived order is unarchived. No topic is known to follow it for certain."""
    made = _build(books, CREATE, given, status="OPEN")
    order = books.orders[made.order]
    if order.closed_at is not None and order.cancelled_at is None:
        books.orders[order.id] = replace(order, closed_at=None)
        books.touch(order.id)
    open_reverse_order(books, made)
    if announce:
        books.announce("returns/approve", made.id)
    return made


def _build(books: Books, door: Door, given: Mapping[str, Any], status: str) -> rr.Return:
    order = books.orders.get(given["orderId"])
    if order is None:
        raise refuse((door.root, "orderId"), "Order not found.", "NOT_FOUND")
    lines = _return_lines(
        books, door, order, given["returnLineItems"], with_exchange=bool(given.get("exchangeLineItems"))
    )
    exchanges = _exchange_lines(books, door, given.get("exchangeLineItems") or ())
    fees = _fees(books, door, order, given.get("returnShippingFee"))
    now = books.clock()
    made = rr.Return(
        id=books.ids.gid("Return"),
        order=order.id,
        name=f"{order.name}-R{len(books.returns_of(order.id)) + 1}",
        status=status,
        lines=lines,
        exchanges=exchanges,
        fees=fees,
        created_at=_moment(given.get("requestedAt"), now),
    )
    books.returns[made.id] = made
    return made


def _moment(given: datetime | None, now: datetime) -> datetime:
    return given if given is not None else now


def _return_lines(
    books: Books, door: Door, order: r.Order, given: Sequence[Mapping[str, Any]], *, with_exchange: bool
) -> tuple[rr.ReturnLine, ...]:
    if not given and not with_exchange:
        raise refuse((door.root, "returnLineItems"), "The array cannot be empty.", "BLANK")
    used: dict[str, int] = {}
    lines = []
    for index, item in enumerate(given):
        field = (door.root, "returnLineItems", str(index))
        _check_line(books, order, item, field, used)
        reason, definition = _reason(books, door, item, field)
        fee = (item.get("restockingFee") or {}).get("percentage")
        lines.append(
            rr.ReturnLine(
                id=books.ids.gid("ReturnLineItem"),
                fulfillment_line=item["fulfillmentLineItemId"],
                quantity=item["quantity"],
                reason=reason,
                reason_definition=definition,
                reason_note=item.get("returnReasonNote") or "",
                customer_note=item.get("customerNote"),
                fee_id=None if fee is None else books.ids.gid("Fee"),
                fee_percentage=Decimal(str(fee or 0)),
            )
        )
    return tuple(lines)


def _check_line(
    books: Books, order: r.Order, item: Mapping[str, Any], field: tuple[str, ...], used: dict[str, int]
) -> None:
    found = books.fulfillment_line(item["fulfillmentLineItemId"])
    if found is None or found[0].order != order.id:
        raise refuse((*field, "fulfillmentLineItemId"), "Fulfillment line item not found.", "NOT_FOUND")
    parcel_line = found[1]
    left = books.returnable(order.id, parcel_line) - used.get(parcel_line.line, 0)
    if not 1 <= item["quantity"] <= left:
        raise refuse((*field, "quantity"), "Return line items quantity is not available to return.", "INVALID")
    used[parcel_line.line] = used.get(parcel_line.line, 0) + item["quantity"]
    for name, limit in (("customerNote", _CUSTOMER_NOTE), ("returnReasonNote", _REASON_NOTE)):
        if len(item.get(name) or "") > limit:
            raise refuse((*field, name), f"{name} is too long (maximum is {limit} characters)", "TOO_LONG")


def _reason(books: Books, door: Door, item: Mapping[str, Any], field: tuple[str, ...]) -> tuple[str, str | None]:
    reason, definition = item.get("returnReason"), item.get("returnReasonDefinitionId")
    if definition is not None:
        known = books.reasons.get(definition)
        if known is None or known.deleted:
            raise refuse((*field, "returnReasonDefinitionId"), "Return reason definition not found.", "NOT_FOUND")
        return known.legacy, known.id
    if reason is None:
        raise _no_reason(door, field)
    if door.by_merchant and reason == "OTHER" and not (item.get("returnReasonNote") or "").strip():
        text = 'Return line items return reason note The note is required when the return reason is "Other"'
        raise refuse((*field, "returnReasonNote"), text, "BLANK")
    legacy = next((entry.id for entry in books.reasons.values() if entry.legacy == reason), None)
    return reason, legacy


def _no_reason(door: Door, field: tuple[str, ...]) -> Refused:
    if door.by_merchant:
        text = "Return line items Either return reason or return reason definition must be provided"
        return refuse(field, text, "NOT_FOUND")
    return refuse((*field, "returnReason"), "Return reason can't be blank", "BLANK")


def _exchange_lines(books: Books, door: Door, given: Sequence[Mapping[str, Any]]) -> tuple[rr.ExchangeLine, ...]:
    lines = []
    for index, item in enumerate(given):
        field = (door.root, "exchangeLineItems", str(index))
        if item.get("variantId") not in books.variants:
            raise refuse((*field, "variantId"), "Variant not found.", "NOT_FOUND")
        if item["quantity"] < 1:
            raise refuse((*field, "quantity"), "Quantity must be greater than 0", "GREATER_THAN")
        lines.append(rr.ExchangeLine(books.ids.gid("ExchangeLineItem"), item["variantId"], item["quantity"]))
    return tuple(lines)


def _fees(books: Books, door: Door, order: r.Order, given: Mapping[str, Any] | None) -> tuple[rr.ShippingFee, ...]:
    if given is None:
        return ()
    field = (door.root, "returnShippingFee", "amount")
    check_money(order, given["amount"], field)
    try:
        amount = parse(given["amount"]["amount"], order.currencies.presentment)
    except ValueError as error:
        raise refuse(field, f"Amount is invalid: {error}", "INVALID") from None
    return (rr.ShippingFee(books.ids.gid("Fee"), amount),)


def open_reverse_order(books: Books, item: rr.Return) -> None:
    lines = tuple(
        rr.ReverseLine(
            id=books.ids.gid("ReverseFulfillmentOrderLineItem"),
            fulfillment_line=line.fulfillment_line,
            return_line=line.id,
            quantity=line.quantity,
        )
        for line in item.lines
    )
    made = rr.ReverseOrder(books.ids.gid("ReverseFulfillmentOrder"), item.order, item.id, "OPEN", lines)
    books.reverse_orders[made.id] = made


# Decisions


def _find(books: Books, return_id: str, field: tuple[str, ...]) -> rr.Return:
    item = books.returns.get(return_id)
    if item is None:
        raise refuse(field, "Return not found.", "NOT_FOUND")
    return item


def approve(books: Books, return_id: str) -> rr.Return:
    field = ("input", "id")
    item = _find(books, return_id, field)
    if item.status != "REQUESTED":
        text = "Return is not approvable. Only returns with status REQUESTED can be approved."
        raise refuse(field, text, "INVALID_STATE")
    approved = replace(item, status="OPEN", approved_at=books.clock())
    books.returns[item.id] = approved
    open_reverse_order(books, approved)
    books.announce("returns/approve", item.id)
    return approved


def decline(books: Books, return_id: str, reason: str, note: str | None) -> rr.Return:
    field = ("input", "id")
    item = _find(books, return_id, field)
    if item.status == "DECLINED":
        raise refuse(field, "The return is already declined.", "INVALID_STATE")
    if item.status != "REQUESTED":
        text = "Return is not declinable. Only non-refunded returns with status REQUESTED can be declined."
        raise refuse(field, text, "INVALID_STATE")
    if len(note or "") > _DECLINE_NOTE:
        text = f"Decline note is too long (maximum is {_DECLINE_NOTE} characters)"
        raise refuse(("input", "declineNote"), text, "TOO_LONG")
    declined = replace(item, status="DECLINED", decline_reason=reason, decline_note=note)
    books.returns[item.id] = declined
    books.announce("returns/decline", item.id)
    return declined


def _wrong_state() -> Refused:
    return Refused(UserError(("id",), "Return status is invalid.", "INVALID_STATE"))


def _set_reverse_status(books: Books, return_id: str, status: str) -> None:
    for reverse in books.reverse_orders_of(return_id):
        books.reverse_orders[reverse.id] = replace(reverse, status=status)


def close(books: Books, return_id: str) -> rr.Return:
    """A repeat succeeds and changes nothing."""
    item = _find(books, return_id, ("id",))
    if item.status == "CLOSED":
        return item
    if item.status != "OPEN":
        raise _wrong_state()
    closed = replace(item, status="CLOSED", closed_at=books.clock())
    books.returns[item.id] = closed
    _set_reverse_status(books, item.id, "CLOSED")
    books.announce("returns/close", item.id)
    return closed


def reopen(books: Books, return_id: str) -> rr.Return:
    """A repeat succeeds and changes nothing."""
    item = _find(books, return_id, ("id",))
    if item.status == "OPEN":
        return item
    if item.status != "CLOSED":
        raise _wrong_state()
    reopened = replace(item, status="OPEN", closed_at=None)
    books.returns[item.id] = reopened
    _set_reverse_status(books, item.id, "OPEN")
    books.announce("returns/reopen", item.id)
    return reopened


def _work_done(books: Books, item: rr.Return) -> bool:
    disposed = any(line.disposed for reverse in books.reverse_orders_of(item.id) for line in reverse.lines)
    exchanged = any(line.processed for line in item.exchanges)
    return disposed or exchanged or any(line.processed or line.refunded for line in item.lines)


def cancel(books: Books, return_id: str, *, by_buyer: bool = False) -> rr.Return:
    """returnCancel: before any work; a repeat succeeds. A buyer may take back a request that is not approved yet."""
    item = _find(books, return_id, ("id",))
    if item.status == "CANCELED":
        return item
    allowed = ("REQUESTED",) if by_buyer else ("OPEN",)
    if item.status not in allowed or _work_done(books, item):
        raise _wrong_state()
    cancelled = replace(item, status="CANCELED")
    books.returns[item.id] = cancelled
    _set_reverse_status(books, item.id, "CANCELED")
    books.announce("returns/cancel", item.id)
    return cancelled


def remove_lines(
    books: Books, return_id: str, given: Sequence[Mapping[str, Any]], exchanges: Sequence[Mapping[str, Any]]
) -> rr.Return:
    """removeFromReturn: a return with nothing left is closed."""
    item = _find(books, return_id, ("returnId",))
    if item.status != "OPEN":
        raise refuse(("returnId",), "Return status is invalid.", "INVALID_STATE")
    gone = _removals(item, given)
    gone_exchanges = _exchange_removals(item, exchanges)
    lines = tuple(replace(line, quantity=line.quantity - gone.get(line.id, 0)) for line in item.lines)
    swaps = tuple(replace(line, quantity=line.quantity - gone_exchanges.get(line.id, 0)) for line in item.exchanges)
    left = replace(
        item,
        lines=tuple(line for line in lines if line.quantity > 0),
        exchanges=tuple(line for line in swaps if line.quantity > 0),
    )
    books.returns[item.id] = left
    _cut_reverse_lines(books, item.id, gone)
    books.announce("returns/update", item.id, tuple(gone.items()))
    return close(books, item.id) if not left.lines and not left.exchanges else left


def _removals(item: rr.Return, given: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    gone: dict[str, int] = {}
    for index, entry in enumerate(given):
        field = ("returnLineItems", str(index))
        line = item.line(entry["returnLineItemId"])
        if line is None:
            raise refuse((*field, "returnLineItemId"), "Return line item not found.", "NOT_FOUND")
        left = line.quantity - line.processed - gone.get(line.id, 0)
        if not 1 <= entry["quantity"] <= left:
            raise refuse((*field, "quantity"), "Quantity is greater than the removable quantity.", "INVALID")
        gone[line.id] = gone.get(line.id, 0) + entry["quantity"]
    return gone


def _exchange_removals(item: rr.Return, given: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    lines = {line.id: line for line in item.exchanges}
    gone: dict[str, int] = {}
    for index, entry in enumerate(given):
        field = ("exchangeLineItems", str(index))
        line = lines.get(entry["exchangeLineItemId"])
        if line is None:
            raise refuse((*field, "exchangeLineItemId"), "Exchange line item not found.", "NOT_FOUND")
        if not 1 <= entry["quantity"] <= line.quantity - line.processed:
            raise refuse((*field, "quantity"), "Quantity is greater than the removable quantity.", "INVALID")
        gone[line.id] = entry["quantity"]
    return gone


def _cut_reverse_lines(books: Books, return_id: str, gone: Mapping[str, int]) -> None:
    for reverse in books.reverse_orders_of(return_id):
        lines = (replace(line, quantity=line.quantity - gone.get(line.return_line, 0)) for line in reverse.lines)
        kept = tuple(line for line in lines if line.quantity > 0)
        books.reverse_orders[reverse.id] = replace(reverse, lines=kept)
