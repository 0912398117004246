"""`docs/state-machines.md`, from the tables that the domain walks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ops.pages import markdown
from quittance.domain.intent import ENDED, MACHINE, IntentState
from quittance.domain.return_request import ALLOWED, ReturnState, ReturnVerb

PATH: Final = "docs/state-machines.md"
EDGES: Final = (
    "Every edge there is. A verb without an edge is refused, naming state and verb; nothing leads from `UNKNOWN` to a"
    " second send but the proof that the first had no effect."
)
DERIVED: Final = (
    "The state of a return follows from the channel's status, its open intents and its lines; nobody sets it. The table"
    " says which verb each state allows."
)


def pages(_root: Path) -> Mapping[str, str]:
    return {
        PATH: markdown.page(
            "`domain/intent.py` or `domain/return_request.py`",
            "# State machines",
            "## Intent",
            EDGES,
            _diagram(),
            markdown.table(["from", "verb", "to"], _edges()),
            f"Ended: {', '.join(markdown.code(state) for state in IntentState if state in ENDED)}."
            " `SHADOWED` is where an intent begins and ends in shadow mode.",
            "## Return",
            DERIVED,
            markdown.table(["state", *ReturnVerb], [_allowed(state) for state in ReturnState]),
        )
    }


def _diagram() -> str:
    starts = [IntentState.RESERVED, IntentState.AWAITING_APPROVAL, IntentState.READY, IntentState.SHADOWED]
    lines = [f"  [*] --> {state}" for state in starts]
    lines += [f"  {source} --> {target}: {verb}" for (source, verb), target in MACHINE.edges.items()]
    lines += [f"  {state} --> [*]" for state in IntentState if MACHINE.is_terminal(state)]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def _edges() -> list[tuple[str, ...]]:
    return [(source, verb, target) for (source, verb), target in MACHINE.edges.items()]


def _allowed(state: ReturnState) -> list[str]:
    return [state, *("yes" if verb in ALLOWED[state] else "" for verb in ReturnVerb)]
