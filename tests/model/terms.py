"""What a search is about: a world (amounts, channel, hands, faults, abstract time) and the rules of the engine in it.

Time is counted in ticks. A worker lives for LIFE, a lease is longer, and a bounded effect lands within the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from quittance.domain.intent import ReplayGuard

LIFE = 1
LEASE = LIFE + 1
HORIZON = 1
LIFETIME = 6
MARGIN = 2
NEVER = None
"""A lateness without bound: what is on its way lands at any time, or not at all."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The engine's rules as they stand; each can be taken away to see whether the search misses it.

    The search itself found the last two missing; test_mirror.py holds them against the engine, as it does those that
    change most. `unsent_is_not_looked_for`: an intent that was never sent is not settled by what the channel shows.
    `failed_is_forgotten`: an effect of ours that failed is not booked as other hands'.
    """

    claim_before_send: bool = True
    unknown_is_kept: bool = True
    look_back_before_resend: bool = True
    settle_horizon: bool = True
    lease_is_respected: bool = True
    lease_outlives_worker: bool = True
    intent_version: bool = True
    intent_fence: bool = True
    order_version: bool = True
    headroom: bool = True
    single_turn: bool = True
    hold_on_deficit: bool = True
    snapshot_excluded: bool = True
    owned_excluded: bool = True
    proof_owned_once: bool = True
    late_effect_holds: bool = True
    claim_counts_as_send: bool = True
    guard_before_resend: bool = True
    unsent_is_not_looked_for: bool = True
    failed_is_forgotten: bool = True

    def without(self, *names: str) -> Rules:
        """The rules but for these; ValueError for a name that is no rule."""
        unknown = set(names) - {rule.name for rule in fields(self)}
        if unknown:
            raise ValueError(f"no such rules: {sorted(unknown)}")
        return replace(self, **dict.fromkeys(names, False))


@dataclass(frozen=True, slots=True)
class World:
    """One order at one channel and everything that may befall it.

    `captured` and `amounts` (one per intent) are minor units. `late` is how many ticks a request may travel after its
    worker stopped waiting. `faults` bounds kills, lost answers, failed calls, throttles and pauses together; `foreign`
    is the amount that other hands pay back once, zero for never; `retries` bounds a person's RETRY. `checks`: the
    channel itself refuses more than was captured. `marks`: an effect carries the name of its intent. `hasty`: the
    person answers without looking. `pauses`: a worker may outlive its lease. `slow`: money moves or fails later.
    """

    name: str
    captured: int = 1
    amounts: tuple[int, ...] = (1,)
    guard: ReplayGuard = ReplayGuard.NONE
    late: int | None = 1
    faults: int = 2
    foreign: int = 0
    retries: int = 1
    workers: int = 2
    admitted: bool = False
    checks: bool = False
    marks: bool = True
    hasty: bool = False
    pauses: bool = False
    slow: bool = False
    rules: Rules = field(default_factory=Rules)

    def without(self, *names: str) -> World:
        """This world with an engine that lacks some rules."""
        return replace(self, name=f"{self.name} without {', '.join(names)}", rules=self.rules.without(*names))

    @property
    def is_bounded(self) -> bool:
        """Say whether absence after the horizon is a fact here, so that whatever rests on it must be true."""
        return self.late is not None and self.late <= HORIZON and not self.pauses

    @property
    def lease(self) -> int:
        """Ticks from a worker's start to the end of its lease."""
        return LEASE if self.rules.lease_outlives_worker else 0

    @property
    def horizon(self) -> int:
        """Ticks that must pass before absence means anything."""
        return HORIZON if self.rules.settle_horizon else 0

    @property
    def is_keyed(self) -> bool:
        """Say whether the channel honours a key, so that ages matter."""
        return self.guard is ReplayGuard.KEYED
