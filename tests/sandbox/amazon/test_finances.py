"""Finances: money shows with its lag, deferred money is kept back, and the kinds of events are told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sandbox.amazon import Item, Lags, Seller
from tests.sandbox.amazon.world import Json, World, open_world

TRANSACTIONS = "/finances/2024-06-19/transactions"
SINCE = {"postedAfter": "2026-11-01T00:00:00Z"}


def transactions(world: World, **query: str) -> list[Json]:
    found: list[Json] = world.ask("GET", TRANSACTIONS, query=query or SINCE)["payload"]["transactions"]
    return found


def events(world: World, order: str) -> Json:
    found: Json = world.ask("GET", f"/finances/v0/orders/{order}/financialEvents")["payload"]["FinancialEvents"]
    return {name: rows for name, rows in found.items() if rows}


def test_a_refund_shows_hours_after_it_was_given_and_counts_from_then(world: World) -> None:
    order = world.shipped_order()
    world.amazon.staff.refund(order, "CANDLE", "5.00")
    world.wait(hours=2, minutes=59)
    assert (transactions(world), events(world, order)) == ([], {})
    world.wait(minutes=2)

    found = transactions(world)
    assert [(one["transactionType"], one["description"]) for one in found] == [
        ("Shipment", "Order Payment"),
        ("Refund", "Refund Order"),
    ]
    assert {one["postedDate"] for one in found} == {"2026-11-21T10:00:00Z"}
    assert found[1]["totalAmount"] == {"currencyAmount": -5.0, "currencyCode": "EUR"}
    assert found[1]["items"][0]["contexts"][0]["sku"] == "CANDLE"
    refund = events(world, order)["RefundEventList"][0]
    assert refund["ShipmentItemAdjustmentList"][0]["ItemChargeAdjustmentList"] == [
        {"ChargeType": "Principal", "ChargeAmount": {"CurrencyCode": "EUR", "CurrencyAmount": -5.0}}
    ]


def test_deferred_money_is_marked_in_one_api_and_missing_in_the_other() -> None:
    lags = replace(Lags(), finances=timedelta(0), deferred=timedelta(days=7))
    with open_world(replace(Seller(), lags=lags)) as world:
        order = world.shipped_order()
        world.wait(hours=1)
        assert [one["transactionStatus"] for one in transactions(world)] == ["DEFERRED"]
        assert events(world, order) == {}
        world.wait(days=7)
        assert [one["transactionStatus"] for one in transactions(world)] == ["DEFERRED_RELEASED"]
        assert transactions(world, **SINCE, transactionStatus="DEFERRED") == []
        assert list(events(world, order)) == ["ShipmentEventList"]


def test_claims_and_chargebacks_stand_in_lists_of_their_own(world: World) -> None:
    order = world.shipped_order(Item("CANDLE", "20.00", 3), Item("SOAP", "7.50", discount="0.50"))
    claim = world.amazon.buyers.open_claim(order, "30.00")
    world.amazon.amazon.decide_claim(claim.id, granted=True)
    world.amazon.amazon.charge_back(order, "10.00")
    world.wait(hours=4)
    found = events(world, order)

    assert set(found) == {"ShipmentEventList", "GuaranteeClaimEventList", "ChargebackEventList"}
    money = world.amazon.money()[order]
    assert (money.charged, money.refunded, money.claimed, money.kept) == (6700, 0, 4000, 2700)


def test_a_safe_t_reimbursement_pays_the_seller_and_leaves_the_buyers_refund(world: World) -> None:
    order = world.shipped_order()
    rma = world.amazon.buyers.request_return(order, {"CANDLE": 1}, first_scan=True)[0].rma
    world.amazon.carriers.scan_return(rma)
    claim = world.amazon.staff.file_safe_t(rma, "12.00")
    world.amazon.amazon.pay_safe_t(rma)
    world.wait(hours=4)
    told = events(world, order)["SAFETReimbursementEventList"][0]

    assert (told["SAFETClaimId"], told["ReimbursedAmount"]["CurrencyAmount"]) == (claim, 12.0)
    assert world.amazon.money()[order].kept == 4000
    with pytest.raises(ValueError, match="no SAFE-T claim is open"):
        world.amazon.amazon.pay_safe_t(rma)


def test_giving_all_back_twice_gives_it_once(world: World) -> None:
    order = world.shipped_order(Item("CANDLE", "20.00", 3, shipping="4.90"), Item("SOAP", "7.50", discount="0.50"))
    world.amazon.staff.refund(order, "CANDLE", "12.34")
    world.amazon.staff.refund(order)

    assert world.amazon.money()[order].kept == 0
    assert world.amazon.books().left_of(order, world.item_of(order)) == ()
    with pytest.raises(ValueError, match="nothing is left"):
        world.amazon.staff.refund(order)


def test_windows_are_checked_and_too_wide_ones_are_empty(world: World) -> None:
    world.shipped_order()
    world.wait(days=1)
    now = world.clock().isoformat()
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"postedAfter": now},
        {"postedAfter": "2026-11-02T00:00:00Z", "postedBefore": "2026-11-01T00:00:00Z"},
        {"relatedIdentifierName": "ORDER_ID"},
        {"relatedIdentifierName": "REFUND_ID", "relatedIdentifierValue": "1"},
    )

    assert [world.refusal("GET", TRANSACTIONS, query=query) for query in wrong] == [(400, "InvalidInput")] * 5
    assert transactions(world, postedAfter="2026-05-01T00:00:00Z") == []
    assert len(transactions(world)) == 1
    assert transactions(world, **SINCE, marketplaceId="A1PA6795UKMFR9") == []


def test_events_are_paged_and_a_made_up_token_is_refused(world: World) -> None:
    for _ in range(3):
        world.shipped_order()
    world.wait(hours=4)
    path, query = "/finances/v0/financialEvents", {"PostedAfter": "2026-11-01T00:00:00Z", "MaxResultsPerPage": 2}
    first = world.ask("GET", path, query=query)["payload"]
    second = world.ask("GET", path, query=query | {"NextToken": first["NextToken"]})["payload"]
    counts = [len(page["FinancialEvents"]["ShipmentEventList"]) for page in (first, second)]

    assert (counts, "NextToken" in second) == ([2, 1], False)
    assert world.refusal("GET", path, query=query | {"NextToken": "made up"}) == (400, "InvalidInput")
