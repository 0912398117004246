"""A refund's whole life under a script of faults, and what has to hold afterwards whatever struck."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from quittance.application.ports import Guard
from quittance.domain.errors import QuittanceError
from quittance.domain.intent import ENDED, Act, IntentState, ReplayGuard
from tests.faults.boundaries import Killed, Script, armed, faulty_bench
from tests.support import builders as b
from tests.support.shop import HORIZON
from tests.support.workbench import Workbench

GUARDS = {
    "un-keyed": Guard(ReplayGuard.NONE, HORIZON),
    "keyed": Guard(ReplayGuard.KEYED, HORIZON, timedelta(hours=24)),
}
ROUNDS = 40


def work(bench: Workbench, script: Script | None) -> None:
    """Workers take one step each; whatever ends one, the queue and the due index bring its work back."""
    if not bench.intents(Act.REFUND):
        worker(bench, script, lambda: bench.receive(b.receipt("parcel-1", b.units(quantity=2))))
    for intent in bench.intents():
        if not intent.has_ended:
            worker(bench, script, lambda intent=intent: bench.advance(intent))  # type: ignore[misc]


def worker(bench: Workbench, script: Script | None, step: Callable[[], object]) -> None:
    """One process, which the script may end."""
    with armed(bench, script), suppress(Killed, QuittanceError):
        step()


def life(script: Script | None, guard: Guard) -> Workbench:
    """A refund's whole life under one script, until it has ended or waits for a person."""
    bench = faulty_bench()
    bench.shop.refund_guard = guard
    bench.authorised()
    for _ in range(ROUNDS):
        work(bench, script)
        refunds = bench.intents(Act.REFUND)
        if refunds and all(i.state in ENDED or i.state is IntentState.HOLD for i in refunds):
            break
        bench.wait(seconds=70)
    return bench


def touches(guard: Guard) -> int:
    """How often the straight path touches the outside."""
    script = Script({})
    life(script, guard)
    return script.touches


def check(bench: Workbench, script: Script) -> None:
    """The invariants: one effect at most, nothing lost, and both books agree."""
    refunds = bench.intents(Act.REFUND)
    assert len(refunds) == 1, script
    refund = refunds[0]
    paid = bench.shop.paid(refund.id)
    assert paid <= 1, f"paid {paid} times: {script}"
    assert refund.state in (IntentState.SETTLED, IntentState.HOLD), f"{refund.state}: {script}"
    assert (refund.state is IntentState.SETTLED) == (paid == 1), f"{refund.state} but paid {paid} times: {script}"
    order = bench.scene.order
    assert order is not None
    settled = sum(seen.amounts.total for seen in order.ledger.refunds.values())
    at_shop = sum(r.amounts.total for r in bench.shop.orders[b.ORDERED].refunds)
    assert settled == at_shop, f"ledger {settled}, shop {at_shop}: {script}"
    active = sum(claim.amounts.total for claim in order.ledger.claims.values())
    assert order.ledger.available(b.CARD) == 8500 - settled - active, script
    assert (order.ledger.turn is None) == refund.has_ended, f"turn {order.ledger.turn}: {script}"
