"""Which fault strikes at which touch: named ones by number, thrown ones by a seed, or one in so many.

Refuses to strike where a fault is impossible: the touch then goes through and nothing is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tests.faults.laboratory.dice import Dice
from tests.faults.laboratory.faults import POSSIBLE, Door, Fault, failures_of

MOST_FAULTS = 5
# Faults strike near each other: the second one meets what mends the first.
APART = (1, 1, 2, 3, 5, 8, 13)
FIRST_WITHIN = 24


class Plan(Protocol):
    """Asked at every touch, in the order of the touches."""

    def draw(self, door: Door) -> Fault | None:
        """The fault that strikes at this touch, if one does."""
        ...


class Script:
    """Named faults at touches by number, from 1; `doors` are those that it met."""

    def __init__(self, strikes: Mapping[int, Fault]) -> None:
        self.strikes = strikes
        self.doors: list[Door] = []

    def draw(self, door: Door) -> Fault | None:
        """The one named for this number, if it can happen here."""
        self.doors.append(door)
        fault = self.strikes.get(len(self.doors))
        return fault if fault in POSSIBLE[door] else None

    def __repr__(self) -> str:
        named = ", ".join(f"{number}: {fault.value}" for number, fault in self.strikes.items())
        return f"Script({{{named}}})"


class Thrown:
    """Up to five faults at touches that the dice choose; of which kind, they choose at the touch."""

    def __init__(self, dice: Dice, most: int = MOST_FAULTS) -> None:
        self._dice = dice
        self._left = dice.between(1, most)
        self._wait = dice.below(FIRST_WITHIN)

    def draw(self, door: Door) -> Fault | None:
        """One of the kinds that are possible here, when its touch has come."""
        if self._left == 0:
            return None
        if self._wait:
            self._wait -= 1
            return None
        self._left -= 1
        self._wait = self._dice.among(APART) - 1
        return self._dice.among(POSSIBLE[door])


class Rate:
    """One fault in so many touches, without end: what holds cost when the world is as bad as that."""

    def __init__(self, dice: Dice, one_in: int) -> None:
        self._dice = dice
        self._one_in = one_in

    def draw(self, door: Door) -> Fault | None:
        """One of the kinds that are possible here, once in so many touches."""
        return self._dice.among(failures_of(door)) if self._dice.hits(self._one_in) else None
