"""A person's command: load, decide, and either show what would happen or commit it.

Refuses a version that is no longer the newest, and a command about money without the token of its preview.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from quittance.application import drafting
from quittance.application.commit import Changes, Scene, Text
from quittance.application.identify_parcel import identify_in, repointed
from quittance.application.ports import Ports
from quittance.domain import decide_command, decide_return
from quittance.domain.command import Command, CommandName, authorise
from quittance.domain.draft import Draft
from quittance.domain.errors import Conflict, Rejected
from quittance.domain.events import IntentAdmitted, IntentMoved
from quittance.domain.ids import CaseId, IntentId
from quittance.domain.intent import Intent, IntentState
from quittance.domain.parcel import Parcel
from quittance.domain.policy import Policy


class Seal(Protocol):
    """Signs what a person was shown, so that the confirmation is of exactly that."""

    def sign(self, shown: str) -> str:
        """A token for what was shown now."""

    def verify(self, shown: str, token: str) -> None:
        """Raise Rejected(STALE_PREVIEW) unless the token was made for exactly this, not too long ago."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command: `done`, `previewed`, `refused` or `awaiting_approval`, with what it comes to."""

    outcome: str
    case: CaseId
    version: int
    shown: Mapping[str, Any] = field(default_factory=dict)
    token: str = ""
    code: str = ""
    field: str = ""
    fix: str = ""


def command_case(ports: Ports, command: Command, seal: Seal) -> Answer:
    """Carry a command out. A refusal is an answer; it is counted, and nothing of it is written.

    Raises Unavailable when no policy is published.
    """
    try:
        return _carry_out(ports, command, seal)
    except Rejected as refusal:
        ports.meter.count("CommandRefused", "desk", refusal.code)
        return Answer("refused", command.case, command.version, code=refusal.code, field=refusal.field, fix=refusal.fix)


def _carry_out(ports: Ports, command: Command, seal: Seal) -> Answer:
    authorise(command)
    scene = ports.table.load_scene(command.case)
    if command.case not in scene.cases:
        raise Rejected("UNKNOWN_CASE", "case", "no case has this id")
    if scene.cases[command.case].version != command.version:
        newest = scene.cases[command.case].version
        raise Rejected("STALE_VERSION", "version", f"the case is at version {newest}; look at it again")
    if command.name is CommandName.IDENTIFY_PARCEL:
        return _identify(ports, scene, command)
    draft, texts = _decided(ports, scene, command)
    shown = _shown(scene, draft)
    if command.is_money and not command.token:
        token = seal.sign(_signed(scene, command, shown))
        return Answer("previewed", command.case, command.version, token=token, shown=shown)
    if command.is_money:
        seal.verify(_signed(scene, command, shown), command.token)
    return _committed(ports, scene, command, draft, texts, shown)


def _decided(ports: Ports, scene: Scene, command: Command) -> tuple[Draft, tuple[Text, ...]]:
    case = scene.cases[command.case]
    policy = ports.policies.at(case.policy, case.channel, case.store)
    draft = drafting.begin(scene, case.id, ports.table.control(case.account), ports.clock.now())
    draft = decide_command.decide(draft, command, policy)
    return drafting.seal(draft, ports.acts(case.channel), policy.terms.texts_days)


def _shown(scene: Scene, draft: Draft) -> dict[str, Any]:
    """What the person sees before confirming: each instruction that would leave, with its components and headroom."""
    moved = {IntentId(e.intent) for e in draft.events if isinstance(e, IntentMoved)}
    born = {e.intent.id for e in draft.events if isinstance(e, IntentAdmitted)}
    intents = [_line(draft.intents[i]) for i in sorted(moved | born)]
    headroom = 0
    if scene.order is not None:
        headroom = sum(scene.order.ledger.available(p) for p in scene.order.ledger.payments)
    marks = sorted(draft.case.marks - scene.cases[draft.case.id].marks)
    return {"intents": intents, "headroom": headroom, "state": draft.case.state, "marks": marks}


def _line(intent: Intent) -> dict[str, Any]:
    parts = intent.components
    return {
        "intent": intent.id,
        "act": intent.act.value,
        "state": intent.state.value,
        "total": intent.total,
        "currency": intent.currency,
        "goods": parts.goods,
        "shipping": parts.shipping,
        "fee": parts.fee,
        "adjustment": parts.adjustment,
        "units": intent.quantities(),
        "payments": dict(intent.payments),
        "rule": intent.rule,
    }


def _signed(scene: Scene, command: Command, shown: Mapping[str, Any]) -> str:
    """The whole command, the versions of case and order, and the components: any write to the order refuses it."""
    order = scene.order.version if scene.order else 0
    unsigned = replace(command, token="", actor=replace(command.actor, request=""))  # nosec B106  # no secret: none
    return repr((unsigned, order, shown))


def _committed(
    ports: Ports, scene: Scene, command: Command, draft: Draft, texts: tuple[Text, ...], shown: Mapping[str, Any]
) -> Answer:
    try:
        drafting.commit(ports, scene, [draft], extra=Changes(draft.now, texts=texts))
    except Conflict:
        raise Rejected("STALE_VERSION", "version", "somebody else wrote first; look at the case again") from None
    waits = any(
        draft.intents[IntentId(line["intent"])].state is IntentState.AWAITING_APPROVAL for line in shown["intents"]
    )
    outcome = "awaiting_approval" if waits else "done"
    ports.meter.count("CommandDone", draft.case.channel, command.name.value)
    return Answer(outcome, command.case, command.version + 1, shown=shown)


def _identify(ports: Ports, scene: Scene, command: Command) -> Answer:
    parcel = scene.cases[command.case]
    if not command.target:
        raise Rejected("MISSING", "target", "name the return that the parcel belongs to")
    target_id = CaseId(command.target)
    target_scene = ports.table.load_scene(target_id)
    target = target_scene.cases.get(target_id)
    if target is None or isinstance(target.body, Parcel):
        raise Rejected("UNKNOWN_CASE", "target", "name the return that the parcel belongs to")
    if target.channel != parcel.channel or target.account != parcel.account:
        raise Rejected("OTHER_ACCOUNT", "target", "the return belongs to another account")
    policy: Policy = ports.policies.at(target.policy, target.channel, target.store)
    draft = drafting.begin(target_scene, target_id, ports.table.control(target.account), ports.clock.now())
    closing, received = identify_in(parcel, draft, policy, command.actor.alias)
    received = decide_return.follow_up(received, policy, command.actor.alias)
    received, texts = drafting.seal(received, ports.acts(target.channel), policy.terms.texts_days)
    both = Scene({**target_scene.cases, parcel.id: parcel}, target_scene.order, target_scene.intents)
    extra = Changes(received.now, aliases=repointed(parcel, received.case), texts=texts)
    try:
        drafting.commit(ports, both, [closing, received], extra=extra)
    except Conflict:
        raise Rejected("STALE_VERSION", "version", "somebody else wrote first; look at both cases again") from None
    return Answer("done", command.case, command.version + 1, shown=_shown(both, received))
