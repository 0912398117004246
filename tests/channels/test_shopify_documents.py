"""What is sent is valid by the published schema of the pinned version, down to the variables; nothing of it is old."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLSchema,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    build_client_schema,
    get_named_type,
    parse,
    type_from_ast,
    validate,
)
from graphql.execution.values import get_variable_values

from quittance.channels.shopify import answers, documents, reading, refunds, returns
from quittance.channels.shopify.acts import DECLINE_REASONS, ShopifyActs
from quittance.domain.intent import Act, Components
from tests.channels.road import Json, Reply, Road, Sent
from tests.channels.shopify_shapes import HORIZON, channel, data, intent, operation, order, refund_intent, suggested


@pytest.fixture(scope="session")
def schema(reference: Path) -> GraphQLSchema:
    file = reference / f"shopify/schema/admin_{documents.VERSION}.json.gz"
    with gzip.open(file) as opened:
        return build_client_schema(json.load(opened)["data"], assume_valid=True)


def problems(schema: GraphQLSchema, text: str, variables: dict[str, Any]) -> list[str]:
    document = parse(text)
    found = [error.message for error in validate(schema, document)]
    found += [error.message for error in validate(schema, document, [NoDeprecatedCustomRule])]
    (definition,) = document.definitions
    assert isinstance(definition, OperationDefinitionNode)
    declarations = definition.variable_definitions or ()
    coerced = get_variable_values(schema, declarations, variables)
    if isinstance(coerced, list):
        return [*found, *(error.message for error in coerced)]
    for declared in declarations:
        kind = type_from_ast(schema, declared.type)
        found += deprecated_inputs(kind, variables.get(declared.variable.name.value))
    return found


def deprecated_inputs(kind: Any, value: Any) -> list[str]:
    """Fields of input objects that are given and deprecated; validation looks only at the document."""
    named = get_named_type(kind)
    if isinstance(value, list):
        return [one for item in value for one in deprecated_inputs(named, item)]
    if not isinstance(value, dict) or not isinstance(named, GraphQLInputObjectType):
        return []
    old = [f"{named.name}.{name} is deprecated" for name in value if named.fields[name].deprecation_reason]
    return old + [one for name, item in value.items() for one in deprecated_inputs(named.fields[name].type, item)]


@pytest.mark.parametrize("text", documents.ALL)
def test_every_document_is_valid_and_asks_for_no_deprecated_field(schema: GraphQLSchema, text: str) -> None:
    document = parse(text)

    assert [e.message for e in validate(schema, document)] == []
    assert [e.message for e in validate(schema, document, [NoDeprecatedCustomRule])] == []


@pytest.mark.parametrize("act", list(Act))
def test_the_variables_of_every_act_are_ones_that_the_schema_takes(schema: GraphQLSchema, act: Act) -> None:
    rich = intent(act, components=Components(goods=6000, shipping=362), payments={"71": 6362})
    body = ShopifyActs(HORIZON).render(rich, "The thirty days have passed.")

    assert problems(schema, documents.MUTATIONS[act].document, json.loads(body)) == []


def test_the_variables_of_every_read_are_ones_that_the_schema_takes(schema: GraphQLSchema) -> None:
    two_payments = [one | {"id": f"gid://shopify/OrderTransaction/{n}", "kind": "SALE"}
                    for n, one in enumerate(order()["transactions"], 70)]  # fmt: skip
    answers_by_name: dict[str, Json] = {
        "Order": {"order": order(transactions=two_payments)},
        "PayBack": {"order": {"id": order()["id"], "suggestedRefund": None}},
        "OrderOfReturn": {"return": None},
        "Suggest": {"return": suggested()},
        "OpenReturns": {"orders": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}},
        "KnownReturns": {"nodes": [None]},
    }

    def answer(sent: Sent) -> Reply:
        return data(**answers_by_name[operation(sent)])

    road = Road(answer)
    shop = channel(road)
    shop.order_of("a", "1")
    shop.poll("a", "open_returns", "cursor", ())
    shop.poll("a", "known_returns", "", ("501",))
    shop.prepare(
        "a", replace(refund_intent(), components=Components(goods=6000, shipping=362)), refund_intent().created_at
    )

    assert {operation(sent) for sent in road.sent} == answers_by_name.keys()
    for sent in road.sent:
        assert problems(schema, sent.json["query"], sent.json["variables"]) == []


@pytest.mark.parametrize(
    "enum, known",
    [
        ("ReturnStatus", frozenset(returns._STATUSES)),
        ("DisputeStatus", reading._DISPUTES),
        ("FulfillmentStatus", reading._FULFILMENTS),
        ("OrderTransactionKind", reading._KINDS | {"SUGGESTED_REFUND"}),
        ("OrderTransactionStatus", refunds._STATUSES),
        ("ReturnDeclineReason", DECLINE_REASONS),
        (
            "ReturnErrorCode",
            answers._REFUSED_USER_ERRORS | {"CREATION_FAILED", "INTERNAL_ERROR", "NOTIFICATION_FAILED"},
        ),
    ],
)
def test_every_value_of_an_enum_has_been_thought_of(schema: GraphQLSchema, enum: str, known: frozenset[str]) -> None:
    published = schema.type_map[enum]
    assert isinstance(published, GraphQLEnumType)

    assert set(published.values) == known


def test_the_filter_of_open_returns_uses_values_that_the_page_lists(reference: Path) -> None:
    with gzip.open(reference / f"shopify/schema/admin_{documents.VERSION}.json.gz") as opened:
        root = json.load(opened)["data"]["__schema"]
    query = next(kind for kind in root["types"] if kind["name"] == "QueryRoot")
    orders = next(field for field in query["fields"] if field["name"] == "orders")
    told = next(argument for argument in orders["args"] if argument["name"] == "query")["description"]
    (listed,) = (row for row in told.replace("\n", " ").split("| return_status |")[1:])

    used = {term.removeprefix("return_status:") for term in documents.OPEN_RETURNS_FILTER.split(" OR ")}
    assert used == {"return_requested", "in_progress", "inspection_complete"}
    assert all(f"`{value}`" in listed for value in used)


def test_nothing_of_the_buyer_is_asked_for_but_the_country_and_the_words_of_a_line() -> None:
    personal = (
        "email",
        "phone",
        "firstName",
        "lastName",
        "address1",
        "address2",
        "zip",
        "city",
        "customer {",
        "name }",
    )

    assert [word for word in personal if any(word in text for text in documents.ALL)] == []
    assert "shippingAddress { countryCodeV2 }" in documents.ORDER
    assert [text for text in documents.ALL if "customer" in text.replace("customerNote", "")] == [documents.ORDER]
    assert "$customer: Boolean = false" in documents.ORDER
    assert documents.ORDER.count("customer @include(if: $customer) { id }") == 1
