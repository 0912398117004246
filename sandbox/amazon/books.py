"""The books of one seller: every record by id, and what is true about an order's money, to the cent.

It stores and sums; whether an act is allowed is decided by the act's module. Nobody but the simulator writes here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sandbox.amazon.money import share
from sandbox.amazon.records import (
    Claim,
    FbaReturn,
    Line,
    Message,
    Movement,
    Order,
    OutboundOrder,
    Reimbursement,
    Return,
    Source,
)

BACK: frozenset[str] = frozenset(("Refund", "GuaranteeClaim", "Chargeback"))
DISCOUNT = "PromotionMetaDataDefinitionValue"


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """What an order came to: charged to the buyer at shipment, gone back by refunds, and by claims and chargebacks."""

    currency: str
    total: int
    charged: int
    refunded: int
    claimed: int

    @property
    def kept(self) -> int:
        return self.charged - self.refunded - self.claimed


@dataclass(slots=True)
class Books:
    """Read it in tests: `money`, `refunds_of`, `movements_of` are the truth that Quittance's ledger is held against."""

    orders: dict[str, Order] = field(default_factory=dict)
    movements: list[Movement] = field(default_factory=list)
    returns: dict[str, Return] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    fba_returns: list[FbaReturn] = field(default_factory=list)
    reimbursements: list[Reimbursement] = field(default_factory=list)
    outbound: dict[str, OutboundOrder] = field(default_factory=dict)
    negative_feedback: set[str] = field(default_factory=set)
    opted_out: set[str] = field(default_factory=set)
    _of_order: dict[str, list[Movement]] = field(default_factory=dict)
    _returned: dict[str, list[str]] = field(default_factory=dict)

    # Orders

    def update_order(self, order: Order, at: datetime) -> Order:
        self.orders[order.id] = replace(order, updated_at=max(at, order.updated_at))
        return self.orders[order.id]

    def update_lines(self, order: Order, lines: Mapping[str, Line], at: datetime) -> Order:
        changed = tuple(lines.get(line.id, line) for line in order.lines)
        return self.update_order(replace(order, lines=changed), at)

    # Returns

    def keep_return(self, one: Return) -> Return:
        if one.id not in self.returns:
            self._returned.setdefault(one.order, []).append(one.id)
            self._returned.setdefault(one.rma, []).append(one.id)
        self.returns[one.id] = one
        return one

    def returns_of(self, order_id: str) -> list[Return]:
        return [self.returns[name] for name in self._returned.get(order_id, ())]

    def returns_of_rma(self, rma: str) -> list[Return]:
        return [self.returns[name] for name in self._returned.get(rma, ())]

    # Money

    def move(self, movement: Movement) -> Movement:
        self.movements.append(movement)
        self._of_order.setdefault(movement.order, []).append(movement)
        return movement

    def movements_of(self, order_id: str) -> list[Movement]:
        return list(self._of_order.get(order_id, ()))

    def refunds_of(self, order_id: str) -> list[Movement]:
        return [one for one in self.movements_of(order_id) if one.kind == "Refund"]

    def _sum(self, order_id: str, kinds: frozenset[str]) -> int:
        return sum(one.total for one in self.movements_of(order_id) if one.kind in kinds)

    def charged(self, order_id: str) -> int:
        return self._sum(order_id, frozenset(("Shipment",)))

    def refunded(self, order_id: str) -> int:
        return -self._sum(order_id, frozenset(("Refund",)))

    def gone_back(self, order_id: str) -> int:
        """Refunds, granted claims and chargebacks together."""
        return -self._sum(order_id, BACK)

    def gone_back_of(self, order_id: str, line_id: str, kind: str) -> int:
        """How much of one charge of one line has gone back."""
        shares = (part for one in self.movements_of(order_id) if one.kind in BACK for part in one.shares)
        return -sum(amount for part in shares if part.line == line_id for name, amount in part.charges if name == kind)

    def money(self) -> dict[str, OrderMoney]:
        """Per order id: what was charged and what went back, whoever moved it."""
        return {order.id: self.money_of(order.id) for order in self.orders.values()}

    def money_of(self, order_id: str) -> OrderMoney:
        order = self.orders[order_id]
        claimed = -self._sum(order_id, BACK - {"Refund"})
        return OrderMoney(order.currency, order.total, self.charged(order_id), self.refunded(order_id), claimed)

    def refunded_by(self, source: Source) -> int:
        return -sum(one.total for one in self.movements if one.source is source)

    def left_of(self, order_id: str, line_id: str) -> tuple[tuple[str, int], ...]:
        """What was charged for a line, by type, less what has gone back of that type."""
        charged: dict[str, int] = {}
        for one in self.movements_of(order_id):
            for part in one.shares if one.kind == "Shipment" else ():
                for kind, amount in part.charges if part.line == line_id else ():
                    charged[kind] = charged.get(kind, 0) + amount
        left = {kind: amount - self.gone_back_of(order_id, line_id, kind) for kind, amount in charged.items()}
        return tuple((kind, amount) for kind, amount in left.items() if amount)

    # Finding

    def claims_of(self, order_id: str) -> list[Claim]:
        return [one for one in self.claims.values() if one.order == order_id]

    def messages_of(self, order_id: str) -> list[Message]:
        return [one for one in self.messages if one.order == order_id]


def charges_of(line: Line, units: int, before: int) -> tuple[tuple[str, int], ...]:
    """What the buyer pays when `units` of a line ship and `before` have shipped already, discount included."""
    charges = [(kind, share(total, units, line.quantity, before)) for kind, total in line.charges.items()]
    if line.discount:
        charges.append((DISCOUNT, -share(line.discount, units, line.quantity, before)))
    return tuple((kind, amount) for kind, amount in charges if amount)
