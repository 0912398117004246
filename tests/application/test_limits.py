"""Bounds on what rules pay by themselves: a day's budget, refunds per customer, a currency that nobody limited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quittance.application.commit import Key, Write
from quittance.application.receive_parcel import receive_parcel
from quittance.domain.account import Mode
from quittance.domain.bounds import Bounds, Velocity
from quittance.domain.command import CommandName
from quittance.domain.errors import Conflict
from quittance.domain.ids import CaseId, OrderId, case_of_channel, shard_of
from quittance.domain.intent import Act, Intent, IntentState
from quittance.domain.money import Money
from quittance.domain.observations import ChannelStatus, Condition
from quittance.domain.policy import Gate
from quittance.domain.values import replace
from quittance.storage import keys
from tests.support import builders as b
from tests.support.workbench import PLACE, RecordingEngine, Workbench

S = IntentState
N = CommandName
TODAY = "2026-11-21"
USED = b.units(condition=Condition.USED)


class Watching(RecordingEngine):
    """Notes every partition that is read, and lets somebody act before the next write."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self.before_next: list[Callable[[], object]] = []

    def get(self, key: Key) -> dict[str, Any] | None:
        self.read.append(key.pk)
        return super().get(key)

    def query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        self.read.append(pk)
        return super().query(pk, prefix)

    def transact(self, writes: Sequence[Write]) -> None:
        while self.before_next:
            self.before_next.pop()()
        super().transact(writes)


def bounded(bench: Workbench, **bounds: Any) -> Workbench:
    """The account's bounds as they are set now."""
    bench.policies.policy = replace(bench.policies.policy, bounds=Bounds(**bounds))
    return bench


def budgeted(euros: int, **terms: Any) -> Workbench:
    return bounded(Workbench(engine=Watching(), **terms), daily={"EUR": euros * 100})


def left(bench: Workbench, limit: int, day: str = TODAY) -> int:
    """What the stored shards have left, in cents."""
    shards = bench.table.spent(PLACE.account, day, "EUR")
    return limit * 100 - sum(shard.share - shard.left for shard in shards.values())


def touched(bench: Workbench, kind: str) -> list[str]:
    writes = [write for commit in bench.engine.commits for write in commit]
    return [keys.kind_of(write.key) for write in writes if keys.kind_of(write.key) == kind]


def read_of(bench: Workbench, prefix: str) -> list[str]:
    assert isinstance(bench.engine, Watching)
    return [pk for pk in bench.engine.read if pk.startswith(prefix)]


# The day's budget


@pytest.mark.proves("B7")
def test_a_refund_within_the_budget_goes_out_by_itself_and_is_taken_from_it() -> None:
    bench = budgeted(2000).refunding()

    assert (bench.refund.state, bench.refund.why) == (S.READY, "")
    assert left(bench, 2000) == 197_000
    assert touched(bench, keys.SPENT.name) == [keys.SPENT.name]


@pytest.mark.proves("B7")
def test_above_what_the_day_has_left_a_second_person_has_to_agree_and_nothing_is_taken() -> None:
    bench = budgeted(29).refunding()

    assert (bench.refund.state, bench.refund.why) == (S.AWAITING_APPROVAL, "daily_budget")
    assert touched(bench, keys.SPENT.name) == []


@pytest.mark.parametrize("budget, after", [(40, 10), (29, -1)])
def test_what_an_approver_lets_pass_is_booked_even_beyond_the_budget(budget: int, after: int) -> None:
    bench = budgeted(budget, refund_alone_up_to=Money(1000, "EUR")).refunding()
    waiting = bench.refund
    assert waiting.state is S.AWAITING_APPROVAL

    answer = bench.order(N.APPROVE_INTENT, b.APPROVER, target=waiting.id)

    assert (answer.outcome, bench.refund.state) == ("done", S.READY)
    assert left(bench, budget) == after * 100


def test_after_an_approver_went_beyond_the_budget_no_rule_pays_for_the_rest_of_the_day() -> None:
    bench = budgeted(29).refunding()
    bench.order(N.APPROVE_INTENT, b.APPROVER, target=bench.refund.id)
    bench.advance(bench.refund)

    bench.receive(b.receipt("parcel-2", b.units()))

    assert [intent.why for intent in bench.intents(Act.REFUND) if intent.state is S.AWAITING_APPROVAL] == [
        "daily_budget"
    ]


