"""Shopify's own words for documents and variables that do not fit the schema.

graphql-core finds what is wrong; here it is told as Shopify tells it, with the recorded messages, codes and paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    type_from_ast,
)


@dataclass(frozen=True, slots=True)
class Problem:
    path: tuple[str, ...]
    explanation: str

    def steps(self) -> list[str | int]:
        return [int(step) if step.isdigit() else step for step in self.path]

    def told(self) -> str:
        where = ".".join(self.path)
        return f"{where} ({self.explanation})" if where else self.explanation


def variable_problems(kind: Any, value: Any, path: tuple[str, ...] = ()) -> Iterator[Problem]:
    """Everything about a variable's value that the schema does not accept."""
    if isinstance(kind, GraphQLNonNull):
        if value is None:
            yield Problem(path, "Expected value to not be null")
        kind = kind.of_type
    if value is None:
        return
    if isinstance(kind, GraphQLList):
        yield from _list_problems(kind, value, path)
    elif isinstance(kind, GraphQLInputObjectType):
        yield from _object_problems(kind, value, path)
    elif not isinstance(kind, GraphQLEnumType):
        yield from _scalar_problems(kind, value, path)
    elif value not in kind.values:
        yield Problem(path, f'Expected "{value}" to be one of: {", ".join(kind.values)}')


def _list_problems(kind: GraphQLList[Any], value: Any, path: tuple[str, ...]) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield from variable_problems(kind.of_type, value, path)
        return
    for index, item in enumerate(value):
        yield from variable_problems(kind.of_type, item, (*path, str(index)))


def _object_problems(kind: GraphQLInputObjectType, value: Any, path: tuple[str, ...]) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield Problem(path, f"Expected {value!r} to be a key-value object.")
        return
    for name in value:
        if name not in kind.fields:
            yield Problem((*path, name), f"Field is not defined on {kind.name}")
    for name, inner in kind.fields.items():
        if name in value or (isinstance(inner.type, GraphQLNonNull) and not _has_default(inner)):
            yield from variable_problems(inner.type, value.get(name), (*path, name))


def _has_default(inner: Any) -> bool:
    return inner.ast_node is not None and inner.ast_node.default_value is not None


def _scalar_problems(kind: Any, value: Any, path: tuple[str, ...]) -> Iterator[Problem]:
    try:
        kind.parse_value(value)
    except (GraphQLError, ValueError, TypeError):
        yield Problem(path, f"Could not coerce value {value!r} to {kind.name}")


def invalid_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """INVALID_VARIABLE errors, one per variable."""
    errors = []
    for definition in operation.variable_definitions or ():
        kind = type_from_ast(schema, definition.type)
        name = definition.variable.name.value
        if name not in given and (definition.default_value is not None or not isinstance(kind, GraphQLNonNull)):
            continue
        problems = list(variable_problems(kind, given.get(name)))
        if problems:
            errors.append(_invalid_variable(definition, str(kind), given.get(name), problems))
    return errors


def _invalid_variable(definition: Node, kind: str, value: Any, problems: Sequence[Problem]) -> dict[str, Any]:
    name = definition.variable.name.value  # type: ignore[attr-defined]
    if any(problem.path for problem in problems):
        told = ", ".join(problem.told() for problem in problems)
        message = f"Variable ${name} of type {kind} was provided invalid value for {told}"
    else:
        message = f"Variable ${name} of type {kind} was provided invalid value"
    return {
        "message": message,
        "locations": _locations(definition),
        "extensions": {
            "code": "INVALID_VARIABLE",
            "value": value,
            "problems": [{"path": problem.steps(), "explanation": problem.explanation} for problem in problems],
        },
    }


def _locations(node: Node | None) -> list[dict[str, int]]:
    if node is None or node.loc is None:
        return []
    token = node.loc.start_token
    return [{"line": token.line, "column": token.column}]


# Documents

