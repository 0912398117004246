"""A warehouse's report of one parcel: what it says arrived, when, in which condition, under which names.

Refuses a report by the field that is wrong; the same content gives the same digest whichever way it came.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from quittance.application.ports import Delivery
from quittance.domain.errors import Rejected
from quittance.domain.ids import ReceiptId, digest
from quittance.domain.instant import parse_any, to_text
from quittance.domain.observations import Condition, Receipt, ReceivedUnits

NAMES: Final = ("rma", "tracking", "order")
MOST_LINES: Final = 100
MOST_UNITS: Final = 10_000
# Longest texts, in characters; a note is somebody's words, the others are names.
LONGEST: Final[Mapping[str, int]] = {
    "receipt_id": 128,
    "received_at": 40,
    "rma": 64,
    "tracking": 64,
    "order": 64,
    "sku": 128,
    "condition": 32,
    "photo": 512,
    "note": 2000,
}
At = Callable[[str], str]


def read(delivery: Delivery) -> Receipt:
    """Read the body of POST /receipts/{store}; raises Rejected naming the field. Unknown fields are ignored.

    {"receipt_id", "received_at", "rma"?, "tracking"?, "order"?, "units": [{"sku", "quantity", "condition", "photo"?}],
    "note"?} with at least one of rma, tracking and order.
    """
    return receipt_of(_object(delivery.body))


def receipt_of(body: Mapping[str, Any]) -> Receipt:
    """Read a report; raises Rejected naming the field."""
    identity = text(body, "receipt_id", str)
    received_at = parse_any(text(body, "received_at", str), "received_at")
    names = tuple((kind, name) for kind in NAMES if (name := text(body, kind, str, needed=False)))
    if not names:
        refuse("rma", "give at least one of rma, tracking and order")
    units = _merged([unit_of(raw, _place(index)) for index, raw in enumerate(_lines(body))])
    note = text(body, "note", str, needed=False)
    content = [identity, to_text(received_at), names, [(u.sku, u.quantity, u.condition, u.photo) for u in units], note]
    return Receipt(
        id=ReceiptId(identity),
        received_at=received_at,
        units=units,
        names=names,
        digest=digest(json.dumps(content, separators=(",", ":"))),
        texts={digest(note): note} if note else {},
    )


def unit_of(raw: Any, at: At) -> ReceivedUnits:
    """Read one line of units; `at(field)` says where a field stands. Raises Rejected naming that place."""
    if not isinstance(raw, dict):
        refuse(at("sku"), "give {sku, quantity, condition, photo?}")
    quantity = raw.get("quantity")
    if type(quantity) is not int or not 1 <= quantity <= MOST_UNITS:
        refuse(at("quantity"), f"give a whole number from 1 to {MOST_UNITS}")
    stated = text(raw, "condition", at).lower()
    if stated not in set(Condition):
        refuse(at("condition"), f"use one of {', '.join(Condition)}")
    return ReceivedUnits(text(raw, "sku", at), quantity, Condition(stated), text(raw, "photo", at, needed=False))


def text(node: Mapping[str, Any], field: str, at: At, *, needed: bool = True) -> str:
    """Read a bounded text without the spaces around it; an optional one that is missing or null is empty."""
    found = node.get(field)
    if found is None and not needed:
        return ""
    if not isinstance(found, str):
        refuse(at(field), "give text")
    found = found.strip()
    if needed and not found:
        refuse(at(field), "give text that is not empty")
    if len(found) > LONGEST[field]:
        refuse(at(field), f"give at most {LONGEST[field]} characters")
    if field != "note" and not found.isprintable():
        refuse(at(field), "give text on one line, without control characters")
    return found


def refuse(field: str, fix: str) -> NoReturn:
    """Raise Rejected(MALFORMED)."""
    raise Rejected("MALFORMED", field, fix)


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        refuse("body", "send JSON in UTF-8")
    if not isinstance(body, dict):
        refuse("body", "send a JSON object")
    return body


def _lines(body: Mapping[str, Any]) -> list[Any]:
    found = body.get("units")
    if not isinstance(found, list) or not 1 <= len(found) <= MOST_LINES:
        refuse("units", f"give a list of 1 to {MOST_LINES} lines {{sku, quantity, condition, photo?}}")
    return found


def _place(index: int) -> At:
    return lambda field: f"units.{index}.{field}"


def _merged(units: list[ReceivedUnits]) -> tuple[ReceivedUnits, ...]:
    """One line per SKU, condition and photo, in a fixed order: how a warehouse lists its units is no content."""
    counted: dict[tuple[str, str, str], int] = {}
    for unit in units:
        key = (unit.sku, unit.condition.value, unit.photo)
        counted[key] = counted.get(key, 0) + unit.quantity
    return tuple(ReceivedUnits(key[0], counted[key], Condition(key[1]), key[2]) for key in sorted(counted))
