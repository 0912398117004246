"""Who bought, as a salted hash: the channel's own id of a customer goes in, and nothing that leads back comes out.

Refuses to hash without the salt: an unsalted hash of a short number is the number.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from quittance.domain.errors import Unavailable
from quittance.runtime.secrets import Secrets

HEX: Final = 40


class SaltedPseudonyms:
    """Implements `application.ports.Pseudonyms` by HMAC-SHA256 under the stack's own salt, cut to 160 bits.

    The account is part of what is hashed, so that one person has another pseudonym at each account.
    """

    def __init__(self, wanted: Callable[[str], bool], secrets: Secrets, name: str) -> None:
        self._wanted = wanted
        self._secrets = secrets
        self._name = name

    def are_wanted(self, account: str) -> bool:
        """Say whether the account's policy counts refunds per customer; raises NoPolicy."""
        return self._wanted(account)

    def of(self, account: str, customer: str) -> str:
        """The hash; raises Unavailable without a salt, so that nothing is decided on half of what is known."""
        held = self._secrets.get(self._name)
        salt = "" if held is None else held.get("salt")
        if not isinstance(salt, str) or not salt:
            raise Unavailable(f"the secret {self._name} holds no salt; deploy the stack again, it makes one")
        hashed = f"{len(account)}:{account}{customer}"
        return hmac.new(salt.encode(), hashed.encode(), sha256).hexdigest()[:HEX]
