"""Queues, stream and tick: everything that wakes a worker, delivered at least once and in no order.

Refuses to remember anything that a real queue forgets: what was given too often is only found by the due index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from quittance.application.advance_intent import advance_intent
from quittance.application.commit import Key
from quittance.application.fire_due import fire_due
from quittance.application.ports import Delivery
from quittance.application.reconcile_books import reconcile_books
from quittance.application.route_due import route_due
from quittance.application.work_deliveries import Arrival, archived, work_deliveries
from quittance.domain.errors import Conflict, Rejected, Unavailable
from quittance.domain.intent import LATER
from quittance.domain.observations import Receipt
from quittance.storage import keys
from tests.faults.laboratory.faults import SECOND, Door
from tests.faults.laboratory.scheduler import Stumbled
from tests.support.workbench import LIMITS

if TYPE_CHECKING:
    from tests.faults.laboratory.engine import Change
    from tests.faults.laboratory.world import World

# As the template has them: six times the function's time-out, and five receives before the dead letters.
VISIBILITY: Final = 360 * SECOND
RECEIVES: Final = 5
TICK: Final = 60 * SECOND
WORK: Final = {
    "refund": "advance_intent",
    "urgent": "advance_intent",
    "due": "fire_due",
    "inbox": "work_deliveries",
    "poll": "reconcile_books",
}


@dataclass(slots=True)
class Message:
    """What a queue holds: a wake of several keys, or one delivery."""

    target: str
    keys: Sequence[Key] = ()
    delivery: Delivery | None = None
    received: int = 0


@dataclass
class Archive:
    """Raw deliveries by key."""

    kept: dict[str, Delivery] = field(default_factory=dict)

    def put(self, delivery: Delivery) -> str:
        """Store it; the same delivery gets the same key."""
        self.kept[delivery.id] = delivery
        return delivery.id

    def get(self, key: str) -> Delivery | None:
        """The delivery."""
        return self.kept.get(key)


class Mail:
    """The queues (a `Publisher`), the stream that feeds them, and the tick that feeds them again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._archive = Archive()
        self.receipts: dict[str, Receipt] = {}
        self._phase = world.dice.below(TICK)
        self._tick_at: int | None = None
        self._ticks: set[int] = set()
        self._workers = 0
        self.is_over: Callable[[], bool] = lambda: False

    # Queues.

    def wake(self, target: str, keys: Sequence[Key]) -> None:
        """Send item keys to a queue."""
        self._world.touch(Door.QUEUE, lambda: f"send to {target}", lambda: self.send(Message(target, tuple(keys))))

    def hints(self, deliveries: Sequence[Delivery]) -> None:
        """Send hints to the queue of deliveries."""
        for delivery in deliveries:
            self.send(Message("inbox", delivery=delivery))

    def send(self, message: Message, after: int = 0) -> None:
        """Have a message delivered soon; every message takes its own time, so that none keeps the order."""
        scheduler = self._world.scheduler
        scheduler.at(scheduler.now + after + self._world.dice.between(5, 200), lambda: self._deliver(message))

    def _deliver(self, message: Message) -> None:
        message.received += 1
        self._workers += 1
        self._world.start(
            WORK[message.target],
            f"w{self._workers}",
            lambda: self._work(message),
            again=lambda: self._deliver(Message(message.target, message.keys, message.delivery, message.received)),
            ended=lambda done: None if done else self._come_again(message),
        )

    def _come_again(self, message: Message) -> None:
        if message.received < RECEIVES:
            self.send(message, VISIBILITY)

    def _work(self, message: Message) -> None:
        """As the functions do: each key on its own; what is unavailable stays due, what is unforeseen comes again."""
        if message.delivery is not None:
            self._ingest(message.delivery)
            return
        stumbled = ""
        for key in message.keys:
            try:
                self._work_on(message, key)
            except Unavailable:
                continue
            except (Stumbled, Conflict, Rejected) as error:
                stumbled = type(error).__name__
        if stumbled:
            raise Stumbled(stumbled)

    def _work_on(self, message: Message, key: Key) -> None:
        ports = self._world.ports
        if message.target == "due":
            fire_due(ports, key, message.received)
        elif message.target == "inbox":
            self._pending(key)
        elif message.target == "poll":
            reconcile_books(ports, key)
        else:
            advance_intent(ports, key, LIMITS)

    # Deliveries.

    def _ingest(self, delivery: Delivery) -> None:
        arrival = archived(self._world.ports, self._archive, delivery)
        if arrival is not None:
            work_deliveries(self._world.ports, self._receipt, [arrival])

    def _pending(self, key: Key) -> None:
        found = self._world.table.pending(key)
        if found is None:
            return
        delivery = self._archive.get(found[1])
        if delivery is not None:
            work_deliveries(self._world.ports, self._receipt, [Arrival(delivery, found[1], found[2])])

    def _receipt(self, delivery: Delivery) -> Receipt:
        return self.receipts[delivery.id]

    def unanswered(self, call: Callable[[], Any]) -> None:
        """Make a call whose caller has gone; whatever it raises reaches nobody."""
        with suppress(Conflict, Unavailable):
            call()

    # The stream.

    def stream(self, change: Change) -> None:
        """A ready intent wakes its queue. A record whose reader fails is lost here: the due index has to find it."""
        after = change.after
        if not change.key.sk.startswith("INTENT#") or after.get("state") != "READY":
            return
        if str(after.get("because", "")).startswith(LATER) or after is change.before:
            return
        target = "urgent" if after.get("lane") == 0 else "refund"
        self._workers += 1
        self._world.start(
            "publish_events",
            f"s{self._workers}",
            lambda: self.wake(target, [change.key]),
            again=lambda: self.stream(change),
            after=self._world.dice.between(50, 500),
        )

    # The tick.

    def expect(self, due: int) -> None:
        """Plan the first tick that finds what is due then; ticks that would find nothing are left out."""
        scheduler = self._world.scheduler
        earliest = max(due, scheduler.now + 1)
        at = self._phase + -(-(earliest - self._phase) // TICK) * TICK
        if self._tick_at is None or at < self._tick_at or self._tick_at <= scheduler.now:
            self._tick_at = at
            if at not in self._ticks:
                self._ticks.add(at)
                scheduler.at(at, lambda: self._tick(at))

    def _tick(self, planned: int) -> None:
        if planned != self._tick_at or self.is_over():
            return
        self._workers += 1
        self._world.start("route_due", f"t{self._workers}", self._route, ended=lambda _: self.look_ahead())

    def _route(self) -> None:
        route_due(self._world.table, self, self._world.clock.now(), lambda _: False)

    def look_ahead(self) -> None:
        """Plan the next tick by all that is in the index."""
        self._tick_at = None
        first = min(self._world.engine.due_keys(), default=None)
        if first is not None:
            self.expect(max(self._world.milliseconds(first[: len(keys.NO_CLOCK)]), self._world.scheduler.now))
