"""A warehouse reports a parcel: its goods go to the return that its names lead to, or it waits as an unknown one.

Refuses to guess: a parcel whose names lead nowhere, or to two returns, is for a person.
"""

from __future__ import annotations

from datetime import timedelta

from quittance.application import drafting
from quittance.application.apply_observation import Applied
from quittance.application.commit import Alias, Changes, DeliveryKey, Scene, Text
from quittance.application.ports import Place, Ports
from quittance.domain import decide_return, obligations
from quittance.domain.case import Case
from quittance.domain.draft import Draft
from quittance.domain.errors import Conflict, Unavailable
from quittance.domain.events import CaseOpened
from quittance.domain.ids import CaseId, OrderId, case_of_channel
from quittance.domain.observations import Receipt
from quittance.domain.parcel import Parcel
from quittance.domain.priority import CaseKind
from quittance.domain.return_request import ReturnRequest
from quittance.domain.values import dataclass

EXACT_NAMES = ("rma", "tracking")
ORDER_NAME = "order"


@dataclass(frozen=True, slots=True)
class _Found:
    case: CaseId | None
    others: tuple[CaseId, ...] = ()


def receive_parcel(ports: Ports, place: Place, receipt: Receipt, deliveries: tuple[DeliveryKey, ...] = ()) -> Applied:
    """Record a receipt on the case it belongs to; the same report again changes nothing.

    Raises Unavailable when no policy is published or too many others write at once.
    """
    for _ in range(drafting.ATTEMPTS):
        found = _find(ports, place, receipt)
        try:
            if found.case is None:
                return _open_parcel(ports, place, receipt, deliveries)
            return _receive(ports, place, found.case, found.others, receipt, deliveries)
        except Conflict:
            ports.meter.count("CommitConflict", place.channel, "receipt")
    raise Unavailable(f"receipt {receipt.id} meets too many writers")


def _find(ports: Ports, place: Place, receipt: Receipt) -> _Found:
    """Exact names first, in the order RMA, tracking; then the order, if exactly one open return of it has the SKU."""
    names = dict(receipt.names)
    exact = [ports.table.find(place.channel, place.account, k, names[k]) for k in EXACT_NAMES if k in names]
    hits = list(dict.fromkeys(hit for hit in exact if hit is not None))
    if hits:
        return _Found(hits[0], tuple(hits[1:]))
    if ORDER_NAME in names:
        return _Found(_by_order(ports, place, OrderId(names[ORDER_NAME]), receipt))
    return _Found(None)


def _by_order(ports: Ports, place: Place, order: OrderId, receipt: Receipt) -> CaseId | None:
    skus = {found.sku for found in receipt.units}
    scene = ports.table.load_order(place.channel, place.account, order)
    fitting = [
        case.id
        for case in scene.cases.values()
        if isinstance(case.body, ReturnRequest)
        and not case.body.state.is_final
        and skus & {line.sku for line in case.body.lines.values()}
    ]
    return fitting[0] if len(fitting) == 1 else None


def _receive(
    ports: Ports,
    place: Place,
    case_id: CaseId,
    others: tuple[CaseId, ...],
    receipt: Receipt,
    deliveries: tuple[DeliveryKey, ...],
) -> Applied:
    scene = ports.table.load_scene(case_id)
    case = scene.cases[case_id]
    if isinstance(case.body, Parcel):
        return _again(ports, scene, case, receipt, deliveries)
    policy = ports.policies.at(case.policy, place.channel, case.store)
    draft = drafting.begin(scene, case.id, ports.table.control(place.account), ports.clock.now())
    draft = decide_return.receive(draft, receipt, policy)
    for other in others:
        draft = draft.marked(f"same_name:{other}")
    if draft.events:
        draft = decide_return.follow_up(drafting.allowed(ports, draft.named(_exact(receipt)), policy), policy)
    draft, words = drafting.seal(draft, ports.acts(place.channel), policy.terms.texts_days)
    aliases = _aliases(ports, place, draft.case)
    texts = (*words, *(_texts(draft, receipt, policy.terms.texts_days) if draft.events else ()))
    extra = Changes(draft.now, aliases=aliases, texts=texts)
    return _commit(ports, scene, draft, deliveries, extra)


def _exact(receipt: Receipt) -> list[tuple[str, str]]:
    return [(kind, name) for kind, name in receipt.names if kind in EXACT_NAMES]


def _again(ports: Ports, scene: Scene, case: Case, receipt: Receipt, deliveries: tuple[DeliveryKey, ...]) -> Applied:
    """A parcel that waits unknown is reported once more: the same report changes nothing, another marks it."""
    draft = drafting.begin(scene, case.id, ports.table.control(case.account), ports.clock.now())
    known = case.body.receipt if isinstance(case.body, Parcel) else receipt
    if known.digest != receipt.digest:
        draft = draft.marked("receipt_contradicted" if known.id == receipt.id else "second_parcel_same_name")
    return _commit(ports, scene, draft, deliveries)


def _open_parcel(ports: Ports, place: Place, receipt: Receipt, deliveries: tuple[DeliveryKey, ...]) -> Applied:
    case_id = case_of_channel(place.channel, place.account, CaseKind.PARCEL, receipt.id)
    scene = ports.table.load_scene(case_id)
    if case_id in scene.cases:
        return _again(ports, scene, scene.cases[case_id], receipt, deliveries)
    policy = ports.policies.current(place.channel, place.store)
    now = ports.clock.now()
    case = Case(
        id=case_id,
        kind=CaseKind.PARCEL,
        channel=place.channel,
        account=place.account,
        store=place.store,
        external=receipt.id,
        opened_at=now,
        policy=policy.versions,
        body=Parcel(receipt, receipt.received_at),
        names=frozenset(_exact(receipt)),
    )
    draft = Draft(case, None, {}, ports.table.control(place.account), now).record(CaseOpened(case))
    draft = obligations.keep(draft.marked("unknown_parcel"), policy)
    extra = Changes(now, aliases=_aliases(ports, place, case), texts=_texts(draft, receipt, policy.terms.texts_days))
    return _commit(ports, Scene(), draft, deliveries, extra)


def _aliases(ports: Ports, place: Place, case: Case) -> tuple[Alias, ...]:
    new: list[Alias] = []
    for kind, name in sorted(case.names):
        if ports.table.find(place.channel, place.account, kind, name) is None:
            new.append(Alias(place.channel, place.account, kind, name, case.id))
    return tuple(new)


def _texts(draft: Draft, receipt: Receipt, days: int) -> tuple[Text, ...]:
    """The warehouse's note and its links to photos, kept with what is personal."""
    expires = draft.now + timedelta(days=days)
    words = dict(receipt.texts) | {drafting.reference_of(u.photo): u.photo for u in receipt.units if u.photo}
    return tuple(Text(draft.case.id, reference, text, expires) for reference, text in words.items())


def _commit(
    ports: Ports, scene: Scene, draft: Draft, deliveries: tuple[DeliveryKey, ...], extra: Changes | None = None
) -> Applied:
    is_written = drafting.commit(ports, scene, [draft], deliveries, extra)
    return Applied.COMMITTED if is_written else Applied.UNCHANGED
