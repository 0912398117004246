"""`python -m ops.generate`: writes the pages that follow from code, policies and tests; `--check` fails on a stale one.

A page that is generated is never edited: its first line says so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from ops import public_holidays
from ops.pages import deadlines, events, features, policies, state_machines, table_design

ROOT: Final = Path(__file__).resolve().parents[1]
Pages = Mapping[str, str]

# Each entry makes pages by their path in the repository.
REGISTRY: Final[tuple[Callable[[Path], Pages], ...]] = (
    state_machines.pages,
    deadlines.pages,
    policies.pages,
    table_design.pages,
    features.pages,
    events.pages,
    public_holidays.pages,
)


def generated(root: Path) -> dict[str, str]:
    """Every page of the registry by its path, as it should be."""
    return {path: text for make in REGISTRY for path, text in make(root).items()}


def stale(root: Path, wanted: Pages) -> list[str]:
    """Paths that are missing or differ, and event schemas whose event is gone."""
    changed = [path for path, text in wanted.items() if _present(root / path) != text]
    present = [str(path.relative_to(root)) for path in sorted((root / events.FOLDER).glob("*.json"))]
    return sorted([*changed, *(path for path in present if path not in wanted)])


def _present(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def write(root: Path, wanted: Pages, paths: Sequence[str]) -> None:
    """Write these pages, and remove those that nothing makes any more."""
    for path in paths:
        if path in wanted:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(wanted[path], "utf-8")
        else:
            (root / path).unlink()


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    made = argparse.ArgumentParser(prog="python -m ops.generate", description="Write the generated pages.")
    made.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is stale")
    stated = made.parse_args(arguments)
    wanted = generated(root)
    paths = stale(root, wanted)
    for path in paths:
        print(f"stale: {path}" if stated.check else f"wrote {path}" if path in wanted else f"removed {path}")
    if not stated.check:
        write(root, wanted, paths)
        return 0
    if paths:
        print("run `make docs` and commit the pages", file=sys.stderr)
    return 1 if paths else 0


if __name__ == "__main__":
    sys.exit(main())
