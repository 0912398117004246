"""What the desk refuses: an ARN without authority, a key nobody knows, a command that is none."""

from __future__ import annotations

from typing import Any

import pytest

from quittance.domain.ids import CaseId
from tests.functions.stack import Stack, shared
from tests.support.deployed import Context

__all__ = ["shared"]  # fixture


@pytest.fixture(scope="module")
def opened(shared: Stack) -> CaseId:
    return shared.opened()


@pytest.mark.parametrize("alias", ["", "root", "$LATEST", "7", "Agent"])
def test_an_arn_without_a_known_alias_has_no_authority(shared: Stack, opened: CaseId, alias: str) -> None:
    for command in (
        {"command": "ShowCase", "case": opened},
        {"command": "AuthoriseReturn", "case": opened, "version": 1},
    ):
        answer = shared.cloud.desk(alias, **command)
        assert (answer["outcome"], answer["code"], answer["field"]) == ("refused", "NOT_ALLOWED", "alias")

    assert shared.case(opened).version == 1


@pytest.mark.proves("F095")
@pytest.mark.parametrize(
    "command, code, field",
    [
        ({"command": "ShowCase", "case": "x", "order": "#1001"}, "UNKNOWN_KEY", "order"),
        ({"command": "ShowCase"}, "MISSING", "case"),
        ({"command": "ShowCase", "case": 7}, "MISSING", "case"),
        ({"command": "ListCases", "queue": "q", "limit": 9}, "UNKNOWN_KEY", "limit"),
        ({"command": "AcceptLines", "case": "x", "version": 1, "currency": "EUR"}, "UNKNOWN_KEY", "currency"),
        ({"command": "AcceptLines", "case": "x", "version": "1"}, "BAD_VERSION", "version"),
        ({"command": "Pay"}, "UNKNOWN_COMMAND", "command"),
        ({}, "UNKNOWN_COMMAND", "command"),
        ({"command": "AuthoriseReturn", "case": "nobody", "version": 1}, "UNKNOWN_CASE", "case"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_not_known_is_refused_by_its_field(
    shared: Stack, command: dict[str, Any], code: str, field: str
) -> None:
    answer = shared.cloud.desk("agent", **command)

    assert (answer["outcome"], answer["code"], answer["field"]) == ("refused", code, field)
    assert answer["fix"]


@pytest.mark.parametrize("name", [["ShowCase"], {"a": 1}, None, 7])
def test_a_command_that_is_no_text_is_refused(shared: Stack, name: Any) -> None:
    answer = shared.cloud.call("DeskFunction", {"command": name}, Context("agent"))

    assert (answer["outcome"], answer["code"]) == ("refused", "UNKNOWN_COMMAND")
