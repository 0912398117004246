"""Returns of seller-fulfilled and of Amazon-fulfilled orders: asked for, authorised, scanned, arrived, refunded.

In policy Amazon authorises by itself; at the first scan, or when a seller is too slow, Amazon refunds by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sandbox.amazon import letters
from sandbox.amazon.house import Floor
from sandbox.amazon.mail import Proof
from sandbox.amazon.money import parse
from sandbox.amazon.moving import Cause, goods_back, move, share_of
from sandbox.amazon.records import FbaReturn, Movement, Order, Reimbursement, Return, Source

# What is meant to happen, from the first day on: no proof that it has.
FIRST_SCAN = "RefundAtFirstScan"
REFUNDED = "StandardRefund"


@dataclass(frozen=True, slots=True)
class Request:
    """What a buyer asks for. `label`: Amazon's name for the label's kind; `payer` Seller or Customer."""

    reason: str = "CR-UNWANTED_ITEM"
    comment: str = ""
    in_policy: bool = True
    first_scan: bool = False
    label: str = "AmazonUnPaidLabel"
    payer: str = "Customer"
    label_cost: int = 0
    proof: Proof = Proof.VERIFIED


def request(floor: Floor, order: Order, units: Mapping[str, int], asked: Request, at: datetime) -> tuple[Return, ...]:
    """A return of units by SKU. Raises ValueError when fewer were shipped or are free."""
    rma = floor.house.ids.rma()
    made = []
    for sku, count in units.items():
        line = order.line_of_sku(sku)
        claimed = sum(one.quantity for one in floor.books.returns_of(order.id) if one.line == line.id)
        if count > line.shipped - claimed:
            raise ValueError(f"{order.id}: only {line.shipped - claimed} of {sku} can be returned")
        one = Return(
            id=floor.house.ids.letters("return", 12),
            order=order.id,
            line=line.id,
            quantity=count,
            rma=rma,
            reason=asked.reason,
            requested_at=at,
            status="Approved" if asked.in_policy else "Pending",
            in_policy=asked.in_policy,
            label_type=asked.label,
            label_payer=asked.payer,
            label_cost=asked.label_cost,
            comment=asked.comment,
            carrier=_carrier(order) if asked.in_policy else "",
            tracking=floor.house.ids.letters("return tracking", 13) if asked.in_policy else "",
            resolution=FIRST_SCAN if asked.first_scan else REFUNDED,
            refund_at_first_scan=asked.first_scan,
        )
        made.append(floor.books.keep_return(one))
    letters.return_request(floor, order, tuple(made), at, asked.proof)
    return tuple(made)


def _carrier(order: Order) -> str:
    return {"FR": "Colissimo", "DE": "DHL", "IT": "Poste Italiane", "ES": "Correos"}.get(
        order.marketplace.country, "UPS"
    )


def _change(floor: Floor, rma: str, change: Callable[[Return], Return]) -> tuple[Return, ...]:
    found = floor.books.returns_of_rma(rma)
    if not found:
        raise KeyError(f"there is no return {rma}")
    return tuple([floor.books.keep_return(change(one)) for one in found])


def authorise(floor: Floor, rma: str, merchant_rma: str = "") -> tuple[Return, ...]:
    """A person in Seller Central, by the link of the mail. Raises ValueError when nothing waits."""
    order = floor.order(floor.books.returns_of_rma(rma)[0].order)
    tracking = floor.house.ids.letters("return tracking", 13)

    def change(one: Return) -> Return:
        if one.status != "Pending":
            raise ValueError(f"return {rma} is {one.status}: nothing to authorise")
        status, carrier = "Approved", _carrier(order)
        return replace(one, status=status, merchant_rma=merchant_rma, carrier=carrier, tracking=tracking)

    return _change(floor, rma, change)


def close(floor: Floor, rma: str, status: str = "Closed") -> tuple[Return, ...]:
    """Closed by the seller, or by the buyer who keeps the goods (`Cancelled`)."""
    return _change(floor, rma, lambda one: replace(one, status=status))


def scan(floor: Floor, rma: str, at: datetime) -> tuple[Return, ...]:
    """The carrier's first scan; where Amazon refunds at that moment, it does."""
    changed = _change(floor, rma, lambda one: replace(one, scanned_at=one.scanned_at or at))
    if changed[0].refund_at_first_scan:
        refund(floor, rma, Source.FIRST_SCAN, at)
    return tuple(floor.books.returns_of_rma(rma))


def deliver(floor: Floor, rma: str, at: datetime) -> tuple[Return, ...]:
    """Arrived at the seller's. When nobody refunds within the seller's time, Amazon does."""
    changed = _change(
        floor, rma, lambda one: replace(one, scanned_at=one.scanned_at or at, delivered_at=one.delivered_at or at)
    )
    if floor.seller.auto_refund_after is not None:
        floor.plan(at + floor.seller.auto_refund_after, lambda then: _refund_by_itself(floor, rma, then))
    return changed


