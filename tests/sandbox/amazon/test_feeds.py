"""Feeds: what a refund costs whom, the traps of the format, the queue, and what cancels an order."""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests

from sandbox.amazon import Item, Seller
from sandbox.amazon.faults import FeedFault
from sandbox.amazon.flat_file import ADJUSTMENT_COLUMNS
from tests.sandbox.amazon.world import (
    ACKNOWLEDGEMENT,
    ADJUSTMENT,
    FR,
    TSV,
    World,
    acknowledgement,
    open_world,
    read_result,
    refund,
)

FLAT = "POST_FLAT_FILE_PAYMENT_ADJUSTMENT_DATA"
FEEDS = "/feeds/2021-06-30/feeds"


# Money


def test_the_same_refund_sent_twice_is_paid_twice(world: World) -> None:
    order = world.shipped_order()
    document = world.upload(world.adjustment(refund(world, order)))
    first = world.create_feed(document)
    second = world.create_feed(document)
    world.wait(minutes=10)

    assert first != second
    assert world.refunded(order) == 1000


def test_amounts_are_line_totals_whatever_the_quantity_says(world: World) -> None:
    order = world.shipped_order()
    world.process(world.adjustment(refund(world, order, "40.00", quantity=2)))

    assert world.refunded(order) == 4000


def test_without_the_cap_the_books_show_what_was_asked_for(world: World) -> None:
    order = world.shipped_order()
    for _ in range(2):
        world.process(world.adjustment(refund(world, order, "60.00")))

    assert world.amazon.money()[order].kept == -6000


def test_with_the_cap_amazon_refuses_what_goes_beyond_the_order() -> None:
    with open_world(Seller(caps_refunds=True)) as world:
        order = world.shipped_order()
        world.process(world.adjustment(refund(world, order, "50.00")))
        _, result = world.process(world.adjustment(refund(world, order, "10.01")))

        assert [code for _, code in read_result(result).rows] == [13_017]
        assert world.refunded(order) == 5000


def test_a_restocking_fee_is_taken_off(world: World) -> None:
    order = world.shipped_order()
    parts = [("Principal", "20.00"), ("RestockingFee", "-4.00")]
    world.process(world.adjustment(refund(world, order) | {"components": parts}))

    assert world.refunded(order) == 1600


@pytest.mark.parametrize(
    "parts",
    [
        [("RestockingFee", "4.00"), ("Principal", "20.00")],
        [("Principal", "1.00"), ("RestockingFee", "-4.00")],
        [("Tax", "1.00")],
        [("Shipping", "4.90")],
    ],
    ids=["a fee that credits", "a net that charges", "tax that was not charged", "shipping that was not charged"],
)
def test_components_that_do_not_fit_are_refused(world: World, parts: list[tuple[str, str]]) -> None:
    order = world.shipped_order()
    _, result = world.process(world.adjustment(refund(world, order) | {"components": parts}))

    assert [code for _, code in read_result(result).rows] == [13_016]
    assert world.refunded(order) == 0


def test_lines_that_cannot_be_done_are_named_and_the_rest_is_done(world: World) -> None:
    order, waiting = world.shipped_order(), world.amazon.buyers.place_order(Item("CANDLE", "20.00")).id
    fba = world.shipped_order(by_amazon=True)
    lines = (
        refund(world, order),
        refund(world, waiting),
        refund(world, fba),
        refund(world, order) | {"order": "405-0000000-0000000"},
        refund(world, order) | {"item": "00000000000000"},
        refund(world, order, currency="USD"),
        refund(world, order, quantity=4),
    )
    feed, result = world.process(world.adjustment(*lines))
    verdict = read_result(result)

    assert feed["processingStatus"] == "DONE"
    assert (verdict.processed, verdict.successful) == (7, 1)
    assert verdict.rows == (
        (2, 13_015),
        (3, 13_015),
        (4, 13_013),
        (5, 13_014),
        (6, 13_016),
        (7, 13_018),
    )
    assert (world.refunded(order), world.refunded(fba)) == (500, 0)


