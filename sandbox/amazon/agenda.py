"""What will happen by itself: feeds that finish, money that posts, claims that nobody answered, in the order of time.

Nothing runs before its time, and nothing runs unless somebody says what time it is.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

Deed = Callable[[datetime], None]


@dataclass(slots=True)
class Agenda:
    """A deed is called with the moment it was planned for, however late it runs."""

    _plan: list[tuple[datetime, int, Deed]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def plan(self, at: datetime, deed: Deed) -> None:
        heapq.heappush(self._plan, (at, next(self._numbers), deed))

    def next_due(self) -> datetime | None:
        return self._plan[0][0] if self._plan else None

    def run_due(self, now: datetime) -> int:
        """Do all that is due at `now`, and what that brings about; how many deeds it was."""
        done = 0
        while self._plan and self._plan[0][0] <= now:
            at, _, deed = heapq.heappop(self._plan)
            deed(at)
            done += 1
        return done
