"""Every field of every type answers: a generated query asks a busy shop for all there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    execute,
    get_named_type,
    is_leaf_type,
    parse,
)

from sandbox.shopify import Item, Payment, Shop
from sandbox.shopify.roots import Query
from sandbox.shopify.views.common import resolve_field, resolve_type
from tests.sandbox.shopify.world import SHOP, TOKEN, World, open_world

_DEPTH = 4
_LISTED = ("Refund", "Return", "OrderTransaction", "Fulfillment", "ReverseFulfillmentOrder", "ReverseDelivery")


def arguments_of(field: GraphQLField, values: dict[str, str]) -> str | None:
    """Text for the arguments a field needs; None when it needs one that has no value here."""
    given = []
    for name, argument in field.args.items():
        required = isinstance(argument.type, GraphQLNonNull) and argument.ast_node is not None
        if name == "first":
            given.append("first: 3")
        elif name in values and required:
            given.append(f"{name}: {values[name]}")
        elif required and argument.ast_node and argument.ast_node.default_value is None:
            return None
    return f"({', '.join(given)})" if given else ""


def selection(
    schema: GraphQLSchema, kind: Any, values: dict[str, str], seen: tuple[str, ...], counter: list[int]
) -> str:
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        parts = [
            f"... on {item.name} {selection(schema, item, values, seen, counter)}"
            for item in schema.get_possible_types(kind)
        ]
        return "{ __typename " + " ".join(part for part in parts if not part.endswith(" ")) + " }"
    if kind.name in seen or len(seen) > _DEPTH:
        return ""
    parts = list(fields_of(schema, kind, values, (*seen, kind.name), counter))
    return "{ __typename " + " ".join(parts) + " }" if parts else ""


def fields_of(
    schema: GraphQLSchema, kind: GraphQLObjectType, values: dict[str, str], seen: tuple[str, ...], counter: list[int]
) -> Iterator[str]:
    for name, field in kind.fields.items():
        arguments = arguments_of(field, values)
        inner = get_named_type(field.type)
        body = "" if is_leaf_type(inner) else selection(schema, inner, values, seen, counter)
        if arguments is None or (not is_leaf_type(inner) and not body):
            continue
        counter[0] += 1
        yield f"a{counter[0]}: {name}{arguments} {body}"


def busy_shop(world: World) -> dict[str, str]:
    shopify = world.shopify
    items = (Item("CANDLE", "20.00", 3, discount="3.00"), Item("LAMP", "99.90", duty="4.00"))
    payments = (Payment("gift_card", "30.00"), Payment())
    order = world.delivered_order(*items, shipping="6.00", discount="10.00", payments=payments)
    given = shopify.buyer_requests_return(order, {"CANDLE": 2}, note="too small")
    shopify.admin_approve(given.id)
    reverse = shopify.floor().books.reverse_orders_of(given.id)[0]
    world.data(
        """mutation D($id: ID!) { reverseDeliveryCreateWithShipping(reverseFulfillmentOrderId: $id,
        reverseDeliveryLineItems: [], trackingInput: {number: "R1", url: "https://carrier.example/R1"},
        labelInput: {fileUrl: "https://labels.example/1.pdf"}) { userErrors { message } } }""",
        {"id": reverse.id},
    )
    shopify.admin_dispose(given.id)
    shopify.admin_processes_return(given.id)
    declined = shopify.buyer_requests_return(order, {"LAMP": 1})
    shopify.admin_decline(declined.id, note="worn")
    shopify.admin_refund(order, {"LAMP": 1}, shipping=True, amount="50.00")
    shopify.open_dispute(order)
    shopify.subscribe(f"{shopify.url}/nowhere", ["returns/request"])
    books = shopify.floor().books
    line = books.returns[given.id].lines[0]
    return {
        "id": f'"{order}"',
        "ids": f'["{order}", "{given.id}", "{next(iter(books.refunds))}"]',
        "orderId": f'"{order}"',
        "returnLineItems": f'[{{id: "{line.id}", quantity: 1}}]',
        "exchangeLineItems": "[]",
        "input": f'{{orderId: "{order}", returnLineItems: [{{fulfillmentLineItemId: "{line.fulfillment_line}",'
        " quantity: 1, restockingFee: {percentage: 10}}]}",
    }


def test_every_field_answers() -> None:
    with open_world(Shop(SHOP, access_token=TOKEN)) as world:
        values = busy_shop(world)
        engine, floor = world.shopify.desk.engine, world.shopify.floor()
        query = engine.schema.query_type
        assert query is not None
        text = "query " + selection(engine.schema, query, values, (), [0])
        for kind in _LISTED:
            table = {"OrderTransaction": "transactions", "ReverseFulfillmentOrder": "reverse_orders"}
            records = getattr(
                floor.books, table.get(kind, "reverse_deliveries" if "Delivery" in kind else f"{kind.lower()}s")
            )
            gid = next(iter(records))
            body = selection(engine.schema, engine.schema.type_map[kind], values, (), [0])
            text = text[:-1] + f' n{kind}: node(id: "{gid}") {{ ... on {kind} {body} }} }}'
        scene = floor.scene("2026-10")
        result = execute(
            engine.schema,
            parse(text),
            root_value=Query(scene),
            context_value=scene,
            field_resolver=resolve_field,
            type_resolver=resolve_type,
        )

        # the lines asked for belong to one of the two returns
        told = {error.message for error in result.errors or ()}  # type: ignore[union-attr]
        assert told <= {"Return line item not found."}
        assert text.count("a") > 1000