def test_one_feed_carries_orders_of_several_marketplaces(world: World) -> None:
    french = world.shipped_order()
    german = world.shipped_order(country="DE")
    both = world.adjustment(refund(world, french), refund(world, german))
    places = [one.id for one in world.seller.marketplaces]
    world.process(both, marketplaceIds=places)
    _, result = world.process(both)

    assert (world.refunded(french), world.refunded(german)) == (1000, 500)
    assert read_result(result).rows == ((2, 13_013),)


def test_the_flat_file_refunds_too_and_reports_as_text(world: World) -> None:
    order = world.shipped_order(Item("CANDLE", "20.00", 3, shipping="4.90", discount="3.00"))
    columns = (
        "order-id\torder-item-id\tadjustment-reason-code\tcurrency\titem-price-adj\titem-tax-adj\tshipping-price-adj"
        "\tshipping-tax-adj\tgift-wrap-price-adj\tgift-wrap-tax-adj\titem-promotion-adj\titem-promotion-id"
        "\tship-promotion-adj\tship-promotion-id\tquantity-cancelled"
    )
    good = f"{order}\t{world.item_of(order)}\tCustomerReturn\tEUR\t60.00\t\t4.90\t\t\t\t-3.00\tP\t\t\t"
    bad = good.replace("CustomerReturn", "Nonsense")
    _, result = world.process(f"{columns}\n{good}\n{bad}".encode(), kind=FLAT, content_type=TSV)
    text = result.decode("cp1252")

    assert world.refunded(order) == 6190
    assert "Number of records processed\t\t2" in text
    assert "Number of records successful\t\t1" in text
    assert text.splitlines()[-1].split("\t")[0] == "2"


# Form


@pytest.mark.parametrize(
    "change",
    [
        ("<Component>", ""),
        ("<ItemPriceAdjustments>", "<Quantity>1</Quantity><ItemPriceAdjustments>"),
        ("CustomerReturn", "Unhappy"),
        ("<ActionType>Refund</ActionType>", ""),
        ("5.00", "5,00"),
        ("<AmazonEnvelope>", "<!DOCTYPE x [<!ENTITY a 'b'>]><AmazonEnvelope>"),
        ("A3TH9S8BH6GOGM", "A1OTHERSELLER0"),
        ("<MessageID>1<", "<MessageID>0<"),
    ],
    ids=["unwrapped", "out of order", "reason", "action left out", "comma", "doctype", "merchant", "message id"],
)
def test_a_document_out_of_form_is_fatal_as_a_whole(world: World, change: tuple[str, str]) -> None:
    order = world.shipped_order()
    content = world.adjustment(refund(world, order), refund(world, order)).decode().replace(*change, 1)
    if change[0] == "<Component>":
        content = content.replace("</Component>", "", 1)
    feed, result = world.process(content.encode())
    verdict = read_result(result)

    if change[0].startswith("<ActionType>"):  # the schema lets it be left out
        assert (feed["processingStatus"], world.refunded(order)) == ("DONE", 1000)
    else:
        assert (feed["processingStatus"], verdict.status, verdict.rows) == ("FATAL", "Rejected", ((0, 5000),))
        assert world.refunded(order) == 0


def test_a_document_in_another_encoding_than_it_says_is_fatal(world: World) -> None:
    order = world.shipped_order()
    content = world.adjustment(refund(world, order)).decode().replace("intent-1", "intent-é")
    wrong, _ = world.process(content.encode("iso-8859-1"))
    right, _ = world.process(content.encode())

    assert (wrong["processingStatus"], right["processingStatus"]) == ("FATAL", "DONE")
    assert world.refunded(order) == 500


