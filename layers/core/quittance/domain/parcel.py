"""A parcel nobody knows: goods that arrived under names that fit no case, until somebody says whose they are.

Refuses to be identified twice.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from quittance.domain.observations import Receipt
from quittance.domain.values import dataclass


class ParcelState(StrEnum):
    """Whether it is known to which case the parcel belongs."""

    UNIDENTIFIED = "unidentified"
    IDENTIFIED = "identified"

    @property
    def is_final(self) -> bool:
        """Say whether nothing is left to do."""
        return self is ParcelState.IDENTIFIED


@dataclass(frozen=True, slots=True)
class Parcel:
    """What was found in it and under which names it came; `target` is the case it turned out to belong to."""

    receipt: Receipt
    arrived_at: datetime
    target: str = ""

    @property
    def state(self) -> ParcelState:
        """Derived: identified as soon as there is a target."""
        return ParcelState.IDENTIFIED if self.target else ParcelState.UNIDENTIFIED
