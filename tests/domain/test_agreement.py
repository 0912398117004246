"""What the rules would have done in shadow stands beside what people did: agreed to the cent, otherwise, or not yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest

from quittance.domain.agreement import Agreement, Rejection, TheirRefund, Verdict, by_rule, judge
from quittance.domain.case import Case
from quittance.domain.ids import IntentId
from quittance.domain.intent import Act, Components, Intent, IntentLine, IntentState
from quittance.domain.ledger import Amounts
from quittance.domain.observations import ChannelStatus
from quittance.domain.return_request import ReturnLine, ReturnRequest
from tests.support.builders import CAP, CARD, NOW, SHIRT, SHIRTS, after, case, intent


def returned(status: ChannelStatus = ChannelStatus.OPEN, requested: int = 2) -> Case:
    return case(ReturnRequest(status, NOW, NOW, {SHIRTS: ReturnLine(SHIRT, "SHIRT-M", requested)}))


def shadow(act: Act = Act.REFUND, minor: int = 3000, quantity: int = 1, **changes: object) -> Intent:
    lines = (IntentLine(SHIRTS, SHIRT, quantity, minor),)
    made = intent(IntentState.SHADOWED, act, lines=lines, components=Components(goods=minor))
    return replace(made, **changes)  # type: ignore[arg-type]


def theirs(
    minor: int = 3000, units: Mapping[str, int] | None = None, at: datetime | None = None, name: str = "R1"
) -> TheirRefund:
    lines = {line: (quantity, minor) for line, quantity in (units or {SHIRT: 1}).items()}
    return TheirRefund(name, at or after(hours=1), Amounts({CARD: minor}, lines))


def verdicts(shadows: list[Intent], refunds: list[TheirRefund], held: Case | None = None) -> list[tuple[Verdict, int]]:
    owner = held or returned()
    return [(each.verdict, each.theirs) for each in judge({owner.id: owner}, shadows, refunds)]


@pytest.mark.proves("B9")
def test_the_same_units_for_the_same_money_agree_and_a_cent_is_a_difference() -> None:
    assert verdicts([shadow()], [theirs()]) == [(Verdict.AGREED, 3000)]
    assert verdicts([shadow()], [theirs(2999)]) == [(Verdict.DIFFERED, 2999)]
    assert verdicts([shadow()], [theirs(3000, {SHIRT: 1, CAP: 1})]) == [(Verdict.DIFFERED, 3000)]


@pytest.mark.proves("B9")
def test_what_nobody_has_decided_is_not_yet() -> None:
    assert verdicts([shadow()], []) == [(Verdict.NOT_YET, 0)]
    assert verdicts([shadow()], [theirs(2000, {CAP: 1})]) == [(Verdict.NOT_YET, 0)]
    assert verdicts([shadow(minor=6000, quantity=2)], [theirs()]) == [(Verdict.NOT_YET, 3000)]


def test_what_was_paid_before_the_decision_is_no_answer_to_it() -> None:
    assert verdicts([shadow()], [theirs(at=after(hours=-1))]) == [(Verdict.NOT_YET, 0)]


def test_one_refund_of_ours_may_be_two_of_theirs() -> None:
    parts = [theirs(name="R1"), theirs(name="R2")]

    assert verdicts([shadow(minor=6000, quantity=2)], parts) == [(Verdict.AGREED, 6000)]


def test_a_refund_of_theirs_counts_once() -> None:
    twice = [shadow(), shadow(id=IntentId("second"), created_at=after(minutes=1))]

    assert verdicts(twice, [theirs()]) == [(Verdict.AGREED, 3000), (Verdict.NOT_YET, 0)]
    assert verdicts(twice, [theirs(), theirs(name="R2")]) == [(Verdict.AGREED, 3000)] * 2


S, V = ChannelStatus, Verdict


@pytest.mark.proves("B9")
@pytest.mark.parametrize(
    "act, status, verdict",
    [
        (Act.APPROVE_RETURN, S.REQUESTED, V.NOT_YET),
        (Act.APPROVE_RETURN, S.OPEN, V.AGREED),
        (Act.APPROVE_RETURN, S.CLOSED, V.AGREED),
        (Act.APPROVE_RETURN, S.DECLINED, V.DIFFERED),
        (Act.APPROVE_RETURN, S.CANCELLED, V.NOT_YET),
        (Act.DECLINE_RETURN, S.DECLINED, V.AGREED),
        (Act.DECLINE_RETURN, S.OPEN, V.DIFFERED),
        (Act.CLOSE_RETURN, S.OPEN, V.NOT_YET),
        (Act.CLOSE_RETURN, S.CLOSED, V.AGREED),
        (Act.CANCEL_RETURN, S.CANCELLED, V.AGREED),
        (Act.CANCEL_RETURN, S.CLOSED, V.DIFFERED),
        (Act.REMOVE_LINES, S.OPEN, V.NOT_YET),
        (Act.REMOVE_LINES, S.CLOSED, V.DIFFERED),
    ],
)
def test_an_act_without_money_is_judged_by_what_the_channel_shows(
    act: Act, status: ChannelStatus, verdict: Verdict
) -> None:
    assert verdicts([shadow(act)], [], returned(status)) == [(verdict, 0)]


def test_lines_that_people_removed_too_are_agreed() -> None:
    assert verdicts([shadow(Act.REMOVE_LINES)], [], returned(requested=0)) == [(Verdict.AGREED, 0)]


@pytest.mark.proves("B9")
def test_a_rejection_differs_where_people_paid_and_agrees_once_the_return_is_over() -> None:
    def judged(status: ChannelStatus, refunds: list[TheirRefund]) -> list[tuple[str, Verdict, int, int]]:
        owner = returned(status)
        rejection = Rejection(owner.id, "shopify@1:receipt.reject", {SHIRT: 1}, NOW)
        found = judge({owner.id: owner}, [shadow(Act.APPROVE_RETURN)], refunds, [rejection])[1:]
        return [(each.act, each.verdict, each.ours, each.theirs) for each in found]

    assert judged(ChannelStatus.OPEN, []) == [("reject", Verdict.NOT_YET, 0, 0)]
    assert judged(ChannelStatus.CLOSED, []) == [("reject", Verdict.AGREED, 0, 0)]
    assert judged(ChannelStatus.OPEN, [theirs()]) == [("reject", Verdict.DIFFERED, 0, 3000)]


@pytest.mark.proves("B9")
def test_decisions_are_summed_up_by_rule_and_only_what_differed_has_amounts() -> None:
    owner = returned()
    shadows = [
        shadow(id=IntentId("a")),
        shadow(id=IntentId("b"), created_at=after(minutes=1)),
        shadow(id=IntentId("c"), created_at=after(minutes=2)),
        shadow(Act.APPROVE_RETURN, id=IntentId("d"), rule="shopify@1:returns.authorise_alone_up_to"),
    ]
    refunds = [theirs(name="R1"), theirs(2500, name="R2", at=after(hours=2))]

    found = by_rule(judge({owner.id: owner}, shadows, refunds))

    assert found == [
        Agreement("law@1:eu_withdrawal", "refund", "EUR", 1, 1, 1, 3000, 2500),
        Agreement("shopify@1:returns.authorise_alone_up_to", "approve_return", "EUR", 1, 0, 0, 0, 0),
    ]


def test_only_shadow_decisions_are_judged() -> None:
    assert verdicts([intent(IntentState.SETTLED)], [theirs()]) == []
