"""How laws are held: which one at which moment, and what has to be remembered of a run to judge it.

The laws themselves are in `invariants`. Refuses to go on after a broken one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from quittance.domain.intent import Intent
from quittance.storage.items_intent import intent_key
from tests.faults.laboratory.engine import Change, Item

if TYPE_CHECKING:
    from tests.faults.laboratory.channel import Effect
    from tests.faults.laboratory.scheduler import Worker
    from tests.faults.laboratory.world import World

# Nothing moves these but a birth, a person, or another refund that has ended.
_WAITING: Final = (None, "RESERVED", "AWAITING_APPROVAL", "HOLD")
ENDED: Final = frozenset({"SETTLED", "DECLINED", "CANCELLED", "REVERSED", "SHADOWED"})


class Broken(AssertionError):
    """An invariant does not hold; the message is its number, its sentence and what was found instead."""

    def __init__(self, law: Law, found: str) -> None:
        super().__init__(f"{law.number} broken: {law.sentence}. Found: {found}")
        self.law = law


@dataclass(frozen=True, slots=True)
class Law:
    """One invariant: its number in the contract, its sentence, and the function that finds what breaks it."""

    number: str
    sentence: str
    check: Callable[..., str]


LAWS: dict[str, list[Law]] = {}
"""Every invariant, by the moment at which it is checked: order, intent, history, commit, send, effect, end."""


def law(moment: str, number: str, sentence: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """Put a function among the laws of a moment; it returns what breaks the sentence, or nothing."""

    def listed(check: Callable[..., str]) -> Callable[..., str]:
        LAWS.setdefault(moment, []).append(Law(number, sentence, check))
        return check

    return listed


@dataclass(slots=True)
class Memory:
    """What the laws remember of a run: facts that no item holds any more."""

    keys: dict[str, str] = field(default_factory=dict)
    claimed_at: dict[str, int] = field(default_factory=dict)
    claimed_before: dict[str, int] = field(default_factory=dict)
    first_claim: dict[str, int] = field(default_factory=dict)
    looked_at: dict[str, int] = field(default_factory=dict)
    retried: set[str] = field(default_factory=set)
    needed_approval: set[str] = field(default_factory=set)
    held: dict[str, int] = field(default_factory=dict)
    born_of: dict[str, set[str]] = field(default_factory=dict)
    ever_held: set[str] = field(default_factory=set)
    since: dict[str, int] = field(default_factory=dict)
    moved_at: dict[str, int] = field(default_factory=dict)


class Invariants:
    """Holds the laws against a world, step by step."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.memory = Memory()

    def _hold(self, moment: str, *facts: Any) -> None:
        for each in LAWS.get(moment, ()):
            found = each.check(self, *facts)
            if found:
                raise Broken(each, found)

    def committed(self, changes: Sequence[Change], worker: Worker | None) -> None:
        """A transaction went through."""
        for change in changes:
            kind = kind_of(change)
            if kind == "intent" and change.after is not change.before:
                self._hold("intent", change, worker)
                self._remember(change, worker)
            elif kind in ("order", "history") and change.after is not change.before:
                self._hold(kind, change)
        self._hold("commit", changes)

    def _remember(self, change: Change, worker: Worker | None) -> None:
        before, after, name = change.before or {}, change.after, name_of(change)
        memory, now = self.memory, self.world.scheduler.now
        if before.get("state") != after["state"]:
            memory.moved_at[name] = now
            if before.get("state") in _WAITING:
                memory.since[name] = now
        if after["state"] == "HOLD":
            memory.held.setdefault(name, now)
            memory.ever_held.add(name)
        else:
            memory.held.pop(name, None)
        if after["state"] == "AWAITING_APPROVAL":
            memory.needed_approval.add(name)
        if before.get("state") == "HOLD" and after["state"] == "READY":
            memory.needed_approval.add(name)
            memory.retried.add(name)
        if after["state"] == "SENDING" and before.get("state") != "SENDING":
            self._remember_claim(name, after, worker)
        if before.get("state") == "SENDING" and after["state"] == "READY":
            # Proven unsent: the last send that may have had its effect is the one before.
            memory.claimed_at[name] = memory.claimed_before[name]

    def _remember_claim(self, name: str, after: Item, worker: Worker | None) -> None:
        memory, now = self.memory, self.world.scheduler.now
        memory.claimed_before[name] = memory.claimed_at.get(name, 0)
        memory.claimed_at[name] = now
        memory.first_claim.setdefault(name, now)
        memory.retried.discard(name)
        if worker is not None:
            worker.seen[name] = after["fence"]

    def looked(self, intent: Intent) -> None:
        """The channel was read whole for what an intent did."""
        self.memory.looked_at[intent.id] = self.world.scheduler.now

    def sending(self, intent: Intent, body: bytes, worker: Worker | None) -> None:
        """A call that may have an effect leaves the house."""
        self._hold("send", intent, body, self.world.engine.item(intent_key(intent)) or {}, worker)

    def applied(self, effect: Effect) -> None:
        """The channel moved money for one of our calls."""
        self._hold("effect", effect)

    def at_rest(self) -> None:
        """Everything has come to its end."""
        self._hold("end")

    def intents(self) -> Iterator[tuple[str, Item]]:
        """Every stored intent."""
        for pk in self.world.engine.partitions():
            if pk.startswith("ORDER#"):
                for sk, item in self.world.engine.partition(pk).items():
                    if sk.startswith("INTENT#"):
                        yield sk.removeprefix("INTENT#"), item

    def slowest(self, last_fault: int) -> int:
        """The longest time that an intent took to rest, counted from what let it go or from the last fault."""
        memory = self.memory
        return max((at - max(memory.since.get(i, 0), last_fault) for i, at in memory.moved_at.items()), default=0)

    def restless(self) -> str:
        """The first intent that will still move by itself, if there is one."""
        intents = list(self.intents())
        held = any(item["state"] == "HOLD" for _, item in intents)
        for name, item in intents:
            state = item["state"]
            # What a backup brought back waits for its turn as UNKNOWN, behind a held one like any other.
            waits = state == "RESERVED" or (state == "UNKNOWN" and item.get("because") == "not_its_turn")
            if state not in ENDED and state not in ("HOLD", "AWAITING_APPROVAL") and not (waits and held):
                return name
        return ""

    def orders(self) -> Iterator[tuple[str, Item, Mapping[str, Item]]]:
        """Every stored order: its name at the channel, its ledger and its partition."""
        for pk in self.world.engine.partitions():
            if pk.startswith("ORDER#"):
                partition = self.world.engine.partition(pk)
                yield pk.split("#", 3)[3], partition["LEDGER"], partition


def kind_of(change: Change) -> str:
    sk = change.key.sk
    if sk == "LEDGER":
        return "order"
    return {"INTENT": "intent", "EVENT": "history"}.get(sk.partition("#")[0], "")


def name_of(change: Change) -> str:
    return change.key.sk.removeprefix("INTENT#")
