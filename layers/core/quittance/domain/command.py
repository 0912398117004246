"""Commands: what a person asks for, as it comes through the desk, and the authority it came with.

Refuses unknown names and keys, and what the alias it came through may not do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from quittance.domain.errors import Rejected
from quittance.domain.ids import CaseId
from quittance.domain.return_request import ReturnVerb
from quittance.domain.values import dataclass


class CommandName(StrEnum):
    """Everything a person may order."""

    AUTHORISE_RETURN = "AuthoriseReturn"
    DECLINE_RETURN = "DeclineReturn"
    REMOVE_LINES = "RemoveLines"
    ACCEPT_LINES = "AcceptLines"
    REJECT_LINES = "RejectLines"
    KEEP_LINES = "KeepLines"
    EXCHANGE_LINES = "ExchangeLines"
    REPAIR_LINES = "RepairLines"
    CANCEL_RETURN = "CancelReturn"
    CLOSE_RETURN = "CloseReturn"
    APPROVE_INTENT = "ApproveIntent"
    REFUSE_INTENT = "RefuseIntent"
    SETTLE_HOLD = "SettleHold"
    RETRY_HOLD = "RetryHold"
    CANCEL_HOLD = "CancelHold"
    IDENTIFY_PARCEL = "IdentifyParcel"
    WAIVE_DEADLINE = "WaiveDeadline"
    CLEAR_MARK = "ClearMark"
    OVERRIDE_DISPUTE = "OverrideDispute"
    CLOSE_DIFFERENCE = "CloseDifference"


_N = CommandName
RETURN_VERBS: Mapping[CommandName, ReturnVerb] = {
    _N.AUTHORISE_RETURN: ReturnVerb.AUTHORISE,
    _N.DECLINE_RETURN: ReturnVerb.DECLINE,
    _N.REMOVE_LINES: ReturnVerb.REMOVE,
    _N.ACCEPT_LINES: ReturnVerb.ACCEPT,
    _N.REJECT_LINES: ReturnVerb.REJECT,
    _N.KEEP_LINES: ReturnVerb.KEEP,
    _N.EXCHANGE_LINES: ReturnVerb.EXCHANGE,
    _N.REPAIR_LINES: ReturnVerb.REPAIR,
    _N.CANCEL_RETURN: ReturnVerb.CANCEL,
    _N.CLOSE_RETURN: ReturnVerb.CLOSE,
}
_AGREEING = {_N.APPROVE_INTENT, _N.RETRY_HOLD, _N.SETTLE_HOLD, _N.OVERRIDE_DISPUTE}
MONEY = frozenset({_N.ACCEPT_LINES, _N.KEEP_LINES, *_AGREEING})
APPROVERS_ONLY = frozenset({_N.REFUSE_INTENT, _N.CANCEL_HOLD, _N.CLOSE_DIFFERENCE, *_AGREEING})


class Authority(StrEnum):
    """What the alias that carried a command may do; an approver may do what an agent may."""

    VIEWER = "viewer"
    AGENT = "agent"
    APPROVER = "approver"


@dataclass(frozen=True, slots=True)
class Actor:
    """The alias a command came through, what it may do, and the request that carried it."""

    alias: str
    authority: Authority
    request: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One order of a person on one version of a case. `amounts` are minor units per line, where the person set one.

    `target` names what the order is about when that is no line: an intent, a case, a deadline, a mark.
    """

    name: CommandName
    case: CaseId
    version: int
    actor: Actor
    lines: Mapping[str, int]
    amounts: Mapping[str, int]
    reason: str = ""
    comment: str = ""
    target: str = ""
    reference: str = ""
    override: bool = False
    token: str = ""

    @property
    def is_money(self) -> bool:
        """Say whether the order may move money, and so needs a preview first."""
        frees_refund = self.name is CommandName.CLEAR_MARK and self.target.startswith("refund")
        return self.name in MONEY or frees_refund


