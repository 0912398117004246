"""BUILDING to SUBMITTED: seal, upload, submit once under the writer lock, and find a feed whose answer was lost.

Refuses to submit while another feed of the type is unknown, and ever again before the channel's list was read.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from quittance.application import drafting
from quittance.application.batches import BatchChange, Leaving, LockChange
from quittance.application.commit import IntentChange
from quittance.application.feed_step import FeedStep, again, save, turn, wait
from quittance.application.feeds import SeenFeed, Submission, Submitted
from quittance.application.ports import NotSent, Refused
from quittance.domain import feed_batch
from quittance.domain.errors import Conflict, Unavailable
from quittance.domain.feed_batch import SKEW, BatchState, BatchVerb, FeedLock, Member
from quittance.domain.ids import digest
from quittance.domain.intent import Intent, IntentState, IntentVerb, move, unsent
from quittance.domain.order import Order
from quittance.domain.values import replace

READINGS = 3
ABSENT_FOR = timedelta(minutes=30)
"""A feed counts as never created when so many readings of the list over so long did not show it."""


def gather(step: FeedStep) -> BatchState:
    """BUILDING: when it is time and no feed of the type is unknown, seal what has gathered."""
    stopped = _stopped(step, is_sent_soon=False)
    if stopped is not None:
        return stopped
    lock = step.lock()
    ready = feed_batch.may_seal_at(step.batch, lock, step.terms)
    if step.now < ready:
        return wait(step, ready)
    if lock.holder:
        return wait(step, step.now + step.terms.look, "another_feed_unknown")
    return _stopped(step) or _seal(step)


def _stopped(step: FeedStep, *, is_sent_soon: bool = True) -> BatchState | None:
    """The switches, the epoch and the age of the readings, before anything is done; None when it may go on."""
    control = step.control()
    if control.epoch != step.batch.epoch:
        return _leave(step, BatchVerb.DISBAND, "epoch_raised")
    if not control.may_send:
        return _leave(step, BatchVerb.GIVE_BACK, "account_may_not_send")
    if is_sent_soon and step.now - step.batch.opened_at > step.terms.fresh:
        return _leave(step, BatchVerb.GIVE_BACK, "readings_too_old")
    return None


def _leave(step: FeedStep, verb: BatchVerb, why: str) -> BatchState:
    lock = step.lock()
    return turn(step, verb, LockChange(lock, feed_batch.shut(lock, step.batch.number)), why=why).batch.state


def _seal(step: FeedStep) -> BatchState:
    table, members = step.ports.table, lines_of(step)
    orders, intents = table.member_orders(step.batch, members), table.member_intents(step.batch, members)
    for member in members:
        intent = intents.get(member.intent)
        if not _is_in(step, intent) or _has_changed(member, orders.get(member.order)):
            step = _let_go(step, member, intent)
    rows = rows_of(step)
    if not rows:
        return _leave(step, BatchVerb.GIVE_BACK, "nobody_left")
    document = step.feeds.compose(step.batch.type, rows)
    lock = step.lock()
    shut = LockChange(lock, feed_batch.shut(lock, step.batch.number))
    return upload(turn(step, BatchVerb.SEAL, shut, sha256=digest(document), size=len(rows)))


def _has_changed(member: Member, order: Order | None) -> bool:
    """Say whether something was learned of the order since the member was read that stops a send."""
    if order is None or not member.is_whole:
        return True
    ledger = order.ledger
    stops = order.frozen or order.blocking or ledger.unattributed or ledger.deficit or ledger.is_overdrawn
    return member.act.is_money and bool(stops)


def _is_in(step: FeedStep, intent: Intent | None) -> bool:
    return intent is not None and intent.state is IntentState.SENDING and intent.batch == step.batch.number


def _let_go(step: FeedStep, member: Member, intent: Intent | None) -> FeedStep:
    """The member is read and compared again before it joins another batch; nothing of this one has left."""
    batch, change = step.batch, None
    if intent is not None and _is_in(step, intent):
        ready = move(intent, IntentVerb.UNSENT, attempt=unsent(intent), due=step.now, why="order_changed")
        change = IntentChange(intent, ready)
    fewer = replace(batch, size=batch.size - 1, version=batch.version + 1)
    step.ports.table.leave(Leaving(BatchChange(batch, fewer), replace(member, is_out=True), change))
    return step.holding(fewer)


def rows_of(step: FeedStep) -> list[bytes]:
    """The rows of the document, line 1 first."""
    return [member.row for member in lines_of(step)]


def lines_of(step: FeedStep) -> list[Member]:
    """The members that the document carries, line 1 first."""
    return [member for member in step.ports.table.members(step.batch) if not member.is_out]


def upload(step: FeedStep) -> BatchState:
    """SEALED: put the document where a feed may take it from; it is made again from its members, and compared.

    The submission follows by a wake of its own, with the whole time of an invocation before it.
    """
    stopped = _stopped(step)
    if stopped is not None:
        return stopped
    document = step.feeds.compose(step.batch.type, rows_of(step))
    if digest(document) != step.batch.sha256:
        return _leave(step, BatchVerb.GIVE_BACK, "document_changed")
    try:
        name = step.feeds.upload(step.batch.account, step.batch.type, document)
    except Unavailable:
        return again(step, "not_uploaded")
    return turn(step, BatchVerb.UPLOAD, document=name).batch.state


def submit(step: FeedStep) -> BatchState:
    """UPLOADED: list what is known, take the lock, ask the switches once more, create the feed once."""
    stopped = _stopped(step)
    if stopped is not None:
        return stopped
    lock = step.lock()
    if lock.holder:
        return wait(step, step.now + step.terms.look, "another_feed_unknown")
    ready = feed_batch.may_seal_at(step.batch, lock, step.terms)
    if step.now < ready:
        return wait(step, ready)
    now = step.ports.clock.now()
    try:
        seen = step.feeds.list_feeds(step.batch.account, step.batch.type, now - SKEW)
    except Unavailable:
        return again(step, "feeds_unreadable")
    until = now + step.limits.lease
    step = turn(
        step, BatchVerb.SUBMIT, LockChange(lock, feed_batch.taken(lock, step.batch.number)),
        fence=step.batch.fence + 1, submitted_at=now, lease_until=until, due=until, readings=0, absent_at=None,
        known=tuple(feed.id for feed in seen),
    )  # fmt: skip
    return _submitted(step)


def _submitted(step: FeedStep) -> BatchState:
    """SUBMITTING, and ours: a consistent read of the switches, then the one call."""
    control, batch = step.control(), step.batch
    if not control.may_send or control.epoch != batch.epoch:
        return _unsent(step, NotSent("account_may_not_send", timedelta(0)))
    outcome = step.feeds.submit(batch.account, batch.type, batch.document, step.limits.timeout)
    return _after(step, outcome)


def _after(step: FeedStep, outcome: Submission) -> BatchState:
    match outcome:
        case Submitted(feed) if feed and feed not in step.batch.known:
            return _known(step, feed)
        case Submitted():
            return _lost(step, "feed_not_named")
        case Refused(code):
            return turn(step, BatchVerb.REFUSE, _release(step), why=code).batch.state
        case NotSent():
            return _unsent(step, outcome)
        case _:
            return _lost(step, outcome.why)


def _release(step: FeedStep) -> LockChange:
    lock = step.lock()
    return LockChange(lock, feed_batch.released(lock, step.batch.number))


def _unsent(step: FeedStep, outcome: NotSent) -> BatchState:
    due = step.now + outcome.after
    return turn(step, BatchVerb.UNSENT, _release(step), due=due, why=outcome.why).batch.state


def _lost(step: FeedStep, why: str) -> BatchState:
    due = feed_batch.look_from(step.batch, step.terms)
    return turn(step, BatchVerb.LOSE, fence=step.batch.fence + 1, due=due, why=why).batch.state


def _known(step: FeedStep, feed: str) -> BatchState:
    """The feed has its name: the lock is free. A worker whose lease ran out meanwhile still knows what it was told.

    No other submission can stand there instead: nothing leads from UNKNOWN to a second one.
    """
    for _ in range(drafting.ATTEMPTS):
        verb = BatchVerb.ACCEPT if step.batch.state is BatchState.SUBMITTING else BatchVerb.ADOPT
        try:
            return _adopted(step, verb, feed)
        except Conflict:
            fresh = step.ports.table.batch(step.batch.account, step.batch.type, step.batch.number)
            waits = (BatchState.SUBMITTING, BatchState.UNKNOWN)
            if fresh is None or fresh.state not in waits:
                raise
            step = step.holding(fresh)
    raise Unavailable(f"batch {step.batch.number} is written by too many at once")


def _adopted(step: FeedStep, verb: BatchVerb, feed: str) -> BatchState:
    lock = step.lock()
    free = feed_batch.released(lock, step.batch.number, feed, step.batch.submitted_at)
    due = step.ports.clock.now() + step.terms.look
    return turn(step, verb, LockChange(lock, free), feed=feed, due=due, why="").batch.state


def end_lease(step: FeedStep) -> BatchState:
    """SUBMITTING: while the lease runs somebody is at it; afterwards nobody knows whether the feed was created."""
    until = step.batch.lease_until
    if until is not None and step.now < until:
        return step.batch.state
    return _lost(step, "lease_expired")


def look_for_feed(step: FeedStep) -> BatchState:
    """UNKNOWN: after the horizon, the one feed that nobody knew is ours; none for long, or several, is a person's."""
    if step.control().epoch != step.batch.epoch:
        return turn(step, BatchVerb.DISBAND, why="epoch_raised").batch.state
    start = feed_batch.look_from(step.batch, step.terms)
    if step.now < start:
        return wait(step, start)
    since = step.batch.submitted_at or step.batch.opened_at
    try:
        seen = step.feeds.list_feeds(step.batch.account, step.batch.type, since - SKEW)
    except Unavailable:
        return again(step, "feeds_unreadable")
    lock = step.lock()
    ours = [feed.id for feed in seen if _may_be_ours(step, feed, lock, start)]
    if len(ours) == 1:
        return _adopted(step, BatchVerb.ADOPT, ours[0])
    return turn(step, BatchVerb.HOLD, why="feeds_unknown").batch.state if ours else _absent(step)


def _may_be_ours(step: FeedStep, feed: SeenFeed, lock: FeedLock, latest: datetime) -> bool:
    """Say whether a feed may be the one that was submitted: nobody's yet, and not created after our call was over."""
    is_known = feed.id in step.batch.known or feed.id in lock.feeds
    return not is_known and feed.created_at <= latest


def _absent(step: FeedStep) -> BatchState:
    readings = step.batch.readings + 1
    first = step.batch.absent_at or step.now
    if readings >= READINGS and step.now - first >= ABSENT_FOR:
        return turn(step, BatchVerb.HOLD, why="feed_unknown", readings=readings).batch.state
    due = step.now + ABSENT_FOR / (READINGS - 1)
    return save(step, replace(step.batch, readings=readings, absent_at=first, due=due, version=step.batch.version + 1))
