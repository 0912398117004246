"""Webhooks as Shopify sends them: shapes, headers, signature, retries on the virtual clock, and scenarios' tricks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.shopify import Item
from tests.sandbox.shopify.world import PROCESS, START, Heard, Subscriber, World, listening, open_world

SECRET = "shpss_sandbox_secret"
# The samples date from 2025-01 and hold some lists empty; these are keys of the list elements, not of the payloads.
SAMPLES = {
    "returns/request": "returns_request",
    "returns/approve": "returns_approve",
    "returns/decline": "returns_decline",
    "returns/cancel": "returns_cancel",
    "returns/close": "returns_close",
    "returns/reopen": "returns_reopen",
    "returns/update": "returns_update",
    "refunds/create": "refunds_create",
    "order_transactions/create": "order_transactions_create",
    "reverse_deliveries/attach_deliverable": "reverse_deliveries_attach_deliverable",
    "fulfillment_events/create": "fulfillment_events_create",
    "orders/updated": "orders_updated",
    "disputes/create": "disputes_create",
}


def lively_day(world: World, subscriber: Subscriber) -> None:
    """One of everything that is announced."""
    shopify = world.shopify
    shopify.subscribe(subscriber.url)
    order = world.delivered_order(Item("CANDLE", "20.00", 5), shipping="5.00")
    first = shopify.buyer_requests_return(order, {"CANDLE": 1}, note="too small")
    shopify.admin_approve(first.id)
    reverse = shopify.floor().books.reverse_orders_of(first.id)[0]
    world.data(
        "mutation($id: ID!) { reverseDeliveryCreateWithShipping(reverseFulfillmentOrderId: $id,"
        ' reverseDeliveryLineItems: [], trackingInput: {number: "R1"}) { userErrors { message } } }',
        {"id": reverse.id},
    )
    shopify.admin_dispose(first.id)
    shopify.admin_processes_return(first.id)
    shopify.admin_close(first.id)
    shopify.admin_reopen(first.id)
    shopify.admin_decline(shopify.buyer_requests_return(order, {"CANDLE": 1}).id, note="worn")
    shopify.buyer_cancels_return(shopify.buyer_requests_return(order, {"CANDLE": 1}).id)
    cut = shopify.admin_creates_return(order, {"CANDLE": 2})
    world.data(
        "mutation($id: ID!, $lines: [ReturnLineItemRemoveFromReturnInput!]) {"
        " removeFromReturn(returnId: $id, returnLineItems: $lines) { userErrors { message } } }",
        {"id": cut.id, "lines": [{"returnLineItemId": cut.lines[0].id, "quantity": 1}]},
    )
    shopify.open_dispute(order)
    shopify.deliver_due()


@pytest.fixture(scope="module")
def day() -> Iterator[list[Heard]]:
    """What a subscriber to everything heard on one lively day."""
    with open_world() as world, listening() as subscriber:
        lively_day(world, subscriber)
        yield subscriber.heard


def lacking(sample: Any, given: Any, where: str = "") -> list[str]:
    """Keys that only one side has, all the way down; of lists, the first elements are compared."""
    if not (isinstance(sample, dict) and isinstance(given, dict)):
        return []
    wrong = [f"{where}.{name}" for name in sample.keys() ^ given.keys()]
    for name in sample.keys() & given.keys():
        left, right = sample[name], given[name]
        if isinstance(left, list) and isinstance(right, list) and left and right:
            left, right = left[0], right[0]
        wrong += lacking(left, right, f"{where}.{name}")
    return wrong


@pytest.mark.parametrize("topic", SAMPLES)
def test_payloads_have_the_published_shape(day: list[Heard], reference: Path, topic: str) -> None:
    sample = json.loads((reference / f"shopify/webhook_payloads/2025-01/{SAMPLES[topic]}.json").read_text())

    heard = [json.loads(item.body) for item in day if item.topic == topic]

    assert heard
    for payload in heard:
        differences = set(lacking(sample, payload))
        # the sample's customer lives elsewhere: its address carries an id of its own
        assert {item for item in differences if not item.startswith(".customer.default_address")} == set()


def test_a_busy_day_announces_every_topic(day: list[Heard]) -> None:
    counted = Counter(item.topic for item in day)
    assert {topic for topic in SAMPLES if counted[topic] == 0} == set()
    assert counted["returns/process"] == 1
    assert counted["reverse_fulfillment_orders/dispose"] == 1


def test_a_return_request_names_its_lines_as_the_notes_say(world: World, subscriber: Subscriber) -> None:
    world.shopify.subscribe(subscriber.url, ["returns/request"])
    order = world.delivered_order()
    made = world.shopify.buyer_requests_return(order, {"CANDLE": 2}, "SIZE_TOO_SMALL", "too small")
    world.shopify.deliver_due()

    (line,) = json.loads(subscriber.heard[0].body)["return_line_items"]
    parcel_line = world.shopify.return_(made.id).lines[0].fulfillment_line
    ordered = world.shopify.order(order).lines[0].id
    assert line["admin_graphql_api_id"] == made.lines[0].id
    assert line["fulfillment_line_item"]["admin_graphql_api_id"] == parcel_line
    assert line["fulfillment_line_item"]["line_item"]["admin_graphql_api_id"] == ordered
    assert (line["quantity"], line["return_reason"], line["customer_note"]) == (2, "size_too_small", "too small")


def test_each_delivery_is_signed_over_its_raw_bytes(day: list[Heard]) -> None:
    assert all(item.is_signed_with(SECRET) for item in day)
    headers = day[0].headers
    assert headers["X-Shopify-Shop-Domain"] == "maison-lumiere.myshopify.com"
    assert headers["X-Shopify-Api-Version"] == "2026-10"
    assert headers["X-Shopify-Triggered-At"].startswith("2026-11-21T10:00:00.")
    assert len({item.headers["X-Shopify-Webhook-Id"] for item in day}) == len(day)


def test_deliveries_of_one_act_share_the_event_id(world: World, subscriber: Subscriber) -> None:
    world.shopify.subscribe(subscriber.url)
    order = world.delivered_order()
    world.shopify.deliver_due()
    subscriber.heard.clear()

    world.shopify.admin_refund(order, {"CANDLE": 1})
    world.shopify.deliver_due()

    assert Counter(subscriber.topics()) == {"refunds/create": 1, "order_transactions/create": 1, "orders/updated": 1}
    assert len({item.headers["X-Shopify-Event-Id"] for item in subscriber.heard}) == 1


def test_the_oldest_live_secret_signs_until_it_is_revoked(world: World, subscriber: Subscriber) -> None:
    world.shopify.subscribe(subscriber.url, ["returns/request"])
    app = world.shopify.floor().app
    order = world.delivered_order()
    for count, act in enumerate((lambda: None, lambda: app.add_secret("shpss_new"), app.revoke_oldest), start=1):
        act()
        world.shopify.buyer_requests_return(order, {"CANDLE": 1})
        world.shopify.deliver_due()
        assert len(subscriber.heard) == count

    assert [item.is_signed_with(SECRET) for item in subscriber.heard] == [True, True, False]
    assert subscriber.heard[2].is_signed_with("shpss_new")


@pytest.mark.proves("B6")
def test_a_dead_subscriber_is_tried_eight_times_within_four_hours_then_dropped(
    world: World, subscriber: Subscriber
) -> None:
    subscriber.status = 500
    world.shopify.subscribe(subscriber.url, ["returns/request"])
    world.shopify.buyer_requests_return(world.delivered_order(), {"CANDLE": 1})

    attempts = 0
    while (due := world.shopify.webhooks.next_due()) is not None:
        world.clock.now = due
        attempts += len(world.shopify.deliver_due())

    assert world.clock.now - START <= timedelta(hours=4)
    assert attempts == 8
    assert world.shopify.webhooks.subscriptions == {}
    assert len(world.shopify.webhooks.removed) == 1
    assert len({item.body for item in subscriber.heard}) == 1
    assert len({item.headers["X-Shopify-Webhook-Id"] for item in subscriber.heard}) == 1


def test_a_retry_carries_the_first_payload_even_when_the_world_moved_on(world: World, subscriber: Subscriber) -> None:
    world.shopify.subscribe(subscriber.url, ["returns/request"])
    subscriber.status = 503
    made = world.shopify.buyer_requests_return(world.delivered_order(), {"CANDLE": 1})
    world.shopify.deliver_due()
    world.shopify.admin_approve(made.id)
    subscriber.status = 200
    world.clock.advance(minutes=1)

    world.shopify.deliver_due()

    assert [json.loads(item.body)["status"] for item in subscriber.heard] == ["requested", "requested"]
    assert world.shopify.webhooks.pending() == []


def test_subscriptions_of_the_apps_configuration_are_never_dropped(world: World, subscriber: Subscriber) -> None:
    subscriber.status = 500
    world.shopify.subscribe(subscriber.url, ["returns/request"], app_level=True)
    world.shopify.buyer_requests_return(world.delivered_order(), {"CANDLE": 1})
    while (due := world.shopify.webhooks.next_due()) is not None:
        world.clock.now = due
        world.shopify.deliver_due()

    assert len(subscriber.heard) == 9
    assert len(world.shopify.webhooks.subscriptions) == 1


def test_deliveries_can_be_held_dropped_repeated_and_forged(world: World, subscriber: Subscriber) -> None:
    hooks = world.shopify.webhooks
    world.shopify.subscribe(subscriber.url, ["returns/request", "returns/approve"])
    order = world.delivered_order()
    hooks.hold(lambda delivery: delivery.topic == "returns/request")
    first = world.shopify.buyer_requests_return(order, {"CANDLE": 1})
    world.shopify.admin_approve(first.id)
    world.shopify.deliver_due()
    hooks.release()
    world.shopify.deliver_due()
    assert subscriber.topics() == ["returns/approve", "returns/request"]

    hooks.drop()
    world.shopify.buyer_requests_return(order, {"CANDLE": 1})
    world.shopify.deliver_due()
    assert len(subscriber.heard) == 2

    known = subscriber.heard[1].headers["X-Shopify-Webhook-Id"]
    hooks.send_again(known)
    assert subscriber.heard[2].body == subscriber.heard[1].body
    assert subscriber.heard[2].headers["X-Shopify-Webhook-Id"] == known

    hooks.forge(known)
    assert not subscriber.heard[3].is_signed_with(SECRET)


def test_due_deliveries_can_be_shuffled(world: World, subscriber: Subscriber) -> None:
    world.shopify.subscribe(subscriber.url)
    world.shopify.webhooks.reorder()
    order = world.delivered_order(Item("CANDLE", "20.00", 9))
    for _ in range(3):
        world.shopify.admin_approve(world.shopify.buyer_requests_return(order, {"CANDLE": 1}).id)
    world.shopify.deliver_due()

    written = [item.topic for item in world.shopify.webhooks.deliveries.values()]
    assert sorted(subscriber.topics()) == sorted(written)
    assert subscriber.topics() != written


def test_a_subscription_is_made_listed_and_deleted_by_the_api(world: World, subscriber: Subscriber) -> None:
    create = (
        "mutation($uri: String!) { webhookSubscriptionCreate(topic: ORDER_TRANSACTIONS_CREATE,"
        " webhookSubscription: {uri: $uri}) { webhookSubscription { id topic uri apiVersion { handle } }"
        " userErrors { field message } } }"
    )
    made = world.data(create, {"uri": subscriber.url})["webhookSubscription"]
    again = world.data(create, {"uri": subscriber.url})
    listed = world.data("{ webhookSubscriptions(first: 10) { nodes { id topic uri } } }")["nodes"]

    assert made["topic"] == "ORDER_TRANSACTIONS_CREATE"
    assert made["apiVersion"]["handle"] == "2026-10"
    assert again["userErrors"][0]["message"] == "Address for this topic has already been taken"
    assert [item["id"] for item in listed] == [made["id"]]

    world.delivered_order()
    world.shopify.deliver_due()
    assert subscriber.topics() == ["order_transactions/create"]

    world.data(
        "mutation($id: ID!) { webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId"
        " userErrors { message } } }",
        {"id": made["id"]},
    )
    assert world.data("{ webhookSubscriptions(first: 10) { nodes { id } } }")["nodes"] == []


def test_a_filter_on_an_unknown_field_delivers_nothing(world: World, subscriber: Subscriber) -> None:
    for wanted in ("status:requested", "no_such_field:1"):
        world.data(
            "mutation($hook: WebhookSubscriptionInput!) { webhookSubscriptionCreate(topic: RETURNS_REQUEST,"
            " webhookSubscription: $hook) { userErrors { message } } }",
            {"hook": {"uri": f"{subscriber.url}?{wanted}", "filter": wanted}},
        )
    world.shopify.buyer_requests_return(world.delivered_order(), {"CANDLE": 1})
    world.shopify.deliver_due()

    assert len(subscriber.heard) == 1


def test_processing_and_refunding_are_told_apart(world: World, subscriber: Subscriber) -> None:
    """A refund is announced when it is recorded; its money only when the bank has answered."""
    world.shopify.subscribe(subscriber.url, ["refunds/create", "order_transactions/create", "returns/process"])
    order = world.delivered_order()
    made = world.shopify.buyer_requests_return(order, {"CANDLE": 1})
    world.shopify.admin_approve(made.id)
    world.shopify.deliver_due()
    subscriber.heard.clear()
    world.shopify.faults.settle_next("FAILURE", after_seconds=60, error_code="EXPIRED_CARD")
    payment = world.shopify.floor().books.paid(order)[0].id
    money = {"parentId": payment, "transactionAmount": {"amount": "20.00", "currencyCode": "EUR"}}
    world.data(
        PROCESS,
        {
            "input": {
                "returnId": made.id,
                "returnLineItems": [{"id": made.lines[0].id, "quantity": 1}],
                "financialTransfer": {"issueRefund": {"orderTransactions": [money]}},
            }
        },
    )
    world.shopify.deliver_due()
    assert subscriber.topics() == ["returns/process", "refunds/create"]

    world.clock.advance(seconds=60)
    world.shopify.deliver_due()

    told = json.loads(subscriber.heard[-1].body)
    assert subscriber.topics()[2:] == ["order_transactions/create"]
    assert (told["status"], told["error_code"], told["kind"]) == ("failure", "expired_card", "refund")
    assert json.loads(subscriber.heard[1].body)["return"]["admin_graphql_api_id"] == made.id
