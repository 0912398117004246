"""Amazon's token buckets: one per selling partner and operation, filled at the published rate up to the burst.

A request that finds the bucket empty is refused before anything is read; it costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Bucket:
    rate: float
    burst: int
    level: float
    at: datetime

    def take(self, now: datetime) -> bool:
        passed = max(0.0, (now - self.at).total_seconds())
        self.level = min(float(self.burst), self.level + passed * self.rate)
        self.at = max(self.at, now)
        # A hair below one whole token is one: a client that waits exactly as long as the rate says is served.
        if self.level < 1.0 - 1e-9:
            return False
        self.level = max(0.0, self.level - 1.0)
        return True


@dataclass(slots=True)
class Buckets:
    """`refused` counts what was throttled, by operation."""

    clock: Callable[[], datetime]
    refused: dict[str, int] = field(default_factory=dict)
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    def take(self, who: str, operation: str, usage: tuple[float, int]) -> bool:
        now = self.clock()
        rate, burst = usage
        bucket = self._buckets.setdefault((who, operation), Bucket(rate, burst, float(burst), now))
        served = bucket.take(now)
        if not served:
            self.refused[operation] = self.refused.get(operation, 0) + 1
        return served

    def left(self, who: str, operation: str) -> float | None:
        """Tokens at the last request; None when nobody has asked yet."""
        bucket = self._buckets.get((who, operation))
        return None if bucket is None else bucket.level
