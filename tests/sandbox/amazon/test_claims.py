"""Claims: silence loses, an answer in time keeps the claim open, the seller pays only when found at fault."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.sandbox.amazon.world import World


def test_silence_until_the_deadline_loses_the_claim(world: World) -> None:
    order = world.shipped_order()
    claim = world.amazon.buyers.open_claim(order)
    world.wait(days=2, hours=23, minutes=59)
    assert world.amazon.books().claims[claim.id].state == "OPENED"
    world.wait(minutes=2)

    assert world.amazon.books().claims[claim.id].state == "GRANTED"
    assert world.amazon.money()[order].claimed == 6000


def test_an_answer_in_time_keeps_it_open_and_a_late_one_is_refused(world: World) -> None:
    first = world.amazon.buyers.open_claim(world.shipped_order())
    world.wait(days=2, hours=23)
    world.amazon.staff.answer_claim(first.id)
    world.wait(days=7)
    assert world.amazon.books().claims[first.id].state == "REPRESENTED"
    world.amazon.amazon.ask_about_claim(first.id, within=timedelta(hours=48))
    world.wait(hours=49)

    assert world.amazon.books().claims[first.id].state == "GRANTED"
    with pytest.raises(ValueError, match="GRANTED"):
        world.amazon.staff.answer_claim(first.id)


def test_a_denied_claim_costs_nothing_and_a_funded_one_neither(world: World) -> None:
    orders = [world.shipped_order() for _ in range(2)]
    claims = [world.amazon.buyers.open_claim(order) for order in orders]
    world.amazon.amazon.decide_claim(claims[0].id, granted=False)
    world.amazon.amazon.decide_claim(claims[1].id, granted=True, on_seller=False)
    world.wait(minutes=1)

    assert [world.amazon.money()[order].kept for order in orders] == [6000, 6000]
    assert len(world.mails_of("A_Z_CLAIM_RESPONDENT_CLOSE")) == 2


def test_a_claim_takes_no_more_than_refunds_have_left(world: World) -> None:
    order = world.shipped_order()
    claim = world.amazon.buyers.open_claim(order)
    world.amazon.staff.refund(order, "CANDLE", "45.00")
    world.amazon.amazon.decide_claim(claim.id, granted=True)

    money = world.amazon.money()[order]
    assert (money.refunded, money.claimed, money.kept) == (4500, 1500, 0)


def test_appeals_are_open_for_thirty_days(world: World) -> None:
    claims = [world.amazon.buyers.open_claim(world.shipped_order()) for _ in range(2)]
    world.wait(days=3, minutes=1)
    world.amazon.staff.appeal_claim(claims[0].id)
    world.wait(days=31)

    assert world.amazon.books().claims[claims[0].id].state == "APPEALED"
    with pytest.raises(ValueError, match="cannot be appealed"):
        world.amazon.staff.appeal_claim(claims[1].id)


def test_a_withdrawn_claim_is_over(world: World) -> None:
    order = world.shipped_order()
    claim = world.amazon.buyers.open_claim(order)
    world.amazon.buyers.withdraw_claim(claim.id)
    world.wait(days=4)

    assert world.amazon.money()[order].claimed == 0


def test_safe_t_is_for_what_amazon_refunded_and_no_granted_claim(world: World) -> None:
    order = world.shipped_order()
    rma = world.amazon.buyers.request_return(order, {"CANDLE": 1}, first_scan=True)[0].rma
    with pytest.raises(ValueError, match="has not refunded"):
        world.amazon.staff.file_safe_t(rma, "20.00")
    world.amazon.carriers.scan_return(rma)
    world.wait(days=31)
    with pytest.raises(ValueError, match="more than 30 days"):
        world.amazon.staff.file_safe_t(rma, "20.00")
    claim = world.amazon.buyers.open_claim(order, "1.00")
    world.amazon.amazon.decide_claim(claim.id, granted=True)
    with pytest.raises(ValueError, match="SAFE-T is closed"):
        world.amazon.staff.file_safe_t(rma, "20.00")


def test_more_than_was_shipped_cannot_be_returned(world: World) -> None:
    order = world.shipped_order()
    world.amazon.buyers.request_return(order, {"CANDLE": 2})

    with pytest.raises(ValueError, match="only 1 of CANDLE"):
        world.amazon.buyers.request_return(order, {"CANDLE": 2})
    with pytest.raises(ValueError, match="nothing to authorise"):
        world.amazon.staff.authorise_return(world.amazon.books().returns_of(order)[0].rma)


def test_what_nobody_has_is_named(world: World) -> None:
    for act in (world.amazon.carriers.scan_return, world.amazon.staff.appeal_claim, world.amazon.carriers.deliver):
        with pytest.raises(KeyError, match="no seller has"):
            act("unknown")
