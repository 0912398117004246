"""The shop's HTTP: tokens, versions, cost and throttling, protected fields, scopes, and what errors look like."""

from __future__ import annotations

import requests

from sandbox.shopify import Item, Shop
from sandbox.shopify.engine import Engine
from tests.sandbox.shopify.world import REFUND, SHOP, TOKEN, World, open_world

SHOP_QUERY = "query Who { shop { name myshopifyDomain ianaTimezone currencyCode } }"
FORM = {
    "grant_type": "client_credentials",
    "client_id": "quittance-app",
    "client_secret": "shpss_sandbox_secret",
}


def mint(world: World, **form: str) -> requests.Response:
    return requests.post(f"{world.shopify.url}/{SHOP}/admin/oauth/access_token", data=FORM | form, timeout=5)


def status_with(world: World, token: str | None, path: str | None = None) -> int:
    headers = {} if token is None else {"X-Shopify-Access-Token": token}
    where = path or f"/{SHOP}/admin/api/2026-10/graphql.json"
    return requests.post(world.shopify.url + where, json={"query": SHOP_QUERY}, headers=headers, timeout=5).status_code


def test_a_token_is_minted_for_24_hours(world: World) -> None:
    minted = mint(world).json()
    token = minted["access_token"]

    assert minted["expires_in"] == 86399
    assert "write_returns" in minted["scope"].split(",")
    assert status_with(world, token) == 200
    world.clock.advance(hours=24)
    assert status_with(world, token) == 401


def test_a_token_dies_with_the_secret_that_minted_it(world: World) -> None:
    old = mint(world).json()["access_token"]
    app = world.shopify.floor().app
    app.add_secret("shpss_new")
    new = mint(world, client_secret="shpss_new").json()["access_token"]
    app.revoke_oldest()

    assert (status_with(world, old), status_with(world, new)) == (401, 200)
    assert mint(world).status_code == 400


def test_nobody_comes_in_without_credentials(world: World) -> None:
    assert mint(world, client_secret="wrong").status_code == 400
    assert mint(world, grant_type="password").status_code == 400
    assert status_with(world, None) == 401
    assert status_with(world, "shpat_wrong") == 401
    assert status_with(world, TOKEN, "/another-shop/admin/api/2026-10/graphql.json") == 404


def test_old_versions_fall_forward_and_say_so(world: World) -> None:
    served = {}
    for version in ("2025-01", "2026-01", "2026-10", "unstable"):
        world.version = version
        served[version] = world.send(SHOP_QUERY).headers["X-Shopify-API-Version"]

    assert served == {"2025-01": "2026-01", "2026-01": "2026-01", "2026-10": "2026-10", "unstable": "unstable"}
    assert world.send(SHOP_QUERY).headers["X-Request-Id"]
    world.version = "2031-01"
    assert world.send(SHOP_QUERY).status_code == 404


def test_the_bucket_empties_throttles_and_fills_again() -> None:
    seconds = [0.0]
    shop = Shop(SHOP, access_token=TOKEN, bucket=(100.0, 50.0))
    dear = "{ orders(first: 50) { nodes { id returns(first: 5) { nodes { id } } } } }"
    with open_world(shop, pace=lambda: seconds[0]) as world:
        cost = world.ask(dear)["extensions"]["cost"]
        assert (cost["requestedQueryCost"], cost["throttleStatus"]["maximumAvailable"]) == (44, 100)
        for _ in range(2):
            world.ask(dear)
        throttled = world.send(dear)
        seconds[0] += 2

        assert throttled.status_code == 200
        assert throttled.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
        assert "data" not in throttled.json()
        assert "errors" not in world.ask(dear)


def test_a_query_beyond_the_maximum_cost_is_refused(world: World) -> None:
    answer = world.ask(
        "{ orders(first: 250) { nodes { returns(first: 250) { nodes { refunds(first: 250) { nodes { id }}}}}}}"
    )

    assert answer["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_recorded_costs_are_met() -> None:
    """The notes' figures, beside those the replays compare."""
    engine = Engine()
    weights = {
        "{ locations(first: 10) { nodes { id } } }": 6,
        "{ returnReasonDefinitions(first: 20) { nodes { id } } }": 7,
        'mutation { returnClose(id: "gid://shopify/Return/1") { return { id } userErrors { message } } }': 10,
        '{ order(id: "gid://shopify/Order/1") { customer { id } transactions { id } } }': 3,
    }
    assert {text: engine.cost(engine.read({"query": text})) for text in weights} == weights


def test_a_protected_field_is_null_beside_an_error() -> None:
    shop = Shop(SHOP, access_token=TOKEN, protected=frozenset(("Order.email", "Order.shippingAddress")))
    with open_world(shop) as world:
        order = world.delivered_order()
        answer = world.ask("query($id: ID!) { order(id: $id) { name email shippingAddress { zip } } }", {"id": order})

    assert answer["data"]["order"] == {"name": "#1001", "email": None, "shippingAddress": None}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"ACCESS_DENIED"}


