"""The channels that the contract suite holds to the contract: another one joins by one line in EXAMPLES.

An example says, in the channel's own formats, what is well and what is ill; what must follow is the suite's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests

from quittance.application.ports import Channel, Hint
from quittance.domain.ids import OrderId
from quittance.domain.intent import Act, Intent
from tests.channels import shopify_shapes as shopify
from tests.channels.road import Json, Reply, Road

Answer = Reply | Exception


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer to the send of an act, and what it proves: the name of the outcome and its code or reference."""

    act: Act
    answer: Answer
    proves: str
    code: str


@dataclass(frozen=True, slots=True)
class Example:
    """`road(answer)` makes an API that gives one answer to everything, `whole` one that answers every read well.

    `order` is the part of a whole answer that the property test spoils, `rebuilt(order)` an API that shows it, and
    `nullable` the fields of it that may be null in good health.
    """

    name: str
    channel: Callable[[Road], Channel]
    hints: tuple[tuple[str, Json, Hint], ...]
    malformed: tuple[tuple[str, bytes, str], ...]
    intents: Mapping[Act, Intent]
    words: Mapping[Act, str]
    outcomes: tuple[Outcome, ...]
    unreadable: Mapping[str, Answer]
    order: Callable[[], Json]
    rebuilt: Callable[[Json], Road]
    nullable: frozenset[str]
    poll_sources: tuple[str, ...]

    def known_order(self) -> OrderId:
        return self.intents[Act.REFUND].order


def _shopify() -> Example:
    intents = {act: shopify.intent(act) for act in Act} | {Act.REFUND: shopify.refund_intent()}
    return Example(
        name="shopify",
        channel=shopify.channel,
        hints=_SHOPIFY_HINTS,
        malformed=_SHOPIFY_MALFORMED,
        intents=intents,
        words={Act.DECLINE_RETURN: "Thirty days have passed; we are sorry. Zoë"},
        outcomes=_shopify_outcomes(),
        unreadable=_SHOPIFY_UNREADABLE,
        order=lambda: shopify.with_refund(shopify.own_refund()),
        rebuilt=_shopify_showing,
        nullable=frozenset(
            "cancelledAt shippingAddress countryCodeV2 deliveredAt sku gateway parentTransaction return note"
            " customerNote returnReasonDefinition deliverable tracking number endCursor".split()
        ),
        poll_sources=("open_returns", "known_returns", "refunded_orders"),
    )


def _shopify_showing(order: Json) -> Road:
    back: Json = {"id": order.get("id"), "suggestedRefund": {"suggestedTransactions": []}}
    return shopify.desk(Order={"order": order}, PayBack={"order": back}, More=shopify.failed("NOT_ASKED"))


