"""What must hold in every state and over every step, each as a sentence that is returned when it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from quittance.domain.intent import ENDED, IntentState
from quittance.domain.ledger import FOREIGN, UNATTRIBUTED
from tests.model import books as ledger
from tests.model.drafting import ON_THE_WAY, WAITING, Draft
from tests.model.state import State, Step
from tests.model.terms import World

_S = IntentState


def broken_in(world: World, state: State) -> str | None:
    """Return the first claim that the state breaks, or None."""
    return next(_broken(world, state), None)


def _broken(world: World, state: State) -> Iterator[str]:
    if not state.trusted:
        if world.is_bounded and not world.hasty:
            yield "a person who looks first is never wrong"
        return
    yield from _effects(world, state)
    yield from _books(world, state)
    flying = [i for i, r in enumerate(state.intents) if r.state is _S.READY or r.state in ON_THE_WAY]
    if len(flying) > 1:
        yield f"one money intent of an order is in flight at a time, not {flying}"


def _effects(world: World, state: State) -> Iterator[str]:
    ours = Counter(effect.owner for effect in state.effects if effect.status != "failed")
    for intent, record in enumerate(state.intents):
        if ours[intent] > 1:
            yield f"intent {intent} has one effect at most, not {ours[intent]}"
        if record.state is _S.SETTLED:
            yield from _proof(state, intent, ours[intent])
        if record.state in (_S.CANCELLED, _S.DECLINED) and ours[intent] and world.is_bounded:
            yield f"intent {intent} is {record.state}, so that it had no effect"


def _proof(state: State, intent: int, ours: int) -> Iterator[str]:
    named = state.intents[intent].ref
    effect = state.effects[named] if 0 <= named < len(state.effects) else None
    if effect is None or effect.status != "moved":
        yield f"intent {intent} is SETTLED by an effect that moved money"
    elif effect.owner == intent:
        return
    elif effect.owner >= 0 or intent not in effect.after or ours:
        yield f"intent {intent} is SETTLED by its own effect, or by the only one that came after its claim"


def _books(world: World, state: State) -> Iterator[str]:
    money = (world.captured, world.amounts)
    waiting = [i for i, record in enumerate(state.intents) if record.state in WAITING]
    if ledger.balance(state.books, *money) < 0 and waiting:
        yield f"available is never below zero while intents {waiting} may still be sent"
    if sum(e.amount for e in state.effects if e.owner >= 0 and e.status != "failed") > world.captured:
        yield "what was paid back by us is never more than was captured"
    active = {i for i, record in enumerate(state.intents) if record.state is not None and record.state not in ENDED}
    if active != set(state.books.claims):
        yield f"exactly the active intents {sorted(active)} hold headroom, not {sorted(state.books.claims)}"
    for name, owner, minor in state.books.refunds:
        if state.effects[name].amount != minor:
            yield f"the ledger says {minor} of effect {name}, the channel {state.effects[name].amount}"
        is_ours = owner not in (FOREIGN, UNATTRIBUTED)
        if is_ours and (state.intents[int(owner)].state is not _S.SETTLED or state.intents[int(owner)].ref != name):
            yield f"effect {name} belongs to intent {owner}, which is settled by it"
        if owner == FOREIGN and state.effects[name].owner >= 0 and world.is_bounded:
            yield f"effect {name} is ours and is never booked as foreign"


def broken_by(before: State, step: Step) -> str | None:
    """Return the first claim that a step breaks, or None."""
    for intent, (old, new) in enumerate(zip(before.intents, step.state.intents, strict=True)):
        if new.fence < old.fence:
            return f"the fence of intent {intent} never falls"
        if new.fence == old.fence and new.state is _S.SENDING and old.state is not _S.SENDING:
            return f"every claim of intent {intent} raises its fence"
    if step.fence is None:
        return None
    stored = before.intents[step.intent]
    if step.is_send and (step.fence < 1 or stored.fence < step.fence):
        return f"nothing is sent for intent {step.intent} without a durable SENDING before"
    if not step.is_send and stored.fence != step.fence and stored != step.state.intents[step.intent]:
        return f"an owner with an old fence changes nothing of intent {step.intent}"
    return None


def is_at_rest(world: World, state: State) -> bool:
    """Say whether every intent has ended or waits for a person, itself or behind one that does."""
    held = any(record.state is _S.HOLD for record in state.intents)
    return all(_rests(world, state, i, held=held) for i in range(len(state.intents)))


def _rests(world: World, state: State, intent: int, *, held: bool) -> bool:
    kind = state.intents[intent].state
    if kind is None:
        return Draft.of(world, state).admitted(intent) is None
    return kind in ENDED or kind is _S.HOLD or (held and kind is _S.RESERVED)


def has_ended(world: World, state: State) -> bool:
    """Say whether nothing is outstanding at all."""
    return all(
        record.state in ENDED or (record.state is None and Draft.of(world, state).admitted(i) is None)
        for i, record in enumerate(state.intents)
    )
