"""Bounds: what an account lets rules do by themselves in a day, how often for one customer, and who owns which act.

They hold as they are set now, whatever version a case was opened under. Refuses nothing; a bound asks for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from quittance.domain.intent import Act
from quittance.domain.values import dataclass


class Owner(StrEnum):
    """Who carries out an act at the channel: Quittance, people in the channel's own admin, or another system."""

    QUITTANCE = "quittance"
    OBSERVE = "observe"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Velocity:
    """How many refunds one customer gets within so many days before the next one needs approval."""

    refunds: int
    days: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """`daily` is the budget per currency in minor units, empty for none; an act that `owners` leaves out is ours."""

    daily: Mapping[str, int] = field(default_factory=dict)
    velocity: Velocity | None = None
    owners: Mapping[Act, Owner] = field(default_factory=dict)

    @property
    def need_reading(self) -> bool:
        """Say whether something has to be read before a refund can be judged by them."""
        return bool(self.daily) or self.velocity is not None

    def owner(self, act: Act) -> Owner:
        """Who carries the act out in this store."""
        return self.owners.get(act, Owner.QUITTANCE)

    def is_ours(self, act: Act) -> bool:
        """Say whether Quittance may admit an intent for the act."""
        return self.owner(act) is Owner.QUITTANCE


def local_day(at: datetime, zone: str) -> str:
    """The calendar day of an instant in a store's time zone: the day whose budget a refund takes from."""
    return at.astimezone(ZoneInfo(zone)).date().isoformat()
