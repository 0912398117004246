"""Deliveries through the deployed function: read once, archived first, nothing lost and nobody held up by another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from quittance.application.commit import DeliveryKey
from quittance.domain.ids import DeliveryId
from quittance.storage import keys
from tests.functions.stack import Stack, delivery, stack
from tests.support.deployed import BUCKET, STORE, Context, names_of, sqs_event, wake

__all__ = ["stack"]  # fixture


def reads(stack: Stack) -> int:
    """How often the shop was asked for anything."""
    return len([one for one in stack.shop.requests if not one.is_mutation])


def archived(stack: Stack) -> list[str]:
    listed = stack.cloud.client("s3").list_objects_v2(Bucket=BUCKET)
    return [one["Key"] for one in listed.get("Contents", [])]


@pytest.mark.proves("F130", "F132")
def test_two_deliveries_of_one_order_in_a_batch_are_one_reading_and_one_case(stack: Stack) -> None:
    case = stack.ask_back()

    assert _reads_of(stack, stack.webhook("w-1"), stack.webhook("w-2", "returns/update")) == 2, "which order, the order"
    assert stack.case(case).version == 1
    assert _reads_of(stack, stack.webhook("w-3"), stack.webhook("w-4", "returns/update")) == 1
    assert len(archived(stack)) == 4


def _reads_of(stack: Stack, *bodies: str) -> int:
    before = reads(stack)
    assert stack.ingest(*bodies) == {"batchItemFailures": []}
    return reads(stack) - before


def test_a_known_delivery_is_not_read_again(stack: Stack) -> None:
    stack.opened()

    assert _reads_of(stack, stack.webhook("w-1")) == 0


def test_an_unreadable_shop_makes_the_delivery_due_and_the_tick_brings_it_back(stack: Stack) -> None:
    case = stack.ask_back()
    stack.shop.faults.refuse(503, times=20)
    key = keys.delivery(DeliveryKey("shopify", STORE, DeliveryId("w-1")))

    assert stack.ingest(stack.webhook()) == {"batchItemFailures": []}
    assert stack.cloud.table.load_case(case) is None
    assert stack.cloud.image(key)["state"]["S"] == "pending"

    stack.shop.faults.clear()
    stack.cloud.set_clock(31)
    assert stack.cloud.call("WatchdogTickFunction", {}) == {"inbox:2": 1}
    assert stack.ingest(*stack.cloud.messages("InboxQueue")) == {"batchItemFailures": []}
    assert stack.case(case).version == 1
    assert stack.cloud.image(key)["state"]["S"] == "done"


def test_a_pending_delivery_whose_bytes_have_expired_is_put_before_a_person(stack: Stack) -> None:
    stack.ask_back()
    stack.shop.faults.refuse(503, times=20)
    stack.ingest(stack.webhook())
    for key in archived(stack):
        stack.cloud.client("s3").delete_object(Bucket=BUCKET, Key=key)

    stack.ingest(wake(keys.delivery(DeliveryKey("shopify", STORE, DeliveryId("w-1")))))

    assert [one.reason for one in stack.cloud.table.parked("shopify", STORE)] == ["its archived bytes have expired"]


@pytest.mark.parametrize(
    "text", ["no JSON", "[]", '{"schema": 9, "type": "delivery"}', '{"schema": 1, "type": "song"}']
)
def test_a_message_that_is_none_of_ours_is_parked_and_its_neighbours_are_worked_on(stack: Stack, text: str) -> None:
    case = stack.ask_back()

    assert stack.ingest(text, stack.webhook()) == {"batchItemFailures": []}

    (parked,) = stack.cloud.table.parked("queue", "SomeQueue")
    assert parked.archive in archived(stack)
    assert stack.case(case).version == 1


def test_a_message_that_cannot_be_opened_is_given_again_and_its_neighbours_are_worked_on(stack: Stack) -> None:
    case = stack.ask_back()
    unreadable = {**json.loads(stack.webhook("w-2")), "body": "no base64!"}

    answer = stack.ingest(json.dumps(unreadable), stack.webhook())

    assert len(answer["batchItemFailures"]) == 1
    assert stack.case(case).version == 1


def test_a_large_body_is_fetched_from_the_bucket(stack: Stack) -> None:
    case = stack.ask_back()
    message: dict[str, Any] = json.loads(stack.webhook())
    raw = json.dumps({"admin_graphql_api_id": stack.request, "note": "x" * 250_000}).encode()
    stack.cloud.client("s3").put_object(Bucket=BUCKET, Key="incoming/shopify/x", Body=raw)
    del message["body"]

    stack.ingest(json.dumps({**message, "body_s3": "incoming/shopify/x"}))

    assert stack.case(case).version == 1


def test_without_time_nothing_is_begun_and_all_is_given_again(stack: Stack) -> None:
    stack.ask_back()
    event = sqs_event(stack.webhook("w-1"), stack.webhook("w-2"))

    answer = stack.cloud.call("IngestReturnsFunction", event, Context(left=1000))

    assert names_of(answer) == [record["messageId"] for record in event["Records"]]
    assert archived(stack) == []


def test_a_malformed_report_is_parked_under_the_account_of_its_store(stack: Stack) -> None:
    stack.ingest(delivery("warehouse", "receipt", "r-1", {"receipt_id": "P-1"}))

    (parked,) = stack.cloud.table.parked("warehouse", STORE)
    assert "received_at" in parked.reason
