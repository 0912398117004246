"""The glossary and the code use the same words: each is held against the other."""

from __future__ import annotations

import ast
import functools
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from quittance.application.feeds import FeedState
from quittance.domain.account import Mode
from quittance.domain.agreement import Verdict
from quittance.domain.bounds import Owner
from quittance.domain.command import Authority, CommandName
from quittance.domain.deadline import StepKind
from quittance.domain.difference import DifferenceKind
from quittance.domain.events import Event, Resolution
from quittance.domain.feed_batch import BatchState, BatchVerb
from quittance.domain.intent import Act, IntentState, IntentVerb, ReplayGuard
from quittance.domain.observations import Condition, FulfilledBy
from quittance.domain.priority import CaseKind, Risk
from quittance.domain.return_request import ReturnState, ReturnVerb
from tests.docs.reading import DOCS, ROOT, code_words, first_cells, sections, text_of

GLOSSARY: Final = text_of(DOCS / "glossary.md")
ENUMS: Final[tuple[type[StrEnum], ...]] = (
    Act, Authority, BatchState, BatchVerb, CaseKind, CommandName, Condition, DifferenceKind, FeedState,
    FulfilledBy, IntentState, IntentVerb, Mode, Owner, ReplayGuard, Resolution, ReturnState, ReturnVerb, Risk,
    StepKind, Verdict,
)  # fmt: skip
WORDS: Final = (
    "account", "store", "delivery", "observation", "case", "return line", "RMA", "receipt", "disposition", "decision",
    "order", "ledger", "intent", "settle", "decline", "unknown", "hold", "reverse", "look back", "replay guard",
    "deadline", "legal clock", "working clock", "provisional", "due", "met", "warned", "breach", "escalate", "waive",
    "policy", "rule", "locked", "negotiable", "floor", "desk", "command", "preview", "parked", "account mode",
)  # fmt: skip


def _members(name: str) -> list[str]:
    """Return what the section whose heading names the class lists, without the code font."""
    found = [body for title, body in sections(GLOSSARY).items() if title.endswith(f"`{name}`")]
    assert len(found) == 1, f"the glossary needs one section whose heading ends with `{name}`"
    return [cell.strip("`") for cell in first_cells(found[0])]


@pytest.mark.parametrize("kind", ENUMS, ids=lambda kind: kind.__name__)
def test_a_section_lists_exactly_the_members_of_its_class(kind: type[StrEnum]) -> None:
    listed = _members(kind.__name__)

    assert sorted(listed) == sorted(member.value for member in kind)


def test_the_glossary_lists_exactly_the_events_of_the_code() -> None:
    listed = _members("Event")

    assert sorted(listed) == sorted(kind.__name__ for kind in get_args(Event))


def test_the_words_of_the_house_are_explained_once() -> None:
    explained = [cell.strip("*") for cell in first_cells(sections(GLOSSARY)["Words"])]

    assert [word for word in WORDS if word not in explained] == []
    assert len(explained) == len(set(explained))


def test_every_term_in_code_font_exists_in_the_code() -> None:
    known = _vocabulary()
    missing = [word for word in code_words(GLOSSARY) if word not in known and not (ROOT / word).is_file()]

    assert missing == []


def test_a_term_that_nobody_uses_would_be_found() -> None:
    assert "RefundSubmitted" not in _vocabulary()


@functools.cache
def _vocabulary() -> frozenset[str]:
    """Every name and every whole string of the deployed code, and every key and text of the policies."""
    sources = [*(ROOT / "layers/core/quittance").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    words = {word for source in sources for word in _words_of(source)}
    for policy in (ROOT / "policies").glob("*.toml"):
        words.update(_texts(tomllib.loads(policy.read_text("utf-8"))))
    return frozenset(words)


def _words_of(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.Constant(value=str(text)):
                yield text
            case _:
                pass


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
