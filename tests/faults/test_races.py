"""Many workers with clients of their own race for the refunds of few orders on the embedded DynamoDB.

The short form runs with every test run; `QUITTANCE_RACES=10000` runs so many attempts by sixteen workers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import pytest

from bench.refund_races import UNITS, WORKERS, race
from sandbox.emulator import Emulator

ATTEMPTS: Final = int(os.environ.get("QUITTANCE_RACES", "200"))
FEW: Final = 1000
FEW_WORKERS: Final = 4


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    started = Emulator.start()
    yield started
    started.stop()


@pytest.mark.proves("B1", "B2", "F097")
def test_whoever_races_no_order_is_over_refunded_none_is_paid_twice_and_every_ledger_is_in_balance(
    emulator: Emulator,
) -> None:
    raced = race(emulator, workers=WORKERS if ATTEMPTS > FEW else FEW_WORKERS, attempts=ATTEMPTS)

    assert (raced.doubled, raced.over_refunded, raced.unbalanced) == (0, 0, 0), raced
    assert raced.open == 0, raced
    assert raced.settled == raced.admitted <= raced.orders * UNITS, raced
    assert raced.admitted >= raced.orders, "the orders were fought over"
    assert raced.lost_races >= 1, "somebody lost a race"