_RETURN = {"id": 501, "admin_graphql_api_id": "gid://shopify/Return/501"}
_ORDER = {"id": 8001, "admin_graphql_api_id": "gid://shopify/Order/8001"}
_OF_BOTH = Hint(order=OrderId("8001"), return_id="501")
_SHOPIFY_HINTS: tuple[tuple[str, Json, Hint], ...] = (
    ("returns/request", {**_RETURN, "status": "requested", "order": _ORDER}, _OF_BOTH),
    ("returns/approve", {**_RETURN, "status": "open", "order": _ORDER}, _OF_BOTH),
    ("returns/decline", {**_RETURN, "decline": {"reason": "other", "note": None}}, Hint(return_id="501")),
    ("returns/cancel", {**_RETURN, "order_id": 8001, "status": "canceled"}, _OF_BOTH),
    ("returns/close", {**_RETURN, "order_id": 8001, "status": "closed"}, _OF_BOTH),
    ("returns/reopen", {**_RETURN, "order_id": 8001, "status": "open"}, _OF_BOTH),
    ("returns/update", {"admin_graphql_api_id": _RETURN["admin_graphql_api_id"]}, Hint(return_id="501")),
    ("returns/process", {"return": _RETURN, "order": _ORDER}, _OF_BOTH),
    ("refunds/create", {"id": 9, "order_id": 8001, "return": None}, Hint(order=OrderId("8001"))),
    ("order_transactions/create", {"id": 9, "order_id": 8001, "kind": "refund"}, Hint(order=OrderId("8001"))),
    ("order_transactions/create", {"order_id": 8001, "kind": "sale"}, Hint(order=OrderId("8001"), only_known=True)),
    ("reverse_deliveries/attach_deliverable", {"id": 61, "return": _RETURN}, Hint(return_id="501")),
    ("reverse_fulfillment_orders/dispose", {"id": 62, "order_id": 8001}, Hint(order=OrderId("8001"))),
    ("fulfillment_events/create", {"id": 63, "order_id": 8001}, Hint(order=OrderId("8001"), only_known=True)),
    ("disputes/create", {"id": 64, "order_id": 8001}, Hint(order=OrderId("8001"), only_known=True)),
    ("orders/updated", _ORDER, Hint(order=OrderId("8001"), only_known=True)),
    ("orders/cancelled", _ORDER, Hint(order=OrderId("8001"), only_known=True)),
    ("poll/order", {"order": "8001"}, Hint(order=OrderId("8001"))),
)
_SHOPIFY_MALFORMED: tuple[tuple[str, bytes, str], ...] = (
    ("returns/request", b"", "body"),
    ("returns/request", b"[]", "body"),
    ("returns/request", b'{"id": 5', "body"),
    ("returns/request", b"\xff\xfe{}", "body"),
    ("returns/request", b"[" * 100_000, "body"),
    ("returns/request", b"{}", "admin_graphql_api_id"),
    ("returns/request", b'{"admin_graphql_api_id": "gid://shopify/Order/5"}', "admin_graphql_api_id"),
    ("returns/request", b'{"admin_graphql_api_id": 5}', "admin_graphql_api_id"),
    ("returns/request", b'{"id": 8.2e17}', "id"),
    ("returns/request", b'{"id": true}', "id"),
    ("returns/close", b'{"id": 5, "order_id": -3}', "order_id"),
    ("returns/approve", b'{"id": 5, "order": {"admin_graphql_api_id": "gid://shopify/Return/5"}}',
     "order.admin_graphql_api_id"),
    ("refunds/create", b"{}", "order_id"),
    ("order_transactions/create", b'{"order_id": null}', "order_id"),
    ("reverse_deliveries/attach_deliverable", b'{"id": 5}', "return.admin_graphql_api_id"),
    ("orders/updated", b'{"admin_graphql_api_id": "gid://shopify/DraftOrder/5"}', "admin_graphql_api_id"),
    ("poll/order", b'{"order": "../5"}', "order"),
)  # fmt: skip
_INTERNAL = shopify.failed("INTERNAL_SERVER_ERROR")
_SHOPIFY_UNREADABLE: Mapping[str, Answer] = {
    "timeout": requests.ReadTimeout(),
    "no connection": requests.ConnectTimeout(),
    "reset": requests.ConnectionError("reset"),
    "cut short": requests.exceptions.ChunkedEncodingError(),
    "HTTP 500": Reply({"errors": "Internal Server Error"}, 500),
    "HTTP 404": Reply({"errors": "Not Found"}, 404),
    "HTTP 302": Reply(b"", 302, {"Location": "https://elsewhere.example/"}),
    "refused token": Reply({"errors": "[API] Invalid API key"}, 401),
    "throttled by status": Reply({"errors": "Throttled"}, 429, {"Retry-After": "2.0"}),
    "throttled in the body": shopify.throttled(),
    "internal error": _INTERNAL,
    "access denied beside null": shopify.failed("ACCESS_DENIED", "order"),
    "not JSON": Reply(b"<html>"),
    "half of a JSON": Reply(b'{"data": {"order": null'),
    "too deep": Reply(b"[" * 100_000),
    "a list": Reply([]),
    "no data": Reply({}),
    "null data": Reply({"data": None}),
    "another field": Reply({"data": {"shop": None}}),
    "errors beside data": Reply(
        {"data": {"order": None, "return": None, "nodes": [None]}, "errors": [{"message": "?"}]}
    ),
    "errors as text": Reply({"data": {"order": None, "return": None}, "errors": "?"}),
}


