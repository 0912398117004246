"""Where a webhook of Shopify says to look: its topic and a few ids, whatever else it carries.

Refuses a body without the id that its topic must carry, and an id of another type; nothing else of it is believed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from quittance.application.ports import Delivery, Hint
from quittance.channels.shopify.gid import number_of
from quittance.domain.errors import Rejected
from quittance.domain.ids import OrderId

_ABOUT_RETURN: Final = frozenset(
    f"returns/{verb}" for verb in "request approve decline cancel close reopen update process".split()
)
_NEAR_RETURN: Final = frozenset({"reverse_deliveries/attach_deliverable", "reverse_fulfillment_orders/dispose"})
_ABOUT_ORDER: Final = frozenset({"orders/updated", "orders/cancelled"})
# Worth a look only where a case is open: they say nothing of a return.
_ASIDE: Final = frozenset({"fulfillment_events/create", "disputes/create", "disputes/update"})
_OF_ORDER: Final = frozenset({"refunds/create", "order_transactions/create"}) | _ASIDE
_BRINGING_MONEY: Final = frozenset("authorization capture change emv_authorization sale void".split())
POLLED: Final = "poll/order"
TOPICS: Final = _ABOUT_RETURN | _NEAR_RETURN | _ABOUT_ORDER | _OF_ORDER | {POLLED}
_LONGEST_ID: Final = 20
_ORDER_FIX: Final = "name the order by order_id or order.admin_graphql_api_id"


def hint(delivery: Delivery) -> Hint:
    """Say where a delivery points, from its topic and bytes alone; raises Rejected(MALFORMED) naming the field.

    Topics: https://shopify.dev/docs/api/webhooks. One that nobody handles is not read at all.
    """
    topic = delivery.topic.lower()
    if topic not in TOPICS:
        return Hint(topic_known=False)
    body = _body(delivery.body)
    if topic == POLLED:
        return Hint(order=OrderId(_whole(body.get("order"), "order", 'give {"order": "<number>"}')))
    if topic in _ABOUT_ORDER:
        return Hint(order=OrderId(_required(_own(body, "Order"), "id", "name the order by id")), only_known=True)
    if topic in _OF_ORDER:
        order = OrderId(_required(_named(body, "order", "Order"), "order_id", _ORDER_FIX))
        return Hint(order=order, only_known=_is_aside(topic, body))
    return _of_return(topic, body)


def _of_return(topic: str, body: Mapping[str, Any]) -> Hint:
    order = _named(body, "order", "Order")
    found = _own(body, "Return") if topic in _ABOUT_RETURN else ""
    found = found or _named(body, "return", "Return")
    if not found and (topic in _ABOUT_RETURN or not order):
        field = "admin_graphql_api_id" if topic in _ABOUT_RETURN else "return.admin_graphql_api_id"
        _refuse(field, "name the return by gid://shopify/Return/<number>")
    return Hint(order=OrderId(order) if order else None, return_id=found)


def _is_aside(topic: str, body: Mapping[str, Any]) -> bool:
    """A sale or a parcel that arrived matters only where a case is open; a refund may be one that nobody knows of."""
    return topic in _ASIDE or (topic == "order_transactions/create" and body.get("kind") in _BRINGING_MONEY)


def _body(raw: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        _refuse("body", "send JSON")
    if not isinstance(body, dict):
        _refuse("body", "send a JSON object")
    return body


def _own(body: Mapping[str, Any], kind: str) -> str:
    """The id of what the body is about: by global id first, because a number may have been rounded on its way."""
    return _identity(body, kind, "", "id")


def _named(body: Mapping[str, Any], name: str, kind: str) -> str:
    """The id of a related object, nested or flat; empty when the body does not name one."""
    nested = body.get(name)
    found = _identity(nested, kind, f"{name}.", "id") if isinstance(nested, dict) else ""
    flat = {key: body.get(f"{name}_{key}") for key in ("admin_graphql_api_id", "id")}
    return found or _identity(flat, kind, f"{name}_", "id")


def _identity(node: Mapping[str, Any], kind: str, prefix: str, name: str) -> str:
    gid = node.get("admin_graphql_api_id")
    if gid is not None:
        return _number_of(gid, kind, f"{prefix}admin_graphql_api_id")
    plain = node.get(name)
    if isinstance(plain, str) and plain.startswith("gid:"):
        return _number_of(plain, kind, f"{prefix}{name}")
    return "" if plain is None else _whole(plain, f"{prefix}{name}", "give a whole number above zero")


def _number_of(gid: Any, kind: str, field: str) -> str:
    try:
        return number_of(kind, gid if isinstance(gid, str) else "")
    except Rejected:
        _refuse(field, f"give gid://shopify/{kind}/<number>")


def _whole(value: Any, field: str, fix: str) -> str:
    is_number = type(value) is int or (isinstance(value, str) and value.isascii() and value.isdecimal())
    if not is_number or len(str(value)) > _LONGEST_ID or int(value) <= 0:
        _refuse(field, fix)
    return str(int(value))


def _required(found: str, field: str, fix: str) -> str:
    return found or _refuse(field, fix)


def _refuse(field: str, fix: str) -> NoReturn:
    raise Rejected("MALFORMED", field, fix)
