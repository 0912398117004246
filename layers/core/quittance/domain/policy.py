"""Policy: the terms in force for one case, from three layers: law above channel above merchant.

Refuses to serve a case of another channel (`WRONG_CHANNEL`) and to override a locked rule (`POLICY_LOCKED`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from quittance.domain.bounds import Bounds
from quittance.domain.deadline import Wanted
from quittance.domain.errors import Rejected
from quittance.domain.money import Money
from quittance.domain.observations import Condition
from quittance.domain.values import dataclass


class DecidedBy(StrEnum):
    """Who decides a request: a person, or the rule alone inside its limits."""

    PERSON = "person"
    RULE = "rule"


class Gate(StrEnum):
    """What must have happened before money is paid back for units that were accepted."""

    RECEIVED = "received"
    SENT = "sent"
    AUTHORISED = "authorised"


class RefundWhen(StrEnum):
    """Whether each accepted parcel is refunded on its own, or all at once."""

    EACH_PARCEL = "each_parcel"
    ALL_RECEIVED = "all_received"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A buyer's right to withdraw under the law of some countries; `rule` names it and `source` cites it."""

    rule: str
    countries: frozenset[str]
    days: int
    refund_days: int
    withhold_until: frozenset[str]
    outbound_shipping: bool
    restocking_fee: bool
    same_means: bool
    source: str


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """How long something may take: `hours` from the event `starts`, worked to `ahead` hours before, warned before."""

    kind: str
    starts: str
    hours: int
    ahead: int
    warn: tuple[int, ...]
    lane: int
    rule: str
    source: str

    def wanted(self, starts: datetime) -> Wanted:
        """The deadline counted from this instant, in UTC."""
        legal = starts + timedelta(hours=self.hours)
        return Wanted(starts, legal, legal - timedelta(hours=self.ahead), self.rule, self.warn, self.lane)


@dataclass(frozen=True, slots=True)
class Terms:
    """One channel's terms for one store: what a merchant may set, and what a marketplace has locked."""

    channel: str
    locked: bool
    currency: str
    time_zone: str
    window_days: int
    decided_by: DecidedBy
    authorise_alone_up_to: Money
    refund_when: RefundWhen
    refund_gate: Gate
    refund_alone_up_to: Money
    fee_percent: int
    fee_free_reasons: frozenset[str]
    accept_conditions: frozenset[Condition]
    reject_conditions: frozenset[Condition]
    close_after_refund: bool
    close_reasons: frozenset[str]
    decline_reasons: frozenset[str]
    resolutions: frozenset[str]
    deadlines: tuple[DeadlineRule, ...]
    texts_days: int = 60


@dataclass(frozen=True, slots=True)
class Versions:
    """Which version of each layer was in force."""

    law: int
    accounts: int
    channel: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The three layers compiled for one store; `bounds` are the account's as they stand now, whatever the versions."""

    versions: Versions
    withdrawals: tuple[Withdrawal, ...]
    terms: Terms
    sources: Mapping[str, str] = field(default_factory=dict)
    bounds: Bounds = Bounds()

    def serves(self, channel: str) -> None:
        """Raise Rejected(WRONG_CHANNEL) unless this policy is the channel's own."""
        if self.terms.channel != channel:
            raise Rejected("WRONG_CHANNEL", "policy", f"{self.terms.channel}'s rules cannot decide a {channel} case")

    def rule(self, key: str) -> str:
        """Name a rule as a decision records it: layer, version, key."""
        return f"{self.terms.channel}@{self.versions.channel}:{key}"

    def law_rule(self, withdrawal: Withdrawal) -> str:
        """Name a rule of law as a decision records it."""
        return f"law@{self.versions.law}:{withdrawal.rule}"

    def override(self, approver: str, reason: str) -> None:
        """Allow a person to depart from a negotiable rule, with a name and a reason.

        Raises Rejected(POLICY_LOCKED) where the channel's rules are not the merchant's to bend.
        """
        if self.terms.locked:
            raise Rejected("POLICY_LOCKED", "policy", f"{self.terms.channel} sets this rule; it cannot be overridden")
        if not approver or not reason:
            raise Rejected("OVERRIDE_UNNAMED", "reason", "an override needs an approver and a reason")

    def withdrawal(self, country: str, delivered_at: datetime | None, asked_at: datetime) -> Withdrawal | None:
        """The right to withdraw that covers a request made at `asked_at`, or None.

        Source: Directive 2011/83/EU article 9. An unknown country or delivery date counts as inside.
        """
        for law in self.withdrawals:
            if country and country not in law.countries:
                continue
            if delivered_at is None or asked_at < window_end(delivered_at, law.days, self.terms.time_zone):
                return law
        return None

    def is_inside_window(self, delivered_at: datetime | None, asked_at: datetime) -> bool:
        """Say whether the merchant's or marketplace's own return window is open at `asked_at`."""
        if delivered_at is None:
            return True
        return asked_at < window_end(delivered_at, self.terms.window_days, self.terms.time_zone)

    def deadline(self, kind: str) -> DeadlineRule | None:
        """The rule for deadlines of this kind, if the policy has one."""
        return next((rule for rule in self.terms.deadlines if rule.kind == kind), None)


def window_end(start: datetime, days: int, zone: str) -> datetime:
    """The instant at which a period of whole days ends: the day of the event is not counted, the last counts whole.

    Source: Regulation (EEC, Euratom) 1182/71 article 3, in the store's time zone.
    """
    return _window_end(start.astimezone(UTC), days, zone)


# In UTC, where equal times are one instant.
@lru_cache(1024)
def _window_end(start: datetime, days: int, zone: str) -> datetime:
    local = ZoneInfo(zone)
    last = start.astimezone(local).date() + timedelta(days=days + 1)
    return datetime.combine(last, time(0), tzinfo=local).astimezone(UTC)
