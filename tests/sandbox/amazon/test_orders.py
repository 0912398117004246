"""Orders: what is told when it is asked for, searching and paging, cancelling where Amazon lets the seller."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.amazon import AmazonSimulator, Item, Seller
from tests.sandbox.amazon.world import FR, Clock, World, open_world

BASE = "/orders/2026-01-01/orders"


def test_an_order_tells_only_the_datasets_that_were_asked_for(world: World) -> None:
    order = world.shipped_order()
    bare = world.ask("GET", f"{BASE}/{order}")["order"]
    full = world.ask("GET", f"{BASE}/{order}", query={"includedData": "BUYER,PROCEEDS,FULFILLMENT,PACKAGES"})["order"]

    assert not {"buyer", "proceeds", "fulfillment", "packages", "recipient"} & set(bare)
    assert full["buyer"]["buyerEmail"].endswith("@marketplace.amazon.fr")
    assert full["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
    assert full["packages"][0]["packageStatus"]["status"] == "DELIVERED"
    assert world.refusal("GET", f"{BASE}/{order}", query={"includedData": "SECRETS"}) == (400, "InvalidInput")


def test_proceeds_add_up_to_the_cent(world: World) -> None:
    basket = Item(
        "CANDLE", "20.00", 3, shipping="4.90", discount="2.05", charges={"Tax": "3.21", "ShippingTax": "0.79"}
    )
    order = world.shipped_order(basket, Item("SOAP", "7.49"))
    told = world.ask("GET", f"{BASE}/{order}", query={"includedData": "PROCEEDS"})["order"]
    parts = {one["type"]: one["subtotal"]["amount"] for one in told["proceeds"]["breakdowns"]}

    assert parts == {"ITEM": "67.49", "SHIPPING": "4.90", "TAX": "4.00", "DISCOUNT": "-2.05"}
    assert told["proceeds"]["grandTotal"] == {"amount": "74.34", "currencyCode": "EUR"}
    assert world.amazon.money()[order].charged == 7434


def test_parcels_charge_what_they_carry_and_together_the_whole(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "3.33", 3, shipping="1.00"))
    charged = []
    for _ in range(3):
        world.amazon.carriers.ship(order.id, {"CANDLE": 1})
        charged.append(world.amazon.money()[order.id].charged)

    assert charged == [366, 732, 1099]
    with pytest.raises(ValueError, match="nothing is left"):
        world.amazon.carriers.ship(order.id)


def test_searching_wants_one_pair_of_times_and_two_minutes(world: World) -> None:
    world.shipped_order()
    world.wait(minutes=1)
    assert world.ask("GET", BASE, query={"createdAfter": "2026-11-01T00:00:00Z"})["orders"] == []
    world.wait(minutes=5)

    assert len(world.ask("GET", BASE, query={"lastUpdatedAfter": "2026-11-01T00:00:00Z"})["orders"]) == 1
    now = world.clock().isoformat()
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"createdAfter": "2026-11-01T00:00:00Z", "lastUpdatedAfter": "2026-11-01T00:00:00Z"},
        {"createdAfter": "2026-11-01T00:00:00Z", "createdBefore": now},
        {"createdAfter": "2026-11-01T00:00:00Z", "lastUpdatedBefore": "2026-11-02T00:00:00Z"},
        {"createdAfter": "yesterday"},
        {"createdAfter": "2026-11-01T00:00:00Z", "maxResultsPerPage": "101"},
        {"createdAfter": "2026-11-01T00:00:00Z", "colour": "red"},
    )
    assert [world.refusal("GET", BASE, query=query) for query in wrong] == [(400, "InvalidInput")] * len(wrong)


def test_searching_filters_by_place_maker_and_status(world: World) -> None:
    french = world.shipped_order()
    german = world.amazon.buyers.place_order(Item("CANDLE", "20.00"), country="DE").id
    fba = world.shipped_order(by_amazon=True)
    world.wait(minutes=5)

    def found(**query: str) -> set[str]:
        answer = world.ask("GET", BASE, query={"createdAfter": "2026-11-01T00:00:00Z"} | query)
        return {one["orderId"] for one in answer["orders"]}

    assert found(marketplaceIds=FR) == {french, fba}
    assert found(fulfilledBy="AMAZON") == {fba}
    assert found(fulfillmentStatuses="UNSHIPPED,CANCELLED") == {german}


def test_a_wish_to_cancel_is_seen_in_its_dataset_and_its_notification(world: World) -> None:
    world.subscribe("ORDER_CHANGE")
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"), Item("SOAP", "7.50"))
    world.amazon.buyers.request_cancellation(order.id, "SOAP", reason="No longer needed")
    world.wait(minutes=1)
    items = world.ask("GET", f"{BASE}/{order.id}", query={"includedData": "CANCELLATION"})["order"]["orderItems"]
    told = world.notes("ORDER_CHANGE")[-1]["Payload"]["OrderChangeNotification"]

    assert [one.get("cancellation") for one in items] == [
        None,
        {"cancellationRequest": {"requester": "BUYER", "cancelReason": "No longer needed"}},
    ]
    assert told["OrderChangeType"] == "BuyerRequestedChange"
    assert [one["IsBuyerRequestedCancel"] for one in told["Summary"]["OrderItems"]] == [False, True]
    assert [mail.kind for mail in world.mails] == ["BRC_SELLER_NOTIFICATION"]


def test_cancelorder_is_off_unless_amazon_has_switched_it_on(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
    path, body = f"{BASE}/{order.id}/cancellation", {"cancelReasonCode": "BUYER_CANCELLED"}

    assert world.refusal("PUT", path, body=body) == (403, "Unauthorized")
    assert world.refusal("PUT", path, body={"cancelReasonCode": "BuyerCanceled"}) == (400, "InvalidInput")


def test_cancelorder_answers_at_once_and_acts_a_moment_later() -> None:
    with open_world(replace(Seller(), cancel_order=True)) as world:
        order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
        other = world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
        body = {"cancelReasonCode": "NO_INVENTORY"}
        for one in (order, other):
            assert world.send("PUT", f"{BASE}/{one.id}/cancellation", body=body).status_code == 202
        world.amazon.carriers.ship(other.id)
        world.wait(minutes=1)

        assert world.amazon.order(order.id).status == "CANCELLED"
        assert world.amazon.order(other.id).status == "SHIPPED"
        assert world.refusal("PUT", f"{BASE}/{other.id}/cancellation", body=body) == (400, "InvalidInput")


def test_another_sellers_order_does_not_exist() -> None:
    clock = Clock()
    sellers = (Seller(), Seller("A1SECOND", refresh_token="Atzr|second", mailbox="b@second.example"))
    with AmazonSimulator(clock, sellers) as amazon:
        world = World(amazon, clock, sellers[0])
        mine = amazon.buyers.place_order(Item("CANDLE", "20.00"), seller=sellers[0].id)
        other = amazon.buyers.place_order(Item("CANDLE", "20.00"), seller="A1SECOND")

        assert world.send("GET", f"{BASE}/{mine.id}").status_code == 200
        assert world.refusal("GET", f"{BASE}/{other.id}") == (404, "NotFound")
        with pytest.raises(ValueError, match="several sellers"):
            amazon.buyers.place_order(Item("CANDLE", "20.00"))


def test_item_ids_are_texts_of_14_digits_and_some_begin_with_a_zero(world: World) -> None:
    ids = [world.amazon.buyers.place_order(Item("CANDLE", "1.00")).lines[0].id for _ in range(9)]

    assert all(len(one) == 14 and one.isdigit() for one in ids)
    assert any(one.startswith("0") for one in ids)
    assert len(set(ids)) == len(ids)
