"""Every touch of the outside on the way of a refund, times every fault: paid at most once, and never forgotten."""

from __future__ import annotations

import pytest

from quittance.domain.intent import IntentState
from tests.faults.boundaries import Fault, Script
from tests.faults.refund_life import GUARDS, check, life, touches


@pytest.mark.proves("B1")
@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value)
def test_a_refund_survives_every_single_fault(fault: Fault, guard: str) -> None:
    for at in range(1, touches(GUARDS[guard]) + 1):
        script = Script({at: fault})

        bench = life(script, GUARDS[guard])

        check(bench, script)


@pytest.mark.proves("B3")
def test_with_a_key_no_single_fault_needs_a_person() -> None:
    for fault in Fault:
        for at in range(1, touches(GUARDS["keyed"]) + 1):
            bench = life(Script({at: fault}), GUARDS["keyed"])

            assert bench.refund.state is IntentState.SETTLED


def test_without_a_key_only_a_send_that_may_have_happened_needs_a_person() -> None:
    held: set[tuple[str, Fault]] = set()
    for fault in Fault:
        for at in range(1, touches(GUARDS["un-keyed"]) + 1):
            script = Script({at: fault})
            if life(script, GUARDS["un-keyed"]).refund.state is IntentState.HOLD:
                held |= set(script.struck)

    # Killed just after its claim or before its call a worker cannot be told from one whose call was lost.
    assert held <= {
        ("transact", Fault.KILL_AFTER),
        ("transact", Fault.APPLIED),
        ("send", Fault.KILL_BEFORE),
        ("send", Fault.NOT_APPLIED),
        ("send", Fault.LOST_RACE),
        ("query", Fault.KILL_BEFORE),
        ("query", Fault.KILL_AFTER),
        ("query", Fault.NOT_APPLIED),
        ("query", Fault.APPLIED),
        ("query", Fault.LOST_RACE),
    }
