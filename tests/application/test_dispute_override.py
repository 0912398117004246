"""An open dispute stops a refund until an approver says otherwise, about that dispute and no other."""

from __future__ import annotations

from typing import Any

import pytest

from quittance.domain.account import Mode
from quittance.domain.command import Actor, CommandName
from quittance.domain.intent import Act, IntentState
from quittance.domain.money import Money
from quittance.domain.observations import OrderReading
from quittance.domain.values import replace
from quittance.storage.history import HistoryEntry
from tests.support import builders as b
from tests.support.workbench import Workbench

S = IntentState
N = CommandName


def disputed(bench: Workbench, *disputes: str) -> OrderReading:
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], disputes=frozenset(disputes))
    return bench.shop.orders[b.ORDERED]


def blocked(**terms: Any) -> Workbench:
    """A shirt came back, and the bank has a dispute about the order."""
    bench = Workbench(**terms)
    disputed(bench, "dispute-1")
    bench.authorised()
    bench.receive(b.receipt("parcel-1", b.units()))
    assert bench.case.marks == {"refund_blocked"}
    return bench


def newest(bench: Workbench) -> HistoryEntry:
    return bench.table.history(bench.case_id)[-1]


@pytest.mark.proves("B7")
def test_an_approver_frees_the_refund_with_a_reason_that_history_keeps() -> None:
    bench = blocked()

    answer = bench.order(N.OVERRIDE_DISPUTE, b.APPROVER, reason="goods_are_back")

    assert (answer.outcome, bench.refund.state, bench.case.marks) == ("done", S.READY, frozenset())
    told = dict(newest(bench).events)["DisputesOverridden"]
    assert told == {"disputes": ["dispute-1"], "by": "approver", "reason": "goods_are_back"}
    assert bench.advance(bench.refund) is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1


def test_it_is_shown_first_and_only_the_token_frees_it() -> None:
    bench = blocked()

    shown = bench.order(N.OVERRIDE_DISPUTE, b.APPROVER, reason="goods_are_back", confirm=False)

    assert (shown.outcome, [line["total"] for line in shown.shown["intents"]]) == ("previewed", [3000])
    assert bench.intents(Act.REFUND) == []


def test_a_new_dispute_stops_the_refund_again_at_the_last_reading_before_the_send() -> None:
    bench = blocked()
    bench.order(N.OVERRIDE_DISPUTE, b.APPROVER, reason="goods_are_back")
    disputed(bench, "dispute-1", "dispute-2")

    assert bench.advance(bench.refund) is S.CANCELLED

    assert bench.refund.why == "refund_blocked"
    assert "refund:refund_blocked" in bench.case.marks
    assert bench.shop.paid(bench.refund.id) == 0


def test_who_asked_for_the_stopped_refund_cannot_free_it_alone() -> None:
    bench = blocked()
    bench.order(N.OVERRIDE_DISPUTE, b.APPROVER, reason="goods_are_back")
    assert bench.refund.requested_by == "approver"
    disputed(bench, "dispute-1", "dispute-2")
    bench.advance(bench.refund)

    alone = bench.order(N.OVERRIDE_DISPUTE, b.APPROVER, reason="again")
    other = bench.order(N.OVERRIDE_DISPUTE, b.SECOND_APPROVER, reason="seen_too")

    assert (alone.outcome, alone.code) == ("refused", "SAME_PERSON")
    assert other.outcome == "done"
    assert [i.state for i in bench.intents(Act.REFUND) if not i.has_ended] == [S.READY]


def test_a_dispute_that_was_closed_and_is_opened_again_stops_the_refund_again() -> None:
    bench = blocked(refund_alone_up_to=Money(0, "EUR"))
    bench.order(N.OVERRIDE_DISPUTE, b.APPROVER, reason="goods_are_back")
    disputed(bench)
    bench.observe()
    disputed(bench, "dispute-1")
    bench.observe()

    order = bench.scene.order
    assert order is not None
    assert order.blocking == {"dispute-1"}


def test_above_the_tier_a_second_approver_has_to_agree_as_elsewhere() -> None:
    bench = blocked(refund_alone_up_to=Money(1000, "EUR"))

    answer = bench.order(N.OVERRIDE_DISPUTE, b.APPROVER, reason="goods_are_back")
    alone = bench.order(N.APPROVE_INTENT, b.APPROVER, target=bench.refund.id)
    other = bench.order(N.APPROVE_INTENT, b.SECOND_APPROVER, target=bench.refund.id)

    assert (answer.outcome, alone.code, other.outcome) == ("awaiting_approval", "SAME_PERSON", "done")
    assert bench.advance(bench.refund) is S.SETTLED


def test_it_frees_disputes_and_nothing_else() -> None:
    bench = blocked()
    order = bench.scene.order
    assert order is not None
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 9000)

    bench.observe()
    answer = bench.order(N.OVERRIDE_DISPUTE, b.APPROVER, reason="goods_are_back")

    assert answer.outcome == "done"
    assert "deficit" in bench.case.marks
    assert bench.intents(Act.REFUND) == []


@pytest.mark.parametrize(
    "actor, given, code",
    [
        (b.AGENT, {"reason": "goods_are_back"}, "NOT_ALLOWED"),
        (b.APPROVER, {"reason": ""}, "OVERRIDE_UNNAMED"),
    ],
)
def test_it_needs_an_approver_and_a_reason(actor: Actor, given: dict[str, Any], code: str) -> None:
    bench = blocked()

    assert bench.order(N.OVERRIDE_DISPUTE, actor, **given).code == code
    assert bench.intents(Act.REFUND) == []


@pytest.mark.parametrize(
    "spoil, code",
    [
        (disputed, "NO_DISPUTE"),
        (lambda bench: bench.set(Mode.OBSERVE), "ACCOUNT_OBSERVES"),
    ],
)
def test_it_is_refused_where_there_is_nothing_to_free_or_nobody_decides(spoil: object, code: str) -> None:
    bench = blocked()
    spoil(bench)  # type: ignore[operator]
    bench.observe()

    assert bench.order(N.OVERRIDE_DISPUTE, b.APPROVER, reason="goods_are_back").code == code


@pytest.mark.proves("B22")
def test_where_the_rules_are_locked_nobody_frees_it() -> None:
    bench = blocked()
    policy = bench.policies.policy
    bench.policies.policy = replace(policy, terms=replace(policy.terms, locked=True))

    assert bench.order(N.OVERRIDE_DISPUTE, b.APPROVER, reason="goods_are_back").code == "POLICY_LOCKED"
    assert bench.intents(Act.REFUND) == []
