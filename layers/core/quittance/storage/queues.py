"""What is sent to queues: keys of items whose time has come, and hints that a poll found.

Refuses to call a message sent that its queue did not take.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from quittance.application.commit import Key
from quittance.application.ports import Delivery
from quittance.domain.errors import Unavailable
from quittance.domain.instant import to_text

SCHEMA: Final = 1
KEYS_PER_MESSAGE: Final = 100
# One call takes ten messages and 256 KB: docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
_MESSAGES_PER_CALL: Final = 10
_BYTES_PER_CALL: Final = 256 * 1024
_TRIES: Final = 3


class Queues:
    """Implements `application.ports.Publisher` with an SQS client and the URL of each target it may send to."""

    def __init__(self, client: Any, urls: Mapping[str, str]) -> None:
        self._client = client
        self._urls = urls

    def wake(self, target: str, keys: Sequence[Key]) -> None:
        """Send item keys to the queue that does them, up to 100 a message; raises Unavailable, then some may be sent.

        A key that is sent twice finds nothing to do.
        """
        parts = (keys[start : start + KEYS_PER_MESSAGE] for start in range(0, len(keys), KEYS_PER_MESSAGE))
        self._send(target, (wake_message(part) for part in parts))

    def hints(self, deliveries: Sequence[Delivery]) -> None:
        """Send hints that a poll found to the bulk queue; raises Unavailable, then some may be sent."""
        self._send("bulk", (hint_message(delivery) for delivery in deliveries))

    def depth(self, target: str) -> int:
        """About how many messages of a queue nobody has taken yet; raises Unavailable."""
        try:
            answer = self._client.get_queue_attributes(
                QueueUrl=self._urls[target], AttributeNames=["ApproximateNumberOfMessages"]
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"queue {target} did not say how much it holds") from error
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _send(self, target: str, messages: Iterable[str]) -> None:
        for batch in _batches(messages):
            entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
            for _ in range(_TRIES):
                entries = self._rejected(target, entries)
                if not entries:
                    break
            else:
                raise Unavailable(f"queue {target} did not take {len(entries)} messages")

    def _rejected(self, target: str, entries: list[dict[str, str]]) -> list[dict[str, str]]:
        """Send a batch and return what the queue did not take."""
        try:
            answer = self._client.send_message_batch(QueueUrl=self._urls[target], Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"queue {target} did not answer") from error
        failed = {failure["Id"] for failure in answer.get("Failed", ())}
        return [entry for entry in entries if entry["Id"] in failed]


def wake_message(keys: Sequence[Key]) -> str:
    """Say that these items are due."""
    listed = [{"pk": key.pk, "sk": key.sk} for key in keys]
    return json.dumps({"schema": SCHEMA, "type": "wake", "keys": listed}, separators=(",", ":"))


def hint_message(delivery: Delivery) -> str:
    """A delivery as receive_webhook queues it; as ASCII text, so that its length is its size in bytes."""
    stated = {
        "schema": SCHEMA,
        "type": "delivery",
        "channel": delivery.channel,
        "store": delivery.store,
        "topic": delivery.topic,
        "delivery": delivery.id,
        "received_at": to_text(delivery.received_at),
        "headers": dict(delivery.headers),
        "body": base64.b64encode(delivery.body).decode(),
    }
    return json.dumps(stated, separators=(",", ":"))


def _batches(messages: Iterable[str]) -> Iterator[list[str]]:
    """Group messages as one call takes them."""
    batch: list[str] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == _MESSAGES_PER_CALL or size + len(message) > _BYTES_PER_CALL):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message)
    if batch:
        yield batch
