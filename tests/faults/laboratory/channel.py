"""The channel of the laboratory: its own books, keys with a memory, quantities, slow money, other hands, read lag.

What it applied is the truth that everything is compared with; nothing of the system under test writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from quittance.application.ports import (
    Ambiguous,
    Applied,
    NotFound,
    NotSent,
    Prepared,
    Reading,
    Refused,
    SendOutcome,
    Sighting,
    Unknown,
)
from quittance.domain.errors import Unavailable
from quittance.domain.ids import OrderId
from quittance.domain.intent import Act, Intent, IntentLine, ReplayGuard
from quittance.domain.ledger import Amounts
from quittance.domain.observations import MoneyStatus, OrderReading, RefundReading, ReturnReading
from quittance.domain.values import replace
from tests.faults.laboratory.engine import Ask
from tests.faults.laboratory.faults import Door
from tests.support.shop import Shop


@dataclass(slots=True)
class Effect:
    """Money that one of our calls moved: whose call, by what name the channel shows it, and what it was."""

    intent: str
    name: str
    minor: int
    currency: str
    lines: Mapping[str, int]
    parts: tuple[IntentLine, ...]
    external: str
    status: MoneyStatus = MoneyStatus.MOVED


@dataclass(slots=True)
class _Past:
    """What a reader sees that lags behind."""

    until: int
    orders: Mapping[str, OrderReading]
    returns: Mapping[str, ReturnReading]


def _nobody(*_: Any) -> None:
    """Nobody listens."""


@dataclass
class LaboratoryShop(Shop):
    """The shop with a clock, `touch` at every door, and listeners for what is sent, applied and looked for."""

    time: Callable[[], int] = lambda: 0
    lag: Callable[[], int] = lambda: 0
    touch: Ask | None = None
    sending: Callable[[Intent, bytes], None] = _nobody
    applied: Callable[[Effect], None] = _nobody
    looked: Callable[[Intent], None] = _nobody
    later: Callable[[str], None] = _nobody
    money: list[Effect] = field(default_factory=list)
    keys: dict[str, tuple[int, str]] = field(default_factory=dict)
    _past: list[_Past] = field(default_factory=list)

    # Doors.

    def read(self, account: str, order: OrderId, as_of: datetime) -> Reading | None:
        """An order with its returns."""
        found: Reading | None = self._ask("read", lambda: super(LaboratoryShop, self).read(account, order, as_of))
        return found

    def prepare(self, account: str, intent: Intent, as_of: datetime) -> Prepared:
        """The reading before a send; the channel suggests no more than it has left to pay back."""
        found: Prepared = self._ask("prepare", lambda: self._prepared(account, intent, as_of))
        return found

    def look_back(self, account: str, intent: Intent, owned: frozenset[str]) -> Sighting:
        """What fits the intent in return, units and amount, outside the snapshot and the refunds of others."""
        found: Sighting = self._ask("look back", lambda: self._sighted(account, intent, owned))
        self.looked(intent)
        return found

    def send(self, _account: str, intent: Intent, body: bytes, _timeout: timedelta) -> SendOutcome:
        """Apply it once more, as far as the guard lets it."""
        self.sending(intent, body)
        if self.touch is None:
            return self.apply(intent)
        outcome: SendOutcome = self.touch(
            Door.SEND, lambda: f"send {intent.act.value}", lambda: self.apply(intent), lambda: Unknown("timeout")
        )
        return outcome

    def _ask(self, name: str, call: Callable[[], Any]) -> Any:
        if self.touch is None:
            return call()
        return self.touch(Door.ASK, lambda: name, call, lambda: self._lagging(call))

    def _lagging(self, call: Callable[[], Any]) -> Any:
        """Answer as a replica does that is some seconds behind."""
        seen = self.time() - self.lag()
        past = next((past for past in self._past if past.until > seen), None)
        if past is None:
            return call()
        now = self.orders, self.returns
        self.orders, self.returns = dict(past.orders), dict(past.returns)
        try:
            return call()
        finally:
            self.orders, self.returns = now

    def _changes(self) -> None:
        """Keep what stood here until now, for those who lag."""
        self._past.append(_Past(self.time(), dict(self.orders), dict(self.returns)))

    # What the channel does.

    def _prepared(self, account: str, intent: Intent, as_of: datetime) -> Prepared:
        found = super().prepare(account, intent, as_of)
        if found.suggestion is None:
            return found
        left = self._left(intent.order)
        payments = {key: min(minor, left[key]) for key, minor in found.suggestion.payments.items()}
        short = intent.total - sum(payments.values())
        total = found.suggestion.total - max(0, short)
        return replace(found, suggestion=replace(found.suggestion, total=total, payments=payments))

    def _left(self, order: str) -> dict[str, int]:
        reading = self.orders[order]
        paid = [r.amounts.payments for r in reading.refunds if r.status is not MoneyStatus.FAILED]
        return {key: max(0, p.captured - sum(each.get(key, 0) for each in paid)) for key, p in reading.payments.items()}

    def apply(self, intent: Intent) -> SendOutcome:
        """Do what the guard of the act does with a call: a key answers for its own, a quantity is used up once."""
        self._changes()
        if intent.act is not Act.REFUND:
            return super().apply(intent)
        known = self.keys.get(intent.key)
        lifetime = self.refund_guard.lifetime / timedelta(milliseconds=1)
        if self.refund_guard.kind is ReplayGuard.KEYED and known and self.time() - known[0] < lifetime:
            return self._again(known[1])
        if self.refund_guard.kind is ReplayGuard.QUANTITY and self._is_used_up(intent):
            return Refused("QUANTITY_EXCEEDED")
        return self._pay(intent)

    def _again(self, name: str) -> SendOutcome:
        effect = next(effect for effect in self.money if effect.name == name)
        return Applied(name, effect.status)

    def _is_used_up(self, intent: Intent) -> bool:
        lines = self.returns[intent.external].lines
        return any(
            lines[part.return_line].refunded + part.quantity > lines[part.return_line].quantity for part in intent.lines
        )

    def _pay(self, intent: Intent) -> SendOutcome:
        name = f"R{len(self.money) + 1}"
        status = MoneyStatus.PENDING if self.pending else MoneyStatus.MOVED
        lines = {line.order_line: (line.quantity, line.minor) for line in intent.lines}
        amounts = Amounts(dict(intent.payments), lines, intent.components.shipping)
        self._add(intent.order, RefundReading(name, amounts, status, intent.external))
        units = {line: quantity for line, (quantity, _) in lines.items()}
        effect = Effect(intent.id, name, intent.total, intent.currency, units, intent.lines, intent.external, status)
        self._count(effect, 1)
        self.money.append(effect)
        self.keys[intent.key] = (self.time(), name)
        self.applied(effect)
        if self.pending:
            self.later(name)
        return Applied(name, status)

    def _count(self, effect: Effect, sign: int) -> None:
        """Count the units of a refund as refunded on the lines of its return, or take them off again."""
        seen = self.returns[effect.external]
        lines = dict(seen.lines)
        for part in effect.parts:
            line = lines[part.return_line]
            lines[part.return_line] = replace(line, refunded=line.refunded + sign * part.quantity)
        self.returns[effect.external] = replace(seen, lines=lines)

    def transfer(self, name: str, status: MoneyStatus) -> None:
        """The money of a refund moves, or fails, by the channel's own clock."""
        self._changes()
        effect = next(effect for effect in self.money if effect.name == name)
        effect.status = status
        if status is MoneyStatus.FAILED:
            self._count(effect, -1)
        for order, reading in self.orders.items():
            refunds = tuple(replace(r, status=status) if r.id == name else r for r in reading.refunds)
            self.orders[order] = replace(reading, refunds=refunds)

    def by_hand(self, order: str, payment: str, minor: int) -> str:
        """A colleague pays back in the shop's own admin, as far as the payment has money; returns its name."""
        self._changes()
        name = f"F{sum(len(reading.refunds) for reading in self.orders.values()) + 1}"
        self.colleague_refunds(order, payment, min(minor, self._left(order)[payment]), name)
        return name

    def dispute(self, order: str, *, is_open: bool) -> None:
        """The buyer's bank asks the money back, or lets it go."""
        self._changes()
        self.orders[order] = replace(self.orders[order], disputes=frozenset({"D1"} if is_open else ()))

    def _sighted(self, _account: str, intent: Intent, owned: frozenset[str]) -> Sighting:
        self._may_read()
        if intent.act is not Act.REFUND:
            return super().look_back(_account, intent, owned)
        known = set(intent.attempt.snapshot.get("refunds", "").split(",")) | owned
        units = {line.order_line: (line.quantity, line.minor) for line in intent.lines}
        fitting = [
            seen
            for seen in self.orders[intent.order].refunds
            if seen.id == intent.reference
            or (seen.id not in known and seen.return_id == intent.external and seen.amounts.lines == units)
        ]
        if len(fitting) > 1:
            return Ambiguous(tuple(sorted(seen.id for seen in fitting)))
        return Applied(fitting[0].id, fitting[0].status) if fitting else NotFound()

    # What a person sees who looks: the note on the refund says whose it is.

    def made_by(self, intent: str) -> list[Effect]:
        """The effects of an intent that moved money or may still do so."""
        return [effect for effect in self.money if effect.intent == intent and effect.status is not MoneyStatus.FAILED]


def no_answer() -> Any:
    """What a caller sees whose call got no answer."""
    raise Unavailable("no answer")


def throttled() -> Any:
    """What a caller of the table, or a reader of the channel, sees that is told to come again."""
    raise Unavailable("throttled")


def not_sent() -> SendOutcome:
    """What a sender sees that is told to come again: nothing was applied."""
    return NotSent("throttled", timedelta(seconds=5))
