"""A write as DynamoDB wants to hear it: expressions, with every name and value behind a placeholder.

Refuses a write that neither changes nor checks anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from quittance.application.commit import (
    Absent,
    AtLeast,
    Condition,
    FenceIs,
    IsNot,
    Key,
    PointsTo,
    Value,
    VersionIs,
    Write,
)
from quittance.domain.ids import CaseId
from quittance.storage.engine import IDLE


def typed(value: Value) -> dict[str, Any]:
    """A plain value with DynamoDB's type: S, N, BOOL, NULL, M or L."""
    if isinstance(value, str):
        return {"S": str(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, Mapping):
        return {"M": {name: typed(part) for name, part in value.items()}}
    return {"L": [typed(part) for part in value]}


def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """An item without DynamoDB's types; raises ValueError for a type or a fraction that no item of ours has."""
    return {name: _plain(value) for name, value in attributes.items()}


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "N":
            return int(content)
        case "M":
            return plain(content)
        case "L":
            return [_plain(part) for part in content]
        case "NULL":
            return None
        case _:
            raise ValueError(f"no item of ours has a value of type {kind}")


def typed_key(key: Key) -> dict[str, Any]:
    """A primary key with DynamoDB's types."""
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def rendered(write: Write, table: str) -> dict[str, Any]:
    """The parameters of an Update, or of a ConditionCheck for a write that only checks.

    Raises ValueError for a write that neither changes nor checks anything.
    """
    if write.is_check and not write.conditions:
        raise ValueError(IDLE)
    placeholders = _Placeholders()
    parameters: dict[str, Any] = {"TableName": table, "Key": typed_key(write.key)}
    if not write.is_check:
        parameters["UpdateExpression"] = _update(write, placeholders)
    if write.conditions:
        clauses = [placeholders.condition(condition) for condition in write.conditions]
        parameters["ConditionExpression"] = " AND ".join(clauses)
        parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    parameters["ExpressionAttributeNames"] = {short: name for name, short in placeholders.names.items()}
    if placeholders.values:
        parameters["ExpressionAttributeValues"] = placeholders.values
    return parameters


def _update(write: Write, placeholders: _Placeholders) -> str:
    clauses = []
    if write.set:
        pairs = (f"{placeholders.name(name)} = {placeholders.value(value)}" for name, value in write.set.items())
        clauses.append("SET " + ", ".join(pairs))
    if write.remove:
        clauses.append("REMOVE " + ", ".join(placeholders.name(name) for name in sorted(write.remove)))
    return " ".join(clauses)


class _Placeholders:
    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, name: str) -> str:
        return self.names.setdefault(name, f"#{len(self.names)}")

    def value(self, value: Value) -> str:
        short = f":{len(self.values)}"
        self.values[short] = typed(value)
        return short

    def condition(self, condition: Condition) -> str:
        match condition:
            case Absent():
                return f"attribute_not_exists({self.name('pk')})"
            case VersionIs(number):
                return f"{self.name('version')} = {self.value(number)}"
            case FenceIs(number):
                return f"{self.name('fence')} = {self.value(number)}"
            case AtLeast(path, minimum):
                return f"{'.'.join(self.name(name) for name in path)} >= {self.value(minimum)}"
            case IsNot(attribute, value):
                short = self.name(attribute)
                return f"(attribute_not_exists({short}) OR {short} <> {self.value(value)})"
            case PointsTo(case):
                return f"{self.name('case')} = {self.value(CaseId(case))}"
            case _:
                assert_never(condition)
