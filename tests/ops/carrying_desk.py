"""The desk as the use case itself, on the table that the command reads, so that each check is the one of the desk."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from quittance.application.command_case import command_case
from quittance.domain.command import Actor, Authority, parse_command
from quittance.domain.errors import Rejected
from quittance.runtime.desk import answer_of, refusal_of
from quittance.storage.expressions import typed
from tests.ops.world import DESK, TABLE, World
from tests.support.feed_bench import FeedBench
from tests.support.workbench import PlainSeal

Answer = Mapping[str, Any]


@dataclass
class CarryingDesk:
    """Carries commands out; `before` acts on the world first, `broken` are intents at which the function fails."""

    bench: FeedBench
    asked: list[tuple[str, Answer]] = field(default_factory=list)
    before: Callable[[Answer], object] = lambda _: None
    after: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer
    broken: set[str] = field(default_factory=set)

    def invoke(self, **call: Any) -> Mapping[str, Any]:
        alias, event = call["FunctionName"].removeprefix(f"{DESK}:"), json.loads(call["Payload"])
        self.asked.append((alias, event))
        self.before(event)
        if event["target"] in self.broken:
            return {"Payload": io.BytesIO(b'{"errorType": "Unavailable"}'), "FunctionError": "Unhandled"}
        actor = Actor(alias, Authority(alias.partition("-")[0]), "request")
        try:
            answer = answer_of(command_case(self.bench.ports, parse_command(event, actor), PlainSeal()))
        except Rejected as refusal:
            answer = refusal_of(refusal)
        return {"Payload": io.BytesIO(json.dumps(self.after(answer)).encode())}


def stored(world: World, bench: FeedBench) -> CarryingDesk:
    """What the bench has in memory, from now on in the command's table, and a desk that works there."""
    client = world.client("dynamodb")
    for partition in bench.engine.snapshot().partitions.values():
        for item in partition.values():
            client.put_item(TableName=TABLE, Item={name: typed(value) for name, value in item.items()})
    bench.table = world.stack.table
    bench.ports = replace(bench.ports, table=bench.table)
    desk = CarryingDesk(bench)
    world.clients["lambda"] = desk
    return desk