def _shopify_outcomes() -> tuple[Outcome, ...]:
    refund, approve = Act.REFUND, Act.APPROVE_RETURN

    def paid(*refunds: Json) -> Reply:
        return shopify.data(returnProcess=shopify.processed(*refunds))

    def ended(act: Act, field: str, status: str) -> Outcome:
        payload = {"return": {"id": "gid://shopify/Return/501", "status": status}, "userErrors": []}
        return Outcome(act, shopify.data(**{field: payload}), "Applied", "501")

    def lines(*left: tuple[str, int]) -> Reply:
        nodes = [{"id": f"gid://shopify/ReturnLineItem/{name}", "quantity": quantity} for name, quantity in left]
        shown = {"id": "gid://shopify/Return/501", "status": "OPEN", "returnLineItems": shopify.page(nodes)}
        return shopify.data(removeFromReturn={"return": shown, "userErrors": []})

    partial_answer = Reply({"data": {"returnProcess": shopify.processed()}, "errors": [{"message": "late"}]})
    inside = {"message": "late", "path": ["returnProcess", "return"], "extensions": {"code": "ACCESS_DENIED"}}
    static = {
        "message": "no",
        "path": ["mutation ReturnProcess", "returnProcess", "input", "tip"],
        "extensions": {"code": "argumentNotAccepted"},
    }
    return (
        Outcome(refund, paid(), "Applied", "901"),
        Outcome(refund, paid(shopify.own_refund("901", shopify.back(status="PENDING"))), "Applied", "901"),
        Outcome(refund, paid(shopify.own_refund("901", shopify.back(status="FAILURE"))), "Applied", "901"),
        Outcome(refund, paid(shopify.own_refund(), shopify.own_refund("902")), "Unknown", "refund_not_shown"),
        Outcome(refund, paid(shopify.own_refund("901", shopify.back("10.0"))), "Unknown", "amount_differs"),
        Outcome(refund, shopify.data(returnProcess=shopify.processed() | {"return": None}), "Unknown",
                "answer_unreadable"),
        Outcome(refund, shopify.data(returnProcess=shopify.refused("INVALID_STATE")), "Refused", "INVALID_STATE"),
        Outcome(refund, shopify.data(returnProcess=shopify.refused("NOT_FOUND")), "Refused", "NOT_FOUND"),
        Outcome(refund, shopify.data(returnProcess=shopify.refused(None)), "Unknown", "user_error"),
        Outcome(refund, shopify.data(returnProcess=shopify.refused("INTERNAL_ERROR")), "Unknown", "user_error"),
        Outcome(refund, shopify.data(returnProcess=shopify.refused("NOTIFICATION_FAILED")), "Unknown", "user_error"),
        Outcome(refund, shopify.data(returnProcess=shopify.refused("A_NEW_CODE")), "Unknown", "user_error"),
        Outcome(refund, shopify.data(returnProcess=None), "Unknown", "no_payload"),
        Outcome(refund, shopify.data(), "Unknown", "no_payload"),
        Outcome(refund, shopify.data(returnProcess={"return": None}), "Unknown", "no_user_errors"),
        Outcome(refund, shopify.throttled(50.0, 150), "NotSent", "throttled"),
        Outcome(refund, Reply({"errors": "Throttled"}, 429, {"Retry-After": "2.0"}), "NotSent", "throttled"),
        Outcome(refund, Reply({"errors": "?"}, 401), "NotSent", "token_refused"),
        Outcome(refund, requests.ConnectTimeout(), "NotSent", "timeout"),
        Outcome(refund, Reply({"errors": "?"}, 403), "Refused", "HTTP_403"),
        Outcome(refund, Reply({"errors": "?"}, 423), "Refused", "HTTP_423"),
        Outcome(refund, shopify.failed("INVALID_VARIABLE"), "Refused", "INVALID_VARIABLE"),
        Outcome(refund, shopify.failed("RESOURCE_NOT_FOUND", "returnProcess"), "Refused", "RESOURCE_NOT_FOUND"),
        Outcome(refund, shopify.failed("ACCESS_DENIED", "returnProcess"), "Refused", "ACCESS_DENIED"),
        Outcome(refund, Reply({"errors": [static]}), "Refused", "argumentNotAccepted"),
        Outcome(refund, Reply({"errors": [inside], "data": {"returnProcess": None}}), "Unknown", "partial_answer"),
        Outcome(refund, partial_answer, "Unknown", "partial_answer"),
        Outcome(refund, _INTERNAL, "Unknown", "errors"),
        Outcome(refund, shopify.failed("SOMETHING_NEW"), "Unknown", "errors"),
        Outcome(refund, Reply({"errors": "text"}), "Unknown", "partial_answer"),
        Outcome(refund, Reply({"errors": []}, 500), "Unknown", "http_500"),
        Outcome(refund, Reply(b"", 502), "Unknown", "http_502"),
        Outcome(refund, Reply(b"", 408), "Unknown", "http_408"),
        Outcome(refund, Reply(b"", 301, {"Location": "https://elsewhere.example/"}), "Unknown", "http_301"),
        Outcome(refund, Reply(b'{"data": {"returnProcess": {"ret'), "Unknown", "no_payload"),
        Outcome(refund, requests.ReadTimeout(), "Unknown", "timeout"),
        Outcome(refund, requests.ConnectionError("reset by peer"), "Unknown", "connection_lost"),
        Outcome(refund, requests.exceptions.ChunkedEncodingError(), "Unknown", "ChunkedEncodingError"),
        ended(approve, "returnApproveRequest", "OPEN"),
        ended(Act.DECLINE_RETURN, "returnDeclineRequest", "DECLINED"),
        ended(Act.CLOSE_RETURN, "returnClose", "CLOSED"),
        ended(Act.CANCEL_RETURN, "returnCancel", "CANCELED"),
        Outcome(approve, ended(approve, "returnApproveRequest", "REQUESTED").answer, "Unknown", "status_not_reached"),
        Outcome(approve, ended(approve, "returnApproveRequest", "A_NEW_STATUS").answer, "Unknown",
                "status_not_reached"),
        Outcome(Act.REMOVE_LINES, lines(), "Applied", "501"),
        Outcome(Act.REMOVE_LINES, lines((shopify.LAMPS_BACK, 1)), "Unknown", "lines_not_removed"),
    )  # fmt: skip


EXAMPLES = (_shopify(),)
