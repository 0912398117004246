"""The channel of the model: what it applies, refuses or recognises, and how it ages."""

from __future__ import annotations

from collections.abc import Iterator

from quittance.domain.intent import ENDED, ReplayGuard
from tests.model.state import NOBODY, OTHER_HANDS, Effect, Plan, Request, State, Step
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
    effect = Effect(intent, amount, status)
    return state._replace(effects=(*state.effects, effect)), len(state.effects)


def _paid(state: State) -> int:
    return sum(effect.amount for effect in state.effects if effect.status != "failed")


def _read_before(state: State) -> tuple[int, ...]:
    """Intents that were claimed, or read for their claim: what lands now can only be found by looking back."""
    plans = [job.next for job in state.jobs if isinstance(job.next, Plan) and job.next.sends]
    claiming = {plan.changes[0].intent for plan in plans}
    claimed = {i for i, r in enumerate(state.intents) if r.fence and r.state not in ENDED}
    return tuple(sorted(claiming | claimed))


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
    pending = [name for name, e in enumerate(state.effects) if e.status == "pending"]
    for name in pending:
        for status in ("moved", "failed"):
            yield Step("work", ("the money of effect", name, status), _with(state, name, status=status))
    if state.foreign and (not world.checks or world.captured - _paid(state) >= state.foreign):
        foreign = Effect(OTHER_HANDS, state.foreign, "moved", _read_before(state))
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
