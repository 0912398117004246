"""What can go wrong at one touch of the outside, and what each fault makes of the call.

Refuses a fault where it cannot happen: only a read is stale, only the index lags, only a write lands late.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from tests.faults.laboratory.scheduler import Killed, Stumbled, Worker

if TYPE_CHECKING:
    from tests.faults.laboratory.world import World


class Fault(Enum):
    """The kinds of reliability contract 2.7, and effects that land after their answer was lost."""

    KILL_BEFORE = "kill before"
    KILL_AFTER = "kill after"
    NOT_APPLIED = "error, not applied"
    APPLIED = "time-out, but applied"
    LANDS_LATE = "time-out, lands late"
    THROTTLED = "throttled"
    DUPLICATE = "duplicate delivery"
    REORDERED = "reordered delivery"
    SECOND_WORKER = "second worker here"
    ZOMBIE = "outlives its lease"
    STALE_READ = "stale reader"
    STALE_INDEX = "stale index"
    CLOCK = "clock 2 s off"
    PARTIAL_BATCH = "partial batch"
    RESTORED = "restored table"


class Door(Enum):
    """Through which kind of door a touch goes; it says which faults can strike there."""

    READ = "read"
    INDEX = "index"
    WRITE = "write"
    ASK = "ask the channel"
    SEND = "send"
    QUEUE = "queue"


_ANYWHERE: Final = (
    Fault.KILL_BEFORE,
    Fault.KILL_AFTER,
    Fault.NOT_APPLIED,
    Fault.APPLIED,
    Fault.THROTTLED,
    Fault.DUPLICATE,
    Fault.REORDERED,
    Fault.SECOND_WORKER,
    Fault.ZOMBIE,
    Fault.CLOCK,
    Fault.PARTIAL_BATCH,
    Fault.RESTORED,
)
POSSIBLE: Final[Mapping[Door, tuple[Fault, ...]]] = {
    Door.READ: (*_ANYWHERE, Fault.STALE_READ),
    Door.INDEX: (*_ANYWHERE, Fault.STALE_INDEX),
    Door.WRITE: (*_ANYWHERE, Fault.LANDS_LATE),
    Door.ASK: (*_ANYWHERE, Fault.STALE_READ),
    Door.SEND: (*_ANYWHERE, Fault.LANDS_LATE),
    Door.QUEUE: _ANYWHERE,
}


def failures_of(door: Door) -> tuple[Fault, ...]:
    """What may become of a call by itself; a restore is what people do, and not once in a thousand calls."""
    return tuple(fault for fault in POSSIBLE[door] if fault is not Fault.RESTORED)


SECOND: Final = 1000
# Longer than a step takes, so that a second worker is through before the first goes on.
OVERTAKEN: Final = 5 * SECOND
# A lease is 57 s. A request that nobody waits for lands within the settle horizon of 60 s after the lease at most.
PAST_LEASE: Final = (70 * SECOND, 240 * SECOND)
LANDS_WITHIN: Final = (1 * SECOND, 55 * SECOND)
REQUEST_LANDS: Final = (1 * SECOND, 110 * SECOND)
LAG: Final = (1 * SECOND, 20 * SECOND)
SKEW: Final = 2 * SECOND


@dataclass(slots=True)
class Touch:
    """One call to the outside that a worker is about to make.

    `lost` gives what the caller sees when no answer comes, `busy` when it is told to come again, `stale` what an
    older state would have answered.
    """

    world: World
    worker: Worker
    door: Door
    name: str
    call: Callable[[], Any]
    lost: Callable[[], Any]
    busy: Callable[[], Any]
    stale: Callable[[], Any]

    def pause(self, span: int) -> None:
        """Let the worker stand here for a while."""
        self.world.scheduler.sleep(span)


def _kill_before(_: Touch) -> Any:
    raise Killed


def _kill_after(touch: Touch) -> Any:
    touch.call()
    raise Killed


def _applied(touch: Touch) -> Any:
    touch.call()
    return touch.lost()


def _lands_late(touch: Touch) -> Any:
    """The caller gives up; the call gets through all the same, within the time that the settle horizon allows."""
    touch.world.later(touch.world.dice.between(*LANDS_WITHIN), touch.call, f"{touch.name} lands late")
    return touch.lost()


def _duplicate(touch: Touch) -> Any:
    """The message that this worker works on is given a second time."""
    touch.world.scheduler.at(touch.world.scheduler.now + touch.world.dice.between(0, OVERTAKEN), touch.worker.again)
    return touch.call()


def _reordered(touch: Touch) -> Any:
    """Whatever was sent later is worked on first."""
    touch.pause(touch.world.dice.between(SECOND, 4 * OVERTAKEN))
    return touch.call()


def _second_worker(touch: Touch) -> Any:
    """Another worker takes up the same work at this very point; it is through before this one goes on, or beside it."""
    touch.worker.again()
    touch.pause(touch.world.dice.among((OVERTAKEN, OVERTAKEN, 0)))
    return touch.call()


def _zombie(touch: Touch) -> Any:
    """The worker stands still past its lease. A request that was under way lands meanwhile; its answer waits."""
    pause = touch.world.dice.between(*PAST_LEASE)
    if touch.door is not Door.SEND:
        touch.world.is_bounded = False
        touch.pause(pause)
        return touch.call()
    landing = touch.world.dice.between(*REQUEST_LANDS)
    touch.pause(landing)
    answer = touch.call()
    touch.pause(max(0, pause - landing))
    return answer


def _clock(touch: Touch) -> Any:
    touch.worker.skew = touch.world.dice.among((-SKEW, SKEW))
    return touch.call()


def _partial_batch(touch: Touch) -> Any:
    raise Stumbled(touch.name)


def _restored(touch: Touch) -> Any:
    """The table goes back to an earlier commit; whoever worked on the later one is gone."""
    touch.world.restore()
    raise Killed


STRIKES: Final[Mapping[Fault, Callable[[Touch], Any]]] = {
    Fault.KILL_BEFORE: _kill_before,
    Fault.KILL_AFTER: _kill_after,
    Fault.NOT_APPLIED: lambda touch: touch.lost(),
    Fault.APPLIED: _applied,
    Fault.LANDS_LATE: _lands_late,
    Fault.THROTTLED: lambda touch: touch.busy(),
    Fault.DUPLICATE: _duplicate,
    Fault.REORDERED: _reordered,
    Fault.SECOND_WORKER: _second_worker,
    Fault.ZOMBIE: _zombie,
    Fault.STALE_READ: lambda touch: touch.stale(),
    Fault.STALE_INDEX: lambda touch: touch.stale(),
    Fault.CLOCK: _clock,
    Fault.PARTIAL_BATCH: _partial_batch,
    Fault.RESTORED: _restored,
}
