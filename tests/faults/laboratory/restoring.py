"""A restore from backup in the middle of everything: an earlier table comes back, and the epoch is raised.

The commits in between are forgotten by the table and by nobody else: the channel keeps its effects, queues their
messages, and requests that are under way land.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from quittance.application.restore_order import restore_order
from quittance.domain.ids import OrderId
from quittance.storage.memory import Snapshot
from tests.faults.laboratory.people import LOOKS_AFTER
from tests.support.workbench import PLACE

if TYPE_CHECKING:
    from tests.faults.laboratory.run import Run

MOST_KEPT: Final = 12


class Backups:
    """Copies of the table, one for each of the last commits."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._copies: list[Snapshot] = []
        self.keep()

    def keep(self) -> None:
        """Copy the table as it is now."""
        self._copies.append(self._run.world.engine.snapshot())
        del self._copies[:-MOST_KEPT]

    def restore(self) -> None:
        """Put one of the copies back, end every worker, and do what the operator does afterwards.

        The account observes until a person has looked at it, which takes longer than any request is under way.
        """
        world = self._run.world
        number = world.dice.below(len(self._copies))
        world.note(f"the table is restored as it was {len(self._copies) - 1 - number} commits ago")
        del self._copies[number + 1 :]
        for worker in list(world.scheduler.alive):
            if worker is not world.scheduler.worker:
                world.scheduler.end(worker)
        world.engine.put_back(self._copies[number])
        world.without_worker(self._raise_epoch)
        world.mail.look_ahead()
        self._run.people.at(world.scheduler.now + LOOKS_AFTER, self._run.people.go_live)

    def _raise_epoch(self) -> None:
        world = self._run.world
        now = world.clock.now()
        control = world.table.control(PLACE.account).restored(now)
        world.table.set_control(PLACE.account, control)
        for order, _, _ in list(world.invariants.orders()):
            scene = world.table.load_order(PLACE.channel, PLACE.account, OrderId(order))
            restore_order(world.table, scene, control, now, is_open=True)
