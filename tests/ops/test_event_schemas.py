"""What leaves the house fits the published schemas: an example of every event, and nothing beside what they list."""

from __future__ import annotations

import dataclasses
import json
import typing
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from ops.pages.events import facts_of, schema_of
from quittance.domain import events
from quittance.domain.case import Case
from quittance.domain.difference import DifferenceKind, Entry
from quittance.domain.instant import to_text
from quittance.domain.intent import Intent
from quittance.domain.observations import OrderReading, Receipt, ReturnReading
from tests.support import builders as b

EVENTS: Final = typing.get_args(events.Event)
AT: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DETAIL: Final = {
    "schema": 1,
    "id": "c#3#0",
    "case": "c",
    "version": 3,
    "channel": "shopify",
    "account": "maison-lumiere",
    "store": "maison-lumiere",
    "order": "gid://shopify/Order/1",
    "at": to_text(AT),
}
WHOLE: Final[dict[Any, Any]] = {
    Case: b.case(),
    OrderReading: b.order_reading(),
    ReturnReading: b.return_reading(),
    Receipt: b.receipt(),
    Intent: b.intent(),
    Entry: Entry(DifferenceKind.UNEQUAL, "refund-1", "intent-1", 3000, 2900, ((b.CARD, 3000, 2900),)),
    datetime: AT,
    str: "text",
    int: 7,
    bool: True,
}


def example(kind: Any) -> Any:
    """A value of this type, with one element in each list."""
    if typing.get_origin(kind) is tuple:
        parts = typing.get_args(kind)
        return (example(parts[0]),) if parts[-1] is Ellipsis else tuple(example(part) for part in parts)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next(iter(kind))
    return WHOLE[kind]


def an_event(kind: type) -> Any:
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: example(hints[field.name]) for field in dataclasses.fields(kind)})


def validate(kind: type, facts: Any) -> None:
    checker = jsonschema.Draft202012Validator(schema_of(kind))
    checker.validate(json.loads(json.dumps({**DETAIL, "facts": facts})))


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_an_example_of_the_event_fits_its_schema(kind: type) -> None:
    validate(kind, events.facts(an_event(kind)))


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_a_schema_is_itself_valid_and_describes_its_event(kind: type) -> None:
    schema = schema_of(kind)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == events.name(an_event(kind))
    assert schema["description"]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_a_fact_that_is_missing_or_unlisted_does_not_fit(kind: type) -> None:
    facts = events.facts(an_event(kind))

    with pytest.raises(jsonschema.ValidationError, match="Additional properties"):
        validate(kind, {**facts, "buyer": "somebody"})
    for gone in facts_of(kind):
        with pytest.raises(jsonschema.ValidationError, match="required property"):
            validate(kind, {name: value for name, value in facts.items() if name != gone})


def test_an_instant_has_its_fixed_width() -> None:
    with pytest.raises(jsonschema.ValidationError, match="too short"):
        validate(events.DeadlineArmed, {"deadline": "law_refund", "legal": "2026-11-21T12:00:00Z"})


def test_a_unit_row_of_another_shape_does_not_fit() -> None:
    for units in ([["line", "2"]], [["line", 2, "new"]], [["line"]]):
        with pytest.raises(jsonschema.ValidationError):
            validate(events.LinesRemoved, {"units": units})
