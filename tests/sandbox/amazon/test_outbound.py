"""Multi-Channel Fulfillment: cancelling is a request, its outcome is read; returns are authorised and told."""

from __future__ import annotations

import pytest

from tests.sandbox.amazon.world import World

ORDERS = "/fba/outbound/2020-07-01/fulfillmentOrders"


def status(world: World, order: str) -> str:
    told = world.ask("GET", f"{ORDERS}/{order}")["payload"]["fulfillmentOrder"]
    return str(told["fulfillmentOrderStatus"])


@pytest.mark.parametrize("path", [f"{ORDERS}/S-1/cancel", "/fulfillment/outbound/2026-07-04/orders/S-1/cancel"])
def test_an_order_that_is_not_packed_yet_is_stopped_a_moment_later(world: World, path: str) -> None:
    world.subscribe("FULFILLMENT_ORDER_STATUS")
    world.amazon.buyers.order_elsewhere("S-1", {"CANDLE": 2})
    assert world.ask("PUT", path) == {}
    assert status(world, "S-1") == "Received"
    world.wait(minutes=1)

    assert status(world, "S-1") == "Cancelled"
    told = world.notes("FULFILLMENT_ORDER_STATUS")[-1]["Payload"]["FulfillmentOrderStatusNotification"]
    assert (told["SellerFulfillmentOrderId"], told["FulfillmentOrderStatus"]) == ("S-1", "CANCELLED")
    assert world.refusal("PUT", path) == (400, "InvalidInput")


def test_goods_that_are_packed_meanwhile_are_not_stopped(world: World) -> None:
    world.amazon.buyers.order_elsewhere("S-1", {"CANDLE": 1})
    world.ask("PUT", f"{ORDERS}/S-1/cancel")
    world.amazon.amazon.move_outbound("S-1", "Processing")
    world.wait(minutes=1)

    assert status(world, "S-1") == "Processing"


def test_a_shipment_and_a_received_return_are_told(world: World) -> None:
    world.subscribe("FULFILLMENT_ORDER_STATUS", "FBA_OUTBOUND_SHIPMENT_STATUS")
    world.amazon.buyers.order_elsewhere("S-1", {"CANDLE": 1})
    world.amazon.carriers.ship_outbound("S-1")
    shipment = world.amazon.books().outbound["S-1"].shipment
    item = {
        "sellerReturnItemId": "R-1",
        "sellerFulfillmentOrderItemId": "S-1-1",
        "amazonShipmentId": shipment,
        "returnReasonCode": "AMZ-PG-BAD-DESC",
    }
    made = world.ask("PUT", f"{ORDERS}/S-1/return", body={"items": [item]})["payload"]
    again = world.ask("PUT", f"{ORDERS}/S-1/return", body={"items": [item]})["payload"]
    world.amazon.carriers.receive_outbound_return("S-1", "R-1")
    world.wait(minutes=1)
    told = world.notes("FULFILLMENT_ORDER_STATUS")[-1]["Payload"]["FulfillmentOrderStatusNotification"]

    assert (len(made["returnItems"]), len(made["returnAuthorizations"])) == (1, 1)
    assert again["invalidReturnItems"][0]["invalidItemReason"]["invalidItemReasonCode"] == "DuplicateRequest"
    assert (told["EventType"], told["FulfillmentReturnItem"]["ReturnedQuantity"]) == ("Return", 1)
    assert len(world.notes("FBA_OUTBOUND_SHIPMENT_STATUS")) == 1
    assert world.ask("GET", f"{ORDERS}/S-1")["payload"]["returnItems"][0]["status"] == "Processed"


def test_an_unknown_order_is_not_found(world: World) -> None:
    assert world.refusal("GET", f"{ORDERS}/S-9") == (404, "NotFound")
