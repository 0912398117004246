"""One experiment from its beginning to its rest, and what came of it.

Refuses to call a run good that did not come to rest, whose books differ, or whose invariants broke on the way.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from quittance.application.apply_observation import apply_observation
from quittance.application.ports import Hint
from quittance.domain.ids import OrderId
from tests.faults.laboratory.dice import Dice
from tests.faults.laboratory.faults import Fault
from tests.faults.laboratory.invariants import differences
from tests.faults.laboratory.people import MINUTE, People
from tests.faults.laboratory.restoring import Backups
from tests.faults.laboratory.stage import GUARDS, stage
from tests.faults.laboratory.world import Watch, World
from tests.support.workbench import PLACE

if TYPE_CHECKING:
    from tests.faults.laboratory.scenarios import Scenario

LIMIT: Final = 49 * 60 * MINUTE
MENDINGS: Final = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run.

    `took` is the longest time an intent needed to come to rest, in milliseconds: counted from the last fault, or from
    what let it go later (its birth, a person's answer, the end of the refund before it).
    """

    scenario: str
    guard: str
    touches: int
    struck: tuple[tuple[str, Fault], ...]
    refunds: int
    settled: int
    held: int
    took: int
    broken: str = ""
    law: str = ""


class Run:
    """A world with its people."""

    def __init__(self, scenario: Scenario, dice: Dice, watch: Watch) -> None:
        self.stage = stage(is_ready=scenario.is_ready)
        self.world = World(GUARDS[scenario.guard], dice, self.stage, watch)
        self.scenario = scenario
        self.people = People(self.world)
        self.ever_held: set[str] = set()
        shop = self.world.shop
        shop.pending = scenario.is_slow
        shop.later = self.people.move_money
        self.world.mail.is_over = self.is_at_rest
        if watch.plan is not None:
            backups = Backups(self)
            self.world.restore, self.world.keep = backups.restore, backups.keep

    def is_at_rest(self) -> bool:
        """Say whether nothing will happen any more but reminders and deadlines."""
        if self.people.plans or self.world.scheduler.alive:
            return False
        return not self.world.invariants.restless()

    def to_rest(self) -> None:
        """Let the story happen, then read everything once more without a fault, and hold the laws of the end."""
        world = self.world
        try:
            self.scenario.begin(self)
            world.mail.look_ahead()
            world.scheduler.run()
            world.plan = None
            for _ in range(MENDINGS):
                if not self._read_again():
                    break
                world.scheduler.run()
            world.invariants.at_rest()
        finally:
            world.scheduler.close()

    def _read_again(self) -> bool:
        """Read every order whose books differ from the channel's; whether there was one."""
        differing = list(differences(self.world.invariants))
        for order, *_ in differing:
            apply_observation(self.world.ports, PLACE, Hint(OrderId(order)))
        if differing:
            self.world.mail.look_ahead()
        return bool(differing)

    def outcome(self, broken: str = "", law: str = "") -> Outcome:
        """What came of it."""
        world = self.world
        refunds = [item for _, item in world.invariants.intents() if item["act"] == "refund"]
        states = Counter(item["state"] for item in refunds)
        memory = world.invariants.memory
        return Outcome(
            scenario=self.scenario.name,
            guard=self.scenario.guard,
            touches=world.touches,
            struck=tuple(world.struck),
            refunds=len(refunds),
            settled=states["SETTLED"],
            held=len(memory.ever_held),
            took=max(0, world.invariants.slowest(world.last_fault)),
            broken=broken,
            law=law,
        )


def experiment(scenario: Scenario, dice: Dice, watch: Watch) -> Outcome:
    """Run a story under its faults; a broken law, an endless run or an error of the code is in the outcome."""
    run = Run(scenario, dice, watch)
    try:
        run.to_rest()
    except Exception as error:  # noqa: BLE001  # whatever stops a run is its finding, to be told with its seed
        law = getattr(getattr(error, "law", None), "number", type(error).__name__)
        return run.outcome(f"{type(error).__name__}: {error}", law)
    return run.outcome()
