"""The story of one run for a person: step, time, worker, boundary, fault, and what changed.

Kept only for a replay; a run without it takes the very same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.laboratory.engine import Change
    from tests.faults.laboratory.faults import Fault
    from tests.faults.laboratory.scheduler import Worker
    from tests.faults.laboratory.world import World

_TOLD = ("state", "fence", "version", "turn", "frozen", "claims", "refunds", "because", "approved", "ref")


class Trace:
    """Numbered lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._step = 0

    def touched(self, world: World, worker: Worker, name: str) -> None:
        """A worker touches the outside."""
        self._step += 1
        off = f" (clock {worker.skew:+d} ms)" if worker.skew else ""
        self.lines.append(f"{self._step:4d} {_at(world)}  {worker.name:4} {worker.work}: {name}{off}")

    def struck(self, fault: Fault) -> None:
        """A fault strikes there."""
        self.lines.append(f"{'':18}  >>>> {fault.value.upper()}")

    def refused(self, why: str) -> None:
        """A condition held somebody off."""
        self.lines.append(f"{'':18}  conflict: {why}")

    def note(self, world: World, words: str) -> None:
        """Something happened outside."""
        self.lines.append(f"     {_at(world)}  {words}")

    def committed(self, changes: Sequence[Change]) -> None:
        """What a transaction changed, item by item."""
        for change in changes:
            told = _difference(change.before or {}, change.after)
            if told:
                self.lines.append(f"{'':18}  {_name(change)}: {told}")

    def __str__(self) -> str:
        return "\n".join(self.lines)


def _at(world: World) -> str:
    seconds = world.scheduler.now / 1000
    return f"{int(seconds // 60):4d}:{seconds % 60:06.3f}"


def _name(change: Change) -> str:
    kind, _, rest = change.key.sk.partition("#")
    if kind in ("INTENT", "EVENT"):
        return f"{kind.lower()} {rest[:8]}"
    return {"LEDGER": "order", "HEAD": "case"}.get(kind, change.key.pk.partition("#")[0].lower())


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    told = [
        f"{name} {_short(before.get(name))} -> {_short(after.get(name))}"
        for name in _TOLD
        if before.get(name) != after.get(name)
    ]
    free = [
        f"{payment[-2:]} available {_short(paid.get('available'))}"
        for payment, paid in sorted(after.get("payments", {}).items())
        if before.get("payments", {}).get(payment) != paid
    ]
    events = [str(event["name"]) for event in after.get("events", ())] if not before else []
    return ", ".join([*told, *free, *events])


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key[:8]}: {_owner(entry)}" for key, entry in sorted(value.items())) + "}"
    return "-" if value is None else str(value)[:24]


def _owner(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    minor = sum(entry.get("pay", {}).values())
    owner = str(entry.get("owner", ""))[:8]
    return f"{minor} {owner}".strip()
