"""What Shopify would refund: the share of lines, tax, shipping, duties and fees, split over the payments.

Shares are cumulative (the next units carry what all units so far carry, less what was refunded before), so a line
refunded unit by unit ends at its exact total. It suggests only; guards stand in `refunds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sandbox.shopify import records as r
from sandbox.shopify import return_records as rr
from sandbox.shopify.books import GIFT_CARD, Books, refuse
from sandbox.shopify.money import half_up, slice_of


@dataclass(frozen=True, slots=True)
class LineShare:
    """`discounted` is before, `subtotal` after the cart's discounts; `tax` may lie inside the subtotal."""

    line: r.Line
    quantity: int
    restock_type: str
    location: str | None
    discounted: int
    cart_discount: int
    tax: int

    @property
    def subtotal(self) -> int:
        return self.discounted - self.cart_discount


@dataclass(frozen=True, slots=True)
class ShippingShare:
    amount: int
    tax: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Part:
    """One payment's part of a refund."""

    payment: r.Transaction
    amount: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    lines: tuple[LineShare, ...]
    shipping: ShippingShare
    duties: tuple[r.RefundedDuty, ...]
    value: int
    maximum: int
    fees: int = 0

    @property
    def amount(self) -> int:
        return max(0, min(self.value, self.maximum))

    @property
    def subtotal(self) -> int:
        return sum(share.subtotal for share in self.lines)

    @property
    def discounted(self) -> int:
        return sum(share.discounted for share in self.lines)

    @property
    def cart_discount(self) -> int:
        return sum(share.cart_discount for share in self.lines)

    @property
    def tax(self) -> int:
        return sum(share.tax for share in self.lines) + self.shipping.tax

    @property
    def duty_total(self) -> int:
        return sum(duty.amount for duty in self.duties)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line of the order and how many units to refund."""

    line: r.Line
    quantity: int
    restock_type: str = "NO_RESTOCK"
    location: str | None = None


def line_share(books: Books, order: r.Order, wanted: Wanted, before: int = 0) -> LineShare:
    """The share of the next `quantity` units; `before` counts units of the same request that come first."""
    line = wanted.line
    done = books.refunded_quantity(order.id, line.id) + before

    def cut(total: int) -> int:
        return slice_of(total, line.quantity, done, wanted.quantity)

    return LineShare(
        line=line,
        quantity=wanted.quantity,
        restock_type=wanted.restock_type,
        location=wanted.location,
        discounted=cut(line.discounted_total),
        cart_discount=cut(line.discounted_total) - cut(line.net_total),
        tax=cut(line.tax_total),
    )


def line_shares(books: Books, order: r.Order, wanted: Iterable[Wanted]) -> tuple[LineShare, ...]:
    before: dict[str, int] = {}
    shares = []
    for item in wanted:
        shares.append(line_share(books, order, item, before.get(item.line.id, 0)))
        before[item.line.id] = before.get(item.line.id, 0) + item.quantity
    return tuple(shares)


def shipping_left(books: Books, order: r.Order) -> int:
    return sum(item.discounted - books.refunded_shipping(order.id, item.id) for item in order.shipping)


def shipping_share(books: Books, order: r.Order, amount: int) -> ShippingShare:
    whole = sum(item.discounted for item in order.shipping)
    tax = sum(item.tax_total for item in order.shipping)
    done = whole - shipping_left(books, order)
    return ShippingShare(amount, slice_of(tax, whole, done, amount), shipping_left(books, order))


def duty_shares(
    books: Books, order: r.Order, asked: Sequence[Mapping[str, str | None]], lines: Sequence[LineShare]
) -> tuple[r.RefundedDuty, ...]:
    """FULL gives all that is left of a duty, PROPORTIONAL the part of the refunded units."""
    found = {duty.id: (line, duty) for line in order.lines for duty in line.duties}
    shares = []
    for index, item in enumerate(asked):
        if item["dutyId"] not in found:
            raise refuse(("refundDuties", str(index), "dutyId"), "Duty does not exist", "NOT_FOUND")
        line, duty = found[str(item["dutyId"])]
        left = duty.amount - books.refunded_duty(order.id, duty.id)
        units = sum(share.quantity for share in lines if share.line.id == line.id)
        part = half_up(Fraction(duty.amount * units, line.quantity))
        shares.append(r.RefundedDuty(duty.id, left if item.get("refundType") != "PROPORTIONAL" else min(left, part)))
    return tuple(shares)


def suggest(
    books: Books,
    order: r.Order,
    wanted: Iterable[Wanted],
    shipping_amount: int = 0,
    duties: Sequence[Mapping[str, str | None]] = (),
) -> Suggestion:
    lines = line_shares(books, order, wanted)
    shipping = shipping_share(books, order, shipping_amount)
    duty_parts = duty_shares(books, order, duties, lines)
    taxes = sum(share.tax for share in lines) + shipping.tax
    value = (
        sum(share.subtotal for share in lines)
        + books.tax_of(order, taxes)
        + shipping.amount
        + sum(duty.amount for duty in duty_parts)
    )
    return Suggestion(lines, shipping, duty_parts, value, max(0, books.net_payment(order.id)))


def split(books: Books, order_id: str, amount: int) -> tuple[Part, ...]:
    """Oldest payment first, gift cards last; each takes what it has left."""
    payments = sorted(books.paid(order_id), key=lambda item: item.gateway == GIFT_CARD)
    parts = []
    for payment in payments:
        left = books.left_of(payment)
        taken = min(left, amount)
        if taken > 0:
            parts.append(Part(payment, taken, left))
            amount -= taken
    return tuple(parts)


def all_refundable(books: Books, order: r.Order) -> list[Wanted]:
    left = [(line, books.refundable_quantity(order.id, line)) for line in order.lines]
    return [Wanted(line, quantity) for line, quantity in left if quantity > 0]


# Returns


def fee_of(share: LineShare, percentage: Decimal) -> int:
    """The restocking fee: a percentage of the line's price after discounts, without tax."""
    return half_up(Fraction(share.subtotal) * Fraction(percentage) / 100)


