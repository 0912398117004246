"""A feed batch's header, its members and the writer lock as items, and the writes that move them.

Refuses to wake a batch that is closed: it has no due key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from quittance.application.batches import BatchChange, Joining, Leaving, LockChange
from quittance.application.commit import Absent, Condition, Key, Value, VersionIs, Write
from quittance.domain.errors import Rejected
from quittance.domain.feed_batch import BatchState, FeedBatch, FeedLock, Member
from quittance.domain.ids import IntentId, OrderId
from quittance.domain.instant import from_text
from quittance.domain.intent import Act
from quittance.domain.values import replace
from quittance.storage import keys
from quittance.storage.engine import Item
from quittance.storage.items import SCHEMA, compact, due_of_item, gone, read, unless, upgraded, written
from quittance.storage.writes import intent_write

# Attributes that an item has only while there is something to say.
BATCH_OPTIONAL: Final = frozenset(
    "epoch lane size volume fence sha document sent lease known feed readings absent cursor failed tries strangers"
    " because due_pk due_sk".split()
)
LOCK_OPTIONAL: Final = frozenset("fence holder open last sent feeds".split())


def batch_key(batch: FeedBatch) -> Key:
    """Where a header stands."""
    return keys.batch(batch.account, batch.type, batch.number)


def batch_attributes(batch: FeedBatch) -> dict[str, Value]:
    """The header's attributes."""
    is_armed = batch.due is not None and batch.state is not BatchState.CLOSED
    return {
        "v": SCHEMA,
        "version": batch.version,
        "state": batch.state.value,
        "channel": batch.channel,
        "opened": written(batch.opened_at),
        **unless(2, lane=batch.lane),
        **compact(
            {
                "epoch": batch.epoch,
                "size": batch.size,
                "volume": batch.volume,
                "fence": batch.fence,
                "sha": batch.sha256,
                "document": batch.document,
                "sent": written(batch.submitted_at),
                "lease": written(batch.lease_until),
                "known": list(batch.known),
                "feed": batch.feed,
                "readings": batch.readings,
                "absent": written(batch.absent_at),
                "cursor": batch.cursor,
                "failed": batch.failed,
                "tries": batch.tries,
                "strangers": batch.strangers,
                "because": batch.why,
            }
        ),
        **(keys.due(batch.lane, batch.due, _due_id(batch)) if is_armed and batch.due is not None else {}),
    }


def _due_id(batch: FeedBatch) -> str:
    return f"{batch.account}#{batch.type}#{batch.number}"


def batch_of(item: Item) -> FeedBatch:
    """The header of an item."""
    item = upgraded(keys.BATCH.name, item)
    parts = keys.BATCH.parts(Key(item["pk"], item["sk"])) or {}
    return FeedBatch(
        channel=item["channel"],
        account=parts["account"],
        type=parts["type"],
        number=int(parts["number"]),
        state=BatchState(item["state"]),
        opened_at=from_text(item["opened"]),
        epoch=item.get("epoch", 0),
        lane=item.get("lane", 2),
        size=item.get("size", 0),
        volume=item.get("volume", 0),
        version=item["version"],
        fence=item.get("fence", 0),
        due=due_of_item(item),
        sha256=item.get("sha", ""),
        document=item.get("document", ""),
        submitted_at=read(item.get("sent")),
        lease_until=read(item.get("lease")),
        known=tuple(item.get("known", ())),
        feed=item.get("feed", ""),
        readings=item.get("readings", 0),
        absent_at=read(item.get("absent")),
        cursor=item.get("cursor", ""),
        failed=item.get("failed", 0),
        tries=item.get("tries", 0),
        strangers=item.get("strangers", 0),
        why=item.get("because", ""),
    )


def lock_attributes(lock: FeedLock) -> dict[str, Value]:
    """The writer lock's attributes; its feeds as [id, batch], the oldest first."""
    return {
        "v": SCHEMA,
        "version": lock.version,
        **compact(
            {
                "fence": lock.fence,
                "holder": lock.holder,
                "open": lock.open,
                "last": lock.last,
                "sent": written(lock.submitted_at),
                "feeds": [[feed, number] for feed, number in lock.feeds.items()],
            }
        ),
    }


