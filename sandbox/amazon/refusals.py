"""A refusal as the Selling Partner API words it: status, and a list of errors with code, message and details.

The codes and texts of access, quota and input are those that callers meet on the live service.
"""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """Raised by whoever finds that a request cannot be served."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    @property
    def body(self) -> dict[str, Any]:
        return {"errors": [{"code": self.code, "message": self.message, "details": self.details}]}


def invalid(details: str, message: str = "Request has missing or invalid parameters.") -> Refused:
    return Refused(400, "InvalidInput", message, details)


def absent(what: str) -> Refused:
    return Refused(404, "NotFound", f"{what} not found")


def denied(details: str, status: int = 403) -> Refused:
    return Refused(status, "Unauthorized", "Access to requested resource is denied.", details)


def over_quota() -> Refused:
    return Refused(429, "QuotaExceeded", "You exceeded your quota for the requested resource.")
