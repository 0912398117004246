"""The tick: what is due in the index goes to the queue that does it, and nothing else happens here.

Refuses to pile up: a lane whose queue is above its cap is left in the index, where nothing is lost. Lane 0 never waits
behind another lane's backlog.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from quittance.application.commit import Key
from quittance.application.ports import Publisher, Table

LANES = (0, 1, 2)
SHARDS = range(8)
PER_SHARD = 1000
PER_MESSAGE = 100

# The key of an item says what it is, and so who works on it.
TARGETS: Mapping[str, str] = {"CASE": "due", "DELIVERY": "inbox", "ACCOUNT": "poll", "ORDER": "poll"}


def route_due(
    table: Table, publisher: Publisher, now: datetime, is_full: Callable[[str], bool]
) -> dict[tuple[str, int], int]:
    """Send the keys of everything that is due to its queue, lane 0 first; returns how many by (target, lane).

    Sending a key twice is harmless: whoever works on it looks at the item.
    """
    routed: dict[tuple[str, int], int] = {}
    for lane in LANES:
        for target, keys in _due(table, lane, now).items():
            if _may_wait(target, lane) and is_full(target):
                continue
            for start in range(0, len(keys), PER_MESSAGE):
                publisher.wake(target, keys[start : start + PER_MESSAGE])
            routed[target, lane] = len(keys)
    return routed


def _may_wait(target: str, lane: int) -> bool:
    """Say whether a full queue keeps these keys in the index.

    What fills a queue that lanes share is the others' backlog: claims and cancellations are sent on to it at once. The
    queue of urgent intents has no other lane, so that it may wait for itself.
    """
    return lane != 0 or target == "urgent"


def _due(table: Table, lane: int, now: datetime) -> dict[str, Sequence[Key]]:
    found: dict[str, list[Key]] = {}
    for shard in SHARDS:
        for key in table.due(lane, shard, now, PER_SHARD):
            found.setdefault(target_of(key, lane), []).append(key)
    return dict(found)


def target_of(key: Key, lane: int) -> str:
    """The queue that works on an item; intents and feed batches of lane 0 never wait behind others."""
    if key.sk.startswith("INTENT#") or key.pk.startswith("FEED#"):
        return "urgent" if lane == 0 else "refund"
    return TARGETS[key.pk.partition("#")[0]]
