"""Decisions have one form, are numbered without a gap and stand in their list."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.docs.reading import DOCS, headings, sections, text_of

DECISIONS: Final = sorted((DOCS / "adr").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_a_number_a_status_and_the_three_parts(page: Path) -> None:
    text = text_of(page)
    number = int(page.name[:4])

    assert headings(text)[0].startswith(f"{number}. ")
    assert re.search(r"^Status: (proposed|accepted|replaced)\b", text, re.MULTILINE)
    assert list(sections(text)) == ["Context", "Decision", "Consequences"]


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_list_names_every_decision_by_its_title() -> None:
    listed = text_of(DOCS / "adr" / "README.md")

    assert [page.name for page in DECISIONS if f"- [{headings(text_of(page))[0]}]({page.name})" not in listed] == []
