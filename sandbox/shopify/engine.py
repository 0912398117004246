"""One GraphQL request, from the document to the answer's body: parse, validate, weigh, execute, tell errors.

It knows nothing of HTTP. A defect of the simulator itself is kept in `defects` and answered as INTERNAL_SERVER_ERROR.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute,
    parse,
    validate,
)

from sandbox.shopify.complaints import equip_scalars, invalid_document, invalid_variables
from sandbox.shopify.cost import MAXIMUM, Bucket, Meter
from sandbox.shopify.idempotency import Keys
from sandbox.shopify.mutations import Mutations
from sandbox.shopify.roots import Query
from sandbox.shopify.views.common import Scene, resolve_field, resolve_type


@cache
def load_schema() -> GraphQLSchema:
    """One for all simulators of a process: nothing changes it."""
    schema = build_schema(Path(__file__).with_name("schema.graphql").read_text(encoding="utf-8"))
    equip_scalars(schema)
    return schema


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed request. `operation` is None when the document is unfit; `errors` then says why."""

    document: DocumentNode | None
    operation: OperationDefinitionNode | None
    variables: Mapping[str, Any]
    errors: tuple[dict[str, Any], ...] = ()

    @property
    def name(self) -> str | None:
        return self.operation.name.value if self.operation and self.operation.name else None

    @property
    def is_mutation(self) -> bool:
        return self.operation is not None and self.operation.operation.value == "mutation"

    @property
    def fields(self) -> tuple[str, ...]:
        selections = self.operation.selection_set.selections if self.operation else ()
        return tuple(node.name.value for node in selections if isinstance(node, FieldNode))


@dataclass(frozen=True, slots=True)
class Answer:
    """`applied` counts mutations that were not refused; `keys` are in flight until the answer has left."""

    body: dict[str, Any]
    applied: int = 0
    keys: tuple[str, ...] = ()


def _plain_error(message: str, code: str | None = None) -> dict[str, Any]:
    return {"message": message} | ({"extensions": {"code": code}} if code else {})


@dataclass(slots=True)
class Engine:
    """Parses and executes against one schema; validated documents are remembered."""

    schema: GraphQLSchema = field(default_factory=load_schema)
    defects: list[str] = field(default_factory=list)
    _seen: dict[str, tuple[DocumentNode | None, tuple[dict[str, Any], ...]]] = field(default_factory=dict)

    def read(self, body: Mapping[str, Any]) -> Request:
        text = body.get("query")
        variables = body.get("variables") or {}
        if not isinstance(text, str) or not text.strip():
            return Request(None, None, {}, (_plain_error("No query string was present"),))
        if text not in self._seen:
            self._seen[text] = self._parse(text)
        document, errors = self._seen[text]
        if document is None or errors:
            return Request(document, None, variables, errors)
        operation = _operation(document, body.get("operationName"))
        if operation is None:
            return Request(document, None, variables, (_plain_error("An operation name is required"),))
        return Request(document, operation, variables, tuple(invalid_variables(self.schema, operation, variables)))

    def _parse(self, text: str) -> tuple[DocumentNode | None, tuple[dict[str, Any], ...]]:
        try:
            document = parse(text)
        except GraphQLError as error:
            return None, (_plain_error(f"syntax error, {error.message}"),)
        return document, tuple(invalid_document(error, document) for error in validate(self.schema, document))

    def cost(self, request: Request) -> int:
        if request.document is None or request.operation is None:
            return 0
        return Meter(self.schema, request.document, request.variables).requested(request.operation)

    def run(self, request: Request, scene: Scene, keys: Keys, bucket: Bucket) -> Answer:
        """Weigh, then execute; a request that is unfit, too dear or throttled applies nothing."""
        document, operation = request.document, request.operation
        if document is None or operation is None or request.errors:
            return Answer({"errors": list(request.errors)})
        requested = self.cost(request)
        if requested > MAXIMUM:
            text = f"Query cost is {requested}, which exceeds the single query max cost limit ({MAXIMUM})."
            extensions = {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": MAXIMUM}
            return Answer({"errors": [{"message": text, "extensions": extensions}]})
        if not bucket.take(requested):
            return Answer(throttled(requested, bucket))
        root = Mutations(scene, keys) if request.is_mutation else Query(scene)
        result = self._execute(document, request, scene, root)
        actual = Meter(self.schema, document, request.variables).actual(operation, result.data)
        bucket.give_back(max(0, requested - actual))
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = [self._tell(error) for error in result.errors]
        body["extensions"] = _extensions(requested, actual, bucket, scene)
        return Answer(body, root.applied, tuple(root.new_keys)) if isinstance(root, Mutations) else Answer(body)

    def _execute(self, document: DocumentNode, request: Request, scene: Scene, root: Any) -> ExecutionResult:
        result = execute(
            self.schema,
            document,
            root_value=root,
            context_value=scene,
            variable_values=dict(request.variables),
            operation_name=request.name,
            field_resolver=resolve_field,
            type_resolver=resolve_type,
        )
        if not isinstance(result, ExecutionResult):
            raise TypeError("the simulator's resolvers are synchronous")
        return result

    def _tell(self, error: GraphQLError) -> dict[str, Any]:
        told = dict(error.formatted)
        if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
            self.defects.append("".join(traceback.format_exception(error.original_error)))
            told = {"message": "Internal error.", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
        return told


def _operation(document: DocumentNode, name: Any) -> OperationDefinitionNode | None:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name:
        return next((node for node in operations if node.name and node.name.value == name), None)
    return operations[0] if len(operations) == 1 else None


def throttled(requested: int, bucket: Bucket) -> dict[str, Any]:
    cost = {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": bucket.status()}
    return {"errors": [_plain_error("Throttled", "THROTTLED")], "extensions": {"cost": cost}}


def _extensions(requested: int, actual: int, bucket: Bucket, scene: Scene) -> dict[str, Any]:
    cost = {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": bucket.status()}
    search = [{"path": ["orders"], "warnings": scene.warnings}] if scene.warnings else None
    return {"cost": cost} | ({"search": search} if search else {})
