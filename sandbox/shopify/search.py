"""Shopify's search syntax for orders and returns: terms, ranges, AND, OR, NOT, parentheses.

A field it does not know is ignored with a warning, as Shopify does; it never narrows the result in silence.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.shopify import records as r
from sandbox.shopify import return_records as rr
from sandbox.shopify.books import Books
from sandbox.shopify.ids import legacy_id
from sandbox.shopify.status import financial_status, fulfillment_status, return_status

_TOKEN = re.compile(r"""\s*(\(|\)|-(?=[A-Za-z_(])|(?:[A-Za-z_]+:(?:[<>]=?)?)?(?:'[^']*'|"[^"]*"|[^\s()'"]+))""")
_TERM = re.compile(r"^([A-Za-z_]+):([<>]=?)?(.*)$", re.DOTALL)
Test = Callable[[r.Order], bool]


@dataclass(slots=True)
class _Reader:
    """Recursive descent over the tokens; unknown fields end up in `warnings`."""

    books: Books
    tokens: list[str]
    warnings: list[dict[str, Any]]
    at: int = 0

    def _next(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def either(self) -> Test:
        tests = [self.both()]
        while self._next() == "OR":
            self.at += 1
            tests.append(self.both())
        return lambda order: any(test(order) for test in tests)

    def both(self) -> Test:
        tests = []
        while self._next() not in (None, ")", "OR"):
            if self._next() == "AND":
                self.at += 1
                continue
            tests.append(self.one())
        return lambda order: all(test(order) for test in tests)

    def one(self) -> Test:
        word = self.tokens[self.at]
        self.at += 1
        if word in ("-", "NOT"):
            inner = self.one()
            return lambda order: not inner(order)
        if word == "(":
            inner = self.either()
            self.at += 1
            return inner
        return self._term(word)

    def _term(self, token: str) -> Test:
        match = _TERM.match(token)
        if match is None:
            text = token.strip("'\"").lower()
            return lambda order: text in order.name.lower() or text in (order.email or "").lower()
        name, sign, value = match.group(1), match.group(2) or "", match.group(3).strip("'\"")
        if name not in _FIELDS:
            self.warnings.append(
                {"field": name, "message": "Invalid search field for this query.", "code": "invalid_field"}
            )
            return lambda _: True
        read = _FIELDS[name]
        return lambda order: _matches(read(self.books, order), sign, value)


def _status(_: Books, order: r.Order) -> list[str]:
    if order.cancelled_at is not None:
        return ["cancelled", "any"]
    return ["closed" if order.closed_at is not None else "open", "any"]


_FIELDS: dict[str, Callable[[Books, r.Order], Any]] = {
    "id": lambda _, order: legacy_id(order.id),
    "name": lambda _, order: [order.name.lower(), str(order.number)],
    "email": lambda _, order: (order.email or "").lower(),
    "status": _status,
    "tag": lambda _, order: [tag.lower() for tag in order.tags],
    "created_at": lambda _, order: order.created_at,
    "processed_at": lambda _, order: order.created_at,
    "updated_at": lambda _, order: order.updated_at,
    "return_status": lambda books, order: return_status(books, order.id).lower(),
    "financial_status": lambda books, order: (financial_status(books, order) or "").lower(),
    "fulfillment_status": lambda books, order: fulfillment_status(books, order).lower(),
}


def _moment(text: str) -> datetime | None:
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        return None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _matches(actual: Any, sign: str, text: str) -> bool:
    wanted: Any = text
    if isinstance(actual, datetime):
        # API times have no fractions of a second, and searches see what the API shows
        actual, wanted = actual.replace(microsecond=0), _moment(text)
    elif isinstance(actual, int):
        wanted = int(text) if text.isdigit() else None
    else:
        return _is_text(actual, text.lower())
    if wanted is None:
        return False
    return bool(_COMPARE[sign](actual, wanted))


def _is_text(actual: str | list[str], text: str) -> bool:
    known = actual if isinstance(actual, list) else [actual]
    return any(wanted in known for wanted in text.split(","))


def matching(books: Books, query: str | None, warnings: list[dict[str, Any]]) -> list[r.Order]:
    """The orders that fit; every order when there is no query."""
    orders = list(books.orders.values())
    if not query or not query.strip():
        return orders
    reader = _Reader(books, _TOKEN.findall(query), warnings)
    test = reader.either()
    return [order for order in orders if test(order)]


_SORTS: dict[str, Callable[[r.Order], Any]] = {
    "CREATED_AT": lambda order: order.created_at,
    "PROCESSED_AT": lambda order: order.created_at,
    "UPDATED_AT": lambda order: order.updated_at,
    "ORDER_NUMBER": lambda order: order.number,
    "TOTAL_PRICE": lambda order: order.original_total,
}


def sort_key(name: str) -> Callable[[r.Order], Any]:
    """Ties, and the keys a returns engine never uses, fall back to the id."""
    first = _SORTS.get(name)
    return lambda order: (first(order) if first else 0, legacy_id(order.id))


def return_matches(item: rr.Return, query: str | None) -> bool:
    for name, value in re.findall(r"(\w+):'?(\w+)'?", query or ""):
        if name == "status" and item.status.lower() != value.lower():
            return False
        if name == "id" and str(legacy_id(item.id)) != value:
            return False
    return True
