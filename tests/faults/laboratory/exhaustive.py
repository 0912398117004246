"""Every fault at every boundary of a story, and every pair of faults on the way of the money.

The second fault of a pair strikes on the way that the first one left behind, to the end or as far as asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tests.faults.laboratory.dice import Dice
from tests.faults.laboratory.faults import POSSIBLE, Door, Fault, failures_of
from tests.faults.laboratory.plans import Script
from tests.faults.laboratory.run import Outcome, experiment
from tests.faults.laboratory.scenarios import Scenario
from tests.faults.laboratory.trace import Trace
from tests.faults.laboratory.world import Watch


@dataclass(frozen=True, slots=True)
class Case:
    """One combination that was tried and what came of it."""

    scenario: Scenario
    strikes: Mapping[int, Fault]
    outcome: Outcome

    def story(self) -> str:
        """The whole story of it, for a failing test."""
        trace = Trace()
        experiment(self.scenario, Dice(0), Watch(Script(self.strikes), trace))
        return f"{self.scenario.name}, {self.scenario.guard}, {self.strikes}\n{trace}\n{self.outcome.broken}"


def doors(scenario: Scenario, strikes: Mapping[int, Fault]) -> list[Door]:
    """Which doors are touched, one after another, when these faults strike."""
    script = Script(strikes)
    experiment(scenario, Dice(0), Watch(script))
    return script.doors


def singles(scenario: Scenario) -> Iterator[Case]:
    """Every possible fault at every touch."""
    for number, door in enumerate(doors(scenario, {}), 1):
        for fault in POSSIBLE[door]:
            yield _tried(scenario, {number: fault})


def pairs(scenario: Scenario, kinds: Collection[Fault] = tuple(Fault), reach: int | None = None) -> Iterator[Case]:
    """Every two faults of these kinds, the second at most `reach` touches behind the first."""
    for number, door in enumerate(doors(scenario, {}), 1):
        for first in _of(kinds, door):
            behind = doors(scenario, {number: first})
            last = len(behind) if reach is None else min(len(behind), number + reach)
            for later in range(number + 1, last + 1):
                for second in _of(kinds, behind[later - 1]):
                    yield _tried(scenario, {number: first, later: second})


def _of(kinds: Collection[Fault], door: Door) -> list[Fault]:
    return [fault for fault in POSSIBLE[door] if fault in kinds]


def _tried(scenario: Scenario, strikes: Mapping[int, Fault]) -> Case:
    return Case(scenario, strikes, experiment(scenario, Dice(0), Watch(Script(strikes))))


def holds_at(one_in: int, scenario: Scenario) -> float:
    """The share of refunds that end up with a person when one call in so many fails, counted over every single fault.

    Two faults in one refund are left out: at one in a thousand they are a thousand times rarer.
    """
    expected = 0.0
    for number, door in enumerate(doors(scenario, {}), 1):
        kinds = failures_of(door)
        held = sum(_tried(scenario, {number: fault}).outcome.held for fault in kinds)
        expected += held / len(kinds) / one_in
    return expected
