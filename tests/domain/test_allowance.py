"""What is left of a day's budget: never more than the limit by rule, whoever else takes at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.allowance import SHARDS, Allowance, Budget, Customer, Shard, opened
from quittance.domain.bounds import Bounds, Owner, Velocity, local_day
from quittance.domain.ids import CaseId
from quittance.domain.intent import Act
from tests.support.builders import NOW, after

ONE, OTHER = CaseId("case-1"), CaseId("case-2")


def budget(limit: int, known: Mapping[int, Shard] | None = None, first: int = 0) -> Budget:
    return opened("a", "2026-11-21", "EUR", limit, known or {}, first=first)


@given(limit=st.integers(0, 100_000), first=st.integers(0, SHARDS - 1))
def test_the_shards_of_a_new_day_hold_the_limit_and_no_more(limit: int, first: int) -> None:
    fresh = budget(limit, first=first)

    assert len(fresh.shards) == SHARDS
    assert fresh.left == limit
    assert fresh.covers(limit)
    assert not fresh.covers(limit + 1)
    assert fresh.changed == frozenset()


def test_a_refund_takes_from_the_case_s_own_shard_and_touches_no_other() -> None:
    taken = budget(8000, first=5).taking(700)

    assert taken.changed == {5}
    assert taken.shards[5] == Shard(left=300, share=1000)


def test_what_one_shard_does_not_have_comes_from_the_next_ones() -> None:
    taken = budget(8000, first=7).taking(2500)

    assert taken.changed == {7, 0, 1}
    assert [taken.shards[n].left for n in (7, 0, 1)] == [0, 0, 500]


@given(limit=st.integers(0, 5000), amounts=st.lists(st.integers(1, 3000), max_size=6), first=st.integers(0, 7))
def test_whatever_is_booked_what_is_left_is_the_limit_less_all_of_it(
    limit: int, amounts: list[int], first: int
) -> None:
    day = budget(limit, first=first)
    for amount in amounts:
        day = day.taking(amount)

    assert day.left == limit - sum(amounts)


def test_what_an_approver_takes_beyond_the_budget_is_a_debt_that_no_rule_overlooks() -> None:
    beyond = budget(800).taking(1000)

    assert beyond.left == -200
    assert not beyond.covers(1)


def test_who_takes_while_there_is_a_debt_pays_it_first_and_so_meets_whoever_else_saw_it() -> None:
    known = {0: Shard(-50, 100, 1), 1: Shard(100, 100, 1)}

    one, other = budget(800, known, first=1).taking(30), budget(800, known, first=6).taking(30)

    assert 0 in one.changed & other.changed
    assert one.shards[0].left == 0


@given(before=st.integers(0, 4000), after=st.integers(0, 4000), amount=st.integers(1, 4000))
def test_a_limit_that_is_changed_during_the_day_counts_what_was_taken_before(
    before: int, after: int, amount: int
) -> None:
    taken = budget(before).taking(amount)
    stored = {n: taken.shards[n] for n in range(SHARDS)}

    assert budget(after, stored).left == after - amount


@dataclass
class Day:
    """The stored shards of a day under version conditions, as the table keeps them."""

    limit: int
    stored: dict[int, Shard] = field(default_factory=dict)
    by_rule: int = 0
    by_people: int = 0

    def commit(self, taken: Budget, amount: int, *, approved: bool) -> bool:
        versions = {n: self.stored[n].version if n in self.stored else 0 for n in taken.changed}
        if any(versions[n] != taken.shards[n].version for n in taken.changed):
            return False
        for n in taken.changed:
            shard = taken.shards[n]
            self.stored[n] = Shard(shard.left, shard.share, shard.version + 1)
        if approved:
            self.by_people += amount
        else:
            self.by_rule += amount
        return True


TAKERS = st.lists(
    st.tuples(st.integers(1, 900), st.integers(0, SHARDS - 1), st.booleans(), st.integers(0, 4)),
    min_size=1,
    max_size=14,
)


@pytest.mark.proves("B7")
@given(limit=st.integers(0, 3000), takers=TAKERS)
def test_by_rule_the_overshoot_is_nothing_however_stale_the_shards_were_read(
    limit: int, takers: list[tuple[int, int, bool, int]]
) -> None:
    """Each taker reads each shard from one of the last five moments, as a query without isolation may."""
    day, past = Day(limit), [dict[int, Shard]()]
    for amount, first, approved, lag in takers:
        seen = {n: moment[n] for n in range(SHARDS) if n in (moment := past[max(0, len(past) - 1 - (lag + n) % 5)])}
        read = budget(limit, seen, first)
        if (approved or read.covers(amount)) and day.commit(read.taking(amount), amount, approved=approved):
            past.append(dict(day.stored))
        assert day.by_rule <= limit
        assert budget(limit, day.stored).left == limit - day.by_rule - day.by_people


def test_nothing_is_booked_where_there_is_no_budget() -> None:
    assert Allowance().booked(100) == Allowance()
    assert Allowance().counted(ONE, NOW) == Allowance()


def test_a_customer_s_refunds_are_counted_over_all_cases_within_the_days() -> None:
    known = Customer("5f4d", {ONE: (after(days=-31), after(days=-2)), OTHER: (after(days=-1),)})

    lately = known.refunded(ONE, NOW).since(NOW - timedelta(days=30))

    assert lately.count == 3
    assert lately.refunds[ONE] == (after(days=-2), NOW)


def test_an_act_is_ours_unless_somebody_else_is_named() -> None:
    bounds = Bounds(
        owners={Act.REFUND: Owner.OTHER, Act.CLOSE_RETURN: Owner.OBSERVE, Act.REMOVE_LINES: Owner.QUITTANCE}
    )

    assert [act for act in Act if not bounds.is_ours(act)] == [Act.REFUND, Act.CLOSE_RETURN]
    assert bounds.owner(Act.APPROVE_RETURN) is Owner.QUITTANCE


def test_without_a_bound_nothing_has_to_be_read() -> None:
    assert not Bounds(owners={Act.REFUND: Owner.OTHER}).need_reading
    assert Bounds(daily={"EUR": 0}).need_reading
    assert Bounds(velocity=Velocity(5, 30)).need_reading


@pytest.mark.parametrize(
    "zone, day", [("Europe/Paris", "2026-11-22"), ("UTC", "2026-11-21"), ("America/New_York", "2026-11-21")]
)
def test_the_day_is_the_store_s_own(zone: str, day: str) -> None:
    assert local_day(after(hours=11, minutes=30), zone) == day
