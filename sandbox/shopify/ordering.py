"""Orders as they come in and go out: placed, paid, fulfilled, delivered, disputed.

These are the acts of buyers, carriers and banks; no mutation of the API leads here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from sandbox.shopify import records as r
from sandbox.shopify.books import Books
from sandbox.shopify.money import Currencies, allocate, half_up, parse, tax_share

_EVIDENCE_DAYS = 9


@dataclass(frozen=True, slots=True)
class Item:
    """A line to order. Amounts are decimal text in the buyer's currency; `discount` is for the whole line.

    `custom` items have no variant. `tax` overrides the tax computed from the rate.
    """

    sku: str
    price: str
    quantity: int = 1
    title: str = ""
    tax_rate: str = "0.20"
    tax: str | None = None
    discount: str = "0"
    duty: str = "0"
    custom: bool = False
    gift_card: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """Money of a buyer: `amount` None means the rest of the order."""

    gateway: str = "shopify_payments"
    amount: str | None = None
    kind: str = "SALE"


@dataclass(frozen=True, slots=True)
class Basket:
    """What a buyer orders. `rate` is shop currency per unit of the buyer's currency."""

    items: Sequence[Item]
    currency: str
    shipping: str = "0"
    shipping_tax_rate: str = "0.20"
    discount: str = "0"
    taxes_included: bool = True
    payments: Sequence[Payment] = field(default_factory=lambda: (Payment(),))
    rate: str = "1"
    country: str = "FR"
    email: str = "buyer@example.com"
    first_name: str = "Camille"
    last_name: str = "Martin"
    locale: str = "fr"
    guest: bool = False
    tags: tuple[str, ...] = ()


def place(books: Books, basket: Basket) -> r.Order:
    """Raises ValueError when payments exceed the total or an amount has too many digits."""
    now = books.clock()
    currencies = Currencies(books.currency, basket.currency, Fraction(basket.rate))
    lines = _lines(books, basket)
    customer = None if basket.guest else _customer(books, basket)
    address = _address(books, basket)
    order = r.Order(
        id=books.ids.gid("Order"),
        number=books.next_number,
        currencies=currencies,
        taxes_included=basket.taxes_included,
        created_at=now,
        updated_at=now,
        lines=lines,
        shipping=_shipping(books, basket),
        customer=customer,
        email=basket.email,
        shipping_address=address,
        billing_address=address,
        tags=basket.tags,
        locale=basket.locale,
    )
    order = replace(order, original_total=books.order_total(order))
    books.next_number += 1
    books.orders[order.id] = order
    _pay(books, order, basket.payments)
    books.announce("orders/create", order.id)
    return order


def _lines(books: Books, basket: Basket) -> tuple[r.Line, ...]:
    nets = [
        parse(item.price, basket.currency) * item.quantity - parse(item.discount, basket.currency)
        for item in basket.items
    ]
    spread = allocate(parse(basket.discount, basket.currency), nets)
    return tuple(
        _line(books, basket, item, net, cart) for item, net, cart in zip(basket.items, nets, spread, strict=True)
    )


def _line(books: Books, basket: Basket, item: Item, net: int, cart: int) -> r.Line:
    own = parse(item.discount, basket.currency)
    discounts = tuple(
        discount
        for discount in (
            r.Discount(own, "Line discount", 0, cart=False),
            r.Discount(cart, "Order discount", 1, cart=True, code=True),
        )
        if discount.amount
    )
    duty = parse(item.duty, basket.currency)
    variant = (
        None
        if item.custom
        else variant_of(books, item, Currencies(books.currency, basket.currency, Fraction(basket.rate)))
    )
    return r.Line(
        id=books.ids.gid("LineItem"),
        sku=item.sku,
        title=item.title or item.sku,
        quantity=item.quantity,
        unit_price=parse(item.price, basket.currency),
        variant=variant,
        discounts=discounts,
        taxes=_taxes(basket, item.tax_rate, net - cart, item.tax),
        duties=(r.Duty(books.ids.gid("Duty"), duty, basket.country),) if duty else (),
        gift_card=item.gift_card,
        taxable=Decimal(item.tax_rate) > 0,
    )


def variant_of(books: Books, item: Item, currencies: Currencies) -> str:
    """The variant of a SKU, made when it is first sold; its price is in the shop's currency."""
    known = next((variant for variant in books.variants.values() if variant.sku == item.sku), None)
    if known is None:
        price = currencies.to_shop(parse(item.price, currencies.presentment))
        known = r.Variant(
            books.ids.gid("ProductVariant"), item.sku, item.title or item.sku, price, Decimal(item.tax_rate)
        )
        books.variants[known.id] = known
    return known.id


def _taxes(basket: Basket, rate: str, net: int, fixed: str | None = None) -> tuple[r.Tax, ...]:
    if Decimal(rate) == 0 and fixed is None:
        return ()
    computed = half_up(net * tax_share(Decimal(rate), included=basket.taxes_included))
    amount = computed if fixed is None else parse(fixed, basket.currency)
    return (r.Tax("VAT", Decimal(rate), amount),)


