"""The kill switch and the mode: thrown at any touch of the outside they stop a send, but for the call under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from quittance.application.commit import Key, Write
from quittance.application.ports import SendOutcome
from quittance.domain.account import Mode
from quittance.domain.intent import Intent, IntentState
from quittance.storage import keys
from tests.support import builders as b
from tests.support.shop import Shop
from tests.support.workbench import PLACE, RecordingEngine, Workbench

S = IntentState
MOST_TOUCHES = 40


@dataclass
class Thrower:
    """Counts what a worker touches, and throws a switch just before one of these touches."""

    at: int = -1
    mode: Mode = Mode.LIVE
    killed: bool = True
    epoch: int = 0
    touches: int = 0
    armed: bool = False
    thrown_before_last_look: bool = False
    thrown: bool = False
    bench: Workbench | None = None

    def touch(self, what: str) -> None:
        if not self.armed:
            return
        if self.touches == self.at:
            self.armed, self.thrown = False, True
            assert self.bench is not None
            self.bench.set(self.mode, killed=self.killed, epoch=self.epoch)
            self.thrown_before_last_look = what != "send"
            self.armed = True
        self.touches += 1


class Touched(RecordingEngine):
    """An engine that tells the thrower of every read and write."""

    def __init__(self, thrower: Thrower) -> None:
        super().__init__()
        self._thrower = thrower
        self.looks: list[int] = []

    def get(self, key: Key) -> dict[str, Any] | None:
        self._thrower.touch("read")
        if key == keys.control(PLACE.account) and self._thrower.armed:
            self.looks.append(self._thrower.touches - 1)
        return super().get(key)

    def query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        self._thrower.touch("read")
        return super().query(pk, prefix)

    def transact(self, writes: Sequence[Write]) -> None:
        self._thrower.touch("write")
        super().transact(writes)


class TouchedShop(Shop):
    """A shop that tells the thrower of every reading and of the one call."""

    thrower: Thrower

    def _may_read(self) -> None:
        self.thrower.touch("channel")
        super()._may_read()

    def send(self, _account: str, intent: Intent, _body: bytes, _timeout: Any) -> SendOutcome:
        self.thrower.touch("send")
        return super().send(_account, intent, _body, _timeout)


def play(thrower: Thrower) -> tuple[Workbench, Touched]:
    """One refund is advanced while the switch is thrown at the thrower's touch."""
    engine, shop = Touched(thrower), TouchedShop()
    shop.thrower = thrower
    bench = thrower.bench = Workbench(engine=engine, shop=shop).refunding()
    thrower.armed = True
    bench.advance(bench.refund)
    thrower.armed = False
    return bench, engine


def the_last_look() -> tuple[int, int]:
    """The touch at which the switches are read last before the call, and the call's own touch."""
    thrower = Thrower()
    _, engine = play(thrower)
    sends = [n for n in range(MOST_TOUCHES) if _is_send(n)]
    return max(look for look in engine.looks if look < sends[0]), sends[0]


def _is_send(at: int) -> bool:
    thrower = Thrower(at)
    play(thrower)
    return thrower.thrown and not thrower.thrown_before_last_look


@pytest.mark.proves("B7")
@pytest.mark.parametrize(
    "mode, killed, epoch",
    [(Mode.LIVE, True, 0), (Mode.SHADOW, False, 0), (Mode.OBSERVE, False, 0), (Mode.LIVE, False, 1)],
)
def test_a_switch_thrown_at_any_touch_up_to_the_last_look_stops_the_send(mode: Mode, killed: bool, epoch: int) -> None:
    last_look, call = the_last_look()
    assert call - last_look == 1, "nothing but the call stands behind the last look"

    for at in range(last_look + 1):
        bench, _ = play(Thrower(at, mode, killed, epoch))

        assert bench.shop.paid(bench.refund.id) == 0, f"thrown at touch {at}"
        assert bench.refund.state is S.READY
        assert bench.refund.attempt.sends == 0
        assert bench.refund.is_postponed


@pytest.mark.proves("B7")
def test_thrown_behind_the_last_look_at_most_the_one_call_under_way_gets_through() -> None:
    _, call = the_last_look()

    for at in range(call, MOST_TOUCHES):
        thrower = Thrower(at)
        bench, _ = play(thrower)
        if not thrower.thrown:
            break
        assert bench.shop.paid(bench.refund.id) == 1
        bench.receive(b.receipt("parcel-2", b.units()))
        for intent in bench.intents():
            bench.advance(intent)
        assert len(bench.shop.effects) == 2, "the approval and the one refund"
    assert at > call, "the answer is settled behind the call"


def test_when_the_switch_is_released_the_refund_goes_out_once() -> None:
    last_look, _ = the_last_look()
    bench, _ = play(Thrower(last_look))

    bench.set(Mode.LIVE)
    bench.wait(minutes=5)

    assert bench.advance(bench.refund) is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1
