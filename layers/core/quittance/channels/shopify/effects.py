"""What an act did: read from the answer of its own mutation, or looked for later among what Shopify shows.

Refuses to call an effect ours unless it is the only one that fits; a refund fits by return, units and amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from quittance.application.ports import Ambiguous, Applied, NotFound, Sighting, Unknown
from quittance.channels.shopify.acts import NOTE, note_of, quantities
from quittance.channels.shopify.fields import Node, child, count, flag, items, number, unreadable
from quittance.channels.shopify.reading import Whole
from quittance.channels.shopify.refunds import Seen, moved
from quittance.channels.shopify.returns import status_of
from quittance.domain.errors import Unavailable
from quittance.domain.intent import Act, Intent
from quittance.domain.observations import ChannelStatus, ReturnReading

_REFUNDS: Final = "refunds"
_STATUS: Final = "status"
_LINE: Final = "line:"
# A return that was closed since was approved before; nothing leads back to REQUESTED.
_DONE: Final[Mapping[Act, frozenset[ChannelStatus]]] = {
    Act.APPROVE_RETURN: frozenset({ChannelStatus.OPEN, ChannelStatus.CLOSED}),
    Act.DECLINE_RETURN: frozenset({ChannelStatus.DECLINED}),
    Act.CLOSE_RETURN: frozenset({ChannelStatus.CLOSED}),
    Act.CANCEL_RETURN: frozenset({ChannelStatus.CANCELLED}),
}


def return_of(whole: Whole, intent: Intent) -> ReturnReading:
    """The return that the intent is about; raises Unreadable when the order does not show it."""
    for reading in whole.reading.returns:
        if reading.id == intent.external:
            return reading
    raise unreadable("return", "is not among the returns of its order")


def snapshot(whole: Whole, intent: Intent) -> dict[str, str]:
    """What a later look compares with: the refunds there are, the status, and per line units, processed, refunded."""
    reading = return_of(whole, intent)
    known = {one.id for one in whole.reading.order.refunds} | reading.refunds
    lines = {f"{_LINE}{k}": f"{v.quantity}/{v.processed}/{v.refunded}" for k, v in reading.lines.items()}
    return {_REFUNDS: ",".join(sorted(known)), _STATUS: reading.status.value, **lines}


def is_done(reading: ReturnReading, intent: Intent) -> bool:
    """Say whether other hands have done it already; a refund never counts as done, it is found or differs."""
    if intent.act is Act.REMOVE_LINES:
        return all(line not in reading.lines for line, _ in quantities(intent))
    return reading.status in _DONE.get(intent.act, frozenset())


def of_answer(intent: Intent, payload: Node) -> Applied | Unknown:
    """What the payload of an accepted mutation shows; Unknown when it does not show the effect itself."""
    try:
        found = child(payload, "return")
        if number(found, "Return") != intent.external:
            return Unknown("another_return")
        if intent.act is Act.REFUND:
            return _new_refund(intent, found)
        if intent.act is Act.REMOVE_LINES:
            return _now_without(intent, found)
        is_done_now = status_of(found) in _DONE[intent.act]
        return Applied(intent.external) if is_done_now else Unknown("status_not_reached")
    except Unavailable:
        return Unknown("answer_unreadable")


def _new_refund(intent: Intent, found: Node) -> Applied | Unknown:
    refunds = child(found, "refunds")
    before = _known(intent)
    new = [node for node in items(refunds, "nodes") if number(node, "Refund") not in before]
    if flag(child(refunds, "pageInfo"), "hasNextPage") or len(new) != 1:
        return Unknown("refund_not_shown")
    money = moved(items(child(new[0], "transactions"), "nodes"), intent.currency, [])
    if money.asked not in (0, intent.total):
        return Unknown("amount_differs")
    return Applied(number(new[0], "Refund"), money.status)


def _now_without(intent: Intent, found: Node) -> Applied | Unknown:
    lines = child(found, "returnLineItems")
    if flag(child(lines, "pageInfo"), "hasNextPage"):
        return Unknown("lines_not_shown")
    left = {number(node, "ReturnLineItem"): count(node, "quantity") for node in items(lines, "nodes")}
    return Applied(intent.external) if _removed(intent, left) is True else Unknown("lines_not_removed")


def look(whole: Whole, intent: Intent, owned: frozenset[str]) -> Sighting:
    """Look for the effect of an intent in a reading; raises Unreadable when the return cannot be judged."""
    if intent.act is Act.REFUND:
        return _refund(whole, intent, owned)
    reading = return_of(whole, intent)
    if intent.act is Act.REMOVE_LINES:
        return _removal(reading, intent)
    if reading.status is ChannelStatus.UNRECOGNISED:
        raise unreadable("return.status", "is one that nobody knows")
    return Applied(intent.external) if reading.status in _DONE[intent.act] else NotFound()


def _refund(whole: Whole, intent: Intent, owned: frozenset[str]) -> Sighting:
    named = whole.refunds.get(intent.reference)
    if named is not None:
        return Applied(intent.reference, named.reading.status)
    of_return = return_of(whole, intent).refunds
    if of_return - whole.refunds.keys():
        raise unreadable("refunds", "of the return are not all among those of the order")
    before = _known(intent) | owned
    new = [
        seen
        for key, seen in whole.refunds.items()
        if key not in before and (seen.reading.return_id == intent.external or key in of_return)
    ]
    marked = [seen for seen in new if note_of(intent) in seen.note]
    return _only(marked or [seen for seen in new if NOTE not in seen.note], intent, is_marked=bool(marked))


def _only(candidates: list[Seen], intent: Intent, *, is_marked: bool) -> Sighting:
    """The one that fits. One that carries our mark but does not fit is a person's to judge, not absent."""
    fitting = [seen for seen in candidates if _fits(seen, intent)]
    if len(fitting) == 1 and not (is_marked and len(candidates) > 1):
        return Applied(fitting[0].reading.id, fitting[0].reading.status)
    unclear = candidates if is_marked else fitting
    return Ambiguous(tuple(sorted(seen.reading.id for seen in unclear))) if unclear else NotFound()


