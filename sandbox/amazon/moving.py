"""How money moves: a shipment charges the buyer, a refund gives back, and Finances show it after a while.

Each movement is told once as TRANSACTION_UPDATE when it becomes visible, and a refund by mail.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sandbox.amazon import letters
from sandbox.amazon.books import charges_of
from sandbox.amazon.house import Floor
from sandbox.amazon.instants import fine_stamp
from sandbox.amazon.money import number
from sandbox.amazon.records import Line, Movement, Order, Share, Source


@dataclass(frozen=True, slots=True)
class Cause:
    """Why money moves: for a shipment nobody is named."""

    kind: str
    source: Source | None = None
    reason: str = ""
    feed: str | None = None


def move(floor: Floor, order: Order, shares: tuple[Share, ...], cause: Cause, at: datetime) -> Movement:
    """Write a movement into the books and plan how the world learns of it."""
    lags = floor.seller.lags
    visible = at + floor.house.faults.take_lag(lags.finances)
    movement = floor.books.move(
        Movement(
            id=floor.house.ids.letters("movement", 24),
            order=order.id,
            kind=cause.kind,
            posted_at=at,
            visible_at=visible,
            shares=shares,
            source=cause.source,
            reason=cause.reason,
            feed=cause.feed,
            released_at=visible + lags.deferred if lags.deferred is not None else None,
        )
    )
    floor.plan(visible, lambda then: _announce(floor, order, movement, then))
    if cause.kind == "Refund":
        letters.refund_issued(floor, order, movement, at)
    return movement


def _announce(floor: Floor, order: Order, movement: Movement, at: datetime) -> None:
    marketplace = order.marketplace
    payload = {
        "SellingPartnerMetadata": {
            "SellingPartnerId": floor.seller.id,
            "MarketplaceId": marketplace.id,
            "AccountType": "PAYABLE",
        },
        "RelatedIdentifiers": [{"RelatedIdentifierName": "OrderId", "RelatedIdentifierValue": order.id}],
        "TransactionType": movement.kind,
        "PostedDate": fine_stamp(movement.posted_at),
        "TotalAmount": {
            "CurrencyAmount": number(movement.total, order.currency),
            "CurrencyCode": order.currency,
        },
    }
    floor.announce("TRANSACTION_UPDATE", "TransactionUpdateNotification", payload, at, marketplace=marketplace.id)


def give_all_back(floor: Floor, order: Order, cause: Cause, at: datetime, limit: int | None = None) -> Movement | None:
    """Give back what is left of an order's money, at most `limit`; None when nothing is left."""
    books = floor.books
    left = books.charged(order.id) - books.gone_back(order.id)
    left = left if limit is None else min(left, limit)
    if left <= 0:
        return None
    shares = []
    for line in order.lines:
        charges = _clipped(books.left_of(order.id, line.id), left)
        given = sum(amount for _, amount in charges)
        if given > 0:
            left -= given
            shares.append(share_of(floor, line, line.shipped, tuple((kind, -amount) for kind, amount in charges)))
    return move(floor, order, tuple(shares), cause, at) if shares else None


def share_of(floor: Floor, line: Line, quantity: int, charges: tuple[tuple[str, int], ...]) -> Share:
    """A line's part of a movement, with an adjustment item id of its own."""
    return Share(floor.house.ids.letters("adjustment", 14), line.id, line.sku, line.asin, quantity, charges)


def goods_back(floor: Floor, order: Order, units: Iterable[tuple[Line, int]]) -> tuple[Share, ...]:
    """The shares that give units back without their shipping: as charged, at most what line and order hold."""
    limit = floor.books.money_of(order.id).kept
    shares = []
    for line, count in units:
        left = dict(floor.books.left_of(order.id, line.id))
        charged = ((kind, amount) for kind, amount in charges_of(line, count, 0) if "Shipping" not in kind)
        held = tuple((kind, _nearer(amount, left.get(kind, 0))) for kind, amount in charged)
        charges = _clipped(held, limit)
        given = sum(amount for _, amount in charges)
        if given > 0:
            limit -= given
            shares.append(share_of(floor, line, count, tuple((kind, -amount) for kind, amount in charges)))
    return tuple(shares)


def _nearer(amount: int, left: int) -> int:
    """The smaller of two charges, or of two discounts."""
    return min(amount, max(left, 0)) if amount > 0 else max(amount, min(left, 0))


def _clipped(charges: tuple[tuple[str, int], ...], limit: int) -> tuple[tuple[str, int], ...]:
    """The charges, discounts first, cut off where their sum would pass the limit."""
    kept: list[tuple[str, int]] = []
    for kind, amount in sorted(charges, key=lambda item: item[1] > 0):
        taken = min(amount, limit)
        limit -= taken
        if taken:
            kept.append((kind, taken))
    return tuple(kept)
