"""What breaches by a given hour is known beforehand, with the fewest acts that save it and what nobody can save."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quittance.domain.calendar import Calendar
from quittance.domain.case import Case, returned
from quittance.domain.deadline import Deadline
from quittance.domain.errors import Rejected
from quittance.domain.forecast import Action, Crew, forecast
from quittance.domain.ids import CaseId
from quittance.domain.parcel import Parcel
from quittance.domain.priority import CaseKind
from quittance.domain.return_request import ReturnLine
from tests.support import builders as b

HOUR = timedelta(hours=1)
OFFICE = Calendar("Europe/Paris", (((9 * 60, 17 * 60),),) * 5 + ((), ()))
ALWAYS = Calendar("UTC", (((0, 24 * 60),),) * 7)
CREW = Crew(ALWAYS, effort=HOUR)
PARIS = ZoneInfo("Europe/Paris")
FRIDAY = datetime(2026, 11, 20, 15, tzinfo=PARIS)
MONDAY = datetime(2026, 11, 23, 9, tzinfo=PARIS)


def head(name: str, ends: dict[str, datetime], **changes: Any) -> Case:
    """A case with these deadlines, of which none has fired."""
    armed = {kind: Deadline(legal.astimezone(UTC), legal.astimezone(UTC), "rule") for kind, legal in ends.items()}
    return replace(b.case(), id=CaseId(name), deadlines=armed, **changes)


def undecided(case: Case) -> Case:
    return replace(case, body=replace(returned(case), lines={"1": ReturnLine("1", "SKU", 1, authorised=1, received=1)}))


def acts(found: tuple[Action, ...]) -> list[tuple[str, str]]:
    return [(each.case, each.act) for each in found]


@pytest.mark.proves("B25")
def test_what_breaches_by_monday_at_nine_is_named_with_the_fewest_acts_that_save_it() -> None:
    cases = [
        undecided(
            head("one", {"decide_units": MONDAY - HOUR, "refund_received": MONDAY, "law_refund": MONDAY - 9 * HOUR})
        ),
        head("two", {"decide_request": FRIDAY + HOUR, "goods_outstanding": MONDAY + HOUR}),
        head("three", {"decide_request": MONDAY + HOUR / 60}),
    ]

    found = forecast(cases, FRIDAY, MONDAY, Crew(OFFICE, effort=HOUR / 2))

    assert [(each.case, each.kind) for each in found.threats] == [
        ("two", "decide_request"),
        ("one", "law_refund"),
        ("one", "decide_units"),
        ("one", "refund_received"),
    ]
    assert acts(found.actions) == [("two", "decide_request"), ("one", "resolve_units")]
    assert found.actions[1].meets == ("decide_units", "law_refund", "refund_received")
    assert found.lost == ()


@pytest.mark.proves("B25")
def test_an_act_has_to_start_in_staffed_hours_and_it_is_said_when() -> None:
    found = forecast([head("one", {"decide_request": MONDAY})], FRIDAY, MONDAY, Crew(OFFICE, effort=HOUR))

    assert found.actions[0].start_by == FRIDAY + HOUR


def test_money_that_is_owed_needs_to_be_released_and_no_units_to_be_looked_at() -> None:
    case = head("one", {"refund_received": MONDAY, "law_refund": MONDAY})

    assert acts(forecast([case], FRIDAY, MONDAY, CREW).actions) == [("one", "release_refund")]


def test_a_parcel_nobody_knows_is_identified() -> None:
    parcel = head("one", {"identify_parcel": MONDAY}, body=Parcel(b.receipt(), b.NOW), kind=CaseKind.PARCEL)

    assert acts(forecast([parcel], FRIDAY, MONDAY, CREW).actions) == [("one", "identify_parcel")]


def test_what_has_passed_what_has_fired_and_what_ends_later_is_no_threat() -> None:
    spent = head("one", {"decide_request": MONDAY})
    spent = replace(spent, deadlines={"decide_request": replace(spent.deadlines["decide_request"], next=1)})
    cases = [spent, head("two", {"decide_request": FRIDAY}), head("three", {"decide_request": MONDAY + HOUR})]

    assert forecast(cases, FRIDAY, MONDAY, CREW).threats == ()


@pytest.mark.proves("B25", "F164")
def test_where_the_hours_do_not_suffice_claims_are_saved_and_what_is_lost_is_said() -> None:
    soon = FRIDAY + 2 * HOUR
    returns = [head(f"return-{n}", {"decide_request": soon}) for n in range(4)]
    claim = head("claim", {"answer_claim": soon}, channel="amazon", kind=CaseKind.CLAIM)

    found = forecast([*returns, claim], FRIDAY, MONDAY, Crew(OFFICE, effort=HOUR))

    assert acts(found.actions) == [("claim", "answer_claim"), ("return-0", "decide_request")]
    assert [each.case for each in found.lost] == ["return-1", "return-2", "return-3"]
    two = forecast([*returns, claim], FRIDAY, MONDAY, Crew(OFFICE, 2, HOUR))
    assert [each.case for each in two.lost] == ["return-3"]


def can_all_be_done(ends: list[int], hands: int) -> bool:
    """Say whether acts of an hour each, in the order of their ends, are done in time by so many people."""
    return all(turn // hands < end for turn, end in enumerate(sorted(ends)))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=7), st.integers(1, 3))
def test_no_other_choice_saves_more_and_none_saves_more_claims(jobs: list[tuple[int, bool]], hands: int) -> None:
    cases = [
        head(
            f"{n}",
            {"answer": b.after(hours=end, minutes=1)},
            **({"channel": "amazon", "kind": CaseKind.CLAIM} if grave else {}),
        )
        for n, (end, grave) in enumerate(jobs)
    ]

    found = forecast(cases, b.NOW, b.after(days=9), Crew(ALWAYS, hands, HOUR))

    saved = [int(each.case) for each in found.actions]
    assert can_all_be_done([jobs[n][0] for n in saved], hands)
    everything = chain.from_iterable(combinations(range(len(jobs)), size) for size in range(len(jobs) + 1))
    possible = [pick for pick in everything if can_all_be_done([jobs[n][0] for n in pick], hands)]
    assert len(saved) == max(len(pick) for pick in possible)
    assert sum(jobs[n][1] for n in saved) == max(sum(jobs[n][1] for n in pick) for pick in possible)
    assert len(saved) + len(found.lost) == len(jobs)


def test_ten_thousand_heads_are_looked_at_in_a_moment() -> None:
    cases = [head(f"{n:05}", {"decide_request": b.after(minutes=n)}) for n in range(1, 10_001)]

    found = forecast(cases, b.NOW, b.after(minutes=9_000), Crew(OFFICE, 4, HOUR / 6))

    assert len(found.threats) == 9_000
    assert len(found.actions) + len(found.lost) == 9_000


@pytest.mark.parametrize("change, code", [({"hands": 0}, "NO_HANDS"), ({"effort": timedelta(0)}, "BAD_EFFORT")])
def test_a_desk_without_hands_or_acts_without_time_are_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Rejected) as refused:
        replace(CREW, **change)

    assert refused.value.code == code
