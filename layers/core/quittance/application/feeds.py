"""The port of a channel that carries acts out by feeds: one document for many, answered later, line by line.

A feed cannot be asked for by its document, so that an unknown submission is found only by listing what was created.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from quittance.application.ports import Channel, NotSent, Refused, SendOutcome, Unknown
from quittance.domain.errors import Unavailable
from quittance.domain.feed_batch import FeedTerms
from quittance.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Submitted:
    """The channel has taken the document in and named the feed; nothing of it needs to have happened yet."""

    feed: str


Submission = Submitted | Refused | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class SeenFeed:
    """A feed as the channel lists it: by its own id and time, without any word of ours."""

    id: str
    created_at: datetime


class FeedState(StrEnum):
    """Where a feed stands at the channel."""

    RUNNING = "running"
    DONE = "done"
    FATAL = "fatal"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class FeedReport:
    """What became of a feed's lines, numbered from 1; `processed` is how many the channel says it worked on.

    A line that is missing is unknown: a channel that lists failures alone has its adapter name the others.
    """

    lines: Mapping[int, SendOutcome] = field(default_factory=dict)
    processed: int | None = None


class Feeds(Protocol):
    """Feeds of one channel. Reads raise Unavailable when the answer is missing, throttled, partial or not understood.

    Unlike every other read, `list_feeds` may lag: a feed counts as absent only when it was missing after the horizon.
    """

    def terms(self, feed_type: str) -> FeedTerms:
        """How many, how large and how often."""

    def compose(self, feed_type: str, rows: Sequence[bytes]) -> bytes:
        """The document of these rows, the first being line 1; pure, and the same for the same rows for ever."""

    def upload(self, account: str, feed_type: str, document: bytes) -> str:
        """Put the document where a feed may take it from and return its id; without effect, and free to repeat."""

    def list_feeds(self, account: str, feed_type: str, since: datetime) -> Sequence[SeenFeed]:
        """Every feed of the type that was created since, by whomever."""

    def submit(self, account: str, feed_type: str, document: str, timeout: timedelta) -> Submission:
        """Create the feed, once and without any retry; whatever is not a definite answer is Unknown."""

    def feed_state(self, account: str, feed: str) -> FeedState:
        """Where the feed stands."""

    def results(self, account: str, feed: str) -> FeedReport:
        """The report of a feed that has ended; an empty one for a feed that ended without any."""


@runtime_checkable
class OffersFeeds(Protocol):
    """A channel some of whose acts go by feed."""

    @property
    def feeds(self) -> Feeds:
        """Its feeds."""


def feeds_of(channel: Channel) -> Feeds:
    """The feeds of a channel; raises Unavailable when it offers none."""
    if not isinstance(channel, OffersFeeds):
        raise Unavailable(f"{channel.name} takes no feeds")
    return channel.feeds