def _shipping(books: Books, basket: Basket) -> tuple[r.Shipping, ...]:
    price = parse(basket.shipping, basket.currency)
    if price == 0:
        return ()
    taxes = _taxes(basket, basket.shipping_tax_rate, price)
    return (r.Shipping(books.ids.gid("ShippingLine"), "Standard", price, taxes=taxes),)


def _customer(books: Books, basket: Basket) -> str:
    known = next((item for item in books.customers.values() if item.email == basket.email), None)
    if known is None:
        known = r.Customer(
            id=books.ids.gid("Customer"),
            first_name=basket.first_name,
            last_name=basket.last_name,
            email=basket.email,
            locale=basket.locale,
            created_at=books.clock(),
        )
        books.customers[known.id] = known
    return known.id


_COUNTRIES = {
    "FR": "France",
    "DE": "Germany",
    "BE": "Belgium",
    "GB": "United Kingdom",
    "US": "United States",
    "JP": "Japan",
}


def _address(books: Books, basket: Basket) -> r.Address:
    return r.Address(
        id=f"{books.ids.gid('MailingAddress')}?model_name=Address",
        first_name=basket.first_name,
        last_name=basket.last_name,
        address1="1 rue de la Paix",
        city="Paris",
        zip="75002",
        country=_COUNTRIES.get(basket.country, basket.country),
        country_code=basket.country,
    )


def _pay(books: Books, order: r.Order, payments: Sequence[Payment]) -> None:
    left = order.original_total
    for payment in payments:
        amount = left if payment.amount is None else parse(payment.amount, order.currencies.presentment)
        if not 0 <= amount <= left:
            raise ValueError(f"payments of {order.name} exceed its total: lower the amount of {payment.gateway}")
        left -= amount
        add_payment(books, order, payment.gateway, amount, payment.kind)


def add_payment(books: Books, order: r.Order, gateway: str, amount: int, kind: str) -> None:
    now = books.clock()
    made = r.Transaction(
        id=books.ids.gid("OrderTransaction"),
        order=order.id,
        kind=kind,
        status="SUCCESS",
        gateway=gateway,
        amount=amount,
        shop_amount=order.currencies.to_shop(amount),
        created_at=now,
        processed_at=now,
    )
    books.transactions[made.id] = made
    books.announce("order_transactions/create", made.id)


def fulfil(
    books: Books,
    order_id: str,
    quantities: Mapping[str, int] | None = None,
    tracking: tuple[str, str, str | None] | None = None,
) -> r.Fulfillment:
    """Ship units of order lines (by line gid); None ships all that is left. Raises ValueError when nothing is."""
    order = books.orders[order_id]
    open_units = {
        line.id: books.refundable_quantity(order.id, line) - books.fulfilled_quantity(order.id, line.id)
        for line in order.lines
    }
    wanted = quantities if quantities is not None else {key: count for key, count in open_units.items() if count > 0}
    if not wanted or any(count < 1 or count > open_units.get(key, 0) for key, count in wanted.items()):
        raise ValueError(f"{order.name}: fulfil only units that are ordered, unrefunded and not yet shipped")
    now = books.clock()
    company, number, url = tracking or (None, None, None)
    made = r.Fulfillment(
        id=books.ids.gid("Fulfillment"),
        order=order.id,
        name=f"{order.name}-F{len(books.fulfillments_of(order.id)) + 1}",
        lines=tuple(
            r.FulfillmentLine(books.ids.gid("FulfillmentLineItem"), line_id, count) for line_id, count in wanted.items()
        ),
        created_at=now,
        updated_at=now,
        location=next(iter(books.locations)),
        tracking_company=company,
        tracking_number=number,
        tracking_url=url,
    )
    books.fulfillments[made.id] = made
    books.announce("fulfillments/create", made.id)
    books.touch(order.id)
    return made


def record_event(
    books: Books, fulfillment_id: str, status: str, happened_at: datetime | None = None, message: str | None = None
) -> r.FulfillmentEvent:
    """A carrier's scan: IN_TRANSIT, DELIVERED and so on. The order itself does not change."""
    parcel = books.fulfillments[fulfillment_id]
    now = books.clock()
    event = r.FulfillmentEvent(books.ids.gid("FulfillmentEvent"), status, happened_at or now, now, message)
    books.fulfillments[parcel.id] = replace(parcel, events=(*parcel.events, event), updated_at=now)
    books.announce("fulfillment_events/create", event.id)
    return event


def open_dispute(
    books: Books, order_id: str, kind: str = "CHARGEBACK", status: str = "NEEDS_RESPONSE", amount: int | None = None
) -> r.Dispute:
    order = books.orders[order_id]
    now = books.clock()
    made = r.Dispute(
        id=books.ids.gid("ShopifyPaymentsDispute"),
        order=order.id,
        kind=kind,
        status=status,
        amount=books.received(order.id) if amount is None else amount,
        initiated_at=now,
        evidence_due=now + timedelta(days=_EVIDENCE_DAYS),
    )
    books.disputes[made.id] = made
    books.announce("disputes/create", made.id)
    return made


def move_dispute(books: Books, dispute_id: str, status: str) -> r.Dispute:
    changed = replace(books.disputes[dispute_id], status=status)
    books.disputes[dispute_id] = changed
    books.announce("disputes/update", dispute_id)
    return changed
