"""A deployed stack as the command sees it: its outputs, its queues, its table, with the operator's own credentials.

Refuses to guess: what the stack does not have is named.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, Final

import boto3

from quittance.domain.errors import Rejected
from quittance.storage.dynamo import DynamoEngine
from quittance.storage.engine import Engine
from quittance.storage.table import Table

QUEUES: Final = ("Inbox", "Bulk", "Amazon", "Due", "Poll", "Urgent", "Refund")
# How long somebody at a terminal waits for one answer of the table.
PATIENCE: Final = timedelta(seconds=20)


def add_options(made: argparse.ArgumentParser, stack: str | None = None) -> None:
    """Let a subcommand be told which stack it is about; `stack` stands for the usual one where none is named."""
    made.add_argument(
        "--stack",
        default=stack or os.environ.get("QUITTANCE_STACK", "quittance"),
        help="name of the CloudFormation stack (default: $QUITTANCE_STACK, else quittance)",
    )
    made.add_argument("--endpoint-url", help="where AWS answers, for the sandbox")
    made.add_argument("--region", help="the stack's region (default: as for every AWS tool)")


class Stack:
    """One stack by its name in CloudFormation; `client` makes the AWS client of a service."""

    def __init__(self, name: str, client: Callable[[str], Any]) -> None:
        self.name = name
        self.client = client

    @classmethod
    def of(cls, stated: argparse.Namespace) -> Stack:
        create: Callable[..., Any] = boto3.client
        return cls(stated.stack, partial(create, endpoint_url=stated.endpoint_url, region_name=stated.region))

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        found = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def output(self, key: str) -> str:
        if key not in self.outputs:
            raise Rejected("NO_OUTPUT", key, f"stack {self.name} has no such output; is it a Quittance stack?")
        return self.outputs[key]

    def dead_letters_url(self, queue: str) -> str:
        """The URL of a queue's dead-letter queue; CloudFormation knows it by its name in the template."""
        detail = self.client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=f"{queue}QueueDeadLetters"
        )
        return str(detail["StackResourceDetail"]["PhysicalResourceId"])

    @cached_property
    def engine(self) -> Engine:
        return DynamoEngine(self.client("dynamodb"), self.output("TableName"), lambda: PATIENCE)

    @cached_property
    def table(self) -> Table:
        return Table(self.engine)


Connect = Callable[[], Stack]
