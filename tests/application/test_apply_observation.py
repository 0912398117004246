"""A hint becomes observations: what is read is believed, what is older or repeated changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quittance.application.apply_observation import Applied
from quittance.domain.case import returned
from quittance.domain.errors import Unavailable
from quittance.domain.ids import OrderId
from quittance.domain.money import Money
from quittance.domain.observations import ChannelStatus
from quittance.domain.policy import DecidedBy
from quittance.domain.return_request import ReturnState
from tests.support import builders as b
from tests.support.workbench import Workbench


@pytest.mark.proves("F001", "F006", "F007", "F131", "F132")
def test_the_first_hint_opens_a_case_of_its_channel_with_its_risk_and_objective() -> None:
    bench = Workbench()

    assert bench.observe() is Applied.COMMITTED

    case = bench.case
    assert (case.channel, case.version, case.state) == ("shopify", 1, ReturnState.REQUESTED)
    assert (case.standing.risk.value, case.standing.objective.value) == ("loyalty", "empathise and retain")
    assert "decide_request" in case.deadlines


def test_the_same_news_again_writes_nothing() -> None:
    bench = Workbench()
    bench.observe()
    before = len(bench.engine.commits)

    assert bench.observe("another-delivery") is Applied.UNCHANGED

    assert len(bench.engine.commits) == before


def test_a_return_that_is_over_when_first_seen_opens_no_case() -> None:
    bench = Workbench()
    bench.shop_return(status=ChannelStatus.CLOSED)

    assert bench.observe() is Applied.IRRELEVANT
    assert not bench.scene.cases


def test_a_hint_worth_a_look_only_for_known_orders_reads_nothing_of_another() -> None:
    bench = Workbench()

    assert bench.observe(only_known=True) is Applied.IRRELEVANT
    assert bench.shop.reads == 0


def test_an_order_that_the_channel_does_not_know_is_said_to_be_unknown() -> None:
    assert Workbench().observe(order=OrderId("404")) is Applied.UNKNOWN_ORDER


def test_an_unreadable_channel_decides_nothing() -> None:
    bench = Workbench()
    bench.shop.unreadable = 1

    with pytest.raises(Unavailable):
        bench.observe()

    assert not bench.scene.cases


def test_a_hint_that_names_only_the_return_finds_its_order() -> None:
    bench = Workbench()

    assert bench.observe(order=None, return_id=b.RETURN) is Applied.COMMITTED


def test_a_stale_reader_never_moves_a_case_back() -> None:
    """Two workers read in one order and commit in the other; the later commit reads again."""
    bench = Workbench()
    bench.observe()
    fired: list[bool] = []

    def another_worker_is_faster() -> None:
        if fired:
            return
        fired.append(True)
        stale = bench.shop.returns[b.RETURN]
        bench.shop_return(status=ChannelStatus.OPEN)
        bench.observe()
        bench.shop.returns[b.RETURN] = stale

    bench.shop.on_read = another_worker_is_faster
    before_race = bench.case.version
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], disputes=frozenset({"d1"}))
    bench.observe()

    assert bench.case.version > before_race
    assert bench.tally.counts["CommitConflict", "observation"] == 1


def test_a_return_authorised_by_a_colleague_at_the_shop_is_authorised_here() -> None:
    bench = Workbench()
    bench.observe()
    bench.shop_return(status=ChannelStatus.OPEN)

    bench.observe()

    assert bench.case.state == ReturnState.AUTHORISED
    assert bench.case.deadlines.keys() == {"goods_outstanding"}


@pytest.mark.proves("F068")
def test_a_buyer_who_cancels_stops_the_deadlines_and_the_refund_that_waits() -> None:
    bench = Workbench(refund_alone_up_to=Money(0, "EUR")).refunding()
    assert bench.refund.state == "AWAITING_APPROVAL"
    bench.shop_return(status=ChannelStatus.CANCELLED)

    bench.observe()

    assert bench.case.state == ReturnState.CANCELLED
    assert bench.refund.state == "CANCELLED"
    assert not bench.case.deadlines
    assert bench.scene.order is not None
    assert bench.scene.order.ledger.available(b.CARD) == 8500


def test_a_refund_by_other_hands_lowers_the_headroom_and_is_told() -> None:
    bench = Workbench()
    bench.observe()
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 8000)

    bench.observe()

    assert bench.scene.order is not None
    assert bench.scene.order.ledger.available(b.CARD) == 500


def test_a_status_that_nobody_knows_is_kept_for_a_person() -> None:
    bench = Workbench()
    bench.shop_return(status=ChannelStatus.UNRECOGNISED, unrecognised=("ON_FIRE",))

    bench.observe()

    assert "unrecognised:status" in bench.case.marks


@pytest.mark.proves("F005")
def test_a_request_waits_for_a_person_and_its_decision_has_a_deadline() -> None:
    bench = Workbench()
    bench.observe()

    assert not bench.intents()
    assert bench.case.deadlines["decide_request"].legal > bench.clock.now()


def test_a_request_inside_its_limits_is_authorised_by_the_rule_alone() -> None:
    bench = Workbench(decided_by=DecidedBy.RULE, authorise_alone_up_to=Money(100_000, "EUR"))

    bench.observe()

    assert [intent.act.value for intent in bench.intents()] == ["approve_return"]
    assert bench.case.state == ReturnState.DECIDING


def test_a_tracking_number_that_a_parcel_waits_under_identifies_it() -> None:
    bench = Workbench().authorised()
    unknown = b.receipt("parcel-9", b.units(), names=(("tracking", "JJD1"),))
    bench.receive(unknown)
    bench.shop_return(tracking=frozenset({"JJD1"}))

    bench.observe()

    assert bench.table.find("shopify", "maison-lumiere", "tracking", "JJD1") == bench.case_id
    assert sum(line.received for line in returned(bench.case).lines.values()) == 1