_UNDEFINED_FIELD = re.compile(r"Cannot query field '(?P<field>\w+)' on type '(?P<type>\w+)'")
_UNDEFINED_INPUTS = (  # graphql-core 3.2, then 3.3
    re.compile(r"Field '(?P<field>\w+)' is not defined by type '(?P<type>\w+)'"),
    re.compile(r"Expected value of type '(?P<type>\w+)!?' not to include unknown field '(?P<field>\w+)'"),
)
_UNDEFINED_ARGUMENT = re.compile(r"Unknown argument '(?P<field>\w+)' on (?:field|directive) '(?P<type>[\w.@]+)'")


def invalid_document(error: GraphQLError, document: DocumentNode) -> dict[str, Any]:
    """A validation error in Shopify's words where they are known, else in graphql-core's."""
    node = error.nodes[0] if error.nodes else None
    message, extensions = _reworded(error.message)
    told: dict[str, Any] = {"message": message, "locations": _locations(node)}
    if node is not None:
        told["path"] = _path_to(document, node)
    return told | ({"extensions": extensions} if extensions else {})


def _reworded(message: str) -> tuple[str, dict[str, Any]]:
    if match := _UNDEFINED_FIELD.match(message):
        text = f"Field '{match['field']}' doesn't exist on type '{match['type']}'"
        return text, {"code": "undefinedField", "typeName": match["type"], "fieldName": match["field"]}
    for pattern in _UNDEFINED_INPUTS:
        if match := pattern.match(message):
            return _not_accepted("InputObject", match["type"], match["field"])
    if match := _UNDEFINED_ARGUMENT.match(message):
        kind = "Directive" if match["type"].startswith("@") else "Field"
        return _not_accepted(kind, match["type"].rsplit(".", 1)[-1].lstrip("@"), match["field"])
    return message, {}


def _not_accepted(kind: str, name: str, argument: str) -> tuple[str, dict[str, Any]]:
    text = f"{kind} '{name}' doesn't accept argument '{argument}'"
    return text, {"code": "argumentNotAccepted", "name": name, "typeName": kind, "argumentName": argument}


def _path_to(document: DocumentNode, target: Node) -> list[str]:
    for definition in document.definitions:
        found = _search(definition, target)
        if found is not None:
            return found
    return []


def _search(node: Node, target: Node) -> list[str] | None:
    label = _label(node)
    if node is target:
        return label
    for key in node.keys:
        child = getattr(node, key, None)
        for item in child if isinstance(child, list | tuple) else (child,):
            found = _search(item, target) if isinstance(item, Node) else None
            if found is not None:
                return [*label, *found]
    return None


def _label(node: Node) -> list[str]:
    if isinstance(node, OperationDefinitionNode):
        return [f"{node.operation.value} {node.name.value}" if node.name else node.operation.value]
    name = getattr(node, "name", None)
    named = node.kind in ("field", "argument", "object_field")
    return [name.value] if named and name is not None else []


# Scalars


def parse_decimal(value: Any) -> str:
    """Decimals and money come as text or number; both are kept as text."""
    if isinstance(value, bool):
        raise GraphQLError(f"{value!r} is not a decimal number")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise GraphQLError(f"{value!r} is not a decimal number") from None
    if not number.is_finite():
        raise GraphQLError(f"{value!r} is not a decimal number")
    return str(value)


def parse_moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise GraphQLError(f"{value!r} is not a date and time in ISO 8601") from None
    if moment.tzinfo is None:
        raise GraphQLError(f"{value!r} names no time zone")
    return moment


def equip_scalars(schema: GraphQLSchema) -> None:
    """Give the schema's scalars the checks of their inputs."""
    for name, parse in (("Decimal", parse_decimal), ("Money", parse_decimal), ("DateTime", parse_moment)):
        scalar: Any = schema.type_map[name]
        scalar.parse_value = parse
        scalar.parse_literal = _literal(parse)


def _literal(parse: Any) -> Any:
    def read(node: Any, _variables: Any = None) -> Any:
        return parse(getattr(node, "value", None))

    return read
