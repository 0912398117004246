"""Of several sources the earliest credible one sets a deadline, unless the channel printed it; which one, is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.calendar import Calendar, days_off
from quittance.domain.errors import Rejected
from quittance.domain.marketplace import Marketplace
from quittance.domain.registry import FURTHEST, Chosen, Counted, Duration, Limit, Printed, choose, limits_of, wanted
from tests.support.builders import NOW, after

HOUR = timedelta(hours=1)
US = Counted(Marketplace(("America/New_York", "America/Los_Angeles")))
OFFICE = Calendar("Europe/Paris", (((9 * 60, 17 * 60),),) * 5 + ((), ()))


def limit(rule: str = "amazon@1:answer_claim", hours: int = 72, **changes: Any) -> Limit:
    plain = Limit(
        kind="answer_claim",
        starts="claim_opened",
        duration=Duration(hours=hours),
        ahead=4 * HOUR,
        warn=(24 * 60, 2 * 60),
        lane=0,
        rule=rule,
        source="Seller Central help",
        since=date(2020, 1, 1),
    )
    return replace(plain, **changes)


def printed(hours: float, *, read: float = 1, proven: bool = True, rule: str = "mail") -> Printed:
    return Printed(after(hours=hours), rule, after(hours=read), proven)


def chosen(*limits: Limit, prints: tuple[Printed, ...] = (), proven: bool = True) -> Chosen:
    found = choose(NOW, limits, US, prints, proven=proven)
    assert found is not None
    return found


@pytest.mark.proves("F157")
def test_where_sources_disagree_the_earliest_counts_and_the_others_stay_visible() -> None:
    found = chosen(limit("us", 72), limit("au", 48), limit("older", 168))

    assert (found.legal, found.rule) == (after(hours=48), "au")
    assert found.rivals == (("us", after(hours=72)), ("older", after(hours=168)))
    assert found.provisional is False


@pytest.mark.proves("F157")
@pytest.mark.parametrize("hours", [30, 71, 200])
def test_what_the_channel_printed_counts_before_every_row_earlier_or_later(hours: int) -> None:
    found = chosen(limit("us", 72), prints=(printed(hours),))

    assert (found.legal, found.rule, found.provisional) == (after(hours=hours), "mail", False)
    assert ("us", after(hours=72)) in found.rivals


def test_the_last_word_of_the_channel_moves_the_deadline() -> None:
    first, second = printed(48, read=1, rule="first"), printed(60, read=5, rule="second")

    assert chosen(limit(), prints=(second, first)).rule == "second"


def test_a_forged_mail_makes_a_deadline_earlier_and_provisional_but_never_later() -> None:
    earlier, later = printed(10, proven=False, rule="forged"), printed(300, proven=False, rule="forged")

    assert (chosen(limit("us"), prints=(earlier,)).rule, chosen(limit("us"), prints=(earlier,)).provisional) == (
        "forged",
        True,
    )
    assert (chosen(limit("us"), prints=(later,)).rule, chosen(limit("us"), prints=(later,)).provisional) == (
        "us",
        False,
    )
    assert chosen(limit("us"), prints=(printed(100), earlier)).rule == "mail"


def test_an_event_that_is_not_proven_makes_every_deadline_provisional() -> None:
    assert chosen(limit(), proven=False).provisional is True
    assert chosen(limit(), prints=(printed(50),), proven=False).provisional is True


@pytest.mark.parametrize("hours", [-30, 0, FURTHEST / HOUR + 1])
def test_a_printed_end_that_cannot_be_meant_is_refused_by_name_and_the_row_counts(hours: float) -> None:
    found = chosen(limit("us"), prints=(printed(hours, rule="misread"),))

    assert found.rule == "us"
    assert found.refused == (("misread", after(hours=hours)),)


def test_a_printed_end_needs_no_row() -> None:
    found = chosen(prints=(printed(50),))
    armed = wanted(found, NOW)

    assert (armed.legal, armed.rule, armed.lane) == (after(hours=50), "mail", 1)
    assert armed.warn
    assert choose(NOW, (), US) is None


SAFE_T = (
    limit("before", 60 * 24, until=date(2026, 2, 16)),
    limit("since", 30 * 24, since=date(2026, 2, 16)),
)


@pytest.mark.parametrize(
    "event, rule",
    [
        ("2026-02-15T12:00", "before"),
        ("2026-02-16T12:00", "since"),
        ("2026-02-16T06:00", "since"),  # still the 15th in Los Angeles: both are credible, the shorter counts
        ("2026-02-16T04:00", "before"),  # the 15th everywhere
    ],
)
def test_a_row_counts_for_the_events_of_its_time(event: str, rule: str) -> None:
    starts = NOW.fromisoformat(f"{event}:00+00:00")

    found = choose(starts, SAFE_T, US)

    assert found is not None
    assert found.rule == rule


def test_a_row_no_longer_counts_on_the_day_that_it_names_as_its_end() -> None:
    noon = NOW.fromisoformat("2026-02-16T12:00:00+00:00")

    assert choose(noon, SAFE_T[:1], US) is None
    assert choose(noon - 24 * HOUR, SAFE_T[:1], US) is not None
    assert choose(noon - 24 * HOUR, SAFE_T[1:], US) is None


def test_a_row_for_the_country_goes_before_those_for_all() -> None:
    everywhere, here = limit("all", 48), limit("us", 72, countries=frozenset({"US"}))
    other = limit("other", 1, kind="answer_message")

    assert limits_of((everywhere, here, other), "answer_claim", "US") == (here,)
    assert limits_of((everywhere, here, other), "answer_claim", "FR") == (everywhere,)
    assert limits_of((here,), "answer_claim", "FR") == ()


@pytest.mark.proves("B4")
def test_a_rule_in_days_becomes_an_instant_once_and_is_compared_with_hours() -> None:
    hours = limit("hours", 96)
    days = replace(hours, rule="days", duration=Duration(calendar_days=4))
    business = replace(hours, rule="business", duration=Duration(business_days=3))

    found = chosen(hours, days, business)

    assert (found.rule, found.legal) == ("hours", after(hours=96))
    assert dict(found.rivals) == {
        "business": US.marketplace.business_days_after(NOW, 3),
        "days": US.marketplace.calendar_days_after(NOW, 4),
    }


@pytest.mark.proves("B4")
def test_the_working_instant_lies_in_staffed_hours_between_the_start_and_the_end() -> None:
    found = chosen(limit(hours=44))  # from Saturday noon until Monday 08:00 UTC, 09:00 in Paris
    late = chosen(limit(hours=50))

    assert wanted(found, NOW, OFFICE).working == NOW
    assert wanted(late, NOW, OFFICE).working == after(hours=46)  # four working hours before 15:00 in Paris
    assert wanted(late, NOW).working == after(hours=46)
    assert wanted(late, after(hours=48)).working == after(hours=48)


def test_while_everybody_is_away_the_working_instant_is_at_once() -> None:
    away = replace(OFFICE, absences=(days_off("Europe/Paris", date(2026, 11, 20), date(2026, 12, 20)),))

    assert wanted(chosen(limit()), NOW, away).working == NOW


def test_a_promise_in_working_hours_passes_in_staffed_hours_and_always_where_there_is_no_calendar() -> None:
    promise = limit(duration=Duration(working_hours=8))

    staffed = choose(NOW, (promise,), Counted(Marketplace(), OFFICE))

    assert staffed is not None
    assert staffed.legal == after(hours=52)  # Monday 17:00 in Paris; it was made on Saturday
    assert chosen(promise).legal == after(hours=8)


def test_a_near_instant_answer_is_a_matter_of_minutes() -> None:
    assert chosen(limit(duration=Duration(minutes=15))).legal == after(minutes=15)


@pytest.mark.proves("F103")
def test_a_row_without_a_duration_waits_for_the_end_that_the_channel_prints() -> None:
    cut_off = limit("ship", kind="cancel_before_ship", duration=None, warn=(60,), escalate=(30,))

    assert choose(NOW, (cut_off,), US) is None
    found = chosen(cut_off, prints=(printed(5, rule="latest ship date"),))
    assert (found.legal, found.rule, found.limit) == (after(hours=5), "latest ship date", cut_off)
    assert (wanted(found, NOW).warn, wanted(found, NOW).escalate) == ((60,), (30,))


def test_what_the_way_to_the_channel_takes_comes_off_every_end_and_never_before_the_start() -> None:
    hub = limit("hub", 48, margin=HOUR)

    assert chosen(hub).legal == after(hours=47)
    assert chosen(hub, prints=(printed(30),)).legal == after(hours=29)
    assert chosen(hub, prints=(printed(0.5),)).legal == NOW
    assert chosen(replace(hub, margin=60 * HOUR)).legal == NOW


ENDS = st.integers(-50, 500)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=5), st.lists(st.tuples(ENDS, st.booleans()), max_size=4))
def test_unless_the_channel_proved_another_no_source_names_an_earlier_end_than_the_one_that_counts(
    hours: list[int], ends: list[tuple[int, bool]]
) -> None:
    limits = [limit(f"row-{n}", each) for n, each in enumerate(hours)]
    prints = [Printed(after(hours=end), f"print-{n}", after(hours=n), proven) for n, (end, proven) in enumerate(ends)]

    found = choose(NOW, limits, US, prints)

    assert found is not None
    sure = [each for each in prints if each.proven and each.legal > NOW]
    if sure:
        assert (found.legal, found.rule, found.provisional) == (sure[-1].legal, sure[-1].rule, False)
    else:
        credible = [each.legal for each in prints if each.legal > NOW] + [after(hours=each) for each in hours]
        assert found.legal == min(credible)
    named = {found.rule, *(rule for rule, _ in found.rivals), *(rule for rule, _ in found.refused)}
    assert named == {each.rule for each in limits} | {each.rule for each in prints}


@pytest.mark.parametrize("stated", [{}, {"hours": 1, "calendar_days": 1}, {"hours": -1}, {"business_days": -2}])
def test_a_duration_is_one_span_above_nothing(stated: dict[str, int]) -> None:
    with pytest.raises(Rejected, match="BAD_DURATION"):
        Duration(**stated)
