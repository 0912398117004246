"""A feed batch walks its table and nothing else; nothing leads from an unknown submission to a second one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from quittance.domain import feed_batch
from quittance.domain.errors import IllegalTransition
from quittance.domain.feed_batch import (
    BATCH_MACHINE,
    MOST_KNOWN,
    UNSUBMITTED,
    FeedBatch,
    FeedLock,
    FeedTerms,
    Member,
    advance,
)
from quittance.domain.feed_batch import BatchState as S
from quittance.domain.feed_batch import BatchVerb as V
from quittance.domain.ids import IntentId, OrderId, digest
from quittance.domain.intent import Act
from tests.support.builders import NOW, after

TERMS = FeedTerms()
ROW = b"one row"
# The house's table: what is not submitted may be given up, what is unknown is adopted or a person's.
LEGAL = {
    S.BUILDING: {V.SEAL: S.SEALED, V.GIVE_BACK: S.GIVEN_BACK, V.DISBAND: S.DISBANDED},
    S.SEALED: {V.UPLOAD: S.UPLOADED, V.GIVE_BACK: S.GIVEN_BACK, V.DISBAND: S.DISBANDED},
    S.UPLOADED: {V.SUBMIT: S.SUBMITTING, V.GIVE_BACK: S.GIVEN_BACK, V.DISBAND: S.DISBANDED},
    S.SUBMITTING: {V.ACCEPT: S.SUBMITTED, V.REFUSE: S.CANCELLED, V.UNSENT: S.UPLOADED, V.LOSE: S.UNKNOWN},
    S.UNKNOWN: {V.ADOPT: S.SUBMITTED, V.HOLD: S.HELD, V.DISBAND: S.DISBANDED},
    S.SUBMITTED: {V.FINISH: S.DONE, V.FAIL: S.FATAL, V.CANCEL: S.CANCELLED, V.HOLD: S.HELD},
    S.HELD: {V.FINISH: S.DONE, V.FAIL: S.FATAL, V.CANCEL: S.CANCELLED, V.CLOSE: S.CLOSED},
    S.DONE: {V.HOLD: S.HELD, V.DISBAND: S.DISBANDED, V.CLOSE: S.CLOSED},
    S.FATAL: {V.HOLD: S.HELD, V.CLOSE: S.CLOSED},
    S.CANCELLED: {V.CLOSE: S.CLOSED},
    S.GIVEN_BACK: {V.DISBAND: S.DISBANDED, V.CLOSE: S.CLOSED},
    S.DISBANDED: {V.CLOSE: S.CLOSED},
}
EDGES = [(state, verb, target) for state, verbs in LEGAL.items() for verb, target in verbs.items()]
GAPS = [pair for pair in product(S, V) if pair[1] not in LEGAL.get(pair[0], {})]


def a_batch(state: S = S.BUILDING, **changes: object) -> FeedBatch:
    return replace(FeedBatch("amazon", "eu", "refunds", 3, state, NOW), **changes)  # type: ignore[arg-type]


def a_lock(**changes: object) -> FeedLock:
    return replace(FeedLock("eu", "refunds", version=1, last=3, open=3), **changes)  # type: ignore[arg-type]


@pytest.mark.proves("F094")
@pytest.mark.parametrize("state, verb, target", EDGES)
def test_a_legal_verb_moves_the_batch_one_version_on(state: S, verb: V, target: S) -> None:
    moved = advance(a_batch(state), verb, why="because")

    assert (moved.state, moved.version, moved.why) == (target, 2, "because")


@pytest.mark.proves("F094")
@pytest.mark.parametrize("state, verb", GAPS)
def test_an_illegal_verb_is_refused_by_name(state: S, verb: V) -> None:
    with pytest.raises(IllegalTransition) as refusal:
        advance(a_batch(state), verb)
    assert (refusal.value.machine, refusal.value.state, refusal.value.verb) == ("feed batch", state.value, verb.value)


def test_from_every_state_a_batch_can_end() -> None:
    ends = {S.CLOSED}
    while more := {source for (source, _), target in BATCH_MACHINE.edges.items() if target in ends} - ends:
        ends |= more

    assert ends == set(S)
    assert BATCH_MACHINE.is_terminal(S.CLOSED)


@pytest.mark.proves("B1")
def test_after_a_submission_only_proof_that_it_did_not_leave_leads_to_another() -> None:
    submitted = {S.SUBMITTING, S.UNKNOWN, S.HELD, S.SUBMITTED}
    back = {(state, verb) for (state, verb), target in BATCH_MACHINE.edges.items() if target in UNSUBMITTED}

    assert {(state, verb) for state, verb in back if state in submitted} == {(S.SUBMITTING, V.UNSENT)}


def test_a_new_batch_takes_the_next_number_and_the_lock_points_to_it() -> None:
    lock, batch = feed_batch.opened(a_lock(open=0), "amazon", 2, NOW)

    assert (batch.number, batch.epoch, batch.state, batch.size) == (4, 2, S.BUILDING, 0)
    assert (lock.open, lock.last) == (4, 4)


def test_a_batch_counts_its_members_and_takes_the_lane_of_the_most_urgent() -> None:
    batch = feed_batch.joined(a_batch(), ROW, 2, a_lock(), TERMS, NOW)
    batch = feed_batch.joined(batch, ROW, 1, a_lock(), TERMS, NOW)

    assert (batch.size, batch.volume, batch.lane) == (2, 2 * len(ROW), 1)
    assert batch.due == after(minutes=2)


def test_a_batch_gathers_company_for_two_minutes_at_the_channels_pace() -> None:
    earlier = a_lock(submitted_at=after(minutes=-5))

    assert feed_batch.may_seal_at(a_batch(), a_lock(), TERMS) == after(minutes=2)
    assert feed_batch.may_seal_at(a_batch(), earlier, TERMS) == after(minutes=15)


def test_a_full_batch_waits_for_the_pace_alone_and_an_urgent_one_for_nothing() -> None:
    earlier = a_lock(submitted_at=after(minutes=-5))

    assert feed_batch.may_seal_at(a_batch(size=TERMS.most), a_lock(), TERMS) == NOW
    assert feed_batch.may_seal_at(a_batch(size=TERMS.most), earlier, TERMS) == after(minutes=15)
    assert feed_batch.may_seal_at(a_batch(lane=0), earlier, TERMS) == NOW


@pytest.mark.parametrize(
    "batch",
    [
        a_batch(S.SEALED),
        a_batch(size=TERMS.most),
        a_batch(volume=TERMS.most_bytes),
        a_batch(epoch=1),
    ],
    ids=["sealed", "full", "too large", "of another epoch"],
)
def test_a_batch_without_room_takes_nobody(batch: FeedBatch) -> None:
    assert feed_batch.has_room(a_batch(), ROW, 0, TERMS)
    assert not feed_batch.has_room(batch, ROW, 0, TERMS)


def test_a_feed_counts_as_absent_only_after_lease_and_horizon() -> None:
    sent = a_batch(S.UNKNOWN, submitted_at=NOW, lease_until=after(seconds=63))

    assert feed_batch.look_from(sent, TERMS) == after(minutes=15, seconds=63)


def test_only_the_batch_that_holds_the_lock_frees_it() -> None:
    held = feed_batch.taken(a_lock(), 3)

    assert (held.holder, held.fence) == (3, 1)
    assert feed_batch.released(held, 2).holder == 3
    assert feed_batch.released(held, 3).holder == 0
    assert feed_batch.shut(held, 2).open == 3
    assert feed_batch.shut(held, 3).open == 0


def test_the_lock_remembers_the_latest_feeds_and_when_one_was_created() -> None:
    lock = a_lock()
    for number in range(30):
        lock = feed_batch.released(lock, number, f"F{number}", after(minutes=number))

    assert list(lock.feeds) == [f"F{number}" for number in range(30 - MOST_KNOWN, 30)]
    assert lock.submitted_at == after(minutes=29)
    assert feed_batch.released(lock, 3).feeds == lock.feeds


def test_a_row_that_was_tampered_with_is_told_from_its_digest() -> None:
    member = Member(IntentId("i"), OrderId("o"), Act.REFUND, ROW, digest(ROW))

    assert member.is_whole
    assert not replace(member, row=b"another row").is_whole


def test_amazons_advice_is_kept() -> None:
    """developer-docs.amazon.com/sp-api/docs/feeds-api-best-practices."""
    assert timedelta(minutes=20) == TERMS.pace
    assert TERMS.most_bytes < 10 * 1024 * 1024
