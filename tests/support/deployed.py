"""The functions as the template deploys them: their environment is the template's, their cloud is moto's.

A variable that the template does not give a function is missing here too; nothing is handed to a handler by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import boto3
from moto import mock_aws

from ops.documents import read
from ops.publish_policy import publish
from quittance.application.commit import Key
from quittance.domain.account import Control, Mode
from quittance.storage.dynamo import DynamoEngine
from quittance.storage.queues import wake_message
from quittance.storage.table import Table
from sandbox.shopify.simulator import ShopifySimulator
from tests.storage.engines import table_shape
from tests.support.functions import ROOT, load_function
from tests.template.reading import QUEUES, resource

STORE: Final = "maison-lumiere"
ACCOUNT_ID: Final = "123456789012"
BUCKET: Final = "rawbucket"
PLENTY: Final = 60_000


@dataclass
class Context:
    """Lambda's context, of one alias and with so much time left (milliseconds)."""

    alias: str = ""
    left: int = PLENTY
    aws_request_id: str = "request-1"
    function_name: str = "function"
    memory_limit_in_mb: int = 512

    @property
    def invoked_function_arn(self) -> str:
        qualified = f":{self.alias}" if self.alias else ""
        return f"arn:aws:lambda:eu-west-1:{ACCOUNT_ID}:function:desk{qualified}"

    def get_remaining_time_in_millis(self) -> int:
        return self.left


@dataclass
class Deployed:
    """A stack named `shop` in moto, with the repository's policies published and one live account at a simulator."""

    shopify: ShopifySimulator
    physical: dict[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return boto3.client(service)  # type: ignore[call-overload]  # the name is a variable here

    @property
    def engine(self) -> DynamoEngine:
        return DynamoEngine(self.client("dynamodb"), "Table")

    @property
    def table(self) -> Table:
        return Table(self.engine)

    def environment(self, function: str) -> dict[str, str]:
        """What the template gives the function in a sandbox whose shop is the simulator."""
        endpoints = json.dumps({"shopify": self.shopify.url})
        stated = resource(function, Environment="sandbox", Sandbox="1", SandboxEndpoints=endpoints)
        variables = stated["Environment"]["Variables"]
        return {name: self.physical.get(str(value), str(value)) for name, value in variables.items()}

    @contextmanager
    def function(self, name: str, without: str = "") -> Iterator[ModuleType]:
        """The handler's module with the template's environment, less one variable if one is named."""
        environment = {key: value for key, value in self.environment(name).items() if key != without}
        folder = Path(resource(name)["Code"]["S3Key"]).with_suffix("")
        with load_function(folder / "handler.py", environment) as module:
            yield module

    def call(self, name: str, event: Any, context: Context | None = None) -> Any:
        """Invoke a function once, freshly started."""
        entry = resource(name)["Handler"].rpartition(".")[2]
        with self.function(name) as module:
            return getattr(module, entry)(event, context or Context())

    def work(self, name: str, *bodies: str, context: Context | None = None, attempt: int = 1) -> Any:
        """Invoke a function with messages of a queue."""
        return self.call(name, sqs_event(*bodies, attempt=attempt), context)

    def desk(self, alias: str, **command: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("DeskFunction", command, Context(alias))
        return answer

    def messages(self, queue: str) -> list[str]:
        """Take what waits in a queue."""
        found: list[str] = []
        while True:
            answer = self.client("sqs").receive_message(QueueUrl=self.physical[queue], MaxNumberOfMessages=10)
            if not answer.get("Messages"):
                return found
            for message in answer["Messages"]:
                found.append(message["Body"])
                self.client("sqs").delete_message(QueueUrl=self.physical[queue], ReceiptHandle=message["ReceiptHandle"])

    def image(self, key: Key) -> dict[str, Any]:
        """An item as the stream gives it."""
        found = self.client("dynamodb").get_item(TableName="Table", Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}})
        image: dict[str, Any] = found["Item"]
        return image

    def set_clock(self, seconds: int) -> None:
        item = {"pk": {"S": "SANDBOX"}, "sk": {"S": "CLOCK"}, "offset_seconds": {"N": str(seconds)}}
        self.client("dynamodb").put_item(TableName="Table", Item=item)


_names = count(1)


def sqs_event(*bodies: str, attempt: int = 1) -> dict[str, Any]:
    """The messages as an event source mapping hands them over."""
    return {
        "Records": [
            {
                "messageId": f"m-{next(_names)}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(attempt)},
                "eventSourceARN": f"arn:aws:sqs:eu-west-1:{ACCOUNT_ID}:SomeQueue",
            }
            for body in bodies
        ]
    }


def stream_event(*images: Mapping[str, Any]) -> dict[str, Any]:
    """Stream records with the new images; sequence numbers count from 1."""
    records = [{"dynamodb": {"NewImage": image, "SequenceNumber": str(n)}} for n, image in enumerate(images, 1)]
    return {"Records": records}


def wake(*keys: Key) -> str:
    """A wake message as the tick sends it."""
    return wake_message(keys)


@contextmanager
def deployed(shopify: ShopifySimulator) -> Iterator[Deployed]:
    """Make the stack's resources, publish the policies, set the account live."""
    with mock_aws():
        made = Deployed(shopify)
        made.client("dynamodb").create_table(TableName="Table", **table_shape())
        made.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        made.physical = {"RawBucket": BUCKET, **_queues(made), **_outlets(made)}
        _secrets(made)
        list(publish(made.engine, read(ROOT / "policies")))
        made.table.set_control(STORE, Control(Mode.LIVE))
        yield made


def _queues(made: Deployed) -> dict[str, str]:
    return {name: made.client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in (*QUEUES, "Heard")}


def _outlets(made: Deployed) -> dict[str, str]:
    made.client("events").create_event_bus(Name="EventBus")
    topics = ("OperatorsTopic", "DeskTopic")
    return {name: made.client("sns").create_topic(Name=name)["TopicArn"] for name in topics}


def _secrets(made: Deployed) -> None:
    shop = made.shopify.floor().shop
    held: Mapping[str, Any] = {
        "quittance/shop/preview": {"current": "the key of previews"},
        "quittance/shop/customer-salt": {"salt": "the salt of customers"},
        f"quittance/shop/shopify/{STORE}": {
            "shop": STORE,
            "client_id": shop.client_id,
            "client_secret": shop.client_secret,
        },
    }
    for name, value in held.items():
        made.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(value))


def names_of(failures: Mapping[str, Sequence[Mapping[str, str]]]) -> list[str]:
    """The messages that a batch answer wants given again."""
    return [one["itemIdentifier"] for one in failures["batchItemFailures"]]
