"""An order: its ledger, the cases linked to it, and whether money may move on it at all.

Refuses a reading older than the one it rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from quittance.domain.ids import CaseId, OrderId
from quittance.domain.ledger import Ledger, forget_failed, see_refunds
from quittance.domain.observations import MoneyStatus, OrderReading


@dataclass(frozen=True, slots=True)
class Order:
    """One order of one account; `disputes` are open ones at the bank, `frozen` says why nothing may be sent."""

    id: OrderId
    channel: str
    account: str
    store: str
    currency: str
    as_of: datetime
    version: int = 0
    country: str = ""
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None
    ledger: Ledger = field(default_factory=Ledger)
    cases: frozenset[CaseId] = frozenset()
    ordinals: Mapping[str, int] = field(default_factory=dict)
    disputes: frozenset[str] = frozenset()
    frozen: str = ""


def opened(reading: OrderReading, channel: str, account: str, store: str) -> Order:
    """The order as first read; an unread ledger of version 0 that `read` fills."""
    return Order(reading.id, channel, account, store, reading.currency, as_of=reading.as_of)


def read(order: Order, reading: OrderReading) -> Order:
    """Take a reading over; an older one changes nothing."""
    if order.version and reading.as_of < order.as_of:
        return order
    ledger = replace(order.ledger, payments=reading.payments, lines=reading.lines, shipping=reading.shipping)
    seen = {r.id: r.amounts for r in reading.refunds if r.status is not MoneyStatus.FAILED}
    ledger = forget_failed(ledger, frozenset(r.id for r in reading.refunds) - seen.keys())
    return replace(
        order,
        as_of=reading.as_of,
        country=reading.country or order.country,
        delivered_at=reading.delivered_at or order.delivered_at,
        cancelled_at=reading.cancelled_at or order.cancelled_at,
        disputes=reading.disputes,
        ledger=see_refunds(ledger, seen),
    )
