"""`docs/features.md`, from the tests: which rows of the feature list are proven, and by which sentences."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ops.pages import markdown

PATH: Final = "docs/features.md"


def pages(root: Path) -> Mapping[str, str]:
    proofs: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for path in sorted((root / "tests").rglob("test_*.py")):
        where = path.relative_to(root / "tests").with_suffix("").as_posix()
        for row, sentence in claims(path.read_text("utf-8")):
            proofs[row].add((where, sentence))
    rows = [[row, "<br>".join(_line(*proof) for proof in sorted(proofs[row]))] for row in sorted(proofs, key=_number)]
    return {
        PATH: markdown.page(
            "the marks in `tests/`",
            "# Features and their proofs",
            f"{len(rows)} rows of the feature list are claimed by tests: a row is proven as long as all of its tests"
            " pass. `python -m pytest --collect-only --proves-out FILE` writes the same as JSON.",
            markdown.table(["row", "proven by"], rows),
        )
    }


def _line(where: str, sentence: str) -> str:
    return f"{sentence} ({markdown.code(where)})"


def _number(row: str) -> tuple[str, int]:
    return row[0], int(row[1:])


def claims(source: str) -> Iterator[tuple[str, str]]:
    """Each row that a test of this source claims, with the test's name as a sentence.

    A mark counts on a test, on its class, on one of its parameters and as the module's `pytestmark`.
    """
    module = ast.parse(source)
    yield from _claims(module.body, _marked(module.body))


def _claims(body: list[ast.stmt], outer: frozenset[str]) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _claims(node.body, outer | _rows(*node.decorator_list) | _marked(node.body))
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            sentence = node.name.removeprefix("test_").replace("_", " ")
            yield from ((row, sentence) for row in sorted(outer | _rows(*node.decorator_list)))


def _marked(body: list[ast.stmt]) -> frozenset[str]:
    """What `pytestmark = ...` claims for everything beside it."""
    marks = [
        node.value
        for node in body
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "pytestmark" for target in node.targets)
    ]
    return _rows(*marks)


def _rows(*expressions: ast.expr) -> frozenset[str]:
    calls = [call for each in expressions for call in ast.walk(each) if isinstance(call, ast.Call)]
    return frozenset(
        argument.value
        for call in calls
        if ast.unparse(call.func) == "pytest.mark.proves"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    )
