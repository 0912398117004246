"""What many runs came to: every fault at every boundary, and how often a law broke. Tallies add up.

Refuses to forget a broken run: it keeps the seeds, as far as anybody would read them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from tests.faults.laboratory.faults import Fault
from tests.faults.laboratory.run import Outcome

MOST_KEPT: Final = 20
# Which broken law is which harm; whatever else breaks is counted as a broken invariant.
HARMS: Final = {"I2": "doubles", "I3": "doubles", "I11": "lost", "Endless": "lost", "I1": "over-refunds"}


AFTER_RESTORE: Final = ", table restored"


def _is_restored(outcome: Outcome) -> bool:
    return any(fault is Fault.RESTORED for _, fault in outcome.struck)


@dataclass
class Tally:
    """Counts over runs; `took` are seconds from the last fault to rest by guard, and apart where a table came back."""

    runs: int = 0
    touches: int = 0
    refunds: int = 0
    settled: int = 0
    faults: int = 0
    struck: Counter[tuple[str, Fault]] = field(default_factory=Counter)
    scenarios: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    admitted: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    took: Counter[tuple[str, int]] = field(default_factory=Counter)
    failing: list[tuple[int, str]] = field(default_factory=list)

    def add(self, outcome: Outcome, seed: int) -> None:
        """Count a run."""
        self.runs += 1
        self.touches += outcome.touches
        self.refunds += outcome.refunds
        self.settled += outcome.settled
        self.faults += len(outcome.struck)
        self.struck.update(outcome.struck)
        self.scenarios[outcome.scenario] += 1
        self.held[outcome.guard] += outcome.held
        self.admitted[outcome.guard] += outcome.refunds
        kind = f"{outcome.guard}{AFTER_RESTORE}" if _is_restored(outcome) else outcome.guard
        self.took[kind, -(-outcome.took // 1000)] += 1
        if outcome.broken:
            self.broken[HARMS.get(outcome.law, "other invariants")] += 1
            self.failing = sorted([*self.failing, (seed, outcome.broken)])[:MOST_KEPT]

    def join(self, other: Tally) -> None:
        """Add another tally to this one."""
        for name in ("runs", "touches", "refunds", "settled", "faults"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("struck", "scenarios", "held", "admitted", "broken", "took"):
            getattr(self, name).update(getattr(other, name))
        self.failing = sorted([*self.failing, *other.failing])[:MOST_KEPT]

    def slowest(self, guard: str, share: float = 1.0) -> int:
        """Seconds within which this share of a guard's runs came to rest after their last fault."""
        spans = sorted((seconds, count) for (of, seconds), count in self.took.items() if of == guard)
        wanted = share * sum(count for _, count in spans)
        seen = 0
        for seconds, count in spans:
            seen += count
            if seen >= wanted:
                return seconds
        return 0
