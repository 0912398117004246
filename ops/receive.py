"""`quittance receive`: a warehouse's CSV file becomes the deliveries that its receipts would have been over HTTP.

They go into the inbox queue by the operator's own right to send there: nobody has to hold the warehouse's signing key,
and who sent them is in the account's own records.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ops.published import stores
from ops.stack import Connect, add_options
from quittance.application.compile_policy import Store
from quittance.channels import inbound
from quittance.channels.warehouse.table_file import Body, bodies
from quittance.domain.errors import Rejected

CHANNEL: Final = "warehouse"
TOPIC: Final = inbound.DOORS[CHANNEL].fixed_topic


def add_to(commands: Any) -> None:
    made = commands.add_parser("receive", help="take in receipts from a CSV file of the warehouse")
    made.add_argument("file", type=Path, help="one row per group of units; see docs/onboarding.md")
    made.add_argument("--store", required=True, help="the store whose goods they are, as listed in accounts.toml")
    add_options(made)
    made.set_defaults(run=run)


def run(stated: argparse.Namespace, connect: Connect) -> int:
    receipts = bodies(stated.file.read_bytes())
    stack = connect()
    _listed(stores(stack.engine), stated.store)
    inbox = Inbox(stack.client("sqs"), stack.output("InboxQueueUrl"), stack.client("s3"), stack.output("RawBucketName"))
    for line in sent(inbox, stated.store, receipts, datetime.now(UTC)):
        print(line)
    print(f"{len(receipts)} receipts sent; one that came before changes nothing")
    return 0


def _listed(listed: Iterable[Store], store: str) -> None:
    if all(each.store != store for each in listed):
        raise Rejected("UNKNOWN_STORE", "--store", f"list {store} in accounts.toml and publish it first")


@dataclass(frozen=True, slots=True)
class Inbox:
    """Where deliveries go, and where bodies lie that no message can carry."""

    queue: Any
    queue_url: str
    bucket: Any
    bucket_name: str


def sent(inbox: Inbox, store: str, receipts: Iterable[Body], now: datetime) -> Iterator[str]:
    """Send each receipt as a delivery and tell it; the same receipt has the same delivery id every time."""
    for receipt in receipts:
        digest = hashlib.sha256(f"{store}\0".encode() + receipt.content).hexdigest()
        delivery = inbound.Delivery(CHANNEL, store, TOPIC, f"csv-{digest}", True, now, {}, receipt.content)
        message = inbound.message(delivery)
        if len(message) > inbound.LARGEST_MESSAGE:
            inbox.bucket.put_object(Bucket=inbox.bucket_name, Key=delivery.spool_key, Body=delivery.body)
            message = inbound.pointer(delivery)
        inbox.queue.send_message(QueueUrl=inbox.queue_url, MessageBody=message)
        yield f"sent {receipt.receipt} as {delivery.id}"