def test_message_ids_must_differ(world: World) -> None:
    order = world.shipped_order()
    content = world.adjustment(refund(world, order), refund(world, order))
    feed, _ = world.process(content.replace(b"<MessageID>2<", b"<MessageID>1<"))

    assert (feed["processingStatus"], world.refunded(order)) == ("FATAL", 0)


def test_the_upload_must_carry_the_content_type_that_was_signed(world: World) -> None:
    made = world.ask("POST", "/feeds/2021-06-30/documents", body={"contentType": "text/xml; charset=UTF-8"})
    wrong = requests.put(made["url"], data=b"<a/>", headers={"Content-Type": "text/xml"}, timeout=5)

    assert (wrong.status_code, "SignatureDoesNotMatch" in wrong.text) == (403, True)
    body = {"feedType": ADJUSTMENT, "marketplaceIds": [FR], "inputFeedDocumentId": made["feedDocumentId"]}
    assert world.refusal("POST", FEEDS, body=body) == (400, "InvalidInput")


def test_links_die_after_five_minutes_and_results_after_28_days(world: World) -> None:
    feed, _ = world.process(world.adjustment(refund(world, world.shipped_order())))
    path = f"/feeds/2021-06-30/documents/{feed['resultFeedDocumentId']}"
    url = world.ask("GET", path)["url"]
    world.wait(minutes=4, seconds=59)
    assert requests.get(url, timeout=5).status_code == 200
    world.wait(seconds=2)
    assert requests.get(url, timeout=5).status_code == 403
    assert requests.get(url.replace("Signature=", "Signature=0"), timeout=5).status_code == 403
    world.wait(days=28)

    assert world.refusal("GET", path) == (404, "NotFound")


def test_stray_keys_in_a_request_are_refused(world: World) -> None:
    body = {"contentType": "text/xml", "marketplaceIds": [FR]}

    assert world.refusal("POST", "/feeds/2021-06-30/documents", body=body) == (400, "InvalidInput")


def test_a_marketplace_of_somebody_else_is_refused(world: World) -> None:
    document = world.upload(b"<a/>")
    body = {"feedType": ADJUSTMENT, "marketplaceIds": ["ATVPDKIKX0DER"], "inputFeedDocumentId": document}

    assert world.refusal("POST", FEEDS, body=body) == (403, "Unauthorized")


# The queue


def test_feeds_of_a_type_run_one_after_the_other_and_only_waiting_ones_can_be_cancelled(world: World) -> None:
    order = world.shipped_order()
    first = world.submit(world.adjustment(refund(world, order)))
    second = world.submit(world.adjustment(refund(world, order)))
    world.wait(minutes=2)
    assert (world.feed(first)["processingStatus"], world.feed(second)["processingStatus"]) == (
        "IN_PROGRESS",
        "IN_QUEUE",
    )
    assert world.refusal("DELETE", f"{FEEDS}/{first}") == (400, "InvalidInput")
    world.ask("DELETE", f"{FEEDS}/{second}")
    world.wait(minutes=10)

    assert (world.feed(first)["processingStatus"], world.feed(second)["processingStatus"]) == ("DONE", "CANCELLED")
    assert world.refunded(order) == 500


def test_a_feed_of_one_type_does_not_wait_for_another_type(world: World) -> None:
    world.amazon.faults.feed(FeedFault(stuck=True), ADJUSTMENT)
    order = world.shipped_order()
    open_order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
    stuck = world.submit(world.adjustment(refund(world, order)))
    cancels = acknowledgement(world.seller.id, open_order.id, {world.item_of(open_order.id): "NoInventory"})
    feed, _ = world.process(cancels, kind=ACKNOWLEDGEMENT)
    world.wait(days=1)

    assert feed["processingStatus"] == "DONE"
    assert (world.feed(stuck)["processingStatus"], world.refunded(order)) == ("IN_PROGRESS", 0)
    world.amazon.release_feed(stuck)
    assert (world.feed(stuck)["processingStatus"], world.refunded(order)) == ("DONE", 500)


