"""Where a worker touches the outside, and what can go wrong there: a process killed, a call that fails or is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from quittance.application.commit import Write
from quittance.application.ports import Unknown
from quittance.domain.errors import Conflict, Unavailable
from tests.support.shop import Shop
from tests.support.workbench import RecordingEngine, Workbench


class Killed(BaseException):
    """The process ends here; nothing after this line happens."""


class Fault(Enum):
    """What happens at one touch of the outside."""

    KILL_BEFORE = "killed before"
    KILL_AFTER = "killed after"
    NOT_APPLIED = "failed, not applied"
    APPLIED = "failed, but applied"
    LOST_RACE = "another was faster"


@dataclass
class Script:
    """Counts the touches of the outside and strikes at those that it names, by number from 1."""

    strikes: Mapping[int, Fault]
    touches: int = 0
    struck: list[tuple[str, Fault]] = field(default_factory=list)

    def touch(self, name: str, call: Callable[[], Any], lost: Callable[[], Any]) -> Any:
        """Make the call, or what the fault makes of it."""
        self.touches += 1
        fault = self.strikes.get(self.touches)
        if fault is None:
            return call()
        self.struck.append((name, fault))
        return _strike(name, fault, call, lost)


def _strike(name: str, fault: Fault, call: Callable[[], Any], lost: Callable[[], Any]) -> Any:
    if fault is Fault.KILL_BEFORE:
        raise Killed
    if fault is Fault.LOST_RACE and name == "transact":
        raise Conflict("another worker wrote first")
    if fault in (Fault.NOT_APPLIED, Fault.LOST_RACE):
        return lost()
    call()
    if fault is Fault.KILL_AFTER:
        raise Killed
    return lost()


class FaultyEngine(RecordingEngine):
    """The table's engine, with the script at every transaction and every read."""

    script: Script | None = None

    def transact(self, writes: Sequence[Write]) -> None:
        """Write, or not."""
        self._through("transact", lambda: super(FaultyEngine, self).transact(writes))

    def query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        """Read, or not."""
        found: list[dict[str, Any]] = self._through("query", lambda: super(FaultyEngine, self).query(pk, prefix))
        return found

    def _through(self, name: str, call: Callable[[], Any]) -> Any:
        return call() if self.script is None else self.script.touch(name, call, _no_answer)


def _no_answer() -> Any:
    raise Unavailable("no answer")


class FaultyShop(Shop):
    """The shop, with the script at every door."""

    script: Script | None = None

    def _at(self, name: str, call: Callable[[], Any], lost: Callable[[], Any]) -> Any:
        return call() if self.script is None else self.script.touch(name, call, lost)

    def prepare(self, *arguments: Any) -> Any:
        """Read before a send, or not."""
        return self._at("prepare", lambda: super(FaultyShop, self).prepare(*arguments), _no_answer)

    def send(self, *arguments: Any) -> Any:
        """Send; a call that fails leaves its outcome unknown, whether it was applied or not."""
        return self._at("send", lambda: super(FaultyShop, self).send(*arguments), lambda: Unknown("timeout"))

    def look_back(self, *arguments: Any) -> Any:
        """Look back, or not."""
        return self._at("look back", lambda: super(FaultyShop, self).look_back(*arguments), _no_answer)

    def read(self, *arguments: Any) -> Any:
        """Read, or not."""
        return self._at("read", lambda: super(FaultyShop, self).read(*arguments), _no_answer)


def faulty_bench(**terms: Any) -> Workbench:
    """A workbench whose engine and shop can be made to fail; without a script they do not."""
    return Workbench(engine=FaultyEngine(), shop=FaultyShop(), **terms)


@contextmanager
def armed(bench: Workbench, script: Script | None) -> Iterator[None]:
    """Put the script at every boundary for as long as a worker works; whoever looks on is not struck."""
    engine, shop = bench.engine, bench.shop
    if not isinstance(engine, FaultyEngine) or not isinstance(shop, FaultyShop):
        raise TypeError("use faulty_bench()")
    engine.script = shop.script = script
    try:
        yield
    finally:
        engine.script = shop.script = None
