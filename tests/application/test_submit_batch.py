"""A batch is sealed, uploaded and submitted once under the writer lock; a lost answer is looked for in the list."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from quittance.application.feeds import Submission, Submitted
from quittance.application.ports import NotSent, Refused, Unknown
from quittance.domain.account import Mode
from quittance.domain.feed_batch import BatchState, FeedTerms
from quittance.domain.intent import IntentState, IntentVerb, move
from tests.support import builders as b
from tests.support.feed_bench import FeedBench, HookedEngine, order_of
from tests.support.feeds import (
    REFUNDS,
    FeedHouse,
    another_tool,
    answer_lost,
    call_lost,
    made_by_others,
)

S, N = BatchState, IntentState


def bench(orders: int = 3, engine: HookedEngine | None = None) -> FeedBench:
    """Refunds of some orders that have joined one batch."""
    return FeedBench(orders, engine=engine).refunding().join_all()


def test_a_batch_waits_two_minutes_for_company_and_a_full_tick_for_nothing_else() -> None:
    feeds = bench()

    assert feeds.step() is S.BUILDING
    feeds.wait(minutes=2)
    assert feeds.step() is S.UPLOADED
    assert feeds.step() is S.SUBMITTED
    assert feeds.house.calls == ["upload", "list", "submit"]


def test_an_urgent_member_waits_for_no_company() -> None:
    feeds = FeedBench(1).refunding()
    refund = feeds.refunds[0]
    feeds.table.commit_intent(refund, replace(refund, lane=0))
    feeds.join_all()

    assert feeds.batch().lane == 0
    assert feeds.step() is S.UPLOADED
    assert feeds.step() is S.SUBMITTED


def test_the_second_batch_keeps_the_channels_pace() -> None:
    feeds = FeedBench(2).refunding()
    feeds.advance(feeds.refunds[0])
    feeds.until(S.SUBMITTED)
    first = feeds.lock.submitted_at
    feeds.advance(feeds.refunds[1])
    feeds.until(S.SUBMITTED, number=2)

    second = feeds.lock.submitted_at
    assert first is not None
    assert second is not None
    assert second - first >= timedelta(minutes=20)


def test_a_document_is_sealed_with_its_digest_and_made_again_from_its_members() -> None:
    feeds = bench().until(S.UPLOADED)
    rows = [member.row for member in feeds.table.members(feeds.batch())]

    assert feeds.house.documents[feeds.batch().document] == b"\n".join(rows)
    assert feeds.lock.open == 0


def test_a_document_that_came_out_otherwise_is_not_uploaded() -> None:
    feeds = bench()
    feeds.house.unreadable = 1
    feeds.wait(minutes=2)
    assert feeds.step() is S.SEALED
    feeds.house.newline = b"\r\n"

    assert feeds.step() is S.GIVEN_BACK
    assert feeds.house.documents == {}


def test_the_lock_is_held_from_the_submission_until_the_feed_is_known() -> None:
    feeds = bench().until(S.UPLOADED)
    feeds.house.faults.append(call_lost)

    assert feeds.step() is S.UNKNOWN
    assert (feeds.lock.holder, feeds.lock.fence) == (1, 1)


def test_no_feed_is_created_while_another_of_the_type_is_unknown() -> None:
    feeds = FeedBench(2).refunding()
    feeds.advance(feeds.refunds[0])
    feeds.house.faults.append(answer_lost)
    feeds.until(S.UNKNOWN)
    feeds.advance(feeds.refunds[1])
    while feeds.batch().state is S.UNKNOWN:
        feeds.pass_time()
        feeds.step(2)
        assert feeds.batch(2).state is S.BUILDING
        feeds.step(1)

    feeds.run()
    feeds.assert_books()
    assert feeds.states == [N.SETTLED] * 2
    assert len(feeds.house.created) == 2


def test_a_document_that_is_ready_waits_while_another_feed_is_unknown() -> None:
    feeds = FeedBench(2).refunding()
    feeds.house.advice = FeedTerms(most=1)
    feeds.join_all().until(S.UPLOADED).until(S.UPLOADED, number=2)
    feeds.house.faults.append(answer_lost)

    assert (feeds.step(1), feeds.step(2)) == (S.UNKNOWN, S.UPLOADED)
    assert feeds.house.calls.count("submit") == 1
    feeds.run()
    feeds.assert_books()
    assert feeds.states == [N.SETTLED] * 2


def test_a_throttled_submission_is_proven_unsent_and_tried_again() -> None:
    feeds = bench()
    feeds.house.faults.append(lambda *_: NotSent("throttled", timedelta(minutes=2)))
    feeds.until(S.UPLOADED)

    assert feeds.step() is S.UPLOADED
    assert feeds.lock.holder == 0
    feeds.run()
    feeds.assert_books()
    assert len(feeds.house.created) == 1


def test_a_feed_that_the_channel_refuses_to_take_declines_its_members() -> None:
    feeds = bench()
    feeds.house.faults.append(lambda *_: Refused("INVALID_DOCUMENT"))
    feeds.run()

    assert feeds.states == [N.DECLINED] * 3
    assert "refund:INVALID_DOCUMENT" in feeds.case_of(0).marks
    assert feeds.lock.holder == 0
    feeds.assert_books()


def test_a_feed_without_a_name_or_under_a_known_name_is_unknown() -> None:
    for name in ("", "F1"):
        feeds = bench()
        made_by_others(feeds.house)
        feeds.until(S.UPLOADED)
        feeds.house.faults.append(lambda *_, name=name: Submitted(name))
        assert feeds.step() is S.UNKNOWN


@pytest.mark.proves("B22")
def test_the_switches_are_asked_once_more_when_the_lock_is_taken() -> None:
    feeds = bench().until(S.UPLOADED)
    feeds.house.on_list = lambda: feeds.set(Mode.LIVE, killed=True)

    assert feeds.step() is S.UPLOADED
    assert feeds.house.calls.count("submit") == 0
    assert feeds.lock.holder == 0


@pytest.mark.proves("B22")
@pytest.mark.parametrize("state", [S.BUILDING, S.UPLOADED])
def test_the_kill_switch_gives_back_what_was_not_submitted(state: BatchState) -> None:
    feeds = bench().until(state)
    feeds.set(Mode.LIVE, killed=True)

    assert feeds.step() is S.GIVEN_BACK
    assert feeds.step() is S.CLOSED
    assert feeds.states == [N.READY] * 3
    assert {(refund.batch, refund.attempt.sends) for refund in feeds.refunds} == {(0, 0)}
    feeds.set(Mode.LIVE)
    feeds.run()
    feeds.assert_books()
    assert feeds.states == [N.SETTLED] * 3
    assert len(feeds.house.created) == 1


@pytest.mark.proves("B18")
@pytest.mark.parametrize("state", [S.BUILDING, S.UPLOADED, S.UNKNOWN])
def test_after_a_restore_nothing_of_the_batch_is_taken_for_unsent(state: BatchState) -> None:
    feeds = bench()
    feeds.house.faults.append(call_lost)
    feeds.until(state)
    feeds.set(Mode.LIVE, epoch=1)

    assert feeds.step() is S.DISBANDED
    assert feeds.step() is S.CLOSED
    assert feeds.states == [N.UNKNOWN] * 3
    assert feeds.lock.holder == 0


def test_readings_that_are_too_old_are_taken_again_before_a_batch_is_submitted() -> None:
    feeds = bench()
    feeds.wait(minutes=61)

    assert feeds.step() is S.GIVEN_BACK
    feeds.run()
    feeds.assert_books()
    assert feeds.states == [N.SETTLED] * 3
    assert [batch.size for batch in feeds.batches] == [3, 3]


@pytest.mark.proves("B9")
def test_an_order_on_which_other_hands_paid_meanwhile_leaves_the_batch_and_is_compared_again() -> None:
    feeds = bench()
    feeds.shop.colleague_refunds(order_of(1), b.CARD, 6000)
    feeds.observe(order=order_of(1))
    feeds.run()

    assert feeds.batch().size == 2
    assert [feeds.paid(number) for number in range(3)] == [1, 0, 1]
    assert feeds.states[0] is feeds.states[2] is N.SETTLED
    assert feeds.refunds[1].state is not N.SETTLED


def test_an_intent_that_left_its_batch_otherwise_is_in_no_document() -> None:
    feeds = bench()
    left = feeds.refunds[0]
    feeds.table.commit_intent(left, move(left, IntentVerb.LOSE, due=left.due))
    feeds.until(S.UPLOADED)

    assert feeds.batch().size == 2
    assert left.order.encode() not in feeds.house.documents[feeds.batch().document]


def test_a_batch_that_nobody_is_left_in_is_given_up() -> None:
    feeds = bench(1)
    feeds.shop.colleague_refunds(order_of(0), b.CARD, 6000)
    feeds.observe(order=order_of(0))
    feeds.wait(minutes=2)

    assert feeds.step() is S.GIVEN_BACK
    assert feeds.step() is S.CLOSED
    assert feeds.house.calls == []


@pytest.mark.parametrize("call", ["upload", "list_feeds"])
def test_before_the_submission_everything_may_fail_and_is_done_again(call: str) -> None:
    feeds = bench().until(S.BUILDING if call == "upload" else S.UPLOADED)
    feeds.house.unreadable = 2
    feeds.run()

    feeds.assert_books()
    assert feeds.states == [N.SETTLED] * 3
    assert feeds.tally.counts["ChannelUnreadable", "feed"] == 2


def test_a_feed_that_was_never_created_is_a_persons_after_three_readings_over_half_an_hour() -> None:
    feeds = bench()
    feeds.house.faults.append(call_lost)
    feeds.until(S.UNKNOWN)
    lost_at = feeds.clock.at
    feeds.until(S.HELD)

    assert feeds.house.calls.count("list") == 1 + 3
    assert feeds.clock.at - lost_at >= timedelta(minutes=15 + 30)
    feeds.run()
    assert feeds.states == [N.HOLD] * 3
    assert {refund.why for refund in feeds.refunds} == {"feed_unknown"}
    assert feeds.lock.holder == 1


def test_before_the_horizon_the_list_of_feeds_means_nothing() -> None:
    feeds = bench().until(S.UPLOADED)
    feeds.house.faults.append(call_lost)
    feeds.step()
    feeds.wait(minutes=10)

    assert feeds.step() is S.UNKNOWN
    assert feeds.house.calls.count("list") == 1


def test_an_unreadable_list_proves_nothing() -> None:
    feeds = bench()
    feeds.house.faults.append(answer_lost)
    feeds.until(S.UNKNOWN)
    feeds.house.unreadable = 5
    feeds.run()

    assert feeds.states == [N.SETTLED] * 3
    assert feeds.batch().readings == 0


@pytest.mark.proves("B9")
def test_two_feeds_that_nobody_knew_are_a_persons() -> None:
    feeds = bench()
    feeds.house.faults.append(another_tool)
    feeds.run()

    assert feeds.states == [N.HOLD] * 3
    assert {refund.why for refund in feeds.refunds} == {"feeds_unknown"}
    assert feeds.house.calls.count("submit") == 1


def test_feeds_that_were_there_before_or_are_another_batchs_are_never_adopted() -> None:
    feeds = FeedBench(2).refunding()
    feeds.advance(feeds.refunds[0])
    feeds.until(S.SUBMITTED)
    feeds.advance(feeds.refunds[1])
    feeds.until(S.UPLOADED, number=2)
    made_by_others(feeds.house)
    feeds.house.faults.append(call_lost)
    feeds.until(S.HELD, number=2)

    assert feeds.batch(2).known == ("F2",)
    assert feeds.batch(2).why == "feed_unknown"


def test_a_feed_of_another_batch_that_is_listed_late_is_not_adopted() -> None:
    feeds = FeedBench(2).refunding()
    feeds.advance(feeds.refunds[0])
    feeds.until(S.SUBMITTED)
    urgent = feeds.refunds[1]
    feeds.table.commit_intent(urgent, replace(urgent, lane=0))
    feeds.advance(feeds.refunds[1])
    feeds.house.not_listed.add("F1")
    feeds.house.faults.append(call_lost)
    feeds.until(S.UNKNOWN, number=2)
    assert feeds.batch(2).known == ()
    feeds.house.not_listed.clear()
    feeds.until(S.HELD, number=2)

    assert feeds.batch(2).why == "feed_unknown"


def test_a_feed_that_was_created_long_after_the_call_is_not_ours() -> None:
    feeds = bench()
    feeds.house.faults.append(call_lost)
    feeds.until(S.UNKNOWN)
    feeds.wait(minutes=17)
    made_by_others(feeds.house)
    feeds.until(S.HELD)

    assert feeds.batch().why == "feed_unknown"


def test_a_report_on_another_number_of_lines_settles_nobody() -> None:
    """The one new feed was another program's: what it reports is not about these members."""
    feeds = bench()

    def theirs(house: FeedHouse, _: str) -> Submission:
        made_by_others(house)
        return Unknown("timeout")

    feeds.house.faults.append(theirs)
    feeds.until(S.SUBMITTED)
    feeds.house.created["F1"].report = replace(feeds.house.created["F1"].report, processed=0)
    feeds.run(400)

    assert feeds.states == [N.HOLD] * 3
    assert feeds.batch().why == "other_report"


@pytest.mark.proves("B10")
def test_a_worker_that_wakes_after_its_lease_still_names_the_feed_that_it_created() -> None:
    feeds = bench().until(S.UPLOADED)

    def paused(house: FeedHouse, document: str) -> Submission:
        name = house.create(REFUNDS, document)
        feeds.wait(seconds=64)
        assert feeds.step() is S.UNKNOWN
        return Submitted(name)

    feeds.house.faults.append(paused)

    assert feeds.step() is S.SUBMITTED
    assert (feeds.batch().feed, feeds.lock.holder) == ("F1", 0)
    feeds.run()
    feeds.assert_books()


def test_a_worker_that_wakes_when_a_person_was_asked_already_changes_nothing() -> None:
    feeds = bench().until(S.UPLOADED)

    def paused(house: FeedHouse, document: str) -> Submission:
        feeds.until(S.HELD)
        return Submitted(house.create(REFUNDS, document))

    feeds.house.faults.append(paused)

    assert feeds.step() is S.UPLOADED
    assert feeds.batch().state is S.HELD
    assert feeds.tally.counts["CommitConflict", "batch"] == 1
