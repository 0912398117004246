"""A hint becomes observations: load, then read the channel, then decide, then commit on what was loaded.

Refuses to open a case for a return that is over, and to write anything for an order that shows none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from quittance.application import drafting
from quittance.application.commit import Alias, Changes, DeliveryKey, Scene, Text, order_change
from quittance.application.compare_books import judge, told
from quittance.application.identify_parcel import identify_in
from quittance.application.ports import Hint, Place, Ports, Reading
from quittance.domain import decide_return
from quittance.domain import order as orders
from quittance.domain.account import Control
from quittance.domain.allowance import Allowance
from quittance.domain.case import Case
from quittance.domain.draft import Draft
from quittance.domain.errors import Conflict, Unavailable
from quittance.domain.events import CaseOpened, DifferenceFound
from quittance.domain.ids import CaseId, IntentId, OrderId, case_of_channel
from quittance.domain.intent import Intent, IntentState
from quittance.domain.ledger import UNATTRIBUTED
from quittance.domain.observations import ChannelStatus, ReturnReading
from quittance.domain.order import Order
from quittance.domain.parcel import Parcel
from quittance.domain.policy import Policy
from quittance.domain.priority import CaseKind
from quittance.domain.return_request import ReturnRequest
from quittance.domain.values import dataclass, replace

HEADS_PER_COMMIT = 10


class Applied(StrEnum):
    """What a hint came to."""

    COMMITTED = "committed"
    UNCHANGED = "unchanged"
    IRRELEVANT = "irrelevant"
    UNKNOWN_ORDER = "unknown_order"


@dataclass(frozen=True, slots=True)
class _Decided:
    drafts: tuple[Draft, ...]
    aliases: tuple[Alias, ...]
    texts: tuple[Text, ...]
    scene: Scene
    order: Order


def apply_observation(ports: Ports, place: Place, hint: Hint, deliveries: tuple[DeliveryKey, ...] = ()) -> Applied:
    """Bring the cases of one order into line with the channel; all `deliveries` point to that order.

    Raises Unavailable when the channel cannot be read, no policy is published, or too many others write at once.
    """
    order_id = hint.order or _order_of(ports, place, hint.return_id)
    if order_id is None:
        return Applied.UNKNOWN_ORDER
    for _ in range(drafting.ATTEMPTS):
        scene = ports.table.load_order(place.channel, place.account, order_id)
        if hint.only_known and not scene.cases:
            return Applied.IRRELEVANT
        reading = ports.channel(place.channel).read(place.account, order_id, ports.clock.now())
        if reading is None:
            return Applied.UNKNOWN_ORDER
        try:
            return _decide_and_commit(ports, place, scene, reading, deliveries)
        except Conflict:
            ports.meter.count("CommitConflict", place.channel, "observation")
    raise Unavailable(f"order {order_id} is written by too many at once")


def _order_of(ports: Ports, place: Place, return_id: str) -> OrderId | None:
    known = ports.table.load_case(case_of_channel(place.channel, place.account, CaseKind.RETURN, return_id))
    if known is not None and known.order is not None:
        return known.order
    return ports.channel(place.channel).order_of(place.account, return_id)


def _decide_and_commit(
    ports: Ports, place: Place, scene: Scene, reading: Reading, deliveries: tuple[DeliveryKey, ...]
) -> Applied:
    """Commit at most ten heads at a time; the deliveries are done with the last."""
    wanted = _wanted(place, scene, reading)
    if not wanted and scene.order is None and not reading.order.refunds:
        return Applied.IRRELEVANT
    parts = [wanted[i : i + HEADS_PER_COMMIT] for i in range(0, len(wanted), HEADS_PER_COMMIT)] or [()]
    outcome = Applied.UNCHANGED
    for index, part in enumerate(parts):
        if index:
            scene = ports.table.load_order(place.channel, place.account, reading.order.id)
        decided = _decide(ports, place, scene, reading, part)
        done = deliveries if index == len(parts) - 1 else ()
        if _commit(ports, decided, done):
            outcome = Applied.COMMITTED
    return outcome


def _commit(ports: Ports, decided: _Decided, deliveries: tuple[DeliveryKey, ...]) -> bool:
    """Commit what was decided; an order without a case has a ledger for its foreign refunds, and nobody to tell."""
    now, scene = ports.clock.now(), decided.scene
    if not decided.drafts:
        change = order_change(scene.order, decided.order)
        if change is not None:
            ports.table.commit(Changes(now, order=change, deliveries=deliveries))
        return change is not None
    extra = Changes(now, aliases=decided.aliases, texts=decided.texts)
    is_written = drafting.commit(ports, scene, decided.drafts, deliveries, extra)
    if is_written and any(isinstance(event, DifferenceFound) for draft in decided.drafts for event in draft.events):
        ports.meter.count("BooksDiffer", decided.order.channel, "found")
    return is_written


def _wanted(place: Place, scene: Scene, reading: Reading) -> Sequence[ReturnReading]:
    """The returns that have a case or deserve one; one that is over when first seen does not."""
    open_now = (ChannelStatus.REQUESTED, ChannelStatus.OPEN, ChannelStatus.UNRECOGNISED)
    return tuple(r for r in reading.returns if _case_id(place, r) in scene.cases or r.status in open_now)


def _case_id(place: Place, reading: ReturnReading) -> CaseId:
    return case_of_channel(place.channel, place.account, CaseKind.RETURN, reading.id)


def _decide(ports: Ports, place: Place, scene: Scene, reading: Reading, returns: Sequence[ReturnReading]) -> _Decided:
    order = scene.order or orders.opened(reading.order, place.channel, place.account, place.store)
    judged = judge(scene, order, reading.order)
    blank = _Stage(judged.order, scene.intents, ports.table.control(place.account), ports.clock.now())
    drafts: list[Draft] = []
    aliases: list[Alias] = []
    texts: list[Text] = []
    for seen in returns or _order_alone(scene):
        policy, draft = _opened(ports, place, scene, seen, blank)
        draft = _read(draft, reading, seen, is_first=not drafts)
        named = _names(ports, scene, draft)
        scene = named.scene
        draft = decide_return.follow_up(drafting.allowed(ports, named.draft, policy), policy)
        draft, words = drafting.seal(draft, ports.acts(place.channel), policy.terms.texts_days)
        draft = replace(draft, intents=_woken(draft))
        drafts += [*named.closed, draft]
        aliases += named.aliases
        texts += [*words, *_texts(draft, seen, policy)]
        blank = replace(blank, order=draft.ordered, intents=draft.intents, allowance=draft.allowance)
    difference = told(ports, place, judged, drafts[-1]) if drafts else None
    drafts += [] if difference is None else [difference]
    order = drafts[-1].ordered if drafts else orders.read(judged.order, reading.order)
    return _Decided(tuple(drafts), tuple(aliases), tuple(texts), scene, order)


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the drafts of one commit share and hand on to one another."""

    order: Order
    intents: Mapping[IntentId, Intent]
    control: Control
    now: datetime
    allowance: Allowance = Allowance()

    def draft(self, case: Case) -> Draft:
        return _with_order(Draft(case, self.order, self.intents, self.control, self.now, allowance=self.allowance))