def _refund_by_itself(floor: Floor, rma: str, at: datetime) -> None:
    returned = floor.books.returns_of_rma(rma)
    if all(one.status == "Approved" for one in returned) and not _given(floor, returned):
        refund(floor, rma, Source.AUTOMATIC, at)


def _given(floor: Floor, returned: list[Return]) -> bool:
    """Tell whether any money of the returned lines has gone back since the return was asked for."""
    lines, first = {one.line for one in returned}, returned[0]
    movements = floor.books.movements_of(first.order)
    back = [one for one in movements if one.total < 0 and one.posted_at >= first.requested_at]
    return any(part.line in lines for one in back for part in one.shares)


def refund(floor: Floor, rma: str, source: Source, at: datetime) -> None:
    """Give back the goods of a return, as far as they have not been given back already."""
    returned = floor.books.returns_of_rma(rma)
    order = floor.order(returned[0].order)
    lines = {line.id: line for line in order.lines}
    shares = goods_back(floor, order, [(lines[one.line], one.quantity) for one in returned])
    if shares:
        move(floor, order, shares, Cause("Refund", source, "CustomerReturn"), at)


# Fulfilled by Amazon


def receive_fba(
    floor: Floor, order: Order, units: Mapping[str, int], at: datetime, disposition: str = "SELLABLE"
) -> tuple[FbaReturn, ...]:
    """Amazon receives the goods of its own order and refunds: only a report ever tells. Raises ValueError."""
    if not order.by_amazon:
        raise ValueError(f"{order.id} is fulfilled by the seller")
    made = []
    for sku, count in units.items():
        line = order.line_of_sku(sku)
        one = FbaReturn(
            id=f"LPN{floor.house.ids.letters('licence plate', 9)}",
            order=order.id,
            line=line.id,
            quantity=count,
            received_at=at,
            disposition=disposition,
            reason="UNWANTED_ITEM",
            status="Unit returned to inventory" if disposition == "SELLABLE" else "Reimbursed",
        )
        floor.books.fba_returns.append(one)
        made.append(one)
    shares = goods_back(floor, order, [(order.line_of_sku(sku), count) for sku, count in units.items()])
    if shares:
        move(floor, order, shares, Cause("Refund", Source.FBA, "CustomerReturn"), at)
    return tuple(made)


def reimburse(floor: Floor, order: Order, sku: str, per_unit: int, reason: str, at: datetime) -> Reimbursement:
    """Amazon pays the seller for goods it lost or damaged."""
    line = order.line_of_sku(sku)
    made = Reimbursement(
        id=floor.house.ids.numbered("reimbursement"),
        order=order.id,
        sku=sku,
        asin=line.asin,
        title=line.title,
        currency=order.currency,
        per_unit=per_unit,
        quantity=1,
        reason=reason,
        at=at,
    )
    floor.books.reimbursements.append(made)
    return made


SAFE_T_WINDOW = timedelta(days=30)


def file_safe_t(floor: Floor, rma: str, amount: str, reason: str, at: datetime) -> str:
    """A person asks to be reimbursed for a refund that Amazon gave. Raises ValueError when it is not possible."""
    returned = floor.books.returns_of_rma(rma)
    by_amazon = [
        one for one in floor.books.refunds_of(returned[0].order) if one.source in (Source.FIRST_SCAN, Source.AUTOMATIC)
    ]
    if not by_amazon:
        raise ValueError(f"Amazon has not refunded return {rma}: there is nothing to be reimbursed for")
    if any(one.state == "GRANTED" for one in floor.books.claims_of(returned[0].order)):
        raise ValueError(f"a claim on the order of return {rma} was granted: SAFE-T is closed")
    since = max([by_amazon[-1].posted_at, *(one.delivered_at for one in returned if one.delivered_at)])
    if at > since + SAFE_T_WINDOW:
        raise ValueError(f"more than {SAFE_T_WINDOW.days} days have passed since {since}")
    claim = f"{floor.house.ids.numbered('safe-t')}"
    facts = {"id": claim, "state": "Open", "time": at.strftime("%d-%b-%Y"), "amount": amount, "reason": reason}
    _change(floor, rma, lambda one: replace(one, safe_t=facts))
    return claim


def pay_safe_t(floor: Floor, rma: str, at: datetime) -> Movement:
    """Amazon reimburses the seller; the buyer keeps the refund. Raises ValueError when nothing was filed."""
    one = floor.books.returns_of_rma(rma)[0]
    if one.safe_t.get("state") != "Open":
        raise ValueError(f"no SAFE-T claim is open for return {rma}")
    order = floor.order(one.order)
    line = next(line for line in order.lines if line.id == one.line)
    _change(floor, rma, lambda held: replace(held, safe_t={**held.safe_t, "state": "Granted"}))
    charges = (("ReimbursedAmount", parse(one.safe_t["amount"], order.currency)),)
    cause = Cause("SAFETReimbursement", Source.SAFE_T, one.safe_t["id"])
    return move(floor, order, (share_of(floor, line, one.quantity, charges),), cause, at)
