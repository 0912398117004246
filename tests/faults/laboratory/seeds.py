"""From a seed to a run, and from a failing one to its story and the line that tells it again.

A seed is everything: the channel, the story, the faults, the latencies, and who goes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tests.faults.laboratory.dice import Dice
from tests.faults.laboratory.engine import LaboratoryEngine
from tests.faults.laboratory.plans import Rate, Thrown
from tests.faults.laboratory.run import Outcome, experiment
from tests.faults.laboratory.scenarios import Scenario, one_refund, thrown
from tests.faults.laboratory.tally import Tally
from tests.faults.laboratory.trace import Trace
from tests.faults.laboratory.world import Watch

ONE_IN: Final = 1000


def seeded(seed: int, trace: Trace | None = None, engine: type[LaboratoryEngine] = LaboratoryEngine) -> Outcome:
    """One run with up to five faults."""
    dice = Dice(seed)
    scenario = thrown(dice)
    return experiment(scenario, dice, Watch(Thrown(dice), trace, engine))


def rated(seed: int, guard: str) -> Outcome:
    """One refund in a world that fails once in a thousand calls."""
    dice = Dice(seed)
    return experiment(Scenario("one refund", guard, one_refund), dice, Watch(Rate(dice, ONE_IN)))


def tallied(seeds: Iterable[int]) -> Tally:
    """Run every seed."""
    tally = Tally()
    for seed in seeds:
        tally.add(seeded(seed), seed)
    return tally


def replay(seed: int, engine: type[LaboratoryEngine] = LaboratoryEngine) -> str:
    """The story of a seed: its channel and scenario, every step, and how it ended."""
    trace = Trace()
    outcome = seeded(seed, trace, engine)
    faults = "\n".join(f"  {fault.value} at {boundary}" for boundary, fault in outcome.struck)
    head = f"seed {seed}: {outcome.scenario}, {outcome.guard}; faults:\n{faults}"
    end = outcome.broken or f"came to rest: {outcome.settled} of {outcome.refunds} settled, {outcome.held} were held"
    return f"{head}\n{trace}\n{end}\nagain: make faults SEED={seed}"
