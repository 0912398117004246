"""Takes keys of intents and feed batches from the money queues and advances each by one step, whatever its state.

Refuses to begin what it has no time to finish; the queue gives it again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from quittance.application.advance_batch import advance_due
from quittance.runtime import wiring
from quittance.runtime.batch import Answer, Batch, Handled, Message, schema_one

execute: Final = wiring.execute_refund(os.environ)
batch: Final = Batch(
    recognise=schema_one("wake"), on_malformed=execute.park_malformed, reserve=execute.limits.timeout * 2
)


def handler(event: Mapping[str, Any], context: Any) -> Answer:
    """Answer an SQS batch of wake messages."""
    with execute.invocation(context):
        return batch.each(event, context, _advance)


def _advance(message: Message) -> Handled:
    return wiring.for_each_key(
        message,
        lambda key: advance_due(execute.ports, key, execute.limits),
        lambda: execute.has_time(batch.reserve),
    )
