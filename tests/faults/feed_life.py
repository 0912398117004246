"""A feed batch's whole life under a script of faults, and what has to hold afterwards whatever struck."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from quittance.application.feeds import Feeds
from quittance.application.ports import Unknown
from quittance.domain.errors import QuittanceError, Unavailable
from quittance.domain.feed_batch import BatchState
from quittance.domain.intent import IntentState
from tests.faults.boundaries import FaultyEngine, FaultyShop, Killed, Script, armed
from tests.support.feed_bench import FeedBench
from tests.support.feeds import FeedHouse, FeedShop

ORDERS = 3


class FaultyFeeds:
    """The channel's feeds, with the script at every door."""

    def __init__(self, house: FeedHouse, script: Script) -> None:
        self._house = house
        self._script = script
        self.terms = house.terms
        self.compose = house.compose

    def _at(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        return self._script.touch(name, lambda: call(*arguments), _no_answer)

    def upload(self, *arguments: Any) -> Any:
        """Upload, or not."""
        return self._at("upload", self._house.upload, *arguments)

    def list_feeds(self, *arguments: Any) -> Any:
        """List, or not."""
        return self._at("list feeds", self._house.list_feeds, *arguments)

    def submit(self, *arguments: Any) -> Any:
        """Submit; a call that fails leaves its outcome unknown, whether the feed was created or not."""
        return self._script.touch("submit", lambda: self._house.submit(*arguments), lambda: Unknown("timeout"))

    def feed_state(self, *arguments: Any) -> Any:
        """Ask, or not."""
        return self._at("feed state", self._house.feed_state, *arguments)

    def results(self, *arguments: Any) -> Any:
        """Read the report, or not."""
        return self._at("results", self._house.results, *arguments)


@dataclass
class Overtaken(Script):
    """At one touch the worker stops for so many seconds, while others do what is due."""

    at: int = 0
    pause: int = 0
    bench: FeedBench | None = None

    def touch(self, _name: str, call: Callable[[], Any], _lost: Callable[[], Any]) -> Any:
        """Make the call, after the others where it stops."""
        self.touches += 1
        if self.touches == self.at and self.bench is not None:
            self._stop(self.bench)
        return call()

    def _stop(self, bench: FeedBench) -> None:
        engine, shop = bench.engine, bench.shop
        assert isinstance(engine, FaultyEngine)
        assert isinstance(shop, FaultyFeedShop)
        engine.script = shop.script = None
        until = bench.clock.at + timedelta(seconds=self.pause)
        bench.work()
        while bench.clock.at < until and not bench.is_over:
            bench.pass_time()
            bench.work()
        engine.script = shop.script = self


def _no_answer() -> Any:
    raise Unavailable("no answer")


class FaultyFeedShop(FeedShop, FaultyShop):
    """The shop that refunds by feed, with the script at every door."""

    @property
    def feeds(self) -> Feeds:
        """Its feeds, as the script lets them be reached."""
        return self.house if self.script is None else FaultyFeeds(self.house, self.script)


@functools.cache
def _prepared() -> FeedBench:
    return FeedBench(ORDERS).refunding()


def life(script: Script, prepared: Callable[[FeedHouse], None] = lambda _: None) -> FeedBench:
    """Refunds of three orders in one batch, from ready to their ends or to a person."""
    bench = FeedBench(0, engine=FaultyEngine(), shop=FaultyFeedShop()).like(_prepared())
    prepared(bench.house)
    if isinstance(script, Overtaken):
        script.bench = bench

    def worker(step: Callable[[], object]) -> None:
        with armed(bench, script), suppress(Killed, QuittanceError):
            step()

    for _ in range(200):
        bench.work(worker)
        if bench.is_over:
            return bench
        bench.pass_time()
    raise AssertionError(f"{bench.states} {[batch.state for batch in bench.batches]}: {script}")


def touches() -> int:
    """How often the straight path touches the outside."""
    script = Script({})
    life(script)
    return script.touches


def check(bench: FeedBench, script: Script) -> None:
    """Paid once at most, nothing lost, both books equal, and never two feeds that nobody knows."""
    try:
        bench.assert_books()
    except AssertionError as error:
        raise AssertionError(f"{error}: {script}") from None
    created = sum(feed.type == "refunds" for feed in bench.house.created.values())
    assert bench.house.calls.count("submit") <= created + 1, f"feeds {bench.house.created}: {script}"
    assert bench.lock.holder == 0 or bench.batch(bench.lock.holder).state is BatchState.HELD, script
    for number, refund in enumerate(bench.refunds):
        assert refund.state is not IntentState.SETTLED or bench.paid(number) == 1, script
