"""An account's control: whether Quittance only watches, tries in shadow, or acts; and the switch that stops money.

Refuses nothing; an account without a control item observes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
