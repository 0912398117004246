"""A person's command: shown before money moves, confirmed exactly as shown, refused by name, and written once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from quittance.application.command_case import Answer, command_case
from quittance.domain.account import Mode
from quittance.domain.command import Actor, Authority, Command, CommandName, parse_command
from quittance.domain.errors import Conflict, Rejected
from quittance.domain.ids import CaseId
from quittance.domain.intent import Act, IntentState
from quittance.domain.money import Money
from quittance.domain.observations import ChannelStatus, Condition
from quittance.domain.return_request import ReturnState
from tests.support import builders as b
from tests.support.workbench import PlainSeal, Workbench

N = CommandName
USED = b.units(condition=Condition.USED)


@pytest.fixture
def received() -> Workbench:
    """One used shirt has arrived, and a person has to judge it."""
    bench = Workbench().authorised()
    bench.receive(b.receipt("parcel-1", USED))
    return bench


def give(bench: Workbench, name: CommandName, actor: Actor = b.AGENT, **given: Any) -> Answer:
    """Give a command as it is, without confirming."""
    stated: dict[str, Any] = {"lines": {}, "amounts": {}, "case": bench.case_id, "version": bench.case.version}
    return command_case(bench.ports, Command(name=name, actor=actor, **(stated | given)), PlainSeal())


ONE_SHIRT: dict[str, Any] = {"lines": {b.SHIRTS: 1}, "reason": "worn_once"}


# Preview and confirmation


def test_a_command_about_money_is_shown_first_and_nothing_is_written(received: Workbench) -> None:
    commits = len(received.engine.commits)

    answer = give(received, N.ACCEPT_LINES, **ONE_SHIRT)

    (refund,) = answer.shown["intents"]
    assert answer.outcome == "previewed"
    assert answer.token
    assert (refund["act"], refund["state"], refund["goods"], refund["currency"]) == ("refund", "READY", 3000, "EUR")
    assert (refund["total"], refund["payments"], refund["units"]) == (3000, {b.CARD: 3000}, {b.SHIRTS: 1})
    assert answer.shown["headroom"] == 8500
    assert len(received.engine.commits) == commits


@pytest.mark.proves("F082", "F094", "F095", "F135")
def test_confirming_what_was_shown_makes_exactly_that_refund_and_shows_its_state_at_once(received: Workbench) -> None:
    shown = give(received, N.ACCEPT_LINES, **ONE_SHIRT)

    done = give(received, N.ACCEPT_LINES, **ONE_SHIRT, token=shown.token)

    assert (done.outcome, done.version) == ("done", received.case.version)
    assert received.refund.total == shown.shown["intents"][0]["total"]
    assert received.refund.id == shown.shown["intents"][0]["intent"]
    assert done.shown["intents"][0]["state"] == received.refund.state == IntentState.READY
    assert received.advance() is IntentState.SETTLED
    assert sum(total for _, _, total in received.shop.effects) == 3000


def test_two_clicks_on_one_confirmation_are_one_refund(received: Workbench) -> None:
    token = give(received, N.ACCEPT_LINES, **ONE_SHIRT).token
    version = received.case.version

    clicks = [give(received, N.ACCEPT_LINES, **ONE_SHIRT, token=token, version=version) for _ in range(2)]

    assert [(click.outcome, click.version) for click in clicks] == [("done", version + 1)] * 2
    assert len(received.intents(Act.REFUND)) == 1


def test_two_clicks_at_the_same_moment_are_one_refund(received: Workbench) -> None:
    token = give(received, N.ACCEPT_LINES, **ONE_SHIRT).token
    other: list[Answer] = []
    commit = received.table.commit

    def second_click_commits_first(changes: Any) -> None:
        received.table.commit = commit  # type: ignore[method-assign]
        other.append(give(received, N.ACCEPT_LINES, **ONE_SHIRT, token=token))
        commit(changes)

    received.table.commit = second_click_commits_first  # type: ignore[method-assign]
    first = give(received, N.ACCEPT_LINES, **ONE_SHIRT, token=token)

    assert (other[0].outcome, first.outcome) == ("done", "done")
    assert other[0].version == first.version
    assert _intents(other[0]) == _intents(first)
    assert len(received.intents(Act.REFUND)) == 1


def _intents(answer: Answer) -> list[Any]:
    return list(answer.shown["intents"])


@pytest.mark.proves("F093", "F098")
@pytest.mark.parametrize("clicks", [2, 5])
def test_n_identical_clicks_are_one_refund_and_get_the_same_answer(received: Workbench, clicks: int) -> None:
    token = give(received, N.ACCEPT_LINES, **ONE_SHIRT).token
    version = received.case.version

    answers = [give(received, N.ACCEPT_LINES, **ONE_SHIRT, token=token, version=version) for _ in range(clicks)]

    (refund,) = received.intents(Act.REFUND)
    assert {(answer.outcome, answer.version) for answer in answers} == {("done", version + 1)}
    assert all(_intents(answer) == _intents(answers[0]) for answer in answers)
    assert [one["intent"] for one in _intents(answers[-1])] == [refund.id]
    assert received.case.version == version + 1, "the clicks after the first wrote nothing"


@pytest.mark.proves("F093")
def test_a_click_again_after_the_refund_has_settled_is_answered_by_what_became_of_it(received: Workbench) -> None:
    token = give(received, N.ACCEPT_LINES, **ONE_SHIRT).token
    version = received.case.version
    give(received, N.ACCEPT_LINES, **ONE_SHIRT, token=token)
    received.advance()

    again = give(received, N.ACCEPT_LINES, **ONE_SHIRT, token=token, version=version)

    assert (again.outcome, again.version) == ("done", version + 1)
    assert [one["state"] for one in _intents(again)] == ["SETTLED"]
    assert received.shop.paid(received.refund.id) == 1


@pytest.mark.parametrize(
    "changed",
    [{"reason": "other"}, {"lines": {b.SHIRTS: 2}}, {"actor": b.APPROVER}, {"token": ""}, {"comment": "and more"}],
    ids=lambda changed: next(iter(changed)),
)
def test_on_the_same_old_version_any_other_command_is_stale(received: Workbench, changed: dict[str, Any]) -> None:
    token = give(received, N.ACCEPT_LINES, **ONE_SHIRT).token
    version = received.case.version
    give(received, N.ACCEPT_LINES, **ONE_SHIRT, token=token)

    answer = give(received, N.ACCEPT_LINES, **(ONE_SHIRT | {"token": token, "version": version} | changed))

    assert (answer.outcome, answer.code) == ("refused", "STALE_VERSION")
    assert len(received.intents(Act.REFUND)) == 1


def test_a_click_whose_commit_got_through_without_an_answer_is_answered_as_done(received: Workbench) -> None:
    token = give(received, N.ACCEPT_LINES, **ONE_SHIRT).token
    commit = received.table.commit

    def lost(changes: Any) -> None:
        received.table.commit = commit  # type: ignore[method-assign]
        commit(changes)
        raise Conflict("the retried transaction found its own write")

    received.table.commit = lost  # type: ignore[method-assign]
    answer = give(received, N.ACCEPT_LINES, **ONE_SHIRT, token=token)

    assert (answer.outcome, answer.code) == ("done", "")
    assert len(received.intents(Act.REFUND)) == 1


@pytest.mark.parametrize(
    "changed",
    [{"lines": {b.SHIRTS: 2}}, {"amounts": {b.SHIRTS: 100}}, {"reason": "other"}, {"override": True}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_token_confirms_exactly_what_was_shown(changed: dict[str, Any]) -> None:
    bench = Workbench().authorised()
    bench.receive(b.receipt("parcel-1", b.units(quantity=2, condition=Condition.USED)))
    token = give(bench, N.ACCEPT_LINES, b.APPROVER, **ONE_SHIRT).token

    answer = give(bench, N.ACCEPT_LINES, b.APPROVER, **(ONE_SHIRT | changed), token=token)

    assert (answer.outcome, answer.code, answer.field) == ("refused", "STALE_PREVIEW", "token")
    assert bench.intents(Act.REFUND) == []


def test_a_token_is_of_the_alias_it_was_shown_to(received: Workbench) -> None:
    token = give(received, N.ACCEPT_LINES, **ONE_SHIRT).token

    assert give(received, N.ACCEPT_LINES, b.APPROVER, **ONE_SHIRT, token=token).code == "STALE_PREVIEW"


def test_any_write_to_the_order_since_the_preview_refuses_it(received: Workbench) -> None:
    token = give(received, N.ACCEPT_LINES, **ONE_SHIRT).token
    version = received.case.version
    received.shop.returns["502"] = replace(
        received.shop.returns[b.RETURN], id="502", rma="R-502", status=ChannelStatus.REQUESTED
    )
    received.observe()
    assert received.case.version == version

    assert give(received, N.ACCEPT_LINES, **ONE_SHIRT, token=token).code == "STALE_PREVIEW"


def test_what_another_worker_wrote_meanwhile_refuses_the_commit_and_nothing_is_mixed(received: Workbench) -> None:
    token = give(received, N.ACCEPT_LINES, **ONE_SHIRT).token
    commit = received.table.commit

    def colleague_first(changes: Any) -> None:
        received.table.commit = commit  # type: ignore[method-assign]
        received.shop.colleague_refunds(b.ORDERED, b.CARD, 8000)
        received.observe()
        commit(changes)

    received.table.commit = colleague_first  # type: ignore[method-assign]
    answer = give(received, N.ACCEPT_LINES, **ONE_SHIRT, token=token)

    assert (answer.outcome, answer.code, answer.field) == ("refused", "STALE_VERSION", "version")
    assert received.intents(Act.REFUND) == []


@pytest.mark.proves("F095")
def test_an_amount_above_the_line_is_refused_and_below_it_is_an_adjustment(received: Workbench) -> None:
    over = give(received, N.ACCEPT_LINES, **ONE_SHIRT, amounts={b.SHIRTS: 3001})
    under = give(received, N.ACCEPT_LINES, **ONE_SHIRT, amounts={b.SHIRTS: 2500})

    assert (over.code, over.field) == ("OVER_HEADROOM", f"lines.{b.SHIRTS}.amount")
    (refund,) = under.shown["intents"]
    assert (refund["goods"], refund["adjustment"], refund["total"]) == (3000, -500, 2500)


# Refusals


def test_an_old_version_is_refused_with_the_newest_and_nothing_is_written() -> None:
    bench = Workbench()
    bench.observe()
    commits = len(bench.engine.commits)

    answer = give(bench, N.AUTHORISE_RETURN, version=99)

    assert (answer.code, answer.field) == ("STALE_VERSION", "version")
    assert "version 1" in answer.fix
    assert len(bench.engine.commits) == commits
    assert bench.tally.counts["CommandRefused", "STALE_VERSION"] == 1


def test_a_case_that_nobody_knows_is_refused() -> None:
    bench = Workbench()
    bench.observe()

    assert give(bench, N.AUTHORISE_RETURN, case=CaseId("nobody")).code == "UNKNOWN_CASE"


@pytest.mark.parametrize(
    "name, actor, given, code",
    [
        (N.ACCEPT_LINES, b.VIEWER, ONE_SHIRT, "NOT_ALLOWED"),
        (N.APPROVE_INTENT, b.AGENT, {"target": "x"}, "NOT_ALLOWED"),
        (N.ACCEPT_LINES, b.AGENT, ONE_SHIRT | {"override": True}, "NOT_ALLOWED"),
        (N.ACCEPT_LINES, b.AGENT, {"lines": {b.SHIRTS: 1}}, "MISSING"),
        (N.ACCEPT_LINES, b.AGENT, ONE_SHIRT | {"lines": {b.SHIRTS: 2}}, ""),
        (N.ACCEPT_LINES, b.AGENT, ONE_SHIRT | {"lines": {"another order's": 1}}, ""),
        (N.APPROVE_INTENT, b.APPROVER, {"target": "nobody"}, "UNKNOWN_INTENT"),
        (N.WAIVE_DEADLINE, b.AGENT, {"target": "nothing", "reason": "x"}, "UNKNOWN_DEADLINE"),
        (N.CLEAR_MARK, b.AGENT, {"target": "nothing", "reason": "x"}, "UNKNOWN_MARK"),
        (N.CLOSE_RETURN, b.AGENT, {"reason": "because", "comment": "bye"}, "REASON_NOT_LISTED"),
        (N.CLOSE_RETURN, b.AGENT, {"reason": "returned", "comment": " "}, "MISSING"),
        (N.AUTHORISE_RETURN, b.AGENT, {}, ""),
    ],
)
def test_a_refused_command_writes_nothing_and_says_what_is_wrong(
    received: Workbench, name: CommandName, actor: Actor, given: dict[str, Any], code: str
) -> None:
    before = received.scene
    commits = len(received.engine.commits)

    answer = give(received, name, actor, **given)

    assert answer.outcome == "refused"
    assert code in ("", answer.code)
    assert answer.field
    assert answer.fix
    assert len(received.engine.commits) == commits
    assert received.scene == before


@pytest.mark.proves("F095")
@pytest.mark.parametrize(
    "raw, code, field",
    [
        ({"order": "#1001"}, "UNKNOWN_KEY", "order"),
        ({"currency": "EUR"}, "UNKNOWN_KEY", "currency"),
        ({"lines": [{"line": "a", "quantity": 1, "currency": "EUR"}]}, "BAD_VALUE", "lines.0"),
        ({"lines": [{"line": "a", "quantity": 1.5}]}, "BAD_QUANTITY", "lines.0.quantity"),
        ({"lines": [{"line": "a", "quantity": 1, "amount": -1}]}, "BAD_AMOUNT", "lines.0.amount"),
        ({"version": "1"}, "BAD_VERSION", "version"),
    ],
)
def test_unknown_keys_and_wrong_kinds_are_refused_by_their_place(raw: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_command({"command": "AcceptLines", "case": "c", "version": 1, **raw}, b.AGENT)

    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.proves("F125")
def test_what_the_channel_cannot_do_is_refused_before_anything_is_written() -> None:
    bench = Workbench()
    bench.observe()
    commits = len(bench.engine.commits)
    guard = bench.shop.guard
    bench.shop.guard = lambda act: None if act is Act.APPROVE_RETURN else guard(act)  # type: ignore[method-assign]

    answer = give(bench, N.AUTHORISE_RETURN)

    assert (answer.outcome, answer.code) == ("refused", "NOT_SUPPORTED")
    assert "shopify cannot approve_return" in answer.fix
    assert len(bench.engine.commits) == commits


@pytest.mark.proves("F129")
def test_an_account_that_observes_decides_nothing() -> None:
    bench = Workbench()
    bench.observe()
    bench.set(Mode.OBSERVE)

    answer = give(bench, N.AUTHORISE_RETURN)

    assert (answer.code, answer.field) == ("ACCOUNT_OBSERVES", "account")
    assert bench.intents() == []


@pytest.mark.proves("F129")
def test_in_shadow_a_decision_is_made_and_nothing_leaves() -> None:
    bench = Workbench()
    bench.observe()
    bench.set(Mode.SHADOW)

    answer = give(bench, N.AUTHORISE_RETURN, reason="inside")

    assert answer.outcome == "done"
    assert [intent.state for intent in bench.intents()] == [IntentState.SHADOWED]
    assert bench.advance() is IntentState.SHADOWED
    bench.set(Mode.LIVE)
    assert bench.advance() is IntentState.SHADOWED, "what was a shadow never becomes real"
    assert bench.shop.effects == []


# A locked policy and a free one


@pytest.mark.proves("F002", "F003")
@pytest.mark.parametrize("locked, outcome, code", [(True, "refused", "POLICY_LOCKED"), (False, "done", "")])
def test_the_same_override_is_refused_under_a_locked_policy_and_done_under_the_shops(
    locked: bool, outcome: str, code: str
) -> None:
    bench = Workbench(locked=locked, window_days=1)
    bench.shop.orders[b.ORDERED] = b.order_reading(delivered_at=b.after(days=-60))
    bench.observe()

    answer = give(bench, N.AUTHORISE_RETURN, b.APPROVER, override=True, reason="goodwill")

    assert (answer.outcome, answer.code) == (outcome, code)
    assert len(bench.intents()) == (outcome == "done")


# Two people


@pytest.mark.proves("F094")
def test_a_refund_above_the_limit_waits_for_another_person() -> None:
    bench = Workbench(refund_alone_up_to=Money(1000, "EUR")).authorised()
    bench.receive(b.receipt("parcel-1", USED))

    answer = bench.order(N.ACCEPT_LINES, b.APPROVER, **ONE_SHIRT)

    assert answer.outcome == "awaiting_approval"
    assert bench.refund.state is IntentState.AWAITING_APPROVAL
    own = bench.order(N.APPROVE_INTENT, b.APPROVER, target=bench.refund.id)
    assert (own.outcome, own.code) == ("refused", "SAME_PERSON")
    assert bench.order(N.APPROVE_INTENT, b.SECOND_APPROVER, target=bench.refund.id).outcome == "done"
    assert bench.advance() is IntentState.SETTLED


def test_an_approval_is_shown_before_it_is_given_too() -> None:
    bench = Workbench(refund_alone_up_to=Money(1000, "EUR")).authorised()
    bench.receive(b.receipt("parcel-1", USED))
    bench.order(N.ACCEPT_LINES, **ONE_SHIRT)

    answer = give(bench, N.APPROVE_INTENT, b.APPROVER, target=bench.refund.id)

    assert answer.outcome == "previewed"
    assert bench.refund.state is IntentState.AWAITING_APPROVAL


def test_a_refused_refund_gives_its_headroom_back() -> None:
    bench = Workbench(refund_alone_up_to=Money(1000, "EUR")).authorised()
    bench.receive(b.receipt("parcel-1", USED))
    bench.order(N.ACCEPT_LINES, **ONE_SHIRT)
    assert bench.scene.order is not None
    assert bench.scene.order.ledger.available(b.CARD) == 5500

    bench.order(N.REFUSE_INTENT, b.APPROVER, target=bench.refund.id, reason="not_ours")

    assert bench.refund.state is IntentState.CANCELLED
    assert bench.scene.order.ledger.available(b.CARD) == 8500


# One decision a unit


@pytest.mark.proves("F035", "F138")
def test_a_unit_is_refunded_or_exchanged_and_never_both(received: Workbench) -> None:
    exchanged = received.order(N.EXCHANGE_LINES, **ONE_SHIRT)
    refunded = received.order(N.ACCEPT_LINES, **ONE_SHIRT)

    assert (exchanged.outcome, refunded.outcome) == ("done", "refused")
    assert received.intents(Act.REFUND) == []


@pytest.mark.proves("F062", "F065", "F066")
def test_closing_needs_reason_and_comment_and_a_second_close_is_refused_while_the_first_is_underway() -> None:
    bench = Workbench().authorised()

    assert give(bench, N.CLOSE_RETURN, comment="bye").code == "REASON_NOT_LISTED"
    assert give(bench, N.CLOSE_RETURN, reason="returned").code == "MISSING"
    assert give(bench, N.CLOSE_RETURN, reason="returned", comment="All is well.").outcome == "done"
    assert give(bench, N.CLOSE_RETURN, reason="returned", comment="All is well.").code == "UNDERWAY"
    bench.advance()
    assert bench.case.state == ReturnState.CLOSED
    assert give(bench, N.CLOSE_RETURN, reason="returned", comment="All is well.").outcome == "refused"


@pytest.mark.proves("F064")
def test_a_decline_tells_the_buyer_the_reason_and_keeps_the_words_apart() -> None:
    bench = Workbench(window_days=1)
    bench.shop.orders[b.ORDERED] = b.order_reading(delivered_at=b.after(days=-60))
    bench.observe()

    answer = give(bench, N.DECLINE_RETURN, reason="outside_window", comment="Die Frist ist um.")

    (intent,) = bench.intents()
    assert answer.outcome == "done"
    assert bench.table.words(bench.case_id, intent.text) == "Die Frist ist um."
    assert "Frist" not in repr(intent)
    assert bench.advance() is IntentState.SETTLED
    assert bench.case.state == ReturnState.DECLINED


@pytest.mark.proves("F074", "F139")
def test_units_left_to_the_buyer_are_refunded_without_a_parcel() -> None:
    bench = Workbench().authorised()

    assert bench.order(N.KEEP_LINES, lines={b.SHIRTS: 1}, reason="postage_above_price").outcome == "done"
    assert bench.advance() is IntentState.SETTLED
    assert sum(total for _, _, total in bench.shop.effects) == 3000


@pytest.mark.proves("F075")
def test_units_that_have_not_arrived_are_not_accepted() -> None:
    bench = Workbench().authorised()

    assert bench.order(N.ACCEPT_LINES, **ONE_SHIRT).outcome == "refused"
    assert bench.intents(Act.REFUND) == []


def test_authority_grows_with_the_alias() -> None:
    order = [Authority.VIEWER, Authority.AGENT, Authority.APPROVER]
    done = []
    for authority in order:
        bench = Workbench()
        bench.observe()
        done.append(give(bench, N.AUTHORISE_RETURN, Actor(authority.value, authority)).outcome)

    assert done == ["refused", "done", "done"]
