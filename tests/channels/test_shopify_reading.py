"""What Shopify shows becomes money to the cent, whole lists, and facts that a rule may rest on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from quittance.application.ports import Reading
from quittance.channels.shopify import documents
from quittance.domain.errors import Unavailable
from quittance.domain.ids import OrderId, digest
from quittance.domain.ledger import Payment, SoldLine
from quittance.domain.observations import ChannelStatus, MoneyStatus
from tests.channels import shopify_shapes as shapes
from tests.channels.road import Json, Reply, Road, Sent
from tests.channels.shopify_shapes import ACCOUNT, BULB, CARD, LAMP, LAMPS_BACK, NOW, ORDER, RETURN

DELIVERED = datetime(2026, 11, 18, 14, 0, tzinfo=UTC)


def read(order: Json, **replies: Any) -> Reading:
    found = shapes.channel(shapes.desk(Order={"order": order}, **replies)).read(ACCOUNT, OrderId(ORDER), NOW)
    assert found is not None
    return found


def test_a_line_costs_what_the_buyer_paid_for_it_with_every_discount() -> None:
    lines = read(shapes.order()).order.lines

    assert lines == {LAMP: SoldLine("LAMP", 2, 8948, 1491), BULB: SoldLine("BULB", 3, 2832, 472)}


def test_tax_comes_on_top_where_prices_exclude_it_for_lines_shipping_and_refunds() -> None:
    shipping = {"subtotalAmountSet": shapes.money("5.90"), "taxAmountSet": shapes.money("0.98")}
    seen = shapes.own_refund(refundShippingLines=shapes.page([shipping]))

    order = read(shapes.with_refund(seen) | {"taxesIncluded": False}).order

    assert [line.total for line in order.lines.values()] == [8948 + 1491, 2832 + 472]
    assert order.shipping == 590 + 98
    assert order.refunds[0].amounts.lines == {LAMP: (1, 4574), BULB: (2, 1988)}
    assert order.refunds[0].amounts.shipping == 590 + 98


def test_a_payment_is_money_that_came_in_and_not_what_was_only_promised() -> None:
    refused = shapes.transaction("72", "CAPTURE", "20.0", "FAILURE")
    order = shapes.order()

    found = read(order | {"transactions": [*order["transactions"], refused]}).order

    assert found.payments == {CARD: Payment(12370, "shopify_payments", 0)}


def test_payments_rank_as_shopify_would_pay_back_and_else_in_their_order() -> None:
    sales = [shapes.transaction(number, "SALE", "10.0") for number in ("71", "72", "73")]
    parts = [{"parentTransaction": {"id": shapes.gid("OrderTransaction", number)}} for number in ("73", "71")]
    back = {"order": {"id": shapes.gid("Order", ORDER), "suggestedRefund": {"suggestedTransactions": parts}}}

    found = read(shapes.order(transactions=sales), PayBack=back).order.payments

    assert {name: payment.rank for name, payment in found.items()} == {"73": 0, "71": 1, "72": 2}


@pytest.mark.parametrize("currency, amount, minor", [("JPY", "1500.0", 1500), ("KWD", "1.255", 1255)])
def test_amounts_are_read_with_exactly_the_digits_of_their_currency(currency: str, amount: str, minor: int) -> None:
    sale = shapes.transaction(CARD, "SALE", amount) | {"amountSet": shapes.money(amount, currency)}
    order = shapes.order(
        presentmentCurrencyCode=currency,
        transactions=[sale],
        lineItems=shapes.page([]),
        shippingLines=shapes.page([]),
    )

    assert read(order).order.payments[CARD].captured == minor


@pytest.mark.parametrize(
    "money",
    [
        shapes.money("5.905"),
        shapes.money("NaN"),
        shapes.money("1e400"),
        shapes.money("five"),
        shapes.money("5.90", "USD"),
        {"presentmentMoney": {"amount": 5.9, "currencyCode": "EUR"}},
        {"shopMoney": {"amount": "5.90", "currencyCode": "EUR"}},
    ],
)
def test_an_amount_that_is_not_exactly_payable_in_the_buyers_currency_makes_the_order_unreadable(money: Json) -> None:
    line: Json = {"discountedPriceSet": money, "taxLines": []}

    with pytest.raises(Unavailable):
        read(shapes.order(shippingLines=shapes.page([line])))


@pytest.mark.parametrize(
    "statuses, expected",
    [
        (("SUCCESS",), MoneyStatus.MOVED),
        (("SUCCESS", "SUCCESS"), MoneyStatus.MOVED),
        (("PENDING",), MoneyStatus.PENDING),
        (("AWAITING_RESPONSE",), MoneyStatus.PENDING),
        (("UNKNOWN",), MoneyStatus.PENDING),
        (("A_NEW_STATUS",), MoneyStatus.PENDING),
        (("SUCCESS", "PENDING"), MoneyStatus.PENDING),
        (("SUCCESS", "FAILURE"), MoneyStatus.PENDING),
        (("FAILURE", "ERROR"), MoneyStatus.FAILED),
        ((), MoneyStatus.PENDING),
    ],
)
def test_only_its_transactions_say_whether_the_money_of_a_refund_moved(
    statuses: tuple[str, ...], expected: MoneyStatus
) -> None:
    parts = [shapes.back("10.0", status, str(80 + index)) for index, status in enumerate(statuses)]
    seen = shapes.refund("901", *parts)

    (refund,) = read(shapes.with_refund(seen)).order.refunds

    assert refund.status is expected
    assert refund.return_id == RETURN


def test_a_failed_part_of_a_refund_is_no_money_and_store_credit_is_on_no_payment() -> None:
    parts = (
        shapes.back("10.0", "SUCCESS", "81"),
        shapes.back("5.0", "FAILURE", "82"),
        shapes.back("2.5", "SUCCESS", "83", parent=None),
    )

    (refund,) = read(shapes.with_refund(shapes.refund("901", *parts))).order.refunds

    assert refund.amounts.payments == {CARD: 1000, "store_credit": 250}


def test_a_refund_that_belongs_to_no_return_names_none() -> None:
    (refund,) = read(shapes.order(refunds=[shapes.own_refund("905", **{"return": None})])).order.refunds

    assert refund.return_id == ""


def test_a_return_is_read_with_its_names_lines_refunds_and_words() -> None:
    (found,) = read(shapes.with_refund(shapes.own_refund())).returns

    assert (found.id, found.order, found.status) == (RETURN, ORDER, ChannelStatus.OPEN)
    assert (found.rma, found.tracking) == ("#1001-R1", frozenset({"6A123"}))
    assert found.lines[LAMPS_BACK].order_line == LAMP
    assert (found.lines[LAMPS_BACK].sku, found.lines[LAMPS_BACK].reason) == ("LAMP", "defective")
    assert found.refunds == {"901"}
    assert found.texts == {digest("too dark"): "too dark"}
    assert found.sent_at is None


@pytest.mark.parametrize(
    "shown, expected",
    [
        ("REQUESTED", ChannelStatus.REQUESTED),
        ("OPEN", ChannelStatus.OPEN),
        ("CLOSED", ChannelStatus.CLOSED),
        ("DECLINED", ChannelStatus.DECLINED),
        ("CANCELED", ChannelStatus.CANCELLED),
        ("CANCELLED", ChannelStatus.UNRECOGNISED),
        ("A_NEW_STATUS", ChannelStatus.UNRECOGNISED),
    ],
)
def test_a_status_is_translated_or_kept_as_unrecognised(shown: str, expected: ChannelStatus) -> None:
    (found,) = read(shapes.order(returns=shapes.page([shapes.return_(status=shown)]))).returns

    assert found.status is expected
    is_odd = expected is ChannelStatus.UNRECOGNISED
    assert found.unrecognised == ((f"return_status:{shown}",) if is_odd else ())


def test_values_that_nobody_knows_are_kept_and_crash_nothing() -> None:
    unknown_line = shapes.return_line("23", LAMP, "LAMP", 1) | {"__typename": "UnverifiedReturnLineItem"}
    odd = shapes.order(
        transactions=[shapes.transaction(CARD, "SALE", "1.0"), shapes.transaction("79", "TIP", "1.0")],
        disputes=[{"id": shapes.gid("ShopifyPaymentsDispute", "5"), "status": "NEW"}],
        fulfillments=[shapes.parcel(None, "NEW")],
        returns=shapes.page([shapes.return_(returnLineItems=shapes.page([unknown_line]))]),
    )

    found = read(odd)

    assert set(found.order.unrecognised) == {"transaction_kind:TIP", "dispute_status:NEW", "fulfillment_status:NEW"}
    assert found.returns[0].unrecognised == ("return_line:UnverifiedReturnLineItem",)
    assert found.returns[0].lines["23"].order_line == ""


@pytest.mark.parametrize(
    "status, blocks",
    [
        ("NEEDS_RESPONSE", True),
        ("UNDER_REVIEW", True),
        ("LOST", True),
        ("ACCEPTED", True),
        ("CHARGE_REFUNDED", True),
        ("A_NEW_STATUS", True),
        ("WON", False),
        ("PREVENTED", False),
    ],
)
def test_a_dispute_counts_unless_the_seller_has_the_money(status: str, blocks: bool) -> None:
    dispute = {"id": shapes.gid("ShopifyPaymentsDispute", "5"), "status": status}

    assert read(shapes.order(disputes=[dispute])).order.disputes == (frozenset({"5"}) if blocks else frozenset())


@pytest.mark.parametrize(
    "parcels, expected",
    [
        ([shapes.parcel("2026-11-18T14:00:00Z"), shapes.parcel("2026-11-16T14:00:00Z")], DELIVERED),
        ([shapes.parcel("2026-11-18T15:00:00+01:00")], DELIVERED),
        ([shapes.parcel("2026-11-18T14:00:00Z"), shapes.parcel(None)], None),
        ([shapes.parcel("2026-11-18T14:00:00Z"), shapes.parcel(None, "CANCELLED")], DELIVERED),
        ([shapes.parcel("2026-11-18T14:00:00Z"), shapes.parcel(None, ships=False)], DELIVERED),
        ([], None),
    ],
)
def test_an_order_is_delivered_when_its_last_parcel_is(parcels: list[Json], expected: datetime | None) -> None:
    assert read(shapes.order(fulfillments=parcels)).order.delivered_at == expected


def test_an_order_without_an_address_has_no_country() -> None:
    assert read(shapes.order(shippingAddress=None)).order.country == ""
    assert read(shapes.order()).order.country == "FR"


# Pages


def paged(pages: dict[str | None, Json], order: Json) -> tuple[Road, list[Sent]]:
    """An API whose further pages are named by their cursor."""

    def answer(sent: Sent) -> Reply:
        if shapes.operation(sent) == "Order":
            return shapes.data(order=order)
        owner = sent.json["variables"]["id"]
        field, content = pages[sent.json["variables"].get("after")].copy().popitem()
        return shapes.data(node={"id": owner, field: content}, order={"id": owner, field: content})

    road = Road(answer)
    return road, road.sent


def test_every_list_is_read_to_its_end_also_inside_a_list_of_a_further_page() -> None:
    first = shapes.return_("501", returnLineItems=shapes.page([shapes.return_line("21", LAMP, "LAMP", 1)], "l1"))
    second = shapes.return_("502", returnLineItems=shapes.page([shapes.return_line("31", LAMP, "LAMP", 1)], "l3"))
    pages: dict[str | None, Json] = {
        "l1": {"returnLineItems": shapes.page([shapes.return_line("22", LAMP, "LAMP", 1)], "l2")},
        "l2": {"returnLineItems": shapes.page([shapes.return_line("23", LAMP, "LAMP", 1)])},
        "r1": {"returns": shapes.page([second])},
        "l3": {"returnLineItems": shapes.page([shapes.return_line("32", LAMP, "LAMP", 1)])},
    }
    road, sent = paged(pages, shapes.order(returns=shapes.page([first], "r1")))

    found = shapes.channel(road).read(ACCOUNT, OrderId(ORDER), NOW)

    assert found is not None
    assert [sorted(one.lines) for one in found.returns] == [["21", "22", "23"], ["31", "32"]]
    owners = sorted(one.json["variables"]["id"] for one in sent[1:])
    assert owners == [shapes.gid("Order", ORDER), *[shapes.gid("Return", "501")] * 2, shapes.gid("Return", "502")]


@pytest.mark.parametrize(
    "last",
    [
        {"returns": {"nodes": None, "pageInfo": {"hasNextPage": False, "endCursor": None}}},
        {"returns": {"nodes": [None], "pageInfo": {"hasNextPage": False, "endCursor": None}}},
        {"returns": {"nodes": [], "pageInfo": None}},
        {"returns": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": None}}},
        {"returns": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "r1"}}},
        {"returns": None},
        {"returnLineItems": {}},
    ],
)
def test_a_further_page_that_is_not_whole_makes_the_reading_unreadable(last: Json) -> None:
    road, _ = paged({"r1": last}, shapes.order(returns=shapes.page([shapes.return_()], "r1")))

    with pytest.raises(Unavailable):
        shapes.channel(road).read(ACCOUNT, OrderId(ORDER), NOW)


def test_a_list_that_never_ends_is_unreadable_after_a_bound() -> None:
    def answer(sent: Sent) -> Reply:
        if shapes.operation(sent) == "Order":
            return shapes.data(order=shapes.order(lineItems=shapes.page([], "0")))
        after = str(int(sent.json["variables"]["after"]) + 1)
        return shapes.data(node={"id": shapes.gid("Order", ORDER), "lineItems": shapes.page([], after)})

    road = Road(answer)
    with pytest.raises(Unavailable, match="has no end"):
        shapes.channel(road).read(ACCOUNT, OrderId(ORDER), NOW)
    assert len(road.sent) < 50


def test_a_list_that_shopify_may_have_cut_is_asked_for_again_at_full_length() -> None:
    cut = [shapes.parcel("2026-11-18T14:00:00Z") for _ in range(documents.CUTS["fulfillments"].first)]
    longer = [*cut, shapes.parcel(None)]
    road, sent = paged({None: {"fulfillments": longer}}, shapes.order(fulfillments=cut))

    found = shapes.channel(road).read(ACCOUNT, OrderId(ORDER), NOW)

    assert found is not None
    assert found.order.delivered_at is None
    assert len(sent) == 2


def test_a_list_that_is_cut_even_at_full_length_is_unreadable() -> None:
    cut = [shapes.parcel("2026-11-18T14:00:00Z") for _ in range(documents.LONGEST_LIST)]
    road, _ = paged({None: {"fulfillments": cut}}, shapes.order(fulfillments=cut[:50]))

    with pytest.raises(Unavailable, match="has no end"):
        shapes.channel(road).read(ACCOUNT, OrderId(ORDER), NOW)


# Polls


def test_open_returns_are_listed_page_by_page_without_those_that_ended() -> None:
    def listed(order: str, *returns: tuple[str, str]) -> Json:
        shown = [{"id": shapes.gid("Return", name), "status": status} for name, status in returns]
        return {"id": shapes.gid("Order", order), "returns": shapes.page(shown)}

    pages = [
        {"orders": shapes.page([listed("1", ("5", "OPEN"), ("4", "CLOSED"))], "next")},
        {"orders": shapes.page([listed("2", ("6", "REQUESTED"), ("7", "NEW"))])},
    ]
    road = shapes.desk(OpenReturns=pages)
    shop = shapes.channel(road)

    first = shop.poll(ACCOUNT, "open_returns", "", ())
    second = shop.poll(ACCOUNT, "open_returns", first.cursor, ())

    assert [(row.order, row.returns) for row in (*first.rows, *second.rows)] == [
        ("1", (("5", "open"),)),
        ("2", (("6", "requested"), ("7", "unrecognised"))),
    ]
    assert (first.cursor, second.cursor) == ("next", "")
    assert [sent.json["variables"]["after"] for sent in road.sent] == [None, "next"]


def _refunded(order: str, at: str) -> Json:
    return {"id": shapes.gid("Order", order), "updatedAt": at}


@pytest.mark.proves("F118", "B10")
def test_orders_with_refunds_are_listed_since_the_cursor_and_an_hour_of_it_again_the_next_time() -> None:
    pages = [
        {"orders": shapes.page([_refunded("1", "2026-11-21T10:00:00Z")], "next")},
        {"orders": shapes.page([_refunded("2", "2026-11-21T12:30:00Z")])},
        {"orders": shapes.page([])},
    ]
    road = shapes.desk(RefundedOrders=pages)
    shop = shapes.channel(road)

    first = shop.poll(ACCOUNT, "refunded_orders", "2026-11-21T00:00:00.000Z", ())
    second = shop.poll(ACCOUNT, "refunded_orders", first.cursor, ())
    third = shop.poll(ACCOUNT, "refunded_orders", second.resume, ())

    assert [(row.order, row.changed) for row in (*first.rows, *second.rows)] == [
        ("1", "2026-11-21T10:00:00.000Z"),
        ("2", "2026-11-21T12:30:00.000Z"),
    ]
    assert (second.cursor, second.resume) == ("", "2026-11-21T11:30:00.000Z")
    assert (third.rows, third.resume) == ((), "2026-11-21T11:30:00.000Z"), "a list without news keeps its cursor"
    asked = [sent.json["variables"] for sent in road.sent]
    assert [one["after"] for one in asked] == [None, "next", None]
    assert [one["filter"].rpartition(":>=")[2] for one in asked] == [
        "'2026-11-21T00:00:00Z'", "'2026-11-21T00:00:00Z'", "'2026-11-21T11:30:00Z'",
    ]  # fmt: skip


def test_what_changed_within_the_second_of_the_cursor_is_listed_because_shopifys_times_have_no_fractions() -> None:
    road = shapes.desk(RefundedOrders=[{"orders": shapes.page([])}])

    shapes.channel(road).poll(ACCOUNT, "refunded_orders", "2026-11-21T10:00:00.931Z", ())

    assert road.sent[0].json["variables"]["filter"].endswith("updated_at:>='2026-11-21T10:00:00Z'")


def test_without_a_cursor_the_list_of_refunded_orders_is_read_from_its_start_and_never_back() -> None:
    old = {"orders": shapes.page([_refunded("1", "2026-11-21T00:10:00Z")])}
    road = shapes.desk(RefundedOrders=[old, old])
    shop = shapes.channel(road)

    whole = shop.poll(ACCOUNT, "refunded_orders", "", ())
    late = shop.poll(ACCOUNT, "refunded_orders", "2026-11-21T00:00:00.000Z", ())

    assert "updated_at" not in road.sent[0].json["variables"]["filter"]
    assert whole.resume == "2026-11-20T23:10:00.000Z"
    assert late.resume == "2026-11-21T00:00:00.000Z"


@pytest.mark.parametrize(
    "note, intent",
    [
        ("quittance:6a0e0c0b-7a58-5f6c-8b0a-0d4f2f5f1c11", "6a0e0c0b-7a58-5f6c-8b0a-0d4f2f5f1c11"),
        ("quittance:somebody", ""),
        ("see quittance:6a0e0c0b-7a58-5f6c-8b0a-0d4f2f5f1c11", ""),
        ("", ""),
    ],
)
def test_a_refund_names_the_intent_that_its_note_does(note: str, intent: str) -> None:
    found = read(shapes.with_refund({**shapes.own_refund(), "note": note}))

    assert [refund.intent for refund in found.order.refunds] == [intent]


def test_known_returns_are_asked_fifty_at_a_time_and_one_that_is_not_shown_says_nothing() -> None:
    known = [str(number) for number in range(1, 121)]

    def answer(sent: Sent) -> Reply:
        asked = [gid.rpartition("/")[2] for gid in sent.json["variables"]["ids"]]
        return shapes.data(nodes=[_known(name) if name != "7" else None for name in asked])

    shop = shapes.channel(Road(answer))
    found: list[str] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page = shop.poll(ACCOUNT, "known_returns", cursor, known)
        found += [name for row in page.rows for name, _ in row.returns]
        cursor, pages = page.cursor, pages + 1

    assert sorted(found, key=int) == [name for name in known if name != "7"]
    assert pages == 3


def _known(name: str) -> Json:
    return {"id": shapes.gid("Return", name), "status": "OPEN", "order": {"id": shapes.gid("Order", ORDER)}}


def test_fewer_answers_than_returns_asked_for_are_unreadable() -> None:
    shop = shapes.channel(shapes.desk(KnownReturns={"nodes": [_known("1")]}))

    with pytest.raises(Unavailable):
        shop.poll(ACCOUNT, "known_returns", "", ("1", "2"))


def test_the_order_of_a_return_is_asked_for_and_an_unknown_return_has_none() -> None:
    asked = {"return": {"id": shapes.gid("Return", RETURN), "order": {"id": shapes.gid("Order", ORDER)}}}

    assert shapes.channel(shapes.desk(OrderOfReturn=asked)).order_of(ACCOUNT, RETURN) == ORDER
    assert shapes.channel(shapes.desk(OrderOfReturn={"return": None})).order_of(ACCOUNT, RETURN) is None


def test_readings_carry_the_time_they_were_begun() -> None:
    found = read(shapes.order())

    assert {found.order.as_of, *(one.as_of for one in found.returns)} == {NOW}
    assert replace(found.order, as_of=NOW) == found.order
