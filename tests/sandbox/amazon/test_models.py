"""The simulator's tables are the published ones: every route, rate, parameter, field, limit, value and column."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.amazon import adjusting, feed_xml, flat_file, report_rows, reports, roads
from sandbox.amazon.feed_xml import Leaf, Sequence
from sandbox.amazon.gateway import OPERATIONS
from sandbox.amazon.marketplaces import MARKETPLACES
from sandbox.amazon.operations import Operation
from sandbox.amazon.shapes import Record, Whole
from tests.sandbox.amazon.models import model, shape, usage

Json = dict[str, Any]
# What the model states in words beside the parameter, not in its schema.
IN_WORDS = {("searchOrders", "maxResultsPerPage"): Whole(1, 100)}


def published(reference: Path, operation: Operation) -> Json:
    found: Json = model(reference, operation.model)["paths"][operation.path][operation.method.lower()]
    return found


@pytest.fixture(params=OPERATIONS, ids=[one.key for one in OPERATIONS])
def operation(request: pytest.FixtureRequest) -> Operation:
    found: Operation = request.param
    return found


def test_each_operation_is_a_published_one(operation: Operation, reference: Path) -> None:
    theirs = published(reference, operation)

    assert theirs["operationId"] == operation.name
    assert usage(theirs) == operation.usage
    assert str(operation.status) in theirs["responses"]


def test_each_query_takes_what_the_model_names(operation: Operation, reference: Path) -> None:
    theirs = published(reference, operation)["parameters"]
    of = model(reference, operation.model)
    query = {one["name"]: one for one in theirs if one["in"] == "query"}
    ours = operation.query

    assert set(ours.required) == {name for name, one in query.items() if one.get("required")}
    assert {name: IN_WORDS.get((operation.name, name), shape(of, one)) for name, one in query.items()} == ours.fields
    names = {one["name"] for one in theirs if one["in"] == "path"}
    assert set(re.findall(r"\{(\w+)\}", operation.path)) == names


def test_each_body_takes_what_the_model_names(operation: Operation, reference: Path) -> None:
    bodies = [one["schema"] for one in published(reference, operation)["parameters"] if one["in"] == "body"]

    assert bool(bodies) == (operation.body is not None)
    for schema in bodies:
        assert shape(model(reference, operation.model), schema) == operation.body


def test_grantless_operations_are_those_that_the_model_calls_so(reference: Path) -> None:
    wrong = [
        one.key
        for one in OPERATIONS
        if one.model == "notifications"
        and ("is grantless" in published(reference, one)["description"]) != (one.scope is not None)
    ]

    assert wrong == []


def test_no_operation_is_served_twice() -> None:
    routes = [(one.method, re.sub(r"\{\w+\}", "{}", one.path)) for one in OPERATIONS]

    assert len(routes) == len(set(routes))


# Feeds


def contract(reference: Path, name: str) -> Json:
    loaded: Json = json.loads((reference / f"amazon/contracts/{name}.json").read_text())
    return loaded


def order_of(sequence: Sequence) -> list[tuple[str, str]]:
    """(names, cardinality) as the contracts write them."""
    told = {(0, 1): "0..1", (1, 1): "1", (0, None): "0..n", (1, None): "1..n"}
    return [(" | ".join(part.names), told[part.least, part.most]) for part in sequence.parts]


def expected(order: list[Json]) -> list[tuple[str, str]]:
    return [(one["name"], one["cardinality"].removesuffix(" (choice)")) for one in order]


def values(sequence: Sequence, name: str) -> list[str]:
    leaf = sequence.kinds[name]
    assert isinstance(leaf, Leaf)
    return list(leaf.one_of)


def test_the_adjustment_grammar_is_the_contracts(reference: Path) -> None:
    theirs = contract(reference, "order_adjustment_feed")
    item = {one["name"]: one for one in theirs["AdjustedItem"]["order"]}

    assert order_of(feed_xml.ORDER_ADJUSTMENT) == expected(theirs["OrderAdjustment"]["order"])
    assert order_of(feed_xml.ADJUSTED_ITEM) == expected(theirs["AdjustedItem"]["order"])
    assert list(feed_xml.ADJUSTMENT_REASONS) == item["AdjustmentReason"]["enum"]
    assert list(feed_xml.COMPONENTS) == theirs["Component"]["Type"]
    assert values(feed_xml.ORDER_ADJUSTMENT, "ActionType") == theirs["OrderAdjustment"]["order"][1]["enum"]
    assert set(theirs["Component"]["Type"]) >= adjusting.FREE


def test_the_acknowledgement_grammar_is_the_contracts(reference: Path) -> None:
    theirs = contract(reference, "order_acknowledgement_feed")

    assert order_of(feed_xml.ORDER_ACKNOWLEDGEMENT) == expected(theirs["OrderAcknowledgement"]["order"])
    assert order_of(feed_xml.ACKNOWLEDGED_ITEM) == expected(theirs["Item"]["order"])
    assert list(feed_xml.CANCEL_REASONS) == theirs["Item"]["order"][2]["enum"]


def test_columns_are_the_published_ones(reference: Path) -> None:
    theirs = contract(reference, "report_columns")
    ours = {
        "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE": report_rows.RETURN_COLUMNS,
        "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA": report_rows.FBA_RETURN_COLUMNS,
        "GET_FBA_REIMBURSEMENTS_DATA": report_rows.REIMBURSEMENT_COLUMNS,
        "POST_FLAT_FILE_PAYMENT_ADJUSTMENT_DATA": flat_file.ADJUSTMENT_COLUMNS,
        "POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA": flat_file.ACKNOWLEDGEMENT_COLUMNS,
    }

    assert {name: list(columns) for name, columns in ours.items()} == {name: theirs[name]["columns"] for name in ours}
    seen = theirs["GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE"]["seenInTheWildToo"]
    assert set(report_rows.EXTRA_COLUMNS) <= set(seen)
    assert theirs["GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE"]["maxWindowDays"] == reports.LONGEST.days


# What the reading guide states


def test_marketplaces_and_amazons_own_account_are_the_stated_ones(reference: Path) -> None:
    guide = (reference / "amazon.md").read_text()

    assert f"**{roads.AMAZON_ACCOUNT}**" in guide
    for one in MARKETPLACES.values():
        country = {"GB": "UK"}.get(one.country, one.country)
        assert f"{country} {one.id}" in guide


def test_a_record_knows_all_its_fields() -> None:
    record = Record({"a": Whole()}, {"b": Whole(1, 2)})

    assert record.fields == {"a": Whole(), "b": Whole(1, 2)}
