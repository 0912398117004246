"""Refunds and returns move money as Shopify does: suggestions, guards, keys, fees, exchanges, currencies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sandbox.shopify import Item, Payment, Shop
from tests.sandbox.shopify.world import PROCESS, REFUND, SHOP, TOKEN, World, open_world

OUTCOME = """
query($id: ID!, $lines: [SuggestedOutcomeReturnLineItemInput!]!, $swaps: [SuggestedOutcomeExchangeLineItemInput!]!) {
  return(id: $id) { suggestedFinancialOutcome(returnLineItems: $lines, exchangeLineItems: $swaps) {
    totalTax { presentmentMoney { amount } } financialTransfer { __typename
      ... on RefundReturnOutcome { amount { presentmentMoney { amount } }
        suggestedTransactions { gateway parentTransaction { id } amountSet { presentmentMoney { amount } } } }
      ... on InvoiceReturnOutcome { amount { presentmentMoney { amount } } } } } } }
"""
SUGGEST = """
query($id: ID!, $lines: [RefundLineItemInput!], $shipping: Boolean) {
  order(id: $id) { suggestedRefund(refundLineItems: $lines, refundShipping: $shipping) {
    amountSet { presentmentMoney { amount currencyCode } shopMoney { amount } }
    maximumRefundableSet { presentmentMoney { amount } }
    suggestedTransactions { gateway kind amountSet { presentmentMoney { amount } } } } } }
