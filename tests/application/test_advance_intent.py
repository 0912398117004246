"""A refund on its way: sent once, settled by what the channel shows, held when nobody can know."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from quittance.application.ports import Guard, Refused, SendOutcome, Suggestion
from quittance.domain.account import Mode
from quittance.domain.command import CommandName
from quittance.domain.intent import Act, Intent, IntentState, ReplayGuard
from quittance.domain.observations import ChannelStatus, MoneyStatus
from quittance.domain.return_request import ReturnState
from tests.support import builders as b
from tests.support.shop import HORIZON, Shop, answer_lost, call_lost, refused, throttled
from tests.support.workbench import Workbench

S = IntentState


@pytest.mark.proves("F073", "F097", "F135")
def test_a_refund_is_sent_once_and_settled_by_the_channels_answer() -> None:
    bench = Workbench().refunding()

    assert bench.advance() is S.SETTLED

    assert bench.shop.paid(bench.refund.id) == 1
    assert bench.scene.order is not None
    assert bench.scene.order.ledger.refunds["R2"].owner == bench.refund.id
    assert bench.scene.order.ledger.available(b.CARD) == 8500 - bench.refund.total


def test_advancing_a_settled_refund_again_sends_nothing() -> None:
    bench = Workbench().refunding()
    bench.advance()

    assert bench.advance(bench.refund) is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1


def test_a_lost_answer_ends_settled_by_looking_back() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [answer_lost]

    assert bench.advance() is S.UNKNOWN
    bench.wait(seconds=30)
    assert bench.advance() is S.UNKNOWN, "before the settle horizon absence means nothing"
    bench.wait(seconds=200)
    assert bench.advance() is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1


def test_a_lost_call_is_held_after_two_absences_and_never_sent_again_by_itself() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [call_lost]
    bench.advance()
    states = []
    for _ in range(6):
        bench.wait(seconds=130)
        states.append(bench.advance())

    assert S.HOLD in states
    assert bench.shop.paid(bench.refund.id) == 0
    assert "refund:held" in bench.case.marks


def test_a_held_refund_is_sent_again_when_an_approver_says_so() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [call_lost]
    bench.advance()
    for _ in range(3):
        bench.wait(seconds=130)
        bench.advance()

    answer = bench.order(CommandName.RETRY_HOLD, b.APPROVER, target=bench.refund.id, reason="looked: nothing")

    assert answer.outcome == "done"
    assert bench.advance() is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1
    assert "refund:held" not in bench.case.marks


def test_a_late_effect_settles_a_held_refund() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [call_lost]
    bench.advance()
    for _ in range(3):
        bench.wait(seconds=130)
        bench.advance()
    assert bench.refund.state is S.HOLD
    bench.shop.apply(bench.refund)

    bench.wait(hours=25)
    assert bench.advance() is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1


def test_with_a_key_that_the_channel_honours_absence_sends_the_same_bytes_again() -> None:
    bench = Workbench().refunding()
    bench.shop.refund_guard = Guard(ReplayGuard.KEYED, HORIZON, timedelta(hours=24))
    bench.shop.faults = [call_lost]
    before = bench.refund.body_sha256
    bench.advance()
    bench.wait(seconds=130)
    assert bench.advance() is S.READY
    assert bench.advance() is S.SETTLED
    assert bench.refund.body_sha256 == before


def test_a_key_that_is_too_old_is_not_trusted() -> None:
    bench = Workbench().refunding()
    bench.shop.refund_guard = Guard(ReplayGuard.KEYED, HORIZON, timedelta(hours=24))
    bench.shop.faults = [call_lost]
    bench.advance()
    bench.wait(hours=21)

    assert bench.advance() is S.HOLD


@pytest.mark.proves("B2")
def test_an_effect_that_lands_after_its_absence_was_proven_stops_the_second_send() -> None:
    bench = Workbench().refunding()
    bench.shop.refund_guard = Guard(ReplayGuard.KEYED, HORIZON, timedelta(hours=24))
    bench.shop.faults = [call_lost]
    bench.advance()
    bench.wait(seconds=130)
    assert bench.advance() is S.READY
    bench.shop.apply(bench.refund)

    assert bench.advance() is S.HOLD, "what landed may be ours"
    assert bench.advance() is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1


def test_a_throttled_send_is_proven_unsent_and_tried_again() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [throttled]

    assert bench.advance() is S.READY
    assert bench.advance() is S.READY, "told of it again it waits all the same"
    bench.wait(seconds=6)
    assert bench.advance() is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1


def test_an_unreadable_channel_puts_a_send_off_longer_each_time() -> None:
    bench = Workbench().refunding()
    waits = []
    for _ in range(4):
        bench.shop.unreadable = 1
        assert bench.advance() is S.READY
        assert bench.refund.due is not None
        waits.append(bench.refund.due - bench.clock.now())
        bench.clock.at = bench.refund.due

    assert waits == [timedelta(seconds=15 * 2**n) for n in range(4)]
    assert bench.advance() is S.SETTLED


def test_a_refusal_gives_the_headroom_back_and_stops_for_a_person() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [refused]

    assert bench.advance() is S.DECLINED

    assert bench.scene.order is not None
    assert bench.scene.order.ledger.available(b.CARD) == 8500
    assert "refund:INVALID" in bench.case.marks
    assert len(bench.intents(Act.REFUND)) == 1, "no second refund by itself"


def test_a_refusal_of_a_second_send_proves_nothing_about_the_first() -> None:
    bench = Workbench().refunding()
    bench.shop.refund_guard = Guard(ReplayGuard.QUANTITY, HORIZON)
    bench.shop.faults = [call_lost]
    first = bench.refund
    bench.advance()
    while bench.refund.state is not S.READY:
        bench.wait(seconds=70)
        bench.advance()
    bench.shop.faults = [lambda shop, intent: (shop.apply(intent), Refused("USED_UP"))[1]]

    assert bench.advance() is S.UNKNOWN
    bench.wait(seconds=140)
    assert bench.advance() is S.SETTLED
    assert bench.shop.paid(first.id) == 1


def test_money_that_is_pending_is_waited_for() -> None:
    bench = Workbench().refunding()
    bench.shop.pending = True

    assert bench.advance() is S.ACCEPTED
    bench.wait(seconds=60)
    assert bench.advance() is S.ACCEPTED
    bench.shop.finish(b.ORDERED, MoneyStatus.MOVED)
    assert bench.advance() is S.SETTLED


def test_pending_money_that_fails_is_declined() -> None:
    bench = Workbench().refunding()
    bench.shop.pending = True
    bench.advance()
    bench.shop.finish(b.ORDERED, MoneyStatus.FAILED)

    assert bench.advance() is S.DECLINED


def test_a_suggestion_that_differs_cancels_and_nothing_is_sent() -> None:
    bench = Workbench().refunding()
    bench.shop.suggests = lambda _, s: Suggestion(s.total - 1, s.currency, s.payments)

    assert bench.advance() is S.CANCELLED

    assert bench.shop.paid(bench.refund.id) == 0
    assert "refund:amount_differs" in bench.case.marks
    assert len(bench.intents(Act.REFUND)) == 1


def test_a_worker_that_died_while_sending_leaves_an_unknown_after_its_lease() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [_die_after_applying]
    with pytest.raises(KeyboardInterrupt):
        bench.advance()
    assert bench.refund.state is S.SENDING

    bench.wait(seconds=30)
    assert bench.advance() is S.SENDING, "while the lease runs somebody is at it"
    bench.wait(seconds=60)
    assert bench.advance() is S.UNKNOWN
    bench.wait(seconds=200)
    assert bench.advance() is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1


def _die_after_applying(shop: Shop, intent: Intent) -> SendOutcome | None:
    shop.apply(intent)
    raise KeyboardInterrupt


def test_the_kill_switch_stops_a_send_between_claim_and_call() -> None:
    bench = Workbench().refunding()
    bench.shop.on_read = lambda: bench.set(Mode.LIVE, killed=True)

    assert bench.advance() is S.READY

    assert bench.shop.paid(bench.refund.id) == 0
    assert bench.refund.attempt.fence == 1


def test_a_raised_epoch_stops_a_send() -> None:
    bench = Workbench().refunding()
    bench.set(Mode.LIVE, epoch=1)

    assert bench.advance() is S.READY
    assert bench.shop.paid(bench.refund.id) == 0


def test_two_workers_at_one_intent_send_once() -> None:
    bench = Workbench().refunding()
    entered: list[bool] = []

    def second_worker() -> None:
        if not entered:
            entered.append(True)
            bench.advance()

    bench.shop.on_read = second_worker
    bench.advance()

    assert bench.shop.paid(bench.refund.id) == 1
    assert bench.refund.state is S.SETTLED


def test_a_foreign_refund_seen_before_sending_is_not_taken_for_ours() -> None:
    bench = Workbench().refunding()
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 500)

    assert bench.advance() is S.SETTLED

    assert bench.scene.order is not None
    owners = {name: seen.owner for name, seen in bench.scene.order.ledger.refunds.items()}
    assert owners["FOREIGN-1"] == "foreign"
    assert bench.shop.paid(bench.refund.id) == 1


@pytest.mark.proves("F097")
def test_two_cases_of_one_order_cannot_refund_the_same_unit_twice() -> None:
    bench = Workbench().refunding(quantity=2)
    other = replace(bench.shop.returns[b.RETURN], id="502", rma="R-502")
    bench.shop.returns["502"] = other
    bench.observe()
    bench.advance(bench.refund)
    receipt = b.receipt("parcel-2", b.units(quantity=2), names=(("rma", "R-502"),))

    bench.receive(receipt)

    refunds = bench.intents(Act.REFUND)
    assert len(refunds) == 1
    second = next(case for case in bench.scene.cases.values() if case.external == "502")
    assert "refund_refused:OVER_HEADROOM" in second.marks


def test_a_decision_is_told_to_the_channel_and_settled() -> None:
    bench = Workbench()
    bench.observe()
    bench.order(CommandName.AUTHORISE_RETURN, reason="inside")

    assert bench.advance() is S.SETTLED
    assert bench.case.state == ReturnState.AUTHORISED


def test_a_decision_that_a_colleague_took_first_is_cancelled_as_done() -> None:
    bench = Workbench()
    bench.observe()
    bench.order(CommandName.AUTHORISE_RETURN, reason="inside")
    bench.shop_return(status=ChannelStatus.OPEN)

    assert bench.advance() is S.CANCELLED
    assert bench.case.state == ReturnState.AUTHORISED
    assert not bench.case.marks
