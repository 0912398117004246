"""What the books hold about returns and the goods that come back, frozen.

A return line counts what was asked, processed and refunded; the reverse fulfilment order counts the goods themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Reason:
    id: str
    name: str
    handle: str
    legacy: str
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class ReturnLine:
    id: str
    fulfillment_line: str
    quantity: int
    reason: str
    reason_definition: str | None
    reason_note: str
    customer_note: str | None
    fee_id: str | None
    fee_percentage: Decimal
    processed: int = 0
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class ExchangeLine:
    id: str
    variant: str
    quantity: int
    processed: int = 0
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShippingFee:
    id: str
    amount: int
    charged: bool = False


@dataclass(frozen=True, slots=True)
class Return:
    id: str
    order: str
    name: str
    status: str
    lines: tuple[ReturnLine, ...]
    created_at: datetime
    exchanges: tuple[ExchangeLine, ...] = ()
    fees: tuple[ShippingFee, ...] = ()
    approved_at: datetime | None = None
    closed_at: datetime | None = None
    decline_reason: str | None = None
    decline_note: str | None = None
    process_note: str | None = None

    def line(self, line_id: str) -> ReturnLine | None:
        return next((line for line in self.lines if line.id == line_id), None)


@dataclass(frozen=True, slots=True)
class Disposition:
    id: str
    type: str
    quantity: int
    location: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ReverseLine:
    id: str
    fulfillment_line: str
    return_line: str
    quantity: int
    dispositions: tuple[Disposition, ...] = ()

    @property
    def disposed(self) -> int:
        return sum(disposition.quantity for disposition in self.dispositions)


@dataclass(frozen=True, slots=True)
class ReverseDeliveryLine:
    id: str
    reverse_line: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ReverseDelivery:
    id: str
    reverse_order: str
    lines: tuple[ReverseDeliveryLine, ...]
    created_at: datetime
    updated_at: datetime
    tracking_number: str | None = None
    tracking_url: str | None = None
    label_url: str | None = None


@dataclass(frozen=True, slots=True)
class ReverseOrder:
    id: str
    order: str
    return_id: str
    status: str
    lines: tuple[ReverseLine, ...]
