"""Hypothesis strategies for whole aggregates, made from their fields, so that a new field cannot be forgotten."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final

from hypothesis import strategies as st

from quittance.application.ports import Parked, Poll
from quittance.domain.account import Control
from quittance.domain.case import Case
from quittance.domain.deadline import Deadline
from quittance.domain.intent import Intent
from quittance.domain.ledger import Ledger
from quittance.domain.observations import Receipt
from quittance.domain.order import Order

TEXTS: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
NAMES: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0#"), min_size=1, max_size=8)
NUMBERS: Final = st.integers(-(10**9), 10**9)
INSTANTS: Final = st.builds(
    lambda milliseconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds),
    st.integers(-(10**12), 10**12),
)
SPANS: Final = st.builds(lambda seconds: timedelta(seconds=seconds), st.integers(1, 10**7))

# Fields that are more than their type says: parts of keys, lanes, warnings that are minutes before an instant, and
# words, which are stored with the person and never here.
SPECIAL: Final[Mapping[tuple[type, str], st.SearchStrategy[Any]]] = {
    (Case, "id"): NAMES,
    (Case, "order"): st.none() | NAMES,
    (Deadline, "lane"): st.integers(0, 2),
    (Deadline, "next"): st.integers(0, 4),
    (Deadline, "warn"): st.lists(st.integers(0, 10**5), max_size=3).map(lambda found: tuple(sorted(found)[::-1])),
    (Deadline, "escalate"): st.lists(st.integers(0, 10**5), max_size=2).map(lambda found: tuple(sorted(found)[::-1])),
    (Intent, "id"): NAMES,
    (Intent, "lane"): st.integers(0, 2),
    (Intent, "channel"): NAMES,
    (Intent, "account"): NAMES,
    (Intent, "order"): NAMES,
    (Ledger, "turn"): st.none() | NAMES,
    (Order, "id"): NAMES,
    (Order, "channel"): NAMES,
    (Order, "account"): NAMES,
    (Poll, "account"): NAMES,
    (Poll, "source"): NAMES,
    (Receipt, "texts"): st.just({}),
}


def of(made: type) -> st.SearchStrategy[Any]:
    """Any instance of a dataclass, every field filled by its type."""
    hints = typing.get_type_hints(made)
    return st.builds(made, **{f.name: _of_field(made, f.name, hints[f.name]) for f in fields(made)})


def _of_field(made: type, name: str, hint: Any) -> st.SearchStrategy[Any]:
    return SPECIAL[made, name] if (made, name) in SPECIAL else _of_hint(hint)


_PLAIN: Final[Mapping[Any, st.SearchStrategy[Any]]] = {
    str: TEXTS,
    int: NUMBERS,
    bool: st.booleans(),
    datetime: INSTANTS,
    timedelta: SPANS,
    type(None): st.none(),
}


def _of_hint(hint: Any) -> st.SearchStrategy[Any]:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if hasattr(hint, "__supertype__"):
        return _of_hint(hint.__supertype__)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is None:
        return of(hint)
    return _CONTAINERS[origin](inner)


def _mapping(inner: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    return st.dictionaries(NAMES, _of_hint(inner[1]), max_size=3)


def _tuple(inner: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if inner[-1] is Ellipsis:
        return st.lists(_of_hint(inner[0]), max_size=3).map(tuple)
    return st.tuples(*(_of_hint(part) for part in inner))


def _union(inner: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    return st.one_of(*(_of_hint(part) for part in inner))


_CONTAINERS: Final[Mapping[Any, Callable[[tuple[Any, ...]], st.SearchStrategy[Any]]]] = {
    Mapping: _mapping,
    tuple: _tuple,
    frozenset: lambda inner: st.frozensets(_of_hint(inner[0]), max_size=3),
    types.UnionType: _union,
    typing.Union: _union,
}

cases: Final[st.SearchStrategy[Case]] = of(Case)
orders: Final[st.SearchStrategy[Order]] = of(Order)
polls: Final[st.SearchStrategy[Poll]] = of(Poll)
parked: Final[st.SearchStrategy[Parked]] = of(Parked)
controls: Final[st.SearchStrategy[Control]] = of(Control)
intents: Final[st.SearchStrategy[Intent]] = of(Intent).map(
    lambda intent: replace(intent, due=None) if intent.has_ended else intent
)
