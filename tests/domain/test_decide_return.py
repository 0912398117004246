"""The life of a return: what a reading, a parcel or a rule makes of it, in whatever order they come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain import decide_command, decide_return, refund
from quittance.domain.account import Mode
from quittance.domain.command import CommandName
from quittance.domain.decide_return import follow_up, read_order, read_return, receive, settled
from quittance.domain.draft import Draft
from quittance.domain.errors import Rejected
from quittance.domain.events import IntentMoved
from quittance.domain.intent import Act, Attempt, IntentState, IntentVerb
from quittance.domain.ledger import Payment
from quittance.domain.money import Money
from quittance.domain.observations import ChannelStatus, Condition, MoneyStatus
from quittance.domain.policy import DecidedBy, Gate
from quittance.domain.return_request import ReturnState
from tests.support.builders import (
    CAPS,
    CARD,
    NOW,
    SHIRT,
    SHIRTS,
    after,
    authorised,
    command,
    committed,
    draft,
    intent,
    line_reading,
    order_reading,
    policy,
    receipt,
    refund_reading,
    refunds,
    return_reading,
    told,
    units,
)

POLICY = policy()
RULE: dict[str, Any] = {"decided_by": DecidedBy.RULE, "authorise_alone_up_to": Money(9000, "EUR")}
OPEN = return_reading(status=ChannelStatus.OPEN)
C = ChannelStatus


def arrived(drafted: Draft, *parcels: Any, rules: Any = POLICY) -> Draft:
    for parcel in parcels:
        drafted = follow_up(receive(drafted, parcel, rules), rules)
    return drafted


def moved(drafted: Draft, *verbs: IntentVerb, of: Act = Act.REFUND, reference: str = "") -> Draft:
    """The one open intent of an act walks these edges."""
    (found,) = [i for i, act in drafted.body.open_intents.items() if act is of]
    for verb in verbs:
        drafted = drafted.record(IntentMoved(found, verb, "channel", "", reference))
    return drafted


def seen(drafted: Draft, status: ChannelStatus, **changes: Any) -> Draft:
    reading = return_reading(status=status, as_of=after(hours=1), **changes)
    return follow_up(read_return(drafted, reading), POLICY)


@pytest.mark.proves("F135", "F142")
def test_a_return_of_three_units_in_two_parcels_with_a_wrong_item_is_paid_for_what_was_accepted() -> None:
    first = committed(arrived(authorised(), receipt("p1", units())))
    assert first.case.state == "partly_received"
    paid = committed(moved(first, IntentVerb.CLAIM, IntentVerb.SETTLE, reference="refund-1"))

    second = arrived(paid, receipt("p2", units("CAP-1"), units(condition=Condition.WRONG_ITEM)))

    assert [found.components.goods for found in refunds(second)] == [3000, 2000]
    assert second.case.state == "received"
    assert second.body.lines[SHIRTS].undecided == 1
    assert "decide_units" in second.case.deadlines


@pytest.mark.proves("F073")
def test_a_received_and_accepted_unit_opens_the_gate() -> None:
    assert refunds(follow_up(authorised(), POLICY)) == []
    assert len(refunds(arrived(authorised(), receipt()))) == 1


@pytest.mark.proves("F136")
def test_a_damaged_unit_is_rejected_by_the_rule_and_not_paid() -> None:
    done = arrived(authorised(), receipt("p", units(condition=Condition.DAMAGED)))

    assert done.body.lines[SHIRTS].rejected == 1
    assert refunds(done) == []


def test_the_same_receipt_twice_changes_nothing() -> None:
    once = committed(arrived(authorised(), receipt()))

    assert receive(once, receipt(), POLICY) == once


def test_a_receipt_that_contradicts_itself_is_for_a_person_and_moves_no_goods() -> None:
    once = committed(arrived(authorised(), receipt()))

    twice = receive(once, receipt("parcel-1", units(quantity=2)), POLICY)

    assert twice.case.marks == {"receipt_contradicted"}
    assert twice.body == once.body


def test_goods_nobody_asked_back_for_are_for_a_person() -> None:
    done = arrived(authorised(), receipt("p", units(quantity=3), units("HAT")))

    assert "surplus_in_parcel" in done.case.marks
    assert done.body.lines[SHIRTS].received == 2


def test_the_earliest_parcel_counts_whatever_the_order_of_the_reports() -> None:
    late = receipt("p2", units(), received_at=after(days=2))
    done = arrived(authorised(), late, receipt("p1", units()))

    assert done.body.received_at == NOW


def test_an_observing_account_writes_a_parcel_down_and_decides_nothing() -> None:
    done = arrived(authorised(mode=Mode.OBSERVE), receipt())

    assert (done.body.lines[SHIRTS].received, done.body.lines[SHIRTS].accepted) == (1, 0)
    assert done.intents == {}


@pytest.mark.proves("F029", "F030")
def test_a_case_is_never_decided_by_another_channels_policy() -> None:
    foreign = policy(channel="amazon")
    with pytest.raises(Rejected, match="WRONG_CHANNEL"):
        follow_up(authorised(), foreign)
    with pytest.raises(Rejected, match="WRONG_CHANNEL"):
        receive(authorised(), receipt(), foreign)
    with pytest.raises(Rejected, match="WRONG_CHANNEL"):
        decide_command.decide(authorised(), command(CommandName.KEEP_LINES, {SHIRTS: 1}), foreign)


@pytest.mark.parametrize("status", [C.REQUESTED, C.OPEN])
def test_a_reading_without_news_changes_nothing_at_all(status: ChannelStatus) -> None:
    before = committed(follow_up(draft(return_reading(status=status)), POLICY))

    again = read_order(before, order_reading(as_of=after(hours=1)))
    again = read_return(again, return_reading(status=status, as_of=after(hours=1)))

    assert again == before
    assert follow_up(again, POLICY) == before


def test_a_new_tracking_number_is_news() -> None:
    before = authorised()

    again = read_return(before, replace(OPEN, as_of=after(hours=1), tracking=frozenset({"1Z999"})))

    assert ("tracking", "1Z999") in again.case.names
    assert again.events


def test_an_order_that_changed_is_read_again() -> None:
    before = authorised()

    again = read_order(before, order_reading(as_of=after(hours=1), payments={CARD: Payment(9000)}))

    assert told(again) == ["OrderRead"]
    assert again.ordered.ledger.available(CARD) == 9000


def test_an_older_reading_changes_nothing() -> None:
    before = authorised(replace(OPEN, as_of=after(hours=2)), ordered=order_reading(as_of=after(hours=2)))

    assert read_return(before, return_reading(status=C.CANCELLED, as_of=after(hours=1))) == before
    assert read_order(before, order_reading(payments={}, as_of=after(hours=1))) == before


def test_a_status_nobody_knows_is_for_a_person_and_moves_nothing() -> None:
    before = authorised()

    done = read_return(before, return_reading(status=C.UNRECOGNISED, as_of=after(hours=1)))

    assert done.case.marks == {"unrecognised:status"}
    assert done.body == before.body


def test_values_nobody_knows_are_named() -> None:
    done = read_return(authorised(), replace(OPEN, as_of=after(hours=1), unrecognised=("reverse_delivery",)))
    done = read_order(done, order_reading(as_of=after(hours=1), unrecognised=("gateway",)))

    assert done.case.marks == {"unrecognised:reverse_delivery", "unrecognised:gateway"}


@pytest.mark.proves("F068")
def test_a_buyer_who_cancels_stops_every_clock_and_every_refund_that_has_not_left() -> None:
    rules = policy(refund_gate=Gate.AUTHORISED)
    before = committed(follow_up(authorised(), rules))
    assert refunds(before)[0].state is IntentState.READY

    done = seen(before, C.CANCELLED)

    assert (done.case.state, done.case.deadlines) == ("cancelled", {})
    assert refunds(done)[0].state is IntentState.CANCELLED
    assert done.ordered.ledger.available(CARD) == 8500
    assert not done.case.is_open


@pytest.mark.proves("F068")
def test_a_refund_on_its_way_when_the_buyer_cancels_is_settled_by_its_proof() -> None:
    before = moved(committed(arrived(authorised(), receipt())), IntentVerb.CLAIM)

    cancelled = seen(before, C.CANCELLED)
    assert refunds(cancelled)[0].state is IntentState.SENDING
    assert cancelled.ordered.ledger.available(CARD) == 5500

    done = follow_up(moved(cancelled, IntentVerb.SETTLE, reference="refund-1"), POLICY)
    assert refunds(done)[0].state is IntentState.SETTLED
    assert (done.case.state, done.body.lines[SHIRTS].paid, done.case.deadlines) == ("cancelled", 1, {})


@pytest.mark.proves("F140")
@pytest.mark.parametrize("status", [C.CANCELLED, C.DECLINED])
def test_a_late_parcel_reopens_a_refused_return_for_a_person_and_pays_nothing(status: ChannelStatus) -> None:
    before = committed(seen(authorised(), status))

    done = arrived(before, receipt("p", units(quantity=2)))

    assert "ReturnReopened" in told(done)
    assert (done.case.state, done.body.lines[SHIRTS].undecided) == ("partly_received", 2)
    assert done.case.marks == {"late_parcel"}
    assert refunds(done) == []

    kept = decide_command.decide(committed(done), command(CommandName.ACCEPT_LINES, {SHIRTS: 2}), POLICY)
    assert refunds(kept) == []
    assert "refund_blocked" in kept.case.marks


def test_a_late_parcel_of_a_closed_return_is_decided_and_paid() -> None:
    before = committed(seen(authorised(), C.CLOSED))
    assert (before.case.state, before.case.deadlines) == ("closed", {})

    done = arrived(before, receipt())

    assert [found.total for found in refunds(done)] == [3000]
    assert done.case.state == "partly_received"
    assert done.case.marks == {"late_parcel"}
    assert "law_refund" in done.case.deadlines


def test_a_return_closed_by_other_hands_still_has_its_money_clock_until_the_refund_has_settled() -> None:
    before = committed(arrived(authorised(), receipt()))

    closed = seen(before, C.CLOSED)
    assert set(closed.case.deadlines) == {"law_refund", "refund_received"}

    done = follow_up(moved(closed, IntentVerb.CLAIM, IntentVerb.SETTLE, reference="r"), POLICY)
    assert (done.case.state, done.case.deadlines) == ("closed", {})


@pytest.mark.parametrize("was", [C.CLOSED, C.CANCELLED])
def test_a_return_that_the_channel_reopens_is_open_and_can_be_cancelled_again(was: ChannelStatus) -> None:
    over = committed(seen(draft(), was))
    again = read_return(over, return_reading(status=C.OPEN, as_of=after(hours=2)))
    assert (again.case.state, told(again)[-1]) == ("authorised", "ReturnReopened")
    assert again.body.authorised_at is not None

    done = read_return(committed(again), return_reading(status=C.CANCELLED, as_of=after(hours=3)))
    assert done.case.state == "cancelled"


@pytest.mark.parametrize(
    "status, event", [(C.OPEN, "ReturnAuthorised"), (C.DECLINED, "ReturnDeclined"), (C.CLOSED, "ReturnClosed")]
)
def test_what_other_hands_did_at_the_channel_is_told_once(status: ChannelStatus, event: str) -> None:
    done = seen(draft(), status)
    assert told(done).count(event) == 1

    assert event not in told(read_return(committed(done), return_reading(status=status, as_of=after(hours=2))))


def test_a_request_declined_by_other_hands_stops_what_was_about_to_be_told() -> None:
    asked = committed(decide_command.decide(draft(), command(CommandName.AUTHORISE_RETURN), POLICY))

    done = seen(asked, C.DECLINED)

    assert [i.state for i in done.intents.values()] == [IntentState.CANCELLED]


def approving(drafted: Draft) -> Draft:
    return decide_command.decide(drafted, command(CommandName.AUTHORISE_RETURN), POLICY)


def approved(drafted: Draft) -> Draft:
    (found,) = [i for i in drafted.intents.values() if i.act is Act.APPROVE_RETURN]
    return settled(moved(drafted, IntentVerb.SETTLE, of=Act.APPROVE_RETURN), found)


@pytest.mark.proves("F005")
def test_an_approval_that_settled_is_told_once_however_the_reading_comes() -> None:
    sending = moved(committed(approving(draft())), IntentVerb.CLAIM, of=Act.APPROVE_RETURN)
    opened = return_reading(status=C.OPEN, as_of=after(hours=1))

    after_it = read_return(approved(sending), opened)
    before_it = approved(read_return(sending, opened))

    for done in (after_it, before_it):
        assert told(done).count("ReturnAuthorised") == 1
        assert done.case.state == "authorised"


def test_an_approval_that_settles_late_does_not_undo_what_the_channel_shows() -> None:
    sending = moved(committed(approving(draft())), IntentVerb.CLAIM, of=Act.APPROVE_RETURN)

    done = approved(seen(sending, C.CANCELLED))

    assert done.case.state == "cancelled"


@pytest.mark.parametrize(
    "act, status, state",
    [
        (Act.DECLINE_RETURN, C.REQUESTED, "declined"),
        (Act.CLOSE_RETURN, C.OPEN, "closed"),
        (Act.CANCEL_RETURN, C.OPEN, "cancelled"),
        (Act.CLOSE_RETURN, C.CANCELLED, "cancelled"),
        (Act.CANCEL_RETURN, C.CLOSED, "closed"),
        (Act.REFUND, C.OPEN, "authorised"),
    ],
)
def test_a_settled_act_moves_the_return_unless_it_has_moved_on(act: Act, status: ChannelStatus, state: str) -> None:
    assert settled(draft(return_reading(status=status)), intent(IntentState.SETTLED, act)).case.state == state


@pytest.mark.parametrize("sent, left", [(NOW, 1), (after(minutes=-5), 2)])
def test_lines_removed_are_taken_off_once_whether_or_not_a_reading_shows_it_already(sent: Any, left: int) -> None:
    act = intent(IntentState.SETTLED, Act.REMOVE_LINES, attempt=Attempt(last_sent_at=sent, sends=1))

    assert settled(authorised(), act).body.lines[SHIRTS].requested == left


@pytest.mark.proves("F005", "F143")
def test_a_small_request_in_time_is_authorised_by_the_rule_once() -> None:
    rules = policy(**RULE)
    done = follow_up(draft(), rules)

    assert [i.act for i in done.intents.values()] == [Act.APPROVE_RETURN]
    assert done.case.state == "deciding"
    assert follow_up(committed(done), rules) == committed(done)


@pytest.mark.parametrize(
    "drafted, rules",
    [
        (draft(), policy()),
        (draft(), policy(**RULE | {"authorise_alone_up_to": Money(7999, "EUR")})),
        (draft(), policy(**RULE | {"authorise_alone_up_to": Money(9000, "USD")})),
        (draft(mode=Mode.OBSERVE), policy(**RULE)),
        (draft(return_reading(lines={})), policy(**RULE)),
        (draft(return_reading(lines={"x": line_reading("x", "unsold", "S", 1)})), policy(**RULE)),
        (draft().marked("unrecognised:status"), policy(**RULE)),
        (draft().marked("approve_return:NOT_APPROVABLE"), policy(**RULE)),
    ],
)
def test_a_request_that_is_not_small_clear_and_the_rules_own_waits_for_a_person(drafted: Draft, rules: Any) -> None:
    done = follow_up(drafted, rules)

    assert done.intents == {}
    assert done.case.state == "requested"


@pytest.mark.proves("F012")
def test_a_request_after_every_window_waits_for_a_person() -> None:
    old = order_reading(delivered_at=after(days=-60))
    done = follow_up(draft(ordered=old), policy(**RULE))

    assert done.case.marks == {"outside_window"}
    assert done.intents == {}


def test_in_shadow_the_rule_decides_once_and_nothing_is_underway() -> None:
    done = committed(follow_up(draft(mode=Mode.SHADOW), policy(**RULE)))

    assert [i.state for i in done.intents.values()] == [IntentState.SHADOWED]
    assert done.case.state == "requested"
    assert follow_up(done, policy(**RULE)) == done


@pytest.mark.proves("F063")
def test_a_return_that_is_paid_is_closed_by_the_rule_once_also_without_the_goods() -> None:
    rules = policy(close_after_refund=True)
    one = draft(return_reading(status=C.OPEN, shirts=1, caps=0))
    kept = decide_command.decide(one, command(CommandName.KEEP_LINES, {SHIRTS: 1}), rules)
    assert "close_return" not in {act.value for act in kept.body.open_intents.values()}

    done = follow_up(moved(kept, IntentVerb.CLAIM, IntentVerb.SETTLE, reference="r"), rules)

    closing = [i for i in done.intents.values() if i.act is Act.CLOSE_RETURN]
    assert [i.reason for i in closing] == ["refunded"]
    assert follow_up(committed(done), rules) == committed(done)


def test_a_foreign_refund_is_told_once_and_lowers_the_headroom() -> None:
    reading = order_reading(as_of=after(hours=1), refunds=(refund_reading(),))

    done = read_order(authorised(), reading)

    assert told(done) == ["OrderRead", "ForeignRefundSeen"]
    assert done.ordered.ledger.available(CARD) == 5500
    assert read_order(committed(done), replace(reading, as_of=after(hours=2))).events == ()


def test_units_that_a_colleague_has_paid_at_the_channel_are_not_paid_again() -> None:
    paid = line_reading(SHIRTS, SHIRT, "SHIRT-M", 2, refunded=1)
    before = authorised(replace(OPEN, lines={SHIRTS: paid}), ordered=order_reading(refunds=(refund_reading(),)))

    done = arrived(before, receipt("p", units(quantity=2)))

    assert [found.quantities() for found in refunds(done)] == [{SHIRTS: 1}]


def test_a_deficit_is_told_and_holds_what_has_not_left_the_house() -> None:
    before = committed(arrived(authorised(), receipt("p1", units(quantity=2), units("CAP-1"))))
    assert refunds(before)[0].total == 8500
    turnless = replace(before, order=replace(before.ordered, ledger=replace(before.ordered.ledger, turn=None)))

    done = read_order(turnless, order_reading(as_of=after(hours=1), refunds=(refund_reading(minor=1000),)))

    assert refunds(done)[0].state is IntentState.HOLD
    assert "deficit" in done.case.marks
    assert told(done).count("DeficitFound") == 1
    assert told(read_order(committed(done), order_reading(as_of=after(hours=2)))) == []


def test_a_deficit_that_shows_when_our_last_refund_ends_is_told_then() -> None:
    before = moved(committed(arrived(authorised(), receipt("p", units(quantity=2)))), IntentVerb.CLAIM)
    both = order_reading(as_of=after(hours=1), refunds=(refund_reading(minor=3000),))
    waiting = committed(read_order(before, both))
    assert (waiting.ordered.ledger.deficit, len(waiting.ordered.ledger.unattributed)) == (0, 1)

    done = follow_up(moved(waiting, IntentVerb.SETTLE, reference="refund-1"), POLICY)

    assert (done.ordered.ledger.deficit, told(done).count("DeficitFound")) == (500, 1)
    assert "deficit" in done.case.marks


def test_a_settled_refund_whose_money_bounced_is_reversed_and_for_a_person() -> None:
    done = moved(committed(arrived(authorised(), receipt())), IntentVerb.CLAIM, IntentVerb.SETTLE, reference="refund-1")
    bounced = refund_reading("refund-1", status=MoneyStatus.FAILED)

    after_it = read_order(committed(done), order_reading(as_of=after(hours=1), refunds=(bounced,)))

    assert refunds(after_it)[0].state is IntentState.REVERSED
    assert after_it.case.marks == {"refund_reversed"}
    assert after_it.ordered.ledger.available(CARD) == 5500


def test_a_foreign_refund_that_failed_gives_its_headroom_back() -> None:
    seen_once = committed(read_order(authorised(), order_reading(as_of=after(hours=1), refunds=(refund_reading(),))))
    failed = refund_reading(status=MoneyStatus.FAILED)

    done = read_order(seen_once, order_reading(as_of=after(hours=2), refunds=(failed,)))

    assert done.ordered.ledger.available(CARD) == 8500


def test_a_case_with_a_mark_is_open_whatever_its_state() -> None:
    over = seen(authorised(), C.CLOSED)

    assert not over.case.is_open
    assert over.marked("deficit").case.is_open
    assert authorised().case.is_open


LINES = st.dictionaries(st.sampled_from([SHIRTS, CAPS]), st.integers(1, 2), min_size=1)
CONDITIONS = st.sampled_from([Condition.NEW, Condition.DAMAGED, Condition.WRONG_ITEM, Condition.OPENED])
FOUND = st.builds(units, st.sampled_from(["SHIRT-M", "CAP-1"]), st.integers(1, 2), CONDITIONS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("command"), st.sampled_from(list(CommandName)), LINES),
        st.tuples(
            st.just("receipt"),
            st.integers(1, 4),
            st.lists(
                st.builds(units, st.sampled_from(["SHIRT-M", "CAP-1"]), st.integers(1, 2), CONDITIONS), min_size=1
            ),
        ),
        st.tuples(st.just("status"), st.sampled_from([C.OPEN, C.CLOSED, C.CANCELLED, C.DECLINED]), st.none()),
        st.tuples(st.just("intent"), st.integers(0, 3), st.sampled_from(["settle", "decline"])),
    ),
    max_size=14,
)


def _step(drafted: Draft, step: tuple[Any, Any, Any], number: int) -> Draft:
    match step:
        case ("command", name, lines):
            order_of = command(name, lines, reason="returned", comment="thank you")
            return decide_command.decide(drafted, order_of, POLICY)
        case ("receipt", parcel, found):
            return arrived(drafted, receipt(f"p{parcel}", *found))
        case ("status", status, _):
            reading = return_reading(status=status, as_of=after(hours=number))
            return follow_up(read_return(drafted, reading), POLICY)
        case (_, index, end):
            return _ended(drafted, index, end, number)
    raise AssertionError(step)


def _ended(drafted: Draft, index: int, end: str, number: int) -> Draft:
    ready = [i for i in drafted.body.open_intents if drafted.intents[i].state is IntentState.READY]
    if index >= len(ready):
        return drafted
    found = drafted.intents[ready[index]]
    drafted = drafted.record(IntentMoved(found.id, IntentVerb.CLAIM, "rule"))
    if end == "decline":
        return follow_up(drafted.record(IntentMoved(found.id, IntentVerb.DECLINE, "channel", "no")), POLICY)
    drafted = drafted.record(IntentMoved(found.id, IntentVerb.SETTLE, "channel", "", f"effect-{number}"))
    return follow_up(settled(drafted, found), POLICY)


@pytest.mark.proves("F075", "F135", "F136", "F137", "F138", "F139", "F140")
@given(STEPS)
def test_whatever_happens_only_accepted_and_kept_units_are_ever_paid_and_each_once(
    steps: list[tuple[Any, Any, Any]],
) -> None:
    drafted = draft()
    for number, step in enumerate(steps, start=1):
        before = drafted
        try:
            drafted = _step(drafted, step, number)
        except Rejected:
            drafted = before
        refused = before.body.status in (C.CANCELLED, C.DECLINED) and drafted.body.status is before.body.status
        assert not (refused and len(refunds(drafted)) > len(refunds(before)))
        drafted = committed(drafted, after(hours=number))
        live = [found for found in refunds(drafted) if found.state not in (IntentState.DECLINED, IntentState.CANCELLED)]
        for key, line in drafted.body.lines.items():
            paid = sum(found.quantities().get(key, 0) for found in live)
            assert paid == line.paying + line.paid
            assert paid <= line.accepted + line.kept
            assert line.undecided >= 0
            assert line.received + line.kept <= max(line.requested, line.received + line.kept)
        assert drafted.ordered.ledger.deficit == 0
        assert refund.is_busy(drafted) or not [i for i in live if i.state is IntentState.RESERVED]
        if drafted.body.state in (ReturnState.CANCELLED, ReturnState.DECLINED):
            assert drafted.case.deadlines == {}


def test_a_value_counts_what_was_asked_back_for() -> None:
    assert decide_return.value(draft()) == 8000
    assert decide_return.value(draft(return_reading(shirts=1, caps=0))) == 3000
