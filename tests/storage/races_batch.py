"""Scripted races for a feed batch: two intents and a batch, two workers and a submission, two batches and a lock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from quittance.application.batches import BatchChange, Joining, LockChange
from quittance.application.commit import Changes, IntentChange
from quittance.domain.feed_batch import BatchState, FeedBatch, FeedLock, FeedTerms, Member, joined, opened, taken
from quittance.domain.ids import IntentId, digest
from quittance.domain.intent import Act, Intent, join
from quittance.storage import keys
from quittance.storage.engine import Engine
from quittance.storage.table import Table
from tests.storage import samples
from tests.storage.races import INTENT_MOVED, Guard, Race, _race, admitted, intent_now, ready
from tests.storage.samples import NOW

TYPE: Final = "refunds"
ROW: Final = b'{"order": "5551234567890"}'
TERMS: Final = FeedTerms()
LATER: Final = NOW + timedelta(minutes=5)


def a_batch(**changed: Any) -> FeedBatch:
    return replace(FeedBatch(samples.CHANNEL, samples.ACCOUNT, TYPE, 1, BatchState.BUILDING, NOW), **changed)


def a_lock(**changed: Any) -> FeedLock:
    return replace(FeedLock(samples.ACCOUNT, TYPE), **changed)


def a_member(intent: IntentId = samples.INTENT) -> Member:
    return Member(intent, samples.ORDER, Act.REFUND, ROW, digest(ROW))


def stored(table: Table, number: int = 1) -> FeedBatch:
    found = table.batch(samples.ACCOUNT, TYPE, number)
    assert found is not None
    return found


def lock_now(table: Table) -> FeedLock:
    found = table.feed_lock(samples.ACCOUNT, TYPE)
    assert found is not None
    return found


def opening(intent: Intent, lock: FeedLock | None) -> Joining:
    """The intent opens the next batch of a lock."""
    pointed, fresh = opened(lock or a_lock(), samples.CHANNEL, 0, NOW)
    first = joined(fresh, ROW, intent.lane, pointed, TERMS, NOW)
    inside = join(intent, first.number, {}, NOW, timedelta(hours=1))
    return Joining(
        IntentChange(intent, inside), BatchChange(None, first), a_member(intent.id), LockChange(lock, pointed)
    )


def entering(intent: Intent, batch: FeedBatch) -> Joining:
    """The intent joins a batch as it was read."""
    inside = join(intent, batch.number, {}, NOW, timedelta(hours=1))
    fuller = joined(batch, ROW, intent.lane, a_lock(), TERMS, NOW)
    return Joining(IntentChange(intent, inside), BatchChange(batch, fuller), a_member(intent.id))


def others(table: Table, count: int = 2) -> list[Intent]:
    """Intents of other orders' sort, all ready."""
    made = [ready(id=IntentId(f"other-{number}")) for number in range(count)]
    table.commit(Changes(NOW, intents=tuple(IntentChange(None, intent) for intent in made)))
    return made


def open_batch(table: Table) -> FeedBatch:
    """A batch with one member of another order."""
    (first,) = others(table, 1)
    table.join(opening(first, None))
    return stored(table)


def one_intent_joins_two_batches(table: Table, _: Engine) -> None:
    stale = admitted(table)
    table.join(opening(stale, None))
    table.join(opening(stale, lock_now(table)))


def _is_in_two(table: Table) -> bool:
    found = intent_now(table)
    return found is not None and found.batch == 2


def one_intent_joins_one_batch_twice(table: Table, _: Engine) -> None:
    stale = admitted(table)
    table.join(entering(stale, open_batch(table)))
    table.join(entering(stale, stored(table)))


def _is_counted_twice(table: Table) -> bool:
    return stored(table).size > len(table.members(stored(table)))


def two_join_one_batch(table: Table, _: Engine) -> None:
    stale, mine = open_batch(table), admitted(table)
    (other,) = [ready(id=samples.OTHER_INTENT)]
    table.commit(Changes(NOW, intents=(IntentChange(None, other),)))
    table.join(entering(mine, stale))
    table.join(entering(other, stale))


def _member_is_not_counted(table: Table) -> bool:
    return stored(table).size < len(table.members(stored(table)))


