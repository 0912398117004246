"""A shop in memory that stands in for a channel: its own books, and faults at any of its doors.

It keeps its own ledger of effects; what the system under test believes is compared with it, never copied into it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from quittance.application.ports import (
    Ambiguous,
    Applied,
    Delivery,
    Guard,
    Hint,
    NotFound,
    NotSent,
    Page,
    Prepared,
    Reading,
    Refused,
    SendOutcome,
    Sighting,
    Suggestion,
    Unknown,
)
from quittance.domain.errors import Rejected, Unavailable
from quittance.domain.ids import OrderId
from quittance.domain.intent import Act, Intent, ReplayGuard
from quittance.domain.ledger import Amounts
from quittance.domain.observations import (
    ChannelStatus,
    MoneyStatus,
    OrderReading,
    RefundReading,
    ReturnReading,
)
from quittance.domain.values import replace

HORIZON = timedelta(seconds=60)
STATUS_AFTER = {
    Act.APPROVE_RETURN: ChannelStatus.OPEN,
    Act.DECLINE_RETURN: ChannelStatus.DECLINED,
    Act.CLOSE_RETURN: ChannelStatus.CLOSED,
    Act.CANCEL_RETURN: ChannelStatus.CANCELLED,
}
Fault = Callable[["Shop", Intent], SendOutcome | None]


@dataclass
class Shop:
    """Orders and returns of one account. `faults` are consumed one a send; `guards` say how refunds are protected."""

    name: str = "shopify"
    orders: dict[str, OrderReading] = field(default_factory=dict)
    returns: dict[str, ReturnReading] = field(default_factory=dict)
    effects: list[tuple[str, str, int]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unreadable: int = 0
    reads: int = 0
    pending: bool = False
    refund_guard: Guard = field(default_factory=lambda: Guard(ReplayGuard.NONE, HORIZON))
    suggests: Callable[[Intent, Suggestion], Suggestion] = lambda _, suggestion: suggestion
    on_read: Callable[[], None] = lambda: None

    # The pure part.

    def guard(self, act: Act) -> Guard | None:
        """Refunds as configured; everything else may be repeated."""
        return self.refund_guard if act is Act.REFUND else Guard(ReplayGuard.REPEATABLE, HORIZON)

    def render(self, intent: Intent, words: str) -> bytes:
        """Act, lines, payments and words."""
        lines = [(line.return_line, line.quantity) for line in intent.lines]
        return json.dumps([intent.act, lines, sorted(intent.payments.items()), words]).encode()

    def feed_type(self, _act: Act) -> str | None:
        """None: this shop takes every act by a call."""
        return None

    def hint(self, delivery: Delivery) -> Hint:
        """The body is a JSON object with `order` or `return`."""
        try:
            body = json.loads(delivery.body)
        except ValueError:
            raise Rejected("MALFORMED", "body", "send JSON") from None
        if delivery.topic == "unheard/of":
            return Hint(topic_known=False)
        order = body.get("order")
        known_only = delivery.topic.startswith("fulfillment")
        return Hint(OrderId(order) if order else None, body.get("return", ""), only_known=known_only)

    # Reading.

    def _may_read(self) -> None:
        self.reads += 1
        self.on_read()
        if self.unreadable:
            self.unreadable -= 1
            raise Unavailable("the shop does not answer")

    def order_of(self, _account: str, return_id: str) -> OrderId | None:
        """The order of a return."""
        self._may_read()
        found = self.returns.get(return_id)
        return found.order if found else None

    def read(self, _account: str, order: OrderId, as_of: datetime) -> Reading | None:
        """An order and its returns as they stand now."""
        self._may_read()
        return self._reading(order, as_of)

    def _reading(self, order: OrderId, as_of: datetime) -> Reading | None:
        if order not in self.orders:
            return None
        returns = [replace(r, as_of=as_of) for r in self.returns.values() if r.order == order]
        return Reading(replace(self.orders[order], as_of=as_of), tuple(returns))

    def poll(self, _account: str, _source: str, _cursor: str, _known: Sequence[str]) -> Page:
        """Nothing new."""
        return Page(())

    def prepare(self, _account: str, intent: Intent, as_of: datetime) -> Prepared:
        """The reading, the ids of all refunds, and what the shop would pay."""
        self._may_read()
        reading = self._reading(intent.order, as_of)
        if reading is None:
            raise Unavailable("the order is gone")
        snapshot = {"refunds": ",".join(refund.id for refund in reading.order.refunds)}
        status = self.returns[intent.external].status
        if not intent.act.is_money:
            return Prepared(reading, snapshot, done=STATUS_AFTER.get(intent.act) is status)
        total = intent.components.goods + intent.components.shipping
        return Prepared(reading, snapshot, self.suggests(intent, Suggestion(total, intent.currency, intent.payments)))

    # Sending and looking back.

    def send(self, _account: str, intent: Intent, _body: bytes, _timeout: timedelta) -> SendOutcome:
        """Apply the act once more, whatever was applied before: this shop honours no key."""
        if self.faults:
            outcome = self.faults.pop(0)(self, intent)
            if outcome is not None:
                return outcome
        return self.apply(intent)

    def apply(self, intent: Intent) -> SendOutcome:
        """Do it and note the effect."""
        if intent.act is Act.REFUND:
            return self._refund(intent)
        wanted = STATUS_AFTER.get(intent.act)
        now = self.returns[intent.external]
        if intent.act is Act.APPROVE_RETURN and now.status is not ChannelStatus.REQUESTED:
            return Refused("INVALID_STATE")
        if wanted is not None:
            self.returns[intent.external] = replace(now, status=wanted)
        self.effects.append((intent.id, intent.act, 0))
        return Applied(intent.external)

    def _refund(self, intent: Intent) -> SendOutcome:
        name = f"R{len(self.effects) + 1}"
        self.effects.append((intent.id, name, intent.total))
        status = MoneyStatus.PENDING if self.pending else MoneyStatus.MOVED
        lines = {line.order_line: (line.quantity, line.minor) for line in intent.lines}
        amounts = Amounts(dict(intent.payments), lines, intent.components.shipping)
        self._add(intent.order, RefundReading(name, amounts, status, intent.external))
        return Applied(name, status)

    def _add(self, order: str, refund: RefundReading) -> None:
        self.orders[order] = replace(self.orders[order], refunds=(*self.orders[order].refunds, refund))

    def colleague_refunds(self, order: str, payment: str, minor: int, name: str = "FOREIGN-1") -> None:
        """Other hands pay back in the shop's own admin."""
        self._add(order, RefundReading(name, Amounts({payment: minor}), MoneyStatus.MOVED))

    def finish(self, order: str, status: MoneyStatus) -> None:
        """Pending money moves or fails."""
        refunds = tuple(
            replace(r, status=status) if r.status is MoneyStatus.PENDING else r for r in self.orders[order].refunds
        )
        self.orders[order] = replace(self.orders[order], refunds=refunds)

    def look_back(self, _account: str, intent: Intent, owned: frozenset[str]) -> Sighting:
        """Refunds outside the snapshot that fit in amount; or the status."""
        self._may_read()
        if intent.act is not Act.REFUND:
            done = STATUS_AFTER.get(intent.act) is self.returns[intent.external].status
            return Applied(intent.external) if done else NotFound()
        before = set(intent.attempt.snapshot.get("refunds", "").split(","))
        fitting = [
            refund
            for refund in self.orders[intent.order].refunds
            if refund.id not in before | owned and refund.amounts.total == intent.total and refund.return_id
        ]
        if len(fitting) > 1:
            return Ambiguous(tuple(refund.id for refund in fitting))
        return Applied(fitting[0].id, fitting[0].status) if fitting else NotFound()

    def paid(self, intent: str) -> int:
        """How many effects carry an intent: never more than one."""
        return sum(name == intent for name, _, _ in self.effects)


def answer_lost(shop: Shop, intent: Intent) -> SendOutcome:
    """Applied, and nobody hears of it."""
    shop.apply(intent)
    return Unknown("timeout")


def call_lost(_: Shop, __: Intent) -> SendOutcome:
    """Not applied, and nobody knows."""
    return Unknown("timeout")


def throttled(_: Shop, __: Intent) -> SendOutcome:
    """Definitely not applied."""
    return NotSent("throttled", timedelta(seconds=5))


def refused(_: Shop, __: Intent) -> SendOutcome:
    """Definitely not applied, and never will be."""
    return Refused("INVALID")
