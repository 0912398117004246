"""Ledger and channel are compared both ways, to the cent; what nobody can explain is a case with its figure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from quittance.application.apply_observation import Applied
from quittance.application.reconcile_books import GIVE_UP_AFTER, reconcile_books
from quittance.application.show_case import show_case
from quittance.domain.case import Case
from quittance.domain.command import CommandName
from quittance.domain.difference import Difference, DifferenceKind
from quittance.domain.errors import Unavailable
from quittance.domain.ids import OrderId
from quittance.domain.intent import Act, IntentState
from quittance.domain.ledger import FOREIGN, Amounts
from quittance.domain.observations import MoneyStatus, RefundReading
from quittance.domain.order import BOOKS_DIFFER, COMPARE_AFTER, Order
from quittance.storage import keys
from tests.support import builders as b
from tests.support.workbench import PLACE, Workbench

LEDGER = keys.order(PLACE.channel, PLACE.account, b.ORDERED)


def settled(quantity: int = 1) -> Workbench:
    """A refund of ours that the shop has paid, some time ago."""
    bench = Workbench().refunding(quantity)
    assert bench.advance() is IntentState.SETTLED
    bench.wait(hours=1)
    return bench


def order_of(bench: Workbench) -> Order:
    found = bench.table.order_at(LEDGER)
    assert found is not None
    return found


def differences(bench: Workbench) -> list[Case]:
    found = [case for case in bench.scene.cases.values() if isinstance(case.body, Difference)]
    return sorted(found, key=lambda case: case.opened_at)


def body(case: Case) -> Difference:
    assert isinstance(case.body, Difference)
    return case.body


def at_shop(bench: Workbench, *refunds: RefundReading) -> None:
    """Let the shop's books say something else."""
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], refunds=refunds)


def theirs(bench: Workbench) -> RefundReading:
    (refund,) = bench.shop.orders[b.ORDERED].refunds
    return refund


def when_due(bench: Workbench) -> bool:
    bench.wait(seconds=COMPARE_AFTER.total_seconds())
    return reconcile_books(bench.ports, LEDGER)


@pytest.mark.proves("F118", "B10")
def test_a_settled_refund_is_compared_a_day_later_and_then_left_in_peace() -> None:
    bench = Workbench().refunding()
    bench.advance()
    due = order_of(bench).due
    assert due == bench.clock.now() + COMPARE_AFTER
    reads = bench.shop.reads

    assert reconcile_books(bench.ports, LEDGER), "an order that is not due yet is left alone"
    assert bench.shop.reads == reads
    assert when_due(bench)

    assert bench.shop.reads == reads + 1
    assert (order_of(bench).due, differences(bench)) == (None, [])
    assert bench.tally.counts["BooksCompared", "committed"] == 1


def test_the_due_index_brings_the_ledger_and_nothing_once_it_is_compared() -> None:
    bench = settled()
    bench.wait(hours=24)

    def due() -> list[str]:
        keys_due = [key for shard in range(8) for key in bench.table.due(keys.QUIET_LANE, shard, bench.clock.now(), 9)]
        return [key.sk for key in keys_due if key.pk == LEDGER.pk]

    assert due() == ["LEDGER"]
    reconcile_books(bench.ports, LEDGER)
    assert due() == []


@pytest.mark.proves("F118", "B10")
def test_a_refund_of_ours_that_the_channel_does_not_have_is_a_difference_with_its_figure() -> None:
    bench = settled()
    refund = theirs(bench)
    at_shop(bench)

    when_due(bench)

    (case,) = differences(bench)
    (entry,) = body(case).entries
    assert (entry.kind, entry.refund, entry.intent) == (DifferenceKind.MISSING, refund.id, bench.refund.id)
    assert (body(case).ours, body(case).theirs, body(case).currency) == (3000, 0, "EUR")
    assert entry.payments == ((b.CARD, 3000, 0),)
    assert case.is_open
    assert bench.tally.counts["BooksDiffer", "found"] == 1
    assert order_of(bench).frozen == BOOKS_DIFFER
    shown = show_case(bench.ports, case.id)
    assert (shown["allowed"], shown["difference"]["ours"]) == (["close_difference"], 3000)


