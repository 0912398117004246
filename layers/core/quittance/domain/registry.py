"""The registry of deadlines: how long a channel or the law gives, and which of several sources counts for a case.

Refuses a duration that is none or several, and a printed end that cannot be meant; what was not taken stays named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from quittance.domain.calendar import Calendar
from quittance.domain.deadline import Wanted
from quittance.domain.errors import Rejected
from quittance.domain.marketplace import Marketplace
from quittance.domain.values import dataclass
from quittance.domain.zones import in_utc

ANYWHERE: Final = "*"
# No channel prints an end that is further away; a later one is a year misread.
FURTHEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Duration:
    """How long something may take: minutes or hours, hours of working time, whole calendar or business days.

    Exactly one is stated. Working time is for a shop's own promises: the law and the channels never pause.
    """

    minutes: int = 0
    hours: int = 0
    working_hours: int = 0
    calendar_days: int = 0
    business_days: int = 0

    def __post_init__(self) -> None:
        """Raise Rejected(BAD_DURATION) unless exactly one is stated and above zero."""
        spans = (self.minutes, self.hours, self.working_hours, self.calendar_days, self.business_days)
        stated = [span for span in spans if span]
        if len(stated) != 1 or stated[0] < 0:
            raise Rejected("BAD_DURATION", "duration", f"state one of {', '.join(SPANS)}, above 0")

    def after(self, starts: datetime, marketplace: Marketplace, calendar: Calendar | None = None) -> datetime:
        """The instant at which it is over, in UTC; days are counted as the marketplace counts them.

        Working time passes in staffed hours alone, and all the time where there is no calendar.
        """
        if self.calendar_days:
            return marketplace.calendar_days_after(starts, self.calendar_days)
        if self.business_days:
            return marketplace.business_days_after(starts, self.business_days)
        if self.working_hours and calendar:
            return calendar.step_on(starts, timedelta(hours=self.working_hours))
        return in_utc(starts, "starts") + timedelta(minutes=self.minutes, hours=self.hours + self.working_hours)


SPANS: Final = ("minutes", "hours", "working_hours", "calendar_days", "business_days")


@dataclass(frozen=True, slots=True)
class Counted:
    """By what days and hours are counted: the marketplace's for the legal clock, the store's for its own promises."""

    marketplace: Marketplace
    calendar: Calendar | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of the registry. In force for events from the day `since` on, until the day `until`, which is not in it.

    `ahead` is the working time that people want before the end; `warn` and `escalate` are minutes before it. A row
    without a `duration` sets no end: the channel prints one for each case. `margin` is what the way to the channel
    takes, such as another system that passes decisions on by the hour.
    """

    kind: str
    starts: str
    duration: Duration | None
    ahead: timedelta
    warn: tuple[int, ...]
    lane: int
    rule: str
    source: str
    since: date
    until: date | None = None
    countries: frozenset[str] = frozenset({ANYWHERE})
    escalate: tuple[int, ...] = ()
    stage: str = ""
    margin: timedelta = timedelta(0)

    def end(self, starts: datetime, counted: Counted) -> datetime | None:
        """When it is over for an event at `starts`, never before that; None where the channel prints it."""
        if self.duration is None:
            return None
        return max(self.duration.after(starts, counted.marketplace, counted.calendar) - self.margin, starts)

    def is_in_force(self, days: Iterable[date]) -> bool:
        """Say whether it holds on any of these days."""
        return any(self.since <= day and (self.until is None or day < self.until) for day in days)


@dataclass(frozen=True, slots=True)
class Printed:
    """An end that the channel itself stated for this case, in a mail or a payload read at `read_at`.

    `proven` says that its origin is beyond doubt: a signed payload, a mail whose signature holds.
    """

    legal: datetime
    rule: str
    read_at: datetime
    proven: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """The end that counts, the rule that set it, and what the others said: taken by nobody, shown on the case.

    `provisional` rests on an unproven source. `refused` are printed ends that cannot be meant.
    """

    legal: datetime
    rule: str
    limit: Limit | None
    provisional: bool
    rivals: tuple[tuple[str, datetime], ...] = ()
    refused: tuple[tuple[str, datetime], ...] = ()


