"""One running shop: its books, its app, its bucket, and how an act becomes news to subscribers.

All news of one act share an event id; time-driven acts (settlements, cancellation jobs) are acts of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sandbox.shopify import cancelling, refunds
from sandbox.shopify import records as r
from sandbox.shopify import return_records as rr
from sandbox.shopify.books import Books
from sandbox.shopify.cost import Bucket
from sandbox.shopify.faults import Faults
from sandbox.shopify.idempotency import Keys
from sandbox.shopify.ids import Sequence
from sandbox.shopify.payloads import body_of
from sandbox.shopify.shop import App, Shop
from sandbox.shopify.views.common import Scene
from sandbox.shopify.webhooks import Notice, Outbox

_REASONS = (
    ("Unknown", "unknown", "UNKNOWN"),
    ("Changed my mind", "changed-my-mind", "UNWANTED"),
    ("Item not as described", "item-not-as-described", "NOT_AS_DESCRIBED"),
    ("Received the wrong item", "received-the-wrong-item", "WRONG_ITEM"),
    ("Other", "other-reason", "OTHER"),
    ("Damaged or defective", "damaged-or-defective", "DEFECTIVE"),
    ("Too small", "too-small", "SIZE_TOO_SMALL"),
    ("Too big", "too-big", "SIZE_TOO_LARGE"),
    ("Style", "style", "STYLE"),
    ("Color", "color", "COLOR"),
)
Result = TypeVar("Result")


@dataclass(slots=True)
class Floor:
    """A shop at work. Every change of its books goes through `act`, so that its news go out."""

    shop: Shop
    books: Books
    app: App
    keys: Keys
    bucket: Bucket
    outbox: Outbox

    def act(self, do: Callable[[], Result]) -> Result:
        """Do it and tell the subscribers, even when it ends in a refusal half of a document later."""
        try:
            return do()
        finally:
            self._publish()

    def _publish(self) -> None:
        news, self.books.news = self.books.news, []
        if not news:
            return
        event_id = self.books.ids.uuid("event")
        for item in dict.fromkeys(news):
            if self.outbox.subscribers(self.shop.name, item.topic):
                body = body_of(self.books, item, self.shop.time_zone, self.shop.shop_id)
                now = self.books.clock()
                self.outbox.announce(Notice(self.shop.name, item.topic, body, event_id, now, self.app.signing_secret))

    def catch_up(self, now: datetime) -> None:
        """What time alone brings: settled money, finished jobs."""
        self.act(lambda: cancelling.run_due(self.books, now))
        self.act(lambda: refunds.settle_due(self.books, now))

    def scene(self, version: str) -> Scene:
        return Scene(
            books=self.books,
            now=self.books.clock(),
            version=version,
            shop=self.shop,
            hooks=self.outbox,
            scopes=self.shop.scopes,
            protected=self.shop.protected,
            cancel_after=self.shop.cancel_after,
        )


def open_floor(
    shop: Shop,
    clock: Callable[[], datetime],
    ids: Sequence,
    faults: Faults,
    outbox: Outbox,
    pace: Callable[[], float],
) -> Floor:
    """An empty shop with one location and the return reasons every shop has."""
    books = Books(shop.name, shop.currency, ids, clock, lambda: faults.take_settlement(shop.settlement))
    location = r.Location(ids.gid("Location"), "Main warehouse", clock())
    books.locations[location.id] = location
    for number, (name, handle, legacy) in enumerate(_REASONS, start=1):
        gid = f"gid://shopify/ReturnReasonDefinition/{number}"
        books.reasons[gid] = rr.Reason(gid, name, handle, legacy)
    size, rate = shop.bucket
    return Floor(shop, books, App(shop, clock), Keys(), Bucket(size, rate, pace), outbox)
