"""Policy files on this machine, read and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from quittance.application.check_policy import Problem, check
from quittance.domain.errors import Rejected

FOLDER: Final = Path("policies")


def read(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Every TOML file of a folder, by its name without the ending; raises Rejected for none and for no TOML."""
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise Rejected("NO_POLICIES", str(folder), "name the folder that holds law.toml and accounts.toml")
    return {path.stem: _parsed(path) for path in files}


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Rejected("NO_TOML", str(path), str(error)) from None


def complaints(folder: Path, documents: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is wrong, as `file: key: rule: message` with the path of the file."""
    return [_line(folder, problem) for problem in check(documents)]


def _line(folder: Path, problem: Problem) -> str:
    return f"{folder / problem.file}.toml: {problem.key or '-'}: {problem.rule}: {problem.message}"
