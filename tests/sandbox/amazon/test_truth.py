"""Whatever people, feeds and claims do in whatever order: the books add up, and Finances tell the same in the end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from sandbox.amazon import AmazonSimulator, Item, Seller, money
from sandbox.amazon.api.finances import status_of
from sandbox.amazon.feed_lines import LineError
from sandbox.amazon.feeds import create, release
from sandbox.amazon.roads import Mailbox
from sandbox.amazon.shapes import ListOf, Record, Shape, Text, Texts, Truth, Whole, strays, wrong
from tests.sandbox.amazon.world import ADJUSTMENT, FR, Clock, World, refund

ACTS = ("staff refund", "staff all", "feed", "return", "first scan", "claim", "claim won", "chargeback", "wait")
BASKET = (Item("CANDLE", "19.99", 3, shipping="4.90", discount="1.01"), Item("SOAP", "7.49", charges={"Tax": "1.25"}))


def returned(amazon: AmazonSimulator, order: str, *, first_scan: bool) -> str:
    return amazon.buyers.request_return(order, {"CANDLE": 1}, first_scan=first_scan)[0].rma


def act(amazon: AmazonSimulator, clock: Clock, order: str, name: str, cents: int) -> None:
    amount = f"{cents // 100}.{cents % 100:02d}"
    buyers, staff, decide = amazon.buyers, amazon.staff, amazon.amazon.decide_claim
    acts: dict[str, Callable[[], object]] = {
        "staff refund": lambda: staff.refund(order, "CANDLE", amount),
        "staff all": lambda: staff.refund(order),
        "feed": lambda: feed(amazon, clock, order, amount),
        "return": lambda: amazon.carriers.deliver_return(returned(amazon, order, first_scan=False)),
        "first scan": lambda: amazon.carriers.scan_return(returned(amazon, order, first_scan=True)),
        "claim": lambda: buyers.open_claim(order, amount),
        "claim won": lambda: decide(buyers.open_claim(order, amount).id, granted=False),
        "chargeback": lambda: amazon.amazon.charge_back(order, amount),
        "wait": lambda: clock.advance(days=1),
    }
    acts[name]()


def feed(amazon: AmazonSimulator, clock: Clock, order: str, amount: str) -> None:
    """A refund by the feed's own code, without the road."""
    floor, documents = amazon.floor(), amazon.house.documents
    world = World(amazon, clock, floor.seller)
    document, url = documents.begin(floor.seller.id, "text/xml")
    documents.put(document.id, url.rpartition("=")[2], "text/xml", world.adjustment(refund(world, order, amount)))
    create(floor, ADJUSTMENT, (FR,), document.id, clock())
    clock.advance(minutes=5)
    amazon.run_due()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(1, 3000)), max_size=8))
def test_with_the_cap_nobody_is_ever_given_more_than_was_paid(steps: list[tuple[str, int]]) -> None:
    clock = Clock()
    amazon = AmazonSimulator(clock, [Seller(caps_refunds=True)])
    try:
        order = amazon.buyers.place_order(*BASKET).id
        amazon.carriers.ship(order)
        for name, cents in steps:
            try:
                act(amazon, clock, order, name, cents)
            except ValueError:
                continue  # nothing left to refund or to return: the act did not happen
        clock.advance(days=40)
        amazon.run_due()
        held = amazon.money()[order]

        assert held.charged == 5997 + 490 - 101 + 749 + 125
        assert 0 <= held.kept <= held.charged
        assert sum(one.total for one in amazon.books().movements_of(order)) == held.kept
        assert all(status_of(one, clock()) == "RELEASED" for one in amazon.books().movements)
        assert all(one.visible_at - one.posted_at == timedelta(hours=3) for one in amazon.books().movements)
    finally:
        amazon.close()


