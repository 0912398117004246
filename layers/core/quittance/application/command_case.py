"""A person's command: load, decide, and either show what would happen or commit it.

Refuses a version that is no longer the newest, and a command about money without the token of its preview.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
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
from quittance.domain.ids import CaseId, IntentId, digest
from quittance.domain.intent import Intent, IntentState
from quittance.domain.parcel import Parcel
from quittance.domain.policy import Policy
from quittance.domain.values import dataclass, replace


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
        return _insisting(ports, command, seal)
    except Rejected as refusal:
        ports.meter.count("CommandRefused", "desk", refusal.code)
        return Answer("refused", command.case, command.version, code=refusal.code, field=refusal.field, fix=refusal.fix)


def _insisting(ports: Ports, command: Command, seal: Seal) -> Answer:
    """Decide again after a lost race; where case or order have moved, version or token refuse what was decided."""
    for _ in range(drafting.ATTEMPTS):
        try:
            return _carry_out(ports, command, seal)
        except Conflict:
            ports.meter.count("CommitConflict", "desk", "command")
    raise Rejected("STALE_VERSION", "version", "others write to the same case or budget; look at the case again")


def _carry_out(ports: Ports, command: Command, seal: Seal) -> Answer:
    authorise(command)
    scene = ports.table.load_scene(command.case)
    if command.case not in scene.cases:
        raise Rejected("UNKNOWN_CASE", "case", "no case has this id")
    if scene.cases[command.case].version != command.version:
        return _repeated(ports, scene, command)
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


def _repeated(ports: Ports, scene: Scene, command: Command) -> Answer:
    """The very command that made the next version is answered by what it did, as that stands now; others are stale."""
    done, touched = ports.table.carried_out(command.case, command.version + 1)
    case = scene.cases[command.case]
    if done != _digest(command) or (command.is_money and not command.token):
        raise Rejected("STALE_VERSION", "version", f"the case is at version {case.version}; look at it again")
    intents = [scene.intents[intent] for intent in sorted(touched) if intent in scene.intents]
    headroom = _headroom(scene)
    shown = {"intents": [_line(one) for one in intents], "headroom": headroom, "state": case.state, "marks": []}
    ports.meter.count("CommandRepeated", case.channel, command.name.value)
    return Answer(_outcome(intents), command.case, command.version + 1, shown=shown)


def _digest(command: Command) -> str:
    """The command without what differs from one click to the next."""
    return digest(repr(_unsigned(command)))[:32]


def _unsigned(command: Command) -> Command:
    return replace(command, token="", actor=replace(command.actor, request=""))  # nosec B106  # no secret: none


def _outcome(intents: Iterable[Intent]) -> str:
    return "awaiting_approval" if any(i.state is IntentState.AWAITING_APPROVAL for i in intents) else "done"


def _decided(ports: Ports, scene: Scene, command: Command) -> tuple[Draft, tuple[Text, ...]]:
    case = scene.cases[command.case]
    policy = ports.policies.at(case.policy, case.channel, case.store)
    draft = drafting.begin(scene, case.id, ports.table.control(case.account), ports.clock.now())
    draft = decide_command.decide(drafting.allowed(ports, draft, policy), command, policy)
    return drafting.seal(draft, ports.acts(case.channel), policy.terms.texts_days)


def _shown(scene: Scene, draft: Draft) -> dict[str, Any]:
    """What the person sees before confirming: each instruction that would leave, with its components and headroom."""
    moved = {IntentId(e.intent) for e in draft.events if isinstance(e, IntentMoved)}
    born = {e.intent.id for e in draft.events if isinstance(e, IntentAdmitted)}
    intents = [_line(draft.intents[i]) for i in sorted(moved | born)]
    headroom = _headroom(scene)
    marks = sorted(draft.case.marks - scene.cases[draft.case.id].marks)
    return {"intents": intents, "headroom": headroom, "state": draft.case.state, "marks": marks}


def _headroom(scene: Scene) -> int:
    return sum(scene.order.ledger.available(p) for p in scene.order.ledger.payments) if scene.order else 0


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
        "why": intent.why,
    }


def _signed(scene: Scene, command: Command, shown: Mapping[str, Any]) -> str:
    """The whole command, the versions of case and order, and the components: any write to the order refuses it."""
    order = scene.order.version if scene.order else 0
    return repr((_unsigned(command), order, shown))


def _committed(
    ports: Ports, scene: Scene, command: Command, draft: Draft, texts: tuple[Text, ...], shown: Mapping[str, Any]
) -> Answer:
    drafting.commit(ports, scene, [draft], extra=Changes(draft.now, texts=texts, command=_digest(command)))
    ports.meter.count("CommandDone", draft.case.channel, command.name.value)
    outcome = _outcome(draft.intents[IntentId(line["intent"])] for line in shown["intents"])
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
    received = decide_return.follow_up(drafting.allowed(ports, received, policy), policy, command.actor.alias)
    received, texts = drafting.seal(received, ports.acts(target.channel), policy.terms.texts_days)
    both = Scene({**target_scene.cases, parcel.id: parcel}, target_scene.order, target_scene.intents)
    extra = Changes(received.now, aliases=repointed(parcel, received.case), texts=texts, command=_digest(command))
    drafting.commit(ports, both, [closing, received], extra=extra)
    return Answer("done", command.case, command.version + 1, shown=_shown(both, received))
