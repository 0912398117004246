"""The payment adjustment feeds: what a refund message says, whether Amazon does it, and the money it moves.

Amounts are line totals; a positive one credits the buyer, a negative one charges, and the net must be a credit.
A MerchantAdjustmentItemID means nothing here: the same refund sent twice is two refunds, as far as is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.etree import ElementTree as ET

from sandbox.amazon import feed_xml, flat_file
from sandbox.amazon.agenda import Deed
from sandbox.amazon.books import DISCOUNT
from sandbox.amazon.feed_lines import (
    MALFORMED,
    TOO_MUCH,
    UNKNOWN_ITEM,
    UNKNOWN_ORDER,
    WRONG_MONEY,
    WRONG_STATE,
    WRONG_VALUE,
    LineError,
    Message,
)
from sandbox.amazon.house import Feed, Floor
from sandbox.amazon.money import parse
from sandbox.amazon.moving import Cause, move, share_of
from sandbox.amazon.records import Line, Order, Share, Source
from sandbox.amazon.shipping import cancel_units

# What an order need not have been charged to be given or taken.
FREE: Final = frozenset(
    ("RestockingFee", "RestockingFeeTax", "ReturnShipping", "Goodwill", "Other", "FreeReplacementReturnShipping")
)
CHARGES_ONLY: Final = frozenset(("RestockingFee", "RestockingFeeTax"))
_FLAT: Final[Mapping[str, str]] = {
    "item-price-adj": "Principal",
    "item-tax-adj": "Tax",
    "shipping-price-adj": "Shipping",
    "shipping-tax-adj": "ShippingTax",
    "gift-wrap-price-adj": "GiftWrap",
    "gift-wrap-tax-adj": "GiftWrapTax",
    "item-promotion-adj": DISCOUNT,
    "ship-promotion-adj": DISCOUNT,
}


@dataclass(frozen=True, slots=True)
class Part:
    """What one message wants for one item: amounts by type as text, with the currency each names."""

    item: str
    reason: str
    amounts: tuple[tuple[str, str, str], ...]
    quantity: int | None = None
    cancelled: int | None = None


@dataclass(frozen=True, slots=True)
class Adjustment:
    order: str
    parts: tuple[Part, ...]
    cancels: bool = False


def xml_messages(floor: Floor, feed: Feed, content: bytes) -> list[Message]:
    """The messages of POST_PAYMENT_ADJUSTMENT_DATA. Raises DocumentError."""
    found = feed_xml.read(content, floor.seller.id, "OrderAdjustment", feed_xml.ORDER_ADJUSTMENT)
    return [Message(number, _check(floor, feed, _from_xml(element))) for number, element in found]


def flat_messages(floor: Floor, feed: Feed, content: bytes) -> list[Message]:
    """The records of POST_FLAT_FILE_PAYMENT_ADJUSTMENT_DATA. Raises DocumentError."""
    found = flat_file.read(content, flat_file.ADJUSTMENT_COLUMNS)
    return [Message(number, _check(floor, feed, _from_row(row))) for number, row in found]


def _check(floor: Floor, feed: Feed, wanted: Adjustment) -> Callable[[], Deed]:
    return lambda: check(floor, feed, wanted)


# Reading


def _from_xml(element: ET.Element) -> Adjustment:
    order = element.findtext("AmazonOrderID") or element.findtext("MerchantOrderID") or ""
    parts = tuple(_part(item) for item in element.findall("AdjustedItem"))
    return Adjustment(order, parts, cancels=element.findtext("ActionType") == "Cancel")


def _part(item: ET.Element) -> Part:
    amounts = [_amount(one, "") for one in item.findall("ItemPriceAdjustments/Component")]
    amounts += [_amount(one, DISCOUNT) for one in item.findall("PromotionAdjustments/Component")]
    return Part(
        item=item.findtext("AmazonOrderItemCode") or item.findtext("MerchantOrderItemID") or "",
        reason=item.findtext("AdjustmentReason") or "",
        amounts=tuple(amounts),
        quantity=_count(item.findtext("Quantity")),
        cancelled=_count(item.findtext("QuantityCancelled")),
    )


def _amount(component: ET.Element, kind: str) -> tuple[str, str, str]:
    amount = component.find("Amount")
    currency = "" if amount is None else amount.get("currency", "")
    return kind or component.findtext("Type") or "", component.findtext("Amount") or "", currency


def _count(text: str | None) -> int | None:
    return int(text) if text else None


def _from_row(row: Mapping[str, str]) -> Adjustment:
    amounts = tuple((kind, row[column], row["currency"]) for column, kind in _FLAT.items() if row[column].strip())
    cancelled = row["quantity-cancelled"].strip()
    if cancelled and not cancelled.isdigit():
        return Adjustment(row["order-id"], (Part(row["order-item-id"], "", ()),))
    part = Part(row["order-item-id"], row["adjustment-reason-code"], amounts, cancelled=_count(cancelled))
    return Adjustment(row["order-id"], (part,))


# Judging


def check(floor: Floor, feed: Feed, wanted: Adjustment) -> Deed:
    """What does it. Raises LineError saying why Amazon would not."""
    order = floor.books.orders.get(wanted.order)
    if order is None or order.marketplace.id not in feed.marketplaces:
        raise LineError(UNKNOWN_ORDER, f"The order {wanted.order} is not known in this marketplace", wanted.order)
    if order.by_amazon:
        raise LineError(WRONG_STATE, "Orders fulfilled by Amazon cannot be adjusted by the seller", order.id)
    shares = tuple(_share(floor, order, part) for part in wanted.parts if part.amounts)
    units = _cancelled_units(order, wanted)
    _check_net(floor, order, shares, cancels=bool(units))
    reason = wanted.parts[0].reason

    def do(at: datetime) -> None:
        if units:
            cancel_units(floor, order.id, units, "MERCHANT", reason, at)
        if shares:
            cause = Cause("Refund", Source.FEED, reason, feed.id)
            move(floor, floor.books.orders[order.id], shares, cause, at)

    return do


def _line(order: Order, part: Part) -> Line:
    line = order.line(part.item)
    if line is None:
        raise LineError(UNKNOWN_ITEM, f"The order has no item {part.item}", order.id, part.item)
    if part.reason not in feed_xml.ADJUSTMENT_REASONS:
        raise LineError(WRONG_VALUE, f"{part.reason!r} is not an adjustment reason", order.id, part.item)
    return line


def _share(floor: Floor, order: Order, part: Part) -> Share:
    line = _line(order, part)
    if not line.shipped:
        raise LineError(WRONG_STATE, "The item has not been shipped: cancel it instead", order.id, line.id)
    if part.quantity is not None and part.quantity > line.shipped:
        raise LineError(WRONG_VALUE, f"Quantity {part.quantity} is more than was shipped", order.id, line.id)
    amounts: dict[str, int] = defaultdict(int)
    for kind, text, currency in part.amounts:
        amounts[kind] += _minor(order, line, kind, text, currency)
    if floor.seller.caps_refunds:
        _check_cap(floor, order, line, amounts)
    charges = tuple((kind, -amount) for kind, amount in amounts.items() if amount)
    return share_of(floor, line, part.quantity or line.shipped, charges)


def _minor(order: Order, line: Line, kind: str, text: str, currency: str) -> int:
    if currency != order.currency:
        raise LineError(WRONG_MONEY, f"The order is in {order.currency}, not {currency or 'no currency'}", order.id)
    try:
        amount = parse(text.strip(), currency)
    except ValueError as problem:
        raise LineError(MALFORMED, str(problem), order.id, line.id) from None
    if kind in CHARGES_ONLY and amount > 0:
        raise LineError(WRONG_MONEY, f"{kind} is a charge: its amount must be negative", order.id, line.id)
    charged = line.discount if kind == DISCOUNT else line.charges.get(kind, 0)
    if kind not in FREE and amount and not charged:
        text = f"{kind} is not eligible for an adjustment: this item was not charged any"
        raise LineError(WRONG_MONEY, text, order.id, line.id)
    return amount


def _check_cap(floor: Floor, order: Order, line: Line, amounts: Mapping[str, int]) -> None:
    left = dict(floor.books.left_of(order.id, line.id))
    for kind, amount in amounts.items():
        if kind not in FREE and kind != DISCOUNT and amount > left.get(kind, 0):
            raise LineError(TOO_MUCH, f"{kind} would be refunded beyond what was charged", order.id, line.id)


def _check_net(floor: Floor, order: Order, shares: tuple[Share, ...], *, cancels: bool) -> None:
    net = -sum(part.total for part in shares)
    if net <= 0 and not (cancels and not shares):
        raise LineError(WRONG_MONEY, "The net of an adjustment must be a credit to the buyer", order.id)
    if not floor.seller.caps_refunds:
        return
    if net > floor.books.charged(order.id) - floor.books.gone_back(order.id):
        raise LineError(TOO_MUCH, "The order would be refunded beyond what was charged", order.id)


def _cancelled_units(order: Order, wanted: Adjustment) -> dict[str, int]:
    units: dict[str, int] = {}
    for part in wanted.parts:
        line = _line(order, part)
        asked = part.cancelled or (line.open if wanted.cancels else 0)
        if (wanted.cancels and not line.open) or asked > line.open:
            raise LineError(WRONG_STATE, "There are not so many unshipped units to cancel", order.id, line.id)
        if asked:
            units[line.id] = units.get(line.id, 0) + asked
    return units
