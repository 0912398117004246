"""What is shown of a case: its state, its rules and whether they bend, its clocks, its money, and nobody's words."""

from __future__ import annotations

import json

import pytest

from quittance.application.show_case import show_case, summary
from quittance.domain.command import CommandName
from quittance.domain.errors import Rejected
from quittance.domain.ids import CaseId, case_of_channel
from quittance.domain.instant import to_text
from quittance.domain.intent import Act
from quittance.domain.observations import ChannelStatus, Condition
from tests.support import builders as b
from tests.support.shop import answer_lost
from tests.support.workbench import PLACE, Workbench


def show(bench: Workbench, case: CaseId | None = None) -> dict[str, object]:
    return show_case(bench.ports, case or bench.case_id)


def test_a_case_that_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(Rejected) as refused:
        show(Workbench(), CaseId("nobody"))

    assert (refused.value.code, refused.value.field) == ("UNKNOWN_CASE", "case")


@pytest.mark.proves("F008")
@pytest.mark.parametrize("locked, standing", [(True, "LOCKED"), (False, "NEGOTIABLE")])
def test_it_says_at_once_whether_the_policy_is_rigid_or_leaves_a_free_hand(locked: bool, standing: str) -> None:
    bench = Workbench(locked=locked)
    bench.observe()

    rules = show(bench)["rules"]

    assert isinstance(rules, dict)
    assert rules["standing"] == standing


@pytest.mark.proves("F031")
def test_the_rules_that_apply_stand_on_the_case_with_versions_and_sources() -> None:
    bench = Workbench()
    bench.observe()

    rules = show(bench)["rules"]

    assert isinstance(rules, dict)
    assert rules["versions"] == {"law": 1, "accounts": 1, "shopify": 1}
    assert rules["law"] == [{"rule": "eu_withdrawal", "days": 14, "source": "Directive 2011/83/EU"}]
    assert (rules["window_days"], rules["decided_by"], rules["close_reasons"]) == (
        30,
        "person",
        ["expired", "returned"],
    )


@pytest.mark.proves("F006", "F007")
def test_risk_objective_and_queue_stand_on_every_line_of_a_list() -> None:
    bench = Workbench()
    bench.observe()

    line = summary(bench.case)

    assert (line["risk"], line["objective"], line["queue"]) == ("loyalty", "empathise and retain", "shopify-return")
    assert line["next_legal"] == to_text(bench.case.deadlines["decide_request"].legal)
    assert (line["version"], line["state"], line["marks"]) == (1, "requested", [])


@pytest.mark.proves("F094")
def test_a_refund_is_shown_in_the_state_it_is_in_and_why() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [answer_lost]
    bench.advance()

    shown = show(bench)

    intents = shown["intents"]
    assert isinstance(intents, list)
    refund = intents[-1]
    assert (refund["act"], refund["state"], refund["why"], refund["sends"]) == ("refund", "UNKNOWN", "timeout", 1)
    assert (refund["total"], refund["currency"], refund["units"]) == (3000, "EUR", {b.SHIRTS: 1})
    assert shown["available"] == {b.CARD: 5500}
    assert shown["deficit"] == 0


@pytest.mark.proves("F077")
def test_units_are_shown_by_line_with_what_became_of_them() -> None:
    bench = Workbench().refunding()
    bench.advance()

    lines = show(bench)["lines"]

    assert isinstance(lines, dict)
    shirts = lines[b.SHIRTS]
    assert (shirts["requested"], shirts["received"], shirts["accepted"]) == (2, 1, 1)
    assert (shirts["refunded"], shirts["refunding"], shirts["outstanding"]) == (1, 0, 1)


@pytest.mark.proves("F141")
def test_only_what_the_state_the_policy_and_the_channel_allow_is_offered() -> None:
    bench = Workbench(resolutions=frozenset({"accept", "reject"}))
    bench.observe()
    assert show(bench)["allowed"] == ["authorise", "decline", "receive"]

    guard = bench.shop.guard
    bench.shop.guard = lambda act: None if act is Act.DECLINE_RETURN else guard(act)  # type: ignore[method-assign]
    assert show(bench)["allowed"] == ["authorise", "receive"]

    bench.shop_return(status=ChannelStatus.OPEN)
    bench.observe()
    bench.receive(b.receipt("parcel-1", b.units(condition=Condition.USED)))
    assert show(bench)["allowed"] == ["accept", "close", "receive", "reject", "remove"]


def test_a_parcel_that_nobody_knows_offers_to_be_identified_until_it_was() -> None:
    bench = Workbench().authorised()
    bench.receive(b.receipt("parcel-1", names=(("tracking", "JJD9"),)))
    parcel = case_of_channel("shopify", PLACE.account, "parcel", "parcel-1")
    assert (show(bench, parcel)["state"], show(bench, parcel)["allowed"]) == ("unidentified", ["identify"])

    bench.order(CommandName.IDENTIFY_PARCEL, case=parcel, target=bench.case_id)

    assert (show(bench, parcel)["state"], show(bench, parcel)["allowed"]) == ("identified", [])


def test_what_is_shown_is_plain_json_without_anybodys_words() -> None:
    bench = Workbench()
    bench.shop_return(texts={"ref-1": "Camille Durand, 12 rue des Lilas"})
    bench.observe()

    text = json.dumps(show(bench))

    assert "Camille" not in text
    assert bench.table.words(bench.case_id, "ref-1")
