"""Reads the table's stream and publishes: events to the bus, alerts to people, ready intents to the money queues.

Refuses to skip a record: the first that fails ends the batch, and the stream gives it and the rest again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from quittance.runtime import observability, wiring

publish: Final = wiring.publish_events(os.environ)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Answer a batch of stream records with the sequence number of the first that has to come again."""
    for record in event["Records"]:
        try:
            publish.record(record["dynamodb"]["NewImage"])
        except Exception as error:  # noqa: BLE001  # whatever it was, the stream must give this record again
            number = record["dynamodb"]["SequenceNumber"]
            observability.failure("record not published", error)
            observability.metric("PublishFailed", 1, "publisher", "given_again")
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}