@pytest.mark.parametrize(
    "changed",
    [
        {"payments": {b.CARD: 2999}},
        {"payments": {b.CARD: 2000, b.VOUCHER: 1000}},
        {"lines": {b.SHIRT: (2, 3000)}},
        {"lines": {b.CAP: (1, 3000)}},
    ],
    ids=["a cent less", "another payment", "more units", "another line"],
)
@pytest.mark.proves("F118", "B10")
def test_a_cent_a_payment_or_a_unit_that_differs_is_a_difference(changed: dict[str, Any]) -> None:
    bench = settled()
    refund = theirs(bench)
    at_shop(bench, replace(refund, amounts=replace(refund.amounts, **changed)))

    when_due(bench)

    (entry,) = body(differences(bench)[0]).entries
    assert entry.kind is DifferenceKind.UNEQUAL


def test_the_same_difference_is_found_every_day_and_opens_one_case() -> None:
    bench = settled()
    at_shop(bench)

    for _ in range(3):
        when_due(bench)
        bench.observe()

    (case,) = differences(bench)
    assert case.version == 1
    assert order_of(bench).due is not None


def test_a_difference_that_changes_keeps_its_case() -> None:
    bench = settled()
    refund = theirs(bench)
    at_shop(bench)
    when_due(bench)
    first = differences(bench)[0]
    at_shop(bench, replace(refund, amounts=replace(refund.amounts, payments={b.CARD: 1})))

    when_due(bench)

    (case,) = differences(bench)
    assert (case.id, body(case).theirs, body(case).found_at) == (first.id, 1, body(first).found_at)


@pytest.mark.proves("F118", "B10")
def test_equal_books_close_the_difference_and_free_the_order() -> None:
    bench = settled()
    refund = theirs(bench)
    at_shop(bench)
    when_due(bench)
    at_shop(bench, refund)

    when_due(bench)

    (case,) = differences(bench)
    assert (body(case).closed, body(case).by, case.is_open) == ("equal", "rule", False)
    assert (order_of(bench).frozen, order_of(bench).due) == ("", None)

    at_shop(bench)
    bench.observe()
    assert [body(each).closed for each in differences(bench)] == ["equal", ""], "what differs again is a new case"
    assert len({case.id for case in differences(bench)}) == 2


def test_no_refund_leaves_while_the_books_of_its_order_differ() -> None:
    bench = settled()
    at_shop(bench)
    when_due(bench)

    bench.receive(b.receipt("parcel-2", b.units()))

    assert len(bench.intents(Act.REFUND)) == 1
    assert "refund_blocked" in bench.case.marks


@pytest.mark.proves("B10")
def test_a_person_answers_for_a_difference_once() -> None:
    bench = settled()
    at_shop(bench)
    when_due(bench)
    (case,) = differences(bench)

    for actor, reason, code in [(b.AGENT, "known", "NOT_ALLOWED"), (b.APPROVER, "", "MISSING")]:
        assert bench.order(CommandName.CLOSE_DIFFERENCE, actor, case=case.id, reason=reason).code == code
    assert bench.order(CommandName.CLOSE_DIFFERENCE, b.APPROVER, case=case.id, reason="paid.by.bank").outcome == "done"
    again = bench.order(CommandName.CLOSE_DIFFERENCE, b.APPROVER, case=case.id, reason="again")
    other = bench.order(CommandName.CLOSE_DIFFERENCE, b.APPROVER, reason="this.is.a.return")
    when_due(bench)

    assert (again.code, other.code) == ("ALREADY_CLOSED", "NOT_A_DIFFERENCE")
    (closed,) = differences(bench)
    assert (body(closed).closed, body(closed).by) == ("paid.by.bank", "approver")
    assert (order_of(bench).frozen, order_of(bench).due) == ("", None)


@pytest.mark.proves("F118", "B10")
def test_a_refund_that_says_it_is_ours_beside_the_one_that_is_counts_twice() -> None:
    bench = settled()
    refund = theirs(bench)
    twin = replace(refund, id="TWIN", intent=bench.refund.id)
    at_shop(bench, refund, twin)

    bench.observe()

    (entry,) = body(differences(bench)[0]).entries
    assert (entry.kind, entry.refund, entry.ours, entry.theirs) == (DifferenceKind.DOUBLE, "TWIN", 0, 3000)
    assert order_of(bench).ledger.refunds["TWIN"].owner == FOREIGN, "headroom is taken all the same"


def test_an_effect_of_what_we_call_cancelled_is_a_difference() -> None:
    bench = Workbench().refunding()
    refund = bench.refund
    bench.shop_return(status=bench.shop.returns[b.RETURN].status.CANCELLED)
    bench.observe()
    assert bench.refund.state is IntentState.CANCELLED
    at_shop(bench, RefundReading("LATE", Amounts({b.CARD: 3000}), MoneyStatus.MOVED, b.RETURN, refund.id))

    bench.observe()

    (entry,) = body(differences(bench)[0]).entries
    assert (entry.kind, entry.refund) == (DifferenceKind.DISOWNED, "LATE")


