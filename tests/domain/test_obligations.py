"""Which deadlines run follows from the state alone: they are armed by it and met by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from quittance.domain import obligations
from quittance.domain.account import Mode
from quittance.domain.command import CommandName
from quittance.domain.decide_command import decide
from quittance.domain.decide_return import follow_up, read_return, receive
from quittance.domain.draft import Draft
from quittance.domain.events import DeadlineBreached, IntentMoved
from quittance.domain.intent import IntentVerb
from quittance.domain.observations import ChannelStatus, Condition
from quittance.domain.parcel import Parcel
from quittance.domain.priority import CaseKind
from tests.support.builders import (
    EU_LAW,
    NOW,
    SHIRTS,
    after,
    authorised,
    case,
    command,
    committed,
    control,
    draft,
    policy,
    receipt,
    refunds,
    return_reading,
    told,
    units,
)

POLICY = policy()
ASKED = after(hours=-1)


def armed(drafted: Draft, rules: Any = POLICY) -> dict[str, Any]:
    return {kind: each.legal for kind, each in follow_up(drafted, rules).case.deadlines.items()}


def undecided() -> Draft:
    return committed(follow_up(receive(authorised(), receipt("p", units(condition=Condition.USED)), POLICY), POLICY))


@pytest.mark.proves("F005")
def test_a_request_has_to_be_decided_counted_from_when_it_was_made() -> None:
    assert armed(draft()) == {"decide_request": after(hours=71)}


def test_a_request_that_is_being_told_to_the_channel_is_decided() -> None:
    asked = committed(follow_up(draft(), POLICY))
    done = decide(asked, command(CommandName.AUTHORISE_RETURN), POLICY)

    assert done.case.deadlines == {}
    assert "DeadlineMet" in told(done)


def test_goods_are_waited_for_once_they_are_authorised() -> None:
    assert armed(authorised()) == {"goods_outstanding": after(days=30)}


def test_units_that_arrived_have_to_be_decided_and_paid_by_shop_and_law() -> None:
    assert {kind: each.legal for kind, each in undecided().case.deadlines.items()} == {
        "goods_outstanding": after(days=30),
        "decide_units": after(hours=48),
        "refund_received": after(days=5),
        "law_refund": ASKED.replace(day=5, month=12),
    }


def test_rejecting_what_arrived_meets_every_clock_of_money() -> None:
    done = decide(undecided(), command(CommandName.REJECT_LINES, {SHIRTS: 1}), POLICY)

    assert set(done.case.deadlines) == {"goods_outstanding"}


def test_the_clock_of_money_runs_until_the_refund_has_settled() -> None:
    done = decide(undecided(), command(CommandName.ACCEPT_LINES, {SHIRTS: 1}), POLICY)
    assert {"refund_received", "law_refund"} <= set(done.case.deadlines)

    for verb in (IntentVerb.CLAIM, IntentVerb.SETTLE):
        done = done.record(IntentMoved(refunds(done)[0].id, verb, "channel", "", "refund-1"))
    assert set(follow_up(done, POLICY).case.deadlines) == {"goods_outstanding"}


def test_evidence_of_sending_starts_the_laws_clock_and_a_late_one_leaves_a_day() -> None:
    early = authorised(return_reading(sent_at=after(days=2)))
    late = authorised(return_reading(sent_at=after(days=20)))

    assert armed(early)["law_refund"] == ASKED.replace(day=5, month=12)
    assert armed(late)["law_refund"] == after(days=21)


@pytest.mark.parametrize(
    "drafted, rules",
    [(authorised(), policy()), (authorised(return_reading(sent_at=NOW)), policy(withdrawals=()))],
)
def test_without_goods_or_proof_or_law_the_laws_clock_does_not_run(drafted: Draft, rules: Any) -> None:
    assert "law_refund" not in armed(drafted, rules)


@pytest.mark.parametrize("status", [ChannelStatus.DECLINED, ChannelStatus.CANCELLED, ChannelStatus.CLOSED])
def test_in_a_final_state_with_nothing_owed_every_deadline_is_met(status: ChannelStatus) -> None:
    before = undecided()

    done = follow_up(read_return(before, return_reading(status=status, as_of=after(hours=1))), POLICY)

    assert done.case.deadlines == {}
    assert told(done).count("DeadlineMet") == len(before.case.deadlines)


def test_keeping_the_deadlines_twice_tells_nothing_new() -> None:
    once = obligations.keep(authorised(), POLICY)

    assert obligations.keep(once, POLICY) == once


def test_a_waived_deadline_stays_silent_while_it_stands() -> None:
    waived = committed(decide(undecided(), command(CommandName.WAIVE_DEADLINE, target="decide_units"), POLICY))

    assert obligations.keep(waived, POLICY) == waived


def test_what_had_passed_before_it_was_known_marks_the_case_once_and_is_no_breach_of_ours() -> None:
    late = obligations.keep(draft(now=after(hours=71)), POLICY)

    assert told(late)[-3:] == ["DeadlineArmed", "DeadlineBreached", "CaseMarked"]
    assert [event.late for event in late.events if isinstance(event, DeadlineBreached)] == [True]
    assert late.case.marks == {"late:decide_request"}
    assert late.case.due is None
    assert obligations.keep(late, POLICY) == late


def test_a_kind_without_a_rule_is_not_armed() -> None:
    assert armed(draft(), policy(deadlines=())) == {}


def test_clocks_run_also_where_the_account_only_observes() -> None:
    assert "decide_request" in armed(draft(mode=Mode.OBSERVE))


def test_an_unknown_parcel_has_to_be_identified_and_then_is() -> None:
    parcel = case(Parcel(receipt(), NOW), kind=CaseKind.PARCEL, order=None)
    waiting = obligations.keep(Draft(parcel, None, {}, control(), NOW), POLICY)
    assert {kind: each.legal for kind, each in waiting.case.deadlines.items()} == {"identify_parcel": after(hours=48)}

    known = replace(waiting, case=replace(waiting.case, body=Parcel(receipt(), NOW, "case-1")))
    assert obligations.keep(known, POLICY).case.deadlines == {}


def test_a_case_is_due_in_its_highest_lane_at_its_earliest_step() -> None:
    found = undecided().case

    assert found.due == (1, min(each.due for each in found.deadlines.values() if each.due))
    assert found.next_legal == after(hours=48)
    assert case().due is None
    assert case().next_legal is None


def test_the_law_is_named_with_its_version() -> None:
    assert undecided().case.deadlines["law_refund"].rule == f"law@1:{EU_LAW.rule}"
