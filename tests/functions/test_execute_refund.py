"""Intents through the deployed function: one step each, once outside, and nothing begun that cannot be finished."""

from __future__ import annotations

import pytest

from quittance.domain.account import Control, Mode
from quittance.domain.intent import Act, IntentState
from tests.functions.stack import Stack, stack
from tests.support.deployed import STORE, Context, names_of, sqs_event, wake

__all__ = ["stack"]  # fixture


def refunds(stack: Stack) -> int:
    """How often the shop was asked to pay."""
    return len([one for one in stack.shop.requests if one.fields == ("returnProcess",)])


@pytest.mark.proves("F027", "F073", "F135")
def test_a_ready_refund_is_paid_once_however_often_it_is_woken(stack: Stack) -> None:
    case = stack.refunding()
    _, key = stack.intent(case, Act.REFUND)

    for _ in range(3):
        assert stack.cloud.work("ExecuteRefundFunction", wake(key), wake(key, key)) == {"batchItemFailures": []}

    assert stack.intent(case, Act.REFUND)[0].state is IntentState.SETTLED
    assert refunds(stack) == 1
    (summary,) = stack.shop.books().values()
    assert summary.refunded == 3990


def test_a_lost_answer_is_unknown_and_settled_by_looking_back_after_the_horizon(stack: Stack) -> None:
    case = stack.refunding()
    _, key = stack.intent(case, Act.REFUND)
    stack.shop.faults.lose_answer("returnProcess")

    stack.cloud.work("ExecuteRefundFunction", wake(key))
    assert stack.intent(case, Act.REFUND)[0].state is IntentState.UNKNOWN
    stack.cloud.work("ExecuteRefundFunction", wake(key))
    assert stack.intent(case, Act.REFUND)[0].state is IntentState.UNKNOWN
    stack.cloud.set_clock(300)
    stack.cloud.work("ExecuteRefundFunction", wake(key))

    assert stack.intent(case, Act.REFUND)[0].state is IntentState.SETTLED
    assert refunds(stack) == 1


def test_without_time_for_a_send_nothing_is_begun_and_the_message_comes_again(stack: Stack) -> None:
    case = stack.refunding()
    _, key = stack.intent(case, Act.REFUND)
    event = sqs_event(wake(key))

    answer = stack.cloud.call("ExecuteRefundFunction", event, Context(left=10_000))

    assert names_of(answer) == [event["Records"][0]["messageId"]]
    assert stack.intent(case, Act.REFUND)[0].state is IntentState.READY
    assert refunds(stack) == 0


def test_a_shop_that_cannot_be_read_leaves_the_refund_to_the_due_index(stack: Stack) -> None:
    case = stack.refunding()
    _, key = stack.intent(case, Act.REFUND)
    stack.shop.faults.refuse(503, times=20)

    assert stack.cloud.work("ExecuteRefundFunction", wake(key)) == {"batchItemFailures": []}

    intent = stack.intent(case, Act.REFUND)[0]
    assert intent.state is IntentState.READY
    assert intent.due is not None
    assert refunds(stack) == 0


@pytest.mark.parametrize(
    "control", [Control(Mode.OBSERVE), Control(Mode.LIVE, killed=True), Control(Mode.LIVE, epoch=1)]
)
@pytest.mark.proves("F129")
def test_an_account_that_may_not_send_sends_nothing(stack: Stack, control: Control) -> None:
    case = stack.refunding()
    _, key = stack.intent(case, Act.REFUND)
    stack.cloud.table.set_control(STORE, control)

    stack.cloud.work("ExecuteRefundFunction", wake(key))

    assert refunds(stack) == 0
    assert stack.intent(case, Act.REFUND)[0].state is IntentState.READY
