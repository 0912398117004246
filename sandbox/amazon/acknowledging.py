"""The order acknowledgement feeds: cancelling what has not shipped, and the two traps that cost money.

A Failure without items changes nothing and says so nowhere; a Failure after a shipment refunds the whole order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sandbox.amazon import feed_xml, flat_file
from sandbox.amazon.agenda import Deed
from sandbox.amazon.feed_lines import UNKNOWN_ITEM, UNKNOWN_ORDER, WRONG_STATE, WRONG_VALUE, LineError, Message
from sandbox.amazon.house import Feed, Floor
from sandbox.amazon.moving import Cause, give_all_back
from sandbox.amazon.records import Order, Source
from sandbox.amazon.shipping import cancel_units


@dataclass(frozen=True, slots=True)
class Cancellation:
    """`items`: (item id, reason)."""

    order: str
    items: tuple[tuple[str, str], ...]


def xml_messages(floor: Floor, feed: Feed, content: bytes) -> list[Message]:
    """The messages of POST_ORDER_ACKNOWLEDGEMENT_DATA. Raises DocumentError."""
    messages = []
    found = feed_xml.read(content, floor.seller.id, "OrderAcknowledgement", feed_xml.ORDER_ACKNOWLEDGEMENT)
    for number, element in found:
        items = tuple(
            (one.findtext("AmazonOrderItemCode") or "", one.findtext("CancelReason") or "")
            for one in element.findall("Item")
        )
        order_id = element.findtext("AmazonOrderID") or ""
        succeeds = element.findtext("StatusCode") == "Success"
        wanted = Cancellation(order_id, () if succeeds else items)
        messages.append(Message(number, _checker(floor, feed, wanted)))
    return messages


def flat_messages(floor: Floor, feed: Feed, content: bytes) -> list[Message]:
    """The records of POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA: each cancels one item. Raises DocumentError."""
    messages = []
    for number, row in flat_file.read(content, flat_file.ACKNOWLEDGEMENT_COLUMNS):
        item = (row["amazon-order-item-code"], row["cancellation-reason-code"])
        messages.append(Message(number, _checker(floor, feed, Cancellation(row["order-id"], (item,)))))
    return messages


def _checker(floor: Floor, feed: Feed, wanted: Cancellation) -> Callable[[], Deed]:
    return lambda: check(floor, feed, wanted)


def check(floor: Floor, feed: Feed, wanted: Cancellation) -> Deed:
    """What does it. Raises LineError saying why Amazon would not."""
    order = floor.books.orders.get(wanted.order)
    if order is None or order.marketplace.id not in feed.marketplaces:
        raise LineError(UNKNOWN_ORDER, f"The order {wanted.order} is not known in this marketplace", wanted.order)
    if order.by_amazon:
        raise LineError(WRONG_STATE, "Orders fulfilled by Amazon cannot be cancelled by the seller", order.id)
    _check_items(order, wanted)
    if not wanted.items:
        return lambda _: None
    if any(line.shipped for line in order.lines):
        reason = wanted.items[0][1]
        cause = Cause("Refund", Source.CANCELLATION, reason, feed.id)
        return lambda at: _refund_all(floor, order, cause, at)
    units = {item: next(line.open for line in order.lines if line.id == item) for item, _ in wanted.items}
    reason = wanted.items[0][1]
    return lambda at: _cancel(floor, order, units, reason, at)


def _check_items(order: Order, wanted: Cancellation) -> None:
    for item, reason in wanted.items:
        line = order.line(item)
        if line is None:
            raise LineError(UNKNOWN_ITEM, f"The order has no item {item}", order.id, item)
        if reason not in feed_xml.CANCEL_REASONS:
            raise LineError(WRONG_VALUE, f"{reason!r} is not a reason to cancel", order.id, item)
        if line.cancelled == line.quantity:
            raise LineError(WRONG_STATE, "The item is cancelled already", order.id, item)


def _cancel(floor: Floor, order: Order, units: dict[str, int], reason: str, at: datetime) -> None:
    cancel_units(floor, order.id, units, "MERCHANT", reason, at)


def _refund_all(floor: Floor, order: Order, cause: Cause, at: datetime) -> None:
    give_all_back(floor, order, cause, at)
    open_units = {line.id: line.open for line in order.lines if line.open}
    if open_units:
        cancel_units(floor, order.id, open_units, "MERCHANT", cause.reason, at)
