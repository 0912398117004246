"""The whole circle once: an order, a return, a refund by feed, its result, its money, notifications and mails."""

from __future__ import annotations

from sandbox.amazon import Item
from tests.sandbox.amazon.world import World, read_result

TYPES = ("ORDER_CHANGE", "FEED_PROCESSING_FINISHED", "REPORT_PROCESSING_FINISHED", "TRANSACTION_UPDATE")


def test_an_order_is_returned_refunded_reported_and_paid(world: World) -> None:
    world.subscribe(*TYPES)
    order = world.shipped_order(Item("CANDLE", "20.00", 3, shipping="4.90"))
    returned = world.amazon.buyers.request_return(order, {"CANDLE": 1}, comment="cassée", reason="CR-DEFECTIVE")
    world.wait(minutes=1)
    report = world.report()
    header, row = world.read_report(report).decode().splitlines()
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))

    assert report["processingStatus"] == "DONE"
    assert (cells["Order ID"], cells["Amazon RMA ID"]) == (order, returned[0].rma)
    assert (cells["Return Reason"], cells["Refunded Amount"]) == ("CR-DEFECTIVE", "")

    wanted = {"order": order, "item": world.item_of(order), "components": [("Principal", "20.00")], "quantity": 1}
    feed, result = world.process(world.adjustment(wanted))
    verdict = read_result(result)

    assert feed["processingStatus"] == "DONE"
    assert (verdict.status, verdict.processed, verdict.successful, verdict.rows) == ("Complete", 1, 1, ())
    money = world.amazon.money()[order]
    assert (money.charged, money.refunded, money.kept) == (6490, 2000, 4490)
    assert transactions(world, order) == []
    world.wait(hours=4)
    assert transactions(world, order) == [("Shipment", 64.9), ("Refund", -20.0)]
    told_of_everything(world, feed["feedId"])


def transactions(world: World, order: str) -> list[tuple[str, float]]:
    query = {"relatedIdentifierName": "ORDER_ID", "relatedIdentifierValue": order}
    shown = world.ask("GET", "/finances/2024-06-19/transactions", query=query)["payload"]["transactions"]
    return [(one["transactionType"], one["totalAmount"]["currencyAmount"]) for one in shown]


def told_of_everything(world: World, feed_id: str) -> None:
    finished = world.notes("FEED_PROCESSING_FINISHED")[0]["payload"]["feedProcessingFinishedNotification"]
    assert (finished["feedId"], finished["processingStatus"]) == (feed_id, "DONE")
    changes = [one["Payload"]["OrderChangeNotification"] for one in world.notes("ORDER_CHANGE")]
    assert [one["Summary"]["OrderStatus"] for one in changes] == ["Unshipped", "Shipped"]
    updates = [one["Payload"]["TransactionUpdateNotification"] for one in world.notes("TRANSACTION_UPDATE")]
    assert [one["TransactionType"] for one in updates] == ["Shipment", "Refund"]
    assert len(world.notes("REPORT_PROCESSING_FINISHED")) == 1
    assert [mail.kind for mail in world.mails] == ["RETURN_REQUEST", "REFUND_ISSUED"]
