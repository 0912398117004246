"""One step of a feed batch, whatever its state; and of whatever else a money queue names.

Refuses nothing: what another worker has moved meanwhile is left to that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from quittance.application.advance_intent import advance_intent
from quittance.application.commit import Key
from quittance.application.feed_step import FeedStep
from quittance.application.intent_step import Limits
from quittance.application.ports import Ports
from quittance.application.settle_batch import ask, disband_all, hold_all, refuse_all, return_all, take_results
from quittance.application.submit_batch import end_lease, gather, look_for_feed, submit, upload
from quittance.domain.errors import Conflict
from quittance.domain.feed_batch import BatchState
from quittance.domain.intent import IntentState


def advance_due(ports: Ports, key: Key, limits: Limits) -> IntentState | BatchState | None:
    """Take what a wake names one step on, an intent or a feed batch; None when there is no such item."""
    found = ports.table.batch_at(key)
    return advance_intent(ports, key, limits) if found is None else advance_batch(ports, key, limits)


def advance_batch(ports: Ports, key: Key, limits: Limits) -> BatchState | None:
    """Take the batch one step on and return the state it is in; None when there is no such batch.

    Losing a race is no error: whoever won has moved it. Raises Unavailable when nothing could be done now; the due
    index brings the batch back.
    """
    batch = ports.table.batch_at(key)
    if batch is None or batch.state is BatchState.CLOSED:
        return None if batch is None else batch.state
    step = FeedStep(ports, batch, limits, ports.clock.now())
    try:
        return _ADVANCE[batch.state](step)
    except Conflict:
        ports.meter.count("CommitConflict", batch.channel, "batch")
        return batch.state


_ADVANCE: Mapping[BatchState, Callable[[FeedStep], BatchState]] = {
    BatchState.BUILDING: gather,
    BatchState.SEALED: upload,
    BatchState.UPLOADED: submit,
    BatchState.SUBMITTING: end_lease,
    BatchState.UNKNOWN: look_for_feed,
    BatchState.SUBMITTED: ask,
    BatchState.HELD: hold_all,
    BatchState.DONE: take_results,
    BatchState.FATAL: take_results,
    BatchState.CANCELLED: refuse_all,
    BatchState.GIVEN_BACK: return_all,
    BatchState.DISBANDED: disband_all,
}
