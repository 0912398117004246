"""A policy serves its own channel, counts windows in the store's days, and bends only where it is negotiable."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.errors import Rejected
from quittance.domain.policy import window_end
from tests.support.builders import EU_LAW, NOW, after, policy

SECOND = timedelta(seconds=1)
CHANNELS = st.sampled_from(["amazon", "shopify", "bol", "instagram"])


@pytest.mark.proves("F029", "F030")
@given(CHANNELS, CHANNELS)
def test_a_policy_serves_its_own_channel_and_no_other(of: str, case: str) -> None:
    rules = policy(channel=of)
    if of == case:
        rules.serves(case)
        return
    with pytest.raises(Rejected) as refusal:
        rules.serves(case)
    assert refusal.value.code == "WRONG_CHANNEL"


@pytest.mark.proves("F002")
def test_a_locked_policy_cannot_be_overridden_by_anybody() -> None:
    with pytest.raises(Rejected, match="POLICY_LOCKED"):
        policy(channel="amazon", locked=True).override("approver", "goodwill")


@pytest.mark.proves("F003")
def test_a_shops_policy_can_be_overridden_by_a_named_person_with_a_reason() -> None:
    policy().override("approver", "goodwill")


@pytest.mark.proves("F003")
@pytest.mark.parametrize("approver, reason", [("", "goodwill"), ("approver", "")])
def test_an_override_without_a_name_or_a_reason_is_refused(approver: str, reason: str) -> None:
    with pytest.raises(Rejected, match="OVERRIDE_UNNAMED"):
        policy().override(approver, reason)


@pytest.mark.proves("F012", "F019")
@pytest.mark.parametrize(
    "delivered, days, end",
    [
        # Clocks in Paris go back on 25 October 2026 and forward on 28 March 2027.
        (datetime(2026, 10, 20, 9, 0, tzinfo=UTC), 14, datetime(2026, 11, 3, 23, 0, tzinfo=UTC)),
        (datetime(2027, 3, 20, 9, 0, tzinfo=UTC), 14, datetime(2027, 4, 3, 22, 0, tzinfo=UTC)),
        (datetime(2026, 7, 1, 9, 0, tzinfo=UTC), 14, datetime(2026, 7, 15, 22, 0, tzinfo=UTC)),
        # Delivered at half past eleven in the evening in London: in Paris it is the next day already.
        (datetime(2026, 7, 1, 22, 30, tzinfo=UTC), 14, datetime(2026, 7, 16, 22, 0, tzinfo=UTC)),
    ],
)
def test_a_window_ends_with_the_last_day_of_the_store_also_over_a_change_of_clocks(
    delivered: datetime, days: int, end: datetime
) -> None:
    rules = policy(window_days=days, withdrawals=())

    assert window_end(delivered, days, "Europe/Paris") == end
    assert rules.is_inside_window(delivered, end - SECOND)
    assert not rules.is_inside_window(delivered, end)
    assert not rules.is_inside_window(delivered, end + SECOND)


@pytest.mark.proves("F012")
@pytest.mark.parametrize("offset, inside", [(-SECOND, True), (timedelta(0), False), (SECOND, False)])
def test_the_right_to_withdraw_ends_at_the_same_boundary(offset: timedelta, inside: bool) -> None:
    delivered = NOW - timedelta(days=20)
    end = window_end(delivered, EU_LAW.days, "Europe/Paris")

    assert (policy().withdrawal("FR", delivered, end + offset) is not None) is inside


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)), st.integers(0, 120))  # noqa: DTZ001
def test_a_window_is_never_shorter_than_its_days(delivered: datetime, days: int) -> None:
    since = delivered.replace(tzinfo=UTC)

    assert window_end(since, days, "Europe/Paris") - since > timedelta(days=days) - timedelta(hours=2)
    assert window_end(since, days, "Europe/Paris") - since <= timedelta(days=days + 1, hours=1)


@pytest.mark.proves("F078")
def test_an_unknown_country_or_delivery_counts_as_inside() -> None:
    rules = policy()

    assert rules.withdrawal("", after(days=-3), NOW) == EU_LAW
    assert rules.withdrawal("FR", None, NOW) == EU_LAW
    assert rules.withdrawal("", None, NOW) == EU_LAW
    assert rules.is_inside_window(None, NOW)


@pytest.mark.proves("F078")
def test_the_law_of_one_country_is_not_the_law_of_another() -> None:
    swiss = replace(EU_LAW, rule="ch_none", countries=frozenset({"CH"}), days=7)
    rules = policy(withdrawals=(EU_LAW, swiss))

    assert rules.withdrawal("CH", after(days=-3), NOW) == swiss
    assert rules.withdrawal("US", after(days=-3), NOW) is None
    assert rules.withdrawal("FR", after(days=-3), NOW) == EU_LAW


@pytest.mark.proves("F022")
def test_a_rule_is_named_by_its_layer_version_and_key() -> None:
    assert policy().rule("returns.window_days") == "shopify@1:returns.window_days"
    assert policy().law_rule(EU_LAW) == "law@1:eu_withdrawal"


def test_a_rule_for_a_deadline_counts_from_its_event() -> None:
    rule = policy().deadline("decide_request")
    assert rule is not None

    wanted = rule.wanted(NOW)

    assert (wanted.legal, wanted.working, wanted.lane) == (after(hours=72), after(hours=68), 2)
    assert policy().deadline("no_such_kind") is None
