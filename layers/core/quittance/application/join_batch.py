"""READY by feed: an intent whose act the channel takes in documents joins the batch that is gathering.

Refuses a second batch while one is open to it, and a row that is not what was decided when the intent was born.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from quittance.application import drafting
from quittance.application.batches import BatchChange, Joining, LockChange
from quittance.application.commit import IntentChange
from quittance.application.feeds import feeds_of
from quittance.application.intent_step import Step, again, body_of, hold, lose, postpone, save
from quittance.domain import feed_batch
from quittance.domain.errors import Conflict
from quittance.domain.feed_batch import BatchState, FeedLock, FeedTerms, Member
from quittance.domain.intent import IntentState, IntentVerb, join, move, unsent
from quittance.domain.values import replace

LOOK = timedelta(hours=1)
"""How often a member asks after its batch, which should have told it."""


def join_batch(step: Step, feed_type: str, snapshot: Mapping[str, str]) -> IntentState:
    """Join the open batch of the type, or open one; the intent is SENDING from then on, though nothing has left.

    Raises Conflict when somebody else has moved the intent.
    """
    row, why = body_of(step)
    if why:
        return hold(step, why)
    terms = feeds_of(step.channel).terms(feed_type)
    if len(row) > terms.most_bytes:
        return hold(step, "row_too_large")
    for _ in range(drafting.ATTEMPTS):
        joining = _joining(step, feed_type, row, snapshot, terms)
        try:
            step.ports.table.join(joining)
        except Conflict:
            fresh = again(step)
            if fresh is None:
                raise
            step = fresh
            continue
        step.ports.meter.count("IntentTransition", step.intent.channel, joining.intent.after.state.value)
        return joining.intent.after.state
    return postpone(step, timedelta(0), "batch_busy")


def _joining(step: Step, feed_type: str, row: bytes, snapshot: Mapping[str, str], terms: FeedTerms) -> Joining:
    intent, table = step.intent, step.ports.table
    stored = table.feed_lock(intent.account, feed_type)
    lock = stored or FeedLock(intent.account, feed_type)
    batch = table.batch(intent.account, feed_type, lock.open) if lock.open else None
    after = join(intent, lock.open, snapshot, step.now, LOOK)
    member = Member(intent.id, intent.order, intent.act, row, intent.body_sha256)
    if batch is not None and feed_batch.has_room(batch, row, intent.epoch, terms):
        fuller = feed_batch.joined(batch, row, intent.lane, lock, terms, step.now)
        return Joining(IntentChange(intent, after), BatchChange(batch, fuller), member)
    pointed, fresh = feed_batch.opened(lock, intent.channel, intent.epoch, step.now)
    first = feed_batch.joined(fresh, row, intent.lane, lock, terms, step.now)
    return Joining(
        IntentChange(intent, replace(after, batch=fresh.number)),
        BatchChange(None, first),
        member,
        LockChange(stored, pointed),
    )


def look_at_batch(step: Step, feed_type: str) -> IntentState:
    """SENDING within a batch: the batch answers for it; one that is over and forgot it leaves it unknown."""
    batch = step.ports.table.batch(step.intent.account, feed_type, step.intent.batch)
    if batch is None or batch.state is BatchState.CLOSED:
        return lose(step, step.intent.attempt, "batch_closed")
    if batch.state is BatchState.GIVEN_BACK and batch.epoch == step.ports.table.control(batch.account).epoch:
        return give_back(step, batch.why)
    return postpone(step, LOOK, step.intent.why)


def give_back(step: Step, why: str) -> IntentState:
    """Nothing of the batch was submitted: the intent is ready again, read and compared before it joins another."""
    ready = move(step.intent, IntentVerb.UNSENT, attempt=unsent(step.intent), due=step.now, why=why)
    return save(step, ready)
