"""`python -m bench.fault_plans`: write the plans of misfortune that every handler of a refund is put through.

A plan names touches of the outside by number, from 1, and what happens there. The file is written once and read by all.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).parent / "plans" / "refund_faults.json"
# No handler touches the outside more often than this on its straight way.
TOUCHES: Final = 16
SEEDS: Final = 100
SHARE: Final = 0.25
MOST: Final = 3
FARTHEST: Final = 24


class Fault(StrEnum):
    """What happens at one touch of the outside."""

    KILL_BEFORE = "killed before"
    KILL_AFTER = "killed after"
    NOT_APPLIED = "failed, not applied"
    APPLIED = "timed out, applied"


@dataclass(frozen=True, slots=True)
class Plan:
    """One run's misfortune: touch number -> what happens there."""

    name: str
    strikes: Mapping[int, Fault]

    @property
    def is_single(self) -> bool:
        return len(self.strikes) == 1 and self.name.startswith("single")


def plans() -> Iterator[Plan]:
    """Each single fault at each touch, then seeded plans of up to three."""
    for touch in range(1, TOUCHES + 1):
        for fault in Fault:
            yield Plan(f"single {touch} {fault}", {touch: fault})
    for seed in range(SEEDS):
        yield Plan(f"seed {seed}", _strikes(random.Random(seed)))  # noqa: S311  # repeatable, no secret


def _strikes(dice: random.Random) -> dict[int, Fault]:
    found: dict[int, Fault] = {}
    for touch in range(1, FARTHEST + 1):
        if len(found) < MOST and dice.random() < SHARE:
            found[touch] = dice.choice(list(Fault))
    return found


def written(found: Iterator[Plan]) -> str:
    """The plans as the file holds them: one a line."""
    lines = (json.dumps({"name": plan.name, "strikes": plan.strikes}) for plan in found)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def read(file: Path = FILE) -> list[Plan]:
    """The plans of the file, in its order."""
    stored = json.loads(file.read_text("utf-8"))
    return [Plan(one["name"], {int(at): Fault(what) for at, what in one["strikes"].items()}) for one in stored]


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(written(plans()), "utf-8")