def test_the_next_day_has_a_budget_of_its_own_and_it_begins_at_the_store_s_midnight() -> None:
    bench = budgeted(30).refunding()
    bench.advance(bench.refund)
    bench.wait(hours=11)

    bench.receive(b.receipt("parcel-2", b.units()))

    assert bench.refund.state is S.READY
    assert (left(bench, 30), left(bench, 30, "2026-11-22")) == (0, 0)


def test_what_was_booked_stays_booked_when_the_refund_is_cancelled() -> None:
    bench = budgeted(100).refunding()
    bench.shop.suggests = lambda _, suggestion: replace(suggestion, total=1)

    assert bench.advance(bench.refund) is S.CANCELLED
    assert left(bench, 100) == 7000


def test_without_a_budget_no_shard_is_read_or_written() -> None:
    bench = Workbench(engine=Watching()).refunding()

    assert bench.advance(bench.refund) is S.SETTLED
    assert read_of(bench, "SPENT#") == touched(bench, keys.SPENT.name) == []
    assert read_of(bench, "CUSTOMER#") == touched(bench, keys.CUSTOMER.name) == []


def test_an_account_that_only_watches_reads_no_budget() -> None:
    bench = budgeted(100)
    bench.set(Mode.OBSERVE)
    bench.observe()

    assert read_of(bench, "SPENT#") == []


def test_in_shadow_the_budget_is_judged_and_nothing_is_taken_from_it() -> None:
    bench = budgeted(29).authorised()
    bench.set(Mode.SHADOW)

    bench.receive(b.receipt("parcel-1", b.units()))

    assert (bench.refund.state, bench.refund.why) == (S.SHADOWED, "daily_budget")
    assert touched(bench, keys.SPENT.name) == []


@pytest.mark.proves("B7")
@pytest.mark.parametrize("bounds", [{}, {"daily": {"GBP": 100_000_00}}])
def test_a_currency_that_nobody_limited_needs_approval(bounds: dict[str, Any]) -> None:
    alone = Money(1_000_000, "EUR" if bounds else "GBP")
    bench = bounded(Workbench(refund_alone_up_to=alone), **bounds).refunding()

    assert (bench.refund.state, bench.refund.why) == (S.AWAITING_APPROVAL, "currency_without_limit")


def test_above_the_tier_the_reason_is_the_tier() -> None:
    bench = budgeted(10, refund_alone_up_to=Money(2999, "EUR")).refunding()

    assert (bench.refund.state, bench.refund.why) == (S.AWAITING_APPROVAL, "above_limit")


# Races on the budget


@dataclass
class Counter:
    """Many orders of one account, each with a return whose parcel is about to come."""

    bench: Workbench
    cases: list[CaseId]


def counter(euros: int, many: int) -> Counter:
    """`many` authorised returns of two shirts each, of as many orders."""
    bench = budgeted(euros)
    cases = []
    for number in range(many):
        order, name = OrderId(f"order-{number}"), f"return-{number}"
        bench.shop.orders[order] = b.order_reading(id=order)
        bench.shop.returns[name] = b.return_reading(
            id=name, order=order, rma=f"R-{number}", status=ChannelStatus.OPEN, caps=0
        )
        bench.observe(order=order)
        cases.append(case_of_channel("shopify", PLACE.account, "return", name))
    return Counter(bench, cases)


def arrives(counted: Counter, number: int, quantity: int = 1) -> None:
    names = (("rma", f"R-{number}"),)
    receive_parcel(counted.bench.ports, PLACE, b.receipt(f"parcel-{number}", b.units(quantity=quantity), names=names))


def refund_of(counted: Counter, number: int) -> Intent:
    (found,) = [
        i for i in counted.bench.table.load_scene(counted.cases[number]).intents.values() if i.act is Act.REFUND
    ]
    return found


