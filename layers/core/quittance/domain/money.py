"""Money: whole minor units and an ISO 4217 currency, never a float, never without its currency.

Refuses to mix currencies and to read an amount with more digits than the currency has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from quittance.domain.errors import Rejected
from quittance.domain.values import dataclass

# ISO 4217 list one: currencies in payment whose minor unit is not two digits.
_EXPONENTS = dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0)
_EXPONENTS |= dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)
_CURRENCY = re.compile(r"[A-Z]{3}")
_DECIMAL = re.compile(r"(-?)0*([0-9]+)(?:\.([0-9]+))?")
_MOST_DIGITS = 16


def exponent(currency: str) -> int:
    """Return how many digits the currency's minor unit has: 0, 2 or 3; Rejected(BAD_CURRENCY) for no ISO code."""
    if not _CURRENCY.fullmatch(currency):
        raise Rejected("BAD_CURRENCY", "currency", f"{currency!r} is not a three-letter ISO 4217 code")
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency; arithmetic across currencies raises Rejected(CURRENCY_MISMATCH)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise Rejected("BAD_AMOUNT", "minor", f"{self.minor!r} is not a whole number of minor units")
        exponent(self.currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __str__(self) -> str:
        return f"{to_decimal(self)} {self.currency}"

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise Rejected("CURRENCY_MISMATCH", "currency", f"{self.currency} and {other.currency} do not mix")
        return other.minor


def parse(amount: str, currency: str, field: str = "amount") -> Money:
    """Read a decimal text such as "15.0" into minor units.

    Raises Rejected(BAD_AMOUNT) for what is no finite decimal and Rejected(EXCESS_PRECISION) for too many digits.
    """
    digits = exponent(currency)
    written = _DECIMAL.fullmatch(amount) if type(amount) is str else None
    if written is None or len(written[2]) > _MOST_DIGITS:
        raise Rejected("BAD_AMOUNT", field, f"{amount!r} is not a decimal amount that can be paid, such as 15.00")
    sign, whole, fraction = written[1], written[2], (written[3] or "").rstrip("0")
    if len(fraction) > digits:
        raise Rejected("EXCESS_PRECISION", field, f"{amount!r} has more than {digits} digits for {currency}")
    return Money(int(sign + whole + fraction.ljust(digits, "0")), currency)


def to_decimal(money: Money) -> str:
    """Write an amount as the decimal text that channels read, with exactly the currency's digits."""
    return str(Decimal(money.minor).scaleb(-exponent(money.currency)))


def split(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split minor units by whole weights with the largest remainder, so that the parts always sum to the total.

    Ties go to the earlier part. Raises Rejected(BAD_SPLIT) for no, negative or all-zero weights.
    """
    whole = sum(weights)
    if not weights or min(weights) < 0 or whole == 0:
        raise Rejected("BAD_SPLIT", "weights", "give at least one positive weight and none below zero")
    sign = -1 if total < 0 else 1
    shares = [divmod(abs(total) * weight, whole) for weight in weights]
    missing = abs(total) - sum(share for share, _ in shares)
    by_remainder = sorted(range(len(shares)), key=lambda i: -shares[i][1])
    extra = set(by_remainder[:missing])
    return tuple(sign * (share + (i in extra)) for i, (share, _) in enumerate(shares))


def share_of(total: int, done: int, take: int, whole: int) -> int:
    """Return what `take` units cost when `done` of `whole` units were already taken from `total` minor units.

    Cumulative rounding: taking the units in any portions always sums to the total. Raises Rejected(BAD_QUANTITY).
    """
    if take < 0 or done < 0 or whole <= 0 or done + take > whole:
        raise Rejected("BAD_QUANTITY", "quantity", f"cannot take {take} after {done} of {whole} units")
    return _rounded(total * (done + take), whole) - _rounded(total * done, whole)


def _rounded(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
