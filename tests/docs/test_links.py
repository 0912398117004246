"""Every link of a page that is written by hand leads somewhere: to a file of the repository, to a heading in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.docs.reading import ROOT, WRITTEN_BY_HAND, anchor, headings, prose, text_of

_LINK: Final = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


def _targets(page: Path) -> Iterator[str]:
    for target in _LINK.findall(prose(text_of(page))):
        if not target.startswith(("https://", "http://", "mailto:")):
            yield target


def _is_there(page: Path, target: str) -> bool:
    path, _, fragment = target.partition("#")
    found = (page.parent / path).resolve() if path else page
    if not found.is_relative_to(ROOT) or not found.exists():
        return False
    return not fragment or fragment in {anchor(title) for title in headings(text_of(found))}


@pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert [target for target in _targets(page) if not _is_there(page, target)] == []


def test_a_link_that_leads_nowhere_would_be_found() -> None:
    page = ROOT / "README.md"

    assert not _is_there(page, "docs/nowhere.md")
    assert not _is_there(page, "docs/glossary.md#nowhere")
    assert _is_there(page, "docs/glossary.md#words")


def test_a_reader_finds_where_a_refund_is_decided_and_sent_from_the_first_page() -> None:
    targets = set(_targets(ROOT / "README.md"))

    assert "layers/core/quittance/domain/refund.py" in targets
    assert "layers/core/quittance/application/advance_intent.py" in targets
