"""The table as it was at every commit of a feed batch's life, restored at its end: never two effects, none lost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from quittance.application.commit import Write
from quittance.application.reconcile_books import reconcile_books
from quittance.application.restore_order import restore_order
from quittance.domain.account import Mode
from quittance.domain.errors import QuittanceError
from quittance.storage import keys
from quittance.storage.memory import Snapshot
from tests.support.feed_bench import FeedBench, order_of
from tests.support.feeds import Fault, answer_lost, call_lost
from tests.support.workbench import PLACE, RecordingEngine

LIVES: dict[str, list[Fault]] = {"straight": [], "answer lost": [answer_lost], "call lost": [call_lost]}


class CopyingEngine(RecordingEngine):
    """Keeps a copy of the whole table after each commit."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: list[Snapshot] = []

    def transact(self, writes: Sequence[Write]) -> None:
        """Do it and copy the table."""
        super().transact(writes)
        self.copies.append(self.snapshot())


def lived(faults: Sequence[Fault]) -> tuple[FeedBench, list[Snapshot]]:
    """Two refunds from ready to their ends or to a person, and a copy of the table after each commit on the way."""
    engine = CopyingEngine()
    feeds = FeedBench(2, engine=engine).refunding()
    feeds.house.faults += faults
    engine.copies.clear()
    feeds.join_all().run()
    return feeds, list(engine.copies)


def restore(feeds: FeedBench, copy: Snapshot) -> None:
    """What people do after writing a backup back: raise the epoch, have every order read again, go live."""
    feeds.engine.restore(copy)
    now = feeds.clock.now()
    control = feeds.table.control(PLACE.account).restored(now)
    feeds.table.set_control(PLACE.account, control)
    for number in range(feeds.count):
        scene = feeds.table.load_order(PLACE.channel, PLACE.account, order_of(number))
        restore_order(feeds.table, scene, control, now, is_open=True)
        feeds.wait(minutes=5)
        with suppress(QuittanceError):
            reconcile_books(feeds.ports, keys.order(PLACE.channel, PLACE.account, order_of(number)))
        feeds.observe(order=order_of(number))
    feeds.table.set_control(PLACE.account, replace(feeds.table.control(PLACE.account), mode=Mode.LIVE))


@pytest.mark.proves("B9")
@pytest.mark.parametrize("life", LIVES)
def test_a_backup_of_any_moment_of_a_batch_restored_at_its_end_pays_once(life: str) -> None:
    _, copies = lived(LIVES[life])

    for number in range(len(copies)):
        feeds, same = lived(LIVES[life])
        restore(feeds, same[number])
        feeds.run(400)

        feeds.assert_books()
        expected = 0 if life == "call lost" else 1
        assert [feeds.paid(order) for order in range(2)] == [expected] * 2, f"copy {number}"
