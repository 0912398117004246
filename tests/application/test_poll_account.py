"""A poll sends on what is news and nothing else, and its cursor never passes over what could not be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from quittance.application.poll_account import PAGES, TOPIC, poll_account
from quittance.application.ports import Page, Poll, Row
from quittance.domain.errors import Unavailable
from quittance.domain.ids import OrderId
from quittance.storage import keys
from tests.support import builders as b
from tests.support.mailroom import Mailroom, MemoryQueues
from tests.support.shop import Shop
from tests.support.workbench import PLACE, Workbench

EVERY = timedelta(minutes=5)
KEY = keys.poll(PLACE.account, "returns")


@dataclass
class PolledShop(Shop):
    """Gives its pages one after another; an exception is raised in its place."""

    pages: list[Page | Exception] = field(default_factory=list)
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def poll(self, _account: str, _source: str, cursor: str, known: Sequence[str]) -> Page:
        self.asked.append((cursor, tuple(known)))
        page = self.pages.pop(0) if self.pages else Page(())
        if isinstance(page, Exception):
            raise page
        return page


class Polling:
    """A workbench whose account has one poll, due now."""

    def __init__(self) -> None:
        self.shop = PolledShop()
        self.bench = Workbench(shop=self.shop)
        self.queues = MemoryQueues()
        poll = Poll("shopify", PLACE.account, PLACE.store, "returns", EVERY, b.NOW, 1)
        self.bench.table.save_poll(None, poll)

    def run(self, *pages: Page | Exception) -> int:
        self.shop.pages = list(pages)
        return poll_account(self.bench.ports, self.queues, KEY)

    @property
    def poll(self) -> Poll:
        found = self.bench.table.poll_at(KEY)
        assert found is not None
        return found


@pytest.fixture
def polling() -> Polling:
    return Polling()


def row(order: str = b.ORDERED, **returns: str) -> Row:
    return Row(OrderId(order), tuple(returns.items()))


@pytest.mark.proves("F132")
def test_a_return_that_no_webhook_told_is_found_and_worked_on_like_any_delivery(polling: Polling) -> None:
    assert polling.run(Page((Row(b.ORDERED, ((b.RETURN, "requested"),)),))) == 1

    (hint,) = polling.queues.hinted
    assert (hint.channel, hint.account, hint.store, hint.topic) == ("shopify", PLACE.account, PLACE.store, TOPIC)
    assert json.loads(hint.body) == {"order": b.ORDERED}
    assert Mailroom(polling.bench).take(hint) == ["committed"]
    assert polling.bench.case.order == b.ORDERED


def test_what_is_known_already_is_left_alone(polling: Polling) -> None:
    polling.bench.observe()

    assert polling.run(Page((Row(b.ORDERED, ((b.RETURN, "requested"),)), Row(OrderId("9"))))) == 0

    assert polling.queues.hinted == []
    assert polling.shop.asked == [("", (b.RETURN,))]


def test_a_status_that_differs_from_ours_goes_on(polling: Polling) -> None:
    polling.bench.observe()

    assert polling.run(Page((Row(b.ORDERED, ((b.RETURN, "open"),)),))) == 1


def test_the_same_news_twice_is_one_delivery_and_news_an_hour_later_another(polling: Polling) -> None:
    news = Page((row(a="requested"),))
    polling.run(news)
    polling.bench.wait(minutes=5)
    polling.run(news)
    polling.bench.wait(hours=1)
    polling.run(news)

    first, second, third = (hint.id for hint in polling.queues.hinted)
    assert first == second != third


@pytest.mark.proves("F118")
def test_an_order_that_changed_goes_on_whatever_its_returns_say_and_once_for_each_change(polling: Polling) -> None:
    polling.run(Page((Row(b.ORDERED, changed="noon"),), resume="since-noon"))
    assert (polling.poll.cursor, polling.poll.due) == ("since-noon", b.NOW + EVERY)
    polling.bench.wait(hours=2)
    polling.run(Page((Row(b.ORDERED, changed="noon"), Row(b.ORDERED, changed="two")), resume="since-two"))

    first, again, other = (hint.id for hint in polling.queues.hinted)
    assert first == again != other
    assert polling.shop.asked[-1][0] == "since-noon"


def test_a_poll_that_is_not_due_asks_nothing(polling: Polling) -> None:
    polling.run()

    assert polling.run(Page((row(a="requested"),))) == 0
    assert len(polling.shop.asked) == 1
    polling.bench.wait(minutes=4, seconds=59)
    assert polling.run(Page((row(a="requested"),))) == 0
    polling.bench.wait(seconds=1)
    assert polling.run(Page((row(a="requested"),))) == 1


def test_a_poll_that_nobody_set_up_asks_nothing(polling: Polling) -> None:
    assert poll_account(polling.bench.ports, polling.queues, keys.poll("nobody", "returns")) == 0
    assert polling.shop.asked == []


def test_pages_follow_each_other_and_the_end_arms_the_next_round(polling: Polling) -> None:
    sent = polling.run(
        Page((row("1", a="open"),), "c1"), Page((row("2", b="open"),), "c2"), Page((row("3", c="open"),))
    )

    assert sent == 3
    assert [cursor for cursor, _ in polling.shop.asked] == ["", "c1", "c2"]
    assert (polling.poll.cursor, polling.poll.due) == ("", b.NOW + EVERY)
    assert polling.bench.tally.counts["PollCompleted", "returns"] == 1


def test_a_page_that_cannot_be_read_keeps_the_cursor_and_the_poll_stays_due(polling: Polling) -> None:
    with pytest.raises(Unavailable):
        polling.run(Page((row("1", a="open"),), "c1"), Unavailable("throttled"))

    assert [hint.id for hint in polling.queues.hinted] == [polling.queues.hinted[0].id]
    assert (polling.poll.cursor, polling.poll.due) == ("c1", b.NOW)
    assert ("PollCompleted", "returns") not in polling.bench.tally.counts

    assert polling.run(Page((row("2", b="open"),))) == 1
    assert polling.shop.asked[-1][0] == "c1"
    assert polling.poll.due == b.NOW + EVERY


def test_a_long_list_is_read_in_turns(polling: Polling) -> None:
    pages: list[Page | Exception] = [Page((row(str(n), a="open"),), f"c{n}") for n in range(PAGES + 5)]

    assert polling.run(*pages) == PAGES

    assert polling.poll.cursor == f"c{PAGES - 1}"
    assert polling.poll.due == b.NOW, "it goes on at the next tick"


def test_of_two_pollers_one_goes_on(polling: Polling) -> None:
    pages = iter([Page((row("1", a="open"),), "c1"), Page((row("1", a="open"),), "c1"), Page((row("2", b="open"),))])
    reads: list[str] = []

    def poll(_account: str, _source: str, cursor: str, _known: Sequence[str]) -> Page:
        reads.append(cursor)
        page = next(pages)
        if len(reads) == 1:
            before = polling.poll
            polling.bench.table.save_poll(before, replace(before, cursor="c1", version=before.version + 1))
        return page

    polling.shop.poll = poll  # type: ignore[method-assign, assignment]

    assert poll_account(polling.bench.ports, polling.queues, KEY) == 1
    assert reads == [""]
    assert polling.poll.cursor == "c1"
