"""The doors of the house that import-linter cannot express: what the core may touch, what the layer must carry.

It reads the source text and imports nothing, so that a room which breaks a rule cannot hide behind an import error.
"""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "layers" / "core" / "quittance"
FUNCTIONS: Final = ROOT / "functions"

INWARDS: Final = {
    "domain": ("quittance.domain.",),
    "application": ("quittance.domain.", "quittance.application."),
}
READS_THE_MACHINE: Final = re.compile(r"\b(datetime\.(now|utcnow|today)|date\.today|time\.\w+|random\.\w+|uuid[14])$")
BROUGHT_BY_LAMBDA: Final = {"boto3", "botocore"}
EMPTY_WORDS: Final = re.compile(r"(Manager|Helpers?|Utils?|Service|Data|Base)$", re.IGNORECASE)


@pytest.mark.parametrize("room", INWARDS)
def test_an_inner_room_imports_the_standard_library_and_what_lies_further_inwards(room: str) -> None:
    strangers = {
        f"{where} imports {name}"
        for path in _sources(PACKAGE / room)
        for where, name in _imports(path)
        if _top(name) not in sys.stdlib_module_names and not f"{name}.".startswith(INWARDS[room])
    }

    assert strangers == set()


@pytest.mark.parametrize("room", INWARDS)
def test_an_inner_room_is_given_the_time_and_its_ids_and_never_takes_them(room: str) -> None:
    taken = {
        f"{_where(path, node)}: {ast.unparse(node)}"
        for path in _sources(PACKAGE / room)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and READS_THE_MACHINE.search(ast.unparse(node.func))
    }

    assert taken == set()


def test_the_domain_counts_in_integers_and_makes_no_float() -> None:
    floats = {
        f"{_where(path, node)}: {ast.unparse(node)}"
        for path in _sources(PACKAGE / "domain")
        for node in ast.walk(_tree(path))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Call) and ast.unparse(node.func) == "float")
    }

    assert floats == set()


def test_what_is_deployed_imports_only_what_the_dependencies_layer_carries() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "locks" / "runtime.txt").read_text("utf-8"), re.MULTILINE))
    owners = packages_distributions()

    missing = {
        f"{where} imports {name}"
        for path in [*_sources(PACKAGE), *_sources(FUNCTIONS)]
        for where, name in _imports(path)
        if not _is_ours(path, name)
        and _top(name) not in sys.stdlib_module_names | BROUGHT_BY_LAMBDA
        and locked.isdisjoint(_canonical(owner) for owner in owners.get(_top(name), []))
    }

    assert missing == set()


def test_no_class_or_module_of_what_is_deployed_bears_a_word_that_says_nothing() -> None:
    names = {
        f"{_where(path, node)}: {node.name}"
        for path in [*_sources(PACKAGE), *_sources(FUNCTIONS)]
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ClassDef) and EMPTY_WORDS.search(node.name)
    }
    modules = {str(path) for path in _sources(PACKAGE) if EMPTY_WORDS.search(path.stem)}

    assert names | modules == set()


def _sources(folder: Path) -> list[Path]:
    sources = sorted(folder.rglob("*.py"))
    assert sources, f"{folder} holds no source: the rule would watch nothing"
    return sources


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def _imports(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((_where(path, node), alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{_where(path, node)}: imports are absolute"
            yield _where(path, node), node.module or ""


def _where(path: Path, node: ast.expr | ast.stmt) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def _top(name: str) -> str:
    return name.partition(".")[0]


def _is_ours(path: Path, name: str) -> bool:
    """Tell whether the name is the core or a module beside the function, which Lambda puts on the path."""
    return _top(name) in {"quittance", "functions"} or (path.parent / f"{_top(name)}.py").exists()


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
