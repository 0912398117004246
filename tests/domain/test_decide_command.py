"""A command does what state, policy and alias allow; otherwise it is refused by code and field, and nothing changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.account import Mode
from quittance.domain.command import APPROVERS_ONLY, Actor, CommandName
from quittance.domain.decide_command import decide
from quittance.domain.decide_return import follow_up, read_order, receive
from quittance.domain.draft import Draft
from quittance.domain.errors import Rejected
from quittance.domain.events import DecisionTaken, IntentMoved
from quittance.domain.ids import IntentId
from quittance.domain.intent import Act, IntentState, IntentVerb
from quittance.domain.money import Money
from quittance.domain.observations import ChannelStatus, Condition
from quittance.domain.parcel import Parcel
from quittance.domain.policy import Policy
from quittance.domain.priority import CaseKind
from tests.support.builders import (
    AGENT,
    APPROVER,
    CARD,
    NOW,
    SECOND_APPROVER,
    SHIRTS,
    VIEWER,
    after,
    authorised,
    case,
    command,
    committed,
    control,
    draft,
    order_reading,
    policy,
    receipt,
    refund_reading,
    refunds,
    return_reading,
    told,
    units,
)

N = CommandName
POLICY = policy()
TIER = policy(refund_alone_up_to=Money(0, "EUR"))


def received(quantity: int = 2, rules: Policy = POLICY) -> Draft:
    """Shirts are here in a condition about which a person decides."""
    goods = receipt("p", units(quantity=quantity, condition=Condition.OPENED))
    return committed(follow_up(receive(authorised(), goods, rules), rules))


def awaiting() -> Draft:
    return committed(decide(received(), command(N.ACCEPT_LINES, {SHIRTS: 1}), TIER))


def held(by: str = "agent") -> Draft:
    """A refund that was sent and about which nobody knows."""
    done = decide(received(), command(N.ACCEPT_LINES, {SHIRTS: 1}, actor=replace(AGENT, alias=by)), POLICY)
    for verb in (IntentVerb.CLAIM, IntentVerb.LOSE, IntentVerb.HOLD):
        done = done.record(IntentMoved(refunds(done)[0].id, verb, "rule"))
    return committed(done)


def target(drafted: Draft) -> str:
    return refunds(drafted)[0].id


def refusal(drafted: Draft, name: N, *args: Any, rules: Policy = POLICY, **changes: Any) -> tuple[str, str]:
    before = (drafted.case, drafted.order, dict(drafted.intents), drafted.events)
    with pytest.raises(Rejected) as refused:
        decide(drafted, command(name, *args, **changes), rules)
    assert (drafted.case, drafted.order, dict(drafted.intents), drafted.events) == before
    return refused.value.code, refused.value.field


def acts(drafted: Draft) -> set[str]:
    return {act.value for act in drafted.body.open_intents.values()}


@pytest.mark.parametrize("name", N)
def test_a_viewer_may_decide_nothing(name: N) -> None:
    assert refusal(received(), name, {SHIRTS: 1}, actor=VIEWER) == ("NOT_ALLOWED", "command")


@pytest.mark.parametrize("name", sorted(APPROVERS_ONLY))
def test_an_agent_may_not_answer_for_an_intent(name: N) -> None:
    assert refusal(awaiting(), name, target="x") == ("NOT_ALLOWED", "command")


@pytest.mark.proves("F005", "F134")
def test_a_person_authorises_and_the_channel_is_told() -> None:
    done = decide(draft(), command(N.AUTHORISE_RETURN, reason=""), POLICY)

    assert (done.case.state, acts(done)) == ("deciding", {"approve_return"})
    assert "DecisionTaken" in told(done)


@pytest.mark.proves("F022")
def test_a_decision_names_its_rule_and_the_same_input_gives_the_same_decision() -> None:
    one, two = (decide(draft(), command(N.AUTHORISE_RETURN), POLICY) for _ in range(2))

    taken = [event for event in one.events if isinstance(event, DecisionTaken)]
    assert [(event.rule, event.by) for event in taken] == [("shopify@1:returns.window_days", "agent")]
    assert one == two


OLD = order_reading(delivered_at=after(days=-60))


@pytest.mark.proves("F003", "F012")
def test_outside_the_window_only_an_approver_with_a_reason_authorises() -> None:
    late = draft(ordered=OLD)

    assert refusal(late, N.AUTHORISE_RETURN) == ("OUTSIDE_WINDOW", "override")
    assert refusal(late, N.AUTHORISE_RETURN, override=True) == ("NOT_ALLOWED", "command")
    assert refusal(late, N.AUTHORISE_RETURN, actor=APPROVER, override=True, reason="")[0] == "OVERRIDE_UNNAMED"
    done = decide(late, command(N.AUTHORISE_RETURN, actor=APPROVER, override=True, reason="goodwill"), POLICY)
    assert acts(done) == {"approve_return"}


@pytest.mark.proves("F002")
@pytest.mark.parametrize("ordered", [OLD, order_reading()])
def test_no_override_bends_a_locked_policy(ordered: Any) -> None:
    late, locked = draft(ordered=ordered), policy(locked=True)

    found = refusal(late, N.AUTHORISE_RETURN, actor=APPROVER, override=True, reason="goodwill", rules=locked)

    assert found == ("POLICY_LOCKED", "policy")


@pytest.mark.proves("F064", "F065")
def test_a_return_is_declined_for_a_listed_reason_and_never_below_the_law() -> None:
    assert refusal(draft(ordered=OLD), N.DECLINE_RETURN, reason="mood") == ("REASON_NOT_LISTED", "reason")
    assert refusal(draft(), N.DECLINE_RETURN, reason="final_sale") == ("BELOW_LAW", "reason")

    done = decide(draft(ordered=OLD), command(N.DECLINE_RETURN, reason="final_sale", comment="sorry"), POLICY)
    assert acts(done) == {"decline_return"}


@pytest.mark.proves("F135")
def test_units_a_person_accepts_are_refunded_once() -> None:
    done = decide(received(), command(N.ACCEPT_LINES, {SHIRTS: 2}), POLICY)

    (found,) = refunds(done)
    assert (found.total, found.requested_by) == (6000, "agent")
    assert refusal(committed(done), N.ACCEPT_LINES, {SHIRTS: 1})[0] == "BAD_QUANTITY"


@pytest.mark.proves("F021", "F035", "F136", "F137", "F138")
@pytest.mark.parametrize("name", [N.REJECT_LINES, N.REPAIR_LINES, N.EXCHANGE_LINES])
def test_units_decided_otherwise_are_not_refunded_and_cannot_be_afterwards(name: N) -> None:
    done = decide(received(), command(name, {SHIRTS: 2}), POLICY)

    assert refunds(done) == []
    assert ("TaskOpened" in told(done)) is (name is not N.REJECT_LINES)
    assert refusal(committed(done), N.ACCEPT_LINES, {SHIRTS: 1})[0] == "BAD_QUANTITY"


@pytest.mark.proves("F074", "F139")
def test_units_left_to_the_buyer_are_refunded_at_once() -> None:
    done = decide(authorised(), command(N.KEEP_LINES, {SHIRTS: 1}), POLICY)

    assert refunds(done)[0].quantities() == {SHIRTS: 1}


@pytest.mark.proves("F075")
def test_what_has_not_arrived_cannot_be_accepted() -> None:
    assert refusal(authorised(), N.ACCEPT_LINES, {SHIRTS: 1})[0] == "ILLEGAL_TRANSITION"


@pytest.mark.proves("F141")
def test_a_resolution_the_store_does_not_offer_is_refused() -> None:
    rules = policy(resolutions=frozenset({"accept", "reject"}))

    assert refusal(received(), N.REPAIR_LINES, {SHIRTS: 1}, rules=rules) == ("NOT_OFFERED", "command")


@pytest.mark.proves("F100")
@pytest.mark.parametrize("name", [N.ACCEPT_LINES, N.REJECT_LINES, N.EXCHANGE_LINES, N.REPAIR_LINES, N.KEEP_LINES])
def test_units_are_decided_with_a_reason_and_a_quantity(name: N) -> None:
    assert refusal(received(1), name, {SHIRTS: 1}, reason="") == ("MISSING", "reason")
    assert refusal(received(1), name, {}) == ("NO_LINES", "lines")


@pytest.mark.proves("F095")
@given(st.integers(0, 9000))
def test_an_entered_amount_is_bounded_by_the_line_and_shown_as_an_adjustment(amount: int) -> None:
    order_of = command(N.ACCEPT_LINES, {SHIRTS: 1}, amounts={SHIRTS: amount})
    if amount > 3000:
        assert refusal(received(), N.ACCEPT_LINES, {SHIRTS: 1}, amounts={SHIRTS: amount})[0] == "OVER_HEADROOM"
        return
    done = decide(received(), order_of, POLICY)

    if amount == 0:
        assert done.case.marks == {"refund_refused:ZERO_REFUND"}
        return
    assert refunds(done)[0].total == amount
    assert refunds(done)[0].components.adjustment == amount - 3000


@pytest.mark.parametrize("name", [N.REJECT_LINES, N.EXCHANGE_LINES, N.REPAIR_LINES])
def test_units_that_are_not_paid_carry_no_amount(name: N) -> None:
    assert refusal(received(), name, {SHIRTS: 1}, amounts={SHIRTS: 100}) == ("BAD_AMOUNT", "lines")


def test_lines_are_removed_through_the_channel_one_request_at_a_time() -> None:
    done = committed(decide(authorised(), command(N.REMOVE_LINES, {SHIRTS: 1}), POLICY))

    assert acts(done) == {"remove_lines"}
    assert done.body.lines[SHIRTS].requested == 2
    assert refusal(done, N.REMOVE_LINES, {SHIRTS: 1})[0] == "UNDERWAY"
    assert refusal(done, N.KEEP_LINES, {SHIRTS: 2})[0] == "UNDERWAY"


@pytest.mark.proves("F062", "F065", "F066")
def test_closing_needs_a_listed_reason_a_comment_and_no_money_owed() -> None:
    assert refusal(authorised(), N.CLOSE_RETURN, reason="mood", comment="x") == ("REASON_NOT_LISTED", "reason")
    assert refusal(authorised(), N.CLOSE_RETURN, reason="expired", comment="  ") == ("MISSING", "comment")
    owing = decide(received(), command(N.ACCEPT_LINES, {SHIRTS: 1}), POLICY)
    assert refusal(committed(owing), N.CLOSE_RETURN, reason="returned", comment="x") == ("MONEY_OWED", "command")

    done = committed(decide(authorised(), command(N.CLOSE_RETURN, reason="expired", comment="bye"), POLICY))
    assert acts(done) == {"close_return"}
    assert refusal(done, N.CLOSE_RETURN, reason="expired", comment="bye")[0] == "UNDERWAY"


def test_units_that_come_to_nothing_do_not_keep_a_return_open() -> None:
    done = committed(decide(received(1), command(N.ACCEPT_LINES, {SHIRTS: 1}, amounts={SHIRTS: 0}), POLICY))
    assert "refund_refused:ZERO_REFUND" in done.case.marks

    closed = decide(done, command(N.CLOSE_RETURN, reason="returned", comment="bye"), POLICY)

    assert acts(closed) == {"close_return"}
    assert not {"law_refund", "refund_received"} & set(closed.case.deadlines)


@pytest.mark.proves("F140")
def test_cancelling_stops_what_has_not_left_and_lets_no_refund_begin() -> None:
    done = committed(decide(authorised(), command(N.CANCEL_RETURN), POLICY))

    assert acts(done) == {"cancel_return"}
    assert refusal(done, N.KEEP_LINES, {SHIRTS: 1})[0] == "UNDERWAY"
    assert refusal(done, N.CANCEL_RETURN)[0] == "UNDERWAY"
    assert refusal(authorised(), N.CANCEL_RETURN, reason="") == ("MISSING", "reason")
    assert refunds(follow_up(receive(done, receipt(), POLICY), POLICY)) == []


def test_above_the_tier_another_approver_agrees_and_never_the_one_who_asked() -> None:
    waiting = awaiting()
    assert refunds(waiting)[0].state is IntentState.AWAITING_APPROVAL
    asked = Actor("agent", APPROVER.authority)

    assert refusal(waiting, N.APPROVE_INTENT, actor=asked, target=target(waiting), rules=TIER)[0] == "SAME_PERSON"

    done = decide(waiting, command(N.APPROVE_INTENT, actor=APPROVER, target=target(waiting)), TIER)
    assert (refunds(done)[0].state, refunds(done)[0].approved_by) == (IntentState.READY, "approver")
    assert done.ordered.ledger.turn == target(waiting)


def test_an_approved_refund_waits_while_another_is_in_flight_and_goes_when_that_has_ended() -> None:
    first = decide(received(), command(N.ACCEPT_LINES, {SHIRTS: 1}), POLICY)
    busy = committed(first, after(minutes=1))
    two = committed(decide(busy, command(N.ACCEPT_LINES, {SHIRTS: 1}), TIER))
    waiting = refunds(two)[1]

    done = committed(decide(two, command(N.APPROVE_INTENT, actor=APPROVER, target=waiting.id), TIER))
    assert [found.state.value for found in refunds(done)] == ["READY", "RESERVED"]

    for verb in (IntentVerb.CLAIM, IntentVerb.SETTLE):
        done = done.record(IntentMoved(target(done), verb, "channel", "", "refund-1"))
    ended = follow_up(done, TIER)
    assert [found.state.value for found in refunds(ended)] == ["SETTLED", "READY"]
    assert refunds(ended)[1].approved_by == "approver"


def test_a_refused_refund_is_over_and_no_rule_asks_again_until_a_person_frees_it() -> None:
    waiting = awaiting()
    of_it: dict[str, Any] = {"actor": APPROVER, "target": target(waiting)}
    assert refusal(waiting, N.REFUSE_INTENT, reason="", rules=TIER, **of_it) == ("MISSING", "reason")

    done = committed(decide(waiting, command(N.REFUSE_INTENT, **of_it), TIER))
    assert [found.state for found in refunds(done)] == [IntentState.CANCELLED]
    assert done.ordered.ledger.available(CARD) == 8500

    freed = decide(done, command(N.CLEAR_MARK, target="refund_refused:BY_APPROVER"), TIER)
    assert sorted(found.state.value for found in refunds(freed)) == ["AWAITING_APPROVAL", "CANCELLED"]


def test_a_refused_approval_of_a_return_does_not_stop_its_money() -> None:
    asked = committed(decide(draft(), command(N.AUTHORISE_RETURN), POLICY))
    (intent,) = asked.intents.values()

    done = decide(asked, command(N.REFUSE_INTENT, actor=APPROVER, target=intent.id), POLICY)

    assert done.case.marks == {"approve_return:refused"}
    assert done.case.state == "requested"


@pytest.mark.parametrize("name", sorted(APPROVERS_ONLY - {N.OVERRIDE_DISPUTE, N.CLOSE_DIFFERENCE}))
def test_an_intent_that_the_case_does_not_have_is_refused(name: N) -> None:
    assert refusal(awaiting(), name, actor=APPROVER, target="none") == ("UNKNOWN_INTENT", "target")


@pytest.mark.parametrize("name", [N.SETTLE_HOLD, N.RETRY_HOLD, N.CANCEL_HOLD])
def test_only_a_held_intent_waits_for_an_answer(name: N) -> None:
    waiting = awaiting()

    assert refusal(waiting, name, actor=APPROVER, target=target(waiting), reference="r") == ("NOT_HELD", "target")


def test_a_hold_is_not_refused_like_something_that_never_left() -> None:
    assert refusal(held(), N.REFUSE_INTENT, actor=APPROVER, target=target(held())) == ("HELD", "target")


def test_a_person_settles_a_hold_by_naming_the_effect() -> None:
    drafted = held()
    assert refusal(drafted, N.SETTLE_HOLD, actor=APPROVER, target=target(drafted)) == ("MISSING", "reference")

    done = decide(drafted, command(N.SETTLE_HOLD, actor=APPROVER, target=target(drafted), reference="refund-7"), POLICY)

    assert (refunds(done)[0].state, refunds(done)[0].reference) == (IntentState.SETTLED, "refund-7")
    assert "RefundSettled" in told(done)
    assert done.ordered.ledger.turn is None


def test_one_effect_cannot_be_named_for_two_holds() -> None:
    first = held()
    done = decide(first, command(N.SETTLE_HOLD, actor=APPROVER, target=target(first), reference="refund-7"), POLICY)
    again = decide(committed(done, after(minutes=1)), command(N.ACCEPT_LINES, {SHIRTS: 1}), POLICY)
    second = refunds(again)[1].id
    for verb in (IntentVerb.CLAIM, IntentVerb.LOSE, IntentVerb.HOLD):
        again = again.record(IntentMoved(second, verb, "rule"))

    found = refusal(again, N.SETTLE_HOLD, actor=APPROVER, target=second, reference="refund-7")

    assert found == ("REFUND_OWNED", "reference")


def test_a_hold_is_sent_again_only_by_another_person_and_on_a_free_order_without_deficit() -> None:
    drafted = held("approver")
    of_it: dict[str, Any] = {"target": target(drafted)}
    assert refusal(drafted, N.RETRY_HOLD, actor=APPROVER, **of_it) == ("SAME_PERSON", "command")
    ledger = drafted.ordered.ledger
    busy = replace(drafted, order=replace(drafted.ordered, ledger=replace(ledger, turn=IntentId("another"))))
    assert refusal(busy, N.RETRY_HOLD, actor=SECOND_APPROVER, **of_it) == ("ORDER_BUSY", "target")
    paid = replace(ledger, payments={CARD: replace(ledger.payments[CARD], captured=10)})
    short = replace(drafted, order=replace(drafted.ordered, ledger=paid))
    assert refusal(short, N.RETRY_HOLD, actor=SECOND_APPROVER, **of_it) == ("DEFICIT", "target")

    done = decide(drafted, command(N.RETRY_HOLD, actor=SECOND_APPROVER, **of_it), POLICY)

    assert (refunds(done)[0].state, refunds(done)[0].approved_by) == (IntentState.READY, "approver-b")


def test_cancelling_a_hold_needs_a_reason_and_frees_the_headroom() -> None:
    drafted = held().marked("refund:held")
    of_it: dict[str, Any] = {"actor": APPROVER, "target": target(drafted)}
    assert refusal(drafted, N.CANCEL_HOLD, reason="", **of_it) == ("MISSING", "reason")

    done = decide(drafted, command(N.CANCEL_HOLD, **of_it), POLICY)

    assert refunds(done)[0].state is IntentState.CANCELLED
    assert done.ordered.ledger.available(CARD) == 8500


def test_a_deadline_of_the_merchant_is_waived_with_a_reason_and_the_laws_is_not() -> None:
    drafted = received()
    assert refusal(drafted, N.WAIVE_DEADLINE, target="none") == ("UNKNOWN_DEADLINE", "target")
    assert refusal(drafted, N.WAIVE_DEADLINE, target="decide_units", reason="") == ("MISSING", "reason")
    assert refusal(drafted, N.WAIVE_DEADLINE, target="law_refund") == ("BELOW_LAW", "target")
    locked = policy(locked=True)
    assert refusal(drafted, N.WAIVE_DEADLINE, target="decide_units", rules=locked) == ("POLICY_LOCKED", "target")

    done = decide(drafted, command(N.WAIVE_DEADLINE, target="decide_units"), POLICY)

    assert done.case.deadlines["decide_units"].due is None
    assert "DeadlineWaived" in told(done)


def test_a_mark_is_cleared_with_a_word_of_what_was_done() -> None:
    marked = authorised().marked("late_parcel")
    assert refusal(marked, N.CLEAR_MARK, target="deficit") == ("UNKNOWN_MARK", "target")
    assert refusal(marked, N.CLEAR_MARK, target="late_parcel", reason="") == ("MISSING", "reason")

    assert decide(marked, command(N.CLEAR_MARK, target="late_parcel"), POLICY).case.marks == frozenset()


ALWAYS = {N.IDENTIFY_PARCEL, N.CLEAR_MARK, N.WAIVE_DEADLINE, N.CLOSE_DIFFERENCE}


@pytest.mark.proves("F004")
@pytest.mark.parametrize("name", sorted(set(N) - ALWAYS))
def test_on_an_observing_account_nothing_is_decided(name: N) -> None:
    watching = replace(received(), control=control(Mode.OBSERVE))

    assert refusal(watching, name, {SHIRTS: 1}, actor=APPROVER) == ("ACCOUNT_OBSERVES", "account")


def test_in_shadow_a_command_is_written_down_and_nothing_leaves() -> None:
    done = decide(replace(received(), control=control(Mode.SHADOW)), command(N.ACCEPT_LINES, {SHIRTS: 1}), POLICY)

    assert {found.state for found in done.intents.values()} == {IntentState.SHADOWED}
    assert done.ordered.ledger.claims == {}


@pytest.mark.parametrize("name", [N.ACCEPT_LINES, N.CLOSE_RETURN, N.AUTHORISE_RETURN])
def test_a_parcel_nobody_knows_is_not_decided_like_a_return(name: N) -> None:
    parcel = case(Parcel(receipt(), NOW), kind=CaseKind.PARCEL, order=None)

    found = refusal(Draft(parcel, None, {}, control(), NOW), name, {SHIRTS: 1}, reason="expired", comment="x")

    assert found == ("NOT_A_RETURN", "case")


@pytest.mark.proves("F029", "F030")
def test_no_command_is_carried_out_by_another_channels_policy_even_without_an_order() -> None:
    parcel = case(Parcel(receipt(), NOW), kind=CaseKind.PARCEL, order=None, marks=frozenset({"unknown_parcel"}))
    drafted = Draft(parcel, None, {}, control(), NOW)

    found = refusal(drafted, N.CLEAR_MARK, target="unknown_parcel", rules=policy(channel="amazon"))

    assert found == ("WRONG_CHANNEL", "policy")


def test_identifying_a_parcel_needs_both_its_cases() -> None:
    assert refusal(authorised(), N.IDENTIFY_PARCEL)[0] == "TWO_CASES"


def test_a_command_that_the_state_does_not_allow_names_state_and_verb() -> None:
    closed = draft(return_reading(status=ChannelStatus.CLOSED))

    assert refusal(closed, N.CLOSE_RETURN, reason="expired", comment="x") == ("ILLEGAL_TRANSITION", "return")


def test_units_others_have_paid_lower_what_an_amount_may_be() -> None:
    paid = received()
    reading = order_reading(as_of=after(hours=1), refunds=(refund_reading(minor=5500),))

    short = read_order(paid, reading)

    assert refusal(committed(short), N.ACCEPT_LINES, {SHIRTS: 1}, amounts={SHIRTS: 501})[0] == "OVER_HEADROOM"
    assert refunds(decide(committed(short), command(N.ACCEPT_LINES, {SHIRTS: 1}), POLICY))[0].act is Act.REFUND