def limits_of(limits: Iterable[Limit], kind: str, country: str) -> tuple[Limit, ...]:
    """The rows of a kind for a country of sale: those that name it go before those for all of them."""
    found = [limit for limit in limits if limit.kind == kind]
    named = tuple(limit for limit in found if country in limit.countries)
    return named or tuple(limit for limit in found if ANYWHERE in limit.countries)


def choose(
    starts: datetime,
    limits: Sequence[Limit],
    counted: Counted,
    printed: Sequence[Printed] = (),
    *,
    proven: bool = True,
) -> Chosen | None:
    """Choose among the rows in force at `starts` and the ends that the channel printed; None where there is nothing.

    What the channel printed counts before every row, the last reading of it before earlier ones. Otherwise the earliest
    counts: an unproven print may make an end earlier, never later, so that a forged mail cannot talk a deadline away.
    `proven` says whether the event itself is beyond doubt.
    """
    starts = in_utc(starts, "starts")
    rows = [limit for limit in limits if limit.is_in_force(counted.marketplace.days_of(starts))]
    ends = [_End(end, row.rule, row) for row in rows if (end := row.end(starts, counted))]
    manner = min(ends, key=_earliest).limit if ends else next(iter(rows), None)
    meant = [end for end in printed if starts < in_utc(end.legal, "printed") <= starts + FURTHEST]
    told = [_printed(end, manner, starts) for end in meant]
    everything = sorted([*ends, *told], key=_earliest)
    if not everything:
        return None
    first = min((_printed(end, manner, starts) for end in _last(meant)), key=_earliest, default=everything[0])
    rivals = tuple((end.rule, end.legal) for end in everything if end != first)
    refused = tuple((end.rule, end.legal) for end in printed if end not in meant)
    return Chosen(first.legal, first.rule, first.limit, first.is_doubtful or not proven, rivals, refused)


@dataclass(frozen=True, slots=True)
class _End:
    legal: datetime
    rule: str
    limit: Limit | None
    is_doubtful: bool = False


def _earliest(end: _End) -> tuple[datetime, str]:
    return end.legal, end.rule


def _printed(end: Printed, manner: Limit | None, starts: datetime) -> _End:
    """A printed end, warned and shortened in the manner of the row that would have counted."""
    legal = in_utc(end.legal, "printed") - (manner.margin if manner else timedelta(0))
    return _End(max(legal, starts), end.rule, manner, is_doubtful=not end.proven)


def _last(printed: Sequence[Printed]) -> list[Printed]:
    """What the channel said last, of what is beyond doubt."""
    proven = [end for end in printed if end.proven]
    last = max((end.read_at for end in proven), default=None)
    return [end for end in proven if end.read_at == last]


# What a printed end without a row in the registry is warned by: a day and four hours before, as a legal clock.
_WARN: Final = (24 * 60, 4 * 60)
_LANE: Final = 1


def wanted(chosen: Chosen, starts: datetime, calendar: Calendar | None = None) -> Wanted:
    """The deadline to arm: its working instant lies in staffed hours, never before `starts`, never after the end.

    A store without a calendar is staffed around the clock.
    """
    limit = chosen.limit
    ahead = limit.ahead if limit else timedelta(0)
    starts = in_utc(starts, "starts")
    early = calendar.step_back(chosen.legal, ahead, starts) if calendar else max(starts, chosen.legal - ahead)
    return Wanted(
        starts=starts,
        legal=chosen.legal,
        working=min(early, chosen.legal),
        rule=chosen.rule,
        warn=limit.warn if limit else _WARN,
        lane=limit.lane if limit else _LANE,
        escalate=limit.escalate if limit else (),
        provisional=chosen.provisional,
    )
