"""The marketplaces a simulated seller can sell in: ids, currencies, languages and time zones as Amazon publishes them.

A marketplace is named by its country; another one is added here, never invented by a caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Marketplace:
    country: str
    id: str
    currency: str
    locale: str
    domain: str
    zone: str

    @property
    def language(self) -> str:
        return self.locale[:2]

    @property
    def tld(self) -> str:
        """What follows `amazon.` in its addresses: `fr`, `co.uk`."""
        return self.domain.removeprefix("www.amazon.")

    @property
    def name(self) -> str:
        return f"Amazon.{self.tld}"


_ALL: Final = (
    Marketplace("DE", "A1PA6795UKMFR9", "EUR", "de_DE", "www.amazon.de", "Europe/Berlin"),
    Marketplace("FR", "A13V1IB3VIYZZH", "EUR", "fr_FR", "www.amazon.fr", "Europe/Paris"),
    Marketplace("IT", "APJ6JRA9NG5V4", "EUR", "it_IT", "www.amazon.it", "Europe/Rome"),
    Marketplace("ES", "A1RKKUPIHCS9HS", "EUR", "es_ES", "www.amazon.es", "Europe/Madrid"),
    Marketplace("GB", "A1F83G8C2ARO7P", "GBP", "en_GB", "www.amazon.co.uk", "Europe/London"),
    Marketplace("IE", "A28R8C7NBKEWEA", "EUR", "en_IE", "www.amazon.ie", "Europe/Dublin"),
    Marketplace("US", "ATVPDKIKX0DER", "USD", "en_US", "www.amazon.com", "America/Los_Angeles"),
    Marketplace("CA", "A2EUQ1WTGCTBG2", "CAD", "en_CA", "www.amazon.ca", "America/Toronto"),
)
MARKETPLACES: Final[Mapping[str, Marketplace]] = {one.country: one for one in _ALL}
BY_ID: Final[Mapping[str, Marketplace]] = {one.id: one for one in _ALL}
