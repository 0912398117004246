"""orderCancel: accepted at once, done by a job later.

Empty user errors mean "queued"; only the order's `cancelledAt` says that it happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.shopify import records as r
from sandbox.shopify.books import Books, refuse
from sandbox.shopify.refunds import Payout, RefundPlan, carry_out
from sandbox.shopify.suggestion import Wanted, all_refundable, shipping_left, split, suggest

_STAFF_NOTE = 255


def cancel_order(books: Books, given: Mapping[str, Any], after: timedelta = timedelta(0)) -> r.CancelJob:
    """Queue the cancellation; raises Refused with the recorded messages."""
    order = _check(books, given)
    method = given.get("refundMethod") or {}
    credit = method.get("storeCreditRefund")
    to_cards = given.get("refund") or method.get("originalPaymentMethodsRefund")
    job = r.CancelJob(
        id=f"gid://shopify/Job/{books.ids.uuid('Job')}",
        result_id=f"gid://shopify/OrderCancelJobResult/{books.ids.uuid('OrderCancelJobResult')}",
        order=order.id,
        due=books.clock() + after,
        reason=given["reason"],
        refund="store_credit" if credit is not None else ("original" if to_cards else None),
        restock=given["restock"],
        staff_note=given.get("staffNote"),
        credit_expires=(credit or {}).get("expiresAt"),
    )
    books.jobs[job.id] = job
    return job


def _check(books: Books, given: Mapping[str, Any]) -> r.Order:
    order = books.orders.get(given["orderId"])
    if order is None:
        raise refuse(("orderId",), "Order does not exist", "NOT_FOUND")
    if len(given.get("staffNote") or "") > _STAFF_NOTE:
        text = f"Staff note is too long. Maximum length is {_STAFF_NOTE} characters."
        raise refuse(("staffNote",), text, "INVALID")
    if given.get("refund") is not None and given.get("refundMethod") is not None:
        text = "Only one of the arguments `refund` or `refund_method` is allowed."
        raise refuse(("refund",), text, "INVALID")
    if order.cancelled_at is not None:
        raise refuse(("orderId",), "Cannot cancel an order that has already been canceled", "INVALID")
    return order


def _obstacle(books: Books, order: r.Order) -> str | None:
    """Why the job fails. The mutation itself was recorded to accept an order with an active return and parcels."""
    if order.cancelled_at is not None:
        return "Cannot cancel an order that has already been canceled"
    if any(item.status in ("REQUESTED", "OPEN") and item.lines for item in books.returns_of(order.id)):
        return "Cannot cancel an order with an active return"
    if books.fulfillments_of(order.id):
        return "Cannot cancel an order with fulfillments that can't be canceled"
    return None


def run_due(books: Books, now: datetime) -> None:
    """Carry out the queued cancellations whose time has come."""
    for job in list(books.jobs.values()):
        if job.status == "STARTED" and job.due <= now:
            _run(books, job)


def _run(books: Books, job: r.CancelJob) -> None:
    order = books.orders[job.order]
    obstacle = _obstacle(books, order)
    if obstacle is not None:
        books.jobs[job.id] = replace(job, status="FAILED", failure=obstacle)
        return
    now = books.clock()
    restock = "CANCEL" if job.restock else "NO_RESTOCK"
    wanted = [Wanted(entry.line, entry.quantity, restock) for entry in all_refundable(books, order)]
    plan = _refund_plan(books, order, job, wanted)
    books.orders[order.id] = replace(order, cancelled_at=now, closed_at=now, cancel_reason=job.reason)
    if plan is not None:
        carry_out(books, plan)
    else:
        books.touch(order.id)
    books.announce("orders/cancelled", order.id)
    books.jobs[job.id] = replace(job, status="SUCCEEDED")


def _refund_plan(books: Books, order: r.Order, job: r.CancelJob, wanted: list[Wanted]) -> RefundPlan | None:
    """The cancelled lines become a refund even when no money moves; money moves only if the caller asked for it."""
    net = books.net_payment(order.id)
    paying = job.refund is not None and net > 0
    if not wanted and not paying:
        return None
    shipping = shipping_left(books, order) if paying else 0
    payouts: tuple[Payout, ...] = ()
    if paying and job.refund == "store_credit":
        payouts = (Payout(None, net, job.credit_expires),)
    elif paying:
        payouts = tuple(Payout(part.payment, part.amount) for part in split(books, order.id, net))
    return RefundPlan(order=order, suggestion=suggest(books, order, wanted, shipping), payouts=payouts)
