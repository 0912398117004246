"""Many seeds over all cores: each process takes its own part of them, so that the same seeds run whatever the cores.

Refuses to lose a process: one that dies fails the whole run.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from tests.faults.laboratory.seeds import rated, tallied
from tests.faults.laboratory.stage import GUARDS
from tests.faults.laboratory.tally import Tally

PART: Final = 1000


def run_all(runs: int, first: int = 0, processes: int | None = None) -> tuple[Tally, float]:
    """Run the seeds from `first` on; returns what they came to and the seconds it took."""
    parts = [range(at, min(at + PART, first + runs)) for at in range(first, first + runs, PART)]
    began = time.perf_counter()
    tally = Tally()
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for part in pool.map(tallied, parts):
            tally.join(part)
    return tally, time.perf_counter() - began


def rate_all(runs: int, processes: int | None = None) -> Tally:
    """One refund per seed and guard in a world that fails once in a thousand calls."""
    jobs = [(guard, range(at, min(at + PART, runs))) for guard in GUARDS for at in range(0, runs, PART)]
    tally = Tally()
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for part in pool.map(_rated, *zip(*jobs, strict=True)):
            tally.join(part)
    return tally


def _rated(guard: str, seeds: range) -> Tally:
    tally = Tally()
    for seed in seeds:
        tally.add(rated(seed, guard), seed)
    return tally