def _order_alone(scene: Scene) -> Sequence[Case]:
    """Without a return in the reading, what it shows of the order is told by the oldest return case."""
    cases = [case for case in scene.cases.values() if case.kind is CaseKind.RETURN]
    return sorted(cases, key=lambda case: (case.opened_at, case.id))[:1]


def _opened(
    ports: Ports, place: Place, scene: Scene, seen: ReturnReading | Case, stage: _Stage
) -> tuple[Policy, Draft]:
    if not isinstance(seen, Case):
        known = scene.cases.get(_case_id(place, seen))
        if known is None:
            return _first_seen(ports, place, seen, stage)
        seen = known
    return ports.policies.at(seen.policy, place.channel, seen.store), stage.draft(seen)


def _first_seen(ports: Ports, place: Place, seen: ReturnReading, stage: _Stage) -> tuple[Policy, Draft]:
    policy = ports.policies.current(place.channel, stage.order.store)
    case = _new_case(place, stage, seen, policy)
    stage = replace(stage, order=replace(stage.order, cases=stage.order.cases | {case.id}))
    return policy, stage.draft(case).record(CaseOpened(case))


def _new_case(place: Place, stage: _Stage, seen: ReturnReading, policy: Policy) -> Case:
    return Case(
        id=_case_id(place, seen),
        kind=CaseKind.RETURN,
        channel=place.channel,
        account=place.account,
        store=stage.order.store,
        external=seen.id,
        opened_at=stage.now,
        policy=policy.versions,
        body=ReturnRequest(ChannelStatus.REQUESTED, seen.requested_at, seen.as_of),
        order=stage.order.id,
    )


