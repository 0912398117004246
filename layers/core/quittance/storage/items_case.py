"""A case head as an item, and back; nothing of anybody's words is in it.

Refuses to keep what can be derived: the case's id is in its key, its next due time in its deadlines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final

from quittance.application.commit import Value
from quittance.domain.case import Case
from quittance.domain.deadline import Deadline
from quittance.domain.difference import Difference, DifferenceKind, Entry
from quittance.domain.ids import CaseId, IntentId, OrderId, ReceiptId
from quittance.domain.instant import from_text, to_text
from quittance.domain.intent import Act
from quittance.domain.observations import ChannelStatus, Condition, Receipt, ReceivedUnits
from quittance.domain.parcel import Parcel
from quittance.domain.policy import Versions
from quittance.domain.priority import CaseKind
from quittance.domain.return_request import ReturnLine, ReturnRequest
from quittance.storage import keys
from quittance.storage.engine import Item
from quittance.storage.items import SCHEMA, compact, milliseconds, read, read_once, span, unless, upgraded, written

# The short names of a line's counters in the item, by their field.
_COUNTERS: Final[Mapping[str, str]] = {
    "requested": "asked",
    "authorised": "auth",
    "received": "recv",
    "accepted": "acc",
    "rejected": "rej",
    "kept": "kept",
    "exchanged": "exch",
    "repaired": "rep",
    "paying": "paying",
    "paid": "paid",
    "adjustment": "adj",
    "foreign": "else",
}
_counted: Final[Callable[[ReturnLine], tuple[int, ...]]] = attrgetter(*_COUNTERS)
# Lane, next step, generation, rule, provisional and escalations of an ordinary deadline.
_SELDOM: Final[tuple[Any, ...]] = (2, 0, 1, None, False, None)

# Attributes that an item has only while there is something to say.
CASE_OPTIONAL: Final = frozenset(
    "store external order deadlines marks names tail tries due_pk due_sk desk_pk desk_sk".split()
)


def case_attributes(case: Case) -> dict[str, Value]:
    """The head's attributes, with its places in the indexes; present there only while armed and while open."""
    standing = case.standing
    due = case.due
    return {
        "v": SCHEMA,
        "version": case.version,
        "kind": case.kind.value,
        "channel": case.channel,
        "account": case.account,
        "opened": to_text(case.opened_at),
        "policy": [case.policy.law, case.policy.accounts, case.policy.channel],
        **_body_attributes(case.body),
        **unless(case.account, store=case.store),
        **compact(
            {
                "external": case.external,
                "order": case.order,
                "deadlines": {
                    kind: _deadline_list(each, _rule(case.channel, case.policy, kind))
                    for kind, each in case.deadlines.items()
                },
                "marks": sorted(case.marks),
                "names": [list(name) for name in sorted(case.names)],
                "tail": case.tail,
                "tries": case.due_tries,
            }
        ),
        **(keys.due(due[0], due[1], case.id) if due else {}),
        **(keys.desk(standing.queue, standing.rank, case.next_legal, case.id) if case.is_open else {}),
    }


@read_once
def case_of(item: Item) -> Case:
    """The case of a head item."""
    item = upgraded(keys.CASE.name, item)
    law, accounts, channel = item["policy"]
    policy = Versions(law, accounts, channel)
    order = item.get("order")
    raw = item.get("deadlines", {})
    return Case(
        id=CaseId(item["pk"].removeprefix("CASE#")),
        kind=CaseKind(item["kind"]),
        channel=item["channel"],
        account=item["account"],
        store=item.get("store", item["account"]),
        external=item.get("external", ""),
        opened_at=from_text(item["opened"]),
        policy=policy,
        body=_body(item),
        order=OrderId(order) if order else None,
        version=item["version"],
        deadlines={kind: _deadline(each, _rule(item["channel"], policy, kind)) for kind, each in raw.items()},
        marks=frozenset(item.get("marks", ())),
        names=frozenset((kind, value) for kind, value in item.get("names", ())),
        tail=item.get("tail", ""),
        due_tries=item.get("tries", 0),
    )


def _rule(channel: str, policy: Versions, kind: str) -> str:
    """What compile_policy calls the rule behind a deadline; it is written down only where it is another one."""
    return f"{channel}@{policy.channel}:deadline.{kind}"


def _deadline_list(deadline: Deadline, usual: str) -> list[Value]:
    """The legal instant, then what is seldom usual last, so that the end of the list can be left out."""
    rule = None if deadline.rule == usual else deadline.rule
    ahead = milliseconds(deadline.legal - deadline.working)
    escalate: Value = list(deadline.escalate) or None
    seldom: list[Value] = [deadline.lane, deadline.next, deadline.generation, rule, deadline.provisional, escalate]
    while seldom and seldom[-1] == _SELDOM[len(seldom) - 1]:
        seldom.pop()
    return [to_text(deadline.legal), ahead, list(deadline.warn), *seldom]


