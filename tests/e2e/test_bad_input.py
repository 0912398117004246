"""What comes in wrong, forged, doubled, oversized or unheard of, through the public door of the whole stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from quittance.application.work_deliveries import TRIES
from sandbox.shopify.webhooks import Delivery
from sandbox.world import STORE, World
from tests.e2e.conftest import Door, Shopper, Story, fingerprint

MB = 1024 * 1024
# The waits of all tries together: half a minute, doubled up to an hour.
ALL_TRIES = timedelta(hours=6)


@pytest.mark.parametrize(
    "sent, status",
    [
        ({"path": "webhooks/shopify/nobody"}, 404),
        ({"path": f"webhooks/etsy/{STORE}"}, 404),
        ({"path": "receipts/nobody"}, 404),
        ({"secret": "not the secret"}, 401),
        ({"signed": False}, 401),
        ({"path": f"receipts/{STORE}"}, 401),
        ({"body": b"x" * (MB + 1)}, 413),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_may_not_come_in_is_refused_at_the_door_and_leaves_no_trace(
    door: Door, sent: dict[str, Any], status: int
) -> None:
    before = fingerprint(door.world)

    assert (
        door.post(sent.pop("body", {"admin_graphql_api_id": "gid://shopify/Return/1"}), webhook="w-0", **sent) == status
    )

    assert door.world.cloud.queues_idle()
    assert fingerprint(door.world) == before


def test_signed_nonsense_is_taken_parked_shown_to_the_operator_and_tried_again_on_his_word(door: Door) -> None:
    world = door.world

    assert door.post(b"{this is no JSON", webhook="w-malformed") == 200
    world.settle()

    told = world.ops("redrive")
    assert "w-malformed: MALFORMED: body" in told
    assert "nothing was changed" in told
    assert "w-malformed: MALFORMED: body" in world.ops("redrive", "--apply")
    assert _delivery(door, "w-malformed")["state"] == "pending"
    world.tick()
    assert _delivery(door, "w-malformed")["state"] == "done"
    assert world.ops("redrive").count("w-malformed") == 1, "it was tried, and is parked again"


def _delivery(door: Door, webhook: str) -> dict[str, Any]:
    found = door.delivery(webhook)
    assert found is not None
    return found


@pytest.mark.proves("F034")
def test_a_return_that_the_shop_does_not_know_is_looked_for_again_and_parked_in_the_end(door: Door) -> None:
    world = door.world

    assert door.post({"admin_graphql_api_id": "gid://shopify/Return/999999"}, webhook="w-unknown") == 200
    world.settle()
    assert (_delivery(door, "w-unknown")["state"], _delivery(door, "w-unknown")["tries"]) == ("pending", 1)

    world.pass_time(timedelta(minutes=1, seconds=40))
    assert 2 <= _delivery(door, "w-unknown")["tries"] < TRIES
    world.pass_time(ALL_TRIES)

    assert _delivery(door, "w-unknown")["state"] == "done"
    assert "w-unknown: the channel knows no such order" in world.ops("redrive")


def test_a_topic_that_nobody_handles_is_taken_recorded_and_does_nothing(door: Door) -> None:
    assert door.post({"id": 1}, webhook="w-topic", topic="carts/create") == 200
    door.world.settle()

    assert _delivery(door, "w-topic")["state"] == "done"
    assert "w-topic" not in door.world.ops("redrive")


def test_a_status_that_nobody_has_heard_of_is_kept_with_a_mark_and_decided_by_no_rule(shopper: Shopper) -> None:
    with _saying(shopper.world, '"REQUESTED"', '"ON_FIRE"'):
        story = shopper.asks_back("ODDITY", "12.00")

    assert story.shown["marks"] == ["unrecognised:status"]
    assert story.shown["intents"] == []


@contextmanager
def _saying(world: World, word: str, instead: str) -> Iterator[None]:
    """Let the shop answer with another word than the API of this version knows."""
    desk = world.shopify.desk
    serve = desk.graphql

    def graphql(shop: str, version: str, token: str | None, raw: bytes) -> Any:
        reply = serve(shop, version, token, raw)
        return replace(reply, body=json.loads(json.dumps(reply.body).replace(word, instead)))

    desk.graphql = graphql  # type: ignore[method-assign]  # the shop is the double
    try:
        yield
    finally:
        desk.graphql = serve  # type: ignore[method-assign]


def test_a_webhook_of_250_kb_goes_through_the_bucket_and_opens_its_case(shopper: Shopper, door: Door) -> None:
    outbox = door.world.shopify.webhooks
    outbox.drop()
    story = shopper.asks_back("POSTER", "18.00")
    outbox.stop_dropping()
    body = {"admin_graphql_api_id": story.request, "note": "x" * 250_000}

    assert door.post(body, webhook="w-large") == 200
    door.world.settle()

    assert story.shown["state"] == "requested"
    stored = door.world.cloud.client("s3").list_objects_v2(Bucket=door.world.cloud.raw_bucket, Prefix="incoming/")
    assert max(one["Size"] for one in stored["Contents"]) > 250_000


@pytest.mark.proves("F130", "F132")
def test_a_webhook_told_thrice_is_one_case_and_no_more_writes(shopper: Shopper) -> None:
    story = shopper.asks_back("VASE", "24.00")
    before = fingerprint(shopper.world)
    outbox = shopper.world.shopify.webhooks
    told = _webhooks_of(story)
    assert told

    for webhook in told * 2:
        assert outbox.send_again(webhook.webhook_id).status == 200
    shopper.world.settle()

    assert story.shown["version"] == 1
    assert fingerprint(shopper.world) == before


def _webhooks_of(story: Story) -> list[Delivery]:
    number = story.request.rpartition("/")[2]
    sent = story.world.shopify.webhooks.deliveries.values()
    return [one for one in sent if one.topic.startswith("returns/") and number.encode() in one.body]


@pytest.mark.parametrize(
    "command, code",
    [
        ({"command": "Refund", "case": "x", "version": 1}, "UNKNOWN_COMMAND"),
        ({"command": "AuthoriseReturn", "case": "x", "version": 1, "order": "#1001"}, "UNKNOWN_KEY"),
        ({"command": "AuthoriseReturn", "case": "x", "version": 1}, "UNKNOWN_CASE"),
        ({"command": "ShowCase", "case": "x"}, "UNKNOWN_CASE"),
        ({"command": "ShowCase", "case": "x", "order": "#1001"}, "UNKNOWN_KEY"),
        ({"command": "ListCases"}, "MISSING"),
        ({}, "UNKNOWN_COMMAND"),
    ],
    ids=lambda value: str(value)[:60],
)
@pytest.mark.proves("F095")
def test_a_command_that_is_wrong_is_refused_by_name(world: World, command: dict[str, Any], code: str) -> None:
    answer = world.desk("agent", **command)

    assert (answer["outcome"], answer["code"]) == ("refused", code)
    assert answer["field"]
    assert answer["fix"]