def test_finances_tell_in_the_end_what_the_books_hold(world: World) -> None:
    orders = [world.shipped_order(*BASKET) for _ in range(3)]
    world.amazon.staff.refund(orders[0], "CANDLE", "3.33")
    world.amazon.buyers.open_claim(orders[1])
    world.process(world.adjustment(refund(world, orders[2], "1.01")))
    world.wait(days=4)
    query = {"postedAfter": "2026-11-01T00:00:00Z"}
    told: dict[str, int] = {}
    for one in world.ask("GET", "/finances/2024-06-19/transactions", query=query)["payload"]["transactions"]:
        name = one["relatedIdentifiers"][0]["relatedIdentifierValue"]
        told[name] = told.get(name, 0) + round(100 * one["totalAmount"]["currencyAmount"])

    assert told == {order: world.amazon.money()[order].kept for order in orders}


def test_money_may_take_two_days_to_show(world: World) -> None:
    order = world.shipped_order()
    world.amazon.faults.lag_money(timedelta(hours=47))
    world.amazon.staff.refund(order, "CANDLE", "1.00")
    query = {"relatedIdentifierName": "ORDER_ID", "relatedIdentifierValue": order}
    counts = []
    for hours in (46, 2):
        world.wait(hours=hours)
        found = world.ask("GET", "/finances/2024-06-19/transactions", query=query)["payload"]["transactions"]
        counts.append(len(found))

    assert counts == [1, 2]


def test_many_callers_at_once_are_served_one_after_the_other(world: World) -> None:
    order = world.shipped_order(Item("CANDLE", "100.00"))
    documents = [world.upload(world.adjustment(refund(world, order, "1.00"))) for _ in range(10)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(world.create_feed, documents))
        list(pool.map(lambda _: world.amazon.staff.refund(order, "CANDLE", "0.01"), range(20)))
    world.wait(hours=1)

    assert len(set(made)) == 10
    assert world.refunded(order) == 1020


def test_only_a_stuck_feed_can_be_released(world: World) -> None:
    feed_id = world.submit(world.adjustment(refund(world, world.shipped_order())))

    with pytest.raises(ValueError, match="is not stuck"):
        release(world.amazon.floor(), feed_id, world.clock())


def test_what_is_due_happens_before_the_next_act(world: World) -> None:
    order = world.shipped_order()
    claim = world.amazon.buyers.open_claim(order)
    world.clock.advance(days=4)

    with pytest.raises(ValueError, match="GRANTED"):
        world.amazon.staff.answer_claim(claim.id)


def test_a_click_on_amazons_link_does_what_it_says(world: World) -> None:
    order = world.shipped_order()
    rma = world.amazon.buyers.request_return(order, {"CANDLE": 1}, in_policy=False)[0].rma
    link = f"https://sellercentral.amazon.fr/gp/returns/list?orderId={order}&rmaId={rma}&action="
    assert world.amazon.staff.follow(f"{link}authorise")[0].status == "Approved"
    assert world.amazon.staff.follow(f"{link}close")[0].status == "Closed"
    with pytest.raises(ValueError, match="does nothing"):
        world.amazon.staff.follow(f"{link}reply")


def test_mails_land_in_the_bucket_under_their_own_name(world: World) -> None:
    with mock_aws():
        s3: Any = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="mail")
        world.amazon.connect(post=Mailbox(s3, "mail", "inbound/"))
        sent = world.amazon.buyers.write(world.shipped_order(), "Bonjour")
        world.wait(minutes=1)
        stored = s3.get_object(Bucket="mail", Key=f"inbound/{sent.id}")["Body"].read()

    assert stored == sent.raw


def test_a_line_error_says_where_it_is() -> None:
    error = LineError(1, "text", "order", "item")

    assert (str(error), error.code, error.order, error.item) == ("text", 1, "order", "item")


