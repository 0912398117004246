"""Messaging API v1: which messages an order allows, and sending one of them; there is no reply.

A message that the order does not allow, a text with HTML or an address in it, and a marketplace of another order are
refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sandbox.amazon.operations import Operation, Visit
from sandbox.amazon.records import Message, Order
from sandbox.amazon.refusals import denied, invalid
from sandbox.amazon.shapes import TEXT, WHEN, ListOf, Record, Text

MODEL: Final = "messaging"
MOST_ATTACHMENTS: Final = 5
_HTML: Final = re.compile(r"<[a-zA-Z/!][^>]*>")
_ADDRESS: Final = re.compile(r"[^\s@]+@[^\s@]+\.[a-z]{2,}", re.IGNORECASE)
ATTACHMENTS: Final = ListOf(Record({"uploadDestinationId": TEXT, "fileName": TEXT}))
TEXT_2000: Final = Text(shortest=1, longest=2000)
_TEXT_ONLY: Final = Record(optional={"text": TEXT_2000})
# Action -> (operation, body, wait for the order to be: unshipped, shipped or any)
ACTIONS: Final[Mapping[str, tuple[str, Record, str]]] = {
    "confirmCustomizationDetails": (
        "confirmCustomizationDetails",
        Record(optional={"text": Text(shortest=1, longest=800), "attachments": ATTACHMENTS}),
        "unshipped",
    ),
    "confirmDeliveryDetails": ("createConfirmDeliveryDetails", _TEXT_ONLY, "unshipped"),
    "legalDisclosure": ("createLegalDisclosure", Record(optional={"attachments": ATTACHMENTS}), "any"),
    "confirmOrderDetails": ("createConfirmOrderDetails", _TEXT_ONLY, "unshipped"),
    "confirmServiceDetails": ("createConfirmServiceDetails", _TEXT_ONLY, "unshipped"),
    "warranty": (
        "CreateWarranty",
        Record(optional={"attachments": ATTACHMENTS, "coverageStartDate": WHEN, "coverageEndDate": WHEN}),
        "shipped",
    ),
    "digitalAccessKey": (
        "createDigitalAccessKey",
        Record(optional={"text": Text(shortest=1, longest=400), "attachments": ATTACHMENTS}),
        "never",
    ),
    "unexpectedProblem": ("createUnexpectedProblem", _TEXT_ONLY, "any"),
    "invoice": ("sendInvoice", Record(optional={"attachments": ATTACHMENTS}), "shipped"),
}


def _order(visit: Visit) -> Order:
    order = visit.floor.order(visit.path["amazonOrderId"])
    if visit.query["marketplaceIds"] != [order.marketplace.id]:
        raise invalid("marketplaceIds must name the order's marketplace.")
    return order


def allowed(order: Order) -> list[str]:
    """The names of the actions that an order allows now."""
    shipped = any(line.shipped for line in order.lines)
    if order.status == "CANCELLED" or order.by_amazon:
        return []
    waits = {"any", "shipped" if shipped else "unshipped"}
    return [name for name, (_, _, when) in ACTIONS.items() if when in waits]


def get_actions(visit: Visit) -> dict[str, Any]:
    order = _order(visit)
    base, query = f"/messaging/v1/orders/{order.id}", f"?marketplaceIds={order.marketplace.id}"
    links = [{"href": f"{base}/messages/{name}{query}", "name": name} for name in allowed(order)]
    return {
        "_links": {"actions": links, "self": {"href": f"{base}{query}"}},
        "_embedded": {"actions": [_action(base, query, name) for name in allowed(order)]},
    }


def _action(base: str, query: str, name: str) -> dict[str, Any]:
    here = {"href": f"{base}/messages/{name}/schema", "name": name}
    form = {"type": "object", "name": name, "disabled": False, "properties": _properties(ACTIONS[name][1])}
    # The model puts the form under payload, live answers beside the links: both are here.
    schema = {"_links": {"self": here}, "payload": form, **form}
    return {
        "_links": {"schema": here, "self": {"href": f"{base}/messages/{name}{query}", "name": name}},
        "_embedded": {"schema": schema},
        "payload": {"name": name},
    }


def _properties(body: Record) -> dict[str, Any]:
    text = body.optional.get("text")
    if not isinstance(text, Text):
        return {}
    return {"rawMessageBody": {"type": "string", "minLength": text.shortest, "maxLength": text.longest}}


def get_attributes(visit: Visit) -> dict[str, Any]:
    return {"buyer": {"locale": _order(visit).marketplace.locale.replace("_", "-")}}


def send(visit: Visit, name: str) -> dict[str, Any]:
    """Any of the messages."""
    order, body = _order(visit), visit.body
    if name not in allowed(order):
        raise denied(f"The order does not allow {name}: ask getMessagingActionsForOrder first.")
    _check_files(visit, body.get("attachments", []))
    text = body.get("text", "")
    if "text" in ACTIONS[name][1].optional and not text:
        raise invalid("text is required.")
    if _HTML.search(text) or _ADDRESS.search(text):
        raise invalid("HTML and e-mail addresses are not allowed in text.")
    visit.floor.books.messages.append(Message(order.id, visit.now, "seller", text, kind=name))
    return {}


def _check_files(visit: Visit, files: list[dict[str, str]]) -> None:
    if len(files) > MOST_ATTACHMENTS:
        raise invalid(f"At most {MOST_ATTACHMENTS} attachments are allowed.")
    for file in files:
        document = visit.house.documents.kept.get(file["uploadDestinationId"])
        if document is None or document.seller != visit.floor.seller.id or document.content is None:
            raise invalid(f"Nothing was uploaded to {file['uploadDestinationId']}.")


def _sender(name: str) -> Any:
    return lambda visit: send(visit, name)


_PLACE: Final = Record({"marketplaceIds": ListOf(TEXT, None, 1)})
_BASE: Final = "/messaging/v1/orders/{amazonOrderId}"
_RATE: Final = (1, 5)
OPERATIONS: Final = (
    Operation(MODEL, "getMessagingActionsForOrder", "GET", _BASE, _RATE, get_actions, _PLACE),
    Operation(MODEL, "GetAttributes", "GET", f"{_BASE}/attributes", _RATE, get_attributes, _PLACE),
    *(
        Operation(
            MODEL,
            operation,
            "POST",
            f"{_BASE}/messages/{name}",
            None if name == "invoice" else _RATE,
            _sender(name),
            _PLACE,
            body,
            201,
        )
        for name, (operation, body, _) in ACTIONS.items()
    ),
)
