"""Through the template: a customer enters the table as a salted hash where refunds are counted, and else not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.documents import read
from ops.publish_policy import publish
from quittance.domain.intent import Act, IntentState
from tests.functions.stack import Stack, stack
from tests.support.deployed import STORE
from tests.support.functions import ROOT

__all__ = ["stack"]  # fixture


def everything(stack: Stack) -> str:
    """Every item of the table as text."""
    return json.dumps(stack.cloud.client("dynamodb").scan(TableName="Table")["Items"])


def ids(stack: Stack) -> list[str]:
    """The shop's own ids of its customers, as number and as gid."""
    return [name.rpartition("/")[2] for name in stack.shop.floor().books.customers]


def bound(stack: Stack, **row: Any) -> None:
    """Publish the accounts with bounds for the one account."""
    found = read(ROOT / "policies")
    accounts = {**found["accounts"], "version": 2, "account": [{"account": STORE, **row}]}
    list(publish(stack.cloud.engine, {**found, "accounts": accounts}))


@pytest.mark.proves("B24")
def test_who_bought_is_written_as_a_hash_and_counted_with_each_refund(stack: Stack) -> None:
    bound(stack, velocity={"refunds": 1, "days": 30})

    case = stack.refunding()

    (item,) = [i for i in _items(stack) if i["pk"]["S"].startswith(f"CUSTOMER#{STORE}#")]
    assert item["sk"]["S"] == f"CASE#{case}"
    assert len(item["refunds"]["L"]) == 1
    assert ids(stack)
    assert [known for known in ids(stack) if known in everything(stack)] == []


def test_the_refund_after_those_that_the_policy_lets_pass_needs_approval(stack: Stack) -> None:
    bound(stack, velocity={"refunds": 1, "days": 30}, daily_budget={"EUR": "500.00"})
    case = stack.ask_back(SCARF=1, HAT=1)
    stack.ingest(stack.webhook())
    stack.shop.admin_approve(stack.request)
    stack.ingest(stack.webhook("w-2", "returns/approve"))

    stack.ingest(stack.report("P-1", SCARF=1))
    stack.ingest(stack.report("P-2", HAT=1))

    refunds = [i for i in stack.cloud.table.load_scene(case).intents.values() if i.act is Act.REFUND]
    assert sorted((i.state, i.why) for i in refunds) == [
        (IntentState.AWAITING_APPROVAL, "velocity"),
        (IntentState.READY, ""),
    ]
    (shard,) = [i for i in _items(stack) if i["pk"]["S"].startswith(f"SPENT#{STORE}#")]
    assert shard["sk"]["S"].startswith("SHARD#EUR#")
    assert int(shard["left"]["N"]) == int(shard["share"]["N"]) - 3990


def test_where_nobody_counts_customers_the_shop_is_not_asked_who_bought(stack: Stack) -> None:
    stack.refunding()

    assert [i for i in _items(stack) if i["pk"]["S"].startswith(("CUSTOMER#", "SPENT#"))] == []
    assert "customer" not in everything(stack)


def _items(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.cloud.client("dynamodb").scan(TableName="Table")["Items"]
    return found
