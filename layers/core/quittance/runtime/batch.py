"""Takes an SQS batch apart, gives each message its chance and answers which ones the queue must give again.

Refuses to drop anything: what cannot be read is reported, what fails or finds no time left is given again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Final, TypeVar

from quittance.runtime import observability

SCHEMA: Final = 1
RESERVE: Final = timedelta(seconds=5)

K = TypeVar("K", bound=Hashable)
Recognise = Callable[[Mapping[str, Any]], str | None]
Answer = dict[str, list[dict[str, str]]]


class Handled(Enum):
    """What became of one message: DONE leaves the queue, AGAIN comes back after the visibility time-out."""

    DONE = "done"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a queue: what it says (`body`, of `type`) and how often it was given (`attempt`, from 1)."""

    id: str
    type: str
    body: Mapping[str, Any]
    attempt: int
    queue: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A record that is no message known here; `text` is its body as it came, for whoever parks it."""

    id: str
    reason: str
    text: str
    attempt: int
    queue: str


def schema_one(*types: str) -> Recognise:
    """Return the rule that knows Quittance's own messages, `{"schema": 1, "type": ...}`, of these types."""

    def recognise(body: Mapping[str, Any]) -> str | None:
        kind = body.get("type")
        return kind if body.get("schema") == SCHEMA and kind in types else None

    return recognise


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How one function takes its batches.

    `recognise` names the type of a JSON object, or None for one that it does not know. `on_malformed` receives every
    other record, to park it; a record whose report raises is given again. `reserve` is the time that must be left
    for a message to be begun.
    """

    recognise: Recognise
    on_malformed: Callable[[Malformed], None]
    reserve: timedelta = RESERVE

    def each(self, event: Mapping[str, Any], context: Any, handle: Callable[[Message], Handled]) -> Answer:
        """Call `handle` for each message and return Lambda's `batchItemFailures`.

        A message whose call raises is given again and logged by the class of the error; the others go on.
        `context` is Lambda's: its remaining time is asked before each call.
        """

        def handle_one(_: str, group: Sequence[Message]) -> Collection[str]:
            return [message.id for message in group if handle(message) is Handled.DONE]

        return self.grouped(event, context, lambda message: message.id, handle_one)

    def grouped(
        self,
        event: Mapping[str, Any],
        context: Any,
        key: Callable[[Message], K],
        handle: Callable[[K, Sequence[Message]], Collection[str]],
    ) -> Answer:
        """Call `handle` once for all messages of one `key`, in order of arrival, and return `batchItemFailures`.

        `handle` returns the ids of the messages that are done; whatever it does not name is given again.
        """
        groups, parked = self._sort(event["Records"], key)
        given_again = dict.fromkeys(one["messageId"] for one in event["Records"] if one["messageId"] not in parked)
        for group_key, group in groups.items():
            if _left(context) < self.reserve:
                observability.warning("batch stopped early", left=len(given_again), reason="time")
                break
            for done in _attempt(group_key, group, handle):
                given_again.pop(done, None)
        return {"batchItemFailures": [{"itemIdentifier": one} for one in given_again]}

    def _sort(
        self, records: Sequence[Mapping[str, Any]], key: Callable[[Message], K]
    ) -> tuple[dict[K, list[Message]], set[str]]:
        groups: dict[K, list[Message]] = {}
        parked: set[str] = set()
        for record in records:
            try:
                read = _read(record, self.recognise)
                if isinstance(read, Message):
                    groups.setdefault(key(read), []).append(read)
                else:
                    self.on_malformed(read)
                    parked.add(read.id)
            except Exception as error:  # noqa: BLE001  # a rule that stumbles over one record must not fail the others
                observability.failure("record not sorted", error, message_id=record["messageId"])
        return groups, parked


def _read(record: Mapping[str, Any], recognise: Recognise) -> Message | Malformed:
    text = record["body"]
    attempt = int(record.get("attributes", {}).get("ApproximateReceiveCount", "1"))
    queue = record.get("eventSourceARN", "").rpartition(":")[2]
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return Malformed(record["messageId"], "the body is no JSON", text, attempt, queue)
    if not isinstance(body, dict):
        return Malformed(record["messageId"], "the body is no JSON object", text, attempt, queue)
    kind = recognise(body)
    if kind is None:
        return Malformed(record["messageId"], "schema or type is not known here", text, attempt, queue)
    return Message(record["messageId"], kind, body, attempt, queue)


def _attempt(
    key: K, group: Sequence[Message], handle: Callable[[K, Sequence[Message]], Collection[str]]
) -> Collection[str]:
    try:
        return {message.id for message in group} & set(handle(key, group))
    except Exception as error:  # noqa: BLE001  # one message must not fail its neighbours; the queue gives it again
        first = group[0]
        observability.failure(
            "message failed", error, message_id=first.id, type=first.type, attempt=first.attempt, queue=first.queue
        )
        return ()


def _left(context: Any) -> timedelta:
    return timedelta(milliseconds=context.get_remaining_time_in_millis())
