"""A command is read strictly: every refusal names the field and how to mend it."""

from __future__ import annotations

from typing import Any

import pytest

from quittance.domain.command import (
    APPROVERS_ONLY,
    MONEY,
    RETURN_VERBS,
    Authority,
    CommandName,
    authorise,
    parse_command,
)
from quittance.domain.errors import Rejected
from tests.support.builders import AGENT, APPROVER, VIEWER, command

RAW: dict[str, Any] = {
    "command": "AcceptLines",
    "case": "case-1",
    "version": 3,
    "lines": [{"line": "l1", "quantity": 2, "amount": 1500}, {"line": "l2", "quantity": 1}],
    "reason": "checked",
    "comment": "in good order, thank you",
    "token": "t",
}


def test_a_command_is_read_whole() -> None:
    found = parse_command(RAW, AGENT)

    assert (found.name, found.case, found.version, found.actor) == (CommandName.ACCEPT_LINES, "case-1", 3, AGENT)
    assert found.lines == {"l1": 2, "l2": 1}
    assert found.amounts == {"l1": 1500}
    assert (found.reason, found.comment, found.token) == ("checked", "in good order, thank you", "t")
    assert not found.override


@pytest.mark.proves("F095")
@pytest.mark.parametrize("key", ["order", "currency", "amount", "actor", "authority"])
def test_a_key_nobody_knows_is_refused_so_that_orders_and_currencies_are_never_typed(key: str) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_command(RAW | {key: "x"}, AGENT)
    assert (refusal.value.code, refusal.value.field) == ("UNKNOWN_KEY", key)


@pytest.mark.parametrize(
    "change, code, field",
    [
        ({"command": "Refund"}, "UNKNOWN_COMMAND", "command"),
        ({"version": 0}, "BAD_VERSION", "version"),
        ({"version": True}, "BAD_VERSION", "version"),
        ({"version": "1"}, "BAD_VERSION", "version"),
        ({"case": ""}, "MISSING", "case"),
        ({"case": 7}, "BAD_VALUE", "case"),
        ({"override": "yes"}, "BAD_VALUE", "override"),
        ({"comment": "x" * 2001}, "BAD_VALUE", "comment"),
        ({"reason": "two words"}, "BAD_VALUE", "reason"),
        ({"lines": {}}, "BAD_VALUE", "lines"),
        ({"lines": [{"line": "l", "quantity": 1}] * 101}, "BAD_VALUE", "lines"),
        ({"lines": [{"line": "l", "quantity": 1}] * 2}, "BAD_VALUE", "lines.1.line"),
        ({"lines": [{"line": "l", "quantity": 1, "price": 1}]}, "BAD_VALUE", "lines.0"),
        ({"lines": ["l"]}, "BAD_VALUE", "lines.0"),
        ({"lines": [{"line": "l", "quantity": 0}]}, "BAD_QUANTITY", "lines.0.quantity"),
        ({"lines": [{"line": "l", "quantity": 1.0}]}, "BAD_QUANTITY", "lines.0.quantity"),
        ({"lines": [{"line": "l", "quantity": True}]}, "BAD_QUANTITY", "lines.0.quantity"),
        ({"lines": [{"line": "l"}]}, "BAD_QUANTITY", "lines.0.quantity"),
        ({"lines": [{"line": "l", "quantity": 1, "amount": -1}]}, "BAD_AMOUNT", "lines.0.amount"),
        ({"lines": [{"line": "l", "quantity": 1, "amount": 1.5}]}, "BAD_AMOUNT", "lines.0.amount"),
    ],
)
def test_a_bad_value_is_refused_by_its_field(change: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_command(RAW | change, AGENT)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert refusal.value.fix


@pytest.mark.parametrize("name", CommandName)
def test_the_alias_decides_what_may_be_ordered(name: CommandName) -> None:
    authorise(command(name, actor=APPROVER))
    with pytest.raises(Rejected, match="NOT_ALLOWED"):
        authorise(command(name, actor=VIEWER))
    with pytest.raises(Rejected, match="NOT_ALLOWED"):
        authorise(command(name, actor=AGENT, override=True))
    if name in APPROVERS_ONLY:
        with pytest.raises(Rejected, match=Authority.APPROVER.value):
            authorise(command(name, actor=AGENT))
    else:
        authorise(command(name, actor=AGENT))


def test_every_command_that_can_move_money_needs_a_preview() -> None:
    assert {name for name in CommandName if command(name).is_money} == MONEY
    assert command(CommandName.CLEAR_MARK, target="refund_blocked").is_money
    assert len(set(RETURN_VERBS.values())) == len(RETURN_VERBS)
