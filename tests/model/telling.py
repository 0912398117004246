"""A trace for a person: what happened step by step, and after each step what is stored and what was paid."""

from __future__ import annotations

from collections.abc import Sequence

from tests.model.state import OTHER_HANDS, State, Step
from tests.model.terms import World


def told(world: World, broken: str, way: Sequence[Step]) -> str:
    """The way as numbered lines under what it breaks."""
    lines = [f"{world.name}: {broken}", f"after {len(way)} steps:"]
    for number, step in enumerate(way, 1):
        lines.append(f"{number:3d}. [{step.kind:6}] {' '.join(str(word) for word in step.words)}")
        lines.append(f"     {'':8} {picture(step.state)}")
    return "\n".join(lines)


def picture(state: State) -> str:
    """One line: the intents, the effects at the channel, and what is still on its way."""
    intents = ", ".join(
        f"{i}:{'unborn' if r.state is None else r.state.value}(fence {r.fence}, sends {r.sends})"
        for i, r in enumerate(state.intents)
    )
    owners = [("other hands" if e.owner == OTHER_HANDS else f"intent {e.owner}", e) for e in state.effects]
    effects = ", ".join(f"{name} {e.amount} {e.status}" for name, e in owners) or "none"
    travelling = f"; on their way: {len(state.requests)}" if state.requests else ""
    return f"{intents} | paid: {effects}{travelling}"