def _with_order(draft: Draft) -> Draft:
    """The facts of the order that the case decides by."""
    order = draft.ordered
    body = replace(draft.body, country=order.country, delivered_at=order.delivered_at)
    return replace(draft, case=replace(draft.case, body=body))


def _read(draft: Draft, reading: Reading, seen: ReturnReading | Case, *, is_first: bool) -> Draft:
    if is_first:
        draft = decide_return.read_order(draft, reading.order)
    return draft if isinstance(seen, Case) else decide_return.read_return(draft, seen)


def _texts(draft: Draft, seen: ReturnReading | Case, policy: Policy) -> list[Text]:
    """The buyer's words, stored once when the case is opened."""
    if draft.case.version or isinstance(seen, Case):
        return []
    expires = draft.now + timedelta(days=policy.terms.texts_days)
    return [Text(draft.case.id, reference, words, expires) for reference, words in seen.texts.items()]


def _woken(draft: Draft) -> Mapping[IntentId, Intent]:
    """An effect that may be ours moves the next look of what waits for one to now; only the sender looks back."""
    waiting = (IntentState.ACCEPTED, IntentState.UNKNOWN, IntentState.HOLD)
    news = any(seen.owner == UNATTRIBUTED for seen in draft.ordered.ledger.refunds.values())
    woken = dict(draft.intents)
    for key, intent in draft.intents.items():
        is_told = news if intent.act.is_money else bool(draft.events) and intent.case == draft.case.id
        if intent.state in waiting and is_told and _is_later(intent, draft):
            woken[key] = replace(intent, due=draft.now, version=intent.version + 1)
    return woken


def _is_later(intent: Intent, draft: Draft) -> bool:
    return intent.due is None or intent.due > draft.now


@dataclass(frozen=True, slots=True)
class _Named:
    draft: Draft
    scene: Scene
    aliases: tuple[Alias, ...]
    closed: tuple[Draft, ...]


def _names(ports: Ports, scene: Scene, draft: Draft) -> _Named:
    """Write new names of the case down; a parcel that waits under one of them is this return's."""
    before = scene.cases.get(draft.case.id)
    new = sorted(draft.case.names - (before.names if before else frozenset()))
    aliases: list[Alias] = []
    closed: list[Draft] = []
    for kind, name in new:
        case = draft.case
        owner = ports.table.find(case.channel, case.account, kind, name)
        if owner is not None and owner != case.id:
            draft, scene, parcel = _meet(ports, scene, draft, owner)
            if parcel is None:
                continue
            closed.append(parcel)
        if owner != case.id:
            aliases.append(Alias(case.channel, case.account, kind, name, case.id, owner))
    return _Named(draft, scene, tuple(aliases), tuple(closed))


def _meet(ports: Ports, scene: Scene, draft: Draft, owner: CaseId) -> tuple[Draft, Scene, Draft | None]:
    other = ports.table.load_case(owner)
    if other is None or not isinstance(other.body, Parcel) or other.body.target:
        return draft.marked(f"same_name:{owner}"), scene, None
    scene = replace(scene, cases={**scene.cases, owner: other})
    policy = ports.policies.at(draft.case.policy, draft.case.channel, draft.case.store)
    parcel, draft = identify_in(other, draft, policy, "rule")
    return draft, scene, parcel
