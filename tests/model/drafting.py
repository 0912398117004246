"""What a draft of an order decides in the model: moves of intents, and all that follows from them before the commit.

It walks the real transition table; a changed edge changes the model or stops it with IllegalTransition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from quittance.domain.errors import Rejected
from quittance.domain.intent import ENDED, MACHINE, IntentState, IntentVerb
from quittance.domain.ledger import FOREIGN, UNATTRIBUTED
from tests.model import books as ledger
from tests.model.state import NOBODY, Books, Change, Plan, Record, State
from tests.model.terms import World

_S, _V = IntentState, IntentVerb
WAITING = (_S.RESERVED, _S.AWAITING_APPROVAL, _S.READY)
ON_THE_WAY = (_S.SENDING, _S.ACCEPTED, _S.UNKNOWN)


def moved(record: Record, verb: IntentVerb, **changes: object) -> Record:
    """The record after one edge of the real table; raises IllegalTransition.

    What only matters in flight is forgotten where the intent is not: the next claim sets it anew.
    """
    if record.state is None:
        raise TypeError("an unborn intent does not move")
    after = record._replace(state=MACHINE.next(record.state, verb), **changes)  # type: ignore[arg-type]
    if after.state in ON_THE_WAY:
        return after
    return after._replace(lease=0, last=0, absent=None, snapshot=() if after.state in ENDED else after.snapshot)


@dataclass(frozen=True, slots=True)
class Draft:
    """An order and its intents as they were read, and as they would be."""

    world: World
    before: tuple[tuple[Record, ...], Books]
    intents: tuple[Record, ...]
    books: Books

    @classmethod
    def of(cls, world: World, state: State) -> Draft:
        """A draft of what is stored."""
        return cls(world, (state.intents, state.books), state.intents, state.books)

    @property
    def money(self) -> tuple[int, tuple[int, ...]]:
        """What was captured and what each intent is about."""
        return self.world.captured, self.world.amounts

    def record(self, intent: int, verb: IntentVerb, **changes: object) -> Draft:
        """Move one intent, and the books with it."""
        draft = self.put(intent, moved(self.intents[intent], verb, **changes))
        match draft.intents[intent].state:
            case _S.READY:
                return replace(draft, books=draft.books._replace(turn=intent))
            case _S.SETTLED:
                return replace(draft, books=draft.settled(intent))
            case _S.DECLINED | _S.CANCELLED:
                return replace(draft, books=ledger.release(draft.known_failed(intent), *draft.money, intent))
            case _:
                return draft

    def known_failed(self, intent: int) -> Books:
        """The books without the effect that the intent names, where it is known to have failed."""
        effect = self.intents[intent].ref
        if not self.world.rules.failed_is_forgotten:
            return self.books
        return self.books._replace(refunds=tuple(known for known in self.books.refunds if known[0] != effect))

    def settled(self, intent: int) -> Books:
        """The claim as the refund that it names; raises Rejected where that one proves another intent."""
        effect = self.intents[intent].ref
        known = self.books
        if not self.world.rules.proof_owned_once:
            freed = tuple((e, FOREIGN if e == effect else owner, minor) for e, owner, minor in known.refunds)
            known = known._replace(refunds=freed)
        return ledger.settle(known, *self.money, intent, effect)

    def put(self, intent: int, record: Record) -> Draft:
        """The draft with one record replaced."""
        intents = (*self.intents[:intent], record, *self.intents[intent + 1 :])
        return replace(self, intents=intents)

    def see(self, state: State) -> Draft:
        """Take the channel's refunds in; hold what is no longer covered."""
        seen = tuple((name, e._replace(owner=0, after=(), age=0)) for name, e in enumerate(state.effects))
        return replace(self, books=ledger.see(self.books, *self.money, seen)).held_on_deficit()

    def attributed(self) -> Draft:
        """Book what nobody owns as foreign."""
        return replace(self, books=ledger.attribute(self.books, *self.money))

    def held_on_deficit(self) -> Draft:
        """Hold every refund that has not left yet while more was paid or promised than was captured."""
        if not self.world.rules.hold_on_deficit or not ledger.deficit(self.books, *self.money):
            return self
        draft = self
        for intent, record in enumerate(self.intents):
            if record.state in WAITING:
                draft = draft.record(intent, _V.HOLD)
        return draft

    def turn_taken(self) -> Draft:
        """Make the oldest waiting refund ready, if none is in flight and none is held."""
        held = any(record.state is _S.HOLD for record in self.intents)
        books = self.books if self.world.rules.single_turn else self.books._replace(turn=NOBODY)
        if self.world.rules.single_turn and (held or books.turn != NOBODY):
            return self
        waiting = tuple(i for i, record in enumerate(self.intents) if record.state is _S.RESERVED)
        turn = ledger.next_turn(books, *self.money, waiting)
        return self if turn == NOBODY else self.record(turn, _V.TAKE_TURN)

    def admitted(self, intent: int) -> Draft | None:
        """Admit an intent with its headroom; None where it cannot be."""
        if self.books.frozen or ledger.deficit(self.books, *self.money):
            return None
        try:
            books = ledger.reserve(self.books, *self.money, intent)
        except Rejected:
            if self.world.rules.headroom:
                return None
            books = self.books._replace(claims=(*self.books.claims, intent))
        return replace(self.put(intent, Record(_S.RESERVED)), books=books)

    def follow(self, why: str) -> Plan | None:
        """The commit of this draft with all that follows; None when nothing changes."""
        draft = self.held_on_deficit().turn_taken()
        old, books = self.before
        pairs = enumerate(zip(old, draft.intents, strict=True))
        changes = tuple(Change(i, before, after) for i, (before, after) in pairs if before != after)
        return Plan(why, changes, (books, draft.books)) if changes or books != draft.books else None

    def has_unattributed(self) -> bool:
        """Say whether a refund is there that may be ours or another's."""
        return any(owner == UNATTRIBUTED for _, owner, _ in self.books.refunds)
