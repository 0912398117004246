"""Virtual time, and whose turn it is: workers are greenlets that give way inside the ports, and nowhere else.

Refuses to let two things happen at once: of two due at one instant the one that was planned first goes first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush

from greenlet import GreenletExit, getcurrent, greenlet

from quittance.domain.errors import QuittanceError

MOST_EVENTS = 20_000


class Killed(BaseException):
    """The process ends here; nothing after this line happens. No `except Exception` may catch it."""


class Stumbled(Exception):
    """Something unforeseen: the key fails, its neighbours go on, and the message is given again."""


class Endless(AssertionError):
    """A run does not come to rest."""


class Worker:
    """One process at work on one thing. `skew` is how far its clock is off, in milliseconds.

    `ended` is called with whether the job came to its end; a killed or failed worker's message is given again.
    """

    __slots__ = ("again", "ended", "failed", "greenlet", "job", "name", "seen", "skew", "work")

    def __init__(self, name: str, work: str, job: Callable[[], object], ended: Callable[[bool], None]) -> None:
        self.name = name
        self.work = work
        self.job = job
        self.ended = ended
        self.again: Callable[[], None] = _nothing
        self.skew = 0
        self.failed = ""
        self.seen: dict[str, int] = {}
        self.greenlet: greenlet | None = None


def _nothing() -> None:
    """What comes again when nobody asked for anything."""


class Scheduler:
    """An agenda of what happens when, in milliseconds of virtual time, and the worker that works now, if any."""

    def __init__(self) -> None:
        self.now = 0
        self.worker: Worker | None = None
        self.alive: list[Worker] = []
        self._ended: list[Worker] = []
        self.events = 0
        self._hub = getcurrent()
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._planned = 0

    @property
    def is_idle(self) -> bool:
        """Say whether nothing is planned."""
        return not self._agenda

    def at(self, when: int, happen: Callable[[], None]) -> None:
        """Plan something; what is planned for the past happens next."""
        heappush(self._agenda, (when, self._planned, happen))
        self._planned += 1

    def start(self, worker: Worker, after: int = 0) -> None:
        """Let a worker begin after a while."""
        self.alive.append(worker)
        worker.greenlet = greenlet(lambda: self._live(worker), self._hub)
        self.at(self.now + after, lambda: self._go_on(worker))

    def sleep(self, span: int) -> None:
        """Let the worker that works now wait, and everything else that is due before it go first."""
        until = self.now + span
        if not self._agenda or until < self._agenda[0][0]:
            self.now = until
            return
        worker = self.worker
        if worker is None:
            raise RuntimeError("only a worker can sleep")
        self.at(until, lambda: self._go_on(worker))
        self._hub.switch()

    def run(self) -> None:
        """Let everything that is planned happen, in its order; raises Endless when it never ends."""
        while self._agenda:
            when, _, happen = heappop(self._agenda)
            self.now = max(self.now, when)
            self.events += 1
            if self.events > MOST_EVENTS:
                raise Endless(f"no rest after {MOST_EVENTS} events")
            happen()

    def end(self, worker: Worker) -> None:
        """End a worker where it stands: it never goes on."""
        if worker in self.alive:
            self.alive.remove(worker)
            self._ended.append(worker)

    def close(self) -> None:
        """Unwind everybody who stands still; only from the hub, to which an unwound greenlet returns."""
        for worker in list(self.alive):
            self.end(worker)
        for worker in self._ended:
            if worker.greenlet is not None and not worker.greenlet.dead:
                worker.greenlet.throw(GreenletExit)

    def _go_on(self, worker: Worker) -> None:
        if worker.greenlet is None or worker.greenlet.dead or worker not in self.alive:
            return
        self.worker = worker
        worker.greenlet.switch()
        self.worker = None

    def _live(self, worker: Worker) -> None:
        done = False
        with suppress(Killed):
            try:
                worker.job()
                done = True
            except (QuittanceError, Stumbled) as error:
                worker.failed = type(error).__name__
        if worker in self.alive:
            self.alive.remove(worker)
            worker.ended(done)
