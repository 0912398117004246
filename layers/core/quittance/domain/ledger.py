"""The ledger of an order: what was captured, what was paid back and by whom, and what is still free, per payment.

Refuses a claim above the headroom of a payment or of a line; balances are folded from facts, never counted up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime

from quittance.domain.errors import Rejected
from quittance.domain.ids import IntentId
from quittance.domain.values import dataclass, replace

FOREIGN = "foreign"
UNATTRIBUTED = "unattributed"


@dataclass(frozen=True, slots=True)
class Amounts:
    """Money and units of one movement: per payment, per order line as (quantity, minor units), and for shipping."""

    payments: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    shipping: int = 0

    @property
    def total(self) -> int:
        """The money moved, in minor units."""
        return sum(self.payments.values())


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of the order: `captured` is gross, `rank` the order in which the channel pays back."""

    captured: int
    gateway: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class SoldLine:
    """One line of the order as sold: units, and what they cost with discounts and tax, in minor units."""

    sku: str
    quantity: int
    total: int
    tax: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """Headroom that an intent holds until it ends with proof."""

    amounts: Amounts
    since: datetime


@dataclass(frozen=True, slots=True)
class SeenRefund:
    """A refund that exists at the channel: `owner` is our intent's id, FOREIGN or UNATTRIBUTED."""

    owner: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Ledger:
    """Payments, lines, claims and refunds of one order; `turn` is the one money intent that may be in flight."""

    payments: Mapping[str, Payment] = field(default_factory=dict)
    lines: Mapping[str, SoldLine] = field(default_factory=dict)
    shipping: int = 0
    claims: Mapping[IntentId, Claim] = field(default_factory=dict)
    refunds: Mapping[str, SeenRefund] = field(default_factory=dict)
    turn: IntentId | None = None

    def _movements(self) -> list[Amounts]:
        if not self.claims and not self.refunds:
            return []
        settled = [seen.amounts for seen in self.refunds.values() if seen.owner != UNATTRIBUTED]
        return [claim.amounts for claim in self.claims.values()] + settled

    def balance(self, payment: str) -> int:
        """Captured less foreign, active and settled on this payment; below zero where others paid too much."""
        return self.payments[payment].captured - sum(m.payments.get(payment, 0) for m in self._movements())

    def available(self, payment: str) -> int:
        """What may still be claimed on this payment, in minor units; never below zero."""
        return max(0, self.balance(payment))

    @property
    def deficit(self) -> int:
        """By how much claims and refunds exceed what was captured, in minor units."""
        return sum(max(0, -self.balance(payment)) for payment in self.payments)

    def taken(self, line: str) -> tuple[int, int]:
        """Units and minor units of a line that are refunded or claimed already."""
        moved = [m.lines[line] for m in self._movements() if line in m.lines]
        return sum(quantity for quantity, _ in moved), sum(minor for _, minor in moved)

    def free_quantity(self, line: str) -> int:
        """Units of a line that nobody has refunded or claimed."""
        return max(0, self.lines[line].quantity - self.taken(line)[0])

    @property
    def is_overdrawn(self) -> bool:
        """Say whether more units of a line are refunded or claimed than were sold, whatever they were paid with."""
        return any(self.taken(line)[0] > sold.quantity for line, sold in self.lines.items())

    @property
    def free_shipping(self) -> int:
        """Outbound shipping that nobody has refunded or claimed, in minor units."""
        return max(0, self.shipping - sum(m.shipping for m in self._movements()))

    @property
    def unattributed(self) -> tuple[str, ...]:
        """Refunds at the channel that may be ours or another's; while there is one, nothing is sent."""
        return tuple(sorted(r for r, seen in self.refunds.items() if seen.owner == UNATTRIBUTED))


def allot(ledger: Ledger, total: int) -> dict[str, int]:
    """Split an amount over the payments in the channel's order of paying back, each up to what is available.

    Raises Rejected(OVER_HEADROOM) when all payments together have less.
    """
    split: dict[str, int] = {}
    rest = total
    for payment in sorted(ledger.payments, key=lambda p: (ledger.payments[p].rank, p)):
        part = min(rest, ledger.available(payment))
        if part > 0:
            split[payment] = part
            rest -= part
    if rest > 0:
        raise Rejected("OVER_HEADROOM", "amount", f"{total - rest} of {total} minor units are left on the payments")
    return split


