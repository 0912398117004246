"""What a request may hold: small shapes for texts, numbers, lists and records, and what is wrong with a value.

Fields that a record does not name are found apart: whether they are a mistake is for the caller to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Text:
    """`when` asks for an ISO 8601 date or date-time."""

    one_of: tuple[str, ...] = ()
    shortest: int | None = None
    longest: int | None = None
    pattern: str | None = None
    when: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    pass


@dataclass(frozen=True, slots=True)
class ListOf:
    of: Shape
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """A map from any name to a text."""


@dataclass(frozen=True, slots=True)
class Record:
    required: Mapping[str, Shape] = field(default_factory=dict)
    optional: Mapping[str, Shape] = field(default_factory=dict)

    @property
    def fields(self) -> Mapping[str, Shape]:
        return {**self.required, **self.optional}


Shape = Text | Whole | Truth | ListOf | Texts | Record
TEXT: Final = Text()
WHEN: Final = Text(when=True)


def wrong(shape: Shape, value: Any, where: str) -> Iterator[str]:
    """What is wrong with a value, one sentence each; nothing when it fits."""
    match shape:
        case Text():
            yield from _wrong_text(shape, value, where)
        case Whole():
            yield from _wrong_whole(shape, value, where)
        case Truth():
            yield from () if isinstance(value, bool) else (f"{where} must be true or false",)
        case ListOf():
            yield from _wrong_list(shape, value, where)
        case Texts():
            yield from () if _is_texts(value) else (f"{where} must be an object of texts",)
        case Record():
            yield from _wrong_record(shape, value, where)


def _wrong_text(shape: Text, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{where} must be a text"
        return
    if shape.one_of and value not in shape.one_of:
        yield f"{where} must be one of {', '.join(shape.one_of)}"
    if len(value) < (shape.shortest or 0) or len(value) > (shape.longest or len(value)):
        yield f"{where} has {len(value)} characters; {shape.shortest or 0} to {shape.longest or 'any'} are allowed"
    if shape.pattern and not re.search(shape.pattern, value):
        yield f"{where} does not match {shape.pattern}"
    if shape.when and not _is_time(value):
        yield f"{where} must be an ISO 8601 date-time"


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _is_time(value: str) -> bool:
    try:
        return bool(_ISO.fullmatch(value)) and datetime.fromisoformat(value) is not None
    except ValueError:
        return False


def _wrong_whole(shape: Whole, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield f"{where} must be a whole number"
    elif not (shape.least if shape.least is not None else value) <= value <= (shape.most or value):
        yield f"{where} must be from {shape.least} to {shape.most}"


def _wrong_list(shape: ListOf, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where} must be a list"
        return
    if len(value) < (shape.least or 0) or len(value) > (shape.most or len(value)):
        yield f"{where} has {len(value)} entries; {shape.least or 0} to {shape.most or 'any'} are allowed"
    for place, one in enumerate(value):
        yield from wrong(shape.of, one, f"{where}[{place}]")


def _wrong_record(shape: Record, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} must be an object"
        return
    yield from (f"{where}.{name} is required" for name in shape.required if name not in value)
    fields = shape.fields
    for name, one in value.items():
        if name in fields:
            yield from wrong(fields[name], one, f"{where}.{name}")


def strays(shape: Shape, value: Any, where: str) -> Iterator[str]:
    """Where a value has fields that its shape does not name."""
    if isinstance(shape, ListOf) and isinstance(value, list):
        for place, one in enumerate(value):
            yield from strays(shape.of, one, f"{where}[{place}]")
    elif isinstance(shape, Record) and isinstance(value, dict):
        fields = shape.fields
        for name, one in value.items():
            yield from strays(fields[name], one, f"{where}.{name}") if name in fields else (f"{where}.{name}",)


def from_query(shape: Shape, given: str) -> Any:
    """The value that a query parameter writes: lists by comma, numbers and truths by their words."""
    match shape:
        case ListOf():
            return [from_query(shape.of, part) for part in given.split(",")] if given else []
        case Whole():
            return int(given) if re.fullmatch(r"-?\d+", given) else given
        case Truth():
            return {"true": True, "false": False}.get(given, given)
        case _:
            return given