def _deadline(raw: list[Any], usual: str) -> Deadline:
    legal = from_text(raw[0])
    lane, step, generation, rule, provisional, escalate = (*raw[3:], *_SELDOM[len(raw) - 3 :])
    return Deadline(
        legal=legal,
        working=legal - span(raw[1]),
        rule=usual if rule is None else rule,
        warn=tuple(raw[2]),
        lane=lane,
        next=step,
        generation=generation,
        provisional=provisional,
        escalate=tuple(escalate or ()),
    )


def _body(item: Item) -> ReturnRequest | Parcel | Difference:
    if "parcel" in item:
        return _parcel(item["parcel"])
    return _difference(item["difference"]) if "difference" in item else _return(item["return"])


def _body_attributes(body: ReturnRequest | Parcel | Difference) -> dict[str, Value]:
    if isinstance(body, Difference):
        return {"difference": _difference_map(body)}
    if isinstance(body, Parcel):
        return {"parcel": _parcel_map(body)}
    return {"return": _return_map(body)}


def _return_map(body: ReturnRequest) -> dict[str, Value]:
    return {
        "status": body.status.value,
        "asked": to_text(body.requested_at),
        "as_of": to_text(body.as_of),
        **compact(
            {
                "lines": {key: _line_map(line) for key, line in body.lines.items()},
                "receipts": {str(key): digest for key, digest in body.receipts.items()},
                "open": {key: act.value for key, act in body.open_intents.items()},
                "country": body.country,
                "deliv": written(body.delivered_at),
                "auth": written(body.authorised_at),
                "sent": written(body.sent_at),
                "recv": written(body.received_at),
                "late": body.late_parcel,
            }
        ),
    }


def _return(raw: Mapping[str, Any]) -> ReturnRequest:
    return ReturnRequest(
        status=ChannelStatus(raw["status"]),
        requested_at=from_text(raw["asked"]),
        as_of=from_text(raw["as_of"]),
        lines={key: _line(line) for key, line in raw.get("lines", {}).items()},
        receipts={ReceiptId(key): digest for key, digest in raw.get("receipts", {}).items()},
        open_intents={IntentId(key): Act(act) for key, act in raw.get("open", {}).items()},
        country=raw.get("country", ""),
        delivered_at=read(raw.get("deliv")),
        authorised_at=read(raw.get("auth")),
        sent_at=read(raw.get("sent")),
        received_at=read(raw.get("recv")),
        late_parcel=raw.get("late", False),
    )


def _line_map(line: ReturnLine) -> dict[str, Value]:
    counters = zip(_COUNTERS.values(), _counted(line), strict=True)
    return compact({"line": line.order_line, "sku": line.sku, "why": line.reason, **dict(counters)})


def _line(raw: Mapping[str, Any]) -> ReturnLine:
    counters = {"requested": 0} | {name: raw[short] for name, short in _COUNTERS.items() if short in raw}
    return ReturnLine(order_line=raw.get("line", ""), sku=raw.get("sku", ""), reason=raw.get("why", ""), **counters)


def _parcel_map(parcel: Parcel) -> dict[str, Value]:
    """What is known of a parcel, without the words that came with it: those are kept with the person."""
    receipt = parcel.receipt
    return {
        "receipt": receipt.id,
        "received": to_text(receipt.received_at),
        "digest": receipt.digest,
        "arrived": to_text(parcel.arrived_at),
        **compact(
            {
                "units": [[u.sku, u.quantity, u.condition.value, u.photo] for u in receipt.units],
                "names": [list(name) for name in receipt.names],
                "target": parcel.target,
            }
        ),
    }


def _parcel(raw: Mapping[str, Any]) -> Parcel:
    units = (ReceivedUnits(sku, n, Condition(condition), photo) for sku, n, condition, photo in raw.get("units", ()))
    receipt = Receipt(
        id=ReceiptId(raw["receipt"]),
        received_at=from_text(raw["received"]),
        units=tuple(units),
        names=tuple((kind, value) for kind, value in raw.get("names", ())),
        digest=raw["digest"],
    )
    return Parcel(receipt, arrived_at=from_text(raw["arrived"]), target=raw.get("target", ""))


def _difference_map(difference: Difference) -> dict[str, Value]:
    return {
        "cur": difference.currency,
        "found": to_text(difference.found_at),
        "entries": [
            [e.kind.value, e.refund, e.intent, e.ours, e.theirs, [list(part) for part in e.payments]]
            for e in difference.entries
        ],
        **compact({"closed": difference.closed, "by": difference.by}),
    }


def _difference(raw: Mapping[str, Any]) -> Difference:
    entries = (
        Entry(DifferenceKind(kind), refund, intent, ours, theirs, tuple((p, mine, yours) for p, mine, yours in parts))
        for kind, refund, intent, ours, theirs, parts in raw["entries"]
    )
    found_at = from_text(raw["found"])
    return Difference(raw["cur"], tuple(entries), found_at, raw.get("closed", ""), raw.get("by", ""))
