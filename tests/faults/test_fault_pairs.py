"""Every pair of faults on the way of the money: the second strikes while the first is being mended.

Here the kinds that leave somebody in the dark, as far as the mending reaches; `make faults` tries all of them.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.faults.laboratory.exhaustive import pairs
from tests.faults.laboratory.faults import Fault
from tests.faults.laboratory.scenarios import Scenario, ready_refund
from tests.faults.laboratory.stage import GUARDS

EVERY: Final = os.environ.get("QUITTANCE_FAULTS") == "all"
IN_THE_DARK: Final = (
    Fault.KILL_AFTER,
    Fault.NOT_APPLIED,
    Fault.APPLIED,
    Fault.LANDS_LATE,
    Fault.ZOMBIE,
    Fault.RESTORED,
)
KINDS: Final = tuple(Fault) if EVERY else IN_THE_DARK
REACH: Final = None if EVERY else 6


@pytest.mark.proves("B1")
@pytest.mark.parametrize("guard", GUARDS if EVERY else ("keyed", "un-keyed"))
def test_every_pair_of_faults_on_the_way_of_the_money_breaks_nothing(guard: str) -> None:
    tried = 0
    for case in pairs(Scenario("ready refund", guard, ready_refund, is_ready=True), KINDS, REACH):
        tried += 1
        assert not case.outcome.broken, case.story()

    assert tried > len(KINDS) ** 2
