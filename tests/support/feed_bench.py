"""The workbench with many orders at a shop that refunds by feed, worked by what the due index says and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from quittance.application.advance_batch import advance_due
from quittance.application.commit import CaseChange, Changes, IntentChange, Key, OrderChange, Write
from quittance.domain.case import Case, returned
from quittance.domain.command import CommandName
from quittance.domain.errors import Unavailable
from quittance.domain.feed_batch import BatchState, FeedBatch, FeedLock
from quittance.domain.ids import CaseId, OrderId, case_of_channel, digest, intent_id
from quittance.domain.instant import from_text
from quittance.domain.intent import ENDED, Act, Intent, IntentState
from quittance.domain.observations import ChannelStatus
from quittance.storage import keys
from quittance.storage.memory import MemoryEngine
from tests.support import builders as b
from tests.support.feeds import REFUNDS, FeedHouse, FeedShop
from tests.support.workbench import LIMITS, PLACE, RecordingEngine, Workbench

FAR = timedelta(days=400)
TICK = timedelta(minutes=1)


class HookedEngine(RecordingEngine):
    """An engine on which a test acts just before or just after a transaction, and which fails to read when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[Callable[[Sequence[Write]], object]] = []
        self.after: list[Callable[[Sequence[Write]], object]] = []
        self.unreadable: list[str] = []

    def transact(self, writes: Sequence[Write]) -> None:
        """Write between the two acts; each is asked for once."""
        if self.before:
            self.before.pop(0)(writes)
        super().transact(writes)
        if self.after:
            self.after.pop(0)(writes)

    def query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        """Read, unless the partition is unreadable this once."""
        if pk in self.unreadable:
            self.unreadable.remove(pk)
            raise Unavailable("no answer")
        return super().query(pk, prefix)