"""
IN_PROGRESS = "This request is currently in progress, please try again."


def opened(world: World, order: str, **units: int) -> Any:
    made = world.shopify.buyer_requests_return(order, units)
    world.shopify.admin_approve(made.id)
    return made


def outcome(world: World, made: Any, quantity: int, swaps: list[dict[str, Any]] | None = None) -> Any:
    lines = [{"id": made.lines[0].id, "quantity": quantity}]
    found = world.data(OUTCOME, {"id": made.id, "lines": lines, "swaps": swaps or []})
    return found["suggestedFinancialOutcome"]["financialTransfer"]


def process(world: World, made: Any, quantity: int, amount: str | None, **more: Any) -> Any:
    payment = world.shopify.floor(world.shop).books.paid(made.order)[0].id
    currency = world.shopify.order(made.order).currencies.presentment
    given: dict[str, Any] = {"returnId": made.id, "returnLineItems": [{"id": made.lines[0].id, "quantity": quantity}]}
    if amount is not None:
        money = {"parentId": payment, "transactionAmount": {"amount": amount, "currencyCode": currency}}
        given["financialTransfer"] = {"issueRefund": {"orderTransactions": [money]}}
    return world.data(PROCESS, {"input": given | more})


@pytest.mark.proves("F027")
def test_a_key_answers_with_the_same_refund_for_24_hours(world: World) -> None:
    order = world.delivered_order()
    first = world.refund(order, "10.00", key="decision-1")["refund"]
    world.clock.advance(hours=23, minutes=59)
    again = world.refund(order, "10.00", key="decision-1")["refund"]
    world.clock.advance(minutes=1)
    later = world.refund(order, "10.00", key="decision-1")["refund"]

    assert again["id"] == first["id"]
    assert later["id"] != first["id"]
    assert world.shopify.books()["#1001"].refunded == 2000


def test_a_key_with_other_parameters_is_refused(world: World) -> None:
    order = world.delivered_order()
    world.refund(order, "10.00", key="decision-1")

    answer = world.refund(order, "11.00", key="decision-1")

    assert answer["refund"] is None
    assert "different operation parameters" in answer["userErrors"][0]["message"]
    assert world.shopify.books()["#1001"].refunded == 1000


def test_a_refused_key_may_succeed_later(world: World) -> None:
    order = world.delivered_order()
    assert world.refund(order, "99.00", key="decision-1")["userErrors"]
    assert world.refund(order, "10.00", key="decision-1")["refund"]


@pytest.mark.parametrize("version, required", [("2026-10", True), ("2026-04", True), ("2026-01", False)])
def test_refunds_need_a_key_from_2026_04(world: World, version: str, required: bool) -> None:
    world.version = version
    order = world.delivered_order()
    document = REFUND.replace("@idempotent(key: $key)", "").replace(", $key: String!", "")

    answer = world.ask(document, {"input": {"orderId": order}})

    assert ("errors" in answer) is required
    if required:
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        assert answer["data"] == {"refundCreate": None}


def test_two_equal_amounts_without_lines_are_two_refunds(world: World) -> None:
    """The guards count money and units: they do not recognise a double refund."""
    order = world.delivered_order()
    world.refund(order, "10.00")
    world.refund(order, "10.00")

    assert world.shopify.books()["#1001"].refunded == 2000


def test_the_parents_gateway_wins_and_other_kinds_are_refused(world: World) -> None:
    order = world.delivered_order()
    payment = world.shopify.floor().books.paid(order)[0]
    entry = {"orderId": order, "parentId": payment.id, "gateway": "bogus", "kind": "REFUND", "amount": "1.00"}
    made = world.data(REFUND, {"input": {"orderId": order, "transactions": [entry]}, "key": "a"})["refund"]
    wrong = world.data(
        REFUND, {"input": {"orderId": order, "transactions": [entry | {"kind": "AUTHORIZATION"}]}, "key": "b"}
    )
    orphan = world.data(REFUND, {"input": {"orderId": order, "transactions": [entry | {"parentId": None}]}, "key": "c"})

    assert world.shopify.floor().books.refund_transactions(made["id"])[0].gateway == "shopify_payments"
    assert wrong["userErrors"] == [{"field": None, "message": "Kind authorization is not a valid transaction"}]
    assert orphan["userErrors"][0]["field"] == ["transactions"]
    assert orphan["userErrors"][0]["message"] == "Transactions require a parent_id associated with the order"


def test_money_can_stay_pending_and_then_fail(world: World) -> None:
    order = world.delivered_order()
    world.shopify.faults.settle_next("FAILURE", after_seconds=300)
    made = world.refund(order, "60.00")["refund"]
    over = world.refund(order, "1.00")
    world.clock.advance(seconds=300)
    later = world.data(
        "query($id: ID!) { refund(id: $id) { transactions(first: 5) { nodes { status errorCode } } } }", made
    )

    assert made["transactions"]["nodes"][0]["status"] == "PENDING"
    assert over["userErrors"], "money on its way cannot be sent twice"
    assert later["transactions"]["nodes"] == [{"status": "FAILURE", "errorCode": "GENERIC_ERROR"}]
    assert world.refund(order, "60.00")["refund"]
    assert world.shopify.books()["#1001"].refunded == 6000


@pytest.mark.proves("B10")
def test_a_return_refunds_its_share_of_discounts_and_tax(world: World) -> None:
    order = world.delivered_order(Item("CANDLE", "20.00", 3), Item("LAMP", "99.90"), shipping="5.00", discount="10.00")
    made = opened(world, order, CANDLE=3)
    amounts = []
    for _ in range(3):
        transfer = outcome(world, made, 1)
        amounts.append(transfer["amount"]["presentmentMoney"]["amount"])
        process(world, made, 1, amounts[-1])

    assert amounts == ["18.75", "18.75", "18.75"]
    assert world.shopify.books()["#1001"].refunded == 5625
    assert world.shopify.return_(made.id).status == "OPEN"


def test_shares_of_an_uneven_line_add_up_to_the_line(world: World) -> None:
    order = world.delivered_order(Item("TRIO", "10.00", 3, discount="0.01"), taxes_included=False)
    total = world.shopify.order(order).original_total
    made = opened(world, order, TRIO=3)
    for _ in range(3):
        transfer = outcome(world, made, 1)
        process(world, made, 1, transfer["amount"]["presentmentMoney"]["amount"])

    assert world.shopify.books()["#1001"].refunded == total


@pytest.mark.proves("B2")
def test_processing_twice_is_refused_by_the_lines_own_quantity(world: World) -> None:
    made = opened(world, world.delivered_order(), CANDLE=1)
    first = process(world, made, 1, "20.00")
    second = process(world, made, 1, "20.00")

    assert first["return"]["returnLineItems"]["nodes"][0]["processableQuantity"] == 0
    assert second["return"] is None
    assert second["userErrors"][0]["field"] == ["input", "returnLineItems", "0", "quantity"]
    assert world.shopify.books()["#1001"].refunded == 2000


def test_processing_knows_no_key_and_pays_partial_quantities_twice(world: World) -> None:
    made = opened(world, world.delivered_order(), CANDLE=2)
    process(world, made, 1, "20.00")
    process(world, made, 1, "20.00")

    assert world.shopify.books()["#1001"].refunded == 4000


def test_a_note_given_to_processing_does_not_reach_the_refund(world: World) -> None:
    made = opened(world, world.delivered_order(), CANDLE=1)
    answer = process(world, made, 1, "20.00", note="case 42")

    assert answer["return"]["refunds"]["nodes"][0]["note"] is None
    assert world.shopify.return_(made.id).process_note == "case 42"


def test_processing_without_a_transfer_moves_no_money(world: World) -> None:
    made = opened(world, world.delivered_order(), CANDLE=1)
    answer = process(world, made, 1, None)

    assert answer["return"]["refunds"]["nodes"] == []
    assert world.shopify.books()["#1001"].refunded == 0


def test_after_a_foreign_refund_the_suggestion_is_nothing_but_processing_could_still_pay(world: World) -> None:
    order = world.delivered_order(Item("CANDLE", "20.00"), Item("LAMP", "50.00"))
    made = opened(world, order, CANDLE=1)
    world.shopify.admin_refund(order, {"CANDLE": 1})

    assert outcome(world, made, 1) is None
    assert process(world, made, 1, "20.00")["userErrors"] == []
    summary = world.shopify.books()["#1001"]
    assert (summary.refunded, summary.lines["CANDLE"].refunded) == (4000, 1)


def test_gift_cards_are_paid_back_last(world: World) -> None:
    order = world.delivered_order(payments=[Payment("gift_card", "50.00"), Payment()])
    line = world.shopify.order(order).lines[0].id
    found = world.data(SUGGEST, {"id": order, "lines": [{"lineItemId": line, "quantity": 2}]})["suggestedRefund"]

    parts = [
        (part["gateway"], part["amountSet"]["presentmentMoney"]["amount"]) for part in found["suggestedTransactions"]
    ]
    assert parts == [("shopify_payments", "10.0"), ("gift_card", "30.0")]
    assert found["maximumRefundableSet"]["presentmentMoney"]["amount"] == "60.0"


@pytest.mark.parametrize("currency, price, shown", [("JPY", "1200", "1200.0"), ("KWD", "1.234", "1.234")])
def test_currencies_keep_their_digits(world: World, currency: str, price: str, shown: str) -> None:
    order = world.delivered_order(Item("CANDLE", price), currency=currency, rate="0.5")
    line = world.shopify.order(order).lines[0].id
    found = world.data(SUGGEST, {"id": order, "lines": [{"lineItemId": line, "quantity": 1}]})["suggestedRefund"]

    assert found["amountSet"]["presentmentMoney"] == {"amount": shown, "currencyCode": currency}
    assert world.refund(order, price)["userErrors"][0]["field"] == ["currency"]
    assert world.refund(order, price, currency=currency)["refund"]


def test_the_shops_amount_follows_the_orders_rate(world: World) -> None:
    order = world.delivered_order(Item("CANDLE", "1000"), currency="JPY", rate="0.006")
    line = world.shopify.order(order).lines[0].id
    found = world.data(SUGGEST, {"id": order, "lines": [{"lineItemId": line, "quantity": 1}]})["suggestedRefund"]

    assert found["amountSet"]["shopMoney"]["amount"] == "6.0"


def test_fees_are_netted_and_an_exchange_can_turn_into_an_invoice(world: World) -> None:
    order = world.delivered_order(Item("CANDLE", "20.00", 2), Item("LAMP", "50.00"))
    books = world.shopify.floor().books
    parcel = books.fulfillments_of(order)[0]
    lamp = next(variant.id for variant in books.variants.values() if variant.sku == "LAMP")
    create = (
        "mutation($given: ReturnInput!) { returnCreate(returnInput: $given) { return { id } userErrors { message } } }"
    )
    entry = {
        "fulfillmentLineItemId": parcel.lines[0].id,
        "quantity": 1,
        "returnReason": "UNWANTED",
        "restockingFee": {"percentage": 10},
    }
    fee = {"amount": {"amount": "3.50", "currencyCode": "EUR"}}
    plain = world.data(create, {"given": {"orderId": order, "returnLineItems": [entry], "returnShippingFee": fee}})
    swap = {"variantId": lamp, "quantity": 1}
    swapped = world.data(create, {"given": {"orderId": order, "returnLineItems": [entry], "exchangeLineItems": [swap]}})

    refund = outcome(world, world.shopify.return_(plain["return"]["id"]), 1)
    exchange = world.shopify.return_(swapped["return"]["id"])
    invoice = outcome(world, exchange, 1, [{"id": exchange.exchanges[0].id, "quantity": 1}])

    assert refund["amount"]["presentmentMoney"]["amount"] == "14.5"
    assert (invoice["__typename"], invoice["amount"]["presentmentMoney"]["amount"]) == ("InvoiceReturnOutcome", "32.0")


def test_store_credit_needs_a_customer_and_leaves_the_payments_alone(world: World) -> None:
    credit = {"refundMethods": [{"storeCreditRefund": {"amount": {"amount": "20.00", "currencyCode": "EUR"}}}]}
    guest = world.delivered_order(guest=True)
    order = world.delivered_order()
    refused = world.data(REFUND, {"input": {"orderId": guest} | credit, "key": "a"})
    made = world.data(REFUND, {"input": {"orderId": order} | credit, "key": "b"})

    assert refused["userErrors"][0]["field"] == ["refundMethods"]
    assert made["refund"]["transactions"]["nodes"][0]["status"] == "SUCCESS"
    assert world.shopify.books()["#1002"].payments[0].refunded == 0
    assert [item.amount for item in world.shopify.floor().books.credits] == [2000]


def test_a_cancellation_is_done_by_a_job_and_fails_when_the_parcel_has_left() -> None:
    cancel = (
        "mutation($id: ID!) { orderCancel(orderId: $id, reason: CUSTOMER, restock: true,"
        " refundMethod: {originalPaymentMethodsRefund: true}) { job { id done } jobResult { status }"
        " orderCancelUserErrors { code } } }"
    )
    read = "query($id: ID!) { order(id: $id) { cancelledAt displayFinancialStatus } }"
    with open_world(Shop(SHOP, access_token=TOKEN, cancel_after=timedelta(seconds=30))) as world:
        order = world.shopify.place_order([Item("CANDLE", "20.00")], shipping="5.00").id
        shipped = world.delivered_order()
        queued = [world.data(cancel, {"id": gid}) for gid in (order, shipped)]
        assert [item["job"]["done"] for item in queued] == [False, False]
        assert world.data(read, {"id": order})["cancelledAt"] is None

        world.clock.advance(seconds=30)
        results = [world.data(read, {"id": gid}) for gid in (order, shipped)]

        assert results[0]["cancelledAt"] is not None
        assert results[0]["displayFinancialStatus"] == "REFUNDED"
        assert results[1]["cancelledAt"] is None
        assert world.shopify.books()["#1001"].refunded == 2500


def test_the_orders_time_stands_still_for_requests_and_decisions(world: World) -> None:
    order = world.delivered_order()
    before = world.shopify.order(order).updated_at
    world.clock.advance(hours=1)
    made = opened(world, order, CANDLE=1)
    world.shopify.admin_close(made.id)
    assert world.shopify.order(order).updated_at == before

    world.shopify.admin_reopen(made.id)
    world.shopify.admin_processes_return(made.id)
    assert world.shopify.order(order).updated_at == world.clock.now


def test_a_card_refund_after_store_credit_needs_leave_to_exceed_what_was_paid(world: World) -> None:
    order = world.delivered_order()
    credit = {"storeCreditRefund": {"amount": {"amount": "20.00", "currencyCode": "EUR"}}}
    world.data(REFUND, {"input": {"orderId": order, "refundMethods": [credit]}, "key": "credit"})

    refused = world.refund(order, "60.00")
    allowed = world.refund(order, "60.00", allowOverRefunding=True)
    beyond = world.refund(order, "0.01", allowOverRefunding=True)

    assert refused["userErrors"] == [
        {"field": None, "message": "Refund amount €60.00 is greater than net payment received €40.00"}
    ]
    assert allowed["refund"]
    assert beyond["userErrors"], "one payment never gives back more than it brought"


def test_units_asked_for_in_one_return_cannot_be_asked_for_in_another(world: World) -> None:
    order = world.delivered_order(Item("CANDLE", "20.00", 2))
    parcel_line = world.shopify.floor().books.fulfillments_of(order)[0].lines[0].id
    request = (
        "mutation($i: ReturnRequestInput!) { returnRequest(input: $i) { return { id } userErrors { code field } } }"
    )
    line = {"fulfillmentLineItemId": parcel_line, "quantity": 2, "returnReason": "UNWANTED"}
    first = world.data(request, {"i": {"orderId": order, "returnLineItems": [line]}})
    second = world.data(request, {"i": {"orderId": order, "returnLineItems": [line | {"quantity": 1}]}})
    world.shopify.admin_decline(first["return"]["id"])
    third = world.data(request, {"i": {"orderId": order, "returnLineItems": [line]}})

    assert second["userErrors"] == [{"code": "INVALID", "field": ["input", "returnLineItems", "0", "quantity"]}]
    assert third["return"] is not None
