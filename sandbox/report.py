"""What the day came to: cases, deadlines fired, refunds, and the shop's books beside ours.

Decides whether the books agree: to the cent, per order and per payment, and in the number of refunds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quittance.domain.ledger import Ledger
from quittance.domain.money import Money
from sandbox.shopify.summary import OrderSummary


@dataclass(frozen=True, slots=True)
class Line:
    """One order in both books: captured, paid back and the number of refunds, at the shop and in our ledger."""

    order: str
    currency: str
    captured: tuple[int, int]
    refunded: tuple[int, int]
    refunds: tuple[int, int]

    @property
    def agrees(self) -> bool:
        """Say whether both books say the same."""
        return all(theirs == ours for theirs, ours in (self.captured, self.refunded, self.refunds))


def compare(books: Mapping[str, OrderSummary], ledgers: Mapping[str, Ledger]) -> list[Line]:
    """Lay the shop's books beside our ledgers by order id. An order without one counts as nothing paid back by us."""
    lines = []
    for order in books.values():
        ledger = ledgers.get(order.id.rpartition("/")[2])
        captured, refunded, refunds = _sums(ledger) if ledger else (order.captured, 0, 0)
        lines.append(
            Line(
                order.name,
                order.currency,
                (order.captured, captured),
                (order.refunded, refunded),
                (len(order.refunds), refunds),
            )
        )
    return lines


def _sums(ledger: Ledger) -> tuple[int, int, int]:
    captured = sum(payment.captured for payment in ledger.payments.values())
    return captured, sum(seen.amounts.total for seen in ledger.refunds.values()), len(ledger.refunds)


def books_table(lines: Iterable[Line]) -> str:
    """Both books side by side, a line an order, with the sums."""
    heading = ("order", "captured", "shop paid back", "ledger says", "refunds", "")
    return table([heading, *map(_row, lines)])


def _row(line: Line) -> tuple[str, ...]:
    amounts = (line.captured[0], *line.refunded)
    verdict = "equal" if line.agrees else "DIFFERENT"
    written = (str(Money(minor, line.currency)) for minor in amounts)
    return (line.order, *written, f"{line.refunds[0]} / {line.refunds[1]}", verdict)


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, currency))


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """Rows of text in columns; the first is the heading."""
    rows = list(rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