def test_getfeeds_filters_and_pages_and_never_names_the_document(world: World) -> None:
    order = world.shipped_order()
    made = [world.submit(world.adjustment(refund(world, order))) for _ in range(3)]
    world.clock.advance(seconds=1)
    found, token, query = [], None, {"feedTypes": ADJUSTMENT, "pageSize": 2}
    for _ in range(2):
        answer = world.ask("GET", FEEDS, query={"nextToken": token} if token else query)
        found += answer["feeds"]
        token = answer.get("nextToken")

    assert sorted(one["feedId"] for one in found) == sorted(made)
    assert token is None
    assert not any("inputFeedDocumentId" in one for one in found)
    world.clock.advance(minutes=2)
    done = {"feedTypes": ADJUSTMENT, "processingStatuses": "DONE", "createdSince": "2026-11-21T00:00:00Z"}
    assert world.ask("GET", FEEDS, query=done)["feeds"] == []


def test_a_thousand_refunds_are_one_document_and_one_feed(world: World) -> None:
    order = world.shipped_order(Item("CANDLE", "20.00", 1))
    feed, result = world.process(world.adjustment(*(refund(world, order, "0.01") for _ in range(1000))))

    assert feed["processingStatus"] == "DONE"
    assert (read_result(result).processed, world.refunded(order)) == (1000, 1000)


# What is refused at the door


def test_settings_can_be_changed_for_one_world() -> None:
    seller = replace(Seller(), rates={"createFeed": (0.0, 1)})
    with open_world(seller) as world:
        document = world.upload(world.adjustment(refund(world, world.shipped_order())))
        world.create_feed(document)
        body = {"feedType": ADJUSTMENT, "marketplaceIds": [FR], "inputFeedDocumentId": document}

        assert world.refusal("POST", FEEDS, body=body) == (429, "QuotaExceeded")


@pytest.mark.parametrize(
    "row, code",
    [
        ("5.001\t\t\t\t\t\t\t\t\t\t", 5000),
        ("\t\t\t\t\t\t\t\t\t\ttwo", 13_018),
        ("\t\t\t\t\t\t\t\t\t\t", 13_016),
    ],
    ids=["three digits", "not a count", "nothing at all"],
)
def test_records_that_say_nothing_sensible_are_named(world: World, row: str, code: int) -> None:
    order = world.shipped_order()
    line = f"{order}\t{world.item_of(order)}\tCustomerReturn\tEUR\t{row}"
    content = "\t".join(ADJUSTMENT_COLUMNS) + "\n" + line
    _, result = world.process(content.encode(), kind=FLAT, content_type=TSV)

    assert result.decode().splitlines()[-1].split("\t")[3] == str(code)
    assert world.refunded(order) == 0


def test_a_feed_of_an_unknown_type_and_a_wrong_page_are_refused(world: World) -> None:
    document = world.upload(b"<a/>")
    body = {"feedType": "POST_NOTHING", "marketplaceIds": [FR], "inputFeedDocumentId": document}

    assert world.refusal("POST", FEEDS, body=body) == (400, "InvalidInput")
    for query in ({"nextToken": "a", "pageSize": 5}, {"nextToken": "a", "feedTypes": FLAT}, {"nextToken": "a"}):
        assert world.refusal("GET", FEEDS, query=query) == (400, "InvalidInput")
    reports = "/reports/2021-06-30/reports"
    for query in ({"nextToken": "a", "pageSize": 5}, {}):
        assert world.refusal("GET", reports, query=query) == (400, "InvalidInput")


def test_a_feed_is_forgotten_after_ninety_days(world: World) -> None:
    feed, _ = world.process(world.adjustment(refund(world, world.shipped_order())))
    world.wait(days=91)

    assert world.refusal("GET", f"{FEEDS}/{feed['feedId']}") == (404, "NotFound")
