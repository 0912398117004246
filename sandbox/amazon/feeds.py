"""The feed queue: one feed of a type at a time, in the order they came, each message judged by itself.

The same document sent twice is processed twice: a feed carries no key, and nothing ties it back to its document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from sandbox.amazon import acknowledging, adjusting
from sandbox.amazon.agenda import Deed
from sandbox.amazon.documents import FEED_LIFE
from sandbox.amazon.faults import FeedFault
from sandbox.amazon.feed_lines import (
    MALFORMED,
    DocumentError,
    LineError,
    Message,
    Outcome,
    Result,
    text_report,
    xml_report,
)
from sandbox.amazon.house import Feed, Floor
from sandbox.amazon.refusals import invalid

Reader = Callable[[Floor, Feed, bytes], list[Message]]
READERS: Final[Mapping[str, Reader]] = {
    "POST_PAYMENT_ADJUSTMENT_DATA": adjusting.xml_messages,
    "POST_FLAT_FILE_PAYMENT_ADJUSTMENT_DATA": adjusting.flat_messages,
    "POST_ORDER_ACKNOWLEDGEMENT_DATA": acknowledging.xml_messages,
    "POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA": acknowledging.flat_messages,
}
_OPEN: Final = ("IN_QUEUE", "IN_PROGRESS")


def create(floor: Floor, kind: str, marketplaces: tuple[str, ...], document_id: str, now: datetime) -> Feed:
    """Take a feed into the queue. Raises Refused for an unknown type or a document that was never uploaded."""
    if kind not in READERS:
        raise invalid(f"Feed type {kind} is not valid.")
    floor.check_marketplaces(marketplaces)
    if floor.house.documents.find(floor.seller.id, document_id).content is None:
        raise invalid(f"Document {document_id} has no content: upload it first.")
    fault = floor.house.faults.take_feed(kind)
    listed = now + fault.hidden if fault.hidden is not None else now
    feed = Feed(floor.house.ids.numbered("feed"), kind, marketplaces, document_id, now, listed, fault)
    floor.feeds[feed.id] = feed
    wait = fault.queue if fault.queue is not None else floor.seller.lags.feed_queue
    floor.plan(now + wait, lambda at: _start(floor, feed.id, at))
    return feed


def cancel(floor: Floor, feed_id: str, now: datetime) -> None:
    """Only a feed that waits can be cancelled. Raises Refused."""
    feed = floor.feeds[feed_id]
    if feed.status != "IN_QUEUE":
        raise invalid(f"Feed {feed_id} is {feed.status}: only IN_QUEUE feeds can be cancelled.")
    _end(floor, feed, "CANCELLED", None, now)


def release(floor: Floor, feed_id: str, now: datetime) -> Feed:
    """Let a stuck feed go on. Raises ValueError when it is not stuck."""
    feed = floor.feeds[feed_id]
    if feed.status != "IN_PROGRESS" or not feed.fault.stuck:
        raise ValueError(f"feed {feed_id} is not stuck")
    floor.feeds[feed_id] = replace(feed, fault=replace(feed.fault, stuck=False))
    _work(floor, feed_id, now)
    return floor.feeds[feed_id]


def _start(floor: Floor, feed_id: str, at: datetime) -> None:
    """Begin with the first feed of the type that waits, unless one is at work."""
    feed = floor.feeds[feed_id]
    same = [one for one in floor.feeds.values() if one.type == feed.type and one.status in _OPEN]
    if feed.status != "IN_QUEUE" or any(one.status == "IN_PROGRESS" for one in same) or same[0].id != feed_id:
        return
    if feed.fault.cancelled:
        _end(floor, feed, "CANCELLED", None, at)
        return
    floor.feeds[feed_id] = replace(feed, status="IN_PROGRESS", started_at=at)
    if not feed.fault.stuck:
        work = feed.fault.work if feed.fault.work is not None else floor.seller.lags.feed_work
        floor.plan(at + work, lambda then: _work(floor, feed_id, then))


def _work(floor: Floor, feed_id: str, at: datetime) -> None:
    feed = floor.feeds[feed_id]
    content = floor.house.documents.kept[feed.document].content or b""
    outcome, status = Outcome(), "DONE"
    try:
        messages = READERS[feed.type](floor, feed, content)
    except DocumentError as problem:
        outcome.processed, outcome.complete, status = 1, False, "FATAL"
        outcome.results.append(Result(0, MALFORMED, str(problem)))
    else:
        limit = feed.fault.killed_after
        status = "DONE" if limit is None else "FATAL"
        outcome.complete = limit is None
        for message in messages[:limit]:
            _one(floor, feed.fault, message, outcome, at)
    _end(floor, feed, status, _report(floor, feed, outcome) if feed.fault.with_result else None, at)


def _one(floor: Floor, fault: FeedFault, message: Message, outcome: Outcome, at: datetime) -> None:
    """Judge and do one message."""
    outcome.processed += 1
    try:
        do = _judged(fault, message)
    except LineError as problem:
        row = Result(message.number, problem.code, problem.text, problem.order, problem.item)
        outcome.results.append(row)
        return
    if fault.late is None:
        do(at)
    else:
        floor.plan(at + fault.late, lambda then: _late(message, then))


def _late(message: Message, at: datetime) -> None:
    """Do what was promised, unless the order does not allow it any more: the result has been told and stays."""
    with suppress(LineError):
        message.check()(at)


def _judged(fault: FeedFault, message: Message) -> Deed:
    if scripted := fault.lines.get(message.number):
        raise LineError(scripted.code, scripted.text)
    return message.check()


def _report(floor: Floor, feed: Feed, outcome: Outcome) -> str:
    flat = "FLAT_FILE" in feed.type
    content = text_report(outcome) if flat else xml_report(floor.seller.id, feed.id, outcome)
    if feed.fault.result is not None:
        content = feed.fault.result(content)
    kind = "text/plain; charset=cp1252" if flat else "text/xml; charset=UTF-8"
    return floor.house.documents.store(floor.seller.id, content, kind, FEED_LIFE, gzipped=feed.fault.gzip).id


def _end(floor: Floor, feed: Feed, status: str, result: str | None, at: datetime) -> None:
    feed = floor.feeds[feed.id] = replace(floor.feeds[feed.id], status=status, ended_at=at, result=result)
    payload = {
        "sellerId": floor.seller.id,
        "accountId": floor.seller.account_id,
        "feedId": feed.id,
        "feedType": feed.type,
        "processingStatus": status,
    } | ({"resultFeedDocumentId": result} if result is not None else {})
    if feed.fault.told:
        floor.announce("FEED_PROCESSING_FINISHED", "feedProcessingFinishedNotification", payload, at)
    waiting = [one for one in floor.feeds.values() if one.type == feed.type and one.status == "IN_QUEUE"]
    if waiting:
        first = waiting[0]
        wait = first.fault.queue if first.fault.queue is not None else floor.seller.lags.feed_queue
        floor.plan(max(at, first.created_at + wait), lambda then: _start(floor, first.id, then))
