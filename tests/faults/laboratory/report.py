"""What a run of the laboratory prints: boundaries by faults with counts, the zeros, holds, and how long rest took.

Refuses to print a figure that was not counted in this run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.faults.laboratory.exhaustive import holds_at
from tests.faults.laboratory.faults import Fault
from tests.faults.laboratory.laws import LAWS
from tests.faults.laboratory.scenarios import Scenario, one_refund
from tests.faults.laboratory.seeds import ONE_IN
from tests.faults.laboratory.stage import GUARDS
from tests.faults.laboratory.tally import Tally

HARMS: Final = ("doubles", "lost", "over-refunds", "other invariants")


def table(tally: Tally) -> Iterator[str]:
    """Boundaries by faults: how often each struck there; a dot where a fault cannot strike."""
    faults = list(Fault)
    yield "boundary".ljust(46) + " ".join(_head(fault) for fault in faults)
    for boundary in sorted({boundary for boundary, _ in tally.struck}):
        cells = [tally.struck[boundary, fault] for fault in faults]
        yield boundary.ljust(46) + " ".join(str(count or ".").rjust(7) for count in cells)
    yield "all".ljust(46) + " ".join(
        str(sum(n for (_, of), n in tally.struck.items() if of is fault)).rjust(7) for fault in faults
    )


def _head(fault: Fault) -> str:
    return fault.name.replace("_", "")[:7].lower().rjust(7)


def legend() -> Iterator[str]:
    """What the short heads of the table stand for."""
    for fault in Fault:
        yield f"{_head(fault)}  {fault.value}"


def summary(tally: Tally, seconds: float) -> Iterator[str]:
    """What was run, the zeros, and how long everything took to come to rest."""
    told = ", ".join(f"{count:,} {name}" for name, count in sorted(tally.scenarios.items()))
    yield f"{tally.runs:,} seeded runs in {seconds:.1f} s ({told})"
    yield f"{tally.touches:,} calls to the outside, {tally.faults:,} faults, {tally.refunds:,} refunds"
    yield "  ".join(f"{harm}: {tally.broken[harm]}" for harm in HARMS)
    for guard in sorted({guard for guard, _ in tally.took}):
        yield (
            f"{guard}: to rest after the last fault {tally.slowest(guard, 0.5)} s in half of the runs, "
            f"{tally.slowest(guard, 0.99)} s in 99 of 100, {tally.slowest(guard)} s at most"
        )


def holds(tally: Tally | None) -> Iterator[str]:
    """The share of refunds that end up with a person at one fault in a thousand calls, counted and measured."""
    for guard in GUARDS:
        counted = holds_at(ONE_IN, Scenario("one refund", guard, one_refund))
        measured = ""
        if tally is not None and tally.admitted[guard]:
            share = tally.held[guard] / tally.admitted[guard]
            measured = f"; measured {share:.3%} of {tally.admitted[guard]:,} refunds"
        yield f"held at one fault in {ONE_IN:,} calls, {guard}: {counted:.3%} by every single fault{measured}"


def laws() -> Iterator[str]:
    """Every invariant that was held after every step."""
    for moment, listed in LAWS.items():
        for each in listed:
            yield f"{each.number:4} {each.sentence} ({moment})"


def failing(tally: Tally) -> Iterator[str]:
    """The seeds that broke something, and how to see them again."""
    for seed, broken in tally.failing:
        yield f"seed {seed}: {broken}"
        yield f"    again: make faults SEED={seed}"
