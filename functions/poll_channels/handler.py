"""Takes the keys of due polls and ledgers: accounts are asked what changed, ledgers compared with the channel's books.

Refuses to move a cursor over what could not be read; the poll stays due.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from quittance.application.poll_account import poll_account
from quittance.application.reconcile_books import reconcile_books
from quittance.runtime import wiring
from quittance.runtime.batch import RESERVE, Answer, Batch, Handled, Message, schema_one

polls: Final = wiring.poll_channels(os.environ)
batch: Final = Batch(recognise=schema_one("wake"), on_malformed=polls.park_malformed)


def handler(event: Mapping[str, Any], context: Any) -> Answer:
    """Answer an SQS batch of wake messages with the keys of due polls."""
    with polls.invocation(context):
        return batch.each(event, context, _poll)


def _poll(message: Message) -> Handled:
    return wiring.for_each_key(
        message,
        lambda key: reconcile_books(polls.ports, key) or poll_account(polls.ports, polls.publisher, key),
        lambda: polls.has_time(RESERVE),
    )
