"""What a look back may conclude: each guard has a reading of the channel that trips it."""

from __future__ import annotations

import pytest

from quittance.application.ports import Guard, SendOutcome, Unknown
from quittance.domain.intent import Act, Intent, IntentState, ReplayGuard
from tests.support import builders as b
from tests.support.shop import HORIZON, Shop, call_lost
from tests.support.workbench import Workbench

S = IntentState


def applied_twice(shop: Shop, intent: Intent) -> SendOutcome:
    """A channel that does one call two times, and does not answer."""
    shop.apply(intent)
    shop.apply(intent)
    return Unknown("timeout")


@pytest.mark.proves("B1")
def test_two_effects_that_fit_one_intent_freeze_the_order_for_a_person() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [applied_twice]
    bench.advance()
    bench.wait(seconds=200)

    assert bench.advance(bench.refund) is S.HOLD

    assert bench.refund.why == "more_than_one_effect"
    assert bench.scene.order is not None
    assert bench.scene.order.frozen == "more_than_one_effect"


@pytest.mark.proves("B2")
def test_a_worker_whose_lease_ran_out_has_an_old_fence() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [_dies]
    with pytest.raises(KeyboardInterrupt):
        bench.advance()
    fence = bench.refund.attempt.fence
    bench.wait(seconds=90)

    assert bench.advance() is S.UNKNOWN

    assert bench.refund.attempt.fence == fence + 1


def _dies(_: Shop, __: Intent) -> SendOutcome:
    raise KeyboardInterrupt


def test_a_channel_that_cannot_be_read_proves_no_absence() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [call_lost]
    bench.advance()
    bench.wait(seconds=200)
    bench.shop.unreadable = 1

    assert bench.advance(bench.refund) is S.UNKNOWN

    assert bench.refund.why == "unreadable"
    assert bench.refund.attempt.absent_at is None


@pytest.mark.proves("B1")
def test_where_used_up_quantity_is_the_guard_two_absences_allow_one_more_send() -> None:
    bench = Workbench().refunding()
    bench.shop.refund_guard = Guard(ReplayGuard.QUANTITY, HORIZON)
    bench.shop.faults = [call_lost, call_lost]
    seen = []
    for _ in range(7):
        seen.append(bench.advance(bench.refund))
        bench.wait(seconds=130)

    assert seen == [S.UNKNOWN, S.UNKNOWN, S.READY, S.UNKNOWN, S.UNKNOWN, S.HOLD, S.HOLD]
    assert bench.refund.attempt.sends == 2


@pytest.mark.proves("B3")
def test_a_search_that_stays_unanswered_for_two_days_goes_to_a_person() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [call_lost]
    bench.advance()
    for _ in range(60):
        bench.wait(hours=1)
        bench.shop.unreadable = 1
        bench.advance(bench.refund)

    assert bench.refund.state is S.HOLD
    assert bench.refund.why == "still_unreadable"


def test_a_hold_that_never_left_is_not_settled_by_somebody_elses_refund() -> None:
    bench = Workbench().refunding()
    held = bench.refund
    bench.shop.orders[b.ORDERED] = b.order_reading()
    bench.shop.render = lambda *_: b"another release"  # type: ignore[method-assign]
    assert bench.advance() is S.HOLD
    bench.shop.apply(held)
    bench.wait(hours=30)

    assert bench.advance(bench.refund) is S.HOLD

    assert bench.intents(Act.REFUND)[0].reference == ""
