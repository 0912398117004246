"""Ledger and shop are compared by the functions themselves, daily and when somebody asks, in both directions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.shopify.ordering import Item
from sandbox.world import STORE, World
from tests.e2e.conftest import Shopper

DAY = timedelta(hours=25)
# A tick holds its lease for most of a minute.
MINUTES = timedelta(minutes=2)


@pytest.mark.proves("F118", "B10")
def test_a_refund_made_in_the_shop_on_an_order_without_a_return_is_in_the_books_a_day_later(world: World) -> None:
    shop = world.shopify
    order = shop.place_order([Item("PLATE", "12.00")])
    shop.webhooks.hold()
    try:
        shop.admin_refund(order.id, {"PLATE": 1})
        assert order.id.rpartition("/")[2] not in world.ledgers()
        world.pass_time(DAY)
    finally:
        shop.webhooks.release()

    ledger = world.ledgers()[order.id.rpartition("/")[2]]
    assert [(seen.owner, seen.amounts.total) for seen in ledger.refunds.values()] == [("foreign", 1200)]


@pytest.mark.proves("F118", "B10")
def test_a_refund_of_ours_that_the_shop_does_not_have_is_found_told_and_gone_again(shopper: Shopper) -> None:
    world = shopper.world
    story = shopper.asks_back("CLOCK", "55.00")
    story.decide("AuthoriseReturn")
    story.arrive("P-clock", CLOCK=1)
    refund = story.intent("refund")
    assert refund["state"] == "SETTLED"
    world.pass_time(timedelta(hours=1))
    books = world.shopify.floor().books
    gone = {name: one for name, one in books.refunds.items() if name.endswith(refund["reference"])}
    for name in gone:
        del books.refunds[name]

    number = story.order.rpartition("/")[2]
    with pytest.raises(RuntimeError, match="1 of them wait still"):
        world.ops("reconcile", "--account", STORE, "--order", number, "--wait", "0")
    world.pass_time(MINUTES)
    with pytest.raises(RuntimeError, match=r"missing refund \d+, intent .* 55\.00 EUR / 0\.00 EUR"):
        world.ops("reconcile", "--account", STORE, "--order", number, "--wait", "0")
    (case,) = world.desk("viewer", command="ListCases", queue="shopify-difference")["cases"]
    shown = world.show(case["case"])
    assert (shown["state"], shown["difference"]["ours"], shown["difference"]["theirs"]) == ("open", 5500, 0)

    books.refunds.update(gone)
    world.pass_time(MINUTES)

    assert world.show(case["case"])["difference"]["closed"] == "equal"
