"""An order that the marketplace ships, takes back and pays is watched: nobody here decides anything about it."""

from __future__ import annotations

from typing import Any

import pytest

from quittance.application.show_case import show_case
from quittance.domain.command import CommandName
from quittance.domain.intent import IntentState
from quittance.domain.money import Money
from quittance.domain.observations import ChannelStatus, FulfilledBy
from quittance.domain.policy import DecidedBy, Gate
from quittance.domain.values import replace
from tests.support import builders as b
from tests.support.workbench import Workbench

N = CommandName
BY_MARKETPLACE = FulfilledBy.MARKETPLACE


def marketplaces(bench: Workbench) -> Workbench:
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], fulfilled_by=BY_MARKETPLACE)
    return bench


@pytest.mark.parametrize(
    "name, given",
    [
        (N.AUTHORISE_RETURN, {"reason": "inside"}),
        (N.DECLINE_RETURN, {"reason": "final_sale"}),
        (N.OVERRIDE_DISPUTE, {"reason": "goods_are_back"}),
        (N.APPROVE_INTENT, {"target": "intent-1"}),
    ],
)
def test_a_person_s_decision_is_refused_by_name(name: N, given: dict[str, Any]) -> None:
    bench = marketplaces(Workbench())
    bench.observe()
    before = len(bench.engine.commits)

    answer = bench.order(name, b.APPROVER, **given)

    assert (answer.outcome, answer.code, answer.field) == ("refused", "MARKETPLACE_FULFILLED", "order")
    assert len(bench.engine.commits) == before


def test_no_rule_admits_anything_and_the_case_is_kept_all_the_same() -> None:
    bench = marketplaces(Workbench(decided_by=DecidedBy.RULE, authorise_alone_up_to=Money(1_000_000, "EUR")))
    bench.observe()
    bench.shop_return(status=ChannelStatus.OPEN)
    bench.observe()
    bench.receive(b.receipt("parcel-1", b.units()))

    assert bench.intents() == []
    assert bench.case.state == "partly_received"
    assert show_case(bench.ports, bench.case_id)["fulfilled_by"] == "marketplace"


def test_no_refund_is_admitted_in_advance_either() -> None:
    bench = marketplaces(Workbench(refund_gate=Gate.AUTHORISED))
    bench.observe()
    bench.shop_return(status=ChannelStatus.OPEN)
    bench.observe()

    assert bench.case.state == "authorised"
    assert bench.intents() == []


def test_a_refund_that_is_ready_is_given_up_when_the_order_turns_out_to_be_the_marketplace_s() -> None:
    bench = marketplaces(Workbench().refunding())

    assert bench.advance(bench.refund) is IntentState.CANCELLED

    assert bench.refund.why == "marketplace_fulfilled"
    assert bench.shop.paid(bench.refund.id) == 0
    assert bench.case.marks == {"refund:marketplace_fulfilled"}
