"""`python -m tests.faults.laboratory`: run many seeds and print the table, or tell the story of one seed.

Ends with 1 when anything broke.
"""

from __future__ import annotations

import argparse
import sys

from tests.faults.laboratory import report
from tests.faults.laboratory.many import rate_all, run_all
from tests.faults.laboratory.seeds import replay, seeded
from tests.faults.laboratory.tally import Tally

# One measured world in ten seeds: enough to see a hold rate of one in ten thousand at a million runs.
MEASURED_SHARE = 10


def main() -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="make faults")
    parser.add_argument("--runs", type=int, default=50_000, help="how many seeds (RUNS=)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="tell the story of one seed (SEED=)")
    parser.add_argument("--processes", type=int, help="how many processes; as many as cores unless stated")
    asked = parser.parse_args()
    if asked.seed is not None:
        _say(replay(asked.seed))
        return 1 if seeded(asked.seed).broken else 0
    return _many(asked)


def _many(asked: argparse.Namespace) -> int:
    tally, seconds = run_all(asked.runs, asked.first, asked.processes)
    measured: Tally = rate_all(max(1, asked.runs // MEASURED_SHARE), asked.processes)
    sections = [
        report.laws(),
        report.legend(),
        report.table(tally),
        report.summary(tally, seconds),
        report.holds(measured),
        report.failing(tally),
        report.failing(measured),
    ]
    for section in sections:
        _say("\n".join(section) + "\n")
    return 1 if tally.failing or measured.failing else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
