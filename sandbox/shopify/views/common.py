"""What all views share: the scene they are read in, money bags, times, and connections with cursors.

A connection without `first` or `last` is refused, and so is a page above 250.
"""

from __future__ import annotations

import base64
import json
import keyword
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

from graphql import GraphQLError, GraphQLResolveInfo

from sandbox.shopify.books import Books
from sandbox.shopify.ids import legacy_id
from sandbox.shopify.money import Currencies, decimal_text

PAGE_LIMIT = 250
_ORDERS_VISIBLE_FOR = timedelta(days=60)
Item = TypeVar("Item")


@dataclass(slots=True)
class Scene:
    """One request: whose books, when, with which scopes; views are read in it."""

    books: Books
    now: datetime
    version: str
    shop: Any
    hooks: Any
    scopes: frozenset[str]
    protected: frozenset[str] = frozenset()
    cancel_after: timedelta = timedelta(0)
    warnings: list[dict[str, Any]] = field(default_factory=list)

    def can_see(self, created_at: datetime) -> bool:
        """Orders older than 60 days need read_all_orders."""
        return "read_all_orders" in self.scopes or self.now - created_at <= _ORDERS_VISIBLE_FOR


def bad_request(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "BAD_REQUEST"})


def snake(name: str) -> str:
    text = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
    return f"{text}_" if keyword.iskeyword(text) else text


def resolve_field(source: Any, info: GraphQLResolveInfo[Scene], **arguments: Any) -> Any:
    """Read the view's attribute; a protected field is null with an error beside it."""
    path = f"{info.parent_type.name}.{info.field_name}"
    if path in info.context.protected:
        text = f"This app is not approved to access the {info.parent_type.name} object's {info.field_name} field."
        raise GraphQLError(text, extensions={"code": "ACCESS_DENIED"})
    if hasattr(source, "enter"):
        source.enter(info)
    value = getattr(source, snake(info.field_name))
    return value(**{snake(name): given for name, given in arguments.items()}) if callable(value) else value


def resolve_type(value: Any, *_: Any) -> str:
    return str(value.typename)


def utc_text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class View:
    """A record seen in a scene. `typename` is the GraphQL type it is shown as."""

    typename: ClassVar[str]

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    @property
    def books(self) -> Books:
        return self.scene.books


@dataclass(frozen=True, slots=True)
class MoneyView:
    amount: str
    currency_code: str
    typename: ClassVar[str] = "MoneyV2"


@dataclass(frozen=True, slots=True)
class BagView:
    shop_money: MoneyView
    presentment_money: MoneyView


def money(minor: int, currency: str) -> MoneyView:
    return MoneyView(decimal_text(minor, currency), currency)


def bag(currencies: Currencies, minor: int, shop_minor: int | None = None) -> BagView:
    in_shop = currencies.to_shop(minor) if shop_minor is None else shop_minor
    return BagView(money(in_shop, currencies.shop), money(minor, currencies.presentment))


@dataclass(frozen=True, slots=True)
class ErrorView:
    field: list[str] | None
    message: str
    code: str | None
    typename: ClassVar[str] = "UserError"


@dataclass(frozen=True, slots=True)
class PageInfoView:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class EdgeView(Generic[Item]):
    cursor: str
    node: Item


@dataclass(frozen=True, slots=True)
class ConnectionView(Generic[Item]):
    edges: list[EdgeView[Item]]
    page_info: PageInfoView

    @property
    def nodes(self) -> list[Item]:
        return [edge.node for edge in self.edges]


@dataclass(frozen=True, slots=True)
class Window:
    """The arguments of a connection."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None
    reverse: bool = False


def _cursor(item: Any) -> str:
    text = json.dumps({"last_id": legacy_id(item.id), "last_value": str(legacy_id(item.id))})
    return base64.b64encode(text.encode()).decode()


def _check(window: Window) -> None:
    if (window.first is None) == (window.last is None):
        raise bad_request("you must provide one of first or last")
    size = window.first if window.first is not None else window.last
    if size is not None and not 0 <= size <= PAGE_LIMIT:
        raise bad_request(f"a page holds 0 to {PAGE_LIMIT} nodes")


def connect(items: Iterable[Item], arguments: dict[str, Any]) -> ConnectionView[Item]:
    """A page of `items`; `arguments` are the connection's own, others are ignored."""
    names = ("first", "after", "last", "before", "reverse")
    window = Window(**{name: arguments[name] for name in names if name in arguments})
    _check(window)
    ordered = list(items)
    if window.reverse:
        ordered.reverse()
    cursors = [_cursor(item) for item in ordered]
    start = cursors.index(window.after) + 1 if window.after in cursors else 0
    end = cursors.index(window.before) if window.before in cursors else len(ordered)
    if window.first is not None:
        end = min(end, start + window.first)
    elif window.last is not None:
        start = max(start, end - window.last)
    edges = [EdgeView(cursor, item) for cursor, item in zip(cursors[start:end], ordered[start:end], strict=True)]
    page = PageInfoView(
        has_next_page=end < len(ordered),
        has_previous_page=start > 0,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return ConnectionView(edges, page)


def first_of(items: Sequence[Item], first: int | None) -> list[Item]:
    return list(items if first is None else items[:first])
