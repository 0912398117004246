"""The acknowledgement feeds: what cancels an order, what silently does not, and what costs the whole of it."""

from __future__ import annotations

import pytest

from sandbox.amazon import Item
from tests.sandbox.amazon.world import ACKNOWLEDGEMENT, TSV, World, acknowledgement, envelope, read_result

FLAT_CANCEL = "POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA"


def test_an_unshipped_order_is_cancelled_item_by_item(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00", 2), Item("SOAP", "7.50"))
    items = {line.id: "NoInventory" for line in order.lines}
    _, result = world.process(acknowledgement(world.seller.id, order.id, items), kind=ACKNOWLEDGEMENT)

    assert read_result(result).successful == 1
    assert world.amazon.order(order.id).status == "CANCELLED"
    assert world.amazon.money()[order.id].charged == 0


def test_a_failure_without_items_changes_nothing_and_says_nothing(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
    _, result = world.process(acknowledgement(world.seller.id, order.id, {}), kind=ACKNOWLEDGEMENT)

    assert (read_result(result).successful, world.amazon.order(order.id).status) == (1, "UNSHIPPED")


def test_a_failure_after_one_parcel_refunds_the_whole_order(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"), Item("SOAP", "7.50"))
    world.amazon.carriers.ship(order.id, {"CANDLE": 1})
    items = {world.item_of(order.id, "SOAP"): "NoInventory"}
    world.process(acknowledgement(world.seller.id, order.id, items), kind=ACKNOWLEDGEMENT)

    assert world.amazon.money()[order.id].kept == 0
    assert world.refunded(order.id) == 2000


def test_the_flat_file_cancels_one_item_per_record(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00", 2), Item("SOAP", "7.50"))
    content = (
        f"order-id\tamazon-order-item-code\tcancellation-reason-code\n{order.id}\t{order.lines[1].id}\tNoInventory"
    )
    world.process(content.encode(), kind=FLAT_CANCEL, content_type=TSV)
    now = world.amazon.order(order.id)

    assert [line.cancelled for line in now.lines] == [0, 1]


@pytest.mark.parametrize(
    "change, code",
    [
        ({"order": "405-0000000-0000000"}, 13_013),
        ({"item": "00000000000000"}, 13_014),
        ({"reason": "Nonsense"}, 13_018),
        ({"by_amazon": True}, 13_015),
        ({"cancelled": True}, 13_015),
    ],
    ids=["order", "item", "reason", "by amazon", "cancelled"],
)
def test_cancellations_that_cannot_be_done_are_named(world: World, change: dict[str, str | bool], code: int) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"), by_amazon=bool(change.get("by_amazon")))
    if change.get("cancelled"):
        world.amazon.amazon.cancel(order.id)
    row = (change.get("order", order.id), change.get("item", order.lines[0].id), change.get("reason", "NoInventory"))
    content = "order-id\tamazon-order-item-code\tcancellation-reason-code\n" + "\t".join(map(str, row))
    _, result = world.process(content.encode(), kind=FLAT_CANCEL, content_type=TSV)

    assert result.decode().splitlines()[-1].split("\t")[3] == str(code)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"order-id\tamazon-order-item-code",
        b"order-id\tamazon-order-item-code\tcancellation-reason-code\tcolour",
        b"order-id\tamazon-order-item-code\tcancellation-reason-code\n1\t2",
        "order-id\tamazon-order-item-code\tcancellation-reason-code\n\n\u00e9".encode("cp1252"),
    ],
    ids=["empty", "column missing", "column unknown", "record too short", "other bytes, too short"],
)
def test_a_flat_file_out_of_form_is_fatal_as_a_whole(world: World, content: bytes) -> None:
    feed, result = world.process(content, kind=FLAT_CANCEL, content_type=TSV)

    assert feed["processingStatus"] == "FATAL"
    assert result.decode().splitlines()[-1].split("\t")[3] == "5000"


def test_unshipped_units_can_be_cancelled_by_the_refund_feed(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00", 3))
    item = f"<AmazonOrderItemCode>{order.lines[0].id}</AmazonOrderItemCode>"
    reason = "<AdjustmentReason>NoInventory</AdjustmentReason>"

    def cancel(more: str, action: str = "") -> list[tuple[int, int]]:
        inner = f"<AmazonOrderID>{order.id}</AmazonOrderID>{action}<AdjustedItem>{item}{reason}{more}</AdjustedItem>"
        message = f"<Message><MessageID>1</MessageID><OrderAdjustment>{inner}</OrderAdjustment></Message>"
        _, result = world.process(envelope(world.seller.id, "OrderAdjustment", message))
        return list(read_result(result).rows)

    assert cancel("<QuantityCancelled>1</QuantityCancelled>") == []
    assert world.amazon.order(order.id).lines[0].open == 2
    assert cancel("<QuantityCancelled>3</QuantityCancelled>") == [(1, 13_015)]
    assert cancel("", "<ActionType>Cancel</ActionType>") == []
    assert world.amazon.order(order.id).status == "CANCELLED"
    assert cancel("", "<ActionType>Cancel</ActionType>") == [(1, 13_015)]
    assert world.amazon.money()[order.id].charged == 0