def reserve(ledger: Ledger, intent: IntentId, amounts: Amounts, now: datetime) -> Ledger:
    """Hold headroom for an intent; raises Rejected(OVER_HEADROOM) naming the payment or line that is short."""
    for payment, minor in amounts.payments.items():
        if minor < 0 or payment not in ledger.payments or minor > ledger.available(payment):
            raise Rejected("OVER_HEADROOM", f"payments.{payment}", "less is left on this payment")
    for line, (quantity, _) in amounts.lines.items():
        if line not in ledger.lines or not 0 <= quantity <= ledger.free_quantity(line):
            raise Rejected("OVER_HEADROOM", f"lines.{line}", "fewer units of this line are left to refund")
    if not 0 <= amounts.shipping <= ledger.free_shipping:
        raise Rejected("OVER_HEADROOM", "shipping", "outbound shipping was paid back already")
    return replace(ledger, claims={**ledger.claims, intent: Claim(amounts, now)})


def release(ledger: Ledger, intent: IntentId) -> Ledger:
    """Give headroom back; only for an intent that is proven to have had no effect."""
    claims = {other: claim for other, claim in ledger.claims.items() if other != intent}
    return _end_turn(replace(ledger, claims=claims), intent)


def settle(ledger: Ledger, intent: IntentId, refund: str) -> Ledger:
    """Turn a claim into the refund that the channel shows; a refund taken for foreign becomes ours.

    Raises Rejected(REFUND_OWNED) for a refund that proves another intent already: one effect settles one intent.
    """
    known = ledger.refunds.get(refund)
    if known is not None and known.owner not in (FOREIGN, UNATTRIBUTED, intent):
        raise Rejected("REFUND_OWNED", "reference", f"{refund} is the proof of another intent; name the one of this")
    held = ledger.claims[intent]
    claims = {other: claim for other, claim in ledger.claims.items() if other != intent}
    refunds = {**ledger.refunds, refund: SeenRefund(intent, held.amounts)}
    return _end_turn(replace(ledger, claims=claims, refunds=refunds), intent)


def _end_turn(ledger: Ledger, intent: IntentId) -> Ledger:
    if ledger.turn != intent:
        return ledger
    return attribute(replace(ledger, turn=None))


def attribute(ledger: Ledger) -> Ledger:
    """Book every unattributed refund as foreign: nothing of ours is on the way that could own it."""
    refunds = {
        refund: replace(seen, owner=FOREIGN) if seen.owner == UNATTRIBUTED else seen
        for refund, seen in ledger.refunds.items()
    }
    return replace(ledger, refunds=refunds)


def next_turn(ledger: Ledger, candidates: Iterable[IntentId]) -> IntentId | None:
    """The oldest claim among the candidates, if no other intent has its turn."""
    if ledger.turn is not None:
        return None
    waiting = [(ledger.claims[i].since, i) for i in candidates if i in ledger.claims]
    return min(waiting)[1] if waiting else None


def see_refunds(ledger: Ledger, seen: Mapping[str, Amounts]) -> Ledger:
    """Take in the channel's refunds; a new one is foreign, or unattributed while an intent of ours has its turn."""
    refunds = dict(ledger.refunds)
    for refund, amounts in seen.items():
        known = refunds.get(refund)
        if known is None:
            owner = UNATTRIBUTED if ledger.turn is not None else FOREIGN
            refunds[refund] = SeenRefund(owner, amounts)
        elif known.owner in (FOREIGN, UNATTRIBUTED):
            refunds[refund] = replace(known, amounts=amounts)
    return replace(ledger, refunds=refunds)


def forget_failed(ledger: Ledger, failed: frozenset[str]) -> Ledger:
    """Drop refunds of other hands, or of nobody yet, whose money did not move after all; the channel is the proof.

    A failed refund of ours stays: what was settled and failed later gives no headroom back by itself.
    """
    kept = {
        refund: seen
        for refund, seen in ledger.refunds.items()
        if refund not in failed or seen.owner not in (FOREIGN, UNATTRIBUTED)
    }
    return replace(ledger, refunds=kept)
