"""Every command that a page shows exists: targets of make, subcommands of `quittance`, commands of the desk."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from ops.cli import parser
from quittance.domain.command import Actor, Authority, parse_command
from tests.docs.reading import ROOT, WRITTEN_BY_HAND, commands, fences, text_of

QUERIES: Final = {"ShowCase": {"command", "case"}, "ListCases": {"command", "queue"}}
_TARGET: Final = re.compile(r"^([a-z]+):", re.MULTILINE)
pages = pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=lambda page: str(page.relative_to(ROOT)))


def _words(page: Path, program: str) -> Iterator[list[str]]:
    """Return the words after the program of each command that calls it."""
    for line in commands(text_of(page)):
        if line.startswith(f"{program} "):
            yield shlex.split(line, comments=True)[1:]


def _subparsers(made: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found = [action for action in made._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found[0].choices) if found else {}


def _unknown(words: list[str]) -> str | None:
    """Return the first word that the command line does not know: a subcommand or an option."""
    made, rest = parser(), list(words)
    while rest and not rest[0].startswith("--") and (choices := _subparsers(made)):
        if rest[0] not in choices:
            return rest[0]
        made = choices[rest.pop(0)]
    options = {option for action in made._actions for option in action.option_strings}
    return next((word for word in rest if word.startswith("--") and word not in options), None)


@pages
def test_every_target_of_make_that_is_shown_exists(page: Path) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text("utf-8")))
    shown = [word for words in _words(page, "make") for word in words if "=" not in word and not word.startswith("-")]

    assert [target for target in shown if target not in targets] == []


@pages
def test_every_quittance_command_that_is_shown_exists(page: Path) -> None:
    assert [words for words in _words(page, "quittance") if _unknown(words) is not None] == []


@pages
def test_every_quittance_command_in_a_block_is_complete(page: Path) -> None:
    lines = [line for fence in fences(text_of(page)) if fence.language == "sh" for line in fence.text.splitlines()]
    shown = [line for line in lines if line.startswith("quittance ")]

    for line in shown:
        assert callable(parser().parse_args(shlex.split(line, comments=True)[1:]).run), line


def _desk_commands(page: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for fence in fences(text_of(page)):
        if fence.language == "json" and '"command"' in fence.text:
            yield "agent", json.loads(fence.text)
    for words in _words(page, "quittance"):
        if words[:1] == ["command"] and len(words) > 2:
            yield words[1], json.loads(words[2])


@pages
def test_every_command_of_the_desk_that_is_shown_can_be_read(page: Path) -> None:
    for alias, asked in _desk_commands(page):
        if asked["command"] in QUERIES:
            assert asked.keys() == QUERIES[asked["command"]]
        else:
            parse_command(asked, Actor(alias, Authority(alias)))


def test_an_unknown_subcommand_or_option_would_be_found() -> None:
    assert _unknown(["policy", "forget"]) == "forget"
    assert _unknown(["policy", "check", "--never"]) == "--never"
    assert _unknown(["policy", "check"]) is None
