"""An act that others carry out is decided and shown here, never admitted; what they do is an observation."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from quittance.application.show_case import show_case
from quittance.domain.bounds import Bounds, Owner
from quittance.domain.command import CommandName
from quittance.domain.intent import Act, IntentState
from quittance.domain.money import Money
from quittance.domain.observations import ChannelStatus, ReturnLineReading
from quittance.domain.policy import DecidedBy
from quittance.domain.values import replace
from tests.support import builders as b
from tests.support.workbench import Workbench

S = IntentState
N = CommandName
OTHERS = dict.fromkeys(Act, Owner.OTHER)


def routed(bench: Workbench, owners: Mapping[Act, Owner]) -> Workbench:
    bench.policies.policy = replace(bench.policies.policy, bounds=Bounds(owners=owners))
    return bench


def colleague_pays(bench: Workbench, units: int = 1) -> None:
    """Other hands refund units of the return at the channel."""
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 3000 * units)
    lines = bench.shop.returns[b.RETURN].lines
    paid: dict[str, ReturnLineReading] = {**lines, b.SHIRTS: replace(lines[b.SHIRTS], refunded=units)}
    bench.shop_return(lines=paid)


@pytest.mark.parametrize("owner", [Owner.OTHER, Owner.OBSERVE])
def test_a_refund_that_others_make_is_shown_with_its_amount_and_never_admitted(owner: Owner) -> None:
    bench = routed(Workbench(), {Act.REFUND: owner}).refunding()

    shown = show_case(bench.ports, bench.case_id)

    assert bench.intents(Act.REFUND) == []
    assert bench.case.marks == {"elsewhere:refund"}
    assert shown["owners"] == {"refund": owner.value}
    assert shown["owed_elsewhere"] == {"total": 3000, "currency": "EUR", "units": {b.SHIRTS: 1}}
    assert "refund_received" in shown["deadlines"], "the clock runs, whoever pays"


@pytest.mark.proves("B2")
def test_what_the_other_hand_pays_covers_the_units_and_nothing_is_owed_when_the_route_comes_back() -> None:
    bench = routed(Workbench(), {Act.REFUND: Owner.OTHER}).refunding()
    colleague_pays(bench)
    bench.observe()
    assert bench.case.marks == frozenset()
    assert "owed_elsewhere" not in show_case(bench.ports, bench.case_id)

    routed(bench, {})
    bench.observe()

    assert bench.intents(Act.REFUND) == []
    assert bench.shop.effects[1:] == [], "we told of the approval alone"


def test_what_the_other_hand_has_not_paid_is_ours_once_the_route_comes_back() -> None:
    bench = routed(Workbench(), {Act.REFUND: Owner.OTHER}).authorised()
    bench.receive(b.receipt("parcel-1", b.units(quantity=2)))
    colleague_pays(bench)
    bench.observe()
    assert bench.case.marks == {"elsewhere:refund"}

    routed(bench, {})
    bench.observe()

    assert (bench.refund.state, bench.refund.total) == (S.READY, 3000)
    assert bench.case.marks == frozenset()


@pytest.mark.proves("B2")
def test_a_refund_that_is_ready_is_given_up_when_the_route_goes_to_others() -> None:
    bench = Workbench().refunding()
    routed(bench, {Act.REFUND: Owner.OTHER})

    assert bench.advance(bench.refund) is S.CANCELLED

    assert bench.refund.why == "owned_elsewhere"
    assert bench.shop.paid(bench.refund.id) == 0
    assert bench.case.marks == {"elsewhere:refund"}
    assert bench.scene.order is not None
    assert bench.scene.order.ledger.claims == {}


def test_a_decision_that_others_tell_the_channel_is_kept_and_waits_for_what_the_channel_shows() -> None:
    bench = routed(Workbench(), {Act.APPROVE_RETURN: Owner.OTHER})
    bench.observe()

    answer = bench.order(N.AUTHORISE_RETURN, reason="inside")

    assert answer.outcome == "done"
    assert bench.case.marks == {"elsewhere:approve_return"}
    assert bench.intents() == []
    assert "DecisionTaken" in dict(bench.table.history(bench.case_id)[-1].events)

    bench.shop_return(status=ChannelStatus.OPEN)
    bench.observe()

    assert bench.case.marks == frozenset()
    assert bench.case.state == "authorised"


def test_a_rule_decides_for_others_once() -> None:
    bench = routed(
        Workbench(decided_by=DecidedBy.RULE, authorise_alone_up_to=Money(1_000_000, "EUR")),
        {Act.APPROVE_RETURN: Owner.OTHER},
    )
    bench.observe()
    version = bench.case.version

    bench.observe()
    bench.observe()

    assert bench.case.version == version
    assert bench.case.marks == {"elsewhere:approve_return"}


def test_the_rule_decides_anew_when_the_route_comes_back() -> None:
    bench = routed(
        Workbench(decided_by=DecidedBy.RULE, authorise_alone_up_to=Money(1_000_000, "EUR")),
        {Act.APPROVE_RETURN: Owner.OTHER},
    )
    bench.observe()

    routed(bench, {})
    bench.observe()

    assert [intent.act for intent in bench.intents()] == [Act.APPROVE_RETURN]


def test_a_return_that_others_close_is_marked_until_they_did() -> None:
    bench = routed(Workbench(close_after_refund=True), {Act.CLOSE_RETURN: Owner.OBSERVE})
    bench.shop.returns[b.RETURN] = b.return_reading(shirts=1, caps=0)
    bench.refunding()
    bench.advance(bench.refund)
    assert bench.case.marks == {"elsewhere:close_return"}

    bench.shop_return(status=ChannelStatus.CLOSED)
    bench.observe()

    assert bench.case.marks == frozenset()
    assert [intent.act for intent in bench.intents()] == [Act.APPROVE_RETURN, Act.REFUND]


@pytest.mark.proves("F129")
@pytest.mark.parametrize("owner", [Owner.OTHER, Owner.OBSERVE])
def test_with_returns_through_the_api_off_nothing_leaves_whatever_is_decided(owner: Owner) -> None:
    bench = routed(Workbench(close_after_refund=True), dict.fromkeys(Act, owner))
    bench.observe()
    bench.order(N.AUTHORISE_RETURN, reason="inside")
    bench.order(N.DECLINE_RETURN, reason="final_sale", override=True, actor=b.APPROVER)
    bench.shop_return(status=ChannelStatus.OPEN)
    bench.receive(b.receipt("parcel-1", b.units(quantity=1)))
    bench.order(N.KEEP_LINES, lines={b.SHIRTS: 1}, reason="goodwill")
    bench.order(N.CANCEL_RETURN, reason="asked")
    bench.order(N.CLOSE_RETURN, reason="returned", comment="done")
    bench.observe()

    assert bench.intents() == []
    assert bench.shop.effects == []
    assert set(show_case(bench.ports, bench.case_id)["owners"].values()) == {owner.value}


def test_the_owners_of_every_act_can_be_named() -> None:
    assert {Bounds(owners=OTHERS).owner(act) for act in Act} == {Owner.OTHER}
