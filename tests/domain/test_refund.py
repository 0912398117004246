"""A refund is owed once its gate is open: to the cent, once, within headroom, and by a person above the tier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain import decide_return, refund
from quittance.domain.account import Mode
from quittance.domain.draft import Draft
from quittance.domain.errors import Rejected
from quittance.domain.events import IntentMoved, Resolution, ReturnAuthorised, UnitsResolved
from quittance.domain.intent import Components, IntentState, IntentVerb
from quittance.domain.ledger import Payment, SoldLine
from quittance.domain.money import Money
from quittance.domain.policy import Gate, Policy, RefundWhen
from tests.support.builders import (
    CAP,
    CAPS,
    CARD,
    NOW,
    SHIRT,
    SHIRTS,
    VOUCHER,
    after,
    authorised,
    committed,
    line_reading,
    order_reading,
    policy,
    receipt,
    refund_reading,
    refunds,
    return_reading,
    units,
)

LAWLESS: dict[str, Any] = {"withdrawals": ()}


def accept(draft: Draft, resolution: Resolution = Resolution.ACCEPT, adjustment: int = 0, **quantities: int) -> Draft:
    """Goods are here and decided; `shirts` and `caps` are how many."""
    found = {SHIRTS: quantities.get("shirts", 0), CAPS: quantities.get("caps", 0)}
    wanted = tuple((key, quantity) for key, quantity in found.items() if quantity)
    lines = dict(draft.body.lines)
    if resolution is not Resolution.KEEP:
        for key, quantity in wanted:
            lines[key] = replace(lines[key], received=lines[key].received + quantity)
    body = replace(draft.body, lines=lines, received_at=NOW)
    draft = replace(draft, case=replace(draft.case, body=body))
    adjusted = ((wanted[0][0], adjustment),) if adjustment else ()
    return draft.record(UnitsResolved(resolution, wanted, "agent", "rule", "checked", adjusted))


def admitted(draft: Draft, rules: Policy) -> Draft:
    return refund.admit(draft, rules, "rule")


def settled(draft: Draft) -> Draft:
    """The refund that has its turn is sent and settled."""
    turn = draft.ordered.ledger.turn
    assert turn is not None
    for verb, reference in ((IntentVerb.CLAIM, ""), (IntentVerb.SETTLE, f"refund-{turn}")):
        draft = draft.record(IntentMoved(turn, verb, "channel", "", reference))
    return draft


def components(draft: Draft, rules: Policy) -> Components:
    (found,) = refunds(admitted(draft, rules))
    return found.components


@pytest.mark.proves("F096")
def test_a_whole_order_is_paid_back_with_tax_and_outbound_shipping() -> None:
    done = admitted(accept(authorised(), shirts=2, caps=1), policy())

    (found,) = refunds(done)
    assert found.components == Components(goods=8000, shipping=500)
    assert found.payments == {CARD: 8500}
    assert done.ordered.ledger.available(CARD) == 0


@pytest.mark.proves("F097", "F100")
def test_a_part_of_a_line_is_paid_by_its_units_with_reason_and_quantity() -> None:
    (found,) = refunds(admitted(accept(authorised(), shirts=1), policy()))

    assert found.components == Components(goods=3000)
    assert found.quantities() == {SHIRTS: 1}
    assert found.reason == "SIZE_TOO_SMALL"
    assert found.rule == "law@1:eu_withdrawal"


@pytest.mark.proves("F082", "F094")
def test_a_refund_that_is_owed_becomes_ready_in_the_same_commit() -> None:
    done = admitted(accept(authorised(), shirts=1), policy())

    (found,) = refunds(done)
    assert (found.state, found.due) == (IntentState.READY, after(seconds=60))
    assert done.ordered.ledger.turn == found.id
    assert done.body.lines[SHIRTS].paying == 1


def test_a_discount_is_in_the_lines_total_and_no_cent_of_it_is_lost() -> None:
    lines = {SHIRT: SoldLine("SHIRT-M", 3, 1000), CAP: SoldLine("CAP-1", 1, 0)}
    reading = order_reading(lines=lines, shipping=0, payments={CARD: Payment(1000)})
    draft = authorised(return_reading(shirts=3, caps=0), ordered=reading)
    for _ in range(3):
        draft = settled(admitted(accept(draft, shirts=1), policy()))
        draft = committed(draft)

    assert [found.total for found in sorted(refunds(draft), key=lambda i: i.total)] == [333, 333, 334]
    assert draft.ordered.ledger.available(CARD) == 0


def test_outbound_shipping_is_paid_once_with_the_last_withdrawn_line_and_only_by_law() -> None:
    first = committed(settled(admitted(accept(authorised(), shirts=2), policy())))
    assert refunds(first)[0].components.shipping == 0

    last = admitted(accept(first, caps=1), policy())
    assert sorted(found.components.shipping for found in refunds(last)) == [0, 500]

    assert components(accept(authorised(), shirts=2, caps=1), policy(**LAWLESS)) == Components(goods=8000)


def test_shipping_that_somebody_paid_back_already_is_not_paid_again() -> None:
    seen = refund_reading("gid://shopify/Refund/9", 500)
    reading = order_reading(refunds=(replace(seen, amounts=replace(seen.amounts, lines={}, shipping=500)),))
    draft = accept(authorised(ordered=reading), shirts=2, caps=1)

    assert components(draft, policy()) == Components(goods=8000)


@pytest.mark.proves("F020")
@pytest.mark.parametrize(
    "percent, reason, law, fee",
    [(10, "SIZE_TOO_SMALL", False, 300), (10, "DEFECTIVE", False, 0), (10, "SIZE_TOO_SMALL", True, 0)],
)
def test_a_restocking_fee_is_taken_neither_by_law_nor_where_the_seller_is_at_fault(
    percent: int, reason: str, law: bool, fee: int
) -> None:
    line = line_reading(SHIRTS, SHIRT, "SHIRT-M", 2, reason=reason)
    draft = accept(authorised(return_reading(lines={SHIRTS: line})), shirts=1)
    rules = policy(fee_percent=percent) if law else policy(fee_percent=percent, **LAWLESS)

    assert components(draft, rules).fee == fee


@pytest.mark.proves("F020")
@given(st.integers(1, 10_000), st.integers(0, 99))
def test_a_fee_is_a_share_in_whole_cents_and_never_above_the_price(total: int, percent: int) -> None:
    lines = {SHIRT: SoldLine("SHIRT-M", 1, total)}
    reading = order_reading(lines=lines, shipping=0, payments={CARD: Payment(total)})
    draft = accept(authorised(return_reading(shirts=1, caps=0), ordered=reading), shirts=1)

    done = admitted(draft, policy(fee_percent=percent, **LAWLESS))

    fees = [found.components.fee for found in refunds(done)]
    assert all(0 <= fee <= total for fee in fees)
    assert all(abs(100 * fee - total * percent) <= 50 for fee in fees)


def test_a_refund_is_split_over_the_payments_in_the_channels_order() -> None:
    payments = {CARD: Payment(6000, "cards", 1), VOUCHER: Payment(2500, "gift", 0)}
    draft = accept(authorised(ordered=order_reading(payments=payments)), shirts=1)

    (found,) = refunds(admitted(draft, policy()))

    assert found.payments == {VOUCHER: 2500, CARD: 500}


@pytest.mark.parametrize(
    "limit, state",
    [
        (Money(3000, "EUR"), IntentState.READY),
        (Money(2999, "EUR"), IntentState.AWAITING_APPROVAL),
        (Money(999_999, "USD"), IntentState.AWAITING_APPROVAL),
    ],
)
def test_above_the_merchants_tier_a_person_has_to_agree(limit: Money, state: IntentState) -> None:
    done = admitted(accept(authorised(), shirts=1), policy(refund_alone_up_to=limit))

    assert refunds(done)[0].state is state
    assert done.ordered.ledger.available(CARD) == 5500
    assert (done.ordered.ledger.turn is None) is (state is IntentState.AWAITING_APPROVAL)


def test_one_refund_of_an_order_is_in_flight_at_a_time_and_the_oldest_waits_first() -> None:
    one = committed(admitted(accept(authorised(), shirts=1), policy()), after(minutes=1))
    two = committed(admitted(accept(one, shirts=1), policy()), after(minutes=2))
    three = committed(admitted(accept(two, caps=1), policy()))
    assert [found.state.value for found in refunds(three)] == ["READY", "RESERVED", "RESERVED"]

    ended = refund.take_turn(settled(three))

    assert [found.state.value for found in refunds(ended)] == ["SETTLED", "READY", "RESERVED"]


def test_a_held_refund_blocks_every_other_of_the_order() -> None:
    one = committed(admitted(accept(authorised(), shirts=1), policy()), after(minutes=1))
    turn = one.ordered.ledger.turn
    held = one.record(IntentMoved(str(turn), IntentVerb.HOLD, "rule", "deficit"))

    two = admitted(accept(held, shirts=1), policy())

    assert [found.state.value for found in refunds(two)] == ["HOLD", "RESERVED"]
    assert refund.is_busy(two)


def test_a_refund_held_before_it_had_its_turn_blocks_the_others_too() -> None:
    one = committed(admitted(accept(authorised(), shirts=1), policy(refund_alone_up_to=Money(0, "EUR"))))
    held = one.record(IntentMoved(refunds(one)[0].id, IntentVerb.HOLD, "rule", "deficit"))
    assert held.ordered.ledger.turn is None

    two = admitted(accept(held, caps=1), policy())

    assert sorted(found.state.value for found in refunds(two)) == ["HOLD", "RESERVED"]


@pytest.mark.proves("F075")
@pytest.mark.parametrize("gate", Gate)
@pytest.mark.parametrize("sent", [False, True])
def test_money_goes_out_before_the_goods_only_where_the_gate_says_so(gate: Gate, sent: bool) -> None:
    reading = return_reading(sent_at=NOW if sent else None)
    draft = authorised(reading)

    done = admitted(draft, policy(refund_gate=gate))

    opens = gate is Gate.AUTHORISED or (gate is Gate.SENT and sent)
    assert [found.total for found in refunds(done)] == ([8500] if opens else [])


def test_units_paid_in_advance_are_not_paid_again_when_they_arrive() -> None:
    rules = policy(refund_gate=Gate.AUTHORISED)
    paid = committed(settled(admitted(authorised(), rules)))

    done = decide_return.follow_up(decide_return.receive(paid, receipt("p", units(quantity=2)), rules), rules)

    assert len(refunds(done)) == 1
    assert done.body.lines[SHIRTS].payable == 0


def test_units_paid_in_advance_are_not_paid_again_where_more_of_them_were_sold() -> None:
    rules = policy(refund_gate=Gate.AUTHORISED)
    reading = order_reading(lines={SHIRT: SoldLine("SHIRT-M", 5, 8000)})
    ready = admitted(authorised(return_reading(caps=0), ordered=reading), rules)

    assert admitted(committed(ready), rules) == committed(ready)
    paid = committed(settled(ready))
    assert admitted(paid, rules) == paid


def test_units_rejected_before_an_early_gate_opens_are_not_paid() -> None:
    draft = accept(authorised(), Resolution.REJECT, shirts=2)

    (found,) = refunds(admitted(draft, policy(refund_gate=Gate.AUTHORISED)))

    assert found.quantities() == {CAPS: 1}


@pytest.mark.proves("F074", "F139")
def test_units_the_buyer_keeps_are_paid_without_a_receipt() -> None:
    (found,) = refunds(admitted(accept(authorised(), Resolution.KEEP, shirts=1), policy()))

    assert found.quantities() == {SHIRTS: 1}


@pytest.mark.proves("F136", "F137", "F138")
@pytest.mark.parametrize("resolution", [Resolution.REJECT, Resolution.EXCHANGE, Resolution.REPAIR])
def test_units_rejected_exchanged_or_repaired_are_not_paid(resolution: Resolution) -> None:
    assert refunds(admitted(accept(authorised(), resolution, shirts=2, caps=1), policy())) == []


def test_all_at_once_waits_for_the_last_unit_to_be_received_and_decided() -> None:
    rules = policy(refund_when=RefundWhen.ALL_RECEIVED)
    some = accept(authorised(), shirts=2)
    assert refunds(admitted(some, rules)) == []

    here = replace(some.body.lines[CAPS], received=1)
    lines = {**some.body.lines, CAPS: here}
    undecided = replace(some, case=replace(some.case, body=replace(some.body, lines=lines)))
    assert refunds(admitted(undecided, rules)) == []

    (found,) = refunds(admitted(accept(some, caps=1), rules))
    assert found.total == 8500


def test_an_observing_account_decides_nothing() -> None:
    draft = accept(authorised(mode=Mode.OBSERVE), shirts=1)

    assert admitted(draft, policy()) == draft


def test_in_shadow_a_decision_is_written_once_and_reserves_nothing() -> None:
    draft = accept(authorised(mode=Mode.SHADOW), shirts=1)

    once = committed(admitted(draft, policy()))
    twice = admitted(once, policy())

    (found,) = refunds(once)
    assert (found.state, found.total, found.due) == (IntentState.SHADOWED, 3000, None)
    assert once.ordered.ledger == draft.ordered.ledger
    assert once.body.open_intents == {}
    assert twice == once


def test_a_shadow_decision_covers_its_own_units_and_no_others() -> None:
    once = committed(admitted(accept(authorised(mode=Mode.SHADOW), shirts=1), policy()))

    twice = admitted(accept(once, shirts=1, caps=1), policy())

    assert sorted(found.components.goods for found in refunds(twice)) == [3000, 5000]


@pytest.mark.parametrize(
    "blocked",
    [{"disputes": frozenset({"dispute-1"})}, {"frozen": "more_than_one_effect"}],
)
def test_an_open_dispute_or_a_frozen_order_blocks_the_refund_and_tells_a_person(blocked: dict[str, Any]) -> None:
    draft = accept(authorised(), shirts=1)
    stopped = admitted(replace(draft, order=replace(draft.ordered, **blocked)), policy())

    assert refunds(stopped) == []
    assert stopped.case.marks == {"refund_blocked"}

    freed = admitted(replace(stopped, order=draft.order), policy())
    assert len(refunds(freed)) == 1
    assert freed.case.marks == frozenset()


def test_a_dispute_marks_nothing_while_nothing_is_owed() -> None:
    draft = authorised(ordered=order_reading(disputes=frozenset({"dispute-1"})))

    assert admitted(draft, policy()) == draft


def test_nothing_is_promised_on_an_order_in_deficit() -> None:
    payments = {CARD: Payment(8000, rank=0), VOUCHER: Payment(5000, rank=1)}
    reading = order_reading(payments=payments, refunds=(refund_reading(minor=8100),))
    draft = accept(authorised(ordered=reading), caps=1)

    assert draft.ordered.ledger.deficit == 100
    assert refunds(admitted(draft, policy())) == []


def test_more_units_or_money_than_are_left_mark_the_case_and_leave_the_books() -> None:
    other = refund_reading(minor=8000)
    paid = order_reading(refunds=(replace(other, amounts=replace(other.amounts, lines={})),))
    draft = accept(authorised(ordered=paid), shirts=1)

    marked = admitted(draft, policy())

    assert marked.case.marks == {"refund_refused:OVER_HEADROOM"}
    assert marked.ordered.ledger == draft.ordered.ledger
    assert admitted(marked, policy()) == marked


def test_units_that_others_have_refunded_are_not_left_to_refund() -> None:
    other = refund_reading()
    gone = replace(other, amounts=replace(other.amounts, lines={SHIRT: (2, 100)}))
    draft = accept(authorised(ordered=order_reading(refunds=(gone,))), shirts=1)

    assert admitted(draft, policy()).case.marks == {"refund_refused:OVER_HEADROOM"}


def test_a_line_never_comes_to_more_than_others_have_left_of_it() -> None:
    draft = accept(authorised(ordered=order_reading(refunds=(refund_reading(minor=5500),))), shirts=1)

    assert components(draft, policy()).goods == 500


def test_a_line_the_order_does_not_have_is_for_a_person() -> None:
    strange = return_reading(lines={SHIRTS: line_reading(SHIRTS, "gid://shopify/LineItem/99", "SHIRT-M", 1)})

    assert admitted(accept(authorised(strange), shirts=1), policy()).case.marks == {"refund_refused:UNKNOWN_LINE"}


def test_units_that_come_to_nothing_are_for_a_person_and_go_along_with_others_that_do_not() -> None:
    lines = {SHIRT: SoldLine("SHIRT-M", 2, 6000), CAP: SoldLine("CAP-1", 1, 0)}
    draft = authorised(ordered=order_reading(lines=lines, shipping=0))

    alone = admitted(accept(draft, caps=1), policy())
    assert alone.case.marks == {"refund_refused:ZERO_REFUND"}

    both = admitted(accept(alone, shirts=1), policy())
    assert refunds(both)[0].quantities() == {SHIRTS: 1, CAPS: 1}
    assert both.case.marks == frozenset()


def test_an_adjustment_goes_with_one_refund_and_comes_back_when_that_had_no_effect() -> None:
    rules = policy(refund_alone_up_to=Money(0, "EUR"))
    draft = admitted(accept(authorised(), shirts=1, adjustment=-700), rules)
    (first,) = refunds(draft)
    assert (first.total, draft.body.lines[SHIRTS].adjustment) == (2300, 0)

    refused = draft.record(IntentMoved(first.id, IntentVerb.CANCEL, "approver", "differs"))

    assert refused.body.lines[SHIRTS].adjustment == -700
    assert refused.body.lines[SHIRTS].payable == 1
    again = admitted(committed(refused), rules)
    assert [found.total for found in refunds(again)] == [2300, 2300]


@pytest.mark.parametrize("mark", ["refund:amount_differs", "refund_refused:BY_APPROVER"])
def test_after_a_refusal_only_a_person_frees_the_next_refund(mark: str) -> None:
    draft = accept(authorised(), shirts=1).marked(mark)

    assert admitted(draft, policy()) == draft
    assert len(refunds(admitted(draft.unmarked(mark), policy()))) == 1


def test_a_declined_refund_frees_its_headroom_and_its_units() -> None:
    draft = admitted(accept(authorised(), shirts=1), policy())
    turn = str(draft.ordered.ledger.turn)
    for verb in (IntentVerb.CLAIM, IntentVerb.DECLINE):
        draft = draft.record(IntentMoved(turn, verb, "channel", "refused"))

    assert (draft.ordered.ledger.available(CARD), draft.ordered.ledger.turn) == (8500, None)
    assert (draft.body.lines[SHIRTS].paying, draft.body.lines[SHIRTS].payable) == (0, 1)
    assert draft.body.open_intents == {}


def test_a_reversed_refund_gives_no_headroom_back() -> None:
    done = settled(admitted(accept(authorised(), shirts=1), policy()))
    (found,) = refunds(done)

    back = done.record(IntentMoved(found.id, IntentVerb.REVERSE, "channel", "transaction_failed"))

    assert back.ordered.ledger.available(CARD) == 5500


@pytest.mark.proves("F096", "F097")
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.booleans()), max_size=6),
    st.integers(0, 9000),
    st.integers(0, 9000),
)
def test_partial_refunds_never_exceed_what_was_captured(
    parts: list[tuple[int, int, bool]], captured: int, foreign: int
) -> None:
    reading = order_reading(payments={CARD: Payment(captured)}, refunds=(refund_reading(minor=min(foreign, captured)),))
    draft = authorised(ordered=reading)
    for shirts, caps, ends in parts:
        room = draft.body.lines
        shirts = min(shirts, room[SHIRTS].outstanding)  # noqa: PLW2901
        caps = min(caps, room[CAPS].outstanding)  # noqa: PLW2901
        draft = committed(admitted(accept(draft, shirts=shirts, caps=caps), policy()))
        if ends and draft.ordered.ledger.turn is not None:
            draft = committed(refund.take_turn(settled(draft)))

    promised = sum(found.total for found in refunds(draft))
    assert promised + min(foreign, captured) <= captured
    assert draft.ordered.ledger.deficit == 0
    assert all(found.quantities() and found.reason for found in refunds(draft))


def test_a_refund_is_quoted_without_changing_anything() -> None:
    draft = accept(authorised(), shirts=1)

    quoted = refund.quote(draft, policy())

    assert quoted is not None
    assert (quoted.components.total, quoted.currency) == (3000, "EUR")
    assert refund.quote(authorised(), policy()) is None


def test_a_quote_above_the_headroom_says_what_is_left() -> None:
    draft = accept(authorised(ordered=order_reading(payments={CARD: Payment(2000)})), shirts=1)

    with pytest.raises(Rejected, match="2000 of 3000"):
        refund.quote(draft, policy())


def test_an_authorisation_opens_the_gate_only_once() -> None:
    draft = authorised()
    again = draft.record(ReturnAuthorised("channel", after(days=1)))

    assert again.body.authorised_at == draft.body.authorised_at
