"""A webhook is only a hint: its ids are found where Shopify puts them, and taken whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quittance.application.ports import Delivery, Hint
from quittance.channels.shopify.gid import kind_of, number_of, to_gid
from quittance.channels.shopify.hints import TOPICS, hint
from quittance.domain.errors import Rejected
from quittance.domain.ids import DeliveryId, OrderId
from tests.channels.road import Json
from tests.channels.shopify_shapes import ACCOUNT, NOW


def hinted(topic: str, body: Json | bytes) -> Hint:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return hint(Delivery("shopify", ACCOUNT, ACCOUNT, topic, DeliveryId("d"), NOW, raw))


@pytest.mark.parametrize(
    "file, topic",
    [
        ("returns_request", "returns/request"),
        ("returns_approve", "returns/approve"),
        ("returns_cancel", "returns/cancel"),
        ("returns_close", "returns/close"),
        ("returns_reopen", "returns/reopen"),
    ],
)
def test_the_published_payloads_of_a_return_point_to_it_and_its_order(reference: Path, file: str, topic: str) -> None:
    body = (reference / f"shopify/webhook_payloads/2025-01/{file}.json").read_bytes()

    assert hinted(topic, body) == Hint(order=OrderId("4783296544821"), return_id="123134564567890")


@pytest.mark.parametrize("file, topic", [("returns_decline", "returns/decline"), ("returns_update", "returns/update"),
    ("reverse_deliveries_attach_deliverable", "reverse_deliveries/attach_deliverable")])  # fmt: skip
def test_the_published_payloads_without_an_order_point_to_the_return(reference: Path, file: str, topic: str) -> None:
    body = (reference / f"shopify/webhook_payloads/2025-01/{file}.json").read_bytes()

    assert hinted(topic, body) == Hint(return_id="123134564567890")


@pytest.mark.parametrize(
    "file, topic, only_known",
    [
        ("refunds_create", "refunds/create", False),
        ("order_transactions_create", "order_transactions/create", True),
        ("fulfillment_events_create", "fulfillment_events/create", True),
        ("disputes_create", "disputes/create", True),
        ("disputes_update", "disputes/update", True),
    ],
)
def test_the_published_payloads_of_what_belongs_to_an_order_point_to_it(
    reference: Path, file: str, topic: str, only_known: bool
) -> None:
    body = (reference / f"shopify/webhook_payloads/2025-01/{file}.json").read_bytes()

    assert hinted(topic, body) == Hint(order=OrderId(str(json.loads(body)["order_id"])), only_known=only_known)


@pytest.mark.parametrize("file", ["orders_updated", "orders_cancelled"])
def test_a_number_that_was_rounded_on_its_way_is_not_believed_beside_the_global_id(reference: Path, file: str) -> None:
    body = json.loads((reference / f"shopify/webhook_payloads/2025-01/{file}.json").read_bytes())
    exact = body["admin_graphql_api_id"].rpartition("/")[2]

    assert hinted(file.replace("_", "/"), body) == Hint(order=OrderId(exact), only_known=True)


def test_ids_beyond_the_reach_of_a_float_stay_exact() -> None:
    assert hinted("refunds/create", b'{"order_id": 9007199254740993}').order == "9007199254740993"


def test_topics_are_known_in_any_case() -> None:
    assert hinted("RETURNS/Decline", {"id": 5}).return_id == "5"


def test_the_body_of_a_bus_that_cut_it_to_its_id_is_enough() -> None:
    assert hinted("returns/request", {"id": 501}) == Hint(return_id="501")


@pytest.mark.parametrize("kind, only_known", [("refund", False), ("sale", True), ("capture", True), (None, False)])
def test_only_money_that_goes_back_is_worth_a_look_at_an_order_without_a_case(
    kind: str | None, only_known: bool
) -> None:
    assert hinted("order_transactions/create", {"order_id": 1, "kind": kind}).only_known is only_known


@pytest.mark.parametrize("body", [{"return_id": 5}, {"return": {"id": 5}}, {"return_admin_graphql_api_id": "gid://shopify/Return/5"},
    {"return": {"id": "gid://shopify/Return/5"}}])  # fmt: skip
def test_a_payload_of_which_no_sample_exists_is_searched_in_several_places(body: Json) -> None:
    assert hinted("reverse_fulfillment_orders/dispose", body).return_id == "5"
    assert hinted("returns/process", body).return_id == "5"


def test_every_topic_is_pushed_in_lower_case_with_one_stroke() -> None:
    assert all(topic == topic.lower() and topic.count("/") == 1 for topic in TOPICS)


@pytest.mark.parametrize("gid", ["", "501", "gid://shopify/Return/", "gid://shopify/Return/5/6", "gid://evil/Return/5",
    "gid://shopify/Return/\u0665", "gid://shopify/Return/5\n"])  # fmt: skip
def test_what_is_no_global_id_is_refused(gid: str) -> None:
    with pytest.raises(Rejected):
        kind_of(gid)


def test_a_global_id_is_its_type_and_number_and_back() -> None:
    assert number_of("Return", to_gid("Return", "501")) == "501"
    assert number_of("MailingAddress", "gid://shopify/MailingAddress/7?model_name=Address") == "7"
    with pytest.raises(Rejected):
        number_of("Order", to_gid("Return", "501"))
    with pytest.raises(Rejected):
        to_gid("Return", "5 or 6")
