"""An allowance: what is left of a day's budget, and when one customer was refunded, as read before deciding.

Refuses to let a rule take what is not there; what an approver takes beyond it is a debt that the next rule finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from quittance.domain.ids import CaseId
from quittance.domain.values import dataclass, replace

SHARDS = 8


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of a day's budget: `share` is what it began with, `left` what is left, below zero for a debt.

    `version` counts its writes; 0 stands for one that nobody has written yet.
    """

    left: int
    share: int
    version: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """One day's budget of an account in one currency, in minor units; `first` is the shard to take from first."""

    account: str
    day: str
    currency: str
    shards: tuple[Shard, ...]
    first: int = 0
    changed: frozenset[int] = frozenset()

    @property
    def left(self) -> int:
        """What all shards together have left."""
        return sum(shard.left for shard in self.shards)

    def covers(self, minor: int) -> bool:
        """Say whether a rule may take so much by itself."""
        return minor <= self.left

    def taking(self, minor: int) -> Budget:
        """Book an amount; what no shard has becomes a debt of the first.

        Debts of others are paid first, so that whoever takes while there is one touches it: two takers who read the
        same debt cannot both commit.
        """
        left = [max(0, shard.left) for shard in self.shards]
        need = minor + sum(max(0, -shard.left) for shard in self.shards)
        for step in range(len(left)):
            number = (self.first + step) % len(left)
            part = min(need, left[number])
            left[number] -= part
            need -= part
        left[self.first] -= need
        shards = tuple(replace(shard, left=after) for shard, after in zip(self.shards, left, strict=True))
        moved = {n for n, (old, new) in enumerate(zip(self.shards, shards, strict=True)) if old != new}
        return replace(self, shards=shards, changed=self.changed | moved)


def opened(account: str, day: str, currency: str, limit: int, known: Mapping[int, Shard], *, first: int = 0) -> Budget:
    """The day's budget from what is stored of it; a limit that was changed since moves what is left by as much."""
    shards = []
    for number in range(SHARDS):
        share = limit // SHARDS + (number < limit % SHARDS)
        stored = known.get(number, Shard(share, share))
        shards.append(Shard(stored.left + share - stored.share, share, stored.version))
    return Budget(account, day, currency, tuple(shards), first)


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer, known by a salted hash alone: when refunds were admitted for them, by case."""

    pseudonym: str
    refunds: Mapping[CaseId, tuple[datetime, ...]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many refunds are known."""
        return sum(len(times) for times in self.refunds.values())

    def since(self, start: datetime) -> Customer:
        """The customer without what lies before."""
        kept = {case: tuple(at for at in times if at > start) for case, times in self.refunds.items()}
        return replace(self, refunds=kept)

    def refunded(self, case: CaseId, at: datetime) -> Customer:
        """The customer after one more refund."""
        return replace(self, refunds={**self.refunds, case: (*self.refunds.get(case, ()), at)})


@dataclass(frozen=True, slots=True)
class Allowance:
    """What was read for the bounds of an account; None for what nobody read, which no rule may take for enough."""

    budget: Budget | None = None
    customer: Customer | None = None

    def booked(self, minor: int) -> Allowance:
        """The allowance after an amount was taken from the day's budget, where there is one."""
        return self if self.budget is None else replace(self, budget=self.budget.taking(minor))

    def counted(self, case: CaseId, at: datetime) -> Allowance:
        """The allowance after one more refund of the customer, where one is known."""
        return self if self.customer is None else replace(self, customer=self.customer.refunded(case, at))
