"""Measurements: what a figure is, and how it is shown.

A measurement is a module with `run() -> Result`. Figures are written by the run, never by hand.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
CORE: Final = ROOT / "layers" / "core"

if str(CORE) not in sys.path:
    sys.path.insert(0, str(CORE))


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number; `at_most` is the target, where there is one."""

    what: str
    value: float
    unit: str
    at_most: float | None = None

    @property
    def is_met(self) -> bool:
        return self.at_most is None or self.value <= self.at_most


@dataclass(frozen=True, slots=True)
class Result:
    """What one measurement found, how it was made and on what; `grid` is a table of its own under a heading row."""

    name: str
    title: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    machine: dict[str, str] = field(default_factory=dict)
    grid: tuple[tuple[str, ...], ...] = ()

    @property
    def is_met(self) -> bool:
        return all(figure.is_met for figure in self.figures)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "figures": [{**asdict(one), "is_met": one.is_met} for one in self.figures]}


def machine(*libraries: str) -> dict[str, str]:
    """Describe what a figure depends on: interpreter, processor kind and count, versions of the libraries at work."""
    versions = {name: importlib.metadata.version(name) for name in libraries}
    return {
        "python": platform.python_version(),
        "processor": platform.machine(),
        "cores": str(os.cpu_count()),
        **versions,
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of the sorted values do not exceed."""
    return ordered[max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1)]


def table(stored: dict[str, Any]) -> str:
    """Return a stored result as a section of Markdown."""
    on = ", ".join(f"{name} {value}" for name, value in stored["machine"].items())
    lines = [f"## {stored['title']}", "", *_grid(stored.get("grid", []))]
    lines += ["| figure | measured | target | |", "| --- | ---: | ---: | --- |"]
    for figure in stored["figures"]:
        target = "" if figure["at_most"] is None else f"≤ {figure['at_most']:g} {figure['unit']}"
        verdict = "" if figure["at_most"] is None else ("met" if figure["is_met"] else "**missed**")
        lines.append(f"| {figure['what']} | {figure['value']:.4g} {figure['unit']} | {target} | {verdict} |")
    return "\n".join([*lines, "", *(f"- {note}" for note in stored["notes"]), f"- Measured on: {on}.", ""])


def _grid(rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    heading, *body = [f"| {' | '.join(row)} |" for row in rows]
    return [heading, f"|{' --- |' * len(rows[0])}", *body, ""]
