"""Urgency follows from risk, money, time left, repetition and the defect rate, and grows while nothing is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.money import Money
from quittance.domain.priority import CaseKind, standing
from quittance.domain.urgency import USUAL, Band, DefectRate, Stake, Urgency, claim_risk, urgency
from tests.support.builders import NOW, after

HOUR = timedelta(hours=1)
STAKE = Stake(Money(5000, "EUR"), after(hours=20), after(hours=-2))
CHANNELS = ("amazon", "bol", "shopify", "instagram")


def of(channel: str, kind: CaseKind, stake: Stake = STAKE, hours: float = 0) -> Urgency:
    return urgency(standing(channel, kind), kind, stake, after(hours=hours))


@pytest.mark.proves("F040", "F150")
@pytest.mark.parametrize(
    "first, second",
    [
        (of("amazon", CaseKind.CLAIM), of("amazon", CaseKind.RETURN)),
        (of("amazon", CaseKind.CANCELLATION), of("amazon", CaseKind.CONVERSATION)),
        (of("amazon", CaseKind.RETURN), of("instagram", CaseKind.CONVERSATION)),
        (of("instagram", CaseKind.CONVERSATION), of("shopify", CaseKind.CONVERSATION)),
        (
            of("shopify", CaseKind.RETURN, replace(STAKE, legal=after(hours=2))),
            of("amazon", CaseKind.RETURN),
        ),
        (of("shopify", CaseKind.RETURN, replace(STAKE, money=Money(90_000, "EUR"))), of("shopify", CaseKind.RETURN)),
        (of("shopify", CaseKind.RETURN), of("shopify", CaseKind.RETURN, replace(STAKE, legal=None))),
    ],
)
def test_risk_and_time_left_decide_and_not_the_order_of_arrival(first: Urgency, second: Urgency) -> None:
    assert first.key < second.key


@pytest.mark.proves("F156", "F164")
@given(st.integers(0, 10**7), st.integers(1, 10), st.integers(1, 500), st.integers(0, 2000))
def test_no_other_case_comes_before_a_claim_whatever_is_at_stake(
    minor: int, contacts: int, minutes: int, waited: int
) -> None:
    least = of("amazon", CaseKind.CLAIM, Stake(legal=after(days=30)))
    most = Stake(Money(minor, "EUR"), after(minutes=minutes), after(hours=-waited), contacts, DefectRate(9, 900))

    for channel in CHANNELS:
        assert least.key < of(channel, CaseKind.RETURN, most).key


@pytest.mark.proves("F014", "F086")
@given(st.sampled_from(CHANNELS), st.sampled_from(CaseKind), st.integers(0, 400), st.integers(0, 100), st.booleans())
def test_while_nothing_is_done_risk_and_score_never_fall(
    channel: str, kind: CaseKind, hours: int, more: int, bounded: bool
) -> None:
    stake = STAKE if bounded else replace(STAKE, legal=None)
    place = standing(channel, kind)

    assert claim_risk(place, kind, stake, after(hours=hours)) <= claim_risk(
        place, kind, stake, after(hours=hours + more)
    )
    assert of(channel, kind, stake, hours).score <= of(channel, kind, stake, hours + more).score
    assert of(channel, kind, stake, hours + more).band <= of(channel, kind, stake, hours).band


@pytest.mark.proves("F014")
def test_a_buyer_who_waits_for_an_answer_comes_nearer_to_a_claim_by_the_hour_until_it_may_be_filed() -> None:
    place = standing("amazon", CaseKind.CONVERSATION)
    asked = Stake(waiting_since=NOW)

    risks = [claim_risk(place, CaseKind.CONVERSATION, asked, after(hours=hours)) for hours in (0, 12, 24, 48, 72)]

    assert risks == [20, 140, 260, 500, 500]
    assert claim_risk(place, CaseKind.CONVERSATION, Stake(), after(hours=72)) == 20
    assert claim_risk(standing("shopify", CaseKind.RETURN), CaseKind.RETURN, asked, after(hours=72)) == 0
    assert claim_risk(standing("amazon", CaseKind.CLAIM), CaseKind.CLAIM, asked, NOW) == 1000


@pytest.mark.proves("F090")
@given(st.sampled_from(CHANNELS), st.integers(1, 8))
def test_a_second_message_about_the_same_raises_it(channel: str, contacts: int) -> None:
    once = of(channel, CaseKind.CONVERSATION, replace(STAKE, contacts=contacts))
    again = of(channel, CaseKind.CONVERSATION, replace(STAKE, contacts=contacts + 1))

    assert again.points > once.points
    assert again.claim_risk >= once.claim_risk
    assert again.key < once.key


@pytest.mark.proves("B17", "F163")
def test_the_nearer_the_defect_rate_is_to_its_limit_the_more_a_claim_weighs() -> None:
    calm, tense, lost = DefectRate(2, 10_000), DefectRate(98, 10_000), DefectRate(120, 10_000)

    weights = [of("amazon", CaseKind.RETURN, replace(STAKE, rate=rate)).points for rate in (None, calm, tense, lost)]

    assert (calm.if_lost, tense.if_lost, DefectRate(0, 0).if_lost) == (300, 9900, 1_000_000)
    assert (calm.effect, tense.effect, lost.effect) == (10, 500, 1000)
    assert weights == sorted(weights)
    assert weights[0] < weights[2]


@pytest.mark.proves("F168")
def test_what_others_watch_carries_no_defect_rate() -> None:
    near = replace(STAKE, rate=DefectRate(99, 10_000))

    assert of("instagram", CaseKind.CONVERSATION, near).points == of("instagram", CaseKind.CONVERSATION).points
    assert of("instagram", CaseKind.CONVERSATION, near).claim_risk == 0


@pytest.mark.parametrize("channel, hours", [("amazon", 24), ("instagram", 4), ("shopify", 72)])
def test_no_queue_starves_what_waited_too_long_comes_next_the_longest_first(channel: str, hours: int) -> None:
    waiting = Stake(waiting_since=NOW)

    in_time = of(channel, CaseKind.CONVERSATION, waiting, hours)
    overdue = of(channel, CaseKind.CONVERSATION, waiting, hours + 1)
    longer = of(channel, CaseKind.CONVERSATION, waiting, hours + 2)

    assert (in_time.band, overdue.band) == (Band.ORDINARY, Band.OVERDUE)
    assert longer.key < overdue.key < in_time.key
    pressing = Stake(Money(90_000, "EUR"), after(hours=hours + 2), NOW, contacts=5)
    assert longer.key < of(channel, CaseKind.CONVERSATION, pressing, hours + 1).key
    assert overdue.key < of("amazon", CaseKind.RETURN).key
    assert (overdue.waited, overdue.bound) == ((hours + 1) * HOUR, hours * HOUR)


def test_money_counts_by_what_it_is_worth_in_its_currency_and_no_further_than_the_most() -> None:
    def points(money: Money) -> int:
        return (
            of("shopify", CaseKind.RETURN, Stake(money=money)).points - of("shopify", CaseKind.RETURN, Stake()).points
        )

    assert points(Money(5000, "EUR")) == 50
    assert points(Money(5000, "JPY")) == 1000
    assert points(Money(10**9, "EUR")) == 1000
    weights = replace(USUAL, point={"JPY": 160})
    place = standing("shopify", CaseKind.RETURN)
    assert urgency(place, CaseKind.RETURN, Stake(money=Money(5000, "JPY")), NOW, weights).points == 100 + 31
