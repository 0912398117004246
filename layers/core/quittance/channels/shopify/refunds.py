"""A refund as Shopify shows it: what it is for, and by its transactions whether the money has moved.

Refuses to believe the record itself: a refund exists before its money moves, and stays when that fails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from quittance.channels.shopify.acts import NOTE
from quittance.channels.shopify.fields import (
    Node,
    child,
    code,
    count,
    items,
    maybe_child,
    maybe_text,
    minor,
    number,
)
from quittance.domain.ledger import Amounts
from quittance.domain.observations import MoneyStatus, RefundReading

_OURS: Final = re.compile(rf"{re.escape(NOTE)}(?P<intent>[0-9a-f-]{{36}})")
NO_PAYMENT: Final = "store_credit"
_STATUSES: Final = frozenset("AWAITING_RESPONSE ERROR FAILURE PENDING SUCCESS UNKNOWN".split())
_FAILED: Final = frozenset({"ERROR", "FAILURE"})


@dataclass(frozen=True, slots=True)
class Terms:
    """How the amounts of an order are meant: in which currency, and whether prices hold their tax."""

    currency: str
    taxes_included: bool

    def on_top(self, tax: int) -> int:
        """What a tax adds to a price."""
        return 0 if self.taxes_included else tax


@dataclass(frozen=True, slots=True)
class Seen:
    """A refund with its note, and with `asked`: what its transactions came to, failed ones included."""

    reading: RefundReading
    asked: int
    note: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What refund transactions say together."""

    payments: Mapping[str, int]
    asked: int
    status: MoneyStatus


def moved(transactions: list[Node], currency: str, odd: list[str]) -> Moved:
    """Fold refund transactions: MOVED if all succeeded, FAILED if all failed, PENDING otherwise and for none.

    Amounts leave failed transactions out, unless all have failed. Money that went to no payment counts under
    NO_PAYMENT.
    """
    refunding = [node for node in transactions if code(node, "kind") == "REFUND"]
    statuses = [code(node, "status") for node in refunding]
    odd += [f"transaction_status:{status}" for status in statuses if status not in _STATUSES]
    has_failed = [status in _FAILED for status in statuses]
    payments: dict[str, int] = {}
    for node, failed in zip(refunding, has_failed, strict=True):
        if failed and not all(has_failed):
            continue
        parent = maybe_child(node, "parentTransaction")
        payment = NO_PAYMENT if parent is None else number(parent, "OrderTransaction")
        payments[payment] = payments.get(payment, 0) + minor(node, "amountSet", currency)
    asked = sum(minor(node, "amountSet", currency) for node in refunding)
    return Moved(payments, asked, _status(statuses, has_failed))


def _status(statuses: list[str], has_failed: list[bool]) -> MoneyStatus:
    if statuses and all(has_failed):
        return MoneyStatus.FAILED
    if statuses and all(status == "SUCCESS" for status in statuses):
        return MoneyStatus.MOVED
    return MoneyStatus.PENDING


def seen(node: Node, terms: Terms, odd: list[str]) -> Seen:
    """Read one refund; raises Unreadable."""
    money = moved(items(node, "transactions"), terms.currency, odd)
    lines: dict[str, tuple[int, int]] = {}
    for line in items(node, "refundLineItems"):
        name = number(child(line, "lineItem"), "LineItem")
        quantity, value = lines.get(name, (0, 0))
        tax = terms.on_top(minor(line, "totalTaxSet", terms.currency))
        value += minor(line, "subtotalSet", terms.currency) + tax
        lines[name] = (quantity + count(line, "quantity"), value)
    shipping = sum(
        minor(line, "subtotalAmountSet", terms.currency) + terms.on_top(minor(line, "taxAmountSet", terms.currency))
        for line in items(node, "refundShippingLines")
    )
    of_return, note = maybe_child(node, "return"), maybe_text(node, "note")
    reading = RefundReading(
        id=number(node, "Refund"),
        amounts=Amounts(money.payments, lines, shipping),
        status=money.status,
        return_id="" if of_return is None else number(of_return, "Return"),
        intent=_intent(note),
    )
    return Seen(reading, money.asked, note)


def _intent(note: str) -> str:
    """The intent that a note of ours names, alone on it; empty for anybody else's words."""
    found = _OURS.fullmatch(note.strip())
    return "" if found is None else found["intent"]
