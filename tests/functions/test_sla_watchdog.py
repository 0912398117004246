"""The tick routes what is due, one at a time; fire does one due step of a case, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from quittance.application.ports import Poll
from quittance.storage import keys
from tests.functions.stack import Stack, stack
from tests.support.deployed import STORE, wake

__all__ = ["stack"]  # fixture

DAY = 24 * 3600
TICKS_APART = 60


@pytest.mark.proves("F005")
def test_a_deadline_goes_from_the_index_to_its_queue_and_fires_once(stack: Stack) -> None:
    case = stack.opened()
    assert stack.cloud.call("WatchdogTickFunction", {}) == {}

    stack.cloud.set_clock(DAY + TICKS_APART)
    assert stack.cloud.call("WatchdogTickFunction", {}) == {"due:2": 1}
    (message,) = stack.cloud.messages("DueQueue")
    for _ in range(2):
        assert stack.cloud.work("WatchdogFireFunction", message) == {"batchItemFailures": []}

    events = [name for entry in stack.cloud.table.history(case) for name, _ in entry.events]
    assert events.count("DeadlineWarned") == 1
    assert stack.case(case).version == 2


def test_of_two_ticks_at_the_same_time_one_routes(stack: Stack) -> None:
    stack.opened()
    stack.cloud.set_clock(DAY + TICKS_APART)

    assert stack.cloud.call("WatchdogTickFunction", {}) == {"due:2": 1}
    assert stack.cloud.call("WatchdogTickFunction", {}) == {}
    assert len(stack.cloud.messages("DueQueue")) == 1


def test_a_message_for_a_case_that_moved_on_does_nothing(stack: Stack) -> None:
    case = stack.opened()

    assert stack.cloud.work("WatchdogFireFunction", wake(keys.case_head(case)), attempt=4) == {"batchItemFailures": []}

    assert stack.case(case).version == 1
    assert stack.case(case).due_tries == 0


def test_a_full_queue_is_left_alone_until_it_is_emptier(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.opened()
    stack.cloud.set_clock(DAY + TICKS_APART)
    environment = {**stack.cloud.environment("WatchdogTickFunction"), "QUITTANCE_DUE_CAP": "1"}
    monkeypatch.setattr(stack.cloud, "environment", lambda _: environment)
    for _ in range(2):
        stack.cloud.client("sqs").send_message(QueueUrl=stack.cloud.physical["DueQueue"], MessageBody="{}")

    assert stack.cloud.call("WatchdogTickFunction", {}) == {}
    stack.cloud.messages("DueQueue")
    stack.cloud.set_clock(DAY + 2 * TICKS_APART)
    assert stack.cloud.call("WatchdogTickFunction", {}) == {"due:2": 1}


def test_a_poll_that_is_due_goes_to_its_queue_each_round(stack: Stack) -> None:
    _poll_of(stack)

    assert stack.cloud.call("WatchdogTickFunction", {}) == {"poll:2": 1}
    assert "POLL#returns" in stack.cloud.messages("PollQueue")[0]


def _poll_of(stack: Stack) -> None:
    poll = Poll("shopify", STORE, STORE, "returns", timedelta(minutes=5), datetime.now(UTC), 1)
    stack.cloud.table.save_poll(None, poll)
