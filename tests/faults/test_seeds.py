"""Seeded runs of up to five faults, over the real use cases: nothing is paid twice, lost or too large.

Twenty thousand in every run of the suite, in parts; `make faults RUNS=1000000` runs as many as it is told to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import pytest

from tests.faults.laboratory.seeds import replay, tallied

RUNS: Final = int(os.environ.get("QUITTANCE_RUNS", "20000"))
PARTS: Final = 4
# From the last fault: twice the lease with its horizon and the ticks between them.
KEYED_MOST: Final = 600
# Seeds that a law once stumbled over: a claim proven unsent before the next, and a restored refund behind a held one.
STUMBLED: Final = (5011264, 5031349)


@pytest.mark.proves("B1", "B2", "F096", "F097", "F100", "F101")
@pytest.mark.parametrize("part", range(PARTS))
def test_seeded_runs_of_up_to_five_faults_break_nothing(
    part: int, record_property: Callable[[str, object], None]
) -> None:
    tally = tallied(range(part * RUNS // PARTS, (part + 1) * RUNS // PARTS))

    assert not tally.failing, "\n\n".join(replay(seed) for seed, _ in tally.failing[:1])
    assert tally.slowest("keyed") <= KEYED_MOST
    assert tally.runs == RUNS // PARTS
    record_property(
        "told",
        f"fault laboratory, part {part + 1} of {PARTS}: {tally.runs:,} seeded runs, {tally.faults:,} faults, "
        f"{tally.refunds:,} refunds; 0 doubles, 0 lost, 0 over-refunds; keyed at rest after {tally.slowest('keyed')} s",
    )


@pytest.mark.parametrize("seed", STUMBLED)
def test_a_seed_that_once_broke_something_breaks_nothing(seed: int) -> None:
    assert not tallied([seed]).failing
