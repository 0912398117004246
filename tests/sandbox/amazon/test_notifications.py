"""Notifications: both spellings, filters, payload versions, a queue and its policy, tricks of the road."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sandbox.amazon import Item
from sandbox.amazon.roads import AMAZON_ACCOUNT, SqsRoad, lets_amazon_in
from tests.sandbox.amazon.world import FR, QUEUE, World

SUBSCRIPTIONS = "/notifications/v1/subscriptions"
DESTINATIONS = "/notifications/v1/destinations"


def destination(world: World, **resource: Any) -> Any:
    body = {"name": "queue", "resourceSpecification": resource or {"sqs": {"arn": QUEUE}}}
    return world.ask("POST", DESTINATIONS, body=body, grantless=True)["payload"]["destinationId"]


def test_each_type_has_its_own_spelling(world: World) -> None:
    world.subscribe("ORDER_CHANGE", "ACCOUNT_STATUS_CHANGED")
    world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
    world.amazon.amazon.set_account_status("AT_RISK")
    world.wait(minutes=1)
    pascal, camel = world.queue

    assert pascal["NotificationMetadata"]["NotificationId"]
    assert (pascal["NotificationType"], pascal["PayloadVersion"]) == ("ORDER_CHANGE", "1.0")
    assert camel["notificationMetadata"]["notificationId"]
    assert (camel["notificationType"], camel["payloadVersion"]) == ("ACCOUNT_STATUS_CHANGED", "2021-01-01")
    assert camel["payload"]["accountStatusChangeNotification"]["currentAccountStatus"] == "AT_RISK"


@pytest.mark.parametrize(
    "kind, body",
    [
        ("FEED_PROCESSING_FINISHED", {"payloadVersion": "1.0"}),
        ("ORDER_STATUS_CHANGE", {"payloadVersion": "1.0"}),
        (
            "ORDER_CHANGE",
            {
                "payloadVersion": "1.0",
                "processingDirective": {
                    "eventFilter": {"eventFilterType": "ORDER_CHANGE"},
                    "filterExpression": "true",
                },
            },
        ),
        (
            "ORDER_CHANGE",
            {"payloadVersion": "1.0", "processingDirective": {"eventFilter": {"eventFilterType": "ANY_OFFER_CHANGED"}}},
        ),
        ("ORDER_CHANGE", {"payloadVersion": "1.0", "processingDirective": {"filterExpression": "true"}}),
        ("ORDER_CHANGE", {}),
    ],
    ids=["version", "removed type", "two filters", "another type's filter", "expression", "no version"],
)
def test_subscriptions_that_do_not_fit_are_refused(world: World, kind: str, body: dict[str, Any]) -> None:
    made = destination(world)

    refused = world.refusal("POST", f"{SUBSCRIPTIONS}/{kind}", body={"destinationId": made} | body)
    assert refused == (400, "InvalidInput")


def test_a_second_subscription_and_a_queue_of_the_wrong_kind_are_refused(world: World) -> None:
    made = destination(world)
    body = {"destinationId": made, "payloadVersion": "1.0"}
    world.ask("POST", f"{SUBSCRIPTIONS}/ORDER_CHANGE", body=body)

    assert world.refusal("POST", f"{SUBSCRIPTIONS}/ORDER_CHANGE", body=body) == (409, "Conflict")
    fifo = {"name": "fifo", "resourceSpecification": {"sqs": {"arn": f"{QUEUE}.fifo"}}}
    assert world.refusal("POST", DESTINATIONS, body=fifo, grantless=True) == (400, "InvalidInput")
    assert world.refusal("DELETE", f"{DESTINATIONS}/{made}", grantless=True) == (409, "Conflict")
    nowhere = {"destinationId": "nowhere", "payloadVersion": "1.0"}
    assert world.refusal("POST", f"{SUBSCRIPTIONS}/TRANSACTION_UPDATE", body=nowhere) == (404, "NotFound")


def test_a_filter_lets_only_its_changes_and_places_pass(world: World) -> None:
    wanted = {"eventFilterType": "ORDER_CHANGE", "orderChangeTypes": ["BuyerRequestedChange"], "marketplaceIds": [FR]}
    body = {
        "destinationId": destination(world),
        "payloadVersion": "1.0",
        "processingDirective": {"eventFilter": wanted},
    }
    world.ask("POST", f"{SUBSCRIPTIONS}/ORDER_CHANGE", body=body)
    buyers = world.amazon.buyers
    french = buyers.place_order(Item("CANDLE", "20.00"))
    german = buyers.place_order(Item("CANDLE", "20.00"), country="DE")
    for order in (french, german):
        buyers.request_cancellation(order.id)
    world.wait(minutes=1)

    told = [one["Payload"]["OrderChangeNotification"]["AmazonOrderId"] for one in world.notes("ORDER_CHANGE")]
    assert told == [french.id]


def test_notifications_are_held_dropped_doubled_and_shuffled(world: World) -> None:
    world.subscribe("ORDER_CHANGE")
    outbox, buyers = world.amazon.notifications, world.amazon.buyers
    outbox.hold()
    buyers.place_order(Item("CANDLE", "1.00"))
    world.wait(minutes=1)
    assert world.queue == []
    outbox.release()
    outbox.drop(lambda note: "dropped" in note.body or note.seller == "nobody")
    world.wait(minutes=1)
    first = outbox.sent[0]
    world.amazon.tell_again(first.id)
    outbox.reorder()
    for _ in range(8):
        buyers.place_order(Item("CANDLE", "1.00"))
    world.wait(minutes=1)
    ids = [one["NotificationMetadata"]["NotificationId"] for one in world.queue]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 9
    assert [note.id for note in outbox.sent[2:]] != [one for one in outbox.notes if one in ids[2:]]


def test_anything_can_be_told_unknown_types_and_broken_ones(world: World) -> None:
    world.amazon.tell("NEW_KIND", QUEUE, json.dumps({"NotificationType": "NEW_KIND"}))
    world.wait(minutes=1)

    assert world.queue == [{"NotificationType": "NEW_KIND"}]


# The real queue


@pytest.fixture
def sqs() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("sqs", region_name="eu-west-1")


def policy(principal: str = AMAZON_ACCOUNT, *actions: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": list(actions or ("SQS:SendMessage", "SQS:GetQueueAttributes")),
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_queue_with_amazons_principal_gets_its_messages(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="amazon", Attributes={"Policy": policy()})["QueueUrl"]
    road = SqsRoad(sqs)

    assert road("arn:aws:sqs:eu-west-1:123456789012:amazon", '{"a": 1}')
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == '{"a": 1}'


def test_a_queue_without_it_loses_them_in_silence(sqs: Any) -> None:
    sqs.create_queue(QueueName="shut")
    road = SqsRoad(sqs)

    assert not road("arn:aws:sqs:eu-west-1:123456789012:shut", "{}")
    assert not road("arn:aws:sqs:eu-west-1:123456789012:absent", "{}")


def test_lost_notifications_are_known_to_the_simulator_alone(world: World) -> None:
    world.subscribe("ORDER_CHANGE")
    world.amazon.buyers.place_order(Item("CANDLE", "1.00"))
    world.clock.advance(minutes=1)
    world.amazon.connect(road=lambda *_: False)
    world.amazon.deliver_due()

    assert [note.type for note in world.amazon.notifications.lost] == ["ORDER_CHANGE"]


@pytest.mark.parametrize(
    "held, opened",
    [
        (None, False),
        (policy(), True),
        (policy(f"arn:aws:iam::{AMAZON_ACCOUNT}:root"), True),
        (policy("111122223333"), False),
        (policy(AMAZON_ACCOUNT, "sqs:SendMessage"), False),
        (policy(AMAZON_ACCOUNT, "sqs:*"), True),
        (policy("*"), True),
    ],
)
def test_a_policy_must_name_amazon_and_both_actions(held: str | None, opened: bool) -> None:
    assert lets_amazon_in(held) is opened


def test_destinations_are_the_applications_and_one_per_queue(world: World) -> None:
    destination(world)
    again = {"name": "other", "resourceSpecification": {"sqs": {"arn": QUEUE}}}
    both = {"name": "both", "resourceSpecification": {"sqs": {"arn": QUEUE}, "eventBridge": {}}}

    assert world.refusal("POST", DESTINATIONS, body=again, grantless=True) == (409, "Conflict")
    assert world.refusal("POST", DESTINATIONS, body=both, grantless=True) == (400, "InvalidInput")
    assert world.refusal("GET", f"{DESTINATIONS}/unknown", grantless=True) == (404, "NotFound")
    assert world.refusal("GET", f"{SUBSCRIPTIONS}/ORDER_CHANGE") == (404, "NotFound")
    assert world.refusal("GET", f"{SUBSCRIPTIONS}/ORDER_CHANGE/unknown", grantless=True) == (404, "NotFound")


def test_a_bus_gets_nothing_from_here(world: World) -> None:
    made = destination(world, eventBridge={"accountId": "000000000000", "region": "eu-west-1"})
    body = {"destinationId": made, "payloadVersion": "1.0"}
    world.ask("POST", f"{SUBSCRIPTIONS}/ORDER_CHANGE", body=body)
    world.amazon.buyers.place_order(Item("CANDLE", "1.00"))
    world.wait(minutes=1)

    assert world.amazon.notifications.notes == {}


def test_an_expiring_secret_is_told_to_the_applications_own_queue(world: World) -> None:
    kind = "APPLICATION_OAUTH_CLIENT_SECRET_EXPIRY"
    body = {"destinationId": destination(world), "payloadVersion": "2023-11-30"}
    world.ask("POST", f"{SUBSCRIPTIONS}/{kind}", body=body, grantless=True)
    world.amazon.amazon.warn_of_secret()
    world.wait(minutes=1)
    told = world.notes(kind)[0]

    assert told["notificationVersion"] == "1.0"
    assert told["payload"]["applicationOAuthClientSecretExpiry"]["clientSecretExpiryTime"].startswith("2026-12-21")


def test_what_is_dropped_is_never_sent(world: World) -> None:
    world.subscribe("ORDER_CHANGE")
    outbox = world.amazon.notifications
    outbox.drop()
    world.amazon.buyers.place_order(Item("CANDLE", "1.00"))
    outbox.stop_dropping()
    outbox.hold(lambda note: note.type == "OTHER")
    world.amazon.buyers.place_order(Item("CANDLE", "1.00"))
    world.wait(minutes=1)

    assert [note.state for note in outbox.notes.values()] == ["dropped", "delivered"]
