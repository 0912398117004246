"""Every pair of faults on the way of a refund: the second strikes while the first is being mended."""

from __future__ import annotations

from itertools import product

import pytest

from tests.faults.boundaries import Fault, Script
from tests.faults.refund_life import GUARDS, check, life, touches

# As far behind the first fault as the second may strike: past the look-back that mends the first.
REACH = 8


@pytest.mark.proves("B1")
@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("first", Fault, ids=lambda fault: fault.value)
def test_a_refund_survives_every_pair_of_faults(first: Fault, guard: str) -> None:
    for at in range(1, touches(GUARDS[guard]) + 1):
        for later, second in product(range(1, REACH + 1), Fault):
            script = Script({at: first, at + later: second})

            check(life(script, GUARDS[guard]), script)
