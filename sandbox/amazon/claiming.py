"""A-to-Z claims and chargebacks: opened, answered in time or lost by silence, decided, appealed.

A granted claim that is the seller's fault debits the order's money once more, whatever was refunded before up to there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sandbox.amazon import letters
from sandbox.amazon.house import Floor
from sandbox.amazon.mail import Proof
from sandbox.amazon.moving import Cause, give_all_back
from sandbox.amazon.records import Claim, Order, Source

OPEN = ("OPENED", "INFORMATION_REQUESTED", "REPRESENTED", "APPEALED")
UNANSWERED = ("OPENED", "INFORMATION_REQUESTED")
APPEAL_WITHIN = timedelta(days=30)


def open_claim(
    floor: Floor,
    order: Order,
    amount: int | None,
    reason: str,
    at: datetime,
    *,
    proof: Proof = Proof.VERIFIED,
) -> Claim:
    """A buyer's claim; silence until its deadline loses it. `amount` is all that is left when None."""
    money = floor.books.money_of(order.id)
    deadline = at + timedelta(days=floor.seller.claim_days)
    left = money.kept if amount is None else amount
    claim = Claim(floor.house.ids.letters("claim", 12), order.id, left, reason, at, deadline, "OPENED")
    _keep(floor, claim)
    letters.claim_opened(floor, order, claim, at, proof)
    return claim


def _keep(floor: Floor, claim: Claim) -> Claim:
    floor.books.claims[claim.id] = claim
    if claim.state in UNANSWERED:
        floor.plan(claim.respond_by, lambda then: _lose_by_silence(floor, claim, then))
    return claim


def _lose_by_silence(floor: Floor, seen: Claim, at: datetime) -> None:
    """Only when nothing has happened to the claim since."""
    if floor.books.claims[seen.id] == seen:
        decide(floor, seen.id, at, granted=True)


def _open(floor: Floor, claim_id: str) -> Claim:
    claim = floor.books.claims[claim_id]
    if claim.state not in OPEN:
        raise ValueError(f"claim {claim_id} is {claim.state}")
    return claim


def ask(floor: Floor, claim_id: str, at: datetime, within: timedelta) -> Claim:
    """Amazon wants to know more."""
    claim = replace(_open(floor, claim_id), state="INFORMATION_REQUESTED", respond_by=at + within)
    letters.claim_information(floor, floor.order(claim.order), claim, at)
    return _keep(floor, claim)


def represent(floor: Floor, claim_id: str, at: datetime) -> Claim:
    """The seller's answer in Seller Central. Raises ValueError when it comes too late."""
    claim = _open(floor, claim_id)
    if at > claim.respond_by:
        raise ValueError(f"claim {claim_id} had to be answered by {claim.respond_by}")
    return _keep(floor, replace(claim, state="REPRESENTED"))


def decide(floor: Floor, claim_id: str, at: datetime, *, granted: bool, on_seller: bool = True) -> Claim:
    """Amazon's decision; a granted one moves the order's money, at the seller's cost or not."""
    claim = _open(floor, claim_id)
    state = "GRANTED" if granted else "DENIED"
    claim = _keep(floor, replace(claim, state=state, decided_at=at, on_seller=granted and on_seller))
    order = floor.order(claim.order)
    if claim.on_seller:
        give_all_back(floor, order, Cause("GuaranteeClaim", Source.CLAIM, claim.reason), at, claim.amount)
    letters.claim_decided(floor, order, claim, at)
    return claim


def appeal(floor: Floor, claim_id: str, at: datetime) -> Claim:
    """Raises ValueError when there is nothing to appeal or the 30 days are over."""
    claim = floor.books.claims[claim_id]
    if claim.state != "GRANTED" or claim.decided_at is None or at > claim.decided_at + APPEAL_WITHIN:
        raise ValueError(f"claim {claim_id} ({claim.state}, decided {claim.decided_at}) cannot be appealed")
    return _keep(floor, replace(claim, state="APPEALED"))


def withdraw(floor: Floor, claim_id: str, at: datetime) -> Claim:
    """The buyer takes the claim back."""
    return _keep(floor, replace(_open(floor, claim_id), state="WITHDRAWN", decided_at=at))


def charge_back(floor: Floor, order: Order, amount: int, reason: str, at: datetime, days: int = 7) -> None:
    """The buyer's bank takes the money; the seller is told by mail alone."""
    give_all_back(floor, order, Cause("Chargeback", Source.CHARGEBACK, reason), at, amount)
    letters.chargeback(floor, order, amount, days, at)
