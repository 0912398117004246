"""Compiles what the accounts file says of a store, and the frozen holidays, into its calendar and its count of days.

Refuses a country or region without frozen holidays: a calendar that silently forgot one would promise work on it. It
trusts what `HOURS` let through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from quittance.application.policy_reading import Found, Reader, many, table, text
from quittance.domain.calendar import Absence, Calendar, Shift
from quittance.domain.errors import Rejected
from quittance.domain.instant import from_text
from quittance.domain.marketplace import Marketplace

Document = Mapping[str, Any]

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHIFT: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
# The key `hours` of a store: shifts by weekday; a day that is left out is not staffed.
HOURS: Final[Reader] = table({day: many(text(SHIFT, "09:00-12:00")) for day in WEEKDAYS}, optional=frozenset(WEEKDAYS))


def calendar_of(store: Document, holidays: Document, absences: Iterable[Absence] = ()) -> Calendar | None:
    """The working calendar of a store; None for one that states no hours and is staffed around the clock.

    Raises Rejected (UNKNOWN_COUNTRY | UNKNOWN_REGION | UNKNOWN_ZONE | BAD_HOURS | NO_WORKING_DAY).
    """
    hours = store.get("hours")
    if hours is None:
        return None
    days = _days(_frozen(holidays, store["country"]), store.get("region", ""), store["country"])
    own = frozenset(date.fromisoformat(day) for day in store.get("days_off", ()))
    week = tuple(tuple(_shift(shift) for shift in hours.get(day, ())) for day in WEEKDAYS)
    return Calendar(store["time_zone"], week, days | own, tuple(absences))


def marketplace_of(holidays: Document, country: str, zone: str = "") -> Marketplace:
    """How days are counted in a country: in `zone` where the channel states one, else in each zone of the country.

    A holiday whose date is only estimated is a business day: the deadline must not be thought to end later than it
    does. Raises Rejected(UNKNOWN_COUNTRY).
    """
    frozen = _frozen(holidays, country)
    certain = frozenset(frozen["days"]) - frozenset(frozen["estimated"])
    zones = (zone,) if zone else tuple(frozen["zones"])
    return Marketplace(zones, frozenset(frozen["weekend"]), frozenset(date.fromisoformat(day) for day in certain))


def absences_of(rows: Iterable[Mapping[str, str]]) -> tuple[Absence, ...]:
    """Absences as the desk stores them; raises Rejected (BAD_TIME | BAD_ABSENCE)."""
    return tuple(Absence(from_text(row["starts"]), from_text(row["ends"])) for row in rows)


def problems(store: Document, holidays: Document) -> Iterator[Found]:
    """What keeps a store's calendar from being published, by its key."""
    try:
        calendar_of(store, holidays)
    except Rejected as refusal:
        yield refusal.field, refusal.code, refusal.fix


def excerpt(stores: Iterable[Document], countries: Iterable[str], holidays: Document) -> dict[str, Any]:
    """What has to be published of the frozen holidays: the countries of these stores and of the deadlines, no more."""
    regions: dict[str, set[str]] = {country: set() for country in countries}
    for store in stores:
        regions.setdefault(store["country"], set()).add(store.get("region", ""))
    kept = {country: _cut(_frozen(holidays, country), named) for country, named in sorted(regions.items())}
    return {**{key: value for key, value in holidays.items() if key != "countries"}, "countries": kept}


def runs_out(holidays: Document, now: datetime) -> bool:
    """Say whether the last frozen year has begun, so that deadlines may soon end after it."""
    return bool(holidays["last_year"] <= now.year)


def _cut(frozen: Document, regions: Iterable[str]) -> dict[str, Any]:
    return {
        **frozen,
        "regions": {name: frozen["regions"][name] for name in sorted(regions) if name in frozen["regions"]},
    }


def _frozen(holidays: Document, country: str) -> Document:
    found: Document | None = holidays["countries"].get(country)
    if found is None:
        raise Rejected("UNKNOWN_COUNTRY", "country", f"no holidays are frozen for {country}; run `quittance holidays`")
    return found


def _days(frozen: Document, region: str, country: str) -> frozenset[date]:
    there: Document = frozen["regions"].get(region, {"more": (), "less": ()})
    if region and region not in frozen["regions"]:
        known = ", ".join(sorted(frozen["regions"])) or "none"
        raise Rejected("UNKNOWN_REGION", "region", f"{country} has no region {region!r} with days of its own: {known}")
    days = (frozenset(frozen["days"]) | frozenset(there["more"])) - frozenset(there["less"])
    return frozenset(date.fromisoformat(day) for day in days)


def _shift(stated: str) -> Shift:
    opens, _, closes = stated.partition("-")
    return _minute(opens), _minute(closes)


def _minute(wall: str) -> int:
    hours, _, minutes = wall.partition(":")
    return int(hours) * 60 + int(minutes)
