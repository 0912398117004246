"""The channel against a whole simulated shop, whose books are the truth: what it reads, does, and finds out again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from quittance.application.ports import (
    Applied,
    Delivery,
    NotFound,
    NotSent,
    Prepared,
    Reading,
    SendOutcome,
    Suggestion,
    Unknown,
)
from quittance.channels.shopify import hints
from quittance.channels.shopify.acts import ShopifyActs
from quittance.channels.shopify.adapter import ShopifyChannel
from quittance.channels.shopify.client import Client
from quittance.domain.errors import Unavailable
from quittance.domain.ids import DeliveryId, OrderId
from quittance.domain.intent import Act, Attempt, Components, Intent, IntentLine
from quittance.domain.money import share_of
from quittance.domain.observations import ChannelStatus, MoneyStatus
from sandbox.shopify import Item, Shop, ShopifySimulator
from sandbox.shopify.faults import Kind
from sandbox.shopify.ordering import Payment
from tests.channels.road import Counted
from tests.channels.shopify_shapes import HORIZON, NOW, TIMEOUT, intent

NONE = OrderId("")
NOBODY: frozenset[str] = frozenset()
APP = {"shop": "maison-lumiere", "client_id": "quittance-app", "client_secret": "shpss_sandbox_secret"}


@dataclass(slots=True)
class Shopping:
    """A simulated shop, our channel to it, and the one order and return that a test is about."""

    shopify: ShopifySimulator
    channel: ShopifyChannel
    slept: list[float] = field(default_factory=list)
    order: OrderId = NONE
    external: str = ""

    def sold(self, **basket: Any) -> str:
        """An order of lamps and bulbs, delivered; its gid."""
        items = (Item("LAMP", "49.90", 2, discount="5"), Item("BULB", "10.00", 3))
        placed = self.shopify.place_order(items, **{"shipping": "5.90", "discount": "7.00", **basket})
        parcel = self.shopify.fulfil(placed.id, tracking=("Colissimo", "6A123", None))
        self.shopify.record_event(parcel.id, "DELIVERED")
        self.order = OrderId(placed.id.rpartition("/")[2])
        return placed.id

    def wanted_back(self, order: str, *, approved: bool = True, **quantities: int) -> str:
        """A return of the order; its gid."""
        found = self.shopify.buyer_requests_return(order, quantities, note="too dark")
        self.external = found.id.rpartition("/")[2]
        if approved:
            self.shopify.admin_approve(found.id)
        return found.id

    def read(self) -> Reading:
        found = self.channel.read("a", self.order, NOW)
        assert found is not None
        return found

    def act(self, act: Act, **given: Any) -> Intent:
        return intent(act, order=self.order, external=self.external, **({"lines": (), "attempt": Attempt()} | given))

    def refund(self, shipping: int = 0) -> Intent:
        """A refund of all that comes back, priced as the domain prices it."""
        seen = self.read()
        (back,) = (one for one in seen.returns if one.id == self.external)
        lines = []
        for line in back.lines.values():
            sold = seen.order.lines[line.order_line]
            minor = share_of(sold.total, 0, line.quantity, sold.quantity)
            lines.append(IntentLine(line.id, line.order_line, line.quantity, minor))
        parts = Components(goods=sum(line.minor for line in lines), shipping=shipping)
        paid = min(seen.order.payments, key=lambda name: seen.order.payments[name].rank)
        return self.act(Act.REFUND, lines=tuple(lines), components=parts, payments={paid: parts.total})

    def claimed(self, intent: Intent) -> tuple[Intent, Prepared]:
        prepared = self.channel.prepare("a", intent, NOW)
        return replace(intent, attempt=Attempt(snapshot=prepared.snapshot)), prepared

    def send(self, intent: Intent) -> SendOutcome:
        return self.channel.send("a", intent, self.channel.render(intent, ""), TIMEOUT)

    def paid_back(self) -> int:
        (books,) = self.shopify.books().values()
        return books.refunded


@pytest.fixture
def shopping() -> Iterator[Shopping]:
    yield from opened(Shop("maison-lumiere"))


def opened(shop: Shop) -> Iterator[Shopping]:
    slept: list[float] = []
    with ShopifySimulator(lambda: NOW, [shop]) as shopify:
        client = Client(lambda _: APP, Counted(), endpoint=shopify.url, sleep=slept.append)
        yield Shopping(shopify, ShopifyChannel(client, ShopifyActs(HORIZON)), slept)
        assert shopify.defects == []
        assert [request.errors for request in shopify.requests if request.errors] == []


def test_our_prices_are_the_shops_own_to_the_cent_with_shipping_and_without(shopping: Shopping) -> None:
    shopping.wanted_back(shopping.sold(), LAMP=2, BULB=3)

    for shipping in (0, 590):
        wanted = shopping.refund(shipping)
        _, prepared = shopping.claimed(wanted)
        assert prepared.suggestion == Suggestion(wanted.total, "EUR", dict(wanted.payments))


def test_where_prices_exclude_tax_the_suggestion_still_is_what_the_reading_says(shopping: Shopping) -> None:
    shopping.wanted_back(shopping.sold(taxes_included=False), LAMP=2, BULB=3)
    order = shopping.read().order

    wanted = shopping.refund(order.shipping)

    _, prepared = shopping.claimed(wanted)
    assert order.shipping == 590 + 118
    assert prepared.suggestion == Suggestion(wanted.total, "EUR", dict(wanted.payments))
    assert wanted.total == order.payments[next(iter(order.payments))].captured


def test_one_unit_of_two_costs_what_the_shop_says(shopping: Shopping) -> None:
    shopping.wanted_back(shopping.sold(discount="0.99"), LAMP=1, BULB=1)
    wanted = shopping.refund()

    _, prepared = shopping.claimed(wanted)

    assert prepared.suggestion == Suggestion(wanted.total, "EUR", dict(wanted.payments))


def test_a_currency_without_cents_and_another_than_the_shops_is_read_and_paid_back(shopping: Shopping) -> None:
    placed = shopping.shopify.place_order([Item("LAMP", "7900", 2)], currency="JPY", rate="0.006")
    shopping.shopify.fulfil(placed.id)
    shopping.order = OrderId(placed.id.rpartition("/")[2])
    shopping.wanted_back(placed.id, LAMP=1)
    wanted = replace(shopping.refund(), currency="JPY")

    mine, prepared = shopping.claimed(wanted)
    outcome = shopping.send(mine)

    assert prepared.suggestion == Suggestion(7900, "JPY", dict(wanted.payments))
    assert isinstance(outcome, Applied)
    assert shopping.paid_back() == 7900


@pytest.mark.parametrize(
    "act, sent_at, expected",
    [
        (Act.APPROVE_RETURN, ChannelStatus.REQUESTED, ChannelStatus.OPEN),
        (Act.DECLINE_RETURN, ChannelStatus.REQUESTED, ChannelStatus.DECLINED),
        (Act.CLOSE_RETURN, ChannelStatus.OPEN, ChannelStatus.CLOSED),
        (Act.CANCEL_RETURN, ChannelStatus.OPEN, ChannelStatus.CANCELLED),
    ],
)
def test_a_decision_is_told_once_and_found_again(
    shopping: Shopping, act: Act, sent_at: ChannelStatus, expected: ChannelStatus
) -> None:
    shopping.wanted_back(shopping.sold(), approved=sent_at is ChannelStatus.OPEN, LAMP=1)
    mine, prepared = shopping.claimed(shopping.act(act))
    assert not prepared.done
    assert shopping.channel.look_back("a", mine, NOBODY) == NotFound()

    assert shopping.send(mine) == Applied(shopping.external)

    assert shopping.channel.look_back("a", mine, NOBODY) == Applied(shopping.external)
    assert shopping.claimed(mine)[1].done
    assert shopping.read().returns[0].status is expected


def test_lines_are_removed_once_and_found_again(shopping: Shopping) -> None:
    shopping.wanted_back(shopping.sold(), LAMP=1, BULB=2)
    (bulbs,) = (line for line in shopping.read().returns[0].lines.values() if line.sku == "BULB")
    wanted = shopping.act(Act.REMOVE_LINES, lines=(IntentLine(bulbs.id, bulbs.order_line, 1),))
    mine, _ = shopping.claimed(wanted)
    assert shopping.channel.look_back("a", mine, NOBODY) == NotFound()

    assert shopping.send(mine) == Applied(shopping.external)

    assert shopping.channel.look_back("a", mine, NOBODY) == Applied(shopping.external)
    assert shopping.read().returns[0].lines[bulbs.id].quantity == 1


@pytest.mark.proves("F027")
def test_a_refund_moves_the_money_once_and_is_found_again(shopping: Shopping) -> None:
    shopping.wanted_back(shopping.sold(), LAMP=1, BULB=2)
    mine, _ = shopping.claimed(shopping.refund())

    outcome = shopping.send(mine)

    assert isinstance(outcome, Applied)
    assert outcome.status is MoneyStatus.MOVED
    assert shopping.paid_back() == mine.total
    assert shopping.channel.look_back("a", mine, NOBODY) == outcome
    seen = shopping.read()
    assert [refund.id for refund in seen.order.refunds] == [outcome.reference]
    assert seen.order.refunds[0].amounts.total == mine.total
    assert {line.refunded for line in seen.returns[0].lines.values()} == {1, 2}


@pytest.mark.proves("B1")
@pytest.mark.parametrize("kind", [Kind.ANSWER_LOST, Kind.FAILED_STATUS, Kind.TRUNCATED, Kind.INTERNAL_ERROR])
def test_a_refund_whose_answer_was_lost_is_unknown_and_then_found_by_looking(shopping: Shopping, kind: Kind) -> None:
    shopping.wanted_back(shopping.sold(), LAMP=1)
    mine, _ = shopping.claimed(shopping.refund())
    faults = shopping.shopify.faults
    spoil = {
        Kind.ANSWER_LOST: faults.lose_answer,
        Kind.TRUNCATED: faults.truncate,
        Kind.INTERNAL_ERROR: faults.internal_error,
    }
    spoil.get(kind, lambda on: faults.fail_after(502, on))("returnProcess")

    outcome = shopping.send(mine)

    assert isinstance(outcome, Unknown)
    assert shopping.paid_back() == mine.total
    found = shopping.channel.look_back("a", mine, NOBODY)
    assert isinstance(found, Applied)
    assert found.status is MoneyStatus.MOVED
    assert shopping.channel.look_back("a", mine, frozenset({found.reference})) == NotFound()


def test_a_refund_whose_request_was_lost_is_unknown_and_then_not_found(shopping: Shopping) -> None:
    shopping.wanted_back(shopping.sold(), LAMP=1)
    mine, _ = shopping.claimed(shopping.refund())
    shopping.shopify.faults.lose_request("returnProcess")

    assert isinstance(shopping.send(mine), Unknown)
    assert shopping.paid_back() == 0
    assert shopping.channel.look_back("a", mine, NOBODY) == NotFound()


def test_a_refund_that_comes_too_late_for_its_time_limit_is_unknown_and_then_found(shopping: Shopping) -> None:
    shopping.wanted_back(shopping.sold(), LAMP=1)
    mine, _ = shopping.claimed(shopping.refund())
    shopping.shopify.faults.slow(1.5, "returnProcess")
    body = shopping.channel.render(mine, "")

    assert shopping.channel.send("a", mine, body, timedelta(seconds=0.3)) == Unknown("timeout")
    assert isinstance(shopping.channel.look_back("a", mine, NOBODY), Applied)


def test_a_throttled_refund_was_certainly_not_sent(shopping: Shopping) -> None:
    shopping.wanted_back(shopping.sold(), LAMP=1)
    mine, _ = shopping.claimed(shopping.refund())
    shopping.shopify.faults.throttle("returnProcess")

    outcome = shopping.send(mine)

    assert isinstance(outcome, NotSent)
    assert outcome.why == "throttled"
    assert shopping.paid_back() == 0
    assert shopping.slept == []


def test_a_throttled_read_waits_and_is_whole(shopping: Shopping) -> None:
    shopping.sold()
    shopping.shopify.faults.throttle("Order")

    assert shopping.read().order.id == shopping.order
    assert len(shopping.slept) == 1


def test_money_that_is_still_on_its_way_is_pending_until_the_provider_answers(shopping: Shopping) -> None:
    order = shopping.sold()
    shopping.wanted_back(order, LAMP=1)
    mine, _ = shopping.claimed(shopping.refund())
    shopping.shopify.faults.settle_next("FAILURE", after_seconds=3600)

    outcome = shopping.send(mine)

    assert isinstance(outcome, Applied)
    assert outcome.status is MoneyStatus.PENDING
    accepted = replace(mine, reference=outcome.reference)
    assert shopping.channel.look_back("a", accepted, NOBODY) == outcome
    shopping.shopify.settle_transactions(order, "FAILURE", "GENERIC_ERROR")
    assert shopping.channel.look_back("a", accepted, NOBODY) == replace(outcome, status=MoneyStatus.FAILED)


def test_what_a_colleague_refunded_in_the_admin_shows_in_the_suggestion_before_anything_is_sent(
    shopping: Shopping,
) -> None:
    placed = shopping.wanted_back(shopping.sold(), LAMP=1)
    wanted = shopping.refund()
    shopping.shopify.admin_processes_return(placed)

    mine, prepared = shopping.claimed(wanted)

    assert prepared.suggestion is not None
    assert prepared.suggestion.total != wanted.total
    assert shopping.channel.look_back("a", mine, NOBODY) == NotFound()


def test_two_payments_are_paid_back_in_the_order_of_the_suggestion(shopping: Shopping) -> None:
    payments = (Payment("gift_card", "20.00"), Payment("shopify_payments"))
    shopping.wanted_back(shopping.sold(payments=payments), LAMP=1)

    found = shopping.read().order.payments
    wanted = shopping.refund()
    _, prepared = shopping.claimed(wanted)

    ranked = sorted(found.values(), key=lambda payment: payment.rank)
    assert [payment.gateway for payment in ranked] == ["shopify_payments", "gift_card"]
    assert prepared.suggestion is not None
    assert prepared.suggestion.payments == wanted.payments


def test_an_open_dispute_shows_until_it_is_won(shopping: Shopping) -> None:
    dispute = shopping.shopify.open_dispute(shopping.sold())
    assert shopping.read().order.disputes == {dispute.id.rpartition("/")[2]}

    shopping.shopify.move_dispute(dispute.id, "WON")

    assert shopping.read().order.disputes == frozenset()


@pytest.mark.proves("F118", "B10")
def test_an_order_is_listed_once_somebody_has_paid_back_on_it_and_again_when_it_changes(shopping: Shopping) -> None:
    sold = shopping.sold()
    first = shopping.channel.poll("a", "refunded_orders", "", ())
    shopping.shopify.admin_refund(sold, {"LAMP": 1})

    found = shopping.channel.poll("a", "refunded_orders", "", ())
    later = shopping.channel.poll("a", "refunded_orders", found.rows[0].changed, ())
    over = shopping.channel.poll("a", "refunded_orders", "2099-01-01T00:00:00.000Z", ())

    assert first.rows == over.rows == ()
    assert [row.order for row in found.rows] == [row.order for row in later.rows] == [shopping.order]


def test_polls_find_the_open_returns_and_what_became_of_the_ones_we_know(shopping: Shopping) -> None:
    placed = shopping.wanted_back(shopping.sold(), approved=False, LAMP=1)
    known = (shopping.external, "999999")

    found = shopping.channel.poll("a", "open_returns", "", ())
    assert [(row.order, row.returns) for row in found.rows] == [(shopping.order, ((shopping.external, "requested"),))]

    shopping.shopify.admin_decline(placed)
    assert shopping.channel.poll("a", "open_returns", "", ()).rows == ()
    declined = shopping.channel.poll("a", "known_returns", "", known)
    assert [row.returns for row in declined.rows] == [((shopping.external, "declined"),)]


def test_an_order_of_many_lines_and_returns_is_read_to_the_end(shopping: Shopping) -> None:
    items = [Item(f"SKU-{number:02}", "3.00", 2) for number in range(60)]
    placed = shopping.shopify.place_order(items)
    shopping.shopify.fulfil(placed.id)
    shopping.order = OrderId(placed.id.rpartition("/")[2])
    for first in range(0, 60, 12):
        quantities = {f"SKU-{number:02}": 1 for number in range(first, first + 12)}
        shopping.shopify.buyer_requests_return(placed.id, quantities)

    seen = shopping.read()

    assert len(seen.order.lines) == 60
    assert [len(one.lines) for one in seen.returns] == [12] * 5
    assert {line.sku for one in seen.returns for line in one.lines.values()} == {item.sku for item in items}


def test_a_token_that_ran_out_is_fetched_again_and_a_send_says_that_it_was_not_sent(shopping: Shopping) -> None:
    shopping.wanted_back(shopping.sold(), LAMP=1)
    mine, _ = shopping.claimed(shopping.refund())
    shopping.shopify.floor().app.forget_tokens()

    assert shopping.send(mine) == NotSent("token_refused", timedelta(minutes=1))
    assert isinstance(shopping.send(mine), Applied)
    shopping.shopify.floor().app.forget_tokens()
    assert shopping.read().order.refunds


def test_a_field_that_the_app_may_not_read_makes_the_order_unreadable_and_not_nameless() -> None:
    for shopping in opened_tolerant(Shop("maison-lumiere", protected=frozenset({"Order.shippingAddress"}))):
        shopping.sold()
        with pytest.raises(Unavailable, match="the answer holds errors"):
            shopping.read()


def opened_tolerant(shop: Shop) -> Iterator[Shopping]:
    with ShopifySimulator(lambda: NOW, [shop]) as shopify:
        client = Client(lambda _: APP, Counted(), endpoint=shopify.url)
        yield Shopping(shopify, ShopifyChannel(client, ShopifyActs(HORIZON)))
        assert shopify.defects == []


@pytest.mark.proves("F001")
def test_every_webhook_of_the_shop_points_to_its_order_or_return(shopping: Shopping) -> None:
    shopping.shopify.subscribe("http://127.0.0.1:9/webhooks/shopify/maison-lumiere")
    order = shopping.sold()
    placed = shopping.wanted_back(order, LAMP=1, BULB=2)
    lamps, bulbs = shopping.read().returns[0].lines.values()
    shopping.send(shopping.claimed(shopping.act(Act.REMOVE_LINES, lines=(IntentLine(bulbs.id, "", 1),)))[0])
    shopping.send(shopping.claimed(shopping.refund())[0])
    shopping.shopify.admin_dispose(placed)
    shopping.shopify.admin_close(placed)
    shopping.shopify.admin_reopen(placed)
    shopping.shopify.move_dispute(shopping.shopify.open_dispute(order).id, "WON")
    assert lamps.order_line != bulbs.order_line

    heard = list(shopping.shopify.webhooks.deliveries.values())

    for delivery in heard:
        found = hints.hint(
            Delivery("shopify", "a", "a", delivery.topic, DeliveryId(delivery.webhook_id), NOW, delivery.body)
        )
        assert found.topic_known
        assert found.order in (shopping.order, None)
        assert found.return_id in (shopping.external, "")
        assert found.order or found.return_id
    told = {delivery.topic for delivery in heard}
    assert hints.TOPICS - told == {
        "orders/cancelled",
        "poll/order",
        "returns/cancel",
        "returns/decline",
        "reverse_deliveries/attach_deliverable",
    }
