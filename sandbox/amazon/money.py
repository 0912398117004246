"""Amounts as Amazon writes them: integer minor units inside, decimal text or JSON numbers at the border.

It refuses an amount with more digits than the currency has; nothing is rounded away in silence.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_DIGITS: Final = {"JPY": 0}
_AMOUNT: Final = re.compile(r"[+-]?\d{1,18}(\.\d+)?")


def exponent(currency: str) -> int:
    return _DIGITS.get(currency, 2)


def parse(text: str, currency: str) -> int:
    """Minor units of a decimal text such as 12.30. Raises ValueError for any other form."""
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"{text!r} is not an amount: write a decimal number such as 12.30")
    scaled = Decimal(text).scaleb(exponent(currency))
    minor = int(scaled)
    if scaled != minor:
        raise ValueError(f"{text} has more digits than {currency} allows ({exponent(currency)})")
    return minor


def text(minor: int, currency: str) -> str:
    """All digits of the currency: 12.30."""
    return f"{Decimal(minor).scaleb(-exponent(currency)):f}"


def number(minor: int, currency: str) -> float:
    """The JSON number of the finance models; exact to the cent for amounts below 10^13."""
    return float(text(minor, currency))


def share(total: int, part: int, of: int, before: int = 0) -> int:
    """What `part` of `of` units cost when `before` units have been counted: the shares of all units add up to total."""
    return total * (before + part) // of - total * before // of
