"""What an answer of Shopify proves: for a read that it is whole, for a mutation what became of it.

Refuses to conclude anything from what is not on a list: then a read is unreadable and a mutation unknown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from quittance.application.ports import NotSent, Refused, Unknown
from quittance.channels.shopify.fields import Node, Unreadable
from quittance.channels.shopify.throttle import refused_for
from quittance.channels.shopify.wire import OK, Answer
from quittance.domain.errors import Unavailable

UNAUTHORISED: Final = 401
_LONGEST_CODE: Final = 64
_THROTTLED_STATUS: Final = frozenset({429, 430})
# Answered before the request is looked at: https://shopify.dev/docs/api/usage/response-codes
_REFUSED_STATUS: Final = frozenset({400, 402, 403, 404, 405, 406, 413, 414, 415, 422, 423})
# A document or a variable that was not accepted is not executed.
# https://shopify.dev/docs/api/admin-graphql#status_and_error_codes
_REFUSED_ERRORS: Final = frozenset(
    "ACCESS_DENIED BAD_REQUEST INVALID_VARIABLE MAX_COST_EXCEEDED RESOURCE_NOT_FOUND SHOP_INACTIVE"
    " argumentLiteralsIncompatible argumentNotAccepted missingRequiredArguments parseError undefinedField"
    " variableMismatch".split()
)
# ReturnErrorCode of 2026-10 less CREATION_FAILED, INTERNAL_ERROR and NOTIFICATION_FAILED, after which something may
# have been done.
_REFUSED_USER_ERRORS: Final = frozenset(
    "ALREADY_EXISTS BLANK EQUAL_TO FEATURE_NOT_ENABLED GREATER_THAN GREATER_THAN_OR_EQUAL_TO INCLUSION"
    " INCOMPATIBLE_WITH_STANDARD_POLICY INVALID INVALID_STATE LESS_THAN LESS_THAN_OR_EQUAL_TO MISSING_PERMISSION"
    " NOT_A_NUMBER NOT_EDITABLE NOT_FOUND PRESENT TAKEN TOO_BIG TOO_LONG TOO_MANY_ARGUMENTS TOO_SHORT"
    " WRONG_LENGTH".split()
)


class Throttled(Unavailable):
    """Shopify asks to come back after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"shopify: throttled, try again after {seconds:.0f} s")
        self.seconds = seconds


class TokenRefused(Unavailable):
    """Shopify does not accept the access token."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The payload of a mutation without any error; whether it shows the effect is for the act to say."""

    payload: Node


def parsed(answer: Answer) -> Mapping[str, Any]:
    """Return the body as a JSON object, an empty one for anything else."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def read(answer: Answer) -> Node:
    """Return the data of a query that was answered whole; raises Unavailable for everything else."""
    body = parsed(answer)
    if answer.status == UNAUTHORISED:
        raise TokenRefused("shopify: the access token was refused; connect the account again if this lasts")
    if answer.status in _THROTTLED_STATUS or "THROTTLED" in _error_codes(body):
        raise Throttled(refused_for(body, answer.headers))
    if answer.status != OK:
        raise Unreadable(f"shopify: HTTP {answer.status}")
    if body.get("errors"):
        codes = ", ".join(sorted(_error_codes(body))) or "without a code"
        raise Unreadable(f"shopify: the answer holds errors ({codes})")
    data = body.get("data")
    if not isinstance(data, dict):
        raise Unreadable("shopify: the answer holds no data")
    return data


def sent(field: str, answer: Answer) -> Accepted | Refused | NotSent | Unknown:
    """Say what became of the mutation with this field, by https://shopify.dev/docs/api/usage/response-codes."""
    body = parsed(answer)
    if answer.status in _THROTTLED_STATUS:
        return NotSent("throttled", timedelta(seconds=refused_for(body, answer.headers)))
    if answer.status == UNAUTHORISED:
        return NotSent("token_refused", timedelta(minutes=1))
    if answer.status in _REFUSED_STATUS:
        return Refused(f"HTTP_{answer.status}")
    if answer.status != OK:
        return Unknown(f"http_{answer.status}")
    if body.get("errors"):
        return _with_errors(field, body, answer)
    data = body.get("data")
    payload = data.get(field) if isinstance(data, dict) else None
    return _with_payload(payload) if isinstance(payload, dict) else Unknown("no_payload")


def _with_errors(field: str, body: Mapping[str, Any], answer: Answer) -> Refused | NotSent | Unknown:
    data = body.get("data")
    shows_nothing = data is None or (isinstance(data, dict) and data.get(field) is None)
    if not (shows_nothing and _is_about_whole(field, body["errors"])):
        return Unknown("partial_answer")
    codes = _error_codes(body)
    if codes == {"THROTTLED"}:
        return NotSent("throttled", timedelta(seconds=refused_for(body, answer.headers)))
    if codes and codes <= _REFUSED_ERRORS:
        return Refused(min(codes))
    return Unknown("errors")


def _is_about_whole(field: str, errors: Any) -> bool:
    """Say whether no error comes from inside the payload, which is resolved after the mutation was carried out."""
    return isinstance(errors, list) and all(_is_before(field, error) for error in errors)


def _is_before(field: str, error: Any) -> bool:
    path = (error.get("path") or []) if isinstance(error, dict) else None
    if not isinstance(path, list):
        return False
    # A document that was not accepted names its operation first: ["mutation Refund", "refundCreate", "input"].
    return not path or path == [field] or str(path[0]).startswith("mutation ")


def _with_payload(payload: Node) -> Accepted | Refused | Unknown:
    errors = payload.get("userErrors")
    if not isinstance(errors, list) or not all(isinstance(error, dict) for error in errors):
        return Unknown("no_user_errors")
    if not errors:
        return Accepted(payload)
    codes = {str(error.get("code")) for error in errors}
    return Refused(min(codes)) if codes <= _REFUSED_USER_ERRORS else Unknown("user_error")


def _error_codes(body: Mapping[str, Any]) -> set[str]:
    errors = body.get("errors")
    if not isinstance(errors, list):
        return set()
    return {_code(error) for error in errors}


def _code(error: Any) -> str:
    extensions = error.get("extensions") if isinstance(error, dict) else None
    found = extensions.get("code") if isinstance(extensions, dict) else None
    return found if isinstance(found, str) and len(found) <= _LONGEST_CODE else "UNKNOWN"