def test_the_books_stand_without_a_server_and_without_roads() -> None:
    amazon = AmazonSimulator(Clock(), [Seller(), Seller("A1SECOND", refresh_token="Atzr|second")])
    try:
        order = amazon.buyers.place_order(Item("CANDLE", "1.00"), seller="A1SECOND")
        assert (amazon.deliver_due(), amazon.next_due()) == (0, None)
        assert list(amazon.money("A1SECOND")) == [order.id]
        for act in (amazon.tell_again, amazon.post_again):
            with pytest.raises(ValueError, match="is connected"):
                act("x")
        with pytest.raises(ValueError, match="several sellers"):
            amazon.books()
        with pytest.raises(ValueError, match="does not sell in"):
            amazon.buyers.place_order(Item("CANDLE", "1.00"), seller="A1SECOND", country="US")
    finally:
        amazon.close()


def test_a_buyer_may_keep_the_goods_and_amazon_may_be_generous(world: World) -> None:
    order = world.shipped_order()
    kept, given_back = (world.amazon.buyers.request_return(order, {"CANDLE": 1})[0].rma for _ in range(2))
    world.amazon.buyers.keep_goods(kept)
    world.amazon.amazon.refund_return(given_back)
    world.amazon.carriers.deliver_return(given_back)
    world.wait(days=5)

    assert [one.status for one in world.amazon.books().returns_of(order)] == ["Cancelled", "Approved"]
    assert world.refunded(order) == 2000


def test_too_much_cannot_be_shipped_cancelled_or_refunded_by_hand(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00", 2))
    with pytest.raises(ValueError, match="only 2 of CANDLE can ship"):
        world.amazon.carriers.ship(order.id, {"CANDLE": 3})
    world.amazon.carriers.ship(order.id)
    with pytest.raises(ValueError, match="are left to refund"):
        world.amazon.staff.refund(order.id, "CANDLE", "40.01")


def test_a_mistake_of_the_simulator_is_kept_and_answered_as_amazon_would(world: World) -> None:
    world.amazon.floor().feeds["broken"] = "no feed"  # type: ignore[assignment]

    assert world.refusal("GET", "/feeds/2021-06-30/feeds/broken") == (500, "InternalFailure")
    assert "AttributeError" in world.amazon.defects.pop()
    world.amazon.house.agenda.plan(world.clock(), lambda _: world.amazon.books().claims.__delitem__("none"))
    assert world.send("GET", "/sellers/v1/account").status_code == 200
    assert "KeyError" in world.amazon.defects.pop()


@pytest.mark.parametrize(
    "shape, value, told",
    [
        (Text(shortest=2, longest=3), "x", "1 characters"),
        (Text(pattern="^a"), "b", "does not match"),
        (Text(one_of=("a",)), "b", "must be one of a"),
        (Whole(1, 3), "1", "must be a whole number"),
        (Whole(1, 3), 4, "from 1 to 3"),
        (Truth(), "yes", "true or false"),
        (ListOf(Text()), "a", "must be a list"),
        (Record(), [], "must be an object"),
        (Texts(), {"a": 1}, "object of texts"),
    ],
)
def test_shapes_say_what_is_wrong(shape: Shape, value: Any, told: str) -> None:
    assert [told in problem for problem in wrong(shape, value, "here")] == [True]


def test_strays_are_found_at_every_depth() -> None:
    shape = Record({"a": ListOf(Record({"b": Text()}))})

    assert list(strays(shape, {"a": [{"b": "x", "c": 1}], "d": 2}, "body")) == ["body.a[0].c", "body.d"]


@pytest.mark.parametrize("text, minor", [("12.30", 1230), ("-0.01", -1), ("7", 700)])
def test_amounts_are_read_to_the_cent_and_written_back(text: str, minor: int) -> None:
    assert money.parse(text, "EUR") == minor
    assert money.parse(money.text(minor, "EUR"), "EUR") == minor


@pytest.mark.parametrize("text", ["1,20", "", "1.001", "1e3", "EUR 1"])
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount|digits"):
        money.parse(text, "EUR")
