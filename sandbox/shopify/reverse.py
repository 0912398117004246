"""The goods on their way back: labels and tracking, and what became of each unit.

One reverse fulfilment order per call; a custom item cannot be restocked; a disposition never closes anything by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sandbox.shopify import return_records as rr
from sandbox.shopify.books import Books, refuse


def check_dispositions(books: Books, given: Sequence[Mapping[str, Any]], root: tuple[str, ...]) -> rr.ReverseOrder:
    """Raises Refused as recorded; an unknown line reads as a second reverse fulfilment order."""
    if not given:
        raise refuse(root, "The array cannot be empty.", "BLANK")
    found = [books.reverse_line(entry["reverseFulfillmentOrderLineItemId"]) for entry in given]
    orders = {pair[0].id for pair in found if pair is not None}
    if None in found or len(orders) != 1:
        text = "Cannot dispose items from more than one reverse fulfillment order."
        raise refuse(root, text, "INVALID")
    reverse = books.reverse_orders[orders.pop()]
    used: dict[str, int] = {}
    for index, (entry, pair) in enumerate(zip(given, found, strict=True)):
        if pair is not None:
            _check_one(books, entry, pair[1], (*root, str(index)), used)
    return reverse


def _check_one(
    books: Books, entry: Mapping[str, Any], line: rr.ReverseLine, field: tuple[str, ...], used: dict[str, int]
) -> None:
    if entry["dispositionType"] == "RESTOCKED":
        if _is_custom(books, line):
            text = "RESTOCKED is an invalid disposition type for a custom line item."
            raise refuse((*field, "dispositionType"), text, "INVALID")
        if entry.get("locationId") is None:
            raise refuse((*field, "locationId"), "Location can't be blank.", "BLANK")
    location = entry.get("locationId")
    if location is not None and location not in books.locations:
        raise refuse((*field, "locationId"), "Location not found.", "NOT_FOUND")
    left = line.quantity - line.disposed - used.get(line.id, 0)
    if not 1 <= entry["quantity"] <= left:
        text = "Quantity is greater than the quantity that can be disposed."
        raise refuse((*field, "quantity"), text, "INVALID")
    used[line.id] = used.get(line.id, 0) + entry["quantity"]


def _is_custom(books: Books, line: rr.ReverseLine) -> bool:
    found = books.fulfillment_line(line.fulfillment_line)
    if found is None:
        return True
    order_line = books.orders[found[0].order].line(found[1].line)
    return order_line is None or order_line.variant is None


def apply_dispositions(books: Books, given: Sequence[Mapping[str, Any]]) -> list[rr.ReverseLine]:
    """Write checked dispositions; the lines that changed come back in order."""
    touched: list[str] = []
    for entry in given:
        found = books.reverse_line(entry["reverseFulfillmentOrderLineItemId"])
        if found is None:
            continue
        reverse, line = found
        made = rr.Disposition(
            id=books.ids.gid("ReverseFulfillmentOrderDisposition"),
            type=entry["dispositionType"],
            quantity=entry["quantity"],
            location=entry.get("locationId"),
            created_at=books.clock(),
        )
        changed = replace(line, dispositions=(*line.dispositions, made))
        lines = tuple(changed if item.id == line.id else item for item in reverse.lines)
        books.reverse_orders[reverse.id] = replace(reverse, lines=lines)
        touched.append(line.id)
    first = books.reverse_line(touched[0]) if touched else None
    if first is not None:
        books.announce("reverse_fulfillment_orders/dispose", first[0].id)
    pairs = (books.reverse_line(line_id) for line_id in dict.fromkeys(touched))
    return [pair[1] for pair in pairs if pair is not None]


def dispose(books: Books, given: Sequence[Mapping[str, Any]]) -> list[rr.ReverseLine]:
    check_dispositions(books, given, ("dispositionInputs",))
    return apply_dispositions(books, given)


def create_delivery(
    books: Books,
    reverse_order_id: str,
    given: Sequence[Mapping[str, Any]],
    tracking: Mapping[str, Any] | None,
    label: Mapping[str, Any] | None,
) -> rr.ReverseDelivery:
    """reverseDeliveryCreateWithShipping: no lines means all lines."""
    reverse = books.reverse_orders.get(reverse_order_id)
    if reverse is None:
        raise refuse(("reverseFulfillmentOrderId",), "Reverse fulfillment order not found.", "NOT_FOUND")
    if reverse.status != "OPEN":
        text = "Reverse fulfillment order must be open."
        raise refuse(("reverseFulfillmentOrderId",), text, "INVALID_STATE")
    lines = _delivery_lines(books, reverse, given)
    now = books.clock()
    made = rr.ReverseDelivery(
        id=books.ids.gid("ReverseDelivery"),
        reverse_order=reverse.id,
        lines=lines,
        created_at=now,
        updated_at=now,
        tracking_number=(tracking or {}).get("number"),
        tracking_url=(tracking or {}).get("url"),
        label_url=(label or {}).get("fileUrl"),
    )
    books.reverse_deliveries[made.id] = made
    if tracking or label:
        books.announce("reverse_deliveries/attach_deliverable", made.id)
    return made


def _delivery_lines(
    books: Books, reverse: rr.ReverseOrder, given: Sequence[Mapping[str, Any]]
) -> tuple[rr.ReverseDeliveryLine, ...]:
    known = {line.id: line for line in reverse.lines}
    asked = [(entry["reverseFulfillmentOrderLineItemId"], entry["quantity"]) for entry in given]
    asked = asked or [(line.id, line.quantity) for line in reverse.lines]
    lines = []
    for index, (line_id, quantity) in enumerate(asked):
        field = ("reverseDeliveryLineItems", str(index))
        if line_id not in known:
            text = "Reverse fulfillment order line item not found."
            raise refuse((*field, "reverseFulfillmentOrderLineItemId"), text, "NOT_FOUND")
        if not 1 <= quantity <= known[line_id].quantity:
            raise refuse((*field, "quantity"), "Quantity is invalid.", "INVALID")
        lines.append(rr.ReverseDeliveryLine(books.ids.gid("ReverseDeliveryLineItem"), line_id, quantity))
    return tuple(lines)


def update_delivery(
    books: Books, delivery_id: str, tracking: Mapping[str, Any] | None, label: Mapping[str, Any] | None
) -> rr.ReverseDelivery:
    """reverseDeliveryShippingUpdate: what is not given stays."""
    delivery = books.reverse_deliveries.get(delivery_id)
    if delivery is None:
        raise refuse(("reverseDeliveryId",), "Reverse delivery not found.", "NOT_FOUND")
    changed = replace(
        delivery,
        updated_at=books.clock(),
        tracking_number=(tracking or {}).get("number", delivery.tracking_number),
        tracking_url=(tracking or {}).get("url", delivery.tracking_url),
        label_url=(label or {}).get("fileUrl", delivery.label_url),
    )
    books.reverse_deliveries[delivery.id] = changed
    books.announce("reverse_deliveries/attach_deliverable", delivery.id)
    return changed
