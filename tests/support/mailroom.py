"""The mail room of the workbench: an archive and queues in memory, and deliveries as the queues bring them.

It decides nothing; every delivery goes through the use case that the deployed function calls.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from quittance.application.commit import DeliveryKey, Key
from quittance.application.ports import Delivery, Parked
from quittance.application.work_deliveries import Arrival, archived, work_deliveries
from quittance.channels.warehouse.receipts import read
from quittance.domain.ids import DeliveryId
from quittance.storage import keys
from tests.support import builders as b
from tests.support.workbench import PLACE, Workbench


@dataclass
class MemoryArchive:
    """Deliveries by their names."""

    kept: dict[str, Delivery] = field(default_factory=dict)

    def put(self, delivery: Delivery) -> str:
        """Keep it whole; the same delivery gets the same key."""
        key = f"raw/{delivery.channel}/{delivery.id}"
        self.kept[key] = delivery
        return key

    def get(self, key: str) -> Delivery | None:
        """The delivery, unless its time is over."""
        return self.kept.get(key)


@dataclass
class MemoryQueues:
    """What was sent where, in order."""

    woken: list[tuple[str, tuple[Key, ...]]] = field(default_factory=list)
    hinted: list[Delivery] = field(default_factory=list)

    def wake(self, target: str, keys: Sequence[Key]) -> None:
        """Remember one message."""
        self.woken.append((target, tuple(keys)))

    def hints(self, deliveries: Sequence[Delivery]) -> None:
        """Remember hints."""
        self.hinted += deliveries


class Mailroom:
    """Takes deliveries in for a workbench, as ingest_returns does."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.archive = MemoryArchive()

    def webhook(self, name: str, body: Any = None, topic: str = "returns/request", **changes: Any) -> Delivery:
        """A webhook of the shop; without a body it names the one order."""
        raw = body if isinstance(body, bytes) else json.dumps(body or {"order": b.ORDERED}).encode()
        return replace(self.bench.delivery(raw, topic, name), **changes)

    def report(self, name: str, units: Mapping[str, int], condition: str = "new", **stated: Any) -> Delivery:
        """A warehouse's report of a parcel."""
        body = {
            "receipt_id": name,
            "received_at": "2026-11-21T11:00:00Z",
            "units": [{"sku": sku, "quantity": count, "condition": condition} for sku, count in units.items()],
            **stated,
        }
        at = self.bench.clock.now()
        raw = json.dumps(body).encode()
        return Delivery("warehouse", PLACE.account, PLACE.store, "receipt", DeliveryId(f"m-{name}"), at, raw)

    def take(self, *deliveries: Delivery) -> list[str]:
        """Work on deliveries that came in one batch; returns what each came to, `repeated` for a known one."""
        arrivals = [archived(self.bench.ports, self.archive, delivery) for delivery in deliveries]
        return self._work(deliveries, arrivals)

    def again(self, delivery: Delivery) -> str:
        """The tick found the delivery due: work on its archived bytes once more."""
        found = self.bench.table.pending(keys.delivery(delivery.key))
        if found is None:
            return "nothing_due"
        name, archive, tries = found
        kept = self.archive.get(archive)
        assert kept is not None
        assert kept.key == name
        return self._work([delivery], [Arrival(kept, archive, tries)])[0]

    def _work(self, deliveries: Sequence[Delivery], arrivals: Sequence[Arrival | None]) -> list[str]:
        new = [arrival for arrival in arrivals if arrival is not None]
        outcomes = work_deliveries(self.bench.ports, read, new)
        return [outcomes.get(delivery.id, "repeated") for delivery in deliveries]

    def state(self, delivery: Delivery) -> tuple[str, int]:
        """What the table knows of a delivery: its state and its tries."""
        record = self.bench.table.delivery(delivery.key)
        return ("unknown", 0) if record is None else (record.state, record.tries)

    def parked(self, channel: str = "shopify") -> list[Parked]:
        """What a person has to look at."""
        return list(self.bench.table.parked(channel, PLACE.account))

    def due(self) -> list[DeliveryKey]:
        """The deliveries in the due index, now."""
        now = self.bench.clock.now()
        found = [key for lane in keys.LANES for shard in range(keys.SHARDS) for key in self._due(lane, shard, now)]
        return [name for key in found if (name := keys.delivery_of(key)) is not None]

    def _due(self, lane: int, shard: int, now: Any) -> Sequence[Key]:
        return self.bench.table.due(lane, shard, now, 100)


MALFORMED: Final = b"{not JSON"
