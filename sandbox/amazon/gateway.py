"""The door of the Selling Partner API: token, quota, form of the request, scripted faults, the log of all that came.

A request is checked in Amazon's order: who asks, how often, what. All is done under one lock.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Any, Final

from sandbox.amazon.api import feeds, finances, messaging, notifications, orders, outbound, reports, sellers, uploads
from sandbox.amazon.faults import BEFORE, Call, Fault, Kind
from sandbox.amazon.house import House
from sandbox.amazon.operations import Operation, Visit
from sandbox.amazon.refusals import Refused, denied, invalid, over_quota
from sandbox.amazon.server import Reply, Request
from sandbox.amazon.shapes import from_query, strays, wrong
from sandbox.amazon.throttle import Buckets

OPERATIONS: Final[tuple[Operation, ...]] = (
    *feeds.OPERATIONS,
    *reports.OPERATIONS,
    *notifications.OPERATIONS,
    *orders.OPERATIONS,
    *finances.OPERATIONS,
    *messaging.OPERATIONS,
    *outbound.OPERATIONS,
    *sellers.OPERATIONS,
    *uploads.OPERATIONS,
)
_HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_WORDS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("InvalidInput", "Request has missing or invalid parameters."),
    401: ("Unauthorized", "Access to requested resource is denied."),
    403: ("Unauthorized", "Access to requested resource is denied."),
    404: ("NotFound", "The requested resource does not exist."),
    429: ("QuotaExceeded", "You exceeded your quota for the requested resource."),
    500: ("InternalFailure", "We encountered an internal error. Please try again."),
    503: ("ServiceUnavailable", "Service is temporarily unavailable. Please try again."),
}


@dataclass(frozen=True, slots=True)
class Logged:
    """One request to an operation. `applied`: it reached the books. `answered`: an answer got out.

    `strays`: fields in it that no model names.
    """

    at: datetime
    key: str
    operation: str
    seller: str | None
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any
    status: int
    applied: bool
    answered: bool
    fault: Kind | None = None
    answer: Any = None
    strays: tuple[str, ...] = ()


@dataclass(slots=True)
class _Case:
    """A request on its way through the door."""

    operation: Operation
    path: Mapping[str, str]
    request: Request
    seller: str | None = None
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    fault: Fault | None = None
    applied: bool = False
    strays: tuple[str, ...] = ()


class Gateway:
    """Answers for the whole house; `requests` is the log, `defects` the traces of its own mistakes."""

    def __init__(self, house: House, lock: RLock, *, strict: bool = True) -> None:
        self.house = house
        self.strict = strict
        self.lock = lock
        self.buckets = Buckets(house.clock)
        self.requests: list[Logged] = []
        self.defects: list[str] = []

    def answer(self, request: Request) -> Reply:
        with self.lock:
            self._catch_up()
            if request.path == "/auth/o2/token":
                return self._token(request)
            if request.path.startswith("/documents/"):
                return self._document(request)
            return self._operation(request)

    def _catch_up(self) -> None:
        """What is due happens before anything is answered."""
        try:
            self.house.agenda.run_due(self.house.clock())
        except Exception:  # noqa: BLE001  # a defect of the simulator: shown by tests, not by a caller's request
            self.defects.append(traceback.format_exc())

    # Beside the API

    def _token(self, request: Request) -> Reply:
        status, body = self.house.login.grant(request.form)
        return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json;charset=UTF-8"})

    def _document(self, request: Request) -> Reply:
        document, documents = request.path.removeprefix("/documents/"), self.house.documents
        signature = request.query.get("X-Amz-Signature", "")
        if request.method == "PUT":
            kind = request.headers.get("content-type", "")
            file = documents.put(document, signature, kind, request.body)
        else:
            file = documents.get(document, signature)
        return Reply(file.status, file.content, file.headers)

    # The API

    def _operation(self, request: Request) -> Reply:
        for operation in OPERATIONS:
            path = operation.match(request.method, request.path)
            if path is not None:
                return self._serve(_Case(operation, path, request))
        return self._reply(denied("No such operation, or not for this application."), None)

    def _serve(self, case: _Case) -> Reply:
        result: Any = None
        try:
            self._admit(case)
            case.fault = self._fault(case)
            if case.fault is not None and case.fault.kind in BEFORE:
                return self._spoilt(case, None)
            result = case.operation.serve(self._visit(case))
            case.applied = True
            status = case.operation.status
        except Refused as refusal:
            self._log(case, refusal.status, answer=refusal.body)
            return self._reply(refusal, case)
        except Exception:  # noqa: BLE001  # a defect of the simulator: shown by tests, answered as Amazon would
            self.defects.append(traceback.format_exc())
            return self._reply(Refused(500, *_WORDS[500]), case)
        if case.fault is not None:
            return self._spoilt(case, result)
        self._log(case, status, answer=result)
        return self._json(status, result, case)

    def _admit(self, case: _Case) -> None:
        token = self.house.login.check(case.request.headers.get("x-amz-access-token"))
        case.seller = token.seller
        scope = case.operation.scope
        if token.scope != scope and not (scope is None and self._is_own(case, token.scope)):
            raise denied("The access token does not have the scope that this operation needs.")
        usage = self._usage(case)
        if usage is not None and not self.buckets.take(case.seller or "application", case.operation.key, usage):
            raise over_quota()
        self._read(case)

    @staticmethod
    def _is_own(case: _Case, scope: str | None) -> bool:
        """The application's own notification types are subscribed to without a seller."""
        kind = case.path.get("notificationType") or case.request.query.get("notificationTypes", "")
        return scope is not None and scope.endswith("notifications") and kind.startswith("APPLICATION_")

    def _usage(self, case: _Case) -> tuple[float, int] | None:
        floor = self.house.floors.get(case.seller or "")
        own = floor.seller.rates.get(case.operation.name) if floor is not None else None
        return own or case.operation.usage

    def _read(self, case: _Case) -> None:
        """Query and body. Raises Refused naming everything that is wrong."""
        fields = case.operation.query.fields
        given = case.request.query.items()
        case.query = {name: from_query(fields[name], text) if name in fields else text for name, text in given}
        problems = list(wrong(case.operation.query, case.query, "query"))
        if case.operation.body is not None:
            case.body = self._body(case.request)
            problems += wrong(case.operation.body, case.body, "body")
        elif case.request.body.strip() not in (b"", b"{}"):
            problems.append("This operation takes no body.")
        self._sort_out(case)
        problems += [f"{name} is not known" for name in case.strays if self.strict]
        if problems:
            raise invalid("; ".join(problems))

    @staticmethod
    def _sort_out(case: _Case) -> None:
        """Take what no model names out of query and body: the live service looks over it."""
        query, body = case.operation.query, case.operation.body
        found = [*strays(query, case.query, "query")]
        case.query = {name: one for name, one in case.query.items() if name in query.fields}
        if body is not None and isinstance(case.body, dict):
            found += strays(body, case.body, "body")
            case.body = {name: one for name, one in case.body.items() if name in body.fields}
        case.strays = tuple(found)

    @staticmethod
    def _body(request: Request) -> Any:
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise Refused(415, "UnsupportedMediaType", "The request's Content-Type must be application/json.")
        try:
            return json.loads(request.body)
        except ValueError:
            raise invalid("The body is not JSON.") from None

    def _visit(self, case: _Case) -> Visit:
        house = self.house
        seller = house.floors.get(case.seller or "")
        return Visit(house, seller, case.path, case.query, case.body, house.clock())

    # Faults and answers

    def _fault(self, case: _Case) -> Fault | None:
        return self.house.faults.take(Call(case.seller, case.operation.name, case.path, case.query, case.body))

    def _spoilt(self, case: _Case, result: Any) -> Reply:
        assert case.fault is not None  # noqa: S101  # the callers have looked
        fault, status = case.fault, case.operation.status
        match fault.kind:
            case Kind.REQUEST_LOST | Kind.ANSWER_LOST:
                self._log(case, 0, answered=False, answer=result)
                return Reply(0, lost=True)
            case Kind.SLOW | Kind.TRUNCATED | Kind.STRAY_KEYS:
                self._log(case, status, answer=result)
                return self._marred(case, result, fault)
            case Kind.HTML | Kind.HTML_AFTER:
                self._log(case, fault.status, answer=result)
                return Reply(fault.status, _HTML, {"Content-Type": "text/html"})
            case Kind.ERRORLESS | Kind.ERRORLESS_AFTER:
                self._log(case, fault.status, answer=result)
                return self._json(fault.status, {"message": "Internal error"}, case)
            case _:
                self._log(case, fault.status, answer=result)
                code, message = _WORDS.get(fault.status, _WORDS[500])
                return self._reply(Refused(fault.status, code, message), case)

    def _marred(self, case: _Case, result: Any, fault: Fault) -> Reply:
        body = _with_strays(result) if fault.kind is Kind.STRAY_KEYS else result
        reply = self._json(case.operation.status, body, case)
        content = reply.content
        if fault.kind is Kind.TRUNCATED:
            content = content[: max(1, len(content) // 2)]
        return Reply(reply.status, content, reply.headers, delay=fault.seconds)

    def _json(self, status: int, body: Any, case: _Case | None) -> Reply:
        headers = {"x-amzn-RequestId": self.house.ids.request()}
        usage = self._usage(case) if case is not None else None
        if usage is not None and status not in (403, 429, 500, 503):
            headers["x-amzn-RateLimit-Limit"] = f"{usage[0]:g}"
        if body is None:
            return Reply(status, b"", headers)
        content = json.dumps(body, ensure_ascii=False).encode()
        return Reply(status, content, {**headers, "Content-Type": "application/json"})

    def _reply(self, refusal: Refused, case: _Case | None) -> Reply:
        return self._json(refusal.status, refusal.body, case)

    def _log(self, case: _Case, status: int, *, answered: bool = True, answer: Any = None) -> None:
        self.requests.append(
            Logged(
                at=self.house.clock(),
                key=case.operation.key,
                operation=case.operation.name,
                seller=case.seller,
                path=case.path,
                query=case.query,
                body=case.body,
                status=status,
                applied=case.applied,
                answered=answered,
                fault=case.fault.kind if case.fault is not None else None,
                answer=answer,
                strays=case.strays,
            )
        )


def _with_strays(value: Any) -> Any:
    """The same answer with a key more in each object."""
    if isinstance(value, dict):
        return {**{name: _with_strays(one) for name, one in value.items()}, "zzUnknownKey": {"nested": [1, None]}}
    return [_with_strays(one) for one in value] if isinstance(value, list) else value
