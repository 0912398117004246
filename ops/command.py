"""`quittance command`: one command or query to the desk, through the alias whose authority it needs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from ops.stack import Connect, Stack, add_options
from quittance.domain.errors import Rejected, Unavailable

ALIASES: Final[Mapping[str, str]] = {
    "viewer": "DeskViewerArn",
    "agent": "DeskAgentArn",
    "approver": "DeskApproverArn",
}
WRONG: Final = frozenset({"refused"})


def add_to(commands: Any) -> None:
    made = commands.add_parser("command", help="send a command or query to the desk")
    made.add_argument("alias", help="viewer, agent, approver, or a named person's alias")
    made.add_argument("json", help="the command as JSON, or - to read it from standard input")
    made.add_argument(
        "--confirm", action="store_true", help="confirm at once what the preview of a money command shows"
    )
    add_options(made)
    made.set_defaults(run=run)


def run(stated: argparse.Namespace, connect: Connect) -> int:
    text = sys.stdin.read() if stated.json == "-" else stated.json
    try:
        asked = json.loads(text)
    except ValueError as error:
        raise Rejected("NO_JSON", "command", str(error)) from None
    if not isinstance(asked, dict):
        raise Rejected("NO_JSON", "command", 'write an object like {"command": "ListCases"}')
    stack = connect()
    answer = invoke(stack, stated.alias, asked)
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    if stated.confirm and _is(answer, {"previewed"}):
        answer = invoke(stack, stated.alias, {**asked, "token": answer["token"]})
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    return 1 if _is(answer, WRONG) else 0


def _is(answer: object, outcomes: set[str] | frozenset[str]) -> bool:
    return isinstance(answer, Mapping) and answer.get("outcome") in outcomes


def invoke(stack: Stack, alias: str, asked: Mapping[str, Any]) -> Any:
    """Call the desk by the full ARN of the alias, from which it reads what the caller may do.

    Raises Unavailable when the function failed: then nothing is known about the command, so look at the case.
    """
    known = ALIASES.get(alias)
    target = stack.output(known) if known else f"{stack.output('DeskFunctionArn')}:{alias}"
    answer = stack.client("lambda").invoke(FunctionName=target, Payload=json.dumps(asked).encode())
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Unavailable(
            f"the desk failed ({payload.get('errorType', 'unknown')}); look at the case before trying again"
        )
    return payload
