"""`python -m bench [name ...]`: run the measurements, store each as JSON, write RESULTS.md again from what is stored.

Ends with 1 when a target was missed, so that a regression does not pass unseen.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import Result, table

MEASUREMENTS: Final = ("receive_webhook", "cold_starts", "layers", "write_units", "refund_runs", "refund_faults")
# They take minutes and run only when they are named.
LONG: Final = ("refund_races",)
FOLDER: Final = Path(__file__).parent
HEADING: Final = "# Measured\n\nWritten by `python -m bench`; change the measurement, not this page.\n"


def main(names: Sequence[str]) -> int:
    known = (*MEASUREMENTS, *LONG)
    unknown = set(names) - set(known)
    if unknown:
        print(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    results = [_measure(name) for name in names or MEASUREMENTS]
    write_page(FOLDER)
    return 0 if all(result.is_met for result in results) else 1


def write_page(folder: Path) -> None:
    """Write RESULTS.md from every stored result, in the order of the measurements."""
    files = [folder / "results" / f"{name}.json" for name in (*MEASUREMENTS, *LONG)]
    sections = [table(json.loads(file.read_text(encoding="utf-8"))) for file in files if file.exists()]
    (folder / "RESULTS.md").write_text("\n".join([HEADING, *sections]), encoding="utf-8")


def _measure(name: str) -> Result:
    result: Result = importlib.import_module(f"bench.{name}").run()
    stored = result.as_json()
    file = FOLDER / "results" / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(stored, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(stored))
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
