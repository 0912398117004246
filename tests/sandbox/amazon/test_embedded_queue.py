"""The road to a real queue of the embedded cloud, and the simulator under the sandbox's own Python."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from sandbox.amazon import Item
from sandbox.amazon.roads import AMAZON_ACCOUNT, SqsRoad
from sandbox.emulator import PYTHON, REGION, ROOT_KEY, Emulator
from sandbox.translate import ROOT
from tests.sandbox.amazon.world import World

ALLOWED = {
    "Effect": "Allow",
    "Principal": {"AWS": AMAZON_ACCOUNT},
    "Action": ["sqs:SendMessage", "sqs:GetQueueAttributes"],
    "Resource": "*",
}
# What a scenario does, in as few lines as show that nothing of dev alone is needed.
ALONE = """
from datetime import UTC, datetime
from sandbox.amazon import AmazonSimulator, Item
with AmazonSimulator(lambda: datetime(2026, 11, 21, tzinfo=UTC)) as amazon:
    order = amazon.buyers.place_order(Item("CANDLE", "20.00"))
    amazon.carriers.ship(order.id)
    print(amazon.money()[order.id].charged, len(amazon.url) > 0)
"""


@pytest.fixture(scope="module")
def sqs() -> Iterator[Any]:
    emulator = Emulator.start()
    client = boto3.client(
        "sqs",
        endpoint_url=emulator.url,
        region_name=REGION,
        aws_access_key_id=ROOT_KEY,
        aws_secret_access_key=ROOT_KEY,
    )
    try:
        yield client
    finally:
        client.close()
        emulator.stop()


def subscribe(world: World, arn: str) -> None:
    resource = {"name": arn, "resourceSpecification": {"sqs": {"arn": arn}}}
    made = world.ask("POST", "/notifications/v1/destinations", body=resource, grantless=True)["payload"]
    body = {"destinationId": made["destinationId"], "payloadVersion": "1.0"}
    world.ask("POST", "/notifications/v1/subscriptions/ORDER_CHANGE", body=body)


@pytest.mark.parametrize("statements, arrives", [([ALLOWED], True), ([], False)], ids=["open", "shut"])
def test_a_notification_arrives_where_the_queue_lets_amazon_in(
    world: World, sqs: Any, statements: list[dict[str, Any]], arrives: bool
) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    attributes = {"Policy": policy} if statements else {}
    name = f"amazon-{len(statements)}"
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscribe(world, arn)
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
    world.clock.advance(minutes=1)
    world.amazon.connect(road=SqsRoad(sqs))
    world.amazon.deliver_due()
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0).get("Messages", [])

    bodies = [json.loads(one["Body"]) for one in messages]
    told = [one["Payload"]["OrderChangeNotification"]["AmazonOrderId"] for one in bodies]
    assert told == ([order.id] if arrives else [])
    assert len(world.amazon.notifications.lost) == (0 if arrives else 1)


def test_the_simulator_runs_in_the_sandboxs_environment() -> None:
    done = subprocess.run(
        [str(PYTHON), "-c", ALONE], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "2000 True", "")
