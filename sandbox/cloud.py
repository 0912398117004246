"""Brings the whole stack of template.yaml up on the embedded AWS and gives tests, demo and console a hold on it.

Refuses to shorten the way: the stack is made by CloudFormation, functions run under the roles of the template.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import boto3
from botocore.config import Config

from sandbox.emulator import REGION, ROOT_KEY, Emulator
from sandbox.packages import core_layer_zip, dependencies_layer_zip, function_zip
from sandbox.translate import CODE_BUCKET, ROOT, Stack, code_folders, emulated

QUEUES: Final = ("Inbox", "Bulk", "Amazon", "Due", "Poll", "Urgent", "Refund")
CLOCK_KEY: Final = {"pk": {"S": "SANDBOX"}, "sk": {"S": "CLOCK"}}
CREATED_WITHIN: Final = 60.0

# Two cores do the work of a region, and nobody wants to wait six minutes for a second try.
PARAMETERS: Final[Mapping[str, str]] = {
    "Environment": "sandbox",
    "Sandbox": "1",
    "Release": "sandbox",
    "WorkTimeout": "20",
    "WorkVisibility": "20",
    "PollTimeout": "20",
    "PollVisibility": "20",
    "RefundTimeout": "20",
    "RefundVisibility": "20",
    "Lease": "23",
    "IngestConcurrency": "2",
    "DueConcurrency": "2",
    "UrgentConcurrency": "2",
    "RefundConcurrency": "2",
}


class StackFailed(RuntimeError):
    """CloudFormation could not make the stack; the message names the resources and their reasons."""


class FunctionFailed(RuntimeError):
    """A function raised, or ran out of time; `answer` is what Lambda reports."""

    def __init__(self, target: str, answer: Any) -> None:
        super().__init__(f"{target}: {json.dumps(answer)[:2000]}")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class _Made:
    """What CloudFormation made: logical id -> physical id, and the outputs."""

    resources: Mapping[str, str]
    outputs: Mapping[str, str]


class Cloud:
    """The stack, up and running. Get one by `Cloud.start(...)`; leave its `with` block or call `stop()` to end it."""

    def __init__(self, emulator: Emulator, stack_name: str) -> None:
        self._emulator = emulator
        self._clients: dict[str, Any] = {}
        self._made = _Made({}, {})
        self.stack_name = stack_name

    @classmethod
    def start(
        cls,
        *,
        functions_root: Path = ROOT / "functions",
        endpoints: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        stack_name: str = "sandbox",
    ) -> Cloud:
        """Start the embedded AWS, make the stack and return once everything in it is there.

        `endpoints` maps a channel to the loopback address of its simulator; `parameters` go over PARAMETERS;
        `functions_root` holds one folder per function. Raises EmulatorFailed, StackFailed, FileNotFoundError.
        """
        stated = {**PARAMETERS, "SandboxEndpoints": json.dumps(endpoints) if endpoints else "", **(parameters or {})}
        stack = emulated(stated)
        code = {key: _zip_of(folder, functions_root) for key, folder in code_folders(stack).items()}
        cloud = cls(Emulator.start(), stack_name)
        try:
            cloud._upload(code, stack)
            cloud._create(stated)
        except BaseException:
            cloud.stop()
            raise
        return cloud

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the embedded AWS and every function in it; a second call does nothing."""
        for client in self._clients.values():
            client.close()
        self._emulator.stop()

    # What is there

    @property
    def url(self) -> str:
        """The address at which every AWS service answers."""
        return self._emulator.url

    @property
    def pid(self) -> int:
        """The process of the embedded AWS."""
        return self._emulator.pid

    @property
    def api_url(self) -> str:
        """What a channel is told to post to; append `/webhooks/shopify/<store>`."""
        return f"{self.url}/_aws/execute-api/{self.outputs['ApiId']}"

    @property
    def outputs(self) -> Mapping[str, str]:
        return self._made.outputs

    @property
    def table(self) -> str:
        return self.outputs["TableName"]

    @property
    def raw_bucket(self) -> str:
        return self.outputs["RawBucketName"]

    def queue_url(self, name: str) -> str:
        """Return the URL of `Inbox`, `InboxQueue` or `InboxQueueDeadLetters`."""
        return self.resource(name if "Queue" in name else f"{name}Queue")

    def resource(self, logical_id: str) -> str:
        """Return what the template's name stands for: a function's name, an alias's ARN, a queue's URL.

        Raises KeyError naming it when the stack has no such resource.
        """
        return self._made.resources[logical_id]

    def client(self, service: str) -> Any:
        """Return a client with the rights of the account's root, as an administrator has them."""
        if service not in self._clients:
            self._clients[service] = boto3.client(  # type: ignore[call-overload]  # the name is a variable here
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id=ROOT_KEY,
                aws_secret_access_key=ROOT_KEY,
                config=Config(retries={"total_max_attempts": 1}, read_timeout=70),
            )
        return self._clients[service]

    def environment(self) -> Mapping[str, str]:
        """Return what a process needs in its environment to reach this cloud as an administrator, for example `ops`."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        }

    # What can be done with it

    def invoke(self, target: str, payload: Any = None) -> Any:
        """Run `WatchdogTickFunction` or an alias such as `DeskAgent` and return its answer. Raises FunctionFailed."""
        answer = self.client("lambda").invoke(
            FunctionName=self.resource(target), Payload=json.dumps({} if payload is None else payload)
        )
        body = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise FunctionFailed(target, body)
        return body

    def logs(self, function: str) -> list[str]:
        """Return the lines that a function has written, oldest first; `DeskFunction` or `Desk`."""
        group = self.resource(f"{function.removesuffix('Function')}Logs")
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]

    def put_secret(self, name: str, value: Mapping[str, Any]) -> None:
        """Write `quittance/<stack>/<name>`, for example `shopify/maison-lumiere`, whether it exists or not."""
        secrets, full, text = self.client("secretsmanager"), f"quittance/{self.stack_name}/{name}", json.dumps(value)
        try:
            secrets.create_secret(Name=full, SecretString=text, KmsKeyId=self.outputs["DataKeyArn"])
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=full, SecretString=text)

    def set_clock_offset(self, seconds: int) -> None:
        """Let functions read the time `seconds` ahead of this machine's. Raises ValueError when it is negative."""
        if seconds < 0:
            raise ValueError(f"the sandbox clock is never behind: {seconds} s; state 0 or more")
        self.client("dynamodb").put_item(
            TableName=self.table, Item={**CLOCK_KEY, "offset_seconds": {"N": str(seconds)}}
        )

    def queue_depths(self) -> dict[str, int]:
        """Return queue -> messages waiting, delayed or being worked on, without the dead letters."""
        return {name: self._depth(self.queue_url(name)) for name in QUEUES}

    def queues_idle(self) -> bool:
        """Tell whether no message waits or is being worked on; dead letters do not count."""
        return not any(self._depth(self.queue_url(name)) for name in QUEUES)

    def is_idle(self) -> bool:
        """Tell whether nothing happens by itself any more: idle queues, no function running, no record in the stream.

        Asked in this order, twice: work that moves from one place to another is then seen in one of them.
        """
        return not any(self._emulator.has_work() or not self.queues_idle() for _ in range(2))

    def dead_letters(self) -> dict[str, int]:
        """Return queue -> messages in its dead letters, where there are any."""
        depths = {name: self._depth(self.queue_url(f"{name}QueueDeadLetters")) for name in QUEUES}
        return {name: depth for name, depth in depths.items() if depth}

    def wait_until_idle(self, within: float = 30.0) -> None:
        """Return once `is_idle`. Raises TimeoutError naming the queues that are not."""
        limit = time.monotonic() + within
        while not self.is_idle():
            if time.monotonic() > limit:
                busy = {name: depth for name, depth in self.queue_depths().items() if depth}
                raise TimeoutError(f"after {within:.0f} s not idle: {busy or 'a function or the stream'}")
            time.sleep(0.02)

    def _depth(self, url: str) -> int:
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        held = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(held[name]) for name in names)

    # How it comes up

    def _upload(self, code: Mapping[str, bytes], stack: Stack) -> None:
        store = self.client("s3")
        store.create_bucket(Bucket=CODE_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        for key, packed in code.items():
            store.put_object(Bucket=CODE_BUCKET, Key=key, Body=packed)
        # As an object: the stack is longer than what may be sent inline.
        store.put_object(Bucket=CODE_BUCKET, Key="stack.json", Body=json.dumps(stack).encode())

    def _create(self, parameters: Mapping[str, str]) -> None:
        formation = self.client("cloudformation")
        formation.create_stack(
            StackName=self.stack_name,
            TemplateURL=f"{self.url}/{CODE_BUCKET}/stack.json",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        stack = self._wait_until_made()
        pages = formation.get_paginator("list_stack_resources").paginate(StackName=self.stack_name)
        resources = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for page in pages
            for one in page["StackResourceSummaries"]
            if "PhysicalResourceId" in one
        }
        self._made = _Made(resources, {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])})

    def _wait_until_made(self) -> Any:
        formation, limit = self.client("cloudformation"), time.monotonic() + CREATED_WITHIN
        while time.monotonic() < limit:
            stack = formation.describe_stacks(StackName=self.stack_name)["Stacks"][0]
            if stack["StackStatus"] == "CREATE_COMPLETE":
                return stack
            if stack["StackStatus"] != "CREATE_IN_PROGRESS":
                raise StackFailed("; ".join(self._reasons()) or stack.get("StackStatusReason", stack["StackStatus"]))
            time.sleep(0.05)
        raise StackFailed(f"not there after {CREATED_WITHIN:.0f} s")

    def _reasons(self) -> Iterator[str]:
        events = self.client("cloudformation").describe_stack_events(StackName=self.stack_name)["StackEvents"]
        for event in reversed(events):
            if event["ResourceStatus"].endswith("FAILED"):
                yield f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', event['ResourceStatus'])}"


def _zip_of(folder: str, functions_root: Path) -> bytes:
    if folder == "layers/core":
        return core_layer_zip()
    if folder == "layers/dependencies":
        return dependencies_layer_zip()
    return function_zip(functions_root / folder.removeprefix("functions/"))