@pytest.mark.proves("B7")
def test_who_loses_the_race_for_the_last_of_the_budget_decides_again_and_asks_a_person() -> None:
    counted = counter(30, 2)
    assert isinstance(counted.bench.engine, Watching)
    counted.bench.engine.before_next.append(lambda: arrives(counted, 1))

    arrives(counted, 0)

    assert refund_of(counted, 1).state is S.READY
    assert (refund_of(counted, 0).state, refund_of(counted, 0).why) == (S.AWAITING_APPROVAL, "daily_budget")
    assert counted.bench.tally.counts["CommitConflict", "receipt"] == 1
    assert left(counted.bench, 30) == 0


@pytest.mark.proves("B7")
def test_a_command_that_loses_only_the_race_for_a_shard_is_carried_out_all_the_same() -> None:
    counted = counter(1000, 20)
    bench = counted.bench
    rival = next(n for n in range(1, 20) if shard_of(counted.cases[n], 8) == shard_of(counted.cases[0], 8))
    receive_parcel(bench.ports, PLACE, b.receipt("parcel-0", USED, names=(("rma", "R-0"),)))
    assert isinstance(bench.engine, Watching)
    bench.engine.before_next.append(lambda: arrives(counted, rival))

    answer = bench.order(N.ACCEPT_LINES, case=counted.cases[0], lines={b.SHIRTS: 1}, reason="worn_once")

    assert (answer.outcome, refund_of(counted, 0).state) == ("done", S.READY)
    assert bench.tally.counts["CommitConflict", "command"] == 1
    assert left(bench, 1000) == 94_000


def test_a_command_whose_budget_went_to_somebody_else_is_shown_anew_and_not_carried_out() -> None:
    counted = counter(30, 2)
    bench = counted.bench
    receive_parcel(bench.ports, PLACE, b.receipt("parcel-0", USED, names=(("rma", "R-0"),)))
    assert isinstance(bench.engine, Watching)
    bench.engine.before_next.append(lambda: arrives(counted, 1))

    answer = bench.order(N.ACCEPT_LINES, case=counted.cases[0], lines={b.SHIRTS: 1}, reason="worn_once")

    assert (answer.outcome, answer.code) == ("refused", "STALE_PREVIEW")


@pytest.mark.proves("B7")
@settings(max_examples=60, deadline=None)
@given(
    euros=st.integers(0, 200),
    parcels=st.lists(st.tuples(st.integers(1, 2), st.booleans()), min_size=1, max_size=5),
)
def test_whoever_comes_between_rules_never_pay_more_than_the_day_s_budget(
    euros: int, parcels: list[tuple[int, bool]]
) -> None:
    """Each parcel is either worked on by itself or comes between the decision on the one before and its commit."""
    counted = counter(euros, len(parcels))
    engine = counted.bench.engine
    assert isinstance(engine, Watching)
    for number, (quantity, between) in enumerate(parcels):
        if between and number + 1 < len(parcels):
            engine.before_next.append(partial(arrives, counted, number + 1, parcels[number + 1][0]))
        arrives(counted, number, quantity)

    born = [refund_of(counted, number) for number in range(len(parcels))]
    alone = sum(intent.total for intent in born if intent.state is S.READY)
    assert alone <= euros * 100
    assert left(counted.bench, euros) == euros * 100 - alone
    assert {intent.why for intent in born if intent.state is S.AWAITING_APPROVAL} <= {"daily_budget"}


def test_too_many_lost_races_leave_the_parcel_to_the_queue_and_nothing_half_done() -> None:
    counted = counter(1000, 1)
    engine = counted.bench.engine
    assert isinstance(engine, Watching)

    def lose() -> None:
        engine.before_next.append(lose)
        raise Conflict("another wrote first")

    engine.before_next.append(lose)
    with pytest.raises(Exception, match="too many writers"):
        arrives(counted, 0)
    assert left(counted.bench, 1000) == 100_000


# Refunds per customer


def known_customer(refunds: int = 2, days: int = 30) -> Workbench:
    bench = bounded(Workbench(engine=Watching()), velocity=Velocity(refunds, days))
    bench.shop.orders[b.ORDERED] = b.order_reading(customer="5f4dcc3b")
    return bench


