"""The simulator's schema is a part of the published one: every name, type, nullability, default and value."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import introspection_from_schema, is_introspection_type

from sandbox.shopify import mutations, roots
from sandbox.shopify.engine import load_schema
from sandbox.shopify.views.common import snake

Json = dict[str, Any]
SCHEMA = load_schema()
TOLD: Any = introspection_from_schema(SCHEMA, input_value_deprecation=True)
OURS: dict[str, Json] = {kind["name"]: kind for kind in TOLD["__schema"]["types"]}
OWN = sorted(name for name, kind in SCHEMA.type_map.items() if not is_introspection_type(kind))


@cache
def load(folder: Path) -> Json:
    with gzip.open(folder / "shopify/schema/admin_2026-10.json.gz") as file:
        schema: Json = json.load(file)["data"]["__schema"]
    return schema


@pytest.fixture(scope="session")
def published(reference: Path) -> dict[str, Json]:
    return {kind["name"]: kind for kind in load(reference)["types"]}


def told(kind: Json) -> str:
    if kind["kind"] == "NON_NULL":
        return f"{told(kind['ofType'])}!"
    return f"[{told(kind['ofType'])}]" if kind["kind"] == "LIST" else str(kind["name"])


def same_default(ours: Any, theirs: Any) -> bool:
    return (ours or "").replace(" ", "") == (theirs or "").replace(" ", "")


def input_differences(where: str, ours: list[Json], theirs: list[Json]) -> list[str]:
    known = {item["name"]: item for item in theirs}
    wrong = []
    for item in ours:
        other = known.get(item["name"])
        if other is None:
            wrong.append(f"{where}.{item['name']} does not exist")
        elif told(item["type"]) != told(other["type"]):
            wrong.append(f"{where}.{item['name']} is {told(other['type'])}")
        elif not same_default(item["defaultValue"], other["defaultValue"]):
            wrong.append(f"{where}.{item['name']} defaults to {other['defaultValue']}")
    missing = [
        name
        for name, item in known.items()
        if item["type"]["kind"] == "NON_NULL"
        and item["defaultValue"] is None
        and name not in {entry["name"] for entry in ours}
    ]
    return wrong + [f"{where}.{name} is required" for name in missing]


def field_differences(name: str, ours: list[Json], theirs: list[Json]) -> list[str]:
    known = {item["name"]: item for item in theirs}
    wrong = []
    for item in ours:
        other = known.get(item["name"])
        if other is None:
            wrong.append(f"{name}.{item['name']} does not exist")
            continue
        if told(item["type"]) != told(other["type"]):
            wrong.append(f"{name}.{item['name']} is {told(other['type'])}")
        if item["isDeprecated"] != other["isDeprecated"]:
            wrong.append(f"{name}.{item['name']} deprecation differs")
        wrong += input_differences(f"{name}.{item['name']}", item["args"], other["args"])
    return wrong


@pytest.mark.parametrize("name", OWN)
def test_each_type_is_a_part_of_the_published_type(name: str, published: dict[str, Json]) -> None:
    ours, theirs = OURS[name], published[name]

    assert ours["kind"] == theirs["kind"]
    assert field_differences(name, ours["fields"] or [], theirs["fields"] or []) == []
    if ours["kind"] == "INPUT_OBJECT":
        assert input_differences(name, ours["inputFields"], theirs["inputFields"]) == []
    assert {item["name"] for item in ours["interfaces"] or []} <= {item["name"] for item in theirs["interfaces"] or []}
    if ours["kind"] == "UNION":
        assert {item["name"] for item in ours["possibleTypes"]} <= {item["name"] for item in theirs["possibleTypes"]}
    if ours["kind"] == "ENUM":
        assert {item["name"] for item in ours["enumValues"]} == {item["name"] for item in theirs["enumValues"]}


def test_the_idempotency_directive_is_the_published_one(reference: Path) -> None:
    theirs = next(item for item in load(reference)["directives"] if item["name"] == "idempotent")
    ours = SCHEMA.get_directive("idempotent")

    assert ours is not None
    assert [location.name for location in ours.locations] == theirs["locations"]
    assert {name: str(item.type) for name, item in ours.args.items()} == {
        item["name"]: told(item["type"]) for item in theirs["args"]
    }


def test_every_root_field_has_a_resolver() -> None:
    for root, shown in (("QueryRoot", roots.Query), ("Mutation", mutations.Mutations)):
        missing = [item["name"] for item in OURS[root]["fields"] if not hasattr(shown, snake(item["name"]))]
        assert missing == []
