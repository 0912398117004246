"""The door for people: a command or a query as JSON in, an answer as JSON out; authority is the alias that was invoked.

Refuses every key that it does not know, and any authority but the alias's own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from quittance.application.command_case import command_case
from quittance.application.show_case import show_case, summary
from quittance.domain.command import Actor, parse_command
from quittance.domain.errors import Rejected, Unavailable
from quittance.domain.ids import CaseId
from quittance.runtime import wiring
from quittance.runtime.desk import actor_of, answer_of, refusal_of, texts_of

PAGE: Final = 50
desk: Final = wiring.desk(os.environ)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer one command or query; a refusal is an answer too."""
    with desk.invocation(context):
        try:
            return _answer(event, actor_of(context))
        except Rejected as refusal:
            return refusal_of(refusal)
        except Unavailable as error:
            return refusal_of(Rejected("UNAVAILABLE", "case", f"{error}; give the same command again"))


def _answer(event: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    match event.get("command"):
        case "ShowCase":
            return {"outcome": "done", **show_case(desk.ports, CaseId(texts_of(event, needed=("case",))["case"]))}
        case "ListCases":
            asked = texts_of(event, needed=("queue",), optional=("after",))
            cases, after = desk.table.desk_page(asked["queue"], PAGE, asked["after"])
            return {"outcome": "done", "cases": [summary(case) for case in cases], "after": after}
        case _:
            return answer_of(command_case(desk.ports, parse_command(event, actor), desk.seal()))
