"""Observations: what a channel or a warehouse says is so, and when it said so, in the house's own words.

Refuses nothing: a value that nobody knows is kept as it came, under `unrecognised`, for a person to see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from quittance.domain.ids import OrderId, ReceiptId
from quittance.domain.ledger import Amounts, Payment, SoldLine
from quittance.domain.values import dataclass


class ChannelStatus(StrEnum):
    """Where the channel says a return stands."""

    REQUESTED = "requested"
    OPEN = "open"
    CLOSED = "closed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    UNRECOGNISED = "unrecognised"


class MoneyStatus(StrEnum):
    """Whether the money of a refund has moved, by the channel's own transactions."""

    PENDING = "pending"
    MOVED = "moved"
    FAILED = "failed"


class FulfilledBy(StrEnum):
    """Who ships an order, takes it back and pays for it: the merchant, or the marketplace in its own name."""

    MERCHANT = "merchant"
    MARKETPLACE = "marketplace"


class Condition(StrEnum):
    """The state in which the warehouse found units of a parcel."""

    NEW = "new"
    OPENED = "opened"
    USED = "used"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RefundReading:
    """A refund as the channel shows it; `return_id` names the return it belongs to, if any.

    `intent` is the intent of ours that the refund says it is, where the channel keeps what we write on it.
    """

    id: str
    amounts: Amounts
    status: MoneyStatus
    return_id: str = ""
    intent: str = ""


@dataclass(frozen=True, slots=True)
class OrderReading:
    """An order as the channel shows it, read whole at `as_of`; money is in minor units of `currency`.

    `customer` is a salted hash of the channel's own id of the buyer, empty where nobody asked or nobody is known.
    """

    id: OrderId
    as_of: datetime
    currency: str
    country: str = ""
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None
    lines: Mapping[str, SoldLine] = field(default_factory=dict)
    shipping: int = 0
    payments: Mapping[str, Payment] = field(default_factory=dict)
    refunds: tuple[RefundReading, ...] = ()
    disputes: frozenset[str] = frozenset()
    unrecognised: tuple[str, ...] = ()
    fulfilled_by: FulfilledBy = FulfilledBy.MERCHANT
    customer: str = ""


@dataclass(frozen=True, slots=True)
class ReturnLineReading:
    """One line of a return as the channel shows it."""

    id: str
    order_line: str
    sku: str
    quantity: int
    reason: str
    processed: int = 0
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class ReturnReading:
    """A return as the channel shows it, read whole at `as_of`; `texts` are the buyer's words by reference."""

    id: str
    order: OrderId
    as_of: datetime
    status: ChannelStatus
    requested_at: datetime
    lines: Mapping[str, ReturnLineReading] = field(default_factory=dict)
    rma: str = ""
    tracking: frozenset[str] = frozenset()
    sent_at: datetime | None = None
    refunds: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)
    unrecognised: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceivedUnits:
    """Units of one SKU found in a parcel, in one condition."""

    sku: str
    quantity: int
    condition: Condition
    photo: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Goods that arrived: one per parcel, named by `id`; `names` are (kind, value) pairs to find its return by."""

    id: ReceiptId
    received_at: datetime
    units: tuple[ReceivedUnits, ...]
    names: tuple[tuple[str, str], ...]
    digest: str
    texts: Mapping[str, str] = field(default_factory=dict)
