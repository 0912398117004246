"""Completeness: what an executed refund has to carry so that an audit needs nobody's memory.

Decides nothing about a refund; it names what is missing, and nothing may be.
"""

from __future__ import annotations

from quittance.domain.intent import Intent, IntentState

EXECUTED = frozenset({IntentState.SETTLED, IntentState.REVERSED})


def is_executed(intent: Intent) -> bool:
    """Say whether the intent is a refund that the channel has shown as done."""
    return intent.act.is_money and intent.state in EXECUTED


def missing(intent: Intent) -> tuple[str, ...]:
    """Name what an executed refund lacks: reason, rule, lines with quantities, amounts that add up, people, proof.

    Empty for a complete one and for every other intent. Of two people where a second had to agree, both are wanted.
    """
    if not is_executed(intent):
        return ()
    goods = sum(line.minor for line in intent.lines)
    wanted = {
        "reason": bool(intent.reason),
        "rule": bool(intent.rule),
        "lines": bool(intent.lines) and goods == intent.components.goods,
        "quantities": all(line.quantity > 0 for line in intent.lines),
        "payments": sum(intent.payments.values()) == intent.total > 0,
        "requested_by": bool(intent.requested_by),
        "approved_by": intent.approved_by != intent.requested_by,
        "reference": bool(intent.reference),
    }
    return tuple(name for name, is_there in wanted.items() if not is_there)
