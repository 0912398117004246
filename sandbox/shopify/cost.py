"""Query cost and the leaky bucket.

The weights fit what was recorded: an object is 1, scalars and money bags nothing, a mutation 10 with its payload's own
objects free, a connection 2 plus its page's weight times a node. A page's weight grows slowly with `first`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)

MAXIMUM = 1000
_MUTATION = 10
_CONNECTION = 2
_FREE_TYPES = frozenset(("MoneyBag", "MoneyV2", "PageInfo"))


def page_weight(size: int) -> int:
    """1 for one node, then 3, 4, 5, 7 and 11 for pages of 5, 10, 20, 50 and 250, as recorded."""
    return size if size < 2 else math.ceil(1.743 * size ** (1 / 3))  # noqa: PLR2004


def _response_key(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value


@dataclass(slots=True)
class Meter:
    """Weighs one operation of a document with its variables."""

    schema: GraphQLSchema
    document: DocumentNode
    variables: Mapping[str, Any]

    def requested(self, operation: OperationDefinitionNode) -> int:
        return self._operation(operation, None)

    def actual(self, operation: OperationDefinitionNode, data: Mapping[str, Any] | None) -> int:
        """What the answer holds: pages weigh what they contain, absent objects nothing."""
        return self._operation(operation, data or {})

    def _operation(self, operation: OperationDefinitionNode, data: Mapping[str, Any] | None) -> int:
        root = self.schema.get_root_type(operation.operation)
        if root is None:
            return 0
        if operation.operation.value != "mutation":
            return max(1, self._selection(operation.selection_set, root, data))
        total = 0
        for node, _ in self._fields(operation.selection_set, root):
            total += _MUTATION + self._payload(node, root, data)
        return total

    def _payload(self, node: FieldNode, root: GraphQLObjectType, data: Mapping[str, Any] | None) -> int:
        """The payload and the objects it names directly cost nothing beside the mutation's 10."""
        payload = get_named_type(root.fields[node.name.value].type)
        inner = None if data is None else (data.get(_response_key(node)) or {})
        total = 0
        for child, parent in self._fields(node.selection_set, payload):
            kind = get_named_type(parent.fields[child.name.value].type)
            value = None if inner is None else inner.get(_response_key(child))
            if not is_composite_type(kind) or (inner is not None and not value):
                continue
            value = value[0] if isinstance(value, list) else value
            total += self._selection(child.selection_set, kind, value)
        return total

    def _fields(self, selection: SelectionSetNode | None, kind: Any) -> Iterator[tuple[FieldNode, Any]]:
        """Fields with the type they are read on, fragments opened; __typename and introspection weigh nothing."""
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                if node.name.value in getattr(kind, "fields", {}):
                    yield node, kind
            elif isinstance(node, InlineFragmentNode):
                inner = self.schema.type_map[node.type_condition.name.value] if node.type_condition else kind
                yield from self._fields(node.selection_set, inner)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragment(node.name.value)
                yield from self._fields(
                    fragment.selection_set, self.schema.type_map[fragment.type_condition.name.value]
                )

    def _fragment(self, name: str) -> FragmentDefinitionNode:
        return next(
            node
            for node in self.document.definitions
            if isinstance(node, FragmentDefinitionNode) and node.name.value == name
        )

    def _selection(self, selection: SelectionSetNode | None, kind: Any, data: Any) -> int:
        total = 0
        for node, parent in self._fields(selection, kind):
            value = None if data is None else data.get(_response_key(node))
            if data is not None and value is None:
                continue
            total += self._field(node, get_named_type(parent.fields[node.name.value].type), value)
        return total

    def _field(self, node: FieldNode, kind: Any, value: Any) -> int:
        if not is_composite_type(kind) or kind.name in _FREE_TYPES:
            return 0
        if kind.name.endswith("Connection"):
            return self._connection(node, kind, value)
        if isinstance(value, list):
            value = value[0] if value else None
        return 1 + self._selection(node.selection_set, kind, value)

    def _connection(self, node: FieldNode, kind: Any, value: Any) -> int:
        """An empty page weighs what was asked for: that is how it was recorded."""
        found = None if value is None else self._nodes(value)
        size = len(found) if found else self._size(node)
        sample = found[0] if found else None
        weight = 0
        for child, parent in self._fields(node.selection_set, kind):
            inner = get_named_type(parent.fields[child.name.value].type)
            if child.name.value == "nodes":
                weight += 1 + self._selection(child.selection_set, inner, sample)
            elif child.name.value == "edges":
                weight += self._edges(child, inner, sample)
        return _CONNECTION + page_weight(size) * max(weight, 1)

    def _edges(self, node: FieldNode, kind: Any, sample: Any) -> int:
        wrapped = (
            None
            if sample is None
            else {_response_key(child): sample for child, _ in self._fields(node.selection_set, kind)}
        )
        return self._selection(node.selection_set, kind, wrapped)

    @staticmethod
    def _nodes(value: Mapping[str, Any]) -> list[Any]:
        if "nodes" in value:
            return list(value["nodes"])
        return [edge.get("node") or {} for edge in value.get("edges") or ()]

    def _size(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value in ("first", "last"):
                given = argument.value
                if isinstance(given, IntValueNode):
                    return int(given.value)
                if isinstance(given, VariableNode):
                    return int(self.variables.get(given.name.value) or 1)
        return 1


@dataclass(slots=True)
class Bucket:
    """Points of one app in one shop: `size` at most, `rate` come back per second of `pace`."""

    size: float
    rate: float
    pace: Callable[[], float]
    _left: float = 0.0
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._left, self._at = self.size, self.pace()

    def left(self) -> float:
        now = self.pace()
        self._left = min(self.size, self._left + (now - self._at) * self.rate)
        self._at = now
        return self._left

    def take(self, points: float) -> bool:
        if self.left() < points:
            return False
        self._left -= points
        return True

    def give_back(self, points: float) -> None:
        self._left = min(self.size, self._left + points)

    def status(self) -> dict[str, int]:
        return {
            "maximumAvailable": int(self.size),
            "currentlyAvailable": int(self.left()),
            "restoreRate": int(self.rate),
        }
