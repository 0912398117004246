"""Chance with a seed: the only source of anything accidental in a run.

Refuses nothing; it draws from `random()` alone, whose sequence Python keeps from one version to the next.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Throws that come out the same for the same seed, on every Python and in every process."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, but without, the limit."""
        return int(self._random() * limit)

    def between(self, least: int, most: int) -> int:
        """A whole number, both ends included."""
        return least + int(self._random() * (most - least + 1))

    def among(self, choices: Sequence[T]) -> T:
        """One of these, each as likely as the others."""
        return choices[int(self._random() * len(choices))]

    def hits(self, one_in: int) -> bool:
        """Say yes once in so many throws."""
        return self._random() * one_in < 1