@pytest.mark.proves("B7", "B24")
def test_above_so_many_refunds_within_the_days_the_next_one_needs_approval() -> None:
    bench = known_customer(refunds=1).refunding()
    bench.advance(bench.refund)
    assert bench.refund.state is S.SETTLED

    bench.receive(b.receipt("parcel-2", b.units()))

    assert {(intent.state, intent.why) for intent in bench.intents(Act.REFUND)} == {
        (S.SETTLED, ""),
        (S.AWAITING_APPROVAL, "velocity"),
    }


def test_refunds_of_the_customer_s_other_orders_count_too() -> None:
    bench = known_customer(refunds=1).refunding()
    order = OrderId("another-order")
    bench.shop.orders[order] = b.order_reading(id=order, customer="5f4dcc3b")
    bench.shop.returns["another"] = b.return_reading(id="another", order=order, rma="R-9", status=ChannelStatus.OPEN)
    bench.observe(order=order)

    receive_parcel(bench.ports, PLACE, b.receipt("parcel-9", names=(("rma", "R-9"),)))

    other = case_of_channel("shopify", PLACE.account, "return", "another")
    (refund,) = [i for i in bench.table.load_scene(other).intents.values() if i.act is Act.REFUND]
    assert (refund.state, refund.why) == (S.AWAITING_APPROVAL, "velocity")


def test_a_refund_of_long_ago_no_longer_counts() -> None:
    bench = known_customer(refunds=1, days=30).refunding()
    bench.advance(bench.refund)
    bench.wait(days=30)

    bench.receive(b.receipt("parcel-2", b.units()))

    assert [intent.state for intent in bench.intents(Act.REFUND)] == [S.SETTLED, S.READY]


def test_a_case_is_put_down_under_its_customer_when_it_is_opened_and_with_each_refund() -> None:
    bench = known_customer()
    bench.observe()
    assert bench.table.refunds_of(PLACE.account, "5f4dcc3b") == {bench.case_id: ()}

    bench.refunding()

    assert bench.table.refunds_of(PLACE.account, "5f4dcc3b") == {bench.case_id: (b.NOW,)}
    assert bench.table.load_scene(bench.case_id).order.customer == "5f4dcc3b"  # type: ignore[union-attr]


def test_an_order_whose_buyer_becomes_known_later_puts_its_case_down_then() -> None:
    bench = bounded(Workbench(engine=Watching()), velocity=Velocity(2, 30))
    bench.observe()
    assert bench.table.refunds_of(PLACE.account, "5f4dcc3b") == {}
    bench.shop.orders[b.ORDERED] = b.order_reading(customer="5f4dcc3b")

    bench.observe()

    assert bench.table.refunds_of(PLACE.account, "5f4dcc3b") == {bench.case_id: ()}


def test_a_guest_has_no_velocity() -> None:
    bench = bounded(Workbench(engine=Watching()), velocity=Velocity(1, 30)).refunding()
    bench.advance(bench.refund)

    bench.receive(b.receipt("parcel-2", b.units()))

    assert {intent.state for intent in bench.intents(Act.REFUND)} == {S.SETTLED, S.READY}
    assert read_of(bench, "CUSTOMER#") == []


def test_in_shadow_no_refund_is_counted() -> None:
    bench = known_customer(refunds=1).authorised()
    bench.set(Mode.SHADOW)

    bench.receive(b.receipt("parcel-1", b.units()))

    assert bench.refund.state is S.SHADOWED
    assert bench.table.refunds_of(PLACE.account, "5f4dcc3b") == {bench.case_id: ()}


def test_several_returns_of_one_reading_share_what_is_left() -> None:
    bench = bounded(Workbench(engine=Watching(), refund_gate=Gate.AUTHORISED), daily={"EUR": 4000})
    bench.shop.returns.clear()
    for number, (shirts, caps) in enumerate([(1, 0), (0, 1)]):
        name = f"return-{number}"
        bench.shop.returns[name] = b.return_reading(
            id=name, rma=f"R-{number}", status=ChannelStatus.OPEN, shirts=shirts, caps=caps
        )

    bench.observe()

    scene = bench.table.load_order("shopify", PLACE.account, b.ORDERED)
    born = sorted((i.total, i.why) for i in scene.intents.values() if i.act is Act.REFUND)
    assert born == [(2000, "daily_budget"), (3000, "")]
