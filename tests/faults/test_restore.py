"""The table as it was at every commit of a refund's life, restored at every later one: never two effects, none lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from quittance.application.commit import Write
from quittance.application.ports import Guard, Reading, SendOutcome
from quittance.application.reconcile_books import reconcile_books
from quittance.application.restore_order import restore_order
from quittance.domain.account import Mode
from quittance.domain.command import CommandName
from quittance.domain.errors import QuittanceError
from quittance.domain.ids import OrderId
from quittance.domain.intent import ENDED, Act, Intent, IntentState, ReplayGuard
from quittance.domain.observations import ChannelStatus
from quittance.storage import keys
from quittance.storage.memory import Snapshot
from tests.faults.boundaries import Killed
from tests.support import builders as b
from tests.support.shop import HORIZON, Fault, Shop, answer_lost, call_lost
from tests.support.workbench import PLACE, RecordingEngine, Workbench

LEDGER = keys.order(PLACE.channel, PLACE.account, b.ORDERED)
UNITS = 1
PRICE = 3000
ROUNDS = 60
LIVE_AT, AGAIN = 2, 5
GUARDS = {
    "un-keyed": Guard(ReplayGuard.NONE, HORIZON),
    "quantity": Guard(ReplayGuard.QUANTITY, HORIZON),
    "keyed": Guard(ReplayGuard.KEYED, HORIZON, timedelta(hours=24)),
}
LIVES: dict[str, list[Fault]] = {"straight": [], "answer lost": [answer_lost], "call lost": [call_lost]}


class CopyingEngine(RecordingEngine):
    """Keeps a copy of the whole table after each commit, and ends its process after the one that is named."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: list[Snapshot] = []
        self.ends_after: int | None = None

    def transact(self, writes: Sequence[Write]) -> None:
        """Do it and copy the table; the process may end here."""
        super().transact(writes)
        self.copies.append(self.snapshot())
        if len(self.copies) == self.ends_after:
            raise Killed


class HonestShop(Shop):
    """Shows how many units of a return it has refunded, and refuses to be told anything before it was read again."""

    is_read = True

    def read(self, account: str, order: OrderId, as_of: datetime) -> Reading | None:
        """Read an order."""
        self.is_read = True
        return super().read(account, order, as_of)

    def _reading(self, order: OrderId, as_of: datetime) -> Reading | None:
        found = super()._reading(order, as_of)
        if found is None:
            return None
        refunded: dict[str, int] = {}
        for refund in found.order.refunds:
            for line, (quantity, _) in refund.amounts.lines.items():
                refunded[line] = refunded.get(line, 0) + quantity
        returns = (
            replace(r, lines={k: replace(v, refunded=refunded.get(v.order_line, 0)) for k, v in r.lines.items()})
            for r in found.returns
        )
        return Reading(found.order, tuple(returns))

    def send(self, account: str, intent: Intent, body: bytes, timeout: timedelta) -> SendOutcome:
        """Send, if the order was read since the restore."""
        assert self.is_read, "nothing is sent before the order was read again"
        return super().send(account, intent, body, timeout)


def bench_of(guard: Guard, faults: Sequence[Fault]) -> tuple[Workbench, CopyingEngine, HonestShop]:
    engine, shop = CopyingEngine(), HonestShop()
    bench = Workbench(engine=engine, shop=shop)
    shop.refund_guard = guard
    shop.faults = [None_, *faults]  # The first send is the approval.
    return bench, engine, shop


def None_(_: Shop, __: Intent) -> SendOutcome | None:  # noqa: N802
    return None


def lived(guard: Guard, faults: Sequence[Fault], ends_after: int | None) -> tuple[Workbench, CopyingEngine, HonestShop]:
    """A refund's life up to the commit after which the process ends; to its end where none is named."""
    bench, engine, shop = bench_of(guard, faults)
    engine.ends_after = ends_after
    with suppress(Killed):
        bench.authorised()
        bench.receive(b.receipt("parcel-1", b.units(quantity=UNITS)))
        for _ in range(4):
            for intent in bench.intents():
                bench.advance(intent)
            bench.observe()
            bench.wait(seconds=70)
    engine.ends_after = None
    return bench, engine, shop


