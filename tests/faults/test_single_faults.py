"""Every touch of the outside on the way of a refund, times every fault: paid at most once, and never forgotten.

The whole path here at a channel without a key, the way of the money at each; `make faults` tries both at each.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.faults.laboratory.exhaustive import holds_at, singles
from tests.faults.laboratory.faults import Fault
from tests.faults.laboratory.people import MINUTE
from tests.faults.laboratory.scenarios import Scenario, ready_refund, whole_path
from tests.faults.laboratory.seeds import ONE_IN
from tests.faults.laboratory.stage import GUARDS

EVERY: Final = os.environ.get("QUITTANCE_FAULTS") == "all"
# Keyed: nobody is asked, and rest comes within three minutes. Else the channel is read until it is certain.
KEYED_REST: Final = 180_000
UNKEYED_REST: Final = 48 * 60 * MINUTE


@pytest.mark.proves("B1", "F096", "F097")
@pytest.mark.parametrize("guard", GUARDS if EVERY else ("un-keyed",))
def test_every_fault_at_every_boundary_of_the_whole_path_breaks_nothing(guard: str) -> None:
    met: set[Fault] = set()
    for case in singles(Scenario("whole path", guard, whole_path)):
        assert not case.outcome.broken, case.story()
        limit = KEYED_REST if guard == "keyed" else UNKEYED_REST
        assert case.outcome.took <= limit, case.story()
        met.update(fault for _, fault in case.outcome.struck)

    assert met == set(Fault)


@pytest.mark.proves("B1")
@pytest.mark.parametrize("guard", GUARDS)
def test_every_fault_while_money_is_slow_to_move_breaks_nothing(guard: str) -> None:
    for case in singles(Scenario("ready refund", guard, ready_refund, is_slow=True, is_ready=True)):
        assert not case.outcome.broken, case.story()


@pytest.mark.proves("B3")
@pytest.mark.parametrize("guard", ["keyed", "quantity"])
def test_with_a_guard_no_single_fault_but_a_restore_needs_a_person(guard: str) -> None:
    for case in singles(Scenario("ready refund", guard, ready_refund, is_ready=True)):
        is_restored = Fault.RESTORED in case.strikes.values()
        assert not case.outcome.held or is_restored, case.story()


def test_without_a_guard_only_a_send_that_may_have_happened_needs_a_person() -> None:
    held: set[str] = set()
    for case in singles(Scenario("ready refund", "un-keyed", ready_refund, is_ready=True)):
        if case.outcome.held and Fault.RESTORED not in case.strikes.values():
            held |= {boundary.partition(": ")[2] for boundary, _ in case.outcome.struck}

    # Killed just after its claim or before its call a worker cannot be told from one whose call was lost.
    assert held == {"write SENDING", "get account control", "send refund"}


@pytest.mark.proves("F098")
@pytest.mark.parametrize("guard, most", [("keyed", 0.0001), ("quantity", 0.0001), ("un-keyed", 0.005)])
def test_few_refunds_are_held_where_one_call_in_a_thousand_fails(guard: str, most: float) -> None:
    assert holds_at(ONE_IN, Scenario("ready refund", guard, ready_refund, is_ready=True)) <= most
