"""An intent walks its table and nothing else: from its admission to its proof, never back into a send by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.errors import IllegalTransition
from quittance.domain.intent import (
    ENDED,
    MACHINE,
    Act,
    Attempt,
    Components,
    back_off,
    claim,
    look_from,
    move,
    unsent,
)
from quittance.domain.intent import IntentState as S
from quittance.domain.intent import IntentVerb as V
from tests.support.builders import NOW, SHIRTS, after, intent

ON_THE_WAY = frozenset({S.SENDING, S.ACCEPTED, S.UNKNOWN})
# The house's table of states, with the verb that walks each edge; an approved refund may have to wait for its turn.
LEGAL = {
    S.RESERVED: {
        V.REQUIRE_APPROVAL: S.AWAITING_APPROVAL,
        V.TAKE_TURN: S.READY,
        V.CANCEL: S.CANCELLED,
        V.HOLD: S.HOLD,
        V.RESTORE: S.UNKNOWN,
    },
    S.AWAITING_APPROVAL: {
        V.APPROVE: S.READY,
        V.APPROVE_AND_WAIT: S.RESERVED,
        V.CANCEL: S.CANCELLED,
        V.HOLD: S.HOLD,
        V.RESTORE: S.UNKNOWN,
    },
    S.READY: {V.CLAIM: S.SENDING, V.CANCEL: S.CANCELLED, V.HOLD: S.HOLD, V.RESTORE: S.UNKNOWN},
    S.SENDING: {
        V.SETTLE: S.SETTLED,
        V.DECLINE: S.DECLINED,
        V.ACCEPT: S.ACCEPTED,
        V.LOSE: S.UNKNOWN,
        V.UNSENT: S.READY,
        V.RESTORE: S.UNKNOWN,
    },
    S.ACCEPTED: {
        V.SETTLE: S.SETTLED,
        V.DECLINE: S.DECLINED,
        V.LOSE: S.UNKNOWN,
        V.HOLD: S.HOLD,
        V.RESTORE: S.UNKNOWN,
    },
    S.UNKNOWN: {V.SETTLE: S.SETTLED, V.DECLINE: S.DECLINED, V.ABSENT: S.READY, V.HOLD: S.HOLD},
    S.HOLD: {V.SETTLE: S.SETTLED, V.RETRY: S.READY, V.CANCEL: S.CANCELLED},
    S.SETTLED: {V.REVERSE: S.REVERSED},
}
EDGES = [(state, verb, target) for state, verbs in LEGAL.items() for verb, target in verbs.items()]
GAPS = [pair for pair in product(S, V) if pair[1] not in LEGAL.get(pair[0], {})]


@pytest.mark.proves("F094")
@pytest.mark.parametrize("state, verb, target", EDGES)
def test_a_legal_verb_moves_the_intent_one_version_on(state: S, verb: V, target: S) -> None:
    moved = move(intent(state), verb, why="because")

    assert (moved.state, moved.version, moved.why) == (target, 2, "because")
    assert intent(state).key == moved.key


@pytest.mark.proves("F094")
@pytest.mark.parametrize("state, verb", GAPS)
def test_an_illegal_verb_is_refused_by_name(state: S, verb: V) -> None:
    with pytest.raises(IllegalTransition) as refusal:
        move(intent(state), verb)
    assert (refusal.value.machine, refusal.value.state, refusal.value.verb) == ("intent", state.value, verb.value)


@pytest.mark.parametrize("state", S)
def test_an_intent_has_ended_exactly_where_nothing_but_a_reversal_leads_on(state: S) -> None:
    assert intent(state).has_ended is (set(LEGAL.get(state, {})) <= {V.REVERSE})
    assert MACHINE.is_terminal(state) is (state not in LEGAL)


def test_only_proof_leads_from_unknown_towards_a_send() -> None:
    back = {(state, verb) for state, verb, target in EDGES if state in ON_THE_WAY and target is S.READY}

    assert back == {(S.SENDING, V.UNSENT), (S.UNKNOWN, V.ABSENT)}
    assert not ON_THE_WAY & ENDED


def test_nothing_leads_into_shadow_and_nothing_out_of_it() -> None:
    assert S.SHADOWED not in {target for _, _, target in EDGES}
    assert MACHINE.is_terminal(S.SHADOWED)


def test_a_claim_takes_a_new_fence_and_a_lease_and_keeps_the_reading_before_the_send() -> None:
    before = intent(attempt=Attempt(fence=3, absent_at=NOW, sends=1))

    claimed = claim(before, {"refunds": "0"}, NOW, timedelta(seconds=63))

    assert claimed.state is S.SENDING
    assert claimed.attempt.fence == 4
    assert claimed.attempt.lease_until == claimed.due == after(seconds=63)
    assert claimed.attempt.snapshot == {"refunds": "0"}
    assert claimed.attempt.absent_at is None


def test_a_claim_soon_after_its_admission_leaves_the_next_look_where_it_is() -> None:
    soon = intent(due=after(seconds=60))
    late = intent(due=after(seconds=2))

    assert claim(soon, {}, NOW, timedelta(seconds=57)).due == after(seconds=60)
    assert claim(late, {}, NOW, timedelta(seconds=57)).due == after(seconds=57)


def test_a_send_counts_from_its_claim_and_a_second_keeps_the_time_of_the_first() -> None:
    once = claim(intent(), {}, NOW, timedelta(seconds=63))
    again = move(once, V.LOSE)
    twice = claim(move(again, V.ABSENT), {}, after(minutes=5), timedelta(seconds=63))

    assert (once.attempt.first_sent_at, once.attempt.sends) == (NOW, 1)
    assert (twice.attempt.first_sent_at, twice.attempt.last_sent_at) == (NOW, after(minutes=5))
    assert twice.attempt.sends == 2


def test_a_claim_that_is_proven_unsent_does_not_count() -> None:
    first = claim(intent(), {}, NOW, timedelta(seconds=63))
    second = claim(replace(first, state=S.READY), {}, after(minutes=1), timedelta(seconds=63))

    assert (unsent(first).sends, unsent(first).first_sent_at) == (0, None)
    assert (unsent(second).sends, unsent(second).first_sent_at) == (1, NOW)


SECONDS = st.integers(0, 10_000)


@given(st.none() | SECONDS, st.none() | SECONDS, SECONDS)
def test_absence_means_nothing_before_both_send_and_lease_lie_a_horizon_back(
    sent_after: int | None, lease: int | None, horizon: int
) -> None:
    times = [None if s is None else after(seconds=s) for s in (sent_after, lease)]
    looked = look_from(intent(attempt=Attempt(last_sent_at=times[0], lease_until=times[1])), timedelta(seconds=horizon))

    assert looked == max([NOW, *(t for t in times if t)]) + timedelta(seconds=horizon)


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(60, 3600))
def test_waits_between_looks_double_up_to_the_limit(looks: int, first: int, limit: int) -> None:
    begin, end = timedelta(seconds=first), timedelta(seconds=limit)
    wait = back_off(looks, begin, end)

    assert begin <= wait <= end
    assert back_off(0, begin, end) == begin
    assert back_off(looks + 1, begin, end) in (min(2 * wait, end), wait)


def test_the_first_waits_are_one_two_four_and_eight_times_the_first() -> None:
    waits = [back_off(n, timedelta(seconds=15), timedelta(hours=1)).total_seconds() for n in range(4)]

    assert waits == [15, 30, 60, 120]


def test_a_refund_totals_its_components_and_an_act_without_money_nothing() -> None:
    parts = Components(goods=3000, shipping=500, fee=300, adjustment=-200)

    assert intent(components=parts).total == 3000
    assert intent(act=Act.CLOSE_RETURN, components=parts).total == 0
    assert intent().quantities() == {SHIRTS: 1}
    assert [act for act in Act if act.is_money] == [Act.REFUND]
