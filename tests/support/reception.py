"""The reception of webhooks between doubles: in a moto cloud, or between small clients on a clock that a test moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from quittance.runtime.secrets import Secrets
from tests.support.functions import load_function
from tests.support.pushed import NOON, RECEIPT_SECRET, SHOPIFY_SECRET, STORE

HANDLER = "functions/receive_webhook/handler.py"
PREFIX = "quittance/test/"
BUCKET = "quittance-test-raw"


def settings_of(queue_url: str) -> dict[str, str]:
    return {
        "QUITTANCE_STACK": "test",
        "QUITTANCE_RELEASE": "r1",
        "QUITTANCE_INBOX_QUEUE_URL": queue_url,
        "QUITTANCE_RAW_BUCKET": BUCKET,
    }


@dataclass
class Cloud:
    """The handler in a moto cloud in which one shop and one warehouse are connected."""

    module: ModuleType
    queue_url: str

    def post(self, event: Mapping[str, Any]) -> tuple[int, str]:
        answer = self.module.handler(event, None)
        return answer["statusCode"], answer["body"]

    def messages(self) -> list[dict[str, Any]]:
        answer = boto3.client("sqs").receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        queue_url = boto3.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        connect("shopify", STORE, SHOPIFY_SECRET)
        connect("warehouse", STORE, RECEIPT_SECRET)
        with load_function(HANDLER, settings_of(queue_url)) as module:
            yield Cloud(module, queue_url)


def connect(channel: str, store: str, *secrets: str) -> None:
    boto3.client("secretsmanager").create_secret(
        Name=f"{PREFIX}inbound/{channel}/{store}", SecretString=json.dumps({"secrets": secrets})
    )


@dataclass
class Keeper:
    """A Secrets Manager that counts what it is asked."""

    held: dict[str, Any]
    asked: list[str] = field(default_factory=list)

    def get_secret_value(self, **request: str) -> Mapping[str, Any]:
        self.asked.append(request["SecretId"])
        value = self.held.get(request["SecretId"].removeprefix(PREFIX + "inbound/"))
        if isinstance(value, Exception):
            raise value
        if value is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        return {"SecretString": json.dumps(value)}


@dataclass
class Queue:
    """An SQS that keeps what it is sent, or fails as it is told."""

    error: Exception | None = None
    sent: list[dict[str, Any]] = field(default_factory=list)

    def send_message(self, **request: str) -> None:
        if self.error:
            raise self.error
        self.sent.append(json.loads(request["MessageBody"]))


@dataclass
class Door:
    """The handler's own reception between small clients, on a clock that the test moves."""

    receive: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    keeper: Keeper
    queue: Queue
    clock: list[datetime]

    def post(self, event: Mapping[str, Any]) -> int:
        return self.answer(event)[0]

    def answer(self, event: Mapping[str, Any]) -> tuple[int, str]:
        answer = self.receive(event)
        return answer["statusCode"], answer["body"]

    def wait(self, seconds: float) -> None:
        self.clock[0] += timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def module() -> Iterator[ModuleType]:
    with load_function(HANDLER, settings_of("https://sqs.eu-west-1.amazonaws.com/1/inbox")) as loaded:
        yield loaded


@pytest.fixture
def door(module: ModuleType) -> Door:
    return open_door(module)


def open_door(module: ModuleType) -> Door:
    clock = [NOON]
    queue = Queue()
    keeper = Keeper(
        {f"shopify/{STORE}": {"secrets": [SHOPIFY_SECRET]}, f"warehouse/{STORE}": {"secrets": [RECEIPT_SECRET]}}
    )
    secrets = Secrets(keeper, PREFIX, lambda: clock[0])

    def no_spool() -> Any:
        pytest.fail("a small body needs no S3")

    reception = module.Reception(module.reception.settings, secrets, queue, no_spool, lambda: clock[0])
    return Door(reception.receive, keeper, queue, clock)
