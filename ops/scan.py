"""Reads the table from end to end, which only a command may: functions know what they look for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.published import stores
from ops.stack import Stack
from quittance.domain.case import Case
from quittance.domain.errors import Rejected
from quittance.domain.order import Order
from quittance.storage import keys
from quittance.storage.expressions import plain
from quittance.storage.items_case import case_of
from quittance.storage.items_order import order_of


def items(stack: Stack, prefix: str, sort_key: str = "") -> Iterator[dict[str, Any]]:
    """Every item whose partition begins so; with `sort_key`, whose sort key begins so too."""
    condition, values = "begins_with(pk, :pk)", {":pk": {"S": prefix}}
    if sort_key:
        condition, values = f"{condition} AND begins_with(sk, :sk)", {**values, ":sk": {"S": sort_key}}
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=stack.output("TableName"),
            FilterExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
    )
    return (plain(item) for page in pages for item in page["Items"])


def channels_of(stack: Stack, account: str) -> list[str]:
    """The channels at which an account sells; raises Rejected(UNKNOWN_ACCOUNT) for one that no policy lists."""
    found = sorted({store.channel for store in stores(stack.engine) if store.account == account})
    if not found:
        raise Rejected("UNKNOWN_ACCOUNT", "account", f"list {account} in accounts.toml and publish it first")
    return found


def orders(stack: Stack, channel: str, account: str) -> Iterator[Order]:
    """Every order of an account."""
    prefix = keys.ORDER.pk.format(channel=channel, account=account, order="")
    return (order_of(item) for item in items(stack, prefix, keys.ORDER.sk))


def cases(stack: Stack, account: str) -> Iterator[Case]:
    """Every case of an account."""
    heads = items(stack, keys.CASE.pk.format(case=""), keys.CASE.sk)
    return (case_of(item) for item in heads if item["account"] == account)
