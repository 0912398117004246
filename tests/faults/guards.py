"""Guards as texts that can be taken out of the code, each with the tests that must miss it.

The list is `guards.toml`; a guard whose text is gone from the code, or that nobody misses, fails the suite.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
CORE: Final = ROOT / "layers/core/quittance"
# What pytest answers when tests ran and some of them failed: docs.pytest.org/en/stable/reference/exit-codes.html
TESTS_FAILED: Final = 1
# A run inside a run must neither report as a worker of the outer one nor take its options.
_OUTER: Final = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID", "PYTEST_CURRENT_TEST")


@dataclass(frozen=True, slots=True)
class Cut:
    """One text in one module of the core, and what stands there without the guard."""

    module: str
    text: str
    without: str

    def done_in(self, core: Path) -> None:
        """Take the guard out of a copy of the core."""
        path = core / self.module
        path.write_text(path.read_text(encoding="utf-8").replace(self.text, self.without), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Guard:
    """A rule of the engine; `cuts` are made together, because rules that stand for each other fall together."""

    name: str
    cuts: tuple[Cut, ...]
    red: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


@cache
def guards() -> tuple[Guard, ...]:
    """Every guard that is taken out in turn."""
    listed = tomllib.loads((Path(__file__).parent / "guards.toml").read_text(encoding="utf-8"))["guard"]
    return tuple(Guard(one["name"], _cuts(one), tuple(one["red"])) for one in listed)


def _cuts(listed: Mapping[str, list[Mapping[str, str]]]) -> tuple[Cut, ...]:
    return tuple(Cut(cut["module"], cut["text"], cut["without"]) for cut in listed["cuts"])


def is_missed(guard: Guard, folder: Path) -> tuple[bool, str]:
    """Run the named tests on a core without the guard: whether one of them turns red, and what was printed."""
    core = folder / "quittance"
    shutil.copytree(CORE, core, ignore=shutil.ignore_patterns("__pycache__"))
    for cut in guard.cuts:
        cut.done_in(core)
    environment = {name: value for name, value in os.environ.items() if name not in _OUTER}
    order = [sys.executable, "-m", "pytest", "--quiet", "--exitfirst", "--no-header", "-p", "no:cacheprovider"]
    found = subprocess.run(
        [*order, "-o", f"pythonpath={folder} .", *guard.red],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return found.returncode == TESTS_FAILED, found.stdout + found.stderr
