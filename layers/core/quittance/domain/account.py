"""An account's control: whether Quittance only watches, tries in shadow, or acts; and the switch that stops money.

Refuses nothing; an account without a control item observes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from quittance.domain.values import dataclass, replace

_MINUTE = timedelta(minutes=1)
_ORIGIN = datetime(2020, 1, 1, tzinfo=UTC)


class Mode(StrEnum):
    """What Quittance may do on an account."""

    OBSERVE = "observe"
    SHADOW = "shadow"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Control:
    """`killed` stops every send at once; `epoch` rises after a restore from backup."""

    mode: Mode = Mode.OBSERVE
    killed: bool = False
    epoch: int = 0

    @property
    def may_send(self) -> bool:
        """Say whether an intent may leave the house now."""
        return self.mode is Mode.LIVE and not self.killed

    def restored(self, now: datetime) -> Control:
        """The control after a restore from backup: it only observes, in an epoch that no time before has used.

        The epoch is the minute, because a backup may have forgotten an epoch that was raised after it was taken.
        """
        return replace(self, mode=Mode.OBSERVE, epoch=max(self.epoch + 1, (now - _ORIGIN) // _MINUTE))
