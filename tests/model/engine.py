"""One step of an intent as `application.advance_intent` takes it: what a worker decides from what it reads.

Mirrors send_intent, look_back and intent_step decision by decision; what it decides becomes a Plan or a Finish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Literal

from quittance.domain.ids import CaseId, IntentId, OrderId
from quittance.domain.intent import Act, Attempt, Intent, IntentState, IntentVerb, ReplayGuard, look_from
from quittance.domain.ledger import FOREIGN, UNATTRIBUTED
from tests.model.books import START
from tests.model.drafting import Draft, moved
from tests.model.state import NOBODY, Change, Effect, Finish, Plan, Record, State
from tests.model.terms import LIFETIME, MARGIN, World

_S, _V = IntentState, IntentVerb
MANY_SENDS = 3
_TICK = timedelta(seconds=1)
_ANY = Intent(
    IntentId("i"), CaseId("c"), "any", "any", "any", OrderId("o"), "r", Act.REFUND, _S.UNKNOWN, "EUR",
    START - timedelta(days=1), "rule", "return", "refund@1",
)  # fmt: skip
Sighting = int | Literal["absent", "ambiguous"]


@cache
def opens_in(lease: int, last: int, horizon: int) -> int:
    """Ticks until absence means anything, by the real `look_from`."""
    attempt = Attempt(lease_until=START + lease * _TICK, last_sent_at=START + last * _TICK)
    unknown = Intent(**{name: getattr(_ANY, name) for name in Intent.__slots__} | {"attempt": attempt})
    return (look_from(unknown, horizon * _TICK) - START) // _TICK


def advance(world: World, state: State, intent: int) -> Plan | Finish | None:
    """What a worker that is woken for this intent is about to do; None when there is nothing to do now."""
    decide = _ADVANCE.get(state.intents[intent].state)
    return None if decide is None else decide(world, state, intent)


def _admit(world: World, state: State, intent: int) -> Plan | None:
    draft = Draft.of(world, state).admitted(intent)
    return None if draft is None else draft.follow("admit")


def _remind(world: World, state: State, _intent: int) -> Plan | None:
    return Draft.of(world, state).turn_taken().follow("take turn")


def observe(world: World, state: State) -> Plan | None:
    """What a hint leads to: the order is read, and nothing is looked back for."""
    return Draft.of(world, state).see(state).follow("observe")


def hold(draft: Draft, intent: int, why: str, *, freeze: bool = False) -> Plan | None:
    """The commit that leaves an intent to a person."""
    held = draft.record(intent, _V.HOLD)
    books = held.books._replace(frozen=held.books.frozen or freeze)
    return Draft(held.world, held.before, held.intents, books).follow(f"hold: {why}")


def alone(record: Record, after: Record, intent: int, why: str, *, sends: bool = False) -> Plan:
    """The commit of one intent without its order."""
    return Plan(why, (Change(intent, record, after),), None, sends)


def _ready(world: World, state: State, intent: int) -> Plan | None:
    """Read, compare, claim."""
    stored, record = Draft.of(world, state), state.intents[intent]
    draft = stored.see(state)
    if not record.sends and stored.books.turn in (NOBODY, intent):
        draft = draft.attributed()
    if draft.intents[intent].state is not _S.READY:
        return draft.follow("hold what is not covered")
    if draft.has_unattributed() and world.rules.late_effect_holds:
        return hold(stored, intent, "late effect seen")
    if draft.books.frozen or _differs(world, state, intent):
        return draft.record(intent, _V.CANCEL).follow("cancel: differs")
    if draft.books != stored.books:
        return draft.follow("take the reading in")
    known = tuple(range(len(state.effects))) if world.rules.snapshot_excluded else ()
    claimed = moved(record, _V.CLAIM, fence=record.fence + 1, lease=world.lease, last=0, snapshot=known, absent=None)
    if world.rules.claim_counts_as_send:
        claimed = claimed._replace(**counted(world, record))
    if not world.rules.claim_before_send:
        return alone(record, record, intent, "skip the claim", sends=True)
    return alone(record, claimed, intent, "claim", sends=True)


def _differs(world: World, state: State, intent: int) -> bool:
    """Say whether the channel would pay something else; one that does not check always agrees."""
    paid = sum(effect.amount for effect in state.effects if effect.status != "failed")
    return world.checks and world.captured - paid < world.amounts[intent]


def _end_lease(world: World, state: State, intent: int) -> Plan | None:
    record = state.intents[intent]
    if world.rules.lease_is_respected and record.lease > 0:
        return None
    return lose(record, intent, fence=record.fence + 1)


def counted(world: World, record: Record) -> dict[str, Any]:
    """One send more, whatever comes of it."""
    first = 0 if record.first is None else record.first
    return {"sends": min(record.sends + 1, MANY_SENDS), "first": first if world.is_keyed else None}


def unsent(world: World, record: Record, intent: int) -> Plan:
    """It is certain that nothing has left, so that the claim was no send."""
    sends = record.sends - 1 if world.rules.claim_counts_as_send else record.sends
    back = moved(record, _V.UNSENT, sends=sends, first=record.first if sends else None)
    return alone(record, back, intent, "proven unsent")


def lose(record: Record, intent: int, **attempt: Any) -> Plan:
    """Nobody knows what came of the send."""
    return alone(record, moved(record, _V.LOSE, **attempt), intent, "outcome unknown")


def _unknown(world: World, state: State, intent: int) -> Plan | Finish | None:
    record = state.intents[intent]
    if opens_in(record.lease, record.last, world.horizon) > 0:
        return None
    sighting = look_back(world, state, intent) if world.rules.look_back_before_resend else "absent"
    match sighting:
        case "absent":
            return _absent(world, state, intent)
        case "ambiguous":
            return hold(Draft.of(world, state), intent, "more than one effect", freeze=True)
        case effect:
            return _found(state, intent, effect)


def _found(state: State, intent: int, effect: int) -> Finish | None:
    verdicts = {"moved": "settle", "failed": "decline"}
    verdict = verdicts.get(state.effects[effect].status)
    return None if verdict is None else Finish(intent, state.intents[intent], verdict, effect)


def _look_for_effect(world: World, state: State, intent: int) -> Plan | Finish | None:
    record = state.intents[intent]
    if world.rules.unsent_is_not_looked_for and not record.sends:
        return None
    match look_back(world, state, intent):
        case "absent":
            return lose(record, intent) if record.state is _S.ACCEPTED else None
        case "ambiguous":
            return None
        case effect if record.state is _S.HOLD and state.effects[effect].status != "moved":
            return None
        case effect:
            return _found(state, intent, effect)


def look_back(world: World, state: State, intent: int) -> Sighting:
    """The one effect that fits and is neither older than the claim nor another's; a marked one before any other."""
    record = state.intents[intent]
    if record.ref != NOBODY:
        return record.ref
    before = set(record.snapshot) | (_owned(state) if world.rules.owned_excluded else set())
    new = [(name, effect) for name, effect in enumerate(state.effects) if name not in before]
    marked = [(name, e) for name, e in new if world.marks and e.owner == intent]
    rest = [(name, e) for name, e in new if not world.marks or e.owner < 0]
    fitting = [name for name, e in marked or rest if _fits(world, e, intent)]
    if not fitting:
        return "absent"
    return fitting[0] if len(fitting) == 1 else "ambiguous"


