"""A reading of an order laid beside its ledger: what nobody can explain becomes a case with the figure.

Refuses to open one difference twice, and to open again what a person has answered for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from quittance.application.commit import Scene
from quittance.application.ports import Place, Ports
from quittance.domain import order as orders
from quittance.domain.case import Case
from quittance.domain.difference import JUDGE_AFTER, Comparison, Difference, Entry, compare
from quittance.domain.draft import Draft
from quittance.domain.events import CaseOpened, DifferenceClosed, DifferenceFound
from quittance.domain.ids import case_of_order
from quittance.domain.observations import OrderReading
from quittance.domain.order import Order
from quittance.domain.priority import CaseKind
from quittance.domain.values import dataclass, replace

EQUAL = "equal"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a comparison came to: the order as decisions may see it, what differs, and the case that says so."""

    order: Order
    entries: tuple[Entry, ...] = ()
    is_whole: bool = False
    known: Case | None = None


def judge(scene: Scene, order: Order, reading: OrderReading) -> Judged:
    """Compare a whole reading with the books; one that is older than the ledger's own says nothing.

    The order that comes back is frozen while its books differ and is not any more once they are equal, and carries the
    next time at which they are compared.
    """
    if order.version and reading.as_of < order.as_of:
        return Judged(order)
    found = compare(orders.read(order, reading), scene.intents, reading, order.as_of)
    answered = set(_answered(scene))
    entries = tuple(entry for entry in found.entries if entry not in answered)
    known = next((case for case in scene.cases.values() if case.kind is CaseKind.DIFFERENCE and case.is_open), None)
    is_settled = found.is_whole and not entries
    frozen = _frozen(order.frozen, differs=bool(entries), is_settled=is_settled)
    due = _due(order.due, reading.as_of, found, differs=bool(entries), is_known=known is not None)
    return Judged(replace(order, frozen=frozen, due=due), entries, found.is_whole, known)


def _answered(scene: Scene) -> Iterator[Entry]:
    for case in scene.cases.values():
        if isinstance(case.body, Difference) and case.body.closed not in ("", EQUAL):
            yield from case.body.entries


def _frozen(frozen: str, *, differs: bool, is_settled: bool) -> str:
    if frozen == orders.NOT_READ_SINCE_RESTORE:
        frozen = ""
    if differs:
        return frozen or orders.BOOKS_DIFFER
    return "" if is_settled and frozen == orders.BOOKS_DIFFER else frozen


def _due(due: datetime | None, as_of: datetime, found: Comparison, *, differs: bool, is_known: bool) -> datetime | None:
    """When to compare again: daily while the books differ, soon where something was too young, else not at all."""
    is_over = due is None or due <= as_of
    if differs:
        return as_of + orders.COMPARE_AFTER if is_over else due
    if not found.is_whole:
        return as_of + JUDGE_AFTER if is_over else due
    return None if is_over or is_known else due


def told(ports: Ports, place: Place, judged: Judged, last: Draft) -> Draft | None:
    """The draft that opens, changes or closes the difference case, after the last one of the order; None for no news.

    Raises NoPolicy when a case has to be opened and nothing is published.
    """
    known, entries = judged.known, judged.entries
    if known is None:
        return _opened(ports, place, judged, last) if entries else None
    draft = replace(last, case=known, events=())
    if entries and isinstance(known.body, Difference) and known.body.entries != entries:
        return draft.record(DifferenceFound(last.ordered.currency, entries))
    if not entries and judged.is_whole:
        return draft.record(DifferenceClosed("rule", EQUAL))
    return None


def _opened(ports: Ports, place: Place, judged: Judged, last: Draft) -> Draft:
    order = last.ordered
    kind = CaseKind.DIFFERENCE
    ordinal = order.ordinals.get(kind.value, 0) + 1
    case = Case(
        id=case_of_order(place.channel, place.account, order.id, kind.value, ordinal),
        kind=kind,
        channel=place.channel,
        account=place.account,
        store=order.store,
        external=order.id,
        opened_at=last.now,
        policy=ports.policies.current(place.channel, order.store).versions,
        body=Difference(order.currency, judged.entries, last.now),
        order=order.id,
    )
    linked = replace(order, cases=order.cases | {case.id}, ordinals={**order.ordinals, kind.value: ordinal})
    draft = replace(last, case=case, order=linked, events=())
    return draft.record(CaseOpened(case), DifferenceFound(order.currency, judged.entries))
