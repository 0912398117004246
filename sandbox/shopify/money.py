"""Amounts as Shopify writes them: integer minor units inside, decimal text at the border.

It refuses an amount with more digits than the currency has; nothing is rounded away in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

_ZERO_DIGITS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
_THREE_DIGITS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_SYMBOLS = {"EUR": "€", "GBP": "£", "JPY": "¥"}


def exponent(currency: str) -> int:
    if currency in _ZERO_DIGITS:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


def parse(value: object, currency: str) -> int:
    try:
        scaled = Decimal(str(value)).scaleb(exponent(currency))
        minor = int(scaled)
    except (InvalidOperation, OverflowError, ValueError):
        raise ValueError(f"{value!r} is not an amount: write a decimal number such as 12.30") from None
    if scaled != minor:
        raise ValueError(f"{value} has more digits than {currency} allows ({exponent(currency)})")
    return minor


def _decimal(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))


def decimal_text(minor: int, currency: str) -> str:
    """The API's form: at least one digit after the point, no idle zeros ("15.0", "7.5", "12.34")."""
    text = f"{_decimal(minor, currency):f}"
    if "." not in text:
        return f"{text}.0"
    whole, digits = text.split(".")
    return f"{whole}.{digits.rstrip('0') or '0'}"


def fixed_text(minor: int, currency: str) -> str:
    """The webhooks' form: all digits of the currency ("15.00")."""
    return f"{_decimal(minor, currency):f}"


def shown(minor: int, currency: str) -> str:
    return f"{_SYMBOLS.get(currency, '$')}{fixed_text(minor, currency)}"


def half_up(value: Fraction) -> int:
    """The nearest integer, halves away from zero."""
    magnitude = int(abs(value) + Fraction(1, 2))
    return magnitude if value >= 0 else -magnitude


def slice_of(total: int, whole: int, start: int, count: int) -> int:
    """What units start..start+count carry of a total over `whole` units; all slices together are the total."""
    if whole == 0:
        return 0
    return half_up(Fraction(total * (start + count), whole)) - half_up(Fraction(total * start, whole))


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split by weight, largest remainder first, so that the parts sum to the total."""
    whole = sum(weights)
    if whole == 0:
        return [0 for _ in weights]
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(total * weights[index] % whole), index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def tax_share(rate: Decimal, *, included: bool) -> Fraction:
    """The tax in one unit of price: r/(1+r) when the price holds it, r when it comes on top."""
    exact = Fraction(rate)
    return exact / (1 + exact) if included else exact


@dataclass(frozen=True, slots=True)
class Currencies:
    """The shop's currency, the buyer's (presentment) and the rate shop per presentment unit."""

    shop: str
    presentment: str
    rate: Fraction = Fraction(1)

    def to_shop(self, presentment_minor: int) -> int:
        if self.shop == self.presentment:
            return presentment_minor
        scale = Fraction(10) ** (exponent(self.shop) - exponent(self.presentment))
        return half_up(presentment_minor * self.rate * scale)

    def to_presentment(self, shop_minor: int) -> int:
        if self.shop == self.presentment:
            return shop_minor
        scale = Fraction(10) ** (exponent(self.presentment) - exponent(self.shop))
        return half_up(shop_minor / self.rate * scale)
