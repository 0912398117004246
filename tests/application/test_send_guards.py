"""What stands between a refund that is ready and the one call that pays it: each guard has a reading that trips it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from quittance.application.ports import Suggestion
from quittance.domain.account import Mode
from quittance.domain.intent import Intent, IntentState
from quittance.domain.ledger import Amounts
from quittance.domain.observations import MoneyStatus, RefundReading
from tests.support import builders as b
from tests.support.shop import Shop
from tests.support.workbench import Workbench

S = IntentState


def disputed(bench: Workbench) -> None:
    order = bench.shop.orders[b.ORDERED]
    bench.shop.orders[b.ORDERED] = replace(order, disputes=frozenset({"dispute-1"}))


def unit_refunded_for_less(bench: Workbench) -> None:
    """A colleague pays the same shirts back, for a part of their price, so that money enough would be left."""
    line = bench.refund.lines[0]
    both = Amounts({b.CARD: 100}, {line.order_line: (2, 100)})
    bench.shop._add(b.ORDERED, RefundReading("FOREIGN-1", both, MoneyStatus.MOVED))


def suggesting(change: Callable[[Suggestion], Suggestion]) -> Callable[[Workbench], None]:
    def arrange(bench: Workbench) -> None:
        bench.shop.suggests = lambda _, suggestion: change(suggestion)

    return arrange


OBJECTIONS = {
    "refund_blocked": disputed,
    "units_refunded_twice": unit_refunded_for_less,
    "amount_differs": suggesting(lambda s: replace(s, total=s.total + 1)),
    "currency_differs": suggesting(lambda s: replace(s, currency="USD")),
    "split_differs": suggesting(lambda s: replace(s, payments={"another": s.total})),
}


@pytest.mark.proves("F098", "B1")
@pytest.mark.parametrize("why", OBJECTIONS)
def test_what_the_last_reading_shows_differently_is_not_sent_and_goes_to_a_person(why: str) -> None:
    bench = Workbench().refunding()
    OBJECTIONS[why](bench)

    assert bench.advance() is S.CANCELLED

    assert not bench.shop.effects[1:], "only the approval of the return was sent"
    assert bench.refund.why == why
    assert f"refund:{why}" in bench.case.marks


def test_without_a_suggestion_of_the_channel_nothing_is_sent() -> None:
    bench = Workbench(shop=Silent()).refunding()

    assert bench.advance() is S.CANCELLED
    assert bench.refund.why == "no_suggestion"
    assert bench.shop.paid(bench.refund.id) == 0


class Silent(Shop):
    """A shop that names no amount of its own."""

    def prepare(self, *arguments: object) -> object:  # type: ignore[override]
        """The reading, without a suggestion."""
        return replace(super().prepare(*arguments), suggestion=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("killed, epoch", [(True, 0), (False, 1)])
def test_an_account_that_may_not_send_does_not_even_claim(killed: bool, epoch: int) -> None:
    bench = Workbench().refunding()
    bench.set(Mode.LIVE, killed=killed, epoch=epoch)

    assert bench.advance() is S.READY

    assert bench.refund.attempt.fence == 0
    assert bench.refund.why == "later:account_may_not_send"


def test_an_epoch_raised_between_claim_and_call_stops_the_send() -> None:
    bench = Workbench().refunding()
    bench.shop.on_read = lambda: bench.set(Mode.LIVE, epoch=1)

    assert bench.advance() is S.READY

    assert bench.refund.attempt.fence == 1
    assert bench.refund.attempt.sends == 0
    assert bench.shop.paid(bench.refund.id) == 0


@pytest.mark.proves("B1")
def test_a_body_that_is_no_longer_the_one_of_the_decision_is_held_unsent() -> None:
    bench = Workbench(shop=Changing()).refunding()
    assert isinstance(bench.shop, Changing)
    bench.shop.release = 2

    assert bench.advance() is S.HOLD

    assert bench.refund.why == "body_changed"
    assert bench.refund.attempt.sends == 0
    assert bench.shop.paid(bench.refund.id) == 0


class Changing(Shop):
    """A shop whose adapter writes its bodies differently after a release."""

    release = 1

    def render(self, intent: Intent, words: str) -> bytes:
        """The body, with the release in it."""
        return super().render(intent, words) + str(self.release).encode()
