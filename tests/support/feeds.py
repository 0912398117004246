"""A channel that refunds by feed alone: no key, no word of ours in its books, and a report that comes later.

It keeps its own books: what a document says is done once for each feed that carries it, whoever submitted it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from quittance.application.feeds import FeedReport, Feeds, FeedState, SeenFeed, Submission, Submitted
from quittance.application.ports import Applied, Refused, SendOutcome, Unknown
from quittance.domain.errors import Unavailable
from quittance.domain.feed_batch import FeedTerms
from quittance.domain.intent import Act, Intent
from quittance.domain.ledger import Amounts
from quittance.domain.observations import MoneyStatus, RefundReading
from tests.support.shop import Shop

REFUNDS = "refunds"
TAKES = timedelta(minutes=4)
Fault = Callable[["FeedHouse", str], Submission]
LineFault = Callable[[int], SendOutcome | None]


@dataclass
class Feed:
    """One feed at the channel."""

    type: str
    document: str
    created_at: datetime
    state: FeedState = FeedState.RUNNING
    report: FeedReport = field(default_factory=FeedReport)


@dataclass
class FeedHouse:
    """Documents and feeds of one account. `faults` are consumed one a submission.

    `lines` says what becomes of a line instead of being done; `fatal_after` ends a feed in the middle, `says` is how
    many lines its report then claims; a `stuck` feed never ends, and reports are kept back until `reports_from`.
    Feeds that are `not_listed` exist, and the list does not show them yet.
    """

    shop: FeedShop
    now: Callable[[], datetime]
    documents: dict[str, bytes] = field(default_factory=dict)
    created: dict[str, Feed] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    lines: LineFault = lambda _: None
    fatal_after: int | None = None
    says: int | None = None
    stuck: bool = False
    cancelled: bool = False
    extra_line: bool = False
    reports_from: datetime | None = None
    unreadable: int = 0
    calls: list[str] = field(default_factory=list)
    advice: FeedTerms = field(default_factory=FeedTerms)
    not_listed: set[str] = field(default_factory=set)
    newline: bytes = b"\n"
    on_list: Callable[[], None] = lambda: None

    def terms(self, _feed_type: str) -> FeedTerms:
        """As Amazon advises, unless a test says otherwise."""
        return self.advice

    def compose(self, _feed_type: str, rows: Sequence[bytes]) -> bytes:
        """One row a line."""
        return self.newline.join(rows)

    def upload(self, _account: str, _feed_type: str, document: bytes) -> str:
        """Keep the document; nothing comes of it."""
        self._read("upload")
        name = f"D{len(self.documents) + 1}"
        self.documents[name] = document
        return name

    def list_feeds(self, _account: str, feed_type: str, since: datetime) -> Sequence[SeenFeed]:
        """Every feed since, without its document."""
        self._read("list")
        self.on_list()
        found = [SeenFeed(name, feed.created_at) for name, feed in self.created.items() if feed.type == feed_type]
        return [feed for feed in found if feed.created_at >= since and feed.id not in self.not_listed]

    def _read(self, call: str) -> None:
        self.calls.append(call)
        if self.unreadable:
            self.unreadable -= 1
            raise Unavailable("the channel does not answer")

    def submit(self, _account: str, feed_type: str, document: str, _timeout: timedelta) -> Submission:
        """Create one feed more, whatever was created before."""
        self.calls.append("submit")
        if self.faults:
            return self.faults.pop(0)(self, document)
        return Submitted(self.create(feed_type, document))

    def create(self, feed_type: str, document: str) -> str:
        """A feed of a document."""
        name = f"F{len(self.created) + 1}"
        self.created[name] = Feed(feed_type, document, self.now())
        return name

    def feed_state(self, _account: str, feed: str) -> FeedState:
        """Where it stands."""
        self._read("state")
        return self.created[feed].state

    def results(self, _account: str, feed: str) -> FeedReport:
        """Its report, unless that is kept back."""
        self._read("results")
        if self.reports_from is not None and self.now() < self.reports_from:
            raise Unavailable("the report is not there yet")
        return self.created[feed].report

    def run(self) -> None:
        """Work on every feed that has waited long enough."""
        for feed in self.created.values():
            is_due = self.now() - feed.created_at >= TAKES and feed.document in self.documents
            if feed.state is FeedState.RUNNING and is_due and not self.stuck:
                self._work_on(feed)

    def _work_on(self, feed: Feed) -> None:
        if self.cancelled:
            feed.state = FeedState.CANCELLED
            return
        rows = [row for row in self.documents[feed.document].split(b"\n") if row]
        done = rows if self.fatal_after is None else rows[: self.fatal_after]
        lines = {number: self._line(number, row) for number, row in enumerate(done, 1)}
        if self.fatal_after is not None:
            feed.state, feed.report = FeedState.FATAL, FeedReport({}, self.says)
            return
        told = {number: outcome for number, outcome in lines.items() if not isinstance(outcome, Unknown)}
        stranger: dict[int, SendOutcome] = {len(rows) + 7: Refused("NOBODY")} if self.extra_line else {}
        feed.state, feed.report = FeedState.DONE, FeedReport({**told, **stranger}, len(rows))

    def _line(self, number: int, row: bytes) -> SendOutcome:
        instead = self.lines(number)
        if isinstance(instead, Refused):
            return instead
        done = self.shop.pay(json.loads(row))
        return done if instead is None else instead


class FeedShop(Shop):
    """A shop whose refunds go by feed; everything else by call. Its look-back reads its own books, as ever."""

    house: FeedHouse

    @property
    def feeds(self) -> Feeds:
        """Its feeds."""
        return self.house

    def feed_type(self, act: Act) -> str | None:
        """Refunds go by feed."""
        return REFUNDS if act is Act.REFUND else None

    def render(self, intent: Intent, words: str) -> bytes:
        """A refund's row says all that the shop needs to know, and nothing of ours."""
        if intent.act is not Act.REFUND:
            return super().render(intent, words)
        lines = [[line.order_line, line.quantity, line.minor] for line in intent.lines]
        row = {"order": intent.order, "return": intent.external, "lines": lines, "pay": dict(intent.payments)}
        return json.dumps(row, sort_keys=True).encode()

    def pay(self, row: dict[str, Any]) -> Applied:
        """Do what a row says, once more."""
        order = row["order"]
        name = f"R{len(self.effects) + 1}"
        amounts = Amounts(row["pay"], {line: (quantity, minor) for line, quantity, minor in row["lines"]})
        self.effects.append((order, name, amounts.total))
        self._add(order, RefundReading(name, amounts, MoneyStatus.MOVED, row["return"]))
        return Applied(name)


def answer_lost(house: FeedHouse, document: str) -> Submission:
    """Created, and nobody hears of it."""
    house.create(REFUNDS, document)
    return Unknown("timeout")


def call_lost(_: FeedHouse, __: str) -> Submission:
    """Not created, and nobody knows."""
    return Unknown("timeout")


def another_tool(house: FeedHouse, document: str) -> Submission:
    """Created with its answer lost, while another program of the seller creates one too."""
    house.create(REFUNDS, house.upload("", REFUNDS, b""))
    return answer_lost(house, document)


def made_by_others(house: FeedHouse) -> str:
    """A feed of the type that another program submits, without a line."""
    house.documents["D-OTHERS"] = b""
    name = house.create(REFUNDS, "D-OTHERS")
    house.created[name] = replace(house.created[name], state=FeedState.DONE)
    return name
