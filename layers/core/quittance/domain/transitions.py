"""State machines as tables: a machine is a set of edges (state, verb, next state) and nothing else.

Refuses a table with two edges for one (state, verb) when it is built, and a missing edge when it is walked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from quittance.domain.errors import IllegalTransition

S = TypeVar("S", bound=StrEnum)
V = TypeVar("V", bound=StrEnum)


class Machine(Generic[S, V]):
    """A named table of edges; `next` walks one edge or raises IllegalTransition with the state and the verb."""

    def __init__(self, name: str, edges: Iterable[tuple[S, V, S]]) -> None:
        table: dict[tuple[S, V], S] = {}
        for state, verb, target in edges:
            if (state, verb) in table:
                raise ValueError(f"{name}: {state} has two edges for {verb}")
            table[state, verb] = target
        self.name = name
        self.edges: Mapping[tuple[S, V], S] = table

    def next(self, state: S, verb: V) -> S:
        """Return the state after `verb`; raises IllegalTransition where the table has no edge."""
        target = self.edges.get((state, verb))
        if target is None:
            raise IllegalTransition(self.name, state.value, verb.value)
        return target

    def allows(self, state: S, verb: V) -> bool:
        """Say whether the table has an edge for this verb."""
        return (state, verb) in self.edges

    def is_terminal(self, state: S) -> bool:
        """Say whether nothing leads out of the state."""
        return not any(source == state for source, _ in self.edges)
