"""A stack in a moto cloud as the command meets it; CloudFormation and the desk are small doubles of their answers."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ops.cli import main
from ops.stack import QUEUES, Stack

TABLE: Final = "quittance-test"
BUCKET: Final = "quittance-test-raw"
DESK: Final = "arn:aws:lambda:eu-west-1:123456789012:function:desk"


@dataclass
class Desk:
    """Answers what it was told to, and keeps what it was asked through which alias."""

    answers: list[Any] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    failed: bool = False

    def invoke(self, **call: Any) -> Mapping[str, Any]:
        self.asked.append((call["FunctionName"], json.loads(call["Payload"])))
        payload = {"Payload": io.BytesIO(json.dumps(self.answers.pop(0)).encode())}
        return {**payload, "FunctionError": "Unhandled"} if self.failed else payload


@dataclass
class CloudFormation:
    """Knows one stack."""

    outputs: Mapping[str, str]
    resources: Mapping[str, str]

    def describe_stacks(self, **call: str) -> Mapping[str, Any]:
        if call["StackName"] != "test":
            message = f"Stack with id {call['StackName']} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        return {"Stacks": [{"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs.items()]}]}

    def describe_stack_resource(self, **call: str) -> Mapping[str, Any]:
        return {"StackResourceDetail": {"PhysicalResourceId": self.resources[call["LogicalResourceId"]]}}


@dataclass
class World:
    """The stack `test`; `run` calls the command as from a shell and returns its exit code."""

    cloud_formation: CloudFormation
    desk: Desk
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        ours = {"cloudformation": self.cloud_formation, "lambda": self.desk, **self.clients}
        if service not in ours:
            self.clients[service] = boto3.client(service)  # type: ignore[call-overload]
        return ours.get(service) or self.clients[service]

    def run(self, *arguments: str) -> int:
        return main(arguments, connect=lambda stated: Stack(stated.stack, self.client))

    @property
    def stack(self) -> Stack:
        return Stack("test", self.client)

    def send(self, queue: str, body: str) -> None:
        url = self.cloud_formation.resources.get(queue) or self.cloud_formation.outputs[f"{queue}Url"]
        self.client("sqs").send_message(QueueUrl=url, MessageBody=body)

    def messages(self, queue: str) -> Sequence[str]:
        url = self.cloud_formation.resources.get(queue) or self.cloud_formation.outputs[f"{queue}Url"]
        answer = self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in answer.get("Messages", [])]


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        _create_table()
        sqs = boto3.client("sqs")
        urls = {f"{name}Queue": sqs.create_queue(QueueName=f"{name}Queue")["QueueUrl"] for name in QUEUES}
        dead = {f"{q}DeadLetters": sqs.create_queue(QueueName=f"{q}DeadLetters")["QueueUrl"] for q in urls}
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        outputs = {f"{queue}Url": url for queue, url in urls.items()}
        outputs |= {"TableName": TABLE, "RawBucketName": BUCKET, "DeskFunctionArn": DESK}
        outputs |= {f"Desk{alias.title()}Arn": f"{DESK}:{alias}" for alias in ("viewer", "agent", "approver")}
        yield World(CloudFormation(outputs, dead), Desk())


def _create_table() -> None:
    boto3.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "due_pk", "due_sk")
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "due_pk", "KeyType": "HASH"},
                    {"AttributeName": "due_sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
