"""Takes deliveries from the queues, archives each, reads each order once, and lets the use case decide and commit.

Refuses nothing: what is malformed is parked, what cannot be read yet is due again.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from quittance.application.work_deliveries import Arrival, work_deliveries
from quittance.runtime import observability, wiring
from quittance.runtime.batch import Answer, Batch, Message, schema_one

ingest: Final = wiring.ingest_returns(os.environ)
batch: Final = Batch(recognise=schema_one("delivery", "wake"), on_malformed=ingest.park_malformed)


def handler(event: Mapping[str, Any], context: Any) -> Answer:
    """Answer an SQS batch; all its messages are worked on together, so that hints of one order are read once."""
    with ingest.invocation(context):
        return batch.grouped(event, context, lambda _: "batch", _work)


def _work(_: str, messages: Sequence[Message]) -> Collection[str]:
    arrivals: list[Arrival] = []
    readable: list[str] = []
    for message in messages:
        try:
            arrivals += ingest.arrivals(message)
        except Exception as error:  # noqa: BLE001  # the queue gives this one again; its neighbours go on
            observability.failure("message not opened", error, message_id=message.id, attempt=message.attempt)
            continue
        readable.append(message.id)
    work_deliveries(ingest.ports, ingest.receipts, arrivals)
    return readable
