"""Access tokens of the accounts: a permanent one as given, or one of 24 hours, renewed early and fetched by one thread.

Refuses to keep a token that Shopify refused, and to let a token or secret into an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final
from urllib.parse import urlencode

from quittance.channels.shopify.wire import OK, Answer, Lost, NotReached, Wire
from quittance.domain.errors import Unavailable

Credentials = Callable[[str], Mapping[str, str]]
_SECONDS: Final = 10.0
_EARLY: Final = 600.0
_SHOP: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_TOKEN: Final = re.compile(r"[!-~]{1,512}", re.ASCII)
_FORM: Final[Mapping[str, str]] = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept": "application/json",
}


class NoToken(Unavailable):
    """There is no token to be had now; the text says which key of the secret to look at, never its value."""


@dataclass(frozen=True, slots=True)
class Access:
    """A shop and the token that opens it."""

    shop: str
    token: str


@dataclass(frozen=True, slots=True)
class _Held:
    given: Mapping[str, str]
    access: Access
    renew_at: float
    ends_at: float


class Tokens:
    """Tokens by account, for this process. `address(shop)` is the shop's base URL, `clock` counts seconds."""

    def __init__(
        self, credentials: Credentials, wire: Wire, address: Callable[[str], str], clock: Callable[[], float]
    ) -> None:
        self._credentials = credentials
        self._wire = wire
        self._address = address
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._locks: dict[str, Lock] = {}
        self._lock = Lock()

    def get(self, account: str) -> Access:
        """Return the shop and a token that was not refused so far; raises Unavailable."""
        with self._lock_of(account):
            given = self._credentials(account)
            shop = given.get("shop", "")
            if not _SHOP.fullmatch(shop):
                raise NoToken(f"shopify: the credentials of {account} need shop, the name before .myshopify.com")
            if "access_token" in given:
                return Access(shop, _checked(given["access_token"], account))
            return self._held_or_new(account, shop, given)

    def refused(self, account: str, token: str) -> bool:
        """Forget this token; say whether another one can be fetched in its place."""
        with self._lock_of(account):
            held = self._held.get(account)
            if held is not None and held.access.token == token:
                del self._held[account]
            return "access_token" not in self._credentials(account)

    def _lock_of(self, account: str) -> Lock:
        with self._lock:
            return self._locks.setdefault(account, Lock())

    def _held_or_new(self, account: str, shop: str, given: Mapping[str, str]) -> Access:
        now = self._clock()
        held = self._held.get(account)
        # A token is pinned to the secret that fetched it, so new credentials mean a new token.
        held = held if held is not None and held.given == given else None
        if held is not None and now < held.renew_at:
            return held.access
        try:
            self._held[account] = self._fetch(account, shop, given)
        except NoToken:
            if held is None or now >= held.ends_at:
                raise
            return held.access
        return self._held[account].access

    def _fetch(self, account: str, shop: str, given: Mapping[str, str]) -> _Held:
        """Ask for a token of 24 hours.

        https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant
        """
        missing = {"client_id", "client_secret"} - given.keys()
        if missing:
            raise NoToken(f"shopify: the credentials of {account} need {min(missing)} or access_token")
        form = urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": given["client_id"],
                "client_secret": given["client_secret"],
            }
        )
        now = self._clock()
        try:
            url = f"{self._address(shop)}/admin/oauth/access_token"
            answer = self._wire.post(url, form.encode(), _FORM, _SECONDS)
        except (NotReached, Lost) as error:
            raise NoToken(f"shopify: no token for {account} ({error.why})") from None
        token, lasts = _granted(answer, account)
        early = min(_EARLY, lasts / 10)
        return _Held(dict(given), Access(shop, token), now + lasts - early, now + lasts)


def _granted(answer: Answer, account: str) -> tuple[str, float]:
    if answer.status != OK:
        raise NoToken(f"shopify: no token for {account} (HTTP {answer.status}); check client_id and client_secret")
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    token = body.get("access_token") if isinstance(body, dict) else None
    lasts = body.get("expires_in") if isinstance(body, dict) else None
    if not isinstance(token, str) or type(lasts) is not int or lasts <= 0:
        raise NoToken(f"shopify: no token for {account} (the answer has another shape)")
    return _checked(token, account), float(lasts)


def _checked(token: str, account: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise NoToken(f"shopify: access_token of {account} holds characters that no token has")
    return token
