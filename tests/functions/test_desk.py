"""The door for people: authority is the alias of the invoked ARN, every key is known, money is previewed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from quittance.domain.intent import Act, IntentState
from tests.functions.stack import Stack, stack

__all__ = ["stack"]  # fixture


def test_a_viewer_sees_and_does_nothing_else(stack: Stack) -> None:
    case = stack.opened()

    assert stack.cloud.desk("viewer", command="ShowCase", case=case)["state"] == "requested"
    refused = stack.cloud.desk("viewer", command="AuthoriseReturn", case=case, version=1)
    assert (refused["outcome"], refused["code"]) == ("refused", "NOT_ALLOWED")


@pytest.mark.proves("F003")
def test_one_alias_per_person_signs_what_that_person_decided(stack: Stack) -> None:
    case = stack.opened()

    assert stack.cloud.desk("agent-marie", command="AuthoriseReturn", case=case, version=1)["outcome"] == "done"

    assert stack.intent(case, Act.APPROVE_RETURN)[0].requested_by == "agent-marie"


@pytest.mark.proves("F082", "F094")
def test_money_is_shown_signed_confirmed_once_and_only_as_it_was_shown(stack: Stack) -> None:
    case = stack.opened()
    order: dict[str, Any] = {"command": "KeepLines", "case": case, "reason": "cheaper"}
    stack.cloud.desk("agent", command="AuthoriseReturn", case=case, version=1)
    stack.shop.admin_approve(stack.request)
    stack.ingest(stack.webhook("w-2", "returns/approve"))
    shown = stack.cloud.desk("viewer", command="ShowCase", case=case)
    order |= {"version": shown["version"], "lines": [{"line": next(iter(shown["lines"])), "quantity": 1}]}

    preview = stack.cloud.desk("agent", **order)
    assert preview["outcome"] == "previewed"
    assert preview["shown"]["intents"][0]["total"] == 3990
    forged = stack.cloud.desk("agent", **order, token=preview["token"][:-1] + "0")
    other = stack.cloud.desk("agent-marie", **order, token=preview["token"])
    stack.cloud.set_clock(601)
    old = stack.cloud.desk("agent", **order, token=preview["token"])
    stack.cloud.set_clock(0)
    clicks = [stack.cloud.desk("agent", **order, token=preview["token"])["outcome"] for _ in range(2)]

    assert [one["code"] for one in (forged, other, old)] == ["STALE_PREVIEW"] * 3
    assert clicks == ["done", "done"], "the second click is answered by what the first did"
    assert stack.intent(case, Act.REFUND)[0].state is IntentState.READY


def test_open_cases_are_listed_by_queue(stack: Stack) -> None:
    case = stack.opened()

    listed = stack.cloud.desk("viewer", command="ListCases", queue="shopify-return")

    assert [one["case"] for one in listed["cases"]] == [case]
    assert stack.cloud.desk("viewer", command="ListCases", queue="amazon-claim")["cases"] == []


@pytest.mark.proves("F008", "F031")
def test_the_rules_come_with_the_case_as_published(stack: Stack) -> None:
    case = stack.opened()

    rules = stack.cloud.desk("viewer", command="ShowCase", case=case)["rules"]

    assert (rules["standing"], rules["window_days"]) == ("NEGOTIABLE", 30)
    assert json.loads(json.dumps(rules)) == rules
