"""How a simulated shop is set up, and the secrets and tokens of the one app installed in it.

Tokens belong to the secret that minted them and live 24 hours; deliveries are signed with the oldest live secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.shopify.books import Settlement

TOKEN_LIFE = timedelta(hours=24)
FULL_SCOPES = frozenset(
    ("read_all_orders", "write_orders", "write_returns", "read_fulfillments", "read_customers", "read_locations")
)


@dataclass(frozen=True, slots=True)
class Shop:
    """`protected` names fields (`Order.email`) the app may not read; they come back null beside an error.

    `cancel_after` and `settlement` are virtual seconds: how long a cancellation job and a refund's money take.
    """

    name: str
    currency: str = "EUR"
    time_zone: str = "Europe/Paris"
    title: str = ""
    client_id: str = "quittance-app"
    client_secret: str = "shpss_sandbox_secret"  # noqa: S105
    access_token: str | None = None
    scopes: frozenset[str] = FULL_SCOPES
    protected: frozenset[str] = frozenset()
    taxes_included: bool = True
    create_announces_approval: bool = False
    bucket: tuple[float, float] = (2000.0, 100.0)
    cancel_after: timedelta = timedelta(0)
    settlement: Settlement = field(default_factory=Settlement)
    shop_id: int = 548380009


@dataclass(frozen=True, slots=True)
class Token:
    value: str
    secret: str
    expires_at: datetime


@dataclass(slots=True)
class App:
    """The app's credentials in one shop. `secrets` stand oldest first."""

    shop: Shop
    clock: Callable[[], datetime]
    secrets: list[str] = field(default_factory=list)
    _tokens: dict[str, Token] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.secrets.append(self.shop.client_secret)

    @property
    def signing_secret(self) -> str:
        return self.secrets[0]

    def add_secret(self, secret: str) -> None:
        self.secrets.append(secret)

    def revoke_oldest(self) -> None:
        """Tokens minted with it die with it. Raises ValueError when it is the only one."""
        if len(self.secrets) == 1:
            raise ValueError("add the new secret before the only one is revoked")
        gone = self.secrets.pop(0)
        self._tokens = {value: token for value, token in self._tokens.items() if token.secret != gone}

    def mint(self, client_id: str, client_secret: str) -> Token | None:
        """None when the credentials are wrong."""
        if client_id != self.shop.client_id or client_secret not in self.secrets:
            return None
        text = f"{self.shop.name}/{client_secret}/{len(self._tokens)}"
        value = f"shpat_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
        token = Token(value, client_secret, self.clock() + TOKEN_LIFE)
        self._tokens[value] = token
        return token

    def accepts(self, value: str | None) -> bool:
        if value is None:
            return False
        if self.shop.access_token is not None and value == self.shop.access_token:
            return True
        token = self._tokens.get(value)
        return token is not None and self.clock() < token.expires_at

    def forget_tokens(self) -> None:
        """Every minted token is dead from now on."""
        self._tokens.clear()
