"""What a person or a program is shown of a case: its state, the rules that apply, its deadlines and its intents.

Decides nothing; what it returns is plain JSON without anybody's words or name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from quittance.application.commit import Scene
from quittance.application.ports import Acts, Ports
from quittance.domain import refund
from quittance.domain.account import Control
from quittance.domain.bounds import Bounds, Owner
from quittance.domain.case import Case
from quittance.domain.completeness import missing
from quittance.domain.difference import Difference
from quittance.domain.draft import Draft
from quittance.domain.errors import Rejected
from quittance.domain.events import Resolution
from quittance.domain.ids import CaseId
from quittance.domain.instant import to_text
from quittance.domain.intent import Act, Intent
from quittance.domain.money import Money
from quittance.domain.policy import Policy
from quittance.domain.return_request import ALLOWED, ReturnRequest, ReturnVerb


def show_case(ports: Ports, case_id: CaseId) -> dict[str, Any]:
    """One case whole; raises Rejected(UNKNOWN_CASE)."""
    scene = ports.table.load_scene(case_id)
    case = scene.cases.get(case_id)
    if case is None:
        raise Rejected("UNKNOWN_CASE", "case", "no case has this id")
    policy = ports.policies.at(case.policy, case.channel, case.store)
    allowed = _allowed(case, policy, ports.acts(case.channel))
    shown = {**summary(case), "rules": rules(policy), "allowed": allowed, **_body(case), **_money(scene, case)}
    return {**shown, "owners": _owners(policy), **_owed_elsewhere(scene, case, policy, ports.clock.now())}


def summary(case: Case) -> dict[str, Any]:
    """A line of a list: what it is, where it stands, what is due next."""
    legal = case.next_legal
    return {
        "case": case.id,
        "kind": case.kind.value,
        "channel": case.channel,
        "account": case.account,
        "store": case.store,
        "order": case.order,
        "external": case.external,
        "version": case.version,
        "state": case.state,
        "risk": case.standing.risk.value,
        "objective": case.standing.objective.value,
        "queue": case.standing.queue,
        "marks": sorted(case.marks),
        "next_legal": to_text(legal) if legal else None,
    }


def rules(policy: Policy) -> dict[str, Any]:
    """The rules that apply, with the versions they come from, and whether they may be bent."""
    terms, versions = policy.terms, policy.versions
    return {
        "standing": "LOCKED" if terms.locked else "NEGOTIABLE",
        "versions": {"law": versions.law, "accounts": versions.accounts, terms.channel: versions.channel},
        "window_days": terms.window_days,
        "decided_by": terms.decided_by.value,
        "refund_when": terms.refund_when.value,
        "refund_gate": terms.refund_gate.value,
        "refund_alone_up_to": str(terms.refund_alone_up_to),
        **_bounds(policy.bounds),
        "restocking_fee_percent": terms.fee_percent,
        "close_reasons": sorted(terms.close_reasons),
        "law": [{"rule": law.rule, "days": law.days, "source": law.source} for law in policy.withdrawals],
    }


def _bounds(bounds: Bounds) -> dict[str, Any]:
    velocity = bounds.velocity
    return {
        "daily_budget": {code: str(Money(minor, code)) for code, minor in sorted(bounds.daily.items())},
        "velocity": {"refunds": velocity.refunds, "days": velocity.days} if velocity else None,
    }


def _owners(policy: Policy) -> dict[str, str]:
    """Who carries out the acts that are not ours."""
    return {act.value: owner.value for act, owner in sorted(policy.bounds.owners.items())
            if owner is not Owner.QUITTANCE}  # fmt: skip


def _owed_elsewhere(scene: Scene, case: Case, policy: Policy, now: datetime) -> dict[str, Any]:
    """What is owed now by other hands, as Quittance would pay it; nothing where refunds are ours."""
    if policy.bounds.is_ours(Act.REFUND) or scene.order is None or not isinstance(case.body, ReturnRequest):
        return {}
    try:
        quoted = refund.quote(Draft(case, scene.order, scene.intents, Control(), now), policy)
    except Rejected as refusal:
        return {"owed_elsewhere": {"refused": refusal.code}}
    if quoted is None:
        return {}
    units = {line.return_line: line.quantity for line in quoted.lines}
    return {"owed_elsewhere": {"total": quoted.components.total, "currency": quoted.currency, "units": units}}


_TOLD: Mapping[ReturnVerb, Act] = {
    ReturnVerb.AUTHORISE: Act.APPROVE_RETURN,
    ReturnVerb.DECLINE: Act.DECLINE_RETURN,
    ReturnVerb.REMOVE: Act.REMOVE_LINES,
    ReturnVerb.CANCEL: Act.CANCEL_RETURN,
    ReturnVerb.CLOSE: Act.CLOSE_RETURN,
}


def _allowed(case: Case, policy: Policy, acts: Acts) -> list[str]:
    """What may be done now: by the state of the case, the resolutions of its policy, the abilities of its channel."""
    if not isinstance(case.body, ReturnRequest):
        verb = "close_difference" if isinstance(case.body, Difference) else "identify"
        return [] if case.body.state.is_final else [verb]
    verbs = ALLOWED[case.body.state]
    missing = {verb for verb, act in _TOLD.items() if verb in verbs and acts.guard(act) is None}
    missing |= {ReturnVerb(each.value) for each in Resolution if each.value not in policy.terms.resolutions}
    return sorted(verb.value for verb in verbs - missing)


def _body(case: Case) -> dict[str, Any]:
    deadlines = {
        kind: {"legal": to_text(d.legal), "working": to_text(d.working), "rule": d.rule, "provisional": d.provisional}
        for kind, d in sorted(case.deadlines.items())
    }
    if isinstance(case.body, Difference):
        return {"deadlines": deadlines, "difference": _difference(case.body)}
    if not isinstance(case.body, ReturnRequest):
        return {"deadlines": deadlines}
    lines = {
        line_id: {
            "sku": line.sku,
            "reason": line.reason,
            "requested": line.requested,
            "authorised": line.authorised,
            "received": line.received,
            "accepted": line.accepted,
            "rejected": line.rejected,
            "kept": line.kept,
            "exchanged": line.exchanged,
            "repaired": line.repaired,
            "outstanding": line.outstanding,
            "refunding": line.paying,
            "refunded": line.paid,
        }
        for line_id, line in sorted(case.body.lines.items())
    }
    return {"deadlines": deadlines, "lines": lines}


def _difference(difference: Difference) -> dict[str, Any]:
    """The figure, and each refund that differs, per payment."""
    entries = [
        {
            "kind": entry.kind.value,
            "refund": entry.refund,
            "intent": entry.intent,
            "ours": entry.ours,
            "theirs": entry.theirs,
            "payments": {payment: {"ours": ours, "theirs": theirs} for payment, ours, theirs in entry.payments},
        }
        for entry in difference.entries
    ]
    return {
        "currency": difference.currency,
        "ours": difference.ours,
        "theirs": difference.theirs,
        "found_at": to_text(difference.found_at),
        "closed": difference.closed,
        "entries": entries,
    }


def _money(scene: Scene, case: Case) -> dict[str, Any]:
    intents = [_intent(i) for i in scene.intents.values() if i.case == case.id]
    shown: dict[str, Any] = {"intents": sorted(intents, key=lambda line: (line["created_at"], line["intent"]))}
    if scene.order is not None:
        ledger = scene.order.ledger
        shown["currency"] = scene.order.currency
        shown["available"] = {payment: ledger.available(payment) for payment in sorted(ledger.payments)}
        shown["deficit"] = ledger.deficit
        shown["disputes"] = sorted(scene.order.disputes)
        shown["overridden"] = sorted(scene.order.overridden)
        shown["fulfilled_by"] = scene.order.fulfilled_by.value
    return shown


def _intent(intent: Intent) -> Mapping[str, Any]:
    return {
        "intent": intent.id,
        "act": intent.act.value,
        "state": intent.state.value,
        "total": intent.total,
        "currency": intent.currency,
        "units": intent.quantities(),
        "rule": intent.rule,
        "reason": intent.reason,
        "requested_by": intent.requested_by,
        "approved_by": intent.approved_by,
        "created_at": to_text(intent.created_at),
        "why": intent.why,
        "reference": intent.reference,
        "sends": intent.attempt.sends,
        "missing": list(missing(intent)),
    }
