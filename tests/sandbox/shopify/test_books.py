"""The books hold under any sequence of acts: money never exceeds what came in, units are conserved."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.shopify import Item, Payment, Refused, Settlement, Shop, ShopifySimulator
from sandbox.shopify.books import Books
from sandbox.shopify.money import allocate, decimal_text, fixed_text, parse, slice_of
from tests.sandbox.shopify.world import Clock

UNITS = st.integers(1, 3)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "request",
                "approve",
                "decline",
                "close",
                "reopen",
                "process",
                "refund",
                "amount",
                "dispose",
                "cancel",
                "settle",
                "wait",
            )
        ),
        UNITS,
        st.integers(0, 3),
    ),
    max_size=25,
)


class Day:
    """Random acts on one order; refusals and impossible wishes change nothing."""

    def __init__(self, included: bool) -> None:
        self.clock = Clock()
        self.shopify = ShopifySimulator(self.clock, [Shop("s", taxes_included=included)])
        self.order = self.shopify.place_order(
            [Item("A", "9.99", 3, discount="0.50"), Item("B", "33.33", 2)],
            shipping="4.95",
            discount="7.77",
            payments=[Payment("gift_card", "20.00"), Payment()],
        )
        self.shopify.fulfil(self.order.id)

    def _pick(self, number: int) -> str | None:
        known = list(self.shopify.floor().books.returns)
        return known[number % len(known)] if known else None

    def do(self, act: str, units: int, number: int) -> None:
        sku = "A" if number % 2 else "B"
        picked = self._pick(number)
        self.shopify.faults.settle_next(("SUCCESS", "FAILURE")[number == 3], after_seconds=60.0 * (number % 2))
        wishes: dict[str, Callable[[], Any]] = {
            "request": lambda: self.shopify.buyer_requests_return(self.order.id, {sku: units}),
            "refund": lambda: self.shopify.admin_refund(self.order.id, {sku: units}, shipping=number == 2),
            "amount": lambda: self.shopify.admin_refund(self.order.id, amount=f"{units * 11}.37"),
            "settle": self.shopify.settle_transactions,
            "wait": lambda: self.clock.advance(seconds=30),
        }
        if picked is not None:
            wishes |= {
                "approve": lambda: self.shopify.admin_approve(picked),
                "decline": lambda: self.shopify.admin_decline(picked),
                "close": lambda: self.shopify.admin_close(picked),
                "reopen": lambda: self.shopify.admin_reopen(picked),
                "process": lambda: self.shopify.admin_processes_return(picked),
                "dispose": lambda: self.shopify.admin_dispose(picked),
                "cancel": lambda: self.shopify.buyer_cancels_return(picked),
            }
        try:
            wishes.get(act, lambda: None)()
        except (Refused, ValueError):
            return
        finally:
            self.shopify.faults.clear()


def check(books: Books, order_id: str) -> None:
    order = books.orders[order_id]
    for payment in books.paid(order_id):
        assert 0 <= books.left_of(payment) <= payment.amount
    assert books.committed(order_id) <= books.received(order_id)
    for line in order.lines:
        assert 0 <= books.refunded_quantity(order_id, line.id) <= line.quantity
        parts = [part for refund in books.refunds_of(order_id) for part in refund.lines if part.line == line.id]
        assert sum(part.subtotal for part in parts) <= line.net_total
        if books.refundable_quantity(order_id, line) == 0:
            assert sum(part.subtotal for part in parts) == line.net_total
            assert sum(part.tax for part in parts) == line.tax_total
    for parcel in books.fulfillments_of(order_id):
        assert all(books.in_returns(order_id, item.id) <= item.quantity for item in parcel.lines)
    for item in books.returns_of(order_id):
        assert all(0 <= line.refunded <= line.processed <= line.quantity for line in item.lines)
        for reverse in books.reverse_orders_of(item.id):
            assert all(line.disposed <= line.quantity for line in reverse.lines)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(acts=ACTS, included=st.booleans())
def test_no_sequence_of_acts_pays_back_more_than_came_in(acts: list[tuple[str, int, int]], included: bool) -> None:
    day = Day(included)
    try:
        for act in acts:
            day.do(*act)
            check(day.shopify.floor().books, day.order.id)
    finally:
        day.shopify.close()


@given(total=st.integers(0, 10**9), whole=st.integers(1, 50), cuts=st.lists(st.integers(0, 50)))
def test_slices_of_a_line_add_up_to_the_line(total: int, whole: int, cuts: list[int]) -> None:
    edges = sorted({0, whole, *(cut for cut in cuts if cut <= whole)})
    pieces = [slice_of(total, whole, start, end - start) for start, end in pairwise(edges)]

    assert sum(pieces) == total
    assert all(piece >= 0 for piece in pieces)


@given(total=st.integers(0, 10**9), weights=st.lists(st.integers(0, 10**6), min_size=1).filter(sum))
def test_a_discount_is_spread_to_the_cent(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)

    assert sum(parts) == total
    assert all(abs(part - total * weight / sum(weights)) <= 1 for part, weight in zip(parts, weights, strict=True))


@given(minor=st.integers(-(10**12), 10**12), currency=st.sampled_from(("EUR", "JPY", "KWD")))
def test_amounts_survive_being_written(minor: int, currency: str) -> None:
    assert parse(decimal_text(minor, currency), currency) == minor
    assert parse(fixed_text(minor, currency), currency) == minor


def test_the_same_seed_gives_the_same_ids() -> None:
    first, second = Day(included=True), Day(included=True)
    try:
        assert first.order == second.order
    finally:
        first.shopify.close()
        second.shopify.close()


def test_a_providers_habit_is_a_setting_of_the_shop() -> None:
    clock = Clock()
    with ShopifySimulator(clock, [Shop("s", settlement=Settlement(seconds=120))]) as shopify:
        order = shopify.place_order([Item("A", "10.00")])
        shopify.admin_refund(order.id, {"A": 1})
        assert (shopify.books()["#1001"].refunded, shopify.books()["#1001"].pending) == (0, 1000)
        clock.advance(seconds=120)
        assert (shopify.books()["#1001"].refunded, shopify.books()["#1001"].pending) == (1000, 0)


def test_shops_keep_apart() -> None:
    with ShopifySimulator(Clock(), [Shop("one"), Shop("two", currency="GBP")]) as shopify:
        order = shopify.place_order([Item("A", "10.00")], shop="two")
        shopify.admin_refund(order.id, {"A": 1})

        assert shopify.books("one") == {}
        assert shopify.books("two")["#1001"].currency == "GBP"
