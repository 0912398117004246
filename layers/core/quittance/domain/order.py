"""An order: its ledger, the cases linked to it, and whether money may move on it at all.

Refuses a reading older than the one it rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta

from quittance.domain.ids import CaseId, OrderId
from quittance.domain.ledger import Ledger, forget_failed, see_refunds
from quittance.domain.observations import FulfilledBy, MoneyStatus, OrderReading
from quittance.domain.values import dataclass, replace

BOOKS_DIFFER = "books_differ"
NOT_READ_SINCE_RESTORE = "not_read_since_restore"
COMPARE_AFTER = timedelta(hours=24)
"""How long after a refund of ours has settled its order is laid beside the channel's books, and again while they
differ."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order of one account; `disputes` are open ones at the bank or the channel, `frozen` says why nothing is sent.

    `overridden` are the open disputes despite which an approver lets money move; `customer` is a salted hash. `due` is
    when the books are next laid beside the channel's, None where neither side has moved since they last were.
    """

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
    overridden: frozenset[str] = frozenset()
    fulfilled_by: FulfilledBy = FulfilledBy.MERCHANT
    customer: str = ""
    due: datetime | None = None

    @property
    def blocking(self) -> frozenset[str]:
        """The open disputes that stop a refund: all that no approver has overridden."""
        return self.disputes - self.overridden

    @property
    def is_marketplaces(self) -> bool:
        """Say whether the marketplace ships, takes back and pays; then Quittance only watches."""
        return self.fulfilled_by is FulfilledBy.MARKETPLACE


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
        overridden=order.overridden & reading.disputes,
        fulfilled_by=reading.fulfilled_by,
        customer=reading.customer or order.customer,
        ledger=see_refunds(ledger, seen),
    )