def _fits(seen: Seen, intent: Intent) -> bool:
    """Equal units of equal lines and an equal amount; transactions that are still to come speak neither way."""
    wanted: dict[str, int] = {}
    for line in intent.lines:
        wanted[line.order_line] = wanted.get(line.order_line, 0) + line.quantity
    units = {name: quantity for name, (quantity, _) in seen.reading.amounts.lines.items()}
    return units == wanted and seen.asked in (0, intent.total)


def _removal(reading: ReturnReading, intent: Intent) -> Sighting:
    removed = _removed(intent, {key: line.quantity for key, line in reading.lines.items()})
    if removed is None:
        return Ambiguous((intent.external,))
    return Applied(intent.external) if removed else NotFound()


def _removed(intent: Intent, left: Mapping[str, int]) -> bool | None:
    """Compare units with the snapshot: all removed, none, or None for neither and for a line it does not have."""
    before = {line: _before(intent, line) for line, _ in quantities(intent)}
    gone = [(before[line], left.get(line, 0), quantity) for line, quantity in quantities(intent)]
    if all(had == has + quantity for had, has, quantity in gone):
        return True
    return False if all(had == has for had, has, _ in gone) else None


def _before(intent: Intent, line: str) -> int | None:
    units = intent.attempt.snapshot.get(f"{_LINE}{line}", "").partition("/")[0]
    return int(units) if units.isdecimal() else None


def _known(intent: Intent) -> frozenset[str]:
    return frozenset(_split(intent.attempt.snapshot.get(_REFUNDS, "")))


def _split(listed: str) -> Iterable[str]:
    return (name for name in listed.split(",") if name)
