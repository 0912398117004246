"""The ledger: what is free on each payment, line and on shipping is folded from facts and never goes below zero."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.errors import Rejected
from quittance.domain.ids import IntentId
from quittance.domain.ledger import (
    FOREIGN,
    UNATTRIBUTED,
    Amounts,
    Ledger,
    Payment,
    SeenRefund,
    SoldLine,
    allot,
    attribute,
    forget_failed,
    next_turn,
    release,
    reserve,
    see_refunds,
    settle,
)
from tests.support.builders import CAP, CARD, NOW, SHIRT, VOUCHER, after, ledger

FIRST, SECOND = IntentId("intent-1"), IntentId("intent-2")
ONE_SHIRT = Amounts({CARD: 3000}, {SHIRT: (1, 3000)})
TWO_PAYMENTS = {CARD: Payment(6000, "cards", 1), VOUCHER: Payment(2500, "gift", 0)}


def test_a_fresh_ledger_has_everything_free() -> None:
    fresh = ledger()

    assert (fresh.available(CARD), fresh.free_quantity(SHIRT), fresh.free_shipping) == (8500, 2, 500)
    assert (fresh.deficit, fresh.unattributed, fresh.turn) == (0, (), None)


def test_a_claim_holds_money_units_and_shipping() -> None:
    held = reserve(ledger(), FIRST, replace(ONE_SHIRT, shipping=500), NOW)

    assert (held.available(CARD), held.free_quantity(SHIRT), held.free_shipping) == (5500, 1, 0)
    assert held.taken(SHIRT) == (1, 3000)
    assert held.taken(CAP) == (0, 0)


@pytest.mark.parametrize(
    "amounts, field",
    [
        (Amounts({CARD: 8501}), f"payments.{CARD}"),
        (Amounts({CARD: -1}), f"payments.{CARD}"),
        (Amounts({VOUCHER: 1}), f"payments.{VOUCHER}"),
        (Amounts({}, {SHIRT: (3, 1)}), f"lines.{SHIRT}"),
        (Amounts({}, {SHIRT: (-1, 1)}), f"lines.{SHIRT}"),
        (Amounts({}, {"unknown": (1, 1)}), "lines.unknown"),
        (Amounts(shipping=501), "shipping"),
        (Amounts(shipping=-1), "shipping"),
    ],
)
def test_a_claim_above_what_is_free_is_refused_by_name(amounts: Amounts, field: str) -> None:
    with pytest.raises(Rejected, match="OVER_HEADROOM") as refusal:
        reserve(ledger(), FIRST, amounts, NOW)
    assert refusal.value.field == field


def test_the_last_cent_and_the_last_unit_can_be_claimed() -> None:
    held = reserve(ledger(), FIRST, Amounts({CARD: 8500}, {SHIRT: (2, 6000), CAP: (1, 2000)}, 500), NOW)

    assert held.available(CARD) == held.free_shipping == 0
    assert held.free_quantity(SHIRT) == held.free_quantity(CAP) == 0


def test_release_gives_everything_back() -> None:
    held = reserve(ledger(), FIRST, ONE_SHIRT, NOW)

    assert release(held, FIRST) == ledger()


def test_settling_turns_a_claim_into_a_refund_and_frees_nothing() -> None:
    held = replace(reserve(ledger(), FIRST, ONE_SHIRT, NOW), turn=FIRST)

    settled = settle(held, FIRST, "refund-1")

    assert settled.available(CARD) == held.available(CARD)
    assert settled.taken(SHIRT) == held.taken(SHIRT)
    assert settled.refunds == {"refund-1": SeenRefund(FIRST, ONE_SHIRT)}
    assert (settled.claims, settled.turn) == ({}, None)


def test_a_refund_taken_for_foreign_becomes_ours_and_is_counted_once() -> None:
    held = reserve(ledger(), FIRST, ONE_SHIRT, NOW)
    twice = see_refunds(held, {"refund-1": ONE_SHIRT})
    assert twice.available(CARD) == 2500

    settled = settle(twice, FIRST, "refund-1")

    assert settled.available(CARD) == 5500
    assert settled.refunds["refund-1"].owner == FIRST


def test_one_effect_proves_one_intent() -> None:
    both = reserve(reserve(ledger(), FIRST, ONE_SHIRT, NOW), SECOND, ONE_SHIRT, NOW)
    settled = settle(both, FIRST, "refund-1")

    with pytest.raises(Rejected, match="REFUND_OWNED"):
        settle(settled, SECOND, "refund-1")


def test_a_new_refund_is_foreign_while_nothing_of_ours_has_its_turn() -> None:
    seen = see_refunds(ledger(), {"refund-9": ONE_SHIRT})

    assert seen.refunds["refund-9"].owner == FOREIGN
    assert (seen.available(CARD), seen.free_quantity(SHIRT)) == (5500, 1)


def test_a_new_refund_is_unattributed_while_one_of_ours_has_its_turn() -> None:
    held = replace(reserve(ledger(), FIRST, ONE_SHIRT, NOW), turn=FIRST)

    seen = see_refunds(held, {"refund-9": ONE_SHIRT})

    assert seen.unattributed == ("refund-9",)
    assert seen.available(CARD) == 5500


@pytest.mark.parametrize("end", [lambda led: settle(led, FIRST, "refund-1"), lambda led: release(led, FIRST)])
def test_the_end_of_the_last_intent_books_what_nobody_owns_as_foreign(end: object) -> None:
    held = replace(reserve(ledger(), FIRST, ONE_SHIRT, NOW), turn=FIRST)
    seen = see_refunds(held, {"refund-9": ONE_SHIRT})

    ended = end(seen)  # type: ignore[operator]

    assert ended.unattributed == ()
    assert ended.refunds["refund-9"].owner == FOREIGN
    assert ended.turn is None


def test_the_end_of_another_intent_leaves_the_turn_and_the_unattributed_alone() -> None:
    held = replace(reserve(reserve(ledger(), FIRST, ONE_SHIRT, NOW), SECOND, ONE_SHIRT, NOW), turn=FIRST)
    seen = see_refunds(held, {"refund-9": ONE_SHIRT})

    ended = release(seen, SECOND)

    assert (ended.turn, ended.unattributed) == (FIRST, ("refund-9",))


def test_a_refund_of_ours_keeps_what_it_was_settled_with_and_a_foreign_one_follows_the_channel() -> None:
    ours = settle(reserve(ledger(), FIRST, ONE_SHIRT, NOW), FIRST, "refund-1")
    seen = see_refunds(ours, {"refund-1": Amounts({CARD: 1}), "refund-9": Amounts({CARD: 100})})
    grown = see_refunds(seen, {"refund-9": Amounts({CARD: 150})})

    assert grown.refunds["refund-1"].amounts == ONE_SHIRT
    assert grown.available(CARD) == 8500 - 3000 - 150


def test_a_foreign_refund_that_failed_gives_its_headroom_back_and_one_of_ours_does_not() -> None:
    ours = settle(reserve(ledger(), FIRST, ONE_SHIRT, NOW), FIRST, "refund-1")
    seen = see_refunds(ours, {"refund-9": ONE_SHIRT})

    left = forget_failed(seen, frozenset({"refund-1", "refund-9"}))

    assert set(left.refunds) == {"refund-1"}
    assert left.available(CARD) == 5500


def test_more_paid_than_captured_is_a_deficit_and_nothing_is_available() -> None:
    held = reserve(ledger(), FIRST, Amounts({CARD: 8000}), NOW)

    short = see_refunds(held, {"refund-9": ONE_SHIRT})

    assert (short.deficit, short.available(CARD), short.balance(CARD)) == (2500, 0, -2500)


def test_a_surplus_on_one_payment_does_not_hide_a_deficit_on_another() -> None:
    short = see_refunds(ledger(payments=TWO_PAYMENTS), {"refund-9": Amounts({VOUCHER: 2600})})

    assert short.deficit == 100
    assert short.available(CARD) == 6000


def test_an_amount_is_split_over_the_payments_in_the_channels_order() -> None:
    both = ledger(payments=TWO_PAYMENTS)

    assert allot(both, 2000) == {VOUCHER: 2000}
    assert allot(both, 3000) == {VOUCHER: 2500, CARD: 500}
    assert allot(both, 8500) == {VOUCHER: 2500, CARD: 6000}
    with pytest.raises(Rejected, match="8500 of 8501"):
        allot(both, 8501)


def test_the_oldest_waiting_claim_gets_the_turn_and_only_if_nobody_has_it() -> None:
    waiting = reserve(reserve(ledger(), SECOND, ONE_SHIRT, NOW), FIRST, ONE_SHIRT, after(minutes=1))

    assert next_turn(waiting, [FIRST, SECOND]) == SECOND
    assert next_turn(waiting, [FIRST]) == FIRST
    assert next_turn(waiting, []) is None
    assert next_turn(waiting, [IntentId("without-claim")]) is None
    assert next_turn(replace(waiting, turn=FIRST), [SECOND]) is None


MONEY = st.integers(0, 400)
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "release", "see", "turn", "fail"]),
        st.integers(0, 5),
        st.fixed_dictionaries({CARD: MONEY, VOUCHER: MONEY}),
        st.integers(0, 3),
        st.integers(0, 60),
    ),
    max_size=25,
)


def _moved(  # noqa: PLR0911
    books: Ledger, act: str, number: int, amounts: Amounts
) -> Ledger:
    intent = IntentId(f"intent-{number}")
    match act:
        case "reserve" if intent not in books.claims:
            return reserve(books, intent, amounts, NOW + timedelta(seconds=number))
        case "settle" if intent in books.claims:
            return settle(books, intent, f"refund-{number}-{len(books.refunds)}")
        case "release":
            return release(books, intent)
        case "see":
            return see_refunds(books, {f"foreign-{number}": amounts})
        case "fail":
            return forget_failed(books, frozenset({f"foreign-{number}"}))
        case "turn" if intent in books.claims and books.turn is None:
            return replace(books, turn=intent)
        case _:
            return books


@pytest.mark.proves("F097")
@given(MOVES)
def test_no_sequence_of_moves_claims_more_than_is_free(
    moves: list[tuple[str, int, dict[str, int], int, int]],
) -> None:
    books = Ledger(
        payments={CARD: Payment(900, rank=0), VOUCHER: Payment(300, rank=1)},
        lines={SHIRT: SoldLine("SHIRT-M", 4, 1200)},
        shipping=100,
    )
    for act, number, payments, quantity, shipping in moves:
        amounts = Amounts(payments, {SHIRT: (quantity, 0)}, shipping)
        free = {payment: books.balance(payment) for payment in books.payments}
        try:
            after_move = _moved(books, act, number, amounts)
        except Rejected as refusal:
            assert refusal.code == "OVER_HEADROOM"  # noqa: PT017
            assert any(minor > max(0, free[p]) for p, minor in payments.items()) or (
                quantity > books.free_quantity(SHIRT) or shipping > books.free_shipping
            )
            continue
        if act == "reserve" and after_move is not books:
            assert after_move.deficit == books.deficit
            assert all(minor <= max(0, free[p]) for p, minor in payments.items())
            assert quantity <= books.free_quantity(SHIRT)
            assert shipping <= books.free_shipping
        books = after_move
        for payment, paid in books.payments.items():
            claimed = sum(c.amounts.payments.get(payment, 0) for c in books.claims.values())
            known = [s.amounts for s in books.refunds.values() if s.owner != UNATTRIBUTED]
            gone = sum(a.payments.get(payment, 0) for a in known)
            assert books.balance(payment) == paid.captured - claimed - gone
            assert books.available(payment) == max(0, books.balance(payment))
        assert books.deficit == sum(max(0, -books.balance(p)) for p in books.payments)
        assert books.turn is None or books.turn in books.claims


def test_attributing_twice_changes_nothing_more() -> None:
    held = replace(reserve(ledger(), FIRST, ONE_SHIRT, NOW), turn=FIRST)
    once = attribute(see_refunds(held, {"refund-9": ONE_SHIRT}))

    assert attribute(once) == once
