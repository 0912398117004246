"""The repository's own policy documents, as fresh copies that a test may spoil."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from quittance.application.compile_policy import compile_policy
from quittance.domain.policy import Policy

POLICIES: Final = Path(__file__).parents[2] / "policies"
SHOP: Final = "maison-lumiere"

Documents = dict[str, dict[str, Any]]


def documents() -> Documents:
    """Read every file of `policies/` by its name without the ending."""
    return {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(POLICIES.glob("*.toml"))}


def with_amazon(found: Documents, *, country: str = "FR", currency: str = "EUR") -> Documents:
    """List an Amazon marketplace as well."""
    found["accounts"]["store"].append(
        {
            "channel": "amazon",
            "account": "seller-1",
            "store": "amazon-1",
            "currency": currency,
            "country": country,
            "time_zone": "Europe/Paris",
            "locale": "fr-FR",
        }
    )
    return found


def compiled(found: Documents, channel: str = "shopify", store: str = SHOP) -> Policy:
    return compile_policy(found["law"], found["accounts"], found[channel], store)


@cache
def policy_of(channel: str) -> Policy:
    """The policy in force for a store of this channel."""
    store = SHOP if channel == "shopify" else "amazon-1"
    return compiled(with_amazon(documents()), channel, store)