def restore(bench: Workbench, number: int) -> None:
    """What a person does after writing the backup back: raise the epoch, and have every order read again."""
    engine, shop = bench.engine, bench.shop
    assert isinstance(engine, CopyingEngine)
    assert isinstance(shop, HonestShop)
    engine.restore(engine.copies[number])
    shop.is_read, shop.faults = False, []
    now = bench.clock.now()
    control = bench.table.control(PLACE.account).restored(now)
    bench.table.set_control(PLACE.account, control)
    scene = bench.table.load_order(PLACE.channel, PLACE.account, b.ORDERED)
    restore_order(bench.table, scene, control, now, is_open=True)


def go_on(bench: Workbench) -> None:
    """Everything comes again: hints, the parcel, the due index; people answer what is asked of them."""
    for round_ in range(ROUNDS):
        bench.wait(seconds=70)
        if round_ == LIVE_AT:
            control = bench.table.control(PLACE.account)
            bench.table.set_control(PLACE.account, replace(control, mode=Mode.LIVE))
        attempt(lambda: reconcile_books(bench.ports, LEDGER))
        attempt(bench.observe)
        if round_ <= LIVE_AT:
            continue
        attempt(lambda: bench.receive(b.receipt("parcel-1", b.units(quantity=UNITS))))
        people(bench)
        for intent in bench.intents():
            attempt(lambda intent=intent: bench.advance(intent))  # type: ignore[misc]
        if round_ > AGAIN and is_at_rest(bench):
            break


def is_at_rest(bench: Workbench) -> bool:
    order = bench.scene.order
    ended = all(intent.state in ENDED for intent in bench.intents())
    return ended and bool(bench.intents(Act.REFUND) or bench.shop.effects) and order is not None and not order.frozen


def attempt(step: Callable[[], object]) -> None:
    """One worker; what it could not do now comes again."""
    with suppress(QuittanceError):
        step()


def people(bench: Workbench) -> None:
    """An agent authorises, an approver answers holds by what the shop shows."""
    if bench.case.state == "requested" and bench.shop.returns[b.RETURN].status is ChannelStatus.REQUESTED:
        bench.order(CommandName.AUTHORISE_RETURN, reason="inside")
    for intent in bench.intents():
        if intent.state is not IntentState.HOLD:
            continue
        found = [name for owner, name, _ in bench.shop.effects if owner == intent.id]
        if found:
            bench.order(CommandName.SETTLE_HOLD, b.APPROVER, target=intent.id, reference=found[0])
        else:
            bench.order(CommandName.RETRY_HOLD, b.APPROVER, target=intent.id)


@pytest.mark.proves("B9")
@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("guard", GUARDS)
def test_a_backup_of_any_moment_restored_at_any_later_one_pays_once(guard: str, life: str) -> None:
    commits = len(lived(GUARDS[guard], LIVES[life], None)[1].copies)
    pairs = [(taken, ended) for ended in range(1, commits + 1) for taken in range(ended)]

    for taken, ended in pairs:
        bench, _, shop = lived(GUARDS[guard], LIVES[life], ended)

        restore(bench, taken)
        go_on(bench)

        check(bench, shop, f"copy {taken} of {ended} restored")


def check(bench: Workbench, shop: HonestShop, story: str) -> None:
    paid = [(owner, minor) for owner, _, minor in shop.effects if minor]
    assert [minor for _, minor in paid] == [PRICE], f"{story}: {paid}"
    order = bench.scene.order
    assert order is not None, story
    ours = {name: seen.amounts.total for name, seen in order.ledger.refunds.items()}
    assert ours == {r.id: r.amounts.total for r in shop.orders[b.ORDERED].refunds}, story
    assert all(intent.state in ENDED for intent in bench.intents()), f"{story}: {[i.state for i in bench.intents()]}"
    assert (order.frozen, order.ledger.deficit, order.ledger.turn) == ("", 0, None), story
    assert order.ledger.available(b.CARD) == 8500 - PRICE, story
