"""The shop's front desk: who may come in, what a scripted fault does to the request, and the log of all that came.

A request is read, charged with a fault if one matches, applied under one lock, logged, and answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import RLock
from typing import Any

from sandbox.shopify.engine import Answer, Engine, Request, throttled
from sandbox.shopify.faults import BEFORE, Call, Fault, Faults, Kind
from sandbox.shopify.floor import Floor
from sandbox.shopify.ids import Sequence
from sandbox.shopify.server import Reply, served_version
from sandbox.shopify.shop import TOKEN_LIFE

_BAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Logged:
    """One GraphQL request: `applied`: a mutation changed the books. `answered`: an answer got out."""

    at: datetime
    shop: str
    version: str
    operation: str | None
    fields: tuple[str, ...]
    variables: dict[str, Any]
    document: str
    is_mutation: bool
    applied: bool
    answered: bool
    fault: Kind | None
    errors: tuple[str, ...] = ()


class FrontDesk:
    """Answers for all shops of a simulator; `requests` is the log."""

    def __init__(
        self, floors: dict[str, Floor], faults: Faults, clock: Callable[[], datetime], ids: Sequence, lock: RLock
    ) -> None:
        self.floors = floors
        self.faults = faults
        self.clock = clock
        self.ids = ids
        self.lock = lock
        self.engine = Engine()
        self.requests: list[Logged] = []

    def token(self, shop: str, form: dict[str, str]) -> Reply:
        """The client credentials grant."""
        with self.lock:
            floor = self.floors.get(shop)
            if floor is None:
                return Reply(404, {"errors": "Not Found"})
            if form.get("grant_type") != "client_credentials":
                return Reply(400, {"error": "unsupported_grant_type"})
            token = floor.app.mint(form.get("client_id", ""), form.get("client_secret", ""))
            if token is None:
                return Reply(400, {"error": "invalid_client"})
            body = {
                "access_token": token.value,
                "scope": ",".join(sorted(floor.shop.scopes)),
                "expires_in": int(TOKEN_LIFE.total_seconds()) - 1,
            }
            return Reply(200, body)

    def graphql(self, shop: str, version: str, token: str | None, raw: bytes) -> Reply:
        with self.lock:
            floor, served = self.floors.get(shop), served_version(version)
            if floor is None or served is None:
                return Reply(404, {"errors": "Not Found"})
            if not floor.app.accepts(token):
                return Reply(401, {"errors": _BAD_TOKEN})
            headers = (("X-Request-Id", self.ids.uuid("request")), ("X-Shopify-API-Version", served))
            try:
                body = json.loads(raw)
            except ValueError:
                return Reply(400, {"errors": "There was a problem parsing the JSON"}, headers)
            return self._serve(floor, served, body if isinstance(body, dict) else {}, headers)

    def _serve(self, floor: Floor, version: str, body: dict[str, Any], headers: tuple[tuple[str, str], ...]) -> Reply:
        floor.catch_up(self.clock())
        request = self.engine.read(body)
        fault = self.faults.take(Call(floor.shop.name, request.name, request.fields, dict(request.variables)))
        if fault is not None and fault.kind in BEFORE:
            self._log(floor, version, body, request, Answer({}), fault)
            return self._refused(fault, floor, request, headers)
        answer = floor.act(lambda: self.engine.run(request, floor.scene(version), floor.keys, floor.bucket))
        self._log(floor, version, body, request, answer, fault)
        return self._spoilt(fault, answer, headers, floor)

    def _refused(self, fault: Fault, floor: Floor, request: Request, headers: tuple[tuple[str, str], ...]) -> Reply:
        if fault.kind is Kind.REQUEST_LOST:
            return Reply(0, lost=True)
        if fault.kind is Kind.THROTTLED:
            return Reply(200, throttled(self.engine.cost(request), floor.bucket), headers)
        retry = (("Retry-After", "2.0"),) if fault.status == 429 else ()  # noqa: PLR2004
        return Reply(fault.status, {"errors": f"HTTP {fault.status}"}, (*headers, *retry))

    def _spoilt(self, fault: Fault | None, answer: Answer, headers: tuple[tuple[str, str], ...], floor: Floor) -> Reply:
        def done() -> None:
            floor.keys.answered(answer.keys)

        if fault is None:
            return Reply(200, answer.body, headers, done=done)
        if fault.kind is Kind.ANSWER_LOST:
            return Reply(0, lost=True, done=done)
        if fault.kind is Kind.FAILED_STATUS:
            return Reply(fault.status, {"errors": f"HTTP {fault.status}"}, headers, done=done)
        if fault.kind is Kind.INTERNAL_ERROR:
            message = "Internal error. Looks like something went wrong on our end."
            error = {"message": message, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
            return Reply(200, {"errors": [error]}, headers, done=done)
        return Reply(200, answer.body, headers, delay=fault.seconds, truncated=fault.kind is Kind.TRUNCATED, done=done)

    def _log(
        self, floor: Floor, version: str, body: dict[str, Any], request: Request, answer: Answer, fault: Fault | None
    ) -> None:
        kind = None if fault is None else fault.kind
        self.requests.append(
            Logged(
                at=self.clock(),
                shop=floor.shop.name,
                version=version,
                operation=request.name,
                fields=request.fields,
                variables=dict(request.variables),
                document=str(body.get("query") or ""),
                is_mutation=request.is_mutation,
                applied=answer.applied > 0,
                answered=kind not in (Kind.REQUEST_LOST, Kind.ANSWER_LOST),
                fault=kind,
                errors=tuple(error["message"] for error in answer.body.get("errors", ())),
            )
        )
