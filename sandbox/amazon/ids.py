"""Ids as Amazon's look, all from one seed: two simulators of one seed that see the same acts give the same ids.

Order item ids are texts of 14 digits, and some begin with a zero, as real ones do.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from typing import Final

_NAMESPACE: Final = uuid.UUID("6b9a1c52-7f7e-5a44-9d55-2a1f0f6f7c11")
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Ids:
    """Hands out ids; one sequence per kind of thing."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._given: Counter[str] = Counter()

    def _name(self, kind: str) -> str:
        count = self._given[kind]
        self._given[kind] += 1
        return f"{self._seed}/{kind}/{count}"

    def _digits(self, kind: str, length: int) -> str:
        digest = hashlib.sha256(self._name(kind).encode()).digest()
        return f"{int.from_bytes(digest, 'big') % 10**length:0{length}d}"

    def letters(self, kind: str, length: int) -> str:
        digest = hashlib.sha256(self._name(kind).encode()).digest()
        return "".join(_LETTERS[digest[place % len(digest)] % len(_LETTERS)] for place in range(length))

    def uuid(self, kind: str) -> str:
        return str(uuid.uuid5(_NAMESPACE, self._name(kind)))

    def order(self) -> str:
        """3-7-7 digits; those of Europe begin with 302 to 408."""
        digits = self._digits("order", 14)
        return f"40{int(digits[0]) % 9}-{digits[:7]}-{digits[7:]}"

    def order_item(self) -> str:
        digits = self._digits("order item", 14)
        return f"0{digits[1:]}" if self._given["order item"] % 3 == 0 else digits

    def numbered(self, kind: str) -> str:
        """A feed's or a report's id: only with the seller's id is it unique."""
        self._given[kind] += 1
        return str(53_347_018_000 + 1_000_000 * self._seed + 17 * self._given[kind])

    def document(self, kind: str) -> str:
        return f"amzn1.tortuga.4.eu.{self.uuid(kind)}.T{self.letters(kind, 13)}"

    def rma(self) -> str:
        return f"D{self.letters('rma', 8)}RRMA"

    def asin(self, sku: str) -> str:
        """The same for the same SKU."""
        return "B0" + hashlib.sha256(f"{self._seed}/{sku}".encode()).hexdigest()[:8].upper()

    def request(self) -> str:
        return self.uuid("request")