def test_orders_older_than_60_days_need_their_own_scope() -> None:
    scopes = frozenset(("write_orders", "write_returns"))
    with open_world(Shop(SHOP, access_token=TOKEN, scopes=scopes)) as world:
        order = world.delivered_order()
        read = "query($id: ID!) { order(id: $id) { id } }"
        world.clock.advance(days=60)
        assert world.data(read, {"id": order}) is not None
        world.clock.advance(seconds=1)
        assert world.data(read, {"id": order}) is None
        assert world.data("{ orders(first: 5) { nodes { id } } }")["nodes"] == []


def test_a_mutation_without_its_scope_is_denied() -> None:
    with open_world(Shop(SHOP, access_token=TOKEN, scopes=frozenset(("write_returns", "read_orders")))) as world:
        order = world.delivered_order()
        answer = world.ask(REFUND, {"input": {"orderId": order}, "key": "k"})

    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert answer["data"] == {"refundCreate": None}


def test_an_id_of_another_type_is_not_found_and_nothing_happens(world: World) -> None:
    order = world.delivered_order()
    close = "mutation($id: ID!) { returnClose(id: $id) { return { id } userErrors { message } } }"
    answer = world.ask(close, {"id": order})

    assert answer["data"] == {"returnClose": None}
    assert answer["errors"][0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"
    assert world.data("query($id: ID!) { return(id: $id) { id } }", {"id": order}) is None


def test_nodes_come_back_in_the_order_asked_with_gaps(world: World) -> None:
    order = world.delivered_order()
    made = world.shopify.buyer_requests_return(order, {"CANDLE": 1})
    ids = [made.id, "gid://shopify/Return/1", order, "nonsense"]
    found = world.data("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", {"ids": ids})

    assert [item and item["__typename"] for item in found] == ["Return", None, "Order", None]


def test_orders_are_found_by_their_returns_and_paged(world: World) -> None:
    names = []
    for count in range(5):
        order = world.delivered_order(Item("CANDLE", "20.00", 3))
        world.clock.advance(hours=1)
        if count % 2 == 0:
            world.shopify.buyer_requests_return(order, {"CANDLE": 1})
            names.append(world.shopify.order(order).name)
    page = (
        "query($q: String, $after: String) { orders(first: 2, after: $after, query: $q) {"
        " nodes { name } pageInfo { hasNextPage endCursor } } }"
    )
    first = world.data(page, {"q": "return_status:return_requested"})
    second = world.data(page, {"q": "return_status:return_requested", "after": first["pageInfo"]["endCursor"]})

    assert [item["name"] for item in first["nodes"] + second["nodes"]] == names
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    found = {
        query: [
            item["name"]
            for item in world.data(
                "query($q: String) { orders(first: 9, query: $q) { nodes { name } } }", {"q": query}
            )["nodes"]
        ]
        for query in (
            "updated_at:>=2026-11-21T13:00:00Z",
            "updated_at:>'2026-11-21T13:00:00Z'",
            "return_status:no_return",
            "NOT return_status:no_return AND name:#1001",
            "name:#1001 OR name:#1002",
            "(name:1001 OR name:1003) -name:1003",
            "no_such_field:1 name:1004",
        )
    }
    assert list(found.values()) == [
        ["#1004", "#1005"],
        ["#1005"],
        ["#1002", "#1004"],
        ["#1001"],
        ["#1001", "#1002"],
        ["#1001"],
        ["#1004"],
    ]


def test_an_unknown_search_field_is_reported(world: World) -> None:
    answer = world.ask('{ orders(first: 1, query: "no_such_field:1") { nodes { id } } }')

    assert answer["extensions"]["search"][0]["warnings"][0]["field"] == "no_such_field"


def test_a_page_must_say_its_size(world: World) -> None:
    order = world.delivered_order()
    answer = world.ask("query($id: ID!) { order(id: $id) { returns { nodes { id } } } }", {"id": order})

    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_documents_that_do_not_fit_are_told_apart_from_refusals(world: World) -> None:
    unknown = world.ask("query A { shop { nonsense } }")["errors"][0]
    broken = world.ask("query A { shop { ")["errors"][0]
    empty = world.ask("")["errors"][0]

    assert unknown["message"] == "Field 'nonsense' doesn't exist on type 'Shop'"
    assert unknown["extensions"]["code"] == "undefinedField"
    assert unknown["path"] == ["query A", "shop", "nonsense"]
    assert broken["message"].startswith("syntax error")
    assert empty["message"] == "No query string was present"