def one_joins_a_batch_that_was_sealed(table: Table, _: Engine) -> None:
    stale = open_batch(table)
    table.commit_batch(BatchChange(stale, replace(stale, state=BatchState.SEALED, sha256="ab" * 32)))
    table.join(entering(admitted(table), stale))


def _is_in_no_document(table: Table) -> bool:
    return stored(table).state is BatchState.BUILDING


def two_open_the_first_batch(table: Table, _: Engine) -> None:
    for intent in others(table):
        table.join(opening(intent, None))


def two_open_the_next_batch(table: Table, _: Engine) -> None:
    open_batch(table)
    stale = lock_now(table)
    for intent in (admitted(table), *_one_more(table)):
        table.join(opening(intent, stale))


def _one_more(table: Table) -> list[Intent]:
    table.commit(Changes(NOW, intents=(IntentChange(None, ready(id=samples.OTHER_INTENT)),)))
    return [ready(id=samples.OTHER_INTENT)]


def _header_was_replaced(table: Table) -> bool:
    batch = stored(table, lock_now(table).last)
    return batch.size < len(table.members(batch))


def submitting(batch: FeedBatch, lock: FeedLock, at: Any = NOW) -> tuple[BatchChange, LockChange]:
    """The batch is about to be submitted by whoever read this."""
    sent = replace(batch, state=BatchState.SUBMITTING, fence=batch.fence + 1, submitted_at=at)
    return BatchChange(batch, sent), LockChange(lock, taken(lock, batch.number))


def two_submit_one_batch(table: Table, _: Engine) -> None:
    batch, lock = open_batch(table), lock_now(table)
    table.commit_batch(*submitting(batch, lock))
    table.commit_batch(*submitting(batch, lock, LATER))


def two_batches_take_the_lock(table: Table, _: Engine) -> None:
    first = open_batch(table)
    table.join(opening(admitted(table), lock_now(table)))
    second, lock = stored(table, 2), lock_now(table)
    table.commit_batch(*submitting(first, lock))
    table.commit_batch(*submitting(second, lock))


def an_answer_comes_after_the_lease(table: Table, _: Engine) -> None:
    table.commit_batch(*submitting(open_batch(table), lock_now(table)))
    stale = stored(table)
    table.commit_batch(BatchChange(stale, replace(stale, state=BatchState.UNKNOWN)))
    table.commit_batch(BatchChange(stale, replace(stale, state=BatchState.UPLOADED)))


BATCH_MOVED: Final[Guard] = (keys.BATCH.name, "VersionIs")
BATCH_NEW: Final[Guard] = (keys.BATCH.name, "Absent")
LOCK_MOVED: Final[Guard] = (keys.FEED_LOCK.name, "VersionIs")
LOCK_NEW: Final[Guard] = (keys.FEED_LOCK.name, "Absent")
FENCED: Final[Guard] = (keys.INTENT.name, "FenceIs")
MEMBER_NEW: Final[Guard] = (keys.MEMBER.name, "Absent")

BATCH_RACES: Final[tuple[Race, ...]] = (
    _race(one_intent_joins_two_batches, _is_in_two, INTENT_MOVED, FENCED),
    _race(one_intent_joins_one_batch_twice, _is_counted_twice, INTENT_MOVED, FENCED, MEMBER_NEW),
    _race(two_join_one_batch, _member_is_not_counted, BATCH_MOVED),
    _race(one_joins_a_batch_that_was_sealed, _is_in_no_document, BATCH_MOVED),
    _race(two_open_the_first_batch, _header_was_replaced, LOCK_NEW, BATCH_NEW),
    _race(two_open_the_next_batch, _header_was_replaced, LOCK_MOVED, BATCH_NEW),
    _race(two_submit_one_batch, lambda table: stored(table).submitted_at == LATER, BATCH_MOVED, LOCK_MOVED),
    _race(two_batches_take_the_lock, lambda table: lock_now(table).holder == 2, LOCK_MOVED),
    _race(
        an_answer_comes_after_the_lease,
        lambda table: stored(table).state is not BatchState.UNKNOWN,
        BATCH_MOVED,
    ),
)
