"""What stands under the operations: one application with its sellers, each with books, feeds, reports and a style.

State only, and the three ways in which it tells the world: a notification, a mail, a deed planned for later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Any

from sandbox.amazon.agenda import Agenda, Deed
from sandbox.amazon.books import Books
from sandbox.amazon.documents import Documents
from sandbox.amazon.faults import Faults, FeedFault, ReportFault
from sandbox.amazon.ids import Ids
from sandbox.amazon.lwa import Login
from sandbox.amazon.mailroom import Mailroom
from sandbox.amazon.marketplaces import BY_ID
from sandbox.amazon.notifications import Event, Outbox
from sandbox.amazon.records import Order
from sandbox.amazon.refusals import absent, denied
from sandbox.amazon.seller import ReportStyle, Seller


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed on its way. `listed_at` is when getFeeds begins to show it."""

    id: str
    type: str
    marketplaces: tuple[str, ...]
    document: str
    created_at: datetime
    listed_at: datetime
    fault: FeedFault
    status: str = "IN_QUEUE"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    id: str
    type: str
    marketplaces: tuple[str, ...]
    created_at: datetime
    data_from: datetime
    data_until: datetime
    fault: ReportFault
    options: Mapping[str, str] = field(default_factory=dict)
    schedule: str | None = None
    too_often: bool = False
    status: str = "IN_QUEUE"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    document: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    id: str
    type: str
    marketplaces: tuple[str, ...]
    period: str
    next_at: datetime
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Floor:
    """A seller at work."""

    house: House
    seller: Seller
    style: ReportStyle
    books: Books = field(default_factory=Books)
    feeds: dict[str, Feed] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    pages: dict[str, list[Any]] = field(default_factory=dict)
    account_status: str = "NORMAL"

    @property
    def now(self) -> datetime:
        return self.house.clock()

    def order(self, order_id: str) -> Order:
        """Raises Refused (404) when this seller has no such order."""
        if order_id not in self.books.orders:
            raise absent(f"Order {order_id}")
        return self.books.orders[order_id]

    def check_marketplaces(self, given: tuple[str, ...]) -> None:
        """Raises Refused (403) for a marketplace in which this seller does not sell."""
        own = {one.id for one in self.seller.marketplaces}
        for one in given:
            if one not in BY_ID or one not in own:
                raise denied(f"Marketplace {one} is not one of this selling partner's.")

    # Telling

    def announce(self, kind: str, name: str, payload: Mapping[str, Any], at: datetime, **seen: str) -> None:
        """A notification to this seller's subscriptions of the type; `seen`: marketplace and change, for filters."""
        event = Event(kind, self.seller.id, at, name, payload, **seen)
        self.house.outbox.announce(event, self.seller.lags.notification)

    def plan(self, at: datetime, deed: Deed) -> None:
        self.house.agenda.plan(at, deed)

    def in_time(self, after: timedelta, deed: Deed) -> None:
        self.plan(self.now + after, deed)


@dataclass(slots=True)
class House:
    """The application's side of Amazon: what all sellers share."""

    clock: Callable[[], datetime]
    ids: Ids
    faults: Faults
    agenda: Agenda
    login: Login
    outbox: Outbox
    mailroom: Mailroom
    documents: Documents
    lock: RLock
    floors: dict[str, Floor] = field(default_factory=dict)

    def floor_of_order(self, order_id: str) -> Floor:
        """Raises KeyError when no seller has the order."""
        for floor in self.floors.values():
            if order_id in floor.books.orders or order_id in floor.books.outbound:
                return floor
        raise KeyError(f"no seller has the order {order_id}")
