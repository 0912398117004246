"""The roads from Amazon into the embedded cloud: notifications into a queue, mails into the bucket that SES writes to.

Refuses by silence: a queue whose policy does not let Amazon's own account in loses its messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any, Final

from sandbox.amazon.mailroom import Mail

AMAZON_ACCOUNT: Final = "437568002678"
NEEDED: Final = ("sqs:sendmessage", "sqs:getqueueattributes")


def _all(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else [value]


def lets_amazon_in(policy: str | None) -> bool:
    """Tell whether a queue policy allows Amazon's account both to ask for attributes and to send."""
    statements = list(_all(json.loads(policy or "{}").get("Statement", [])))
    return all(any(_allows(one, action) for one in statements) for action in NEEDED)


def _allows(statement: dict[str, Any], action: str) -> bool:
    principal = statement.get("Principal", {})
    who = [str(one) for one in _all(principal.get("AWS", []) if isinstance(principal, dict) else principal)]
    known = {AMAZON_ACCOUNT, f"arn:aws:iam::{AMAZON_ACCOUNT}:root", "*"}
    actions = [str(one).lower() for one in _all(statement.get("Action", []))]
    allowed = statement.get("Effect") == "Allow" and any(fnmatch(action, one) for one in actions)
    return allowed and any(one in known for one in who)


@dataclass(slots=True)
class SqsRoad:
    """Called with a queue's ARN and a body. `client` is boto3's SQS client at the embedded cloud."""

    client: Any
    checks_policy: bool = True
    _urls: dict[str, str] = field(default_factory=dict)

    def __call__(self, arn: str, body: str) -> bool:
        url = self._url(arn)
        if url is None or (self.checks_policy and not self._is_open(url)):
            return False
        self.client.send_message(QueueUrl=url, MessageBody=body)
        return True

    def _url(self, arn: str) -> str | None:
        if arn not in self._urls:
            try:
                found: str = self.client.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
            except self.client.exceptions.QueueDoesNotExist:
                return None
            self._urls[arn] = found
        return self._urls[arn]

    def _is_open(self, url: str) -> bool:
        held = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
        return lets_amazon_in(held.get("Policy"))


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Called with a mail: stores it as SES's receipt rule does. `client` is boto3's S3 client."""

    client: Any
    bucket: str
    prefix: str = ""

    def __call__(self, mail: Mail) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"{self.prefix}{mail.id}", Body=mail.raw)
