"""Obligations: which deadlines the state of a case calls for, and from which event each is counted.

Decides by state alone; what is no longer called for is met, so that nothing has to remember to disarm it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from quittance.domain.case import Case
from quittance.domain.deadline import Change, Wanted, reconcile
from quittance.domain.difference import Difference
from quittance.domain.draft import Draft
from quittance.domain.events import DeadlineArmed, DeadlineBreached, DeadlineMet, DeadlineMoved, Event
from quittance.domain.observations import ChannelStatus
from quittance.domain.parcel import Parcel, ParcelState
from quittance.domain.policy import Policy, Withdrawal
from quittance.domain.return_request import ReturnRequest, ReturnState
from quittance.domain.values import replace

LAW_REFUND = "law_refund"
ZERO_REFUND = "refund_refused:ZERO_REFUND"
# The law says "without undue delay" once the goods or the proof of sending arrive late; a day is the shop's reading.
WITHHELD_GRACE = timedelta(hours=24)
LAW_WARNINGS = (5 * 24 * 60, 48 * 60, 24 * 60)


def wanted(case: Case, policy: Policy) -> dict[str, Wanted]:
    """Return every deadline that the state calls for, by kind."""
    starts = _starts(case)
    found = {}
    for kind, since in starts.items():
        rule = policy.deadline(kind)
        if rule is not None:
            found[kind] = rule.wanted(since)
    if isinstance(case.body, ReturnRequest):
        law = _law_refund(case, case.body, policy)
        if law is not None:
            found[LAW_REFUND] = law
    return found


def _starts(case: Case) -> dict[str, datetime]:
    """The event from which each deadline counts; a difference has none, because operators hear of it at once."""
    if isinstance(case.body, Difference):
        return {}
    return _parcel_starts(case.body) if isinstance(case.body, Parcel) else dict(_return_starts(case, case.body))


def _parcel_starts(parcel: Parcel) -> dict[str, datetime]:
    return {"identify_parcel": parcel.arrived_at} if parcel.state is ParcelState.UNIDENTIFIED else {}


def is_owing(case: Case) -> bool:
    """Say whether money is owed or underway; units that come to nothing are owed no refund.

    Where the channel calls the return declined or cancelled nothing is owed any more.
    """
    body = case.body
    if not isinstance(body, ReturnRequest) or not body.is_paying:
        return False
    if body.state in (ReturnState.DECLINED, ReturnState.CANCELLED):
        return False
    return not (ZERO_REFUND in case.marks and not any(line.paying for line in body.lines.values()))


def _is_undecided(body: ReturnRequest) -> bool:
    return any(line.undecided for line in body.lines.values()) and not body.state.is_final


def _return_starts(case: Case, body: ReturnRequest) -> Iterator[tuple[str, datetime]]:
    undecided = _is_undecided(body)
    if body.state is ReturnState.REQUESTED:
        yield "decide_request", body.requested_at
    if body.status is ChannelStatus.OPEN and body.outstanding and body.authorised_at:
        yield "goods_outstanding", body.authorised_at
    if undecided and body.received_at:
        yield "decide_units", body.received_at
    if body.received_at and (undecided or is_owing(case)):
        yield "refund_received", body.received_at


def _law_refund(case: Case, body: ReturnRequest, policy: Policy) -> Wanted | None:
    """Pay within the law's days of the withdrawal; withheld at most until the goods or the proof of sending are there.

    Source: Directive 2011/83/EU article 13(1) and (3).
    """
    law = policy.withdrawal(body.country, body.delivered_at, body.requested_at)
    proof = None if law is None else _proof(body, law)
    if law is None or proof is None:
        return None
    sent = body.sent_at is not None and bool(body.outstanding) and not body.state.is_final
    if not (sent or is_owing(case) or _is_undecided(body)):
        return None
    legal = max(body.requested_at + timedelta(days=law.refund_days), proof + WITHHELD_GRACE)
    return Wanted(body.requested_at, legal, legal - timedelta(days=2), policy.law_rule(law), LAW_WARNINGS, 1)


def _proof(body: ReturnRequest, law: Withdrawal) -> datetime | None:
    """When the right to withhold ended: the first of the events that the law names, at once where it names none."""
    known = {"received": body.received_at, "sent": body.sent_at}
    ended = [at for event, at in known.items() if event in law.withhold_until and at is not None]
    return min(ended, default=None) if law.withhold_until else body.requested_at


def keep(draft: Draft, policy: Policy) -> Draft:
    """Bring the deadlines of the draft's case into line with its state, and say what changed.

    One that had passed before it was known is told as late in the same commit, and marks the case for a person.
    """
    after, changes = reconcile(draft.case.deadlines, wanted(draft.case, policy), draft.now)
    draft = draft.record(*(_told(change) for change in changes))
    for change in changes:
        if change.what == "late":
            draft = draft.marked(f"late:{change.kind}")
    return replace(draft, case=replace(draft.case, deadlines=after))


_CHANGES: dict[str, type[DeadlineArmed | DeadlineMoved | DeadlineMet]] = {
    "armed": DeadlineArmed,
    "moved": DeadlineMoved,
    "met": DeadlineMet,
}


def _told(change: Change) -> Event:
    if change.what == "late":
        return DeadlineBreached(change.kind, change.legal, change.skipped, late=True)
    return _CHANGES[change.what](change.kind, change.legal)
