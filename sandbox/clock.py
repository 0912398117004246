"""The sandbox's time: this machine's, moved ahead by an offset that only grows and that functions read from the table.

Refuses to go back: a deadline that has passed stays passed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

_SECOND: Final = timedelta(seconds=1)


def _machine_time() -> datetime:
    return datetime.now(UTC)


class VirtualClock:
    """Give the simulators this clock to call; move it with `advance`. May be shared between threads.

    `tell` is called with the whole offset in seconds before this clock itself moves; `Cloud.set_clock_offset` fits.
    """

    def __init__(self, tell: Callable[[int], None], machine_time: Callable[[], datetime] = _machine_time) -> None:
        self._tell = tell
        self._machine_time = machine_time
        self._offset = 0
        self._moving = threading.Lock()

    def __call__(self) -> datetime:
        """Return the time in UTC."""
        return self._machine_time() + self.offset

    @property
    def offset(self) -> timedelta:
        return timedelta(seconds=self._offset)

    def advance(self, by: timedelta) -> datetime:
        """Move ahead by at least `by`, in whole seconds, and return the new time. Raises ValueError when negative."""
        if by < timedelta(0):
            raise ValueError(f"the clock goes forward only, not by {by}")
        with self._moving:
            ahead = self._offset - (-by // _SECOND)  # rounded up: what is due at the stated time must be due
            self._tell(ahead)
            self._offset = ahead
        return self()

    def advance_to(self, instant: datetime) -> datetime:
        """Move ahead until it is at least `instant`; where that has passed already, stay."""
        return self.advance(max(instant - self(), timedelta(0)))
