"""What Shopify shows of an order and its returns, in the house's own words; money as the buyer saw it (presentment).

Refuses to read what is not whole: a null where something must be raises Unreadable, an enum value that nobody knows is
kept under `unrecognised`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from quittance.application.ports import Reading
from quittance.channels.shopify import refunds, returns
from quittance.channels.shopify.fields import (
    Node,
    code,
    count,
    flag,
    items,
    maybe_child,
    maybe_moment,
    maybe_text,
    minor,
    number,
    text,
    unreadable,
)
from quittance.channels.shopify.refunds import Seen, Terms
from quittance.domain.errors import Rejected
from quittance.domain.ids import OrderId
from quittance.domain.ledger import Payment, SoldLine
from quittance.domain.money import exponent
from quittance.domain.observations import FulfilledBy, OrderReading

_KINDS: Final = frozenset("AUTHORIZATION CAPTURE CHANGE EMV_AUTHORIZATION REFUND SALE VOID".split())
_PAYING: Final = frozenset({"SALE", "CAPTURE"})
_DISPUTES: Final = frozenset("ACCEPTED CHARGE_REFUNDED LOST NEEDS_RESPONSE PREVENTED UNDER_REVIEW WON".split())
# After these the buyer has the seller's money by no other way than ours.
_DISPUTE_IS_OVER: Final = frozenset({"PREVENTED", "WON"})
_FULFILMENTS: Final = frozenset("CANCELLED ERROR FAILURE OPEN PENDING SUCCESS".split())
_NOT_SENT: Final = frozenset({"CANCELLED", "ERROR", "FAILURE"})


@dataclass(frozen=True, slots=True)
class Whole:
    """An order as read to the end; `refunds` adds what the look-back compares and the domain has no word for."""

    reading: Reading
    refunds: Mapping[str, Seen]


def whole_of(order: Node, as_of: datetime, pay_back: Sequence[str] = (), customer: str = "") -> Whole:
    """Return the reading of an order whose lists are complete; raises Unreadable.

    `pay_back` names payments in the order in which Shopify would pay back; others follow in the order of payment.
    `customer` is a salted hash. An order of a shop is the merchant's to refund, whichever service has shipped it.
    """
    odd: list[str] = []
    terms = _terms(order)
    seen = {one.reading.id: one for one in (refunds.seen(node, terms, odd) for node in items(order, "refunds"))}
    name = OrderId(number(order, "Order"))
    lines = {number(line, "LineItem"): _sold(line, terms) for line in items(order, "lineItems")}
    reading = OrderReading(
        id=name,
        as_of=as_of,
        currency=terms.currency,
        country=_country(order),
        delivered_at=_delivered_at(order, odd),
        cancelled_at=maybe_moment(order, "cancelledAt"),
        lines=lines,
        shipping=sum(_shipping(line, terms) for line in items(order, "shippingLines")),
        payments=_payments(order, terms, pay_back, odd),
        refunds=tuple(one.reading for one in seen.values()),
        disputes=_disputes(order, odd),
        unrecognised=tuple(dict.fromkeys(odd)),
        fulfilled_by=FulfilledBy.MERCHANT,
        customer=customer,
    )
    found = tuple(returns.reading(node, name, as_of) for node in items(order, "returns"))
    return Whole(Reading(reading, found), seen)


def captured(order: Node) -> list[Node]:
    """The transactions that brought money: the only ones on which it can go back."""
    return [
        node
        for node in items(order, "transactions")
        if code(node, "kind") in _PAYING and code(node, "status") == "SUCCESS"
    ]


def _terms(order: Node) -> Terms:
    currency = text(order, "presentmentCurrencyCode")
    try:
        exponent(currency)
    except Rejected as refusal:
        raise unreadable("presentmentCurrencyCode", refusal.code) from None
    return Terms(currency, taxes_included=flag(order, "taxesIncluded"))


def _country(order: Node) -> str:
    address = maybe_child(order, "shippingAddress")
    return "" if address is None else maybe_text(address, "countryCodeV2")


def _sold(line: Node, terms: Terms) -> SoldLine:
    """What the buyer paid for a line: units at their price, less every discount, with the tax that comes on top.

    The allocations hold the discounts of the whole order too, and like the taxes they count units that were refunded.
    https://shopify.dev/docs/api/admin-graphql/2026-10/objects/LineItem
    """
    quantity = count(line, "quantity")
    discounts = sum(minor(one, "allocatedAmountSet", terms.currency) for one in items(line, "discountAllocations"))
    tax = _tax(line, terms)
    goods = quantity * minor(line, "originalUnitPriceSet", terms.currency) - discounts
    return SoldLine(maybe_text(line, "sku"), quantity, goods + terms.on_top(tax), tax)


def _shipping(line: Node, terms: Terms) -> int:
    return minor(line, "discountedPriceSet", terms.currency) + terms.on_top(_tax(line, terms))


def _tax(line: Node, terms: Terms) -> int:
    return sum(minor(one, "priceSet", terms.currency) for one in items(line, "taxLines"))


def _payments(order: Node, terms: Terms, pay_back: Sequence[str], odd: list[str]) -> dict[str, Payment]:
    odd += [f"transaction_kind:{k}" for node in items(order, "transactions") if (k := code(node, "kind")) not in _KINDS]
    payments = {number(node, "OrderTransaction"): node for node in captured(order)}
    ranked = [*dict.fromkeys(name for name in pay_back if name in payments)]
    ranked += [name for name in payments if name not in ranked]
    return {
        name: Payment(minor(node, "amountSet", terms.currency), maybe_text(node, "gateway"), ranked.index(name))
        for name, node in payments.items()
    }


def _disputes(order: Node, odd: list[str]) -> frozenset[str]:
    """Disputes that are open, and those that the bank decided by taking the money back: it must not go back twice."""
    found = set()
    for node in items(order, "disputes"):
        status = code(node, "status")
        if status not in _DISPUTES:
            odd.append(f"dispute_status:{status}")
        if status not in _DISPUTE_IS_OVER:
            found.add(text(node, "id").rpartition("/")[2])
    return frozenset(found)


def _delivered_at(order: Node, odd: list[str]) -> datetime | None:
    """When the last parcel of the order arrived; None while one is on its way or none was sent.

    The time to withdraw from an order of several parcels starts with the last: Directive 2011/83/EU article 9(2)(b).
    """
    arrivals = []
    for node in items(order, "fulfillments"):
        status = code(node, "status")
        if status not in _FULFILMENTS:
            odd.append(f"fulfillment_status:{status}")
        arrived = maybe_moment(node, "deliveredAt")
        if status not in _NOT_SENT and flag(node, "requiresShipping"):
            arrivals.append(arrived)
    known = [at for at in arrivals if at is not None]
    return max(known) if known and len(known) == len(arrivals) else None
