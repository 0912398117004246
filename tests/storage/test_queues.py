"""Queues get every message, in messages and calls that they can take."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from quittance.application.commit import Key
from quittance.domain.errors import Unavailable
from quittance.domain.ids import DeliveryId
from quittance.storage.queues import Queues
from tests.storage import samples
from tests.storage.engines import client


@pytest.fixture
def urls() -> Iterator[dict[str, str]]:
    with mock_aws():
        yield {name: client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in ("due", "bulk")}


def messages(url: str) -> list[Any]:
    found: list[Any] = []
    while True:
        answer = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        if not answer.get("Messages"):
            return found
        found += [json.loads(message["Body"]) for message in answer["Messages"]]


def a_key(number: int) -> Key:
    return Key(f"CASE#{number}", "HEAD")


def test_keys_are_sent_up_to_a_hundred_a_message(urls: dict[str, str]) -> None:
    queues = Queues(client("sqs"), urls)

    queues.wake("due", [a_key(number) for number in range(1105)])

    sent = messages(urls["due"])
    assert queues.depth("due") == 0
    assert {(message["schema"], message["type"]) for message in sent} == {(1, "wake")}
    assert sorted(len(message["keys"]) for message in sent) == [5, *[100] * 11]
    assert {key["pk"] for message in sent for key in message["keys"]} == {a_key(n).pk for n in range(1105)}


def test_no_keys_are_no_message(urls: dict[str, str]) -> None:
    queues = Queues(client("sqs"), urls)

    queues.wake("due", [])

    assert queues.depth("due") == 0


def test_the_depth_of_a_queue_is_what_nobody_has_taken(urls: dict[str, str]) -> None:
    queues = Queues(client("sqs"), urls)
    queues.wake("due", [a_key(1)])

    assert queues.depth("due") == 1


def test_hints_look_like_deliveries_of_the_webhook(urls: dict[str, str]) -> None:
    Queues(client("sqs"), urls).hints([samples.a_delivery()])

    (sent,) = messages(urls["bulk"])
    assert sent == {
        "schema": 1,
        "type": "delivery",
        "channel": "shopify",
        "store": "maison-lumiere",
        "topic": "returns/request",
        "delivery": samples.a_delivery().id,
        "received_at": "2026-11-21T21:38:43.123Z",
        "headers": {"x-shopify-topic": "r"},
        "body": base64.b64encode(b'{"id":1}').decode(),
    }


class Choosy:
    """An SQS client that refuses some messages some times, and counts what it is given."""

    def __init__(self, refusals: int) -> None:
        self._refusals = refusals
        self.taken: list[str] = []
        self.calls: list[int] = []

    def send_message_batch(self, *, Entries: list[dict[str, str]], **_: Any) -> Any:  # noqa: N803  # the provider's name
        self.calls.append(sum(len(entry["MessageBody"]) for entry in Entries))
        refused = Entries[-1:] if self._refusals > 0 else []
        self._refusals -= 1
        self.taken += [entry["MessageBody"] for entry in Entries if entry not in refused]
        return {"Failed": [{"Id": entry["Id"]} for entry in refused]}


def test_what_a_queue_did_not_take_is_sent_again_and_nothing_else_is() -> None:
    choosy = Choosy(refusals=2)

    Queues(choosy, {"due": "u"}).wake("due", [a_key(number) for number in range(250)])

    assert len(choosy.taken) == len(set(choosy.taken)) == 3


def test_a_queue_that_never_takes_a_message_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="due did not take 1"):
        Queues(Choosy(refusals=99), {"due": "u"}).wake("due", [a_key(1)])


def test_one_call_never_carries_more_than_a_queue_takes() -> None:
    choosy = Choosy(refusals=0)
    big = [replace(samples.a_delivery(), id=DeliveryId(str(n)), body=b"x" * 90_000) for n in range(5)]

    Queues(choosy, {"bulk": "u"}).hints(big)

    assert len(choosy.taken) == 5
    assert max(choosy.calls) <= 256 * 1024


class Silent:
    """An SQS client that gives no answer."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def send_message_batch(self, **_: Any) -> Any:
        raise self._error

    def get_queue_attributes(self, **_: Any) -> Any:
        raise self._error


@pytest.mark.parametrize(
    "error",
    [EndpointConnectionError(endpoint_url="https://x"), ClientError({"Error": {"Code": "Throttled"}}, "SendMessage")],
    ids=type,
)
def test_a_queue_that_does_not_answer_is_unavailable(error: Exception) -> None:
    queues = Queues(Silent(error), {"due": "u"})

    with pytest.raises(Unavailable):
        queues.wake("due", [a_key(1)])
    with pytest.raises(Unavailable):
        queues.depth("due")