def _owned(state: State) -> set[int]:
    return {effect for effect, owner, _ in state.books.refunds if owner not in (FOREIGN, UNATTRIBUTED)}


def _fits(world: World, effect: Effect, intent: int) -> bool:
    return effect.amount == world.amounts[intent]


def _absent(world: World, state: State, intent: int) -> Plan | None:
    """Read whole and not there: what may follow is the replay guard's to say."""
    record = state.intents[intent]
    if not world.rules.guard_before_resend or not world.rules.look_back_before_resend:
        return _resend(record, intent)
    if world.guard is ReplayGuard.KEYED:
        age = -(record.born if record.first is None else record.first)
        is_young = age < LIFETIME - MARGIN
        return _resend(record, intent) if is_young else hold(Draft.of(world, state), intent, "key too old")
    if record.absent is None:
        return alone(record, record._replace(absent=0), intent, "absent once")
    if -record.absent < world.horizon:
        return None
    if world.guard is ReplayGuard.QUANTITY and record.sends <= 1:
        return _resend(record, intent)
    return hold(Draft.of(world, state), intent, "absent without guard")


def _resend(record: Record, intent: int) -> Plan:
    return alone(record, moved(record, _V.ABSENT), intent, "absence proven")


_ADVANCE: Mapping[IntentState | None, Callable[[World, State, int], Plan | Finish | None]] = {
    None: _admit,
    _S.RESERVED: _remind,
    _S.READY: _ready,
    _S.SENDING: _end_lease,
    _S.UNKNOWN: _unknown,
    _S.ACCEPTED: _look_for_effect,
    _S.HOLD: _look_for_effect,
}
