"""Every way in which a feed goes wrong: killed, stuck, late, hidden, rewritten, cancelled, lost on the road."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from sandbox.amazon import Item
from sandbox.amazon.faults import FeedFault, LineFault
from tests.sandbox.amazon.world import (
    ACKNOWLEDGEMENT,
    ADJUSTMENT,
    World,
    acknowledgement,
    download,
    read_result,
    refund,
)

FEEDS = "/feeds/2021-06-30/feeds"


def test_a_feed_killed_half_way_has_done_the_first_half(world: World) -> None:
    order = world.shipped_order()
    world.amazon.faults.feed(FeedFault(killed_after=2, with_result=False))
    feed_id = world.submit(world.adjustment(*(refund(world, order) for _ in range(5))))
    world.wait(minutes=5)
    feed = world.feed(feed_id)

    assert (feed["processingStatus"], "resultFeedDocumentId" in feed) == ("FATAL", False)
    assert world.refunded(order) == 1000


def test_scripted_line_errors_are_told_and_nothing_is_done_for_them(world: World) -> None:
    order = world.shipped_order()
    world.amazon.faults.feed(FeedFault(lines={2: LineFault(20_001, "not today")}))
    _, result = world.process(world.adjustment(*(refund(world, order) for _ in range(3))))

    assert read_result(result).rows == ((2, 20_001),)
    assert world.refunded(order) == 1000


def test_effects_may_come_long_after_the_result(world: World) -> None:
    order = world.shipped_order()
    world.amazon.faults.feed(FeedFault(late=timedelta(hours=6)))
    feed, _ = world.process(world.adjustment(refund(world, order)))

    assert (feed["processingStatus"], world.refunded(order)) == ("DONE", 0)
    world.wait(hours=6)
    assert world.refunded(order) == 500


def test_a_late_effect_does_not_happen_when_it_has_become_impossible(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
    world.amazon.faults.feed(FeedFault(late=timedelta(hours=6)))
    cancels = acknowledgement(world.seller.id, order.id, {order.lines[0].id: "NoInventory"})
    _, result = world.process(cancels, kind=ACKNOWLEDGEMENT)
    world.amazon.amazon.cancel(order.id)
    world.wait(hours=6)

    assert read_result(result).successful == 1
    assert world.amazon.order(order.id).lines[0].cancelled_by == "AMAZON"


def test_a_lost_createfeed_is_done_and_may_be_hidden_for_a_while(world: World) -> None:
    order = world.shipped_order()
    document = world.upload(world.adjustment(refund(world, order)))
    world.amazon.faults.lose_answer("createFeed")
    world.amazon.faults.feed(FeedFault(hidden=timedelta(minutes=30)))
    with pytest.raises(requests.ConnectionError):
        world.create_feed(document)
    query = {"feedTypes": ADJUSTMENT}
    assert world.ask("GET", FEEDS, query=query)["feeds"] == []
    world.wait(minutes=31)

    assert len(world.ask("GET", FEEDS, query=query)["feeds"]) == 1
    assert world.refunded(order) == 500


def test_a_result_can_be_rewritten_zipped_and_kept_silent(world: World) -> None:
    world.subscribe("FEED_PROCESSING_FINISHED")
    fault = FeedFault(result=lambda content: content.replace(b"Complete", b"Processing"), gzip=True, told=False)
    world.amazon.faults.feed(fault)
    feed, result = world.process(world.adjustment(refund(world, world.shipped_order())))
    told = world.ask("GET", f"/feeds/2021-06-30/documents/{feed['resultFeedDocumentId']}")

    assert (told["compressionAlgorithm"], read_result(result).status) == ("GZIP", "Processing")
    assert download(told) == result
    assert world.notes("FEED_PROCESSING_FINISHED") == []


def test_amazon_may_cancel_a_feed_and_point_to_another_host(world: World) -> None:
    order = world.shipped_order()
    world.amazon.faults.feed(FeedFault(cancelled=True))
    feed_id = world.submit(world.adjustment(refund(world, order)))
    world.wait(minutes=5)
    assert (world.feed(feed_id)["processingStatus"], world.refunded(order)) == ("CANCELLED", 0)
    feed, _ = world.process(world.adjustment(refund(world, order)))
    world.amazon.faults.elsewhere("http://evil.example")
    told = world.ask("GET", f"/feeds/2021-06-30/documents/{feed['resultFeedDocumentId']}")

    assert told["url"].startswith("http://evil.example/documents/")
