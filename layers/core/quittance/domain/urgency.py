"""Urgency: which of the open cases to take next, computed when somebody looks and stored nowhere.

Decides by risk, money, time left, repeated contacts and the defect rate. The weights are the house's own reading,
stated below as data; the order of the bands is not theirs to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from quittance.domain.money import Money, exponent
from quittance.domain.priority import CaseKind, Risk, Standing
from quittance.domain.values import dataclass

MILLE: Final = 1000
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Band(IntEnum):
    """What comes before what, whatever the points: claims and cancellations, what waited too long, the rest."""

    CLAIM = 0
    OVERDUE = 1
    ORDINARY = 2


@dataclass(frozen=True, slots=True)
class DefectRate:
    """Orders with a defect among all orders of the window, and the share, in thousandths, above which sellers fall.

    Source of the limit for Amazon: the order defect rate stays below 1 %.
    """

    defects: int
    orders: int
    limit: int = 10

    @property
    def if_lost(self) -> int:
        """The rate in millionths once one more order has a defect; an order that is not counted yet counts then."""
        return (self.defects + 1) * MILLE * MILLE // max(self.orders, self.defects + 1)

    @property
    def effect(self) -> int:
        """How much of what is left below the limit one more defect uses up, in thousandths; all of it at the limit."""
        room = self.limit * self.orders - self.defects * MILLE
        return MILLE if room <= MILLE else MILLE * MILLE // room


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much. Points add up to a case's weight; all of it is data that a policy may state."""

    risk: Mapping[Risk, int] = field(
        default_factory=lambda: MappingProxyType({Risk.COMPLIANCE: 300, Risk.REPUTATION: 200, Risk.LOYALTY: 100})
    )
    bound: Mapping[Risk, timedelta] = field(
        default_factory=lambda: MappingProxyType(
            {Risk.COMPLIANCE: 24 * HOUR, Risk.REPUTATION: 4 * HOUR, Risk.LOYALTY: 72 * HOUR}
        )
    )
    # Minor units of each currency that are worth a point; one major unit where nothing is stated.
    point: Mapping[str, int] = field(default_factory=dict)
    most_money: int = 1000
    # Thousandths: what claims come to without cause, what an hour of silence and a repeated question add.
    claim_at_rest: int = 20
    claim_per_hour: int = 10
    claim_per_contact: int = 150
    # How long silence counts: after it the buyer may file the claim. Source: Seller Central help 27951.
    claim_window: timedelta = 48 * HOUR
    # A case without a deadline is taken as if its end were a week away.
    without_deadline: timedelta = timedelta(days=7)


USUAL: Final = Weights()


@dataclass(frozen=True, slots=True)
class Stake:
    """What is known of a case when somebody looks.

    `waiting_since` is when the buyer asked what nobody has answered; `contacts` counts how often the buyer asked.
    """

    money: Money | None = None
    legal: datetime | None = None
    waiting_since: datetime | None = None
    contacts: int = 1
    rate: DefectRate | None = None


@dataclass(frozen=True, slots=True)
class Urgency:
    """The place of a case and why it has it: smaller sorts first by `key`.

    `claim_risk` is the chance of a claim in thousandths; `waited` and `bound` show how long it waits and may wait.
    """

    band: Band
    score: int
    points: int
    claim_risk: int
    waited: timedelta
    bound: timedelta
    legal: datetime | None

    @property
    def key(self) -> tuple[int, int, int, datetime]:
        """Band first; those that waited too long by how long, all others by score; then the earlier end."""
        waited = self.waited // MINUTE if self.band is Band.OVERDUE else 0
        return (self.band, -waited, -self.score, self.legal or _NEVER)


def claim_risk(standing: Standing, kind: CaseKind, stake: Stake, now: datetime, weights: Weights = USUAL) -> int:
    """The chance, in thousandths, that the buyer takes it to the marketplace: it grows with silence and repetition.

    Where no operator judges claims there is none; a claim that is there is certain.
    """
    if standing.risk is not Risk.COMPLIANCE:
        return 0
    if kind is CaseKind.CLAIM:
        return MILLE
    silent = min(_waited(stake, now), weights.claim_window)
    grown = weights.claim_per_hour * (silent // MINUTE) // 60 + weights.claim_per_contact * _repeated(stake)
    return min(MILLE, weights.claim_at_rest + grown)


def urgency(standing: Standing, kind: CaseKind, stake: Stake, now: datetime, weights: Weights = USUAL) -> Urgency:
    """The place of a case among the open ones.

    The score is (chance of a claim x its effect on the defect rate + money at stake + risk + repetition) by the time
    that is left: it never falls while nothing is done.
    """
    waited, bound = _waited(stake, now), weights.bound[standing.risk]
    chance = claim_risk(standing, kind, stake, now, weights)
    effect = stake.rate.effect if stake.rate else 0
    points = weights.risk[standing.risk] + _money_points(stake.money, weights)
    points += chance + chance * effect // MILLE + weights.claim_per_contact * _repeated(stake)
    left = stake.legal - now if stake.legal else weights.without_deadline
    score = points * MILLE // max(1, left // MINUTE)
    band = Band.CLAIM if standing.rank == 0 else Band.OVERDUE if waited > bound else Band.ORDINARY
    return Urgency(band, score, points, chance, waited, bound, stake.legal)


def _repeated(stake: Stake) -> int:
    return max(0, stake.contacts - 1)


def _waited(stake: Stake, now: datetime) -> timedelta:
    return max(timedelta(0), now - stake.waiting_since) if stake.waiting_since else timedelta(0)


def _money_points(money: Money | None, weights: Weights) -> int:
    if money is None:
        return 0
    worth = weights.point.get(money.currency) or int(10 ** exponent(money.currency))
    return min(weights.most_money, money.minor // worth)
