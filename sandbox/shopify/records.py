"""What the books of a shop hold: orders, payments, refunds and fulfilments, frozen.

Amounts are minor units of the order's presentment currency unless a name says `shop`. Returns stand in return_records.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sandbox.shopify.money import Currencies


@dataclass(frozen=True, slots=True)
class Address:
    id: str
    first_name: str | None
    last_name: str | None
    address1: str | None
    city: str | None
    zip: str | None
    country: str
    country_code: str
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    id: str
    first_name: str
    last_name: str
    email: str
    locale: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Location:
    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Variant:
    id: str
    sku: str
    title: str
    price: int
    tax_rate: Decimal


@dataclass(frozen=True, slots=True)
class Discount:
    """`cart` discounts are spread over the order's lines; the others belong to one line."""

    amount: int
    title: str
    index: int
    cart: bool
    code: bool = False


@dataclass(frozen=True, slots=True)
class Tax:
    title: str
    rate: Decimal
    amount: int


@dataclass(frozen=True, slots=True)
class Duty:
    id: str
    amount: int
    country: str | None = None
    harmonized_code: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    id: str
    sku: str
    title: str
    quantity: int
    unit_price: int
    variant: str | None = None
    discounts: tuple[Discount, ...] = ()
    taxes: tuple[Tax, ...] = ()
    duties: tuple[Duty, ...] = ()
    gift_card: bool = False
    taxable: bool = True
    requires_shipping: bool = True

    @property
    def original_total(self) -> int:
        return self.unit_price * self.quantity

    @property
    def cart_discount(self) -> int:
        return sum(discount.amount for discount in self.discounts if discount.cart)

    @property
    def discounted_total(self) -> int:
        """After the line's own discounts, before those of the cart."""
        return self.original_total - sum(discount.amount for discount in self.discounts if not discount.cart)

    @property
    def net_total(self) -> int:
        return self.discounted_total - self.cart_discount

    @property
    def tax_total(self) -> int:
        return sum(tax.amount for tax in self.taxes)


@dataclass(frozen=True, slots=True)
class Shipping:
    id: str
    title: str
    price: int
    discounts: tuple[Discount, ...] = ()
    taxes: tuple[Tax, ...] = ()

    @property
    def discounted(self) -> int:
        return self.price - sum(discount.amount for discount in self.discounts)

    @property
    def tax_total(self) -> int:
        return sum(tax.amount for tax in self.taxes)


@dataclass(frozen=True, slots=True)
class Transaction:
    """`due` and `outcome` say when and how the payment provider will answer a pending one."""

    id: str
    order: str
    kind: str
    status: str
    gateway: str
    amount: int
    shop_amount: int
    created_at: datetime
    processed_at: datetime | None
    parent: str | None = None
    refund: str | None = None
    error_code: str | None = None
    message: str | None = None
    due: datetime | None = None
    outcome: str = "SUCCESS"
    outcome_code: str | None = None


@dataclass(frozen=True, slots=True)
class RefundLine:
    id: str
    line: str
    quantity: int
    restock_type: str
    location: str | None
    subtotal: int
    tax: int


@dataclass(frozen=True, slots=True)
class RefundShipping:
    id: str
    shipping: str
    amount: int
    tax: int


@dataclass(frozen=True, slots=True)
class Adjustment:
    id: str
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class RefundedDuty:
    duty: str
    amount: int


@dataclass(frozen=True, slots=True)
class Refund:
    id: str
    order: str
    return_id: str | None
    note: str | None
    staff: int | None
    created_at: datetime
    processed_at: datetime
    updated_at: datetime
    lines: tuple[RefundLine, ...] = ()
    shipping: tuple[RefundShipping, ...] = ()
    duties: tuple[RefundedDuty, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()


@dataclass(frozen=True, slots=True)
class FulfillmentLine:
    id: str
    line: str
    quantity: int


@dataclass(frozen=True, slots=True)
class FulfillmentEvent:
    id: str
    status: str
    happened_at: datetime
    created_at: datetime
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Fulfillment:
    id: str
    order: str
    name: str
    lines: tuple[FulfillmentLine, ...]
    created_at: datetime
    updated_at: datetime
    location: str
    tracking_company: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    events: tuple[FulfillmentEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Dispute:
    id: str
    order: str
    kind: str
    status: str
    amount: int
    initiated_at: datetime
    evidence_due: datetime


@dataclass(frozen=True, slots=True)
class CancelJob:
    """`due` is when the job runs; `status` STARTED, SUCCEEDED or FAILED."""

    id: str
    result_id: str
    order: str
    due: datetime
    reason: str
    refund: str | None
    restock: bool
    staff_note: str | None
    credit_expires: datetime | None = None
    status: str = "STARTED"
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """Money put on a customer's store credit account."""

    customer: str
    currency: str
    amount: int
    at: datetime
    transaction: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    number: int
    currencies: Currencies
    taxes_included: bool
    created_at: datetime
    updated_at: datetime
    lines: tuple[Line, ...]
    shipping: tuple[Shipping, ...] = ()
    customer: str | None = None
    email: str | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    tags: tuple[str, ...] = ()
    note: str | None = None
    closed_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    original_total: int = 0
    locale: str = "en"

    @property
    def name(self) -> str:
        return f"#{self.number}"

    def line(self, line_id: str) -> Line | None:
        return next((line for line in self.lines if line.id == line_id), None)
