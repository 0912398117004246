"""A backup as a restore meets it: the table's items of one moment, written back later into the emptied table.

The emulator's own restore does not go back in time. What belongs to the machine and not to the business stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sandbox.world import World

# The sandbox's clock never goes back, and a tick of the time before must not hold up the next.
KEPT: Final = ("SANDBOX", "LEASE#")
SENDERS: Final = ("Urgent", "Refund")
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Backup:
    """Every item of the business at one moment, as DynamoDB writes it."""

    items: tuple[Item, ...]

    @classmethod
    def of(cls, world: World) -> Backup:
        return cls(tuple(_items(world)))

    def write_back(self, world: World) -> None:
        """Empty the table and write the copy into it."""
        table = world.cloud.client("dynamodb")
        for item in _items(world):
            table.delete_item(TableName=world.cloud.table, Key={"pk": item["pk"], "sk": item["sk"]})
        for item in self.items:
            table.put_item(TableName=world.cloud.table, Item=item)


def _items(world: World) -> Iterator[Item]:
    pages = world.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=world.cloud.table)
    for page in pages:
        yield from (item for item in page["Items"] if not item["pk"]["S"].startswith(KEPT))


def switch_senders(world: World, *, on: bool) -> None:
    """Let the queues of money reach their function or not, as the runbook says; what waited in them is lost."""
    functions = world.cloud.client("lambda")
    name = world.cloud.resource("ExecuteRefundFunction")
    for mapping in functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)
    for queue in SENDERS:
        world.cloud.client("sqs").purge_queue(QueueUrl=world.cloud.queue_url(queue))
