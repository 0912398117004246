"""Where the model repeats the engine instead of importing it, the engine itself is asked whether it still does so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from quittance.application.ports import Guard, SendOutcome
from quittance.domain.intent import Act, Intent, IntentState, ReplayGuard
from quittance.domain.ledger import FOREIGN, Amounts
from quittance.domain.observations import MoneyStatus, RefundReading
from tests.model import engine
from tests.model.state import Books, Plan, Record, State
from tests.model.terms import Rules, World
from tests.support import builders as b
from tests.support.shop import HORIZON, Shop, call_lost, throttled
from tests.support.workbench import Workbench


class Killed(BaseException):
    """The worker ends in the middle of its call."""


def killed(_: Shop, __: Intent) -> SendOutcome:
    raise Killed


def unknown(guard: ReplayGuard, fault: Callable[[Shop, Intent], SendOutcome]) -> Workbench:
    """A refund whose send came to nothing that anybody knows, after its lease and its horizon."""
    bench = Workbench()
    bench.shop.refund_guard = Guard(guard, HORIZON, timedelta(hours=24))
    bench.refunding()
    bench.shop.faults.append(fault)
    with suppress(Killed):
        bench.advance(bench.refund)
    bench.wait(seconds=64)
    if bench.refund.state is IntentState.SENDING:
        bench.advance(bench.refund)
    bench.wait(seconds=60)
    return bench


@pytest.mark.parametrize("has_been_absent", [False, True])
@pytest.mark.parametrize("guard", [ReplayGuard.NONE, ReplayGuard.QUANTITY, ReplayGuard.KEYED])
def test_after_an_absence_the_model_does_what_the_engine_does(guard: ReplayGuard, has_been_absent: bool) -> None:
    bench = unknown(guard, call_lost)
    absent = None
    if has_been_absent and guard is not ReplayGuard.KEYED:
        bench.advance(bench.refund)
        bench.wait(seconds=60)
        absent = -1
    record = Record(IntentState.UNKNOWN, fence=1, sends=1, lease=-1, last=-1, first=-1, absent=absent)

    plan = engine.advance(World("one", guard=guard), State((record,), Books((0,), turn=0)), 0)

    assert isinstance(plan, Plan)
    assert plan.changes[0].after.state is bench.advance(bench.refund)


def test_the_model_counts_a_claim_as_the_engine_does() -> None:
    bench = unknown(ReplayGuard.NONE, killed)

    assert bench.refund.state is IntentState.UNKNOWN
    assert (bench.refund.attempt.sends == 1) is Rules().claim_counts_as_send


def test_the_model_forgets_a_throttled_claim_as_the_engine_does() -> None:
    bench = Workbench().refunding()
    bench.shop.faults.append(throttled)
    bench.advance(bench.refund)
    held = Record(IntentState.SENDING, fence=1, sends=1)

    plan = engine.unsent(World("one"), held, 0)

    attempt, after = bench.refund.attempt, plan.changes[0].after
    assert (bench.refund.state, attempt.sends, attempt.first_sent_at) == (after.state, after.sends, after.first)


def test_the_model_looks_for_an_unsent_refund_as_the_engine_does() -> None:
    bench = Workbench().refunding()
    refund = bench.refund
    lines = {line.order_line: (line.quantity, line.minor) for line in refund.lines}
    older = RefundReading("OLDER", Amounts(refund.payments, lines), MoneyStatus.MOVED, b.RETURN)
    bench.shop._add(b.ORDERED, older)
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 8500 - refund.total)
    assert bench.advance(refund) is IntentState.HOLD

    is_settled = bench.advance(bench.refund) is IntentState.SETTLED

    assert bench.refund.attempt.sends == 0
    assert is_settled is not Rules().unsent_is_not_looked_for


def test_the_model_books_a_failed_refund_as_the_engine_does() -> None:
    bench = Workbench().refunding()
    bench.shop.pending = True
    bench.advance(bench.refund)
    bench.observe()
    bench.shop.finish(b.ORDERED, MoneyStatus.FAILED)

    assert bench.advance(bench.intents(Act.REFUND)[0]) is IntentState.DECLINED
    order = bench.scene.order
    assert order is not None
    is_foreign = FOREIGN in {seen.owner for seen in order.ledger.refunds.values()}
    assert is_foreign is not Rules().failed_is_forgotten
