"""A parcel's goods go where its names lead; where they lead nowhere it waits for a person, and nothing is guessed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from quittance.application.apply_observation import Applied
from quittance.application.drafting import reference_of
from quittance.application.receive_parcel import receive_parcel
from quittance.domain.account import Mode
from quittance.domain.case import Case
from quittance.domain.command import CommandName
from quittance.domain.errors import Unavailable
from quittance.domain.ids import CaseId, case_of_channel
from quittance.domain.intent import Act
from quittance.domain.observations import ChannelStatus, Condition, Receipt
from quittance.domain.parcel import Parcel, ParcelState
from quittance.domain.return_request import ReturnRequest, ReturnState
from tests.support import builders as b
from tests.support.workbench import PLACE, Workbench

PARCEL = case_of_channel("shopify", PLACE.account, "parcel", "parcel-1")
OTHER = "gid://shopify/Return/502"


def named(identifier: str = "parcel-1", *units: Any, **names: str) -> Receipt:
    return b.receipt(identifier, *units, names=tuple(names.items()))


def parcel_case(bench: Workbench, case: CaseId = PARCEL) -> Case:
    found = bench.table.load_case(case)
    assert found is not None
    return found


def arrived(bench: Workbench) -> int:
    body = bench.case.body
    assert isinstance(body, ReturnRequest)
    return sum(line.received for line in body.lines.values())


def other_return(bench: Workbench, **changes: Any) -> CaseId:
    """A second return of the same order, authorised."""
    fields: dict[str, Any] = {"id": OTHER, "rma": "R-502", "status": ChannelStatus.OPEN} | changes
    bench.shop.returns[OTHER] = replace(bench.shop.returns[b.RETURN], **fields)
    bench.observe()
    return case_of_channel("shopify", PLACE.account, "return", OTHER)


# By its names


@pytest.mark.proves("F073", "F135")
def test_the_rma_leads_to_the_return_and_what_was_accepted_is_refunded() -> None:
    bench = Workbench().authorised()

    assert bench.receive(named(rma="R-501")) is Applied.COMMITTED

    assert arrived(bench) == 1
    assert bench.refund.total == 3000


def test_a_tracking_number_leads_to_the_return_that_showed_it() -> None:
    bench = Workbench().authorised()
    bench.shop_return(tracking=frozenset({"JJD1"}))
    bench.observe()

    assert bench.receive(named(tracking="JJD1")) is Applied.COMMITTED
    assert arrived(bench) == 1


def test_the_order_leads_to_its_one_open_return_with_that_sku() -> None:
    bench = Workbench().authorised()

    assert bench.receive(named(order=b.ORDERED)) is Applied.COMMITTED
    assert arrived(bench) == 1


@pytest.mark.parametrize("sku", ["SHIRT-M", "HAT-9"])
def test_the_order_alone_is_not_enough_for_two_returns_or_a_strange_sku(sku: str) -> None:
    bench = Workbench().authorised()
    if sku == "SHIRT-M":
        other_return(bench)

    bench.receive(named("parcel-1", b.units(sku), order=b.ORDERED))

    assert arrived(bench) == 0
    assert parcel_case(bench).state == ParcelState.UNIDENTIFIED


def test_a_return_that_is_over_is_not_found_by_its_order() -> None:
    bench = Workbench().authorised()
    bench.shop_return(status=ChannelStatus.CLOSED)
    bench.observe()

    bench.receive(named(order=b.ORDERED))

    assert arrived(bench) == 0
    assert parcel_case(bench).state == ParcelState.UNIDENTIFIED


def test_names_that_lead_to_two_returns_are_for_a_person_on_the_first() -> None:
    bench = Workbench().authorised()
    other = other_return(bench, tracking=frozenset({"JJD2"}))

    bench.receive(named(rma="R-501", tracking="JJD2"))

    assert arrived(bench) == 1
    assert f"same_name:{other}" in bench.case.marks


def test_a_parcel_before_the_decision_is_kept_on_the_return_and_pays_nothing() -> None:
    bench = Workbench()
    bench.observe()

    assert bench.receive(named(rma="R-501")) is Applied.COMMITTED

    assert arrived(bench) == 1
    assert bench.intents() == []


# Again, and otherwise


def test_the_same_report_again_changes_nothing() -> None:
    bench = Workbench().authorised()
    bench.receive(named(rma="R-501"))
    commits = len(bench.engine.commits)

    assert bench.receive(named(rma="R-501")) is Applied.UNCHANGED
    assert len(bench.engine.commits) == commits


def test_the_same_receipt_with_other_content_moves_nothing_and_is_for_a_person() -> None:
    bench = Workbench().authorised()
    bench.receive(named(rma="R-501"))

    bench.receive(named("parcel-1", b.units(quantity=2), rma="R-501"))

    assert arrived(bench) == 1
    assert "receipt_contradicted" in bench.case.marks
    assert len(bench.intents(Act.REFUND)) == 1


def test_a_second_parcel_of_the_same_return_adds_its_units() -> None:
    bench = Workbench().authorised()
    bench.receive(named("parcel-1", rma="R-501"))
    bench.receive(named("parcel-2", b.units("CAP-1"), rma="R-501"))

    assert arrived(bench) == 2


def test_more_units_than_were_asked_for_are_marked_and_not_paid() -> None:
    bench = Workbench().authorised()

    bench.receive(named("parcel-1", b.units("SHIRT-M", 3), rma="R-501"))

    assert arrived(bench) == 2
    assert "surplus_in_parcel" in bench.case.marks
    assert bench.refund.total == 6000


@pytest.mark.proves("F136")
def test_damaged_units_are_rejected_by_the_rule_and_not_paid() -> None:
    bench = Workbench().authorised()

    bench.receive(named("parcel-1", b.units(condition=Condition.DAMAGED), rma="R-501"))

    assert bench.intents(Act.REFUND) == []


@pytest.mark.proves("F140")
def test_a_parcel_that_comes_after_the_buyer_cancelled_reopens_for_a_person_and_pays_nothing() -> None:
    bench = Workbench().authorised()
    bench.shop_return(status=ChannelStatus.CANCELLED)
    bench.observe()

    bench.receive(named(rma="R-501"))

    assert bench.case.body.late_parcel  # type: ignore[union-attr]
    assert "late_parcel" in bench.case.marks
    assert bench.case.state not in (ReturnState.CANCELLED, ReturnState.CLOSED)
    assert bench.intents(Act.REFUND) == []


# Nobody's


def test_a_parcel_that_nobody_knows_waits_as_a_case_of_its_own_with_a_deadline() -> None:
    bench = Workbench().authorised()

    assert bench.receive(named(tracking="JJD9")) is Applied.COMMITTED

    case = parcel_case(bench)
    assert (case.state, case.order) == ("unidentified", None)
    assert case.marks == {"unknown_parcel"}
    assert "identify_parcel" in case.deadlines
    assert bench.table.find("shopify", PLACE.account, "tracking", "JJD9") == PARCEL
    assert arrived(bench) == 0


@pytest.mark.parametrize("names", [{"tracking": "JJD9"}, {"order": "404"}])
def test_a_parcel_that_waits_and_is_reported_again_changes_nothing(names: dict[str, str]) -> None:
    bench = Workbench()
    bench.receive(named(**names))
    commits = len(bench.engine.commits)

    assert bench.receive(named(**names)) is Applied.UNCHANGED
    assert len(bench.engine.commits) == commits


@pytest.mark.parametrize("names", [{"tracking": "JJD9"}, {"order": "404"}])
def test_a_parcel_that_waits_and_is_reported_otherwise_is_marked(names: dict[str, str]) -> None:
    bench = Workbench()
    bench.receive(named(**names))

    bench.receive(named("parcel-1", b.units(quantity=2), **names))

    case = parcel_case(bench)
    assert "receipt_contradicted" in case.marks
    assert isinstance(case.body, Parcel)
    assert case.body.receipt.units[0].quantity == 1


def test_a_second_parcel_under_the_same_number_is_marked_on_the_first() -> None:
    bench = Workbench()
    bench.receive(named("parcel-1", tracking="JJD9"))

    bench.receive(named("parcel-2", tracking="JJD9"))

    assert "second_parcel_same_name" in parcel_case(bench).marks


def test_the_words_of_a_report_are_kept_with_the_person_and_not_on_the_case() -> None:
    bench = Workbench().authorised()
    note = "Der Karton war offen."
    receipt = replace(named(rma="R-501"), texts={"ref-1": note})

    bench.receive(receipt)

    assert bench.table.words(bench.case_id, "ref-1") == note
    assert note not in repr(bench.case)


# Identified


def test_a_person_identifies_it_and_the_goods_the_names_and_the_refund_follow() -> None:
    bench = Workbench().authorised()
    bench.receive(named(tracking="JJD9"))

    answer = bench.order(CommandName.IDENTIFY_PARCEL, case=PARCEL, target=bench.case_id, reason="")

    assert answer.outcome == "done"
    assert arrived(bench) == 1
    assert bench.refund.total == 3000
    closed = parcel_case(bench)
    assert (closed.state, closed.marks, closed.deadlines) == ("identified", frozenset(), {})
    assert bench.table.find("shopify", PLACE.account, "tracking", "JJD9") == bench.case_id


def test_an_identified_parcel_that_is_reported_again_is_not_counted_twice() -> None:
    bench = Workbench().authorised()
    bench.receive(named(tracking="JJD9"))
    bench.order(CommandName.IDENTIFY_PARCEL, case=PARCEL, target=bench.case_id)

    assert bench.receive(named(tracking="JJD9")) is Applied.UNCHANGED
    assert arrived(bench) == 1


def test_a_parcel_under_the_order_that_is_reported_again_after_it_was_identified_is_not_counted_twice() -> None:
    bench = Workbench()
    bench.receive(named(order=b.ORDERED))
    bench.authorised()
    bench.order(CommandName.IDENTIFY_PARCEL, case=PARCEL, target=bench.case_id)

    assert bench.receive(named(order=b.ORDERED)) is Applied.UNCHANGED
    assert arrived(bench) == 1


@pytest.mark.parametrize("target, code", [("", "MISSING"), ("nobody", "UNKNOWN_CASE"), (PARCEL, "UNKNOWN_CASE")])
def test_a_target_that_is_no_return_is_refused(target: str, code: str) -> None:
    bench = Workbench().authorised()
    bench.receive(named(tracking="JJD9"))

    answer = bench.order(CommandName.IDENTIFY_PARCEL, case=PARCEL, target=target)

    assert (answer.outcome, answer.code, answer.field) == ("refused", code, "target")


def test_a_parcel_cannot_be_identified_twice_and_a_return_not_at_all() -> None:
    bench = Workbench().authorised()
    bench.receive(named(tracking="JJD9"))
    bench.order(CommandName.IDENTIFY_PARCEL, case=PARCEL, target=bench.case_id)

    twice = bench.order(CommandName.IDENTIFY_PARCEL, case=PARCEL, target=bench.case_id)
    itself = bench.order(CommandName.IDENTIFY_PARCEL, target=bench.case_id)

    assert [twice.code, itself.code] == ["ALREADY_IDENTIFIED", "NOT_A_PARCEL"]
    assert arrived(bench) == 1


def test_while_the_account_observes_units_are_counted_and_not_decided() -> None:
    bench = Workbench().authorised()
    bench.set(Mode.OBSERVE)

    bench.receive(named(rma="R-501"))

    assert arrived(bench) == 1
    assert bench.intents(Act.REFUND) == []


# Races


def test_a_race_is_lost_once_and_the_report_applied_to_what_the_winner_wrote() -> None:
    bench = Workbench().authorised()
    raced: list[bool] = []
    find = bench.table.find

    def find_after_another_parcel(*name: str) -> CaseId | None:
        if not raced:
            raced.append(True)
            load = bench.table.load_scene

            def load_then_lose(case: CaseId) -> Any:
                scene = load(case)
                bench.table.load_scene = load  # type: ignore[method-assign]
                bench.receive(named("parcel-2", rma="R-501"))
                return scene

            bench.table.load_scene = load_then_lose  # type: ignore[method-assign]
        return find(*name)

    bench.table.find = find_after_another_parcel  # type: ignore[assignment, method-assign]

    assert bench.receive(named("parcel-1", rma="R-501")) is Applied.COMMITTED

    assert arrived(bench) == 2
    assert bench.tally.counts["CommitConflict", "receipt"] == 1


def test_too_many_writers_are_said_to_be_so() -> None:
    bench = Workbench().authorised()
    load = bench.table.load_scene
    parcels = iter(range(100))

    def load_then_lose(case: CaseId) -> Any:
        scene = load(case)
        bench.table.load_scene = load  # type: ignore[method-assign]
        receive_parcel(bench.ports, PLACE, named(f"other-{next(parcels)}", b.units("HAT-9"), rma="R-501"))
        bench.table.load_scene = load_then_lose  # type: ignore[method-assign]
        return scene

    bench.table.load_scene = load_then_lose  # type: ignore[method-assign]

    with pytest.raises(Unavailable, match="too many writers"):
        bench.receive(named("parcel-1", rma="R-501"))


def test_a_link_to_a_photo_is_kept_with_what_is_personal() -> None:
    bench = Workbench().authorised()
    link = "https://warehouse.example/photos/1.jpg"
    pictured = replace(b.units(), photo=link)

    bench.receive(b.receipt("parcel-1", pictured))

    assert bench.table.words(bench.case_id, reference_of(link)) == link
    assert link not in repr(bench.case)
