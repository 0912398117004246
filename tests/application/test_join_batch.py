"""Intents whose act goes by feed gather in a batch, each with its exact row, in one commit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from quittance.application.advance_batch import advance_batch, advance_due
from quittance.application.batches import BatchChange
from quittance.application.feeds import FeedState
from quittance.domain.account import Mode
from quittance.domain.errors import Unavailable
from quittance.domain.feed_batch import BatchState, FeedTerms
from quittance.domain.ids import IntentId
from quittance.domain.intent import IntentState
from quittance.storage import keys
from tests.support.feed_bench import FeedBench, HookedEngine
from tests.support.feeds import (
    REFUNDS,
    call_lost,
)
from tests.support.workbench import LIMITS, PLACE, Workbench

S, N = BatchState, IntentState


def bench(orders: int = 3) -> FeedBench:
    """Refunds of some orders that have joined one batch."""
    return FeedBench(orders).refunding().join_all()


def submitted() -> FeedBench:
    """A batch whose feed is running at the channel."""
    return bench().until(S.SUBMITTED)


@pytest.mark.proves("B2")
def test_intents_of_an_act_that_goes_by_feed_join_one_batch_and_send_nothing_themselves() -> None:
    feeds = bench()

    assert feeds.states == [N.SENDING] * 3
    assert {refund.batch for refund in feeds.refunds} == {1}
    assert (feeds.batch().state, feeds.batch().size, feeds.lock.open) == (S.BUILDING, 3, 1)
    assert feeds.house.calls == []
    assert feeds.shop.effects == [(refund.id, "approve_return", 0) for refund in _approvals(feeds)]


def _approvals(feeds: FeedBench) -> list[Any]:
    return [feeds.intents_of(number)[0] for number in range(feeds.count)]


def test_an_act_that_the_channel_takes_by_call_never_joins() -> None:
    plain = Workbench().refunding()
    plain.advance()

    assert plain.refund.batch == 0
    assert plain.table.feed_lock(PLACE.account, REFUNDS) is None


def test_a_join_is_one_commit_of_intent_member_header_and_for_the_first_the_lock() -> None:
    feeds = FeedBench(2).refunding()
    feeds.advance(feeds.refunds[0])
    first = {write.key.sk.partition("#")[0] for write in feeds.engine.commits[-1]}
    feeds.advance(feeds.refunds[1])
    second = {write.key.sk.partition("#")[0] for write in feeds.engine.commits[-1]}

    assert first == {"INTENT", "BATCH", "LOCK"}
    assert second == {"INTENT", "BATCH"}
    assert len(feeds.engine.commits[-1]) == 3


def test_a_member_carries_the_bytes_that_were_fixed_when_it_was_born() -> None:
    feeds = bench(1)
    (member,) = feeds.table.members(feeds.batch())

    assert member.row == feeds.shop.render(feeds.refunds[0], "")
    assert member.is_whole
    assert member.body_sha256 == feeds.refunds[0].body_sha256


def test_a_row_that_is_not_what_was_decided_joins_nothing() -> None:
    feeds = FeedBench(1).refunding()
    refund = feeds.refunds[0]
    feeds.table.commit_intent(refund, replace(refund, body_sha256="ab" * 32))

    assert feeds.advance(refund) is N.HOLD
    assert feeds.refunds[0].why == "body_changed"
    assert feeds.lock.last == 0


def test_a_row_larger_than_a_document_is_a_persons() -> None:
    feeds = FeedBench(1).refunding()
    feeds.house.advice = FeedTerms(most_bytes=10)

    assert feeds.advance(feeds.refunds[0]) is N.HOLD
    assert feeds.refunds[0].why == "row_too_large"


def test_a_full_batch_takes_nobody_and_the_next_opens() -> None:
    feeds = FeedBench(3).refunding()
    feeds.house.advice = FeedTerms(most=2)
    feeds.join_all()

    assert [batch.size for batch in feeds.batches] == [2, 1]
    assert feeds.lock.open == 2
    feeds.run()
    feeds.assert_books()
    assert feeds.states == [N.SETTLED] * 3


def test_an_intent_that_loses_the_race_for_a_batch_joins_on_what_the_winner_wrote() -> None:
    engine = HookedEngine()
    feeds = FeedBench(2, engine=engine).refunding()
    one, other = feeds.refunds
    engine.before.append(lambda _: feeds.advance(other))

    assert feeds.advance(one) is N.SENDING
    assert feeds.batch().size == 2
    assert feeds.lock.last == 1


def test_the_switches_are_read_before_an_intent_joins() -> None:
    feeds = FeedBench(1).refunding()
    feeds.set(Mode.LIVE, killed=True)

    assert feeds.advance(feeds.refunds[0]) is N.READY
    assert feeds.lock.last == 0


# Members that are looked at by themselves.


@pytest.mark.parametrize("state", [S.BUILDING, S.UPLOADED, S.UNKNOWN, S.SUBMITTED])
def test_a_member_that_is_looked_at_waits_for_its_batch(state: BatchState) -> None:
    feeds = bench()
    if state is S.UNKNOWN:
        feeds.house.faults.append(call_lost)
    feeds.until(state)
    refund = feeds.refunds[0]
    feeds.wait(minutes=90)

    assert feeds.advance(refund) is N.SENDING
    assert feeds.refunds[0].due == feeds.clock.at + timedelta(hours=1)


def test_a_member_of_a_batch_that_was_given_back_is_ready() -> None:
    feeds = bench()
    feeds.set(Mode.LIVE, killed=True)
    feeds.step()

    assert feeds.advance(feeds.refunds[0]) is N.READY
    assert feeds.refunds[0].attempt.sends == 0


@pytest.mark.proves("B18")
def test_after_a_restore_a_batch_that_was_given_back_proves_nothing_of_its_members() -> None:
    feeds = bench()
    feeds.set(Mode.LIVE, killed=True)
    feeds.step()
    feeds.set(Mode.LIVE, epoch=1)

    assert feeds.advance(feeds.refunds[0]) is N.SENDING
    assert feeds.step() is S.DISBANDED
    assert feeds.step() is S.CLOSED
    assert feeds.states == [N.UNKNOWN] * 3


def test_a_member_that_a_closed_batch_forgot_is_looked_for_at_the_channel() -> None:
    feeds = submitted()
    batch = feeds.batch()
    feeds.table.commit_batch(BatchChange(batch, replace(batch, state=S.CLOSED)))

    assert feeds.advance(feeds.refunds[0]) is N.UNKNOWN
    assert feeds.refunds[0].why == "batch_closed"


def test_a_wake_of_no_batch_and_of_a_member_finds_nothing_to_do() -> None:
    feeds = bench()
    member = keys.member(PLACE.account, REFUNDS, 1, IntentId(feeds.refunds[0].id))

    assert advance_batch(feeds.ports, keys.batch(PLACE.account, REFUNDS, 9), LIMITS) is None
    assert advance_batch(feeds.ports, member, LIMITS) is None
    assert advance_due(feeds.ports, member, LIMITS) is None


def test_a_channel_without_feeds_leaves_its_batch_alone() -> None:
    feeds = bench()
    feeds.ports = replace(feeds.ports, channel=lambda _: Workbench().shop)
    feeds.wait(minutes=2)

    with pytest.raises(Unavailable, match="takes no feeds"):
        feeds.step()
    assert feeds.batch().state is S.BUILDING


def test_losing_a_race_for_a_batch_is_no_error() -> None:
    engine = HookedEngine()
    feeds = FeedBench(engine=engine).refunding().join_all()
    feeds.wait(minutes=2)
    engine.before.append(lambda _: feeds.step())

    assert feeds.step() is S.BUILDING
    assert feeds.batch().state is S.UPLOADED
    assert feeds.tally.counts["CommitConflict", "batch"] == 1


@pytest.mark.proves("B2")
def test_a_thousand_refunds_are_one_document_and_one_submission() -> None:
    feeds = FeedBench(1).refunding().many(1000).join_all().run()

    assert feeds.house.calls.count("submit") == 1
    assert len(feeds.house.documents) == 1
    assert feeds.house.documents["D1"].count(b"\n") == 999
    assert [batch.size for batch in feeds.batches] == [1000]
    assert feeds.house.created["F1"].state is FeedState.DONE
    assert feeds.states == [N.SETTLED] * 1000
    feeds.assert_books()
