"""The real ledger's functions on the model's hashable books: what they decide is decided by `domain.ledger` itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from quittance.domain import ledger as real
from quittance.domain.ids import IntentId
from tests.model.state import NOBODY, Books, Effect

CARD = "card"
START = datetime(2026, 11, 21, tzinfo=UTC)
Seen = tuple[tuple[int, Effect], ...]


def _amounts(minor: int) -> real.Amounts:
    return real.Amounts({CARD: minor})


def _ledger(books: Books, captured: int, amounts: tuple[int, ...]) -> real.Ledger:
    claims = {
        IntentId(str(i)): real.Claim(_amounts(amounts[i]), START + timedelta(seconds=rank))
        for rank, i in enumerate(books.claims)
    }
    refunds = {str(effect): real.SeenRefund(owner, _amounts(minor)) for effect, owner, minor in books.refunds}
    turn = None if books.turn == NOBODY else IntentId(str(books.turn))
    return real.Ledger({CARD: real.Payment(captured)}, claims=claims, refunds=refunds, turn=turn)


def _books(ledger: real.Ledger, *, frozen: bool) -> Books:
    oldest_first = sorted(ledger.claims, key=lambda i: ledger.claims[i].since)
    refunds = sorted((int(name), seen.owner, seen.amounts.total) for name, seen in ledger.refunds.items())
    turn = NOBODY if ledger.turn is None else int(ledger.turn)
    return Books(tuple(int(i) for i in oldest_first), tuple(refunds), turn, frozen)


@cache
def reserve(books: Books, captured: int, amounts: tuple[int, ...], intent: int) -> Books:
    """Hold headroom; raises Rejected(OVER_HEADROOM)."""
    later = START + timedelta(hours=1)
    held = real.reserve(_ledger(books, captured, amounts), IntentId(str(intent)), _amounts(amounts[intent]), later)
    return _books(held, frozen=books.frozen)


@cache
def release(books: Books, captured: int, amounts: tuple[int, ...], intent: int) -> Books:
    """Give headroom back, and the turn."""
    return _books(real.release(_ledger(books, captured, amounts), IntentId(str(intent))), frozen=books.frozen)


@cache
def settle(books: Books, captured: int, amounts: tuple[int, ...], intent: int, effect: int) -> Books:
    """Turn a claim into the refund that proves it; raises Rejected(REFUND_OWNED)."""
    settled = real.settle(_ledger(books, captured, amounts), IntentId(str(intent)), str(effect))
    return _books(settled, frozen=books.frozen)


@cache
def see(books: Books, captured: int, amounts: tuple[int, ...], effects: Seen) -> Books:
    """Take the channel's refunds in, as `order.read` does: failed ones are forgotten unless they are ours."""
    moved = {str(name): _amounts(effect.amount) for name, effect in effects if effect.status != "failed"}
    failed = frozenset(str(name) for name, effect in effects if effect.status == "failed")
    ledger = real.forget_failed(_ledger(books, captured, amounts), failed)
    return _books(real.see_refunds(ledger, moved), frozen=books.frozen)


@cache
def attribute(books: Books, captured: int, amounts: tuple[int, ...]) -> Books:
    """Book as foreign what nobody owns."""
    return _books(real.attribute(_ledger(books, captured, amounts)), frozen=books.frozen)


@cache
def next_turn(books: Books, captured: int, amounts: tuple[int, ...], waiting: tuple[int, ...]) -> int:
    """Whose turn it is, or NOBODY's."""
    found = real.next_turn(_ledger(books, captured, amounts), [IntentId(str(i)) for i in waiting])
    return NOBODY if found is None else int(found)


@cache
def balance(books: Books, captured: int, amounts: tuple[int, ...]) -> int:
    """Captured less foreign, claimed and settled; below zero where others paid too much."""
    return _ledger(books, captured, amounts).balance(CARD)


@cache
def deficit(books: Books, captured: int, amounts: tuple[int, ...]) -> int:
    """By how much more was paid back or promised than was captured."""
    return _ledger(books, captured, amounts).deficit
