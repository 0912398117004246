"""What the books of a seller hold: orders, parcels, money that moved, returns, claims and messages, frozen.

Amounts are minor units of the order's currency; charges are totals of a line's whole quantity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from sandbox.amazon.marketplaces import Marketplace


@dataclass(frozen=True, slots=True)
class Buyer:
    """`alias` is the local part of the relay address, the same for every order with this seller."""

    name: str
    alias: str
    street: str
    city: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class Line:
    """An order item. `charges` by type (Principal, Shipping...); `discount` is what a promotion took off."""

    id: str
    sku: str
    asin: str
    title: str
    quantity: int
    unit_price: int
    charges: Mapping[str, int]
    discount: int = 0
    promotion: str | None = None
    shipped: int = 0
    cancelled: int = 0
    cancel_wish: str | None = None
    cancelled_by: str | None = None
    cancel_reason: str | None = None

    @property
    def open(self) -> int:
        return self.quantity - self.shipped - self.cancelled

    @property
    def total(self) -> int:
        return sum(self.charges.values()) - self.discount


@dataclass(frozen=True, slots=True)
class Package:
    id: str
    units: Mapping[str, int]
    shipped_at: datetime
    carrier: str
    tracking: str | None
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    marketplace: Marketplace
    buyer: Buyer
    placed_at: datetime
    updated_at: datetime
    lines: tuple[Line, ...]
    ship_by: datetime
    deliver_by: datetime
    by_amazon: bool = False
    prime: bool = False
    packages: tuple[Package, ...] = ()

    @property
    def currency(self) -> str:
        return self.marketplace.currency

    @property
    def total(self) -> int:
        return sum(line.total for line in self.lines)

    @property
    def status(self) -> str:
        """As the Orders API of 2026 spells it."""
        if all(line.cancelled == line.quantity for line in self.lines):
            return "CANCELLED"
        if not any(line.open for line in self.lines):
            return "SHIPPED"
        return "PARTIALLY_SHIPPED" if any(line.shipped for line in self.lines) else "UNSHIPPED"

    def line(self, line_id: str) -> Line | None:
        return next((line for line in self.lines if line.id == line_id), None)

    def line_of_sku(self, sku: str) -> Line:
        return next(line for line in self.lines if line.sku == sku)


class Source(Enum):
    """Who moved money back to a buyer."""

    FEED = "feed"
    SELLER_CENTRAL = "seller central"
    FIRST_SCAN = "first scan"
    AUTOMATIC = "automatic refund"
    CANCELLATION = "cancellation"
    CLAIM = "guarantee claim"
    CHARGEBACK = "chargeback"
    FBA = "fulfilled by Amazon"
    SAFE_T = "SAFE-T reimbursement"


@dataclass(frozen=True, slots=True)
class Share:
    """A line's part of a movement. `charges` are signed as the seller sees them: a refund is negative."""

    id: str
    line: str
    sku: str
    asin: str
    quantity: int
    charges: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        return sum(amount for _, amount in self.charges)


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved. `kind`: Shipment, Refund, GuaranteeClaim, Chargeback or SAFETReimbursement.

    Finances show it from `visible_at`; a deferred one is released at `released_at`.
    """

    id: str
    order: str
    kind: str
    posted_at: datetime
    visible_at: datetime
    shares: tuple[Share, ...]
    source: Source | None = None
    reason: str = ""
    feed: str | None = None
    released_at: datetime | None = None

    @property
    def total(self) -> int:
        return sum(share.total for share in self.shares)


@dataclass(frozen=True, slots=True)
class Return:
    """One line of a return request; lines asked for together share the RMA. Times are None until they happened."""

    id: str
    order: str
    line: str
    quantity: int
    rma: str
    reason: str
    requested_at: datetime
    status: str
    in_policy: bool
    label_type: str
    label_payer: str
    label_cost: int
    comment: str = ""
    merchant_rma: str = ""
    carrier: str = ""
    tracking: str = ""
    resolution: str = ""
    invoice: str = ""
    scanned_at: datetime | None = None
    delivered_at: datetime | None = None
    refund_at_first_scan: bool = False
    safe_t: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """An A-to-Z claim. `state`: OPENED, INFORMATION_REQUESTED, REPRESENTED, GRANTED, DENIED, APPEALED, WITHDRAWN."""

    id: str
    order: str
    amount: int
    reason: str
    opened_at: datetime
    respond_by: datetime
    state: str
    decided_at: datetime | None = None
    on_seller: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A line of the conversation with a buyer; `sent_by` is buyer, seller or amazon."""

    order: str
    at: datetime
    sent_by: str
    text: str
    kind: str = "mail"
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class FbaReturn:
    id: str
    order: str
    line: str
    quantity: int
    received_at: datetime
    disposition: str
    reason: str
    status: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Reimbursement:
    id: str
    order: str | None
    sku: str
    asin: str
    title: str
    currency: str
    per_unit: int
    quantity: int
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OutboundLine:
    id: str
    sku: str
    quantity: int
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class OutboundReturn:
    """A return of a Multi-Channel Fulfillment order, authorised by Amazon and later received."""

    id: str
    line: str
    shipment: str
    reason: str
    rma: str
    authorisation: str
    at: datetime
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OutboundOrder:
    """A Multi-Channel Fulfillment order; `status` as the API of 2020 spells it."""

    id: str
    marketplace: Marketplace
    buyer: Buyer
    lines: tuple[OutboundLine, ...]
    received_at: datetime
    updated_at: datetime
    status: str
    comment: str = ""
    shipment: str | None = None
    shipped_at: datetime | None = None
    tracking: str | None = None
    returns: tuple[OutboundReturn, ...] = ()