_KEYS = frozenset(
    {"command", "case", "version", "lines", "reason", "comment", "target", "reference", "override", "token"}
)
_LINE_KEYS = frozenset({"line", "quantity", "amount"})
_TEXT_LIMIT = 2000
_LINES_LIMIT = 100
# A reason and a reference leave the house in events, which carry nobody's words: words belong in `comment`.
_CODES: Mapping[str, re.Pattern[str]] = {
    "reason": re.compile(r"[A-Za-z0-9_.:+-]{0,64}"),
    "reference": re.compile(r"[!-~]{0,256}"),
}


def parse_command(raw: Mapping[str, Any], actor: Actor) -> Command:
    """Read a command from JSON; raises Rejected naming the field, also for keys that nobody knows."""
    unknown = sorted(raw.keys() - _KEYS)
    if unknown:
        raise Rejected("UNKNOWN_KEY", unknown[0], f"use only {', '.join(sorted(_KEYS))}")
    try:
        name = CommandName(raw.get("command", ""))
    except ValueError:
        raise Rejected("UNKNOWN_COMMAND", "command", f"use one of {', '.join(CommandName)}") from None
    version = raw.get("version")
    if type(version) is not int or version < 1:
        raise Rejected("BAD_VERSION", "version", "give the version of the case that you saw, a whole number from 1")
    override = raw.get("override", False)
    if type(override) is not bool:
        raise Rejected("BAD_VALUE", "override", "give true or false")
    texts = {key: _text(raw, key) for key in ("case", "reason", "comment", "target", "reference", "token")}
    if not texts["case"]:
        raise Rejected("MISSING", "case", "give the id of the case")
    lines, amounts = _lines(raw.get("lines", []))
    case = CaseId(texts.pop("case"))
    return Command(name, case, version, actor, lines, amounts, override=override, **texts)


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key, "")
    if not isinstance(value, str) or len(value) > _TEXT_LIMIT:
        raise Rejected("BAD_VALUE", key, f"give text of at most {_TEXT_LIMIT} characters")
    code = _CODES.get(key)
    if code is not None and not code.fullmatch(value):
        raise Rejected("BAD_VALUE", key, "give a code without blanks; words belong in comment")
    return value


def _lines(raw: object) -> tuple[dict[str, int], dict[str, int]]:
    if not isinstance(raw, list) or len(raw) > _LINES_LIMIT:
        raise Rejected("BAD_VALUE", "lines", f"give a list of at most {_LINES_LIMIT} {{line, quantity, amount?}}")
    quantities: dict[str, int] = {}
    amounts: dict[str, int] = {}
    for index, line in enumerate(raw):
        name = _one_line(index, line)
        if name in quantities:
            raise Rejected("BAD_VALUE", f"lines.{index}.line", "name each line once")
        quantities[name] = line["quantity"]
        if line.get("amount") is not None:
            amounts[name] = line["amount"]
    return quantities, amounts


def _one_line(index: int, line: object) -> str:
    if not isinstance(line, dict) or line.keys() - _LINE_KEYS or not isinstance(line.get("line"), str):
        raise Rejected("BAD_VALUE", f"lines.{index}", "give {line, quantity, amount?} and nothing else")
    if type(line.get("quantity")) is not int or line["quantity"] < 1:
        raise Rejected("BAD_QUANTITY", f"lines.{index}.quantity", "give a whole number from 1")
    amount = line.get("amount")
    if amount is not None and (type(amount) is not int or amount < 0):
        raise Rejected("BAD_AMOUNT", f"lines.{index}.amount", "give minor units, a whole number from 0")
    return str(line["line"])


def authorise(command: Command) -> None:
    """Raise Rejected(NOT_ALLOWED) when the alias may not give this order."""
    needs_approver = command.name in APPROVERS_ONLY or command.override
    enough = {Authority.APPROVER} if needs_approver else {Authority.AGENT, Authority.APPROVER}
    if command.actor.authority not in enough:
        least = Authority.APPROVER if needs_approver else Authority.AGENT
        raise Rejected("NOT_ALLOWED", "command", f"{command.name} needs the authority of an {least.value}")
