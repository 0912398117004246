"""The published models as the tests read them: shapes of requests, schemas of answers, what an answer has too much."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # it ships no types

from sandbox.amazon.shapes import ListOf, Record, Shape, Text, Texts, Truth, Whole

Json = dict[str, Any]


@cache
def model(reference: Path, name: str) -> Json:
    loaded: Json = json.loads((reference / f"amazon/models/{name}.json").read_text())
    return loaded


def usage(operation: Json) -> tuple[float, int] | None:
    """The usage plan that the description prints."""
    found = re.search(r"\|\s*([\d.]+)\s*\|\s*(\d+)\s*\|", operation.get("description", ""))
    return (float(found[1]), int(found[2])) if found else None


def resolve(of: Json, schema: Json) -> Json:
    """A schema without a reference at its top; allOf joined into one."""
    while "$ref" in schema:
        schema = of["definitions"][schema["$ref"].rpartition("/")[2]]
    if "allOf" not in schema:
        return schema
    joined: Json = {"type": "object", "properties": {}, "required": []}
    for part in (resolve(of, one) for one in schema["allOf"]):
        joined["properties"] |= part.get("properties", {})
        joined["required"] += part.get("required", [])
    return joined


def shape(of: Json, schema: Json) -> Shape:
    """What a published schema says, in the simulator's words."""
    schema = resolve(of, schema)
    kind = schema.get("type")
    if kind == "string":
        when = schema.get("format") == "date-time"
        bounds = (schema.get("minLength"), schema.get("maxLength"))
        return Text(tuple(schema.get("enum", ())), *bounds, pattern=schema.get("pattern"), when=when)
    if kind == "integer":
        return Whole(schema.get("minimum"), schema.get("maximum"))
    if kind == "boolean":
        return Truth()
    if kind == "array":
        return ListOf(shape(of, schema["items"]), schema.get("minItems"), schema.get("maxItems"))
    if "additionalProperties" in schema:
        return Texts()
    fields = {name: shape(of, one) for name, one in schema.get("properties", {}).items()}
    needed = set(schema.get("required", ()))
    required = {name: one for name, one in fields.items() if name in needed}
    return Record(required, {name: one for name, one in fields.items() if name not in needed})


def problems(of: Json, schema: Json, value: Any) -> list[str]:
    """What is wrong with an answer: against its schema, and names that the schema does not have."""
    full = {**schema, "definitions": of["definitions"]}
    told = [f"{error.json_path}: {error.message}" for error in Draft7Validator(full).iter_errors(value)]
    return told + list(_unknown(of, schema, value, "$"))


def _unknown(of: Json, schema: Json, value: Any, where: str) -> Iterator[str]:
    schema = resolve(of, schema)
    if isinstance(value, list):
        for place, one in enumerate(value):
            yield from _unknown(of, schema.get("items", {}), one, f"{where}[{place}]")
    elif isinstance(value, dict) and "properties" in schema:
        for name, one in value.items():
            if name not in schema["properties"]:
                yield f"{where}.{name} is not in the model"
            else:
                yield from _unknown(of, schema["properties"][name], one, f"{where}.{name}")
