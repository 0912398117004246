"""Each member of a batch hears of its own line; what is missing or unknown is looked for, or a person's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from quittance.application.ports import Applied, Refused, Unknown
from quittance.domain.command import CommandName
from quittance.domain.feed_batch import BatchState
from quittance.domain.intent import IntentState, IntentVerb, move
from quittance.domain.observations import MoneyStatus
from quittance.storage import keys
from tests.support import builders as b
from tests.support.feed_bench import FeedBench, HookedEngine, case_id_of
from tests.support.feeds import (
    call_lost,
)
from tests.support.workbench import PLACE

S, N = BatchState, IntentState


def bench(orders: int = 3, engine: HookedEngine | None = None) -> FeedBench:
    """Refunds of some orders that have joined one batch."""
    return FeedBench(orders, engine=engine).refunding().join_all()


def submitted(orders: int = 3, engine: HookedEngine | None = None) -> FeedBench:
    """A batch whose feed is running at the channel."""
    return bench(orders, engine).until(S.SUBMITTED)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.proves("B2")
def test_each_member_hears_of_its_own_line_in_a_commit_of_its_own() -> None:
    feeds = submitted()
    feeds.house.lines = lambda number: Refused("NOT_ADJUSTABLE") if number == 2 else None
    before = len(feeds.engine.commits)
    feeds.run()

    second = feeds.table.members(feeds.batch())[1].intent
    assert sorted(feeds.states) == [N.DECLINED, N.SETTLED, N.SETTLED]
    assert next(r.state for r in feeds.refunds if r.id == second) is N.DECLINED
    settling = [writes for writes in feeds.engine.commits[before:] if any(w.key.sk == "LEDGER" for w in writes)]
    assert [sum(write.key.sk.startswith("INTENT#") for write in writes) for writes in settling] == [1, 1, 1]
    feeds.assert_books()


def test_a_line_in_neither_list_is_unknown_and_looked_for_by_itself() -> None:
    feeds = submitted()
    feeds.house.lines = lambda number: Unknown("silent") if number == 3 else None
    feeds.until(S.CLOSED)

    third = feeds.table.members(feeds.batch())[2].intent
    assert {r.id: r.state for r in feeds.refunds}[third] is N.UNKNOWN
    feeds.run()
    assert feeds.states == [N.SETTLED] * 3
    feeds.assert_books()


def test_a_refused_line_proves_nothing_of_an_intent_that_may_have_been_sent_at_another_time() -> None:
    feeds = submitted()
    feeds.house.lines = lambda number: Refused("NOT_ADJUSTABLE") if number == 1 else None
    first = feeds.table.members(feeds.batch())[0].intent
    sent = next(refund for refund in feeds.refunds if refund.id == first)
    twice = replace(sent.attempt, sends=2)
    feeds.table.commit_intent(sent, move(sent, IntentVerb.LOSE, attempt=twice, due=feeds.clock.at + timedelta(hours=9)))
    feeds.wait(minutes=5)

    assert feeds.step() is S.CLOSED
    assert {refund.id: refund.state for refund in feeds.refunds}[first] is N.UNKNOWN
    assert ("MemberNotTold", "DONE") not in feeds.tally.counts


def test_money_that_is_on_its_way_is_accepted_until_it_has_moved() -> None:
    feeds = submitted(1)
    feeds.house.lines = lambda _: Applied("R2", MoneyStatus.PENDING)
    feeds.until(S.CLOSED)

    assert feeds.states == [N.ACCEPTED]
    feeds.run()
    assert feeds.states == [N.SETTLED]
    feeds.assert_books()


@pytest.mark.parametrize("processed, state", [(0, N.DECLINED), (None, N.UNKNOWN), (2, N.UNKNOWN)])
def test_a_fatal_feed_is_a_refusal_only_if_it_says_that_nothing_was_processed(
    processed: int | None, state: IntentState
) -> None:
    feeds = submitted()
    feeds.house.fatal_after, feeds.house.says = processed or 0, processed
    feeds.until(S.CLOSED)

    assert feeds.states == [state] * 3


def test_after_a_fatal_feed_with_partial_effect_each_member_is_looked_for() -> None:
    feeds = submitted()
    feeds.house.fatal_after = 2
    feeds.run()

    assert sorted(feeds.states) == [N.HOLD, N.SETTLED, N.SETTLED]
    feeds.assert_books()


def test_a_feed_that_somebody_cancelled_has_paid_nobody() -> None:
    feeds = submitted()
    feeds.house.cancelled = True
    feeds.run()

    assert feeds.states == [N.DECLINED] * 3
    assert "refund:feed_cancelled" in feeds.case_of(0).marks
    feeds.assert_books()


def test_a_line_of_no_member_is_counted_and_parked_and_the_others_go_on() -> None:
    feeds = submitted()
    feeds.house.extra_line = True
    feeds.run()

    assert feeds.states == [N.SETTLED] * 3
    assert feeds.batch().strangers == 1
    (parked,) = feeds.table.parked(PLACE.channel, PLACE.account)
    assert (parked.topic, parked.reason, parked.delivery.id) == ("feed_result", "line_of_no_member", "feed F1 line 10")
    assert feeds.tally.counts["Parked", "feed_line"] == 1


def test_the_batch_of_a_feed_is_known_by_the_lock_for_whoever_is_notified() -> None:
    assert submitted().lock.feeds == {"F1": 1}


def test_a_member_that_cannot_be_told_now_holds_up_nobody_and_is_told_later() -> None:
    engine = HookedEngine()
    feeds = submitted(engine=engine)
    first = feeds.table.members(feeds.batch())[0]
    engine.unreadable.append(keys.order(PLACE.channel, PLACE.account, first.order).pk)
    feeds.wait(minutes=5)
    assert feeds.step() is S.DONE
    assert sorted(feeds.states) == [N.SENDING, N.SETTLED, N.SETTLED]
    assert feeds.tally.counts["MemberNotTold", "DONE"] == 1

    feeds.run()
    assert feeds.states == [N.SETTLED] * 3
    feeds.assert_books()


def test_a_feed_that_is_stuck_for_a_day_is_a_persons_and_settles_if_it_ends_after_all() -> None:
    feeds = submitted()
    feeds.house.stuck = True
    feeds.run(400)
    assert feeds.states == [N.HOLD] * 3
    assert {refund.why for refund in feeds.refunds} == {"feed_stuck"}
    assert feeds.lock.holder == 0

    feeds.house.stuck = False
    feeds.until(S.CLOSED)
    assert feeds.states == [N.SETTLED] * 3
    feeds.assert_books()


@pytest.mark.proves("B1")
def test_a_refund_whose_feed_may_still_be_worked_on_is_not_sent_again_by_a_person_either() -> None:
    feeds = submitted()
    feeds.house.stuck = True
    feeds.run(400)

    answer = feeds.order(CommandName.RETRY_HOLD, b.APPROVER, case=case_id_of(0), target=feeds.refunds[0].id)

    assert (answer.outcome, answer.code) == ("refused", "FEED_NOT_OVER")


def test_a_report_that_comes_late_is_waited_for() -> None:
    feeds = submitted()
    feeds.house.reports_from = feeds.clock.at + timedelta(hours=5)
    feeds.run(400)

    assert feeds.states == [N.SETTLED] * 3
    assert feeds.house.calls.count("submit") == 1


def test_a_report_that_is_missing_for_a_day_is_a_persons() -> None:
    feeds = submitted()
    feeds.house.reports_from = feeds.clock.at + timedelta(days=30)
    feeds.run(400)

    assert feeds.states == [N.HOLD] * 3
    assert {refund.why for refund in feeds.refunds} == {"results_missing"}


# A person's answers.


def held() -> FeedBench:
    """A batch whose submission nobody knows anything of."""
    feeds = bench()
    feeds.house.faults.append(call_lost)
    return feeds.run()


def _answer(feeds: FeedBench, number: int, name: CommandName, **given: Any) -> None:
    target = feeds.refunds[number].id
    actor = b.APPROVER
    answer = feeds.order(name, actor, case=case_id_of(number), target=target, **given)
    assert answer.outcome == "done", answer


@pytest.mark.proves("B7")
def test_a_held_batch_keeps_the_lock_until_each_member_is_answered() -> None:
    feeds = held()
    _answer(feeds, 0, CommandName.RETRY_HOLD)
    _answer(feeds, 1, CommandName.CANCEL_HOLD, reason="not_at_the_channel")
    feeds.advance(feeds.refunds[0])
    feeds.wait(minutes=30)
    assert (feeds.step(1), feeds.step(2)) == (S.HELD, S.BUILDING)
    assert feeds.lock.holder == 1

    _answer(feeds, 2, CommandName.RETRY_HOLD)
    feeds.run()
    assert feeds.batch().state is S.CLOSED
    assert [feeds.paid(number) for number in range(3)] == [1, 0, 1]
    assert feeds.states == [N.SETTLED, N.CANCELLED, N.SETTLED]
    feeds.assert_books()


def test_a_retried_member_is_in_no_batch_until_it_joins_the_next() -> None:
    feeds = held()
    _answer(feeds, 0, CommandName.RETRY_HOLD)

    assert (feeds.refunds[0].state, feeds.refunds[0].batch) == (N.READY, 0)
    feeds.advance(feeds.refunds[0])
    assert feeds.refunds[0].batch == 2
