"""The state of a return follows from its lines, its status at the channel and what is underway."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.errors import IllegalTransition, Rejected
from quittance.domain.ids import IntentId
from quittance.domain.intent import Act
from quittance.domain.observations import ChannelStatus as C
from quittance.domain.return_request import (
    ReturnLine,
    ReturnRequest,
    check_units,
    place,
    with_reading,
)
from quittance.domain.return_request import ReturnState as S
from quittance.domain.return_request import ReturnVerb as V
from tests.support.builders import NOW, SHIRT, line_reading, units

A, B = "line-9", "line-10"


def line(**counts: int) -> ReturnLine:
    return ReturnLine(SHIRT, "SHIRT-M", counts.pop("requested", 3), "SIZE_TOO_SMALL", **counts)


def body(status: C = C.OPEN, *acts: Act, late: bool = False, **lines: ReturnLine) -> ReturnRequest:
    return of_lines(lines or {A: line(authorised=3)}, status, *acts, late=late)


def of_lines(lines: Mapping[str, ReturnLine], status: C = C.OPEN, *acts: Act, late: bool = False) -> ReturnRequest:
    opened = {IntentId(f"intent-{n}"): act for n, act in enumerate(acts)}
    return ReturnRequest(status, NOW, NOW, lines, {}, opened, late_parcel=late)


IN_STATE: Mapping[S, ReturnRequest] = {
    S.REQUESTED: body(C.REQUESTED),
    S.DECIDING: body(C.REQUESTED, Act.APPROVE_RETURN),
    S.AUTHORISED: body(),
    S.PARTLY_RECEIVED: body(a=line(authorised=3, received=1)),
    S.RECEIVED: body(a=line(authorised=3, received=3)),
    S.RESOLVED: body(a=line(authorised=3, received=3, accepted=2, rejected=1, paid=2)),
    S.CLOSED: body(C.CLOSED),
    S.DECLINED: body(C.DECLINED),
    S.CANCELLED: body(C.CANCELLED),
}
GOODS = {V.ACCEPT, V.REJECT, V.EXCHANGE, V.REPAIR}
MAY: Mapping[S, set[V]] = {
    S.REQUESTED: {V.AUTHORISE, V.DECLINE, V.RECEIVE},
    S.DECIDING: {V.RECEIVE},
    S.AUTHORISED: {V.KEEP, V.REMOVE, V.CLOSE, V.RECEIVE, V.CANCEL},
    S.PARTLY_RECEIVED: {V.KEEP, V.REMOVE, V.CLOSE, V.RECEIVE, *GOODS},
    S.RECEIVED: {V.KEEP, V.REMOVE, V.CLOSE, V.RECEIVE, *GOODS},
    S.RESOLVED: {V.CLOSE, V.RECEIVE},
    S.CLOSED: {V.RECEIVE},
    S.DECLINED: {V.RECEIVE},
    S.CANCELLED: {V.RECEIVE},
}


@pytest.mark.parametrize("state", S)
def test_each_state_is_derived_from_what_is_known(state: S) -> None:
    assert IN_STATE[state].state is state
    assert state.is_final is (state in (S.CLOSED, S.DECLINED, S.CANCELLED))


@pytest.mark.proves("F141")
@pytest.mark.parametrize("state, verb", [(s, v) for s, v in product(S, V) if v in MAY[s]])
def test_a_state_permits_its_verbs(state: S, verb: V) -> None:
    IN_STATE[state].permit(verb)


@pytest.mark.proves("F141")
@pytest.mark.parametrize("state, verb", [(s, v) for s, v in product(S, V) if v not in MAY[s]])
def test_a_state_refuses_every_other_verb_by_name(state: S, verb: V) -> None:
    with pytest.raises(IllegalTransition) as refusal:
        IN_STATE[state].permit(verb)
    assert (refusal.value.machine, refusal.value.state, refusal.value.verb) == ("return", state.value, verb.value)


@pytest.mark.parametrize("act", [Act.APPROVE_RETURN, Act.DECLINE_RETURN])
def test_a_request_is_being_decided_while_the_channel_is_told(act: Act) -> None:
    assert body(C.REQUESTED, act).state is S.DECIDING
    assert body(C.REQUESTED, Act.CLOSE_RETURN).state is S.REQUESTED


@pytest.mark.parametrize("status", [C.CLOSED, C.DECLINED, C.CANCELLED])
def test_a_late_parcel_reopens_what_the_channel_calls_over(status: C) -> None:
    assert body(status, late=True, a=line(authorised=3, received=3)).state is S.RECEIVED


def test_a_return_is_resolved_once_nothing_is_outstanding_undecided_or_unpaid() -> None:
    assert body(a=line(authorised=3, received=3, accepted=3)).state is S.RECEIVED
    assert body(a=line(authorised=3, received=3, accepted=3, paying=3)).state is S.RECEIVED
    assert body(a=line(authorised=3, received=3, accepted=3, paid=3)).state is S.RESOLVED
    assert body(a=line(authorised=3, received=3, exchanged=1, repaired=1, rejected=1)).state is S.RESOLVED
    assert body(a=line(authorised=3, kept=3, paid=3)).state is S.RESOLVED
    assert body(a=line(authorised=3, kept=1, paid=1)).state is S.PARTLY_RECEIVED


def test_units_paid_in_advance_owe_nothing_back() -> None:
    early = line(authorised=3, received=3, rejected=3, paid=3)

    assert early.payable == 0
    assert body(a=early).state is S.RESOLVED


COUNTS = st.integers(0, 4)


@given(st.lists(COUNTS, min_size=11, max_size=11))
def test_no_count_of_a_line_ever_shows_units_to_pay_that_are_covered(counts: list[int]) -> None:
    names = ("authorised received accepted rejected kept exchanged repaired paying paid foreign requested").split()
    found = line(**dict(zip(names, counts, strict=True)))

    assert 0 <= found.payable <= found.accepted + found.kept
    assert found.outstanding >= 0
    assert found.expected >= 0
    assert (
        found.payable == 0 or found.payable + found.paying + found.paid + found.foreign == found.accepted + found.kept
    )


def test_a_reading_brings_new_lines_and_keeps_what_only_we_know() -> None:
    known = body(a=line(authorised=3, received=2, accepted=1, paid=1))

    seen = with_reading(
        known, {"a": line_reading("a", SHIRT, "SHIRT-M", 2), "b": line_reading("b", SHIRT, "S", 1)}, C.OPEN
    )

    assert (seen.lines["a"].requested, seen.lines["a"].authorised, seen.lines["a"].received) == (2, 2, 2)
    assert seen.lines["a"].paid == 1
    assert (seen.lines["b"].requested, seen.lines["b"].authorised) == (1, 1)


def test_a_line_that_the_channel_no_longer_shows_asks_for_nothing() -> None:
    seen = with_reading(body(a=line(authorised=3)), {}, C.OPEN)

    assert (seen.lines["a"].requested, seen.outstanding) == (0, 0)


def test_nothing_is_authorised_by_a_reading_of_a_mere_request() -> None:
    seen = with_reading(ReturnRequest(C.REQUESTED, NOW, NOW), {"a": line_reading("a", SHIRT, "S", 2)}, C.REQUESTED)

    assert (seen.lines["a"].requested, seen.lines["a"].authorised) == (2, 0)


@pytest.mark.parametrize(
    "paying, paid, refunded, foreign",
    [(0, 0, 0, 0), (0, 0, 2, 2), (1, 0, 1, 0), (0, 1, 1, 0), (1, 1, 3, 1), (2, 0, 1, 0)],
)
def test_units_refunded_beyond_ours_are_the_work_of_other_hands(
    paying: int, paid: int, refunded: int, foreign: int
) -> None:
    known = body(a=line(authorised=3, received=3, accepted=3, paying=paying, paid=paid))
    reading = {"a": line_reading("a", SHIRT, "SHIRT-M", 3, refunded=refunded)}

    seen = with_reading(known, reading, C.OPEN).lines["a"]

    assert seen.foreign == foreign
    assert seen.payable == max(0, 3 - paying - paid - foreign)


def test_what_other_hands_have_paid_is_not_forgotten_when_a_reading_shows_less() -> None:
    known = body(a=line(authorised=3, foreign=1))

    assert with_reading(known, {"a": line_reading("a", SHIRT, "S", 3)}, C.OPEN).lines["a"].foreign == 1


def test_units_fill_the_oldest_open_line_first_and_the_rest_is_surplus() -> None:
    open_lines = {B: line(authorised=2, requested=2), A: line(authorised=1, requested=1)}
    placed, surplus = place(of_lines(open_lines), [units(quantity=4), units("HAT")])

    assert {key: [u.quantity for u in found] for key, found in placed.items()} == {A: [1], B: [2]}
    assert [(u.sku, u.quantity) for u in surplus] == [("SHIRT-M", 1), ("HAT", 1)]


def test_units_that_the_buyer_was_left_have_no_place_in_a_parcel() -> None:
    placed, surplus = place(body(a=line(authorised=3, kept=3)), [units()])

    assert placed == {}
    assert [u.quantity for u in surplus] == [1]


def test_a_parcel_before_the_authorisation_finds_its_line() -> None:
    placed, surplus = place(body(C.REQUESTED, a=line()), [units(quantity=3)])

    assert (len(placed["a"]), surplus) == (1, [])


@given(st.lists(st.integers(1, 5), max_size=6), st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_every_unit_of_a_parcel_is_placed_or_surplus(found: list[int], asked: list[int]) -> None:
    lines = {f"line-{n}": line(authorised=q, requested=q) for n, q in enumerate(asked)}

    placed, surplus = place(of_lines(lines), [units(quantity=q) for q in found])

    on_lines = {key: sum(u.quantity for u in parts) for key, parts in placed.items()}
    assert sum(on_lines.values()) + sum(u.quantity for u in surplus) == sum(found)
    assert all(quantity <= lines[key].requested for key, quantity in on_lines.items())
    assert sum(on_lines.values()) == min(sum(found), sum(asked))


@pytest.mark.parametrize(
    "verb, wanted, code",
    [
        (V.ACCEPT, {}, "NO_LINES"),
        (V.ACCEPT, {"x": 1}, "UNKNOWN_LINE"),
        (V.ACCEPT, {"a": 3}, "BAD_QUANTITY"),
        (V.ACCEPT, {"a": 0}, "BAD_QUANTITY"),
        (V.KEEP, {"a": 2}, "BAD_QUANTITY"),
        (V.REMOVE, {"a": 2}, "BAD_QUANTITY"),
    ],
)
def test_units_that_a_line_does_not_have_are_refused(verb: V, wanted: dict[str, int], code: str) -> None:
    with pytest.raises(Rejected) as refusal:
        check_units(body(a=line(authorised=3, received=2)), verb, wanted)
    assert refusal.value.code == code


@pytest.mark.parametrize("verb, quantity", [(V.ACCEPT, 2), (V.REJECT, 1), (V.KEEP, 1), (V.REMOVE, 1)])
def test_units_that_a_line_has_can_be_decided(verb: V, quantity: int) -> None:
    check_units(body(a=line(authorised=3, received=2)), verb, {"a": quantity})
