"""Polls through the deployed function: what no webhook told is found and goes on to the bulk queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from quittance.application.ports import Poll
from quittance.channels.shopify.polls import KNOWN_RETURNS, OPEN_RETURNS
from quittance.storage import keys
from tests.functions.stack import Stack, stack
from tests.support.deployed import STORE, wake

__all__ = ["stack"]  # fixture


def poll_of(stack: Stack, source: str) -> str:
    poll = Poll("shopify", STORE, STORE, source, timedelta(minutes=5), datetime.now(UTC) - timedelta(minutes=1), 1)
    stack.cloud.table.save_poll(None, poll)
    return wake(keys.poll(STORE, source))


@pytest.mark.proves("F132")
def test_a_return_whose_webhook_was_lost_is_found_and_opens_its_case(stack: Stack) -> None:
    case = stack.ask_back()
    message = poll_of(stack, OPEN_RETURNS)

    assert stack.cloud.work("PollChannelsFunction", message) == {"batchItemFailures": []}

    found = stack.cloud.messages("BulkQueue")
    assert [json.loads(body)["topic"] for body in found] == ["poll/order"]
    stack.ingest(*found)
    assert stack.case(case).version == 1


def test_a_poll_that_was_done_is_not_done_again_before_its_time(stack: Stack) -> None:
    stack.ask_back()
    message = poll_of(stack, OPEN_RETURNS)
    stack.cloud.work("PollChannelsFunction", message)
    before = len(stack.shop.requests)

    stack.cloud.work("PollChannelsFunction", message)

    assert len(stack.shop.requests) == before
    assert len(stack.cloud.messages("BulkQueue")) == 1


def test_what_cannot_be_read_leaves_the_poll_due_and_the_message_done(stack: Stack) -> None:
    stack.ask_back()
    message = poll_of(stack, OPEN_RETURNS)
    stack.shop.faults.refuse(503, times=20)

    assert stack.cloud.work("PollChannelsFunction", message) == {"batchItemFailures": []}
    assert stack.cloud.messages("BulkQueue") == []
    stack.shop.faults.clear()
    stack.cloud.work("PollChannelsFunction", message)
    assert len(stack.cloud.messages("BulkQueue")) == 1


def test_a_change_of_a_known_return_is_found_too(stack: Stack) -> None:
    case = stack.opened()
    message = poll_of(stack, KNOWN_RETURNS)
    stack.shop.admin_approve(stack.request)

    stack.cloud.work("PollChannelsFunction", message)
    stack.ingest(*stack.cloud.messages("BulkQueue"))

    assert stack.case(case).state == "authorised"
