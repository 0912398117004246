"""Reads the project's pages as Markdown text: sections, tables, links, fenced blocks and words in code font."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
# Written by `ops.generate`, which checks their freshness itself.
WRITTEN_BY_HAND: Final = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    DOCS / "architecture.md",
    DOCS / "glossary.md",
    DOCS / "adding-a-channel.md",
    DOCS / "runbook.md",
    DOCS / "onboarding.md",
    *sorted((DOCS / "adr").glob("*.md")),
)

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE: Final = re.compile(r"`([^`\n]+)`")
_HEADING: Final = re.compile(r"^(#{1,6}) +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block: its language and its text."""

    language: str
    text: str


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def fences(text: str) -> list[Fence]:
    return [Fence(language, body) for language, body in _FENCE.findall(text)]


def prose(text: str) -> str:
    """Return the text without its fenced blocks."""
    return _FENCE.sub("", text)


def code_words(text: str) -> list[str]:
    """Return what stands in code font outside fenced blocks."""
    return _CODE.findall(prose(text))


def headings(text: str) -> list[str]:
    return [title for _, title in _HEADING.findall(prose(text))]


def sections(text: str, level: int = 2) -> dict[str, str]:
    """Return heading -> what stands below it, for headings of one level."""
    mark = "#" * level
    parts = re.split(rf"^{mark} +(.+?) *$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_cells(text: str) -> list[str]:
    """Return the first cell of every row of the tables, without the heading rows."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    below = [*rows[1:], ""]
    return [
        row.split("|")[1].strip()
        for row, following in zip(rows, below, strict=True)
        if not _is_rule(row) and not _is_rule(following)
    ]


def _is_rule(row: str) -> bool:
    return bool(row) and set(row) <= set("|-: ")


def anchor(title: str) -> str:
    """Return the name under which GitHub links to a heading."""
    plain = re.sub(r"[^\w\- ]", "", title.replace("`", "").lower())
    return plain.replace(" ", "-")


def commands(text: str) -> Iterator[str]:
    """Yield every command line shown: lines of shell blocks, and words in code font."""
    for fence in fences(text):
        if fence.language in {"sh", "bash", "console"}:
            joined = fence.text.replace("\\\n", " ")
            yield from (line.strip() for line in joined.splitlines() if line.strip())
    yield from code_words(text)