def test_another_currency_is_a_difference_of_the_whole_order() -> None:
    bench = settled()
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], currency="USD")

    when_due(bench)

    (entry,) = body(differences(bench)[0]).entries
    assert (entry.kind, entry.ours, entry.theirs) == (DifferenceKind.CURRENCY, 3000, 3000)


@pytest.mark.proves("F118")
def test_what_a_reading_merely_adds_is_foreign_and_no_difference() -> None:
    bench = settled()
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 500)

    when_due(bench)

    assert order_of(bench).ledger.refunds["FOREIGN-1"].owner == FOREIGN
    assert differences(bench) == []


def test_a_refund_of_other_hands_that_vanishes_is_a_difference_too() -> None:
    bench = Workbench()
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 500)
    bench.observe()
    at_shop(bench)
    bench.wait(minutes=1)
    bench.observe()
    assert (differences(bench), order_of(bench).due) == ([], bench.clock.now() + timedelta(minutes=10))
    bench.wait(minutes=10)

    reconcile_books(bench.ports, LEDGER)

    (entry,) = body(differences(bench)[0]).entries
    assert (entry.kind, entry.intent, entry.ours) == (DifferenceKind.MISSING, "", 500)


def test_a_refund_that_failed_later_is_reversed_and_no_difference() -> None:
    bench = settled()
    bench.shop.finish(b.ORDERED, MoneyStatus.FAILED)
    refund = theirs(bench)
    at_shop(bench, replace(refund, status=MoneyStatus.FAILED))

    when_due(bench)

    assert bench.refund.state is IntentState.REVERSED
    assert differences(bench) == []


def test_the_channel_may_be_a_few_minutes_behind() -> None:
    bench = Workbench().refunding()
    bench.advance()
    refund = theirs(bench)
    at_shop(bench)

    bench.wait(minutes=9)
    bench.observe()
    assert differences(bench) == []
    at_shop(bench, refund)
    when_due(bench)

    assert (differences(bench), order_of(bench).due) == ([], None)


def test_an_order_that_cannot_be_read_is_asked_again_and_never_called_equal() -> None:
    bench = settled()
    bench.wait(hours=24)
    bench.shop.unreadable = 1

    with pytest.raises(Unavailable):
        reconcile_books(bench.ports, LEDGER)

    assert order_of(bench).due == bench.clock.now() + timedelta(hours=1)
    assert bench.tally.counts["BooksCompared", "unreadable"] == 1


def test_an_order_that_the_channel_does_not_show_is_asked_for_daily_and_at_last_no_more() -> None:
    bench = settled()
    bench.wait(hours=24)
    known = bench.shop.orders.pop(b.ORDERED)

    reconcile_books(bench.ports, LEDGER)
    assert order_of(bench).due == bench.clock.now() + COMPARE_AFTER
    bench.wait(seconds=GIVE_UP_AFTER.total_seconds())
    reconcile_books(bench.ports, LEDGER)

    assert order_of(bench).due is None
    assert differences(bench) == []
    assert known.refunds


@pytest.mark.proves("F118", "B10")
def test_a_refund_on_an_order_we_never_saw_is_in_the_ledger_as_foreign() -> None:
    bench = Workbench()
    bench.shop.returns.clear()
    assert bench.observe() is Applied.IRRELEVANT
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 700)

    assert bench.observe() is Applied.COMMITTED
    assert bench.observe() is Applied.UNCHANGED
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 100, "FOREIGN-2")
    assert bench.observe() is Applied.COMMITTED

    owners = {name: (seen.owner, seen.amounts.total) for name, seen in order_of(bench).ledger.refunds.items()}
    assert owners == {"FOREIGN-1": (FOREIGN, 700), "FOREIGN-2": (FOREIGN, 100)}


def test_a_return_on_such_an_order_starts_with_what_was_paid_back_before() -> None:
    bench = Workbench()
    request = bench.shop.returns.pop(b.RETURN)
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 700)
    bench.observe()
    bench.shop.returns[b.RETURN] = request

    bench.observe()

    assert bench.case.state == "requested"
    assert order_of(bench).ledger.available(b.CARD) == 8500 - 700


def test_a_key_of_anything_else_is_nobodys_ledger() -> None:
    bench = settled()

    assert not reconcile_books(bench.ports, keys.poll(PLACE.account, "open_returns"))
    assert not reconcile_books(bench.ports, keys.order(PLACE.channel, PLACE.account, OrderId("unheard")))
    assert bench.ports.table.order_at(keys.case_head(bench.case_id)) is None
