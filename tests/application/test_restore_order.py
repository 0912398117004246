"""What a restore from backup means for one order: nothing is sent before it was read, and nothing is taken on trust."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from quittance.application.ports import Guard
from quittance.application.reconcile_books import reconcile_books
from quittance.application.restore_order import Restored, restore_order
from quittance.domain.account import Control, Mode
from quittance.domain.command import CommandName
from quittance.domain.intent import FENCE_LEAP, Act, Intent, IntentState, ReplayGuard
from quittance.domain.ledger import UNATTRIBUTED, Amounts
from quittance.domain.money import Money
from quittance.domain.observations import MoneyStatus, RefundReading
from quittance.domain.order import NOT_READ_SINCE_RESTORE
from quittance.storage import keys
from quittance.storage.memory import Snapshot
from tests.support import builders as b
from tests.support.shop import HORIZON, answer_lost, call_lost
from tests.support.workbench import PLACE, Workbench

LEDGER = keys.order(PLACE.channel, PLACE.account, b.ORDERED)
KEYED = Guard(ReplayGuard.KEYED, HORIZON, timedelta(hours=24))


def restore(bench: Workbench, backup: Snapshot | None = None, *, is_open: bool = True) -> Restored:
    """Write a backup back, or keep what is stored; raise the epoch, restore the order."""
    if backup is not None:
        bench.engine.restore(backup)
    control = bench.table.control(PLACE.account).restored(bench.clock.now())
    bench.table.set_control(PLACE.account, control)
    scene = bench.table.load_order(PLACE.channel, PLACE.account, b.ORDERED)
    return restore_order(bench.table, scene, control, bench.clock.now(), is_open=is_open)


def live(bench: Workbench) -> None:
    control = bench.table.control(PLACE.account)
    bench.table.set_control(PLACE.account, replace(control, mode=Mode.LIVE))


def frozen(bench: Workbench) -> str:
    order = bench.table.order_at(LEDGER)
    assert order is not None
    return order.frozen


def looked(bench: Workbench) -> IntentState:
    """The order is read, the horizon passes, the intent is looked for."""
    assert reconcile_books(bench.ports, LEDGER)
    bench.wait(seconds=61)
    bench.advance(bench.refund)
    return bench.refund.state


def in_state(state: IntentState, guard: Guard = KEYED) -> tuple[Workbench, Intent]:
    """A bench with one refund in a state that has not ended."""
    alone = 0 if state is IntentState.AWAITING_APPROVAL else 1_000_000
    bench = Workbench(refund_alone_up_to=Money(alone, "EUR"))
    bench.shop.refund_guard = guard
    bench.refunding()
    if state in (IntentState.UNKNOWN, IntentState.HOLD):
        bench.shop.faults.append(call_lost)
        bench.advance()
    if state is IntentState.HOLD:
        bench.shop.refund_guard = Guard(ReplayGuard.NONE, HORIZON)
        for _ in range(2):
            bench.wait(seconds=140)
            bench.advance()
        bench.shop.refund_guard = guard
    if state is IntentState.ACCEPTED:
        bench.shop.pending = True
        bench.advance()
    assert bench.refund.state is state
    return bench, bench.refund


def test_an_account_observes_in_an_epoch_that_no_time_before_has_used() -> None:
    first = Control(Mode.LIVE, killed=True, epoch=0).restored(b.NOW)
    again = Control(Mode.LIVE, epoch=0).restored(b.after(minutes=1))
    ahead = Control(Mode.LIVE, epoch=10**9).restored(b.NOW)

    assert (first.mode, first.killed) == (Mode.OBSERVE, True)
    assert 0 < first.epoch < again.epoch, "the same backup a minute later is another epoch"
    assert ahead.epoch == 10**9 + 1


@pytest.mark.proves("B1")
@pytest.mark.parametrize("state", ["READY", "AWAITING_APPROVAL", "ACCEPTED", "UNKNOWN", "HOLD"])
def test_whatever_had_not_ended_counts_as_sent_once_more(state: str) -> None:
    bench, before = in_state(IntentState(state))

    told = restore(bench)

    after = bench.refund
    is_held = before.state is IntentState.HOLD
    assert told == (Restored(0, 1) if is_held else Restored(1, 0))
    assert after.state is (IntentState.HOLD if is_held else IntentState.UNKNOWN)
    assert (after.attempt.restored, after.attempt.sends) == (state, before.attempt.sends + 1)
    assert after.attempt.fence == before.attempt.fence + FENCE_LEAP
    assert (after.attempt.last_sent_at, after.due) == (bench.clock.now(), bench.clock.now())
    assert (after.key, after.body_sha256, after.epoch) == (before.key, before.body_sha256, before.epoch)
    assert frozen(bench) == NOT_READ_SINCE_RESTORE


def test_a_restore_is_in_the_history_of_the_case() -> None:
    bench, _ = in_state(IntentState.READY)

    restore(bench)

    last = bench.table.history(bench.case_id)[-1]
    assert [(name, facts["verb"], facts["why"]) for name, facts in last.events] == [
        ("IntentMoved", "restore", "was_ready")
    ]
    assert bench.table.history_broken_at(bench.case_id) is None


def test_what_was_paid_in_the_lost_time_is_found_and_settles() -> None:
    bench, refund = in_state(IntentState.READY)
    backup = bench.engine.snapshot()
    bench.advance()

    restore(bench, backup)

    assert looked(bench) is IntentState.SETTLED
    assert bench.shop.paid(refund.id) == 1
    assert frozen(bench) == ""


def test_with_a_young_key_an_absent_refund_is_sent_in_the_epoch_of_today_once_the_account_is_live() -> None:
    bench, refund = in_state(IntentState.READY)
    restore(bench)

    assert looked(bench) is IntentState.READY
    assert bench.refund.epoch == bench.table.control(PLACE.account).epoch > refund.epoch
    bench.advance()
    assert bench.shop.paid(refund.id) == 0, "the account observes"
    live(bench)
    bench.wait(minutes=6)
    assert bench.advance(bench.refund) is IntentState.SETTLED
    assert bench.shop.paid(refund.id) == 1


@pytest.mark.parametrize("guard", [ReplayGuard.NONE, ReplayGuard.QUANTITY])
def test_without_a_key_an_absent_refund_is_for_a_person(guard: ReplayGuard) -> None:
    bench, _ = in_state(IntentState.READY, Guard(guard, HORIZON))
    restore(bench)

    assert looked(bench) is IntentState.HOLD
    assert bench.refund.why == "absent_since_restore"


def test_a_key_counts_from_the_intents_birth() -> None:
    bench, _ = in_state(IntentState.READY)
    bench.wait(hours=20)
    restore(bench)

    assert looked(bench) is IntentState.HOLD


def test_an_approval_that_nobody_remembers_is_given_again() -> None:
    bench, refund = in_state(IntentState.AWAITING_APPROVAL)
    restore(bench)
    assert looked(bench) is IntentState.HOLD
    assert bench.refund.why == "approval_lost"
    live(bench)

    assert bench.order(CommandName.RETRY_HOLD, b.APPROVER, target=refund.id).outcome == "done"
    assert bench.advance(bench.refund) is IntentState.SETTLED
    assert bench.shop.paid(refund.id) == 1


def test_an_act_that_may_be_repeated_is_sent_again() -> None:
    bench = Workbench()
    bench.observe()
    bench.order(CommandName.AUTHORISE_RETURN, reason="inside")
    restore(bench)
    reconcile_books(bench.ports, LEDGER)
    bench.wait(seconds=61)
    live(bench)

    assert bench.advance() is IntentState.READY
    assert bench.advance() is IntentState.SETTLED


@pytest.mark.proves("B1")
def test_nothing_is_sent_and_nothing_proven_absent_before_the_order_was_read() -> None:
    bench, refund = in_state(IntentState.HOLD)
    restore(bench)
    live(bench)
    bench.order(CommandName.RETRY_HOLD, b.APPROVER, target=refund.id)

    assert bench.advance(bench.refund) is IntentState.READY
    assert (bench.refund.why, bench.shop.paid(refund.id)) == ("later:order_not_read", 0)

    unknown, _ = in_state(IntentState.UNKNOWN)
    restore(unknown)
    unknown.wait(seconds=61)
    assert unknown.advance(unknown.refund) is IntentState.UNKNOWN
    assert unknown.refund.why == "order_not_read"


def test_a_retried_hold_that_was_paid_in_the_lost_time_is_not_paid_again() -> None:
    bench, refund = in_state(IntentState.HOLD)
    backup = bench.engine.snapshot()
    bench.order(CommandName.RETRY_HOLD, b.APPROVER, target=refund.id)
    bench.advance()
    assert bench.shop.paid(refund.id) == 1

    restore(bench, backup)
    reconcile_books(bench.ports, LEDGER)
    live(bench)
    bench.order(CommandName.RETRY_HOLD, b.APPROVER, target=refund.id)
    first = bench.advance(bench.refund)
    second = bench.advance(bench.refund)

    assert (first, second) == (IntentState.HOLD, IntentState.SETTLED)
    assert bench.shop.paid(refund.id) == 1


def test_a_refund_that_the_backup_knew_is_not_taken_for_what_was_never_sent() -> None:
    bench = Workbench()
    bench.shop.refund_guard = Guard(ReplayGuard.NONE, HORIZON)
    bench.authorised()
    older = Amounts({b.CARD: 3000}, {b.SHIRT: (1, 3000)})
    bench.shop._add(b.ORDERED, RefundReading("OLDER", older, MoneyStatus.MOVED, b.RETURN))
    bench.observe()
    bench.receive(b.receipt("parcel-1", b.units()))
    restore(bench)

    assert bench.refund.attempt.before == ("OLDER",)
    assert looked(bench) is IntentState.HOLD


def test_of_several_unknown_refunds_the_next_one_takes_the_turn_when_one_ends() -> None:
    bench = Workbench()
    bench.shop.refund_guard = KEYED
    bench.refunding()
    bench.receive(b.receipt("parcel-2", b.units("CAP-1")))
    states = [intent.state for intent in bench.intents(Act.REFUND)]
    assert sorted(states) == [IntentState.READY, IntentState.RESERVED]
    backup = bench.engine.snapshot()
    for _ in range(3):
        for intent in bench.intents(Act.REFUND):
            bench.advance(intent)
    assert len([minor for _, _, minor in bench.shop.effects if minor]) == 2

    restore(bench, backup)
    reconcile_books(bench.ports, LEDGER)
    order = bench.scene.order
    assert order is not None
    assert {seen.owner for seen in order.ledger.refunds.values()} == {UNATTRIBUTED}
    bench.wait(seconds=61)
    first, second = bench.intents(Act.REFUND)
    bench.advance(first)
    order = bench.scene.order
    assert order is not None
    assert (order.ledger.turn, order.ledger.deficit) == (second.id, 0)
    bench.advance(second)

    order = bench.scene.order
    assert order is not None
    assert {i.state for i in bench.intents(Act.REFUND)} == {IntentState.SETTLED}
    assert (order.ledger.turn, order.ledger.unattributed) == (None, ())
    assert order.ledger.available(b.CARD) == 8500 - 5000


def test_a_second_run_changes_nothing_for_the_worse() -> None:
    bench, refund = in_state(IntentState.READY)
    backup = bench.engine.snapshot()
    bench.shop.faults.append(answer_lost)
    bench.advance()
    restore(bench, backup)
    bench.wait(minutes=2)

    restore(bench)

    assert bench.refund.attempt.restored == "READY"
    assert looked(bench) is IntentState.SETTLED
    assert bench.shop.paid(refund.id) == 1


def test_a_closed_order_is_read_when_something_points_to_it_and_not_at_once() -> None:
    bench = Workbench().refunding()
    bench.advance()
    due = bench.scene.order.due if bench.scene.order else None

    restore(bench, is_open=False)

    assert frozen(bench) == NOT_READ_SINCE_RESTORE
    assert bench.scene.order is not None
    assert bench.scene.order.due == due != bench.clock.now()
    bench.observe()
    assert frozen(bench) == ""


def test_an_order_that_is_not_there_has_nothing_to_restore() -> None:
    bench = Workbench()

    assert restore(bench) == Restored()
