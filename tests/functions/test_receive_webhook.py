"""What the door to the outside takes in and what it refuses, through the handler that Lambda loads."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from tests.support.functions import load_function
from tests.support.pushed import (
    NOON,
    STORE,
    receipt_event,
    receipt_signature,
    shopify_event,
    shopify_signature,
)
from tests.support.reception import BUCKET, HANDLER, Cloud, Door, cloud, connect, door, module, open_door, settings_of

__all__ = ["cloud", "door", "module"]  # fixtures

ODD_BODIES = {
    "no UTF-8": b'{"note":"\xff\xfe\xc3"}',
    "CRLF": b'{\r\n "note": "a\r\nb"\r\n}',
    "NUL": b'{"note":"\x00"}',
    "multi-byte": '{"note":"déjà vu 📦"}'.encode(),
    "empty": b"",
}


# What is taken in


@pytest.mark.proves("F130")
def test_a_signed_webhook_is_queued_with_its_bytes_its_id_and_the_allowed_headers_only(cloud: Cloud) -> None:
    body = b'{"id": 42,  "note": "spaces stay"}'

    status, text = cloud.post(shopify_event(body))

    (message,) = cloud.messages()
    assert (status, json.loads(text)) == (200, {"outcome": "accepted"})
    assert base64.b64decode(message.pop("body")) == body
    assert message.pop("received_at")[-5] == "."
    assert message == {
        "schema": 1,
        "type": "delivery",
        "channel": "shopify",
        "store": STORE,
        "topic": "returns/request",
        "delivery": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "headers": {
            "x-shopify-api-version": "2026-10",
            "x-shopify-event-id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
            "x-shopify-shop-domain": "maison-lumiere.myshopify.com",
            "x-shopify-topic": "returns/request",
            "x-shopify-triggered-at": "2026-11-21T11:59:58.123456789Z",
            "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        },
    }


def test_a_signed_receipt_is_queued_as_the_warehouses_receipt(door: Door) -> None:
    assert door.post(receipt_event()) == 200

    (message,) = door.queue.sent
    assert (message["channel"], message["topic"]) == ("warehouse", "receipt")
    assert message["delivery"] == "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
    assert message["received_at"] == "2026-11-21T12:00:00.000Z"
    assert message["headers"] == {
        "webhook-id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        "webhook-timestamp": str(int(NOON.timestamp())),
    }


@pytest.mark.parametrize("is_base64", [True, False])
@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_odd_bytes_verify_and_arrive_unchanged(door: Door, body: bytes, is_base64: bool) -> None:
    assert door.post(shopify_event(body, is_base64=is_base64)) == 200

    assert base64.b64decode(door.queue.sent[0]["body"]) == body


def test_bytes_that_something_in_front_replaced_are_refused_rather_than_trusted(door: Door) -> None:
    event = shopify_event(b'{"note":"\xff"}', is_base64=False)
    event["body"] = event["body"].replace("\udcff", "\N{REPLACEMENT CHARACTER}")

    assert door.post(event) == 401


def test_header_names_match_in_any_case(door: Door) -> None:
    event = shopify_event()
    event["headers"] = {name.title(): value for name, value in event["headers"].items()}

    assert door.post(event) == 200
    assert door.queue.sent[0]["topic"] == "returns/request"


def test_a_body_of_250_kb_waits_in_the_bucket_and_the_message_points_to_it(cloud: Cloud) -> None:
    body = b"\x00" * 250_000

    assert cloud.post(shopify_event(body))[0] == 200

    (message,) = cloud.messages()
    digest = hashlib.sha256(message["delivery"].encode()).hexdigest()
    assert message["body_s3"] == f"incoming/shopify/{STORE}/{digest}"
    assert "body" not in message
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key=message["body_s3"])["Body"].read() == body


def test_the_largest_message_with_its_body_inside_stays_under_the_limit_of_the_queue(cloud: Cloud) -> None:
    assert cloud.post(shopify_event(b"x" * 153_000))[0] == 200

    (message,) = cloud.messages()
    assert 203_000 < len(json.dumps(message, separators=(",", ":"))) <= 204_800


def test_a_delivery_without_an_id_gets_one_that_its_retry_gets_too_and_no_other_delivery(door: Door) -> None:
    events = [
        shopify_event(x_shopify_webhook_id=None),
        shopify_event(x_shopify_webhook_id=None),
        shopify_event(x_shopify_webhook_id=None, x_shopify_triggered_at="2026-11-21T11:59:59Z"),
        shopify_event(x_shopify_webhook_id=None, x_shopify_topic="returns/close"),
        shopify_event(b'{"id":2}', x_shopify_webhook_id=None),
        shopify_event(x_shopify_webhook_id="spaces are no id"),
    ]

    assert [door.post(event) for event in events] == [200] * 6

    first, retry, *others = [message["delivery"] for message in door.queue.sent]
    assert first == retry
    assert others[-1] == first
    assert len({first, *others[:-1]}) == 4
    assert first.startswith("derived-")


def test_the_body_is_not_read_here_so_a_signed_text_that_is_no_json_goes_on(door: Door) -> None:
    assert door.post(shopify_event(b"\x00 this is no JSON")) == 200


# What is refused


@pytest.mark.parametrize(
    "event",
    [
        shopify_event(store="nobody"),
        shopify_event(channel="amazon"),
        shopify_event(channel="warehouse"),
        shopify_event(channel="../shopify"),
        shopify_event(store="Maison-Lumiere"),
        shopify_event(store="../preview"),
        shopify_event(store=""),
        shopify_event(store="a" * 64),
        shopify_event(store="maison-lumiere\n"),
        receipt_event(store="nobody"),
        {**shopify_event(), "routeKey": "$default"},
        {**shopify_event(), "pathParameters": {"store": STORE}, "routeKey": "POST /receipts"},
        {"version": "2.0"},
    ],
)
def test_an_unknown_address_is_404_with_one_text(door: Door, event: Mapping[str, Any]) -> None:
    assert door.answer(event) == (404, '{"outcome":"refused","reason":"no such address"}')
    assert door.queue.sent == []


def test_a_store_that_the_secret_store_does_not_know_is_404(cloud: Cloud) -> None:
    assert cloud.post(shopify_event(store="nobody"))[0] == 404


@pytest.mark.parametrize("channel", ["warehouse", "amazon", "..", ""])
@pytest.mark.parametrize("store", ["../preview", "A", "-a", "a_b", "a/b", "é", "a" * 64])
def test_a_name_outside_the_pattern_never_reaches_the_secret_store(door: Door, channel: str, store: str) -> None:
    assert door.post(shopify_event(store=store)) == 404
    assert door.post(shopify_event(channel=channel)) == 404
    assert door.keeper.asked == []


@pytest.mark.parametrize("body", [b'{"id":1}', b"{not json", b"\xff\x00", b""])
@pytest.mark.parametrize(
    "signature", [None, "", "AAAA", "not base64 at all", shopify_signature(b"another body"), "é", "=" * 44]
)
def test_a_bad_signature_is_401_with_one_text_whatever_the_body_is(
    door: Door, body: bytes, signature: str | None
) -> None:
    event = shopify_event(body, x_shopify_hmac_sha256=signature)

    assert door.answer(event) == (401, '{"outcome":"refused","reason":"the signature was not accepted"}')
    assert door.queue.sent == []


def test_a_signature_of_the_wrong_store_is_refused(cloud: Cloud) -> None:
    connect("shopify", "other-shop", "shpss_other")

    assert cloud.post(shopify_event(store="other-shop"))[0] == 401


@pytest.mark.parametrize("is_base64", [True, False])
@pytest.mark.parametrize("size", [1_048_577, 1_048_579, 4_000_000])
def test_a_body_above_one_mebibyte_is_413(door: Door, size: int, is_base64: bool) -> None:
    assert door.post(shopify_event(b"x" * size, is_base64=is_base64)) == 413


def test_a_body_of_exactly_one_mebibyte_is_taken_in(cloud: Cloud) -> None:
    assert cloud.post(shopify_event(b"x" * 1_048_576))[0] == 200


def test_size_counts_bytes_and_not_characters(door: Door) -> None:
    assert door.post(shopify_event("é".encode() * 600_000, is_base64=False)) == 413


def test_size_comes_before_store_and_signature(door: Door) -> None:
    assert door.post(shopify_event(b"x" * 1_048_577, store="nobody", x_shopify_hmac_sha256="AAAA")) == 413
    assert door.keeper.asked == []


@pytest.mark.parametrize("body, is_base64", [("%%%", True), ("QQ", True), ("é", True), ("\ud800", False)])
def test_a_body_that_did_not_arrive_whole_is_400(door: Door, body: str, is_base64: bool) -> None:
    event = {**shopify_event(), "body": body, "isBase64Encoded": is_base64}

    assert door.post(event) == 400


@pytest.mark.parametrize(
    "seconds, status", [(-301, 401), (-300, 200), (0, 200), (300, 200), (301, 401), (-86_400, 401)]
)
def test_a_receipt_is_believed_within_five_minutes_of_its_timestamp(door: Door, seconds: int, status: int) -> None:
    assert door.post(receipt_event(sent_at=NOON + timedelta(seconds=seconds))) == status


def test_a_captured_receipt_with_a_new_timestamp_is_refused(door: Door) -> None:
    captured = receipt_event()
    door.wait(3600)
    captured["headers"]["webhook-timestamp"] = str(int(door.clock[0].timestamp()))

    assert door.post(captured) == 401


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", " 1", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 30, "1764.5"])
def test_a_timestamp_that_is_no_count_of_seconds_is_refused(door: Door, timestamp: str) -> None:
    signature = receipt_signature(b"{}", "msg_1", timestamp)
    event = receipt_event(b"{}", webhook_id="msg_1", webhook_timestamp=timestamp, webhook_signature=signature)

    assert door.post(event) == 401


def test_an_id_with_a_full_stop_is_refused_because_it_could_be_read_as_another_message(door: Door) -> None:
    at = str(int(NOON.timestamp()))
    signature = receipt_signature(b"{}", "msg_1.5", at)

    assert door.post(receipt_event(b"{}", webhook_id="msg_1.5", webhook_signature=signature)) == 401


def test_one_good_signature_among_several_suffices_and_other_versions_do_not_count(door: Door) -> None:
    good = receipt_event()["headers"]["webhook-signature"]
    unrelated = receipt_signature(b"other", "x", "1")

    assert door.post(receipt_event(webhook_signature=f"v1a,AAAA {unrelated} {good}")) == 200
    assert door.post(receipt_event(webhook_signature=good.replace("v1,", "v2,"))) == 401
    assert door.post(receipt_event(webhook_signature=good.removeprefix("v1,"))) == 401


@given(data=st.data(), body=st.binary(min_size=1, max_size=200))
def test_any_single_bit_changed_in_a_webhook_or_its_signature_is_refused(
    module: ModuleType, data: st.DataObject, body: bytes
) -> None:
    signature = shopify_signature(body)
    place = data.draw(st.integers(0, 8 * (len(body) + len(signature)) - 1))
    flipped = flip(body + signature.encode(), place)
    event = shopify_event(flipped[: len(body)], x_shopify_hmac_sha256=flipped[len(body) :].decode("latin-1"))

    assert open_door(module).post(shopify_event(body)) == 200
    assert open_door(module).post(event) == 401


@given(data=st.data(), body=st.binary(min_size=1, max_size=100))
def test_any_single_bit_changed_in_a_receipt_its_id_time_or_signature_is_refused(
    module: ModuleType, data: st.DataObject, body: bytes
) -> None:
    event = receipt_event(body)
    name = data.draw(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "body"]))
    right = body if name == "body" else event["headers"][name].encode()
    wrong = flip(right, data.draw(st.integers(0, 8 * len(right) - 1)))
    if name == "body":
        event["body"] = base64.b64encode(wrong).decode()
    else:
        event["headers"][name] = wrong.decode("latin-1")

    assert open_door(module).post(receipt_event(body)) == 200
    assert open_door(module).post(event) == 401


def test_no_second_spelling_of_a_signature_is_accepted(module: ModuleType) -> None:
    webhook = shopify_signature(b"{}")
    receipt = receipt_event(b"{}")["headers"]["webhook-signature"]

    for bit in range(8 * len(webhook)):
        other = flip(webhook.encode(), bit).decode("latin-1")
        assert open_door(module).post(shopify_event(b"{}", x_shopify_hmac_sha256=other)) == 401, other
    for bit in range(8 * len(receipt)):
        other = flip(receipt.encode(), bit).decode("latin-1")
        assert open_door(module).post(receipt_event(b"{}", webhook_signature=other)) == 401, other


def flip(octets: bytes, bit: int) -> bytes:
    changed = bytearray(octets)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# The queue


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://sqs.eu-west-1.amazonaws.com"),
        ClientError({"Error": {"Code": "KMS.ThrottlingException"}}, "SendMessage"),
    ],
)
def test_when_the_queue_is_down_the_sender_is_asked_to_try_again(door: Door, error: Exception) -> None:
    door.queue.error = error
    assert door.post(shopify_event()) == 503

    door.queue.error = None
    assert door.post(shopify_event()) == 200


def test_a_queue_that_is_gone_is_503_with_one_text(cloud: Cloud) -> None:
    boto3.client("sqs").delete_queue(QueueUrl=cloud.queue_url)

    assert cloud.post(shopify_event()) == (503, '{"outcome":"refused","reason":"try again later"}')


def test_a_bucket_that_is_gone_is_503_and_no_message_points_to_nothing(cloud: Cloud) -> None:
    boto3.client("s3").delete_bucket(Bucket=BUCKET)

    assert cloud.post(shopify_event(b"x" * 250_000))[0] == 503
    assert cloud.messages() == []


# What is written about it


def test_every_answer_is_counted_by_channel_and_outcome_and_carries_nothing_personal(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    body = b'{"email":"camille.durand@example.com"}'
    events = {
        ("shopify", "accepted"): shopify_event(body),
        ("shopify", "bad_signature"): shopify_event(body, x_shopify_hmac_sha256="AAAA"),
        ("shopify", "unknown_store"): shopify_event(body, store="nobody"),
        ("unknown", "unknown_route"): shopify_event(body, channel="camille"),
        ("shopify", "too_large"): shopify_event(body * 40_000),
        ("warehouse", "bad_signature"): receipt_event(body, webhook_signature=None),
    }
    for event in events.values():
        door.post(event)

    printed = capsys.readouterr().out
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [(line["channel"], line["outcome"]) for line in lines] == list(events)
    for line in lines:
        (declared,) = line["_aws"]["CloudWatchMetrics"]
        name = "DeliveryReceived" if line["outcome"] == "accepted" else "DeliveryRefused"
        assert declared["Metrics"] == [{"Name": name, "Unit": "Count"}]
        assert declared["Dimensions"] == [["channel", "outcome"]]
        assert line[name] == 1
    for personal in ("camille", "203.0.113.9", base64.b64encode(body).decode()[:20], shopify_signature(body)):
        assert personal not in printed


def test_a_delivery_that_could_not_be_queued_is_an_error_line_with_the_class_and_not_the_text(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.queue.error = EndpointConnectionError(endpoint_url="https://camille.example")

    door.post(shopify_event())

    printed = capsys.readouterr().out
    error = json.loads(printed.splitlines()[-1])
    assert (error["level"], error["outcome"], error["reason"]) == ("ERROR", "not_queued", "EndpointConnectionError")
    assert "camille" not in printed


# What it is made of


def test_a_missing_setting_stops_the_import_and_is_named() -> None:
    stated = settings_of("https://sqs.eu-west-1.amazonaws.com/1/inbox")
    del stated["QUITTANCE_RAW_BUCKET"]

    with pytest.raises(Exception, match="QUITTANCE_RAW_BUCKET"), load_function(HANDLER, stated):
        pass