def return_wanted(
    books: Books, item: rr.Return, asked: Sequence[tuple[rr.ReturnLine, int]]
) -> list[tuple[rr.ReturnLine, Wanted]]:
    """Return lines as order lines, cut to what the order can still refund."""
    order = books.orders[item.order]
    used: dict[str, int] = {}
    wanted = []
    for return_line, quantity in asked:
        found = books.fulfillment_line(return_line.fulfillment_line)
        line = order.line(found[1].line) if found else None
        if line is None:
            continue
        left = books.refundable_quantity(order.id, line) - used.get(line.id, 0)
        count = max(0, min(quantity, left))
        used[line.id] = used.get(line.id, 0) + count
        wanted.append((return_line, Wanted(line, count)))
    return wanted


def exchange_value(books: Books, order: r.Order, asked: Iterable[tuple[rr.ExchangeLine, int]]) -> int:
    """What the new goods cost the buyer, tax included in the price or added as the order does."""
    total = 0
    for line, quantity in asked:
        variant = books.variants[line.variant]
        goods = order.currencies.to_presentment(variant.price) * quantity
        tax = 0 if order.taxes_included else half_up(Fraction(goods) * Fraction(variant.tax_rate))
        total += goods + tax
    return total


def current_total(books: Books, order: r.Order) -> int:
    """The order's price after what was refunded or came back."""
    total = books.order_total(order)
    for refund in books.refunds_of(order.id):
        total -= sum(line.subtotal + books.tax_of(order, line.tax) for line in refund.lines)
        total -= sum(part.amount + books.tax_of(order, part.tax) for part in refund.shipping)
        total -= sum(part.amount for part in refund.duties)
    for item in books.returns_of(order.id):
        back = [(line, line.processed - line.refunded) for line in item.lines if line.processed > line.refunded]
        wanted = [entry for _, entry in return_wanted(books, item, back)]
        shares = line_shares(books, order, wanted)
        total -= sum(share.subtotal + books.tax_of(order, share.tax) for share in shares)
    return total


def outstanding(books: Books, order: r.Order) -> int:
    """What the buyer still owes: the current total, corrected by what refunds gave more or less than their goods."""
    if order.cancelled_at is not None:
        return 0
    corrections = sum(part.amount for refund in books.refunds_of(order.id) for part in refund.adjustments)
    return max(0, current_total(books, order) + corrections - books.net_payment(order.id))


@dataclass(frozen=True, slots=True)
class Outcome:
    """`transfer` is what moves: positive to the buyer, negative from the buyer."""

    suggestion: Suggestion
    transfer: int


def return_outcome(
    books: Books,
    item: rr.Return,
    lines: Sequence[tuple[rr.ReturnLine, int]],
    exchanges: Sequence[tuple[rr.ExchangeLine, int]] = (),
    shipping_amount: int = 0,
    duties: Sequence[Mapping[str, str | None]] = (),
) -> Outcome:
    """Nets goods, fees, exchanges and an unpaid balance."""
    order = books.orders[item.order]
    wanted = return_wanted(books, item, lines)
    base = suggest(books, order, [entry for _, entry in wanted], shipping_amount, duties)
    fees = sum(
        fee_of(share, line.fee_percentage)
        for (line, _), share in zip(wanted, base.lines, strict=True)
        if share.quantity
    )
    fees += sum(fee.amount for fee in item.fees if not fee.charged)
    value = base.value - fees - exchange_value(books, order, exchanges) - outstanding(books, order)
    full = Suggestion(base.lines, base.shipping, base.duties, value, base.maximum, fees)
    return Outcome(full, full.amount if value >= 0 else value)
