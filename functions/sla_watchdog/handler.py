"""Two functions that keep time: the tick routes what is due, and fire does one due step of a case.

Refuses to run two ticks at once, and to load any channel.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from quittance.application.commit import Key
from quittance.application.fire_due import fire_due
from quittance.application.route_due import route_due
from quittance.runtime import observability, wiring
from quittance.runtime.batch import RESERVE, Answer, Batch, Handled, Message, schema_one


@cache
def _tick() -> wiring.Tick:
    return wiring.watchdog_tick(os.environ)


@cache
def _fire() -> wiring.Fire:
    return wiring.watchdog_fire(os.environ)


def tick(_event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Route what is due to its queues; returns how many keys went where."""
    watch = _tick()
    with watch.invocation(context):
        if not watch.take_lease():
            observability.info("tick skipped", reason="another tick runs")
            return {}
        routed = route_due(watch.table, watch.publisher, watch.clock.now(), watch.is_full)
        for (target, lane), count in routed.items():
            observability.metric("Routed", count, "watchdog", f"{target}_{lane}")
        observability.metric("TickCompleted", 1, "watchdog", "completed")
        return {f"{target}:{lane}": count for (target, lane), count in routed.items()}


def fire(event: Mapping[str, Any], context: Any) -> Answer:
    """Answer an SQS batch of wake messages with the keys of due cases."""
    watch = _fire()
    batch = Batch(recognise=schema_one("wake"), on_malformed=watch.park_malformed)
    with watch.invocation(context):
        return batch.each(event, context, lambda message: _fire_each(watch, message))


def _fire_each(watch: wiring.Fire, message: Message) -> Handled:
    def fire_one(key: Key) -> None:
        if message.attempt > 1:
            # The try that parks a case counts it and no more; this line, right before, says which case it was.
            observability.warning("due case came again", key=key.pk, attempt=message.attempt)
        fire_due(watch.ports, key, message.attempt)

    return wiring.for_each_key(message, fire_one, lambda: watch.has_time(RESERVE))
