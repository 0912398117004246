"""The channel of the model: what it applies, refuses or recognises, and how it ages."""

from __future__ import annotations

from collections.abc import Iterator

from quittance.domain.intent import ReplayGuard
from tests.model.drafting import ON_THE_WAY
from tests.model.state import NOBODY, OTHER_HANDS, Effect, Request, State, Step
from tests.model.terms import LIFETIME, World


def apply(world: World, state: State, intent: int) -> tuple[State, int]:
    """Apply a refund once more: the state after it and the effect it answers with, NOBODY when it refuses."""
    ours = [name for name, e in enumerate(state.effects) if e.owner == intent and e.status != "failed"]
    if world.is_keyed:
        known = [name for name in ours if state.effects[name].age < LIFETIME]
        if known:
            return state, known[0]
    if world.guard is ReplayGuard.QUANTITY and ours:
        return state, NOBODY
    amount = world.amounts[intent]
    if world.checks and world.captured - _paid(state) < amount:
        return state, NOBODY
    status = "pending" if world.slow else "moved"
    effect = Effect(intent, amount, status, in_flight(state))
    return state._replace(effects=(*state.effects, effect)), len(state.effects)


def _paid(state: State) -> int:
    return sum(effect.amount for effect in state.effects if effect.status != "failed")


def in_flight(state: State) -> int:
    """The intent that is on its way, or NOBODY."""
    return next((i for i, record in enumerate(state.intents) if record.state in ON_THE_WAY), NOBODY)


def outstanding(world: World, state: State, intent: int) -> State:
    """The state with a call on its way that nobody waits for."""
    requests = sorted([*state.requests, Request(intent, world.late)], key=lambda r: (r.intent, r.left or 0))
    return state._replace(requests=tuple(requests))


def steps(world: World, state: State) -> Iterator[Step]:
    """What happens at the channel by itself: calls land or vanish, money moves or fails, other hands refund."""
    for at, request in enumerate(state.requests):
        rest = state._replace(requests=state.requests[:at] + state.requests[at + 1 :])
        landed, effect = apply(world, rest, request.intent)
        told = "is refused" if effect == NOBODY else f"lands as effect {effect}"
        yield Step("work", ("the late call of intent", request.intent, told), landed)
        if landed != rest:
            yield Step("work", ("the late call of intent", request.intent, "vanishes"), rest)
    for name, effect in enumerate(state.effects):
        if effect.status == "pending":
            for status in ("moved", "failed"):
                yield Step("work", ("the money of effect", name, status), _with(state, name, status=status))
    if state.foreign and (not world.checks or world.captured - _paid(state) >= state.foreign):
        foreign = Effect(OTHER_HANDS, state.foreign, "moved", in_flight(state))
        after = state._replace(effects=(*state.effects, foreign), foreign=0)
        yield Step("other", ("other hands refund", state.foreign, f"as effect {len(state.effects)}"), after)


def _with(state: State, name: int, **changes: object) -> State:
    effect = state.effects[name]._replace(**changes)  # type: ignore[arg-type]
    return state._replace(effects=(*state.effects[:name], effect, *state.effects[name + 1 :]))


def aged(world: World, effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """The effects a tick later; only a key's age is ever asked for."""
    if not world.is_keyed:
        return effects
    return tuple(e._replace(age=min(e.age + 1, LIFETIME)) for e in effects)
