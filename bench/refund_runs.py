"""How many whole refunds one core plays: the real use cases over the engine in memory, as the fault laboratory does.

Each run begins with the same snapshot and ends settled; what has to hold is checked after every step.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bench import Figure, Result, machine
from quittance.application.advance_intent import advance_intent
from quittance.application.commit import Key, Scene
from quittance.application.ports import Ports
from quittance.application.receive_parcel import receive_parcel
from quittance.domain.ids import CaseId
from quittance.domain.intent import Act, Intent, IntentState
from quittance.domain.ledger import UNATTRIBUTED
from quittance.domain.observations import OrderReading, ReturnReading
from quittance.storage.items_intent import intent_key
from quittance.storage.memory import MemoryEngine, Snapshot
from quittance.storage.table import Table
from tests.support import builders as b
from tests.support.shop import Shop
from tests.support.workbench import LIMITS, PLACE, HandClock, OnePolicy, Tally, Workbench

RUNS: Final = 300
WARM_UP: Final = 100
ROUNDS: Final = 15
PER_SECOND: Final = 1500
PARCEL: Final = b.receipt("parcel-1", b.units(quantity=2))
NOTES: Final = (
    (
        f"CPU time of one process, the median of {ROUNDS} rounds of {RUNS} runs after {WARM_UP} unmeasured: the report "
        "of a parcel that admits the refund, then its sender with reading, claim, switches, send and settlement."
    ),
    (
        "After each of both the table is read again and held against the shop's own books: one effect at most, nothing "
        "above headroom, the claim while it is underway, both books equal at the end. Setting up the order and its "
        "authorised return is not in it: every run begins with one snapshot of the table."
    ),
    "The shop is one in memory, so that no network and no database is in the figure.",
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where every run begins: an order with an authorised return, in the table and at the shop."""

    table: Snapshot
    orders: Mapping[str, OrderReading]
    returns: Mapping[str, ReturnReading]
    clock: HandClock
    policies: OnePolicy
    case: CaseId


class World:
    """One run's own table and shop."""

    def __init__(self, stage: Stage) -> None:
        engine = MemoryEngine()
        engine.restore(stage.table)
        self.case = stage.case
        self.table = Table(engine)
        self.shop = shop = Shop(orders=dict(stage.orders), returns=dict(stage.returns))
        self.ports = Ports(
            self.table, stage.policies, stage.clock, Tally(), acts=lambda _: shop, channel=lambda _: shop
        )

    def admit(self) -> None:
        """The warehouse reports the parcel, and the refund is admitted."""
        receive_parcel(self.ports, PLACE, PARCEL)

    def send(self, key: Key) -> None:
        """The sender claims, sends and settles it."""
        advance_intent(self.ports, key, LIMITS)

    def hold(self, state: IntentState) -> Intent:
        """Raise AssertionError unless the table and the shop's books show what they have to; return the refund."""
        scene = self.table.load_scene(self.case)
        (refund,) = (intent for intent in scene.intents.values() if intent.act is Act.REFUND)
        for broken in self._broken(scene, refund, state):
            raise AssertionError(broken)
        return refund

    def _broken(self, scene: Scene, refund: Intent, state: IntentState) -> list[str]:
        order = scene.order
        if order is None:
            return ["the order is gone"]
        ledger, is_over = order.ledger, refund.has_ended
        ours = {name: seen.amounts.total for name, seen in ledger.refunds.items() if seen.owner != UNATTRIBUTED}
        theirs = {seen.id: seen.amounts.total for seen in self.shop.orders[order.id].refunds}
        held = sum(claim.amounts.total for claim in ledger.claims.values())
        laws = {
            f"the refund is {refund.state}": refund.state is state,
            "it has more than one effect": self.shop.paid(refund.id) == int(is_over),
            f"ledger {ours}, shop {theirs}": ours == theirs,
            "the claim does not follow the refund": (refund.id in ledger.claims) != is_over,
            "the turn does not follow the refund": (ledger.turn == refund.id) != is_over,
            "headroom is not what is left": all(
                ledger.available(payment) == paid.captured - held - sum(ours.values())
                for payment, paid in ledger.payments.items()
            ),
        }
        return [broken for broken, holds in laws.items() if not holds]


def run() -> Result:
    stage = _stage()
    key = intent_key(_whole(stage, None))
    seconds = {name: _measured(part) for name, part in _parts(stage, key).items()}
    whole = seconds["whole"]
    return Result(
        name="refund_runs",
        title="Whole refund runs of one core",
        figures=(
            Figure("whole refund runs of one core in a second", 1 / whole, "runs"),
            Figure("one run, CPU", whole * 1000, "ms", at_most=1000 / PER_SECOND),
            Figure("of which the use cases", seconds["unchecked"] * 1000, "ms"),
            Figure("of which the report that admits the refund", seconds["admitted"] * 1000, "ms"),
        ),
        notes=NOTES,
        machine=machine(),
    )


def _parts(stage: Stage, key: Key) -> dict[str, Callable[[], object]]:
    def unchecked() -> None:
        world = World(stage)
        world.admit()
        world.send(key)

    return {
        "whole": lambda: _whole(stage, key),
        "unchecked": unchecked,
        "admitted": lambda: World(stage).admit(),
    }


def _whole(stage: Stage, key: Key | None) -> Intent:
    world = World(stage)
    world.admit()
    born = world.hold(IntentState.READY)
    world.send(key or intent_key(born))
    return world.hold(IntentState.SETTLED)


def _stage() -> Stage:
    bench = Workbench().authorised()
    return Stage(
        table=bench.engine.snapshot(),
        orders=dict(bench.shop.orders),
        returns=dict(bench.shop.returns),
        clock=bench.clock,
        policies=bench.policies,
        case=bench.case_id,
    )


def _measured(part: Callable[[], object]) -> float:
    """CPU seconds of one run, the median of the rounds."""
    for _ in range(WARM_UP):
        part()
    return statistics.median(_round(part) for _ in range(ROUNDS))


def _round(part: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    for _ in range(RUNS):
        part()
    return (time.process_time() - began) / RUNS
