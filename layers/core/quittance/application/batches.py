"""What the use cases ask of the table for feed batches, and what they commit there together.

Decides nothing; the writer lock and the header move in one transaction, an intent joins in one with its member.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from quittance.application.commit import IntentChange, Key, Scene
from quittance.domain.feed_batch import FeedBatch, FeedLock, Member
from quittance.domain.ids import IntentId, OrderId
from quittance.domain.intent import Intent
from quittance.domain.order import Order
from quittance.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class BatchChange:
    """A header as it was read (None: it is new) and as it shall be."""

    before: FeedBatch | None
    after: FeedBatch


@dataclass(frozen=True, slots=True)
class LockChange:
    """A writer lock as it was read (None: there is none yet) and as it shall be."""

    before: FeedLock | None
    after: FeedLock


@dataclass(frozen=True, slots=True)
class Joining:
    """An intent that joins a batch: all of it is written or none; a new batch moves the lock along."""

    intent: IntentChange
    batch: BatchChange
    member: Member
    lock: LockChange | None = None


@dataclass(frozen=True, slots=True)
class Leaving:
    """A member that leaves a batch before it is sealed: proven unsent, because the document is not made yet.

    Without a change the intent has left before.
    """

    batch: BatchChange
    member: Member
    intent: IntentChange | None = None


class BatchTable(Protocol):
    """Feed batches by access pattern. Reads are consistent; commits raise Conflict when a condition fails."""

    def feed_lock(self, account: str, feed_type: str) -> FeedLock | None:
        """The writer lock of a feed type."""

    def batch(self, account: str, feed_type: str, number: int) -> FeedBatch | None:
        """One header."""

    def batch_at(self, key: Key) -> FeedBatch | None:
        """A header by its item's key."""

    def members(self, batch: FeedBatch) -> Sequence[Member]:
        """Every member of a batch, in the order of their intents' ids, which is the order of its lines."""

    def member_scene(self, batch: FeedBatch, member: Member) -> Scene:
        """A member's order with all its intents and cases."""

    def member_intents(self, batch: FeedBatch, members: Sequence[Member]) -> Mapping[IntentId, Intent]:
        """The intents of members as they stand."""

    def member_orders(self, batch: FeedBatch, members: Sequence[Member]) -> Mapping[OrderId, Order]:
        """The orders of members as they stand."""

    def join(self, joining: Joining) -> None:
        """Write intent, member, header and, for a new batch, the lock; raises Conflict."""

    def leave(self, leaving: Leaving) -> None:
        """Write intent, member and header; raises Conflict."""

    def commit_batch(self, batch: BatchChange, lock: LockChange | None = None) -> None:
        """Move a header on, and the writer lock with it; raises Conflict."""
