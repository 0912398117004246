"""Login with Amazon: access tokens for a seller's refresh token, grantless and restricted ones, and the secrets.

A token is a text nobody can guess; it dies after its life. An old client secret lives seven days beside the new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.amazon.refusals import denied
from sandbox.amazon.seller import Application

RESTRICTED_LIFE = timedelta(hours=1)
SCOPES = frozenset(("sellingpartnerapi::notifications", "sellingpartnerapi::client_credential:rotation"))


@dataclass(frozen=True, slots=True)
class Token:
    """`seller` is None on a grantless token, which has a scope; a restricted one opens `resources` alone."""

    value: str
    expires_at: datetime
    seller: str | None = None
    scope: str | None = None
    resources: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    @property
    def is_restricted(self) -> bool:
        return bool(self.resources)


@dataclass(slots=True)
class Secret:
    value: str
    dies_at: datetime | None = None


def _refusal(status: int, error: str, description: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": error, "error_description": description}


@dataclass(slots=True)
class Login:
    """The token endpoint of one application. `refresh_tokens` maps a refresh token to the seller who granted it."""

    application: Application
    clock: Callable[[], datetime]
    refresh_tokens: dict[str, str]
    secrets: list[Secret] = field(default_factory=list)
    issued: dict[str, Token] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.secrets.append(Secret(self.application.client_secret))

    # Granting

    def grant(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The status and body for a POST to /auth/o2/token."""
        for name in ("grant_type", "client_id", "client_secret"):
            if not form.get(name):
                return _refusal(400, "invalid_request", f"The request is missing a required parameter : {name}")
        if form["client_id"] != self.application.client_id or not self._knows(form["client_secret"]):
            return _refusal(401, "invalid_client", "Client authentication failed")
        if form["grant_type"] == "refresh_token":
            return self._for_seller(form.get("refresh_token", ""))
        if form["grant_type"] == "client_credentials":
            return self._grantless(form.get("scope", ""))
        text = "The authorization grant type is not supported by the authorization server"
        return _refusal(400, "unsupported_grant_type", text)

    def _for_seller(self, refresh_token: str) -> tuple[int, dict[str, Any]]:
        seller = self.refresh_tokens.get(refresh_token)
        if seller is None:
            return _refusal(400, "invalid_grant", "The request has an invalid grant parameter : refresh_token")
        token = self._issue("Atza", self.application.token_life, seller=seller)
        return 200, self._told(token) | {"refresh_token": refresh_token}

    def _grantless(self, scope: str) -> tuple[int, dict[str, Any]]:
        if scope not in SCOPES:
            return _refusal(400, "invalid_scope", "The request has an invalid scope parameter : scope")
        return 200, self._told(self._issue("Atc", self.application.token_life, scope=scope)) | {"scope": scope}

    def restrict(self, seller: str, resources: tuple[tuple[str, str, tuple[str, ...]], ...]) -> Token:
        """A Restricted Data Token for the resources named: method, path, data elements."""
        return self._issue("Atz.sprdt", RESTRICTED_LIFE, seller=seller, resources=resources)

    def _issue(self, prefix: str, life: timedelta, **more: Any) -> Token:
        digest = hashlib.sha256(f"{self.application.id}/{len(self.issued)}".encode()).hexdigest()
        token = Token(f"{prefix}|{digest}", self.clock() + life, **more)
        self.issued[token.value] = token
        return token

    def _told(self, token: Token) -> dict[str, Any]:
        life = int((token.expires_at - self.clock()).total_seconds())
        return {"access_token": token.value, "token_type": "bearer", "expires_in": life}

    # Secrets

    def _knows(self, secret: str) -> bool:
        now = self.clock()
        return any(one.value == secret and (one.dies_at is None or now < one.dies_at) for one in self.secrets)

    def rotate(self) -> tuple[str, datetime]:
        """A new client secret; the old ones die after their week. Returns it and the old one's end."""
        end = self.clock() + self.application.old_secret_life
        for one in self.secrets:
            one.dies_at = min(one.dies_at, end) if one.dies_at is not None else end
        digest = hashlib.sha256(f"{self.application.client_secret}/{len(self.secrets)}".encode()).hexdigest()
        self.secrets.append(Secret(f"amzn1.oa2-cs.v1.{digest}"))
        return self.secrets[-1].value, end

    # Checking

    def check(self, value: str | None) -> Token:
        """The token of a request. Raises Refused in the words of the live service."""
        if not value:
            raise denied("Access token is missing in the request header.", 401)
        token = self.issued.get(value)
        if token is None:
            raise denied("The access token you provided is revoked, malformed or invalid.")
        if self.clock() >= token.expires_at:
            raise denied("The access token you provided has expired.")
        return token

    def forget(self) -> None:
        """Every token issued so far is dead from now on."""
        self.issued.clear()

    def revoke(self, refresh_token: str) -> None:
        """The seller takes the authorisation back; its tokens die with it. Raises KeyError."""
        seller = self.refresh_tokens.pop(refresh_token)
        self.issued = {value: token for value, token in self.issued.items() if token.seller != seller}


def opens(token: Token, method: str, path: str, element: str) -> bool:
    """Tell whether a restricted token opens an element of a resource, by its own path or by one with {orderId}."""
    for its_method, its_path, elements in token.resources:
        pattern = its_path.split("/")
        parts = path.split("/")
        same = len(pattern) == len(parts) and all(
            one == other or one.startswith("{") for one, other in zip(pattern, parts, strict=True)
        )
        if same and its_method == method and element in elements:
            return True
    return False
