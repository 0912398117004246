"""Each point between two calls of a feed batch at which its process can end, and what has to hold afterwards."""

from __future__ import annotations

import pytest

from quittance.application.feeds import Submission, Submitted
from quittance.domain.feed_batch import BatchState
from quittance.domain.intent import IntentState
from tests.faults.boundaries import Killed
from tests.support.feed_bench import FeedBench, HookedEngine
from tests.support.feeds import FeedHouse, answer_lost

S, N = BatchState, IntentState


def bench(engine: HookedEngine | None = None) -> FeedBench:
    """Three refunds that have joined one batch."""
    return FeedBench(3, engine=engine).refunding().join_all()


def dies(*_: object) -> None:
    """The process ends here."""
    raise Killed


def call_never_left(_: FeedHouse, __: str) -> Submission:
    """The worker dies before its call leaves."""
    raise Killed


def call_was_made(house: FeedHouse, document: str) -> Submission:
    """The worker dies when the channel has created the feed."""
    answer_lost(house, document)
    raise Killed


def all_paid_once(feeds: FeedBench) -> None:
    """The batch goes on by the due index alone, and every refund settles."""
    feeds.run()
    assert feeds.states == [N.SETTLED] * 3
    assert feeds.house.calls.count("submit") == 1
    feeds.assert_books()


@pytest.mark.proves("B1")
@pytest.mark.crash_point("C10")
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("commit", ["sealed", "uploaded"])
def test_c10_a_document_whose_batch_was_not_submitted_is_an_orphan_without_effect(commit: str, place: str) -> None:
    engine = HookedEngine()
    feeds = bench(engine)
    feeds.wait(minutes=2)
    acts = engine.before if place == "before" else engine.after
    acts += [dies] if commit == "sealed" else [lambda _: None, dies]
    with pytest.raises(Killed):
        feeds.step()

    assert feeds.shop.effects[3:] == []
    assert feeds.house.created == {}
    all_paid_once(feeds)
    assert len(feeds.house.documents) == (2 if (commit, place) == ("uploaded", "before") else 1)


@pytest.mark.proves("B1")
@pytest.mark.crash_point("C10")
def test_c10_a_worker_that_dies_before_it_takes_the_lock_has_submitted_nothing() -> None:
    engine = HookedEngine()
    feeds = bench(engine).until(S.UPLOADED)
    engine.before.append(dies)
    with pytest.raises(Killed):
        feeds.step()

    assert (feeds.lock.holder, feeds.batch().state) == (0, S.UPLOADED)
    all_paid_once(feeds)


@pytest.mark.proves("B1")
@pytest.mark.crash_point("C11")
def test_c11_a_feed_whose_answer_was_lost_is_adopted_as_the_one_that_nobody_knew() -> None:
    feeds = bench()
    feeds.house.faults.append(answer_lost)

    all_paid_once(feeds)
    assert (feeds.batch().feed, feeds.lock.feeds, feeds.lock.holder) == ("F1", {"F1": 1}, 0)


@pytest.mark.proves("B1")
@pytest.mark.crash_point("C11")
@pytest.mark.parametrize("fault", [call_never_left, call_was_made])
def test_c11_a_worker_that_dies_in_its_call_leaves_an_unknown_batch(fault: object) -> None:
    feeds = bench().until(S.UPLOADED)
    feeds.house.faults.append(fault)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        feeds.step()
    assert feeds.batch().state is S.SUBMITTING
    assert feeds.step() is S.SUBMITTING
    feeds.wait(seconds=63)
    assert feeds.step() is S.UNKNOWN

    feeds.run()
    feeds.assert_books()
    assert feeds.states == ([N.HOLD] if fault is call_never_left else [N.SETTLED]) * 3
    assert feeds.house.calls.count("submit") == 1


@pytest.mark.proves("B1")
@pytest.mark.crash_point("C11")
def test_c11_a_worker_that_dies_with_the_answer_in_its_hands_leaves_a_feed_to_be_adopted() -> None:
    engine = HookedEngine()
    feeds = bench(engine).until(S.UPLOADED)
    engine.before += [lambda _: None, dies]
    with pytest.raises(Killed):
        feeds.step()

    assert (feeds.batch().state, feeds.lock.holder) == (S.SUBMITTING, 1)
    all_paid_once(feeds)


@pytest.mark.proves("B1")
@pytest.mark.crash_point("C12")
def test_c12_a_notification_that_comes_before_the_feed_is_known_or_twice_only_wakes() -> None:
    feeds = bench().until(S.UPLOADED)

    def early(house: FeedHouse, document: str) -> Submission:
        name = house.create("refunds", document)
        assert feeds.step() is S.SUBMITTING
        return Submitted(name)

    feeds.house.faults.append(early)
    assert feeds.step() is S.SUBMITTED
    assert [feeds.step() for _ in range(2)] == [S.SUBMITTED] * 2

    all_paid_once(feeds)
    assert [feeds.step() for _ in range(2)] == [S.CLOSED] * 2


@pytest.mark.proves("B1")
@pytest.mark.crash_point("C12")
def test_c12_a_notification_that_never_comes_is_missed_by_nobody() -> None:
    feeds = bench().until(S.SUBMITTED)

    all_paid_once(feeds)
    assert feeds.house.calls.count("state") >= 1


@pytest.mark.proves("B1")
@pytest.mark.crash_point("C13")
@pytest.mark.parametrize("member", [0, 1, 2])
@pytest.mark.parametrize("place", ["before", "after"])
def test_c13_a_result_that_was_half_processed_is_resumed(member: int, place: str) -> None:
    engine = HookedEngine()
    feeds = bench(engine).until(S.SUBMITTED)
    feeds.wait(minutes=5)
    # The header's move to DONE comes first, then one commit for each member.
    acts = engine.before if place == "before" else engine.after
    acts += [lambda _: None] * (1 + member) + [dies]
    with pytest.raises(Killed):
        feeds.step()
    assert feeds.states.count(N.SETTLED) == member + (place == "after")
    assert feeds.batch().state is S.DONE

    assert feeds.step() is S.CLOSED
    all_paid_once(feeds)
