"""`docs/state-machines.md`, from the tables that the domain walks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from ops.pages import markdown
from quittance.domain.feed_batch import BATCH_MACHINE, BatchState
from quittance.domain.intent import ENDED, MACHINE, IntentState
from quittance.domain.return_request import ALLOWED, ReturnState, ReturnVerb
from quittance.domain.transitions import Machine, S, V

PATH: Final = "docs/state-machines.md"
EDGES: Final = (
    "Every edge there is. A verb without an edge is refused, naming state and verb; nothing leads from `UNKNOWN` to a"
    " second send but the proof that the first had no effect."
)
STARTS: Final = (IntentState.RESERVED, IntentState.AWAITING_APPROVAL, IntentState.READY, IntentState.SHADOWED)
BATCHES: Final = (
    "Intents whose act goes by feed share a document. Up to `UPLOADED` nothing has an effect outside; nothing leads"
    " from `SUBMITTING` to a second submission but the proof that no feed was created."
)
DERIVED: Final = (
    "The state of a return follows from the channel's status, its open intents and its lines; nobody sets it. The table"
    " says which verb each state allows."
)


def pages(_root: Path) -> Mapping[str, str]:
    return {
        PATH: markdown.page(
            "`domain/intent.py`, `domain/feed_batch.py` or `domain/return_request.py`",
            "# State machines",
            "## Intent",
            EDGES,
            _diagram(MACHINE, IntentState, STARTS),
            markdown.table(["from", "verb", "to"], _edges(MACHINE)),
            f"Ended: {', '.join(markdown.code(state) for state in IntentState if state in ENDED)}."
            " `SHADOWED` is where an intent begins and ends in shadow mode.",
            "## Feed batch",
            BATCHES,
            _diagram(BATCH_MACHINE, BatchState, (BatchState.BUILDING,)),
            markdown.table(["from", "verb", "to"], _edges(BATCH_MACHINE)),
            "## Return",
            DERIVED,
            markdown.table(["state", *ReturnVerb], [_allowed(state) for state in ReturnState]),
        )
    }


def _diagram(machine: Machine[S, V], states: Iterable[S], starts: Collection[S]) -> str:
    lines = [f"  [*] --> {state}" for state in starts]
    lines += [f"  {source} --> {target}: {verb}" for (source, verb), target in machine.edges.items()]
    known = {*machine.edges.values(), *starts}
    lines += [f"  {state} --> [*]" for state in states if state in known and machine.is_terminal(state)]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def _edges(machine: Machine[S, V]) -> list[tuple[str, ...]]:
    return [(source, verb, target) for (source, verb), target in machine.edges.items()]


def _allowed(state: ReturnState) -> list[str]:
    return [state, *("yes" if verb in ALLOWED[state] else "" for verb in ReturnVerb)]
