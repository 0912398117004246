"""An intent as an item, and back; its state stands at the top, where the stream's filter reads it.

Refuses to wake an intent that has ended: it has no due key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from quittance.application.commit import Key, Value
from quittance.domain.ids import CaseId, IntentId, OrderId
from quittance.domain.instant import from_text, to_text
from quittance.domain.intent import Act, Attempt, Components, Intent, IntentLine, IntentState
from quittance.storage import keys
from quittance.storage.engine import Item
from quittance.storage.items import SCHEMA, compact, due_of_item, read, read_once, unless, upgraded, written

# Attributes that an item has only while there is something to say.
INTENT_OPTIONAL: Final = frozenset(
    "lane store external by reason rule lines goods ship fee adj pay text key body approved epoch try batch ref because"
    " due_pk due_sk".split()
)


def intent_key(intent: Intent) -> Key:
    """Where the intent stands."""
    return keys.intent(intent.channel, intent.account, intent.order, intent.id)


def intent_attributes(intent: Intent) -> dict[str, Value]:
    """The intent's attributes; money in minor units of `cur`, lines as [return line, order line, quantity, minor]."""
    parts = intent.components
    is_armed = intent.due is not None and not intent.has_ended
    return {
        "v": SCHEMA,
        "version": intent.version,
        "fence": intent.attempt.fence,
        "state": intent.state.value,
        "act": intent.act.value,
        "case": intent.case,
        "cur": intent.currency,
        "created": to_text(intent.created_at),
        **unless(1, lane=intent.lane),
        **compact(
            {
                "store": intent.store,
                "external": intent.external,
                "by": intent.requested_by,
                "reason": intent.reason,
                "rule": intent.rule,
                "lines": [[part.return_line, part.order_line, part.quantity, part.minor] for part in intent.lines],
                "goods": parts.goods,
                "ship": parts.shipping,
                "fee": parts.fee,
                "adj": parts.adjustment,
                "pay": dict(intent.payments),
                "text": intent.text,
                "key": intent.key,
                "body": intent.body_sha256,
                "approved": intent.approved_by,
                "epoch": intent.epoch,
                "try": _attempt_map(intent.attempt),
                "batch": intent.batch,
                "ref": intent.reference,
                "because": intent.why,
            }
        ),
        **(keys.due(intent.lane, intent.due, intent.id) if is_armed and intent.due is not None else {}),
    }


@read_once
def intent_of(item: Item) -> Intent:
    """The intent of an item."""
    item = upgraded(keys.INTENT.name, item)
    parts = keys.INTENT.parts(Key(item["pk"], item["sk"])) or {}
    return Intent(
        id=IntentId(parts["intent"]),
        case=CaseId(item["case"]),
        channel=parts["channel"],
        account=parts["account"],
        store=item.get("store", ""),
        order=OrderId(parts["order"]),
        external=item.get("external", ""),
        act=Act(item["act"]),
        state=IntentState(item["state"]),
        currency=item["cur"],
        created_at=from_text(item["created"]),
        requested_by=item.get("by", ""),
        reason=item.get("reason", ""),
        rule=item.get("rule", ""),
        lane=item.get("lane", 1),
        lines=tuple(IntentLine(*line) for line in item.get("lines", ())),
        components=Components(item.get("goods", 0), item.get("ship", 0), item.get("fee", 0), item.get("adj", 0)),
        payments=dict(item.get("pay", {})),
        text=item.get("text", ""),
        key=item.get("key", ""),
        body_sha256=item.get("body", ""),
        approved_by=item.get("approved", ""),
        epoch=item.get("epoch", 0),
        version=item["version"],
        due=due_of_item(item),
        attempt=_attempt(item["fence"], item.get("try", {})),
        batch=item.get("batch", 0),
        reference=item.get("ref", ""),
        why=item.get("because", ""),
    )


def _attempt_map(attempt: Attempt) -> dict[str, Value]:
    return compact(
        {
            "lease": written(attempt.lease_until),
            "first": written(attempt.first_sent_at),
            "last": written(attempt.last_sent_at),
            "sends": attempt.sends,
            "looks": attempt.looks,
            "absent": written(attempt.absent_at),
            "seen": dict(attempt.snapshot),
            "restored": attempt.restored,
            "before": list(attempt.before),
        }
    )


def _attempt(fence: int, raw: Mapping[str, Any]) -> Attempt:
    return Attempt(
        fence=fence,
        lease_until=read(raw.get("lease")),
        first_sent_at=read(raw.get("first")),
        last_sent_at=read(raw.get("last")),
        sends=raw.get("sends", 0),
        looks=raw.get("looks", 0),
        absent_at=read(raw.get("absent")),
        snapshot=dict(raw.get("seen", {})),
        restored=raw.get("restored", ""),
        before=tuple(raw.get("before", ())),
    )