def lock_of(item: Item) -> FeedLock:
    """The writer lock of an item."""
    item = upgraded(keys.FEED_LOCK.name, item)
    parts = keys.FEED_LOCK.parts(Key(item["pk"], item["sk"])) or {}
    return FeedLock(
        account=parts["account"],
        type=parts["type"],
        version=item["version"],
        fence=item.get("fence", 0),
        holder=item.get("holder", 0),
        open=item.get("open", 0),
        last=item.get("last", 0),
        submitted_at=read(item.get("sent")),
        feeds=dict(item.get("feeds", ())),
    )


def member_attributes(member: Member) -> dict[str, Value]:
    """A member's attributes; raises Rejected(BAD_ROW) for a row that is no UTF-8 text."""
    try:
        row = member.row.decode()
    except UnicodeDecodeError:
        raise Rejected("BAD_ROW", "row", "a row of a feed is text in UTF-8") from None
    attributes: Mapping[str, Value] = {"row": row, "out": member.is_out}
    facts: dict[str, Value] = {"v": SCHEMA, "order": member.order, "act": member.act.value, "body": member.body_sha256}
    return {**facts, **compact(attributes)}


def member_of(item: Item) -> Member:
    """The member of an item."""
    item = upgraded(keys.MEMBER.name, item)
    parts = keys.MEMBER.parts(Key(item["pk"], item["sk"])) or {}
    return Member(
        intent=IntentId(parts["intent"]),
        order=OrderId(item["order"]),
        act=Act(item["act"]),
        row=str(item.get("row", "")).encode(),
        body_sha256=item["body"],
        is_out=item.get("out", False),
    )


def batch_write(change: BatchChange) -> Write:
    """A header, new or on the version that was read; its version always rises."""
    before, after = change.before, change.after
    if before is None:
        return Write(batch_key(after), batch_attributes(after), (Absent(),))
    attributes = batch_attributes(replace(after, version=max(after.version, before.version + 1)))
    removed = (BATCH_OPTIONAL | gone(keys.BATCH.name)) - attributes.keys()
    return Write(batch_key(after), attributes, (VersionIs(before.version),), removed)


def lock_write(change: LockChange) -> Write:
    """The writer lock, new or on the version that was read."""
    before, after = change.before, change.after
    key = keys.feed_lock(after.account, after.type)
    attributes = lock_attributes(replace(after, version=1 if before is None else before.version + 1))
    if before is None:
        return Write(key, attributes, (Absent(),))
    removed = (LOCK_OPTIONAL | gone(keys.FEED_LOCK.name)) - attributes.keys()
    return Write(key, attributes, (VersionIs(before.version),), removed)


def member_write(batch: FeedBatch, member: Member, *conditions: Condition) -> Write:
    """A member of a batch."""
    key = keys.member(batch.account, batch.type, batch.number, member.intent)
    return Write(key, member_attributes(member), conditions)


def join_writes(joining: Joining) -> Sequence[Write]:
    """Everything that an intent's joining writes."""
    writes = [
        intent_write(joining.intent),
        batch_write(joining.batch),
        member_write(joining.batch.after, joining.member, Absent()),
    ]
    return writes if joining.lock is None else [*writes, lock_write(joining.lock)]


def leave_writes(leaving: Leaving) -> Sequence[Write]:
    """Everything that a member's leaving writes; the header's version stands for the member, which it alone changes."""
    writes = [batch_write(leaving.batch), member_write(leaving.batch.after, leaving.member)]
    return writes if leaving.intent is None else [intent_write(leaving.intent), *writes]


def batch_writes(batch: BatchChange, lock: LockChange | None) -> Sequence[Write]:
    """A header's move and the lock's with it."""
    return [batch_write(batch)] if lock is None else [batch_write(batch), lock_write(lock)]