class FeedBench(Workbench):
    """Some orders, each with one return whose shirts came back."""

    shop: FeedShop

    def __init__(
        self, orders: int = 3, *, engine: RecordingEngine | None = None, shop: FeedShop | None = None, **terms: Any
    ) -> None:
        super().__init__(engine=engine, shop=shop or FeedShop(), **terms)
        self.house = FeedHouse(self.shop, self.clock.now)
        self.shop.house = self.house
        self.shop.orders.clear()
        self.shop.returns.clear()
        self.count = orders
        for number in range(orders):
            self._add(number)

    def _add(self, number: int) -> None:
        order, name = order_of(number), return_of(number)
        self.shop.orders[order] = b.order_reading(id=order)
        reading = b.return_reading(id=name, order=order, status=ChannelStatus.REQUESTED, rma=f"RMA-{number}")
        self.shop.returns[name] = reading

    def many(self, count: int) -> FeedBench:
        """So many orders like the first one, each with a refund that is ready, without living through their days."""
        (refund,) = [intent for intent in self.intents_of(0) if intent.act is Act.REFUND]
        scene = self.table.load_scene(refund.case)
        order, case = scene.order, scene.cases[refund.case]
        assert order is not None
        for number in range(self.count, count):
            self._add(number)
            self.shop.returns[return_of(number)] = replace(
                self.shop.returns[return_of(0)], id=return_of(number), order=order_of(number)
            )
            name, owner = intent_id(0, case_id_of(number), 4, 0), case_id_of(number)
            born = replace(refund, id=name, case=owner, order=order_of(number), external=return_of(number), version=1)
            born = replace(born, body_sha256=digest(self.shop.render(born, "")))
            ledger = replace(order.ledger, turn=name, claims={name: order.ledger.claims[refund.id]})
            body = replace(returned(case), open_intents={name: Act.REFUND})
            head = replace(case, id=owner, external=return_of(number), order=order_of(number), body=body, tail="")
            sold = replace(order, id=order_of(number), cases=frozenset({owner}), ledger=ledger)
            self.table.commit(
                Changes(
                    self.clock.at,
                    (CaseChange(None, head, ()),),
                    OrderChange(None, sold),
                    (IntentChange(None, born),),
                )
            )
        self.count = count
        return self

    def like(self, prepared: FeedBench) -> FeedBench:
        """Become what another bench was prepared to be: the same commits, the same shop, before any feed."""
        self.engine.restore(prepared.engine.snapshot())
        self.count, self.clock.at = prepared.count, prepared.clock.at
        self.shop.orders.update(prepared.shop.orders)
        self.shop.returns.update(prepared.shop.returns)
        return self

    def case_of(self, number: int) -> Case:
        """The case of a return, as stored."""
        found = self.table.load_case(case_id_of(number))
        assert found is not None
        return found

    def refunding(self, quantity: int = 1) -> FeedBench:
        """Every return is authorised and its parcel accepted: a refund is ready for each."""
        for number in range(self.count):
            self.observe(order=order_of(number))
            self.order(CommandName.AUTHORISE_RETURN, reason="inside", case=case_id_of(number))
            self.advance(self.intents_of(number)[-1])
            names = (("rma", f"RMA-{number}"),)
            self.receive(b.receipt(f"parcel-{number}", b.units(quantity=quantity), names=names))
        return self

    def intents_of(self, number: int) -> list[Intent]:
        """The intents of an order, the oldest first."""
        scene = self.table.load_order(PLACE.channel, PLACE.account, order_of(number))
        return sorted(scene.intents.values(), key=lambda i: (i.created_at, i.act is Act.REFUND, i.id))

    @property
    def refunds(self) -> list[Intent]:
        """The newest refund of each order."""
        return [
            [intent for intent in self.intents_of(number) if intent.act is Act.REFUND][-1]
            for number in range(self.count)
        ]

    @property
    def states(self) -> list[IntentState]:
        """Where the refunds stand."""
        return [refund.state for refund in self.refunds]

    def batch(self, number: int = 1) -> FeedBatch:
        """A batch's header, as stored."""
        found = self.table.batch(PLACE.account, REFUNDS, number)
        assert found is not None
        return found

    @property
    def batches(self) -> list[FeedBatch]:
        """Every header."""
        return [self.batch(number) for number in range(1, self.lock.last + 1)]

    @property
    def lock(self) -> FeedLock:
        """The writer lock, as stored."""
        return self.table.feed_lock(PLACE.account, REFUNDS) or FeedLock(PLACE.account, REFUNDS)

    def join_all(self) -> FeedBench:
        """Every refund joins the open batch."""
        for refund in self.refunds:
            self.advance(refund)
        return self

    def step(self, number: int = 1) -> BatchState | None:
        """One step of a batch."""
        found = advance_due(self.ports, keys.batch(PLACE.account, REFUNDS, number), LIMITS)
        assert found is None or isinstance(found, BatchState)
        return found

    def until(self, *states: BatchState, number: int = 1, rounds: int = 60) -> FeedBench:
        """Let time pass and the batch go on until it stands there."""
        for _ in range(rounds):
            if self.batch(number).state in states:
                return self
            self.pass_time()
            self.step(number)
        raise AssertionError(f"{self.batch(number).state} is none of {states}")

    def wait(self, **span: float) -> None:
        """Let time pass, at the channel too."""
        super().wait(**span)
        self.house.run()

    def pass_time(self) -> None:
        """To the next thing that is due, at least a tick on."""
        upcoming = min((at for at, _ in self.agenda()), default=self.clock.at)
        self.wait(seconds=max(upcoming - self.clock.at, TICK).total_seconds())

    def agenda(self) -> Iterator[tuple[datetime, Key]]:
        """Intents and batches by when they are due; whoever looks here is not struck by a fault."""
        until = self.clock.at + FAR
        for lane in keys.LANES:
            for shard in range(keys.SHARDS):
                for key in self.table.due(lane, shard, until, 10_000):
                    if key.sk.startswith(("INTENT#", "BATCH#")):
                        item = MemoryEngine.get(self.engine, key)
                        assert item is not None
                        yield from_text(item["due_sk"][:24]), key

    def work(self, worker: Callable[[Callable[[], object]], object] = lambda step: step()) -> None:
        """One tick: whatever is due takes a step."""
        due = sorted((at, key) for at, key in self.agenda() if at <= self.clock.at)
        for _, key in due:
            worker(lambda key=key: advance_due(self.ports, key, LIMITS))  # type: ignore[misc]

    def run(self, rounds: int = 200) -> FeedBench:
        """Tick after tick until every refund has ended or waits for a person."""
        for _ in range(rounds):
            self.work()
            if self.is_over:
                return self
            self.pass_time()
        raise AssertionError(f"{self.states} {[batch.state for batch in self.batches]}")

    @property
    def is_over(self) -> bool:
        """Say whether every refund has ended or is held, and every batch is closed or held."""
        if any(batch.state not in (BatchState.CLOSED, BatchState.HELD) for batch in self.batches):
            return False
        return all(state in ENDED or state is IntentState.HOLD for state in self.states)

    def paid(self, number: int) -> int:
        """How often the channel paid an order back."""
        return sum(order == order_of(number) for order, _, _ in self.shop.effects)

    def assert_books(self) -> None:
        """Paid at most once; settled where it was paid and only there, unless a person is asked; both books equal."""
        for number, refund in enumerate(self.refunds):
            paid = self.paid(number)
            assert paid <= 1, f"order {number} was paid {paid} times"
            assert refund.state in ENDED or refund.state is IntentState.HOLD, refund.state
            if refund.state is not IntentState.HOLD:
                assert (refund.state is IntentState.SETTLED) == (paid == 1), f"{refund.state} but paid {paid} times"
                self._assert_ledger(number)

    def _assert_ledger(self, number: int) -> None:
        order = self.table.load_order(PLACE.channel, PLACE.account, order_of(number)).order
        assert order is not None
        ours = sum(seen.amounts.total for seen in order.ledger.refunds.values())
        theirs = sum(refund.amounts.total for refund in self.shop.orders[order_of(number)].refunds)
        assert ours == theirs, f"order {number}: ledger {ours}, channel {theirs}"
        assert not order.ledger.claims
        assert order.ledger.turn is None


def order_of(number: int) -> OrderId:
    """The id of an order."""
    return OrderId(f"gid://shopify/Order/{1001 + number}")


def return_of(number: int) -> str:
    """The id of its return."""
    return f"gid://shopify/Return/{5001 + number}"


def case_id_of(number: int) -> CaseId:
    """The case of its return."""
    return case_of_channel("shopify", PLACE.account, "return", return_of(number))
