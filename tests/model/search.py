"""Breadth-first search over all states, the shortest way to a broken claim, and whether every way comes to rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.model.claims import broken_by, broken_in
from tests.model.state import State, Step
from tests.model.telling import told
from tests.model.terms import World
from tests.model.world import start, steps

MOST_STATES = 200_000
UNFAILING = frozenset({"work", "time"})
WITH_A_PERSON = UNFAILING | {"person"}


@dataclass(slots=True)
class Space:
    """What a search has found: states in the order of their discovery, edges without faults, a broken claim."""

    world: World
    states: list[State] = field(default_factory=list)
    came_by: list[tuple[int, Step | None]] = field(default_factory=list)
    edges: list[list[tuple[int, str]]] = field(default_factory=list)
    broken: str | None = None
    last: tuple[int, Step | None] = (0, None)

    def trace(self) -> str:
        """The shortest way to the broken claim, one numbered line a step, with what is stored and what was paid."""
        at, step = self.last
        way: list[Step] = [] if step is None else [step]
        while at:
            at, before = self.came_by[at]
            if before is not None:
                way.append(before)
        return told(self.world, self.broken or "nothing is broken", list(reversed(way)))

    def stuck(self, rest: Callable[[World, State], bool], kinds: frozenset[str]) -> str | None:
        """Describe a state from which steps of these kinds go on for ever without rest, or end without it."""
        restless = [not rest(self.world, state) for state in self.states]
        onward = [[to for to, kind in edges if kind in kinds] for edges in self.edges]
        for at, is_restless in enumerate(restless):
            if is_restless and not onward[at]:
                return self._way_to(at, "nothing leads on from here without a fault")
        turning = _on_a_cycle(restless, onward)
        return None if turning is None else self._way_to(turning, "steps without a fault go round for ever from here")

    def _way_to(self, at: int, why: str) -> str:
        self.broken, self.last = why, (at, None)
        return self.trace()


def _on_a_cycle(restless: list[bool], onward: list[list[int]]) -> int | None:
    """One of the restless states that no peeling of last ones reaches, by Kahn's order."""
    left = [sum(restless[to] for to in onward[at]) for at in range(len(onward))]
    into: list[list[int]] = [[] for _ in onward]
    for at, targets in enumerate(onward):
        for to in targets:
            into[to].append(at)
    ready = deque(at for at, is_restless in enumerate(restless) if is_restless and not left[at])
    peeled = 0
    while ready:
        peeled += 1
        for at in into[ready.popleft()]:
            left[at] -= 1
            if restless[at] and not left[at]:
                ready.append(at)
    if peeled == sum(restless):
        return None
    return next(at for at, is_restless in enumerate(restless) if is_restless and left[at] > 0)


def search(world: World) -> Space:
    """Visit every state, or stop at the first broken claim, whose way is then the shortest.

    Raises MemoryError above MOST_STATES: such a world is too large to be searched whole.
    """
    first = start(world)
    space = Space(world, [first], [(0, None)])
    number = {first: 0}
    at = 0
    while at < len(space.states):
        state, onward = space.states[at], []
        for step in steps(world, state):
            known = number.get(step.state)
            if known is None:
                known = number[step.state] = len(space.states)
                space.states.append(step.state)
                space.came_by.append((at, step))
            found = broken_by(state, step) or broken_in(world, step.state)
            if found is not None:
                space.broken, space.last = found, (at, step)
                return space
            if step.kind in WITH_A_PERSON:
                onward.append((known, step.kind))
        space.edges.append(onward)
        if len(space.states) > MOST_STATES:
            raise MemoryError(f"{world.name} has more than {MOST_STATES} states")
        at += 1
    return space
