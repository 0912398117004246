"""What every state of a feed batch shares: its doors, how it is saved, and how it is put off.

Refuses to move what another worker has moved: each write stands on the version that was read.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from quittance.application.batches import BatchChange, LockChange
from quittance.application.feeds import Feeds, feeds_of
from quittance.application.intent_step import FIRST_LOOK, LONGEST_WAIT, Limits
from quittance.application.ports import Ports
from quittance.domain.account import Control
from quittance.domain.feed_batch import BatchState, BatchVerb, FeedBatch, FeedLock, FeedTerms, advance
from quittance.domain.intent import back_off
from quittance.domain.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class FeedStep:
    """One batch as it was loaded, and the doors it may use."""

    ports: Ports
    batch: FeedBatch
    limits: Limits
    now: datetime

    @property
    def feeds(self) -> Feeds:
        """The feeds of the batch's channel; raises Unavailable when it offers none."""
        return feeds_of(self.ports.channel(self.batch.channel))

    @property
    def terms(self) -> FeedTerms:
        """What the channel advises for this type."""
        return self.feeds.terms(self.batch.type)

    def control(self) -> Control:
        """The account's switches, read consistently."""
        return self.ports.table.control(self.batch.account)

    def lock(self) -> FeedLock:
        """The writer lock as it stands; the first batch of a type has written it."""
        found = self.ports.table.feed_lock(self.batch.account, self.batch.type)
        return found or FeedLock(self.batch.account, self.batch.type)

    def holding(self, batch: FeedBatch) -> FeedStep:
        """The step after this worker has written the header."""
        return replace(self, batch=batch)


def save(step: FeedStep, after: FeedBatch, lock: LockChange | None = None) -> BatchState:
    """Write the header, and the lock with it where that changes."""
    changed = lock if lock is not None and lock.before != lock.after else None
    step.ports.table.commit_batch(BatchChange(step.batch, after), changed)
    if after.state is not step.batch.state:
        step.ports.meter.count("BatchTransition", after.channel, after.state.value)
    return after.state


def turn(step: FeedStep, verb: BatchVerb, lock: LockChange | None = None, **changes: object) -> FeedStep:
    """Walk one edge and return the step on what was written; whatever is tried next starts counting anew."""
    plain: dict[str, object] = {"due": step.now, "tries": 0, "cursor": "", "failed": 0}
    after = advance(step.batch, verb, **{**plain, **changes})
    save(step, after, lock)
    return step.holding(after)


def wait(step: FeedStep, until: datetime, why: str = "", **changes: object) -> BatchState:
    """Look at the batch again at an instant."""
    changed: dict[str, object] = {"due": until, "why": why or step.batch.why, **changes}
    return save(step, replace(step.batch, version=step.batch.version + 1, **changed))  # type: ignore[arg-type]


def again(step: FeedStep, why: str, limit: timedelta = LONGEST_WAIT) -> BatchState:
    """What the channel did not answer is asked again, after twice as long each time."""
    step.ports.meter.count("ChannelUnreadable", step.batch.channel, "feed")
    until = step.now + back_off(step.batch.tries, FIRST_LOOK, limit)
    return wait(step, until, why, tries=step.batch.tries + 1)
