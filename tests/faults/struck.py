"""A workbench whose worker is struck at a named touch of the outside, and what has to hold when another takes over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from quittance.application.ports import Applied, Guard, SendOutcome
from quittance.domain.intent import Act, Intent, IntentState, ReplayGuard
from tests.faults.boundaries import Fault, FaultyEngine, FaultyShop, Killed, Script, armed
from tests.support import builders as b
from tests.support.shop import HORIZON
from tests.support.workbench import Workbench

S = IntentState
UN_KEYED = Guard(ReplayGuard.NONE, HORIZON)
KEYED = Guard(ReplayGuard.KEYED, HORIZON, timedelta(hours=24))


def fragile(guard: Guard = UN_KEYED) -> Workbench:
    """A workbench that a script can strike, at the authorised return."""
    bench = Workbench(engine=FaultyEngine(), shop=FaultyShop())
    bench.shop.refund_guard = guard
    return bench.authorised()


def refunding(guard: Guard = UN_KEYED) -> Workbench:
    """The same up to a refund that is ready to be sent."""
    bench = fragile(guard)
    bench.receive(b.receipt("parcel-1", b.units(quantity=1)))
    return bench


def strike(bench: Workbench, what: str, fault: Fault, step: Callable[[], object], nth: int = 1) -> None:
    """Let a worker take a step whose nth touch of this kind is struck."""
    script = Named(what, nth, fault)
    with armed(bench, script):
        if fault in (Fault.KILL_BEFORE, Fault.KILL_AFTER):
            with pytest.raises(Killed):
                step()
        else:
            step()
    assert script.struck == [(what, fault)], "the point was reached"


class Named(Script):
    """Strikes at the nth touch of one kind."""

    def __init__(self, what: str, nth: int, fault: Fault) -> None:
        super().__init__({})
        self._what, self._left, self._fault = what, nth, fault

    def touch(self, name: str, call: Callable[[], object], lost: Callable[[], object]) -> object:
        """Count only what has this name."""
        self._left -= name == self._what
        self.strikes = {self.touches + 1: self._fault} if name == self._what and self._left == 0 else {}
        return super().touch(name, call, lost)


def come_back(bench: Workbench, rounds: int = 12) -> IntentState:
    """The due index wakes the refund until it has ended or waits for a person; its effect is at most one."""
    for _ in range(rounds):
        if bench.refund.has_ended or bench.refund.state is S.HOLD:
            break
        bench.wait(seconds=130)
        bench.advance(bench.refund)
    assert bench.shop.paid(bench.refund.id) <= 1
    return bench.refund.state


def in_step(bench: Workbench) -> None:
    """Both books agree, and the headroom is what was captured less what is claimed and paid back."""
    order = bench.scene.order
    assert order is not None
    at_shop = sum(refund.amounts.total for refund in bench.shop.orders[b.ORDERED].refunds)
    claimed = sum(claim.amounts.total for claim in order.ledger.claims.values())
    assert sum(seen.amounts.total for seen in order.ledger.refunds.values()) == at_shop
    assert order.ledger.available(b.CARD) == 8500 - at_shop - claimed


class KeyedShop(FaultyShop):
    """Honours the key that an intent carries: the same key again is the same effect, and its first answer."""

    def apply(self, intent: Intent) -> SendOutcome:
        """Once per key."""
        known = [name for effect, name, _ in self.effects if effect == intent.id and intent.act is Act.REFUND]
        return Applied(known[0]) if known else super().apply(intent)
