"""`quittance redrive`: what could not be worked on, with its reason, and on `--apply` its way back into the queues.

It takes nothing away: a message is deleted from where it lay only after it is where it belongs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ops.published import stores
from ops.stack import QUEUES, Connect, add_options
from quittance.application.compile_policy import Store
from quittance.application.ports import Parked
from quittance.application.work_deliveries import WAREHOUSE
from quittance.domain.errors import Conflict, Rejected
from quittance.domain.instant import to_text
from quittance.storage.table import Table

# A message that was looked at is hidden from the next look for so long, so that one run shows it once.
HIDDEN_SECONDS: Final = 60
# What is no message of ours is parked under the queue that it came in by.
QUEUE: Final = "queue"
MOST_PER_QUEUE: Final = 1000
KEYS_TOLD: Final = 3


def add_to(commands: Any) -> None:
    made = commands.add_parser("redrive", help="show what could not be worked on; --apply has it tried again")
    made.add_argument("--apply", action="store_true", help="try again; without it nothing changes")
    made.add_argument(
        "--at", action="append", default=[], metavar="CHANNEL/ACCOUNT", help="look there for parked items too"
    )
    add_options(made)
    made.set_defaults(run=run)


def run(stated: argparse.Namespace, connect: Connect) -> int:
    stack, now = connect(), datetime.now(UTC)
    queues = {(QUEUE, stack.output(f"{name}QueueUrl").rpartition("/")[2]) for name in QUEUES}
    places = sorted({*places_of(stores(stack.engine)), *queues, *(_place(text) for text in stated.at)})
    lines = [*parked_lines(stack.table, places, now, apply=stated.apply)]
    sqs = stack.client("sqs")
    for name in QUEUES:
        ways = Way(name, stack.dead_letters_url(name), stack.output(f"{name}QueueUrl"))
        lines += dead_letter_lines(sqs, ways, apply=stated.apply)
    for line in lines or ["nothing is parked and no dead letter waits"]:
        print(line)
    if lines and not stated.apply:
        print("nothing was changed; --apply has them tried again")
    return 0


def _place(text: str) -> tuple[str, str]:
    channel, slash, account = text.partition("/")
    if not (channel and slash and account):
        raise Rejected("BAD_PLACE", "--at", f"{text!r} is not like shopify/maison-lumiere")
    return channel, account


def places_of(listed: Iterable[Store]) -> Iterator[tuple[str, str]]:
    """Where deliveries of the listed stores may be parked: a warehouse posts to a store, a channel to an account."""
    for store in listed:
        for name in (store.account, store.store):
            yield store.channel, name
            yield WAREHOUSE, name


def parked_lines(table: Table, places: Iterable[tuple[str, str]], now: datetime, *, apply: bool) -> Iterator[str]:
    """Tell each parked delivery, and on `apply` make it due at once; one whose bytes are gone is closed."""
    for channel, account in places:
        for parked in table.parked(channel, account):
            outcome = f": {_redriven(table, parked, now)}" if apply else ""
            yield (
                f"parked {to_text(parked.at)} {channel}/{account} {parked.topic} {parked.delivery.id}: {parked.reason}"
                f" (bytes kept until {to_text(parked.expires)}){outcome}"
            )


def _redriven(table: Table, parked: Parked, now: datetime) -> str:
    try:
        if parked.expires <= now:
            table.close_parked(parked, "expired", now)
            return "closed, its bytes are gone"
        if parked.delivery.channel == QUEUE or not parked.archive:
            return "left alone, there is no delivery to try again"
        table.redrive(parked, now)
    except Conflict:
        return "left alone, somebody else closed it meanwhile"
    return "due again"


@dataclass(frozen=True, slots=True)
class Way:
    """From a dead-letter queue back to the queue it belongs to."""

    name: str
    dead_letters: str
    source: str


def dead_letter_lines(sqs: Any, way: Way, *, apply: bool) -> Iterator[str]:
    """Tell each dead letter of a queue, and on `apply` send it back and only then delete it here."""
    for message in _messages(sqs, way.dead_letters):
        told = f"{way.name}QueueDeadLetters {message['MessageId']}: {summary(message['Body'])}"
        if not apply:
            yield told
            continue
        sqs.send_message(QueueUrl=way.source, MessageBody=message["Body"])
        sqs.delete_message(QueueUrl=way.dead_letters, ReceiptHandle=message["ReceiptHandle"])
        yield f"{told}: sent back to {way.name}Queue"


def _messages(sqs: Any, url: str) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    while len(seen) < MOST_PER_QUEUE:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=HIDDEN_SECONDS)
        fresh = [message for message in answer.get("Messages", []) if message["MessageId"] not in seen]
        if not fresh:
            return
        seen |= {message["MessageId"] for message in fresh}
        yield from fresh


def summary(body: str) -> str:
    """Which message it is, by ids alone: a body may hold somebody's words."""
    try:
        message = json.loads(body)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        return f"{len(body)} characters that are no message of ours"
    if message.get("type") == "wake":
        keys = [f"{key.get('pk')} {key.get('sk')}" for key in message.get("keys", [])]
        return f"wake of {len(keys)}: {', '.join(keys[:KEYS_TOLD])}{', ...' if len(keys) > KEYS_TOLD else ''}"
    known = [str(message[key]) for key in ("type", "channel", "store", "topic", "delivery") if key in message]
    return " ".join(known) or "a message of a channel"
