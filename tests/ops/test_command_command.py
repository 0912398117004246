"""`quittance command`: what the desk is asked goes through the alias whose authority it needs, and back as it is."""

from __future__ import annotations

import io
import json

import pytest

from tests.ops.world import DESK, World

ASKED = {"command": "AcceptLines", "case": "c", "version": 3}


@pytest.mark.parametrize("alias", ["viewer", "agent", "approver", "agent-marie"])
def test_the_desk_is_called_by_the_full_arn_of_the_alias(world: World, alias: str) -> None:
    world.desk.answers = [{"outcome": "done"}]

    assert world.run("command", alias, json.dumps(ASKED), "--stack", "test") == 0

    assert world.desk.asked == [(f"{DESK}:{alias}", ASKED)]


def test_the_answer_is_printed_whole(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.desk.answers = [{"outcome": "awaiting_approval", "case": "é"}]

    assert world.run("command", "agent", json.dumps(ASKED), "--stack", "test") == 0

    assert json.loads(capsys.readouterr().out) == {"outcome": "awaiting_approval", "case": "é"}


def test_a_refusal_exits_with_one(world: World) -> None:
    world.desk.answers = [{"outcome": "refused", "code": "OUTSIDE_WINDOW"}]

    assert world.run("command", "agent", json.dumps(ASKED), "--stack", "test") == 1


def test_a_preview_is_not_confirmed_by_itself(world: World) -> None:
    world.desk.answers = [{"outcome": "previewed", "token": "t"}]

    assert world.run("command", "agent", json.dumps(ASKED), "--stack", "test") == 0

    assert len(world.desk.asked) == 1


def test_a_preview_is_confirmed_with_its_own_token_when_asked_to(world: World) -> None:
    world.desk.answers = [{"outcome": "previewed", "token": "t"}, {"outcome": "done"}]

    assert world.run("command", "agent", json.dumps(ASKED), "--confirm", "--stack", "test") == 0

    assert [asked for _, asked in world.desk.asked] == [ASKED, {**ASKED, "token": "t"}]


def test_the_command_is_read_from_standard_input(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.desk.answers = [{"outcome": "done"}]
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(ASKED)))

    assert world.run("command", "agent", "-", "--stack", "test") == 0

    assert world.desk.asked[0][1] == ASKED


@pytest.mark.parametrize("text", ["AcceptLines", "[]", ""])
def test_what_is_no_object_is_not_sent(world: World, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run("command", "agent", text, "--stack", "test") == 1
    assert "NO_JSON" in capsys.readouterr().err
    assert world.desk.asked == []


def test_a_failed_desk_leaves_the_outcome_open(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.desk.answers = [{"errorType": "Unavailable", "errorMessage": "a secret"}]
    world.desk.failed = True

    assert world.run("command", "agent", json.dumps(ASKED), "--stack", "test") == 1
    told = capsys.readouterr().err
    assert "the desk failed (Unavailable); look at the case before trying again" in told
    assert "secret" not in told


def test_a_stack_without_a_desk_is_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.cloud_formation.outputs = {}

    assert world.run("command", "agent", json.dumps(ASKED), "--stack", "test") == 1
    assert "NO_OUTPUT: DeskAgentArn: stack test has no such output" in capsys.readouterr().err
