"""A world of Amazon sellers for scenarios and tests: the live API, the people behind it, and the books that are true.

It acts as Amazon does; the doors for the system under test are the server's URL, the queue and the mailbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from threading import RLock
from typing import Self

from sandbox.amazon import feeds, replies
from sandbox.amazon.agenda import Agenda
from sandbox.amazon.books import Books, OrderMoney
from sandbox.amazon.buyers import Buyers
from sandbox.amazon.documents import Documents
from sandbox.amazon.faults import Faults
from sandbox.amazon.gateway import Gateway, Logged
from sandbox.amazon.house import Feed, Floor, House
from sandbox.amazon.ids import Ids
from sandbox.amazon.lwa import Login
from sandbox.amazon.mailroom import Mail, Mailroom, Post
from sandbox.amazon.notifications import Note, Outbox, Road
from sandbox.amazon.people import Amazon, Carriers, Staff
from sandbox.amazon.records import Order
from sandbox.amazon.seller import Application, Seller
from sandbox.amazon.server import Server


class AmazonSimulator:
    """Start with `with AmazonSimulator(clock) as amazon:`; `amazon.url` serves the API, tokens and documents.

    `clock` gives the virtual time (aware UTC) of everything, quotas included. Acts stand in `buyers`, `carriers`,
    `amazon` and `staff`. `seller` may be left out when there is one. Notifications and mails go out by `deliver_due`
    over what `connect` was given. `strict` refuses requests with fields that no model
    names; the live service looks over them.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        sellers: Iterable[Seller] = (Seller(),),
        *,
        application: Application | None = None,
        seed: int = 1,
        port: int = 0,
        strict: bool = True,
    ) -> None:
        self.clock = clock
        self.faults = Faults()
        self._lock = RLock()
        known = list(sellers)
        ids, app = Ids(seed), application or Application()
        self.house = House(
            clock=clock,
            ids=ids,
            faults=self.faults,
            agenda=Agenda(),
            login=Login(app, clock, {one.refresh_token: one.id for one in known}),
            outbox=Outbox(ids, app.id, seed),
            mailroom=Mailroom(),
            documents=Documents(clock, ids, self.faults, lambda: self.url),
            lock=self._lock,
        )
        for one in known:
            self.house.floors[one.id] = Floor(self.house, one, one.style, account_status=one.account_status)
        self.buyers = Buyers(self.house)
        self.carriers = Carriers(self.house)
        self.amazon = Amazon(self.house)
        self.staff = Staff(self.house)
        self.gateway = Gateway(self.house, self._lock, strict=strict)
        self._server = Server(self.gateway.answer, port)
        self._road: Road | None = None
        self._post: Post | None = None

    # Running

    def start(self) -> Self:
        self._server.start()
        return self

    def stop(self) -> None:
        self._server.stop()

    def close(self) -> None:
        """Give the port back without ever having served: for those who only want the books."""
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def token_url(self) -> str:
        return f"{self.url}/auth/o2/token"

    @property
    def requests(self) -> list[Logged]:
        """Every request to an operation, oldest first."""
        return self.gateway.requests

    @property
    def defects(self) -> list[str]:
        """Traces of the simulator's own mistakes: must stay empty."""
        return self.gateway.defects

    @property
    def notifications(self) -> Outbox:
        return self.house.outbox

    @property
    def mailroom(self) -> Mailroom:
        return self.house.mailroom

    # Reading

    def floor(self, seller: str | None = None) -> Floor:
        if seller is not None:
            return self.house.floors[seller]
        if len(self.house.floors) != 1:
            raise ValueError("there are several sellers: say which")
        return next(iter(self.house.floors.values()))

    def books(self, seller: str | None = None) -> Books:
        return self.floor(seller).books

    def money(self, seller: str | None = None) -> dict[str, OrderMoney]:
        """Per order id: charged, refunded, claimed. The truth."""
        with self._lock:
            return self.books(seller).money()

    def order(self, order_id: str) -> Order:
        return self.house.floor_of_order(order_id).books.orders[order_id]

    # Time

    def run_due(self) -> int:
        """What time alone brings: feeds and reports that finish, money that posts, claims lost by silence."""
        with self._lock:
            return self.house.agenda.run_due(self.clock())

    def connect(self, road: Road | None = None, post: Post | None = None) -> None:
        """Say how notifications reach a queue (`roads.SqsRoad`) and mails a mailbox (`roads.Mailbox`)."""
        self._road = road or self._road
        self._post = post or self._post

    def deliver_due(self) -> int:
        """Do what is due, then send the notifications and mails that are; how many went out. Unconnected ones wait."""
        now, sent = self.clock(), 0
        self.run_due()
        with self._lock:
            if self._road is not None:
                sent += len(self.notifications.deliver_due(now, self._road))
            if self._post is not None:
                sent += len(self.mailroom.deliver_due(now, self._post))
        return sent

    def next_due(self) -> datetime | None:
        """The next moment at which anything happens by itself, or can be sent."""
        with self._lock:
            house = self.house
            moments = [house.agenda.next_due()]
            moments += [house.outbox.next_due()] if self._road is not None else []
            moments += [house.mailroom.next_due()] if self._post is not None else []
            return min((at for at in moments if at is not None), default=None)

    def tell_again(self, note_id: str) -> Note:
        """The same notification once more: queues deliver at least once. Raises ValueError when not connected."""
        if self._road is None:
            raise ValueError("no queue is connected")
        with self._lock:
            return self.notifications.send_again(note_id, self._road)

    def post_again(self, mail_id: str) -> Mail:
        """The same mail once more. Raises ValueError when not connected."""
        if self._post is None:
            raise ValueError("no mailbox is connected")
        with self._lock:
            return self.mailroom.post_again(mail_id, self._post)

    # By hand

    def release_feed(self, feed_id: str, seller: str | None = None) -> Feed:
        """Let a stuck feed go on."""
        with self._lock:
            return feeds.release(self.floor(seller), feed_id, self.clock())

    def receive_mail(self, raw: bytes, envelope_from: str, recipient: str) -> replies.Verdict:
        """A mail that the system under test sent to a buyer's alias: relayed, or bounced to its sender."""
        with self._lock:
            return replies.receive(self.house, raw, envelope_from, recipient, self.clock())

    def tell(self, kind: str, arn: str, body: str, seller: str | None = None) -> Note:
        """Any body to any queue: an unknown type, another seller's, broken JSON."""
        with self._lock:
            return self.notifications.announce_raw(kind, seller, arn, body, self.clock())
