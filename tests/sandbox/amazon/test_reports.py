"""Reports: rows from the books in the seller's own style, windows, CANCELLED and what it hides, schedules."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sandbox.amazon import Item, Lags, ReportStyle, Seller
from sandbox.amazon.faults import ReportFault
from sandbox.amazon.shipping import cancel_units
from tests.sandbox.amazon.world import FR, RETURNS, World, open_world

BASE = "/reports/2021-06-30"


def returned(world: World, **asked: Any) -> str:
    order = world.shipped_order(Item("CANDLE", "25.99", 3, title="Bougie d\u2019été"))
    world.amazon.buyers.request_return(order, {"CANDLE": 1}, **asked)
    world.wait(minutes=1)
    return order


def rows(content: bytes, encoding: str = "utf-8-sig") -> list[dict[str, str]]:
    lines = content.decode(encoding).splitlines()
    header = lines[0].split("\t")
    return [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:]]


def test_a_row_follows_the_return_to_its_end(world: World) -> None:
    order = returned(world, in_policy=False, comment="zu klein", payer="Seller", label_cost=595)
    rma = world.amazon.books().returns_of(order)[0].rma
    first = rows(world.read_report(world.report()))[0]
    world.amazon.staff.authorise_return(rma, "RMA-77")
    world.amazon.carriers.scan_return(rma)
    world.wait(days=1)
    world.amazon.carriers.deliver_return(rma)
    world.amazon.buyers.open_claim(order, "25.99")
    world.wait(days=5)
    last = rows(world.read_report(world.report(days=30)))[0]

    assert (first["Return request status"], first["In policy"], first["Tracking ID"]) == ("Pending", "N", "")
    assert (last["Return request status"], last["Merchant RMA ID"]) == ("Approved", "RMA-77")
    assert (last["Label cost"], last["Label to be paid by"], last["A-to-Z Claim"]) == ("5.95", "Seller", "Y")
    assert (last["Return delivery date"], last["Refunded Amount"]) == ("22-Nov-2026", "")


def test_amazon_refunds_when_the_seller_is_too_slow_and_once_only(world: World) -> None:
    slow, quick = returned(world), returned(world)
    for order in (slow, quick):
        world.amazon.carriers.deliver_return(world.amazon.books().returns_of(order)[0].rma)
    refund = {"order": quick, "item": world.item_of(quick), "components": [("Principal", "25.99")]}
    world.process(world.adjustment(refund))
    world.wait(days=5)

    assert (world.refunded(slow), world.refunded(quick)) == (2599, 2599)
    found = {one["Order ID"]: one for one in rows(world.read_report(world.report(days=30)))}
    assert [found[one]["Resolution"] for one in (slow, quick)] == ["StandardRefund"] * 2
    assert [found[one]["Refunded Amount"] for one in (slow, quick)] == ["25.99"] * 2


def test_a_return_refunded_at_first_scan_says_so(world: World) -> None:
    order = returned(world, first_scan=True)
    rma = world.amazon.books().returns_of(order)[0].rma
    world.amazon.carriers.scan_return(rma)
    world.amazon.carriers.deliver_return(rma)
    world.wait(days=6)
    row = rows(world.read_report(world.report(days=30)))[0]

    assert (row["Resolution"], row["Refunded Amount"]) == ("RefundAtFirstScan", "25.99")
    assert world.refunded(order) == 2599
    claim = world.amazon.staff.file_safe_t(rma, "25.99")
    world.wait(hours=1)
    assert rows(world.read_report(world.report(days=30)))[0]["SafeT claim id"] == claim


STYLES = {
    "bom, extra columns, other header": ReportStyle(
        byte_order_mark=True, extra=("Order Item ID", "Category"), seller_rma_header=True
    ),
    "cp1252 with a decimal comma": ReportStyle(encoding="cp1252", mark=","),
    "iso dates, zipped": ReportStyle(date="%Y-%m-%dT%H:%M:%SZ", gzip=True),
    "date and time, both marks": ReportStyle(date="%d-%b-%Y %H:%M:%S", mixed=True),
}


@pytest.mark.parametrize("name", STYLES)
def test_files_look_as_differently_as_real_ones(name: str) -> None:
    style = STYLES[name]
    with open_world(replace(Seller(), style=style)) as world:
        order = returned(world)
        content = world.read_report(world.report())
        row = rows(content, "cp1252" if style.encoding == "cp1252" else "utf-8-sig")[0]

        assert row["Item Name"] == "Bougie d\u2019été"
        assert content.startswith(b"\xef\xbb\xbf") == style.byte_order_mark
        if style.extra:
            assert list(row)[:2] == ["Order Item ID", "Category"]
            assert (row["Order Item ID"], "Seller RMA ID" in row) == (world.item_of(order), True)
        if style.mixed:
            assert [row["Label cost"], row["Order Amount"]] == ["0.00", "77,97"]
        if style.mark == ",":
            assert row["Order Amount"] == "77,97"
        assert row["Order date"] == world.amazon.order(order).placed_at.strftime(style.date)


def test_empty_cells_may_hold_a_blank_or_be_cut_off_at_the_end() -> None:
    with open_world(replace(Seller(), style=ReportStyle(blank=" ", cut_short=True))) as world:
        returned(world)
        header, line = world.read_report(world.report()).decode().splitlines()
        names, cells = header.split("\t"), line.split("\t")

        assert cells[names.index("Merchant RMA ID")] == " "
        assert (names[len(cells) - 1], len(cells) < len(names)) == ("Order quantity", True)


def test_nothing_to_tell_and_asked_too_often_both_look_cancelled(world: World) -> None:
    world.subscribe("REPORT_PROCESSING_FINISHED")
    assert world.report()["processingStatus"] == "CANCELLED"
    returned(world)
    assert world.report()["processingStatus"] == "DONE"
    again = world.report()
    assert (again["processingStatus"], "reportDocumentId" in again) == ("CANCELLED", False)
    world.wait(minutes=30)
    assert world.report()["processingStatus"] == "DONE"

    told = [one["payload"]["reportProcessingFinishedNotification"] for one in world.notes("REPORT_PROCESSING_FINISHED")]
    assert [one["processingStatus"] for one in told] == ["CANCELLED", "DONE", "CANCELLED", "DONE"]


def test_windows_are_checked(world: World) -> None:
    body = {"reportType": RETURNS, "marketplaceIds": [FR]}
    wrong = (
        body | {"dataStartTime": "2026-09-01T00:00:00Z"},
        body | {"dataStartTime": "2026-11-22T00:00:00Z"},
        body | {"dataStartTime": "20 November"},
        body | {"reportType": "GET_NOTHING"},
        body | {"path": "/reports"},
    )

    assert [world.refusal("POST", f"{BASE}/reports", body=one) for one in wrong] == [(400, "InvalidInput")] * 5


def test_rows_belong_to_a_marketplace_and_a_window(world: World) -> None:
    order = world.shipped_order(country="DE")
    world.amazon.buyers.request_return(order, {"CANDLE": 1})
    world.wait(minutes=1)
    french = world.report()
    world.wait(minutes=30)
    german = world.report(marketplaceIds=["A1PA6795UKMFR9"])

    assert (french["processingStatus"], german["processingStatus"]) == ("CANCELLED", "DONE")


def test_the_xml_and_the_prime_reports_tell_the_same(world: World) -> None:
    plain = returned(world)
    prime = world.shipped_order(prime=True)
    world.amazon.buyers.request_return(prime, {"CANDLE": 2}, comment="<3 & more")
    world.wait(minutes=1)
    xml = ET.fromstring(world.read_report(world.report("GET_XML_RETURNS_DATA_BY_RETURN_DATE")))  # noqa: S314
    alone = ET.fromstring(world.read_report(world.report("GET_XML_MFN_PRIME_RETURNS_REPORT")))  # noqa: S314
    table = world.read_report(world.report("GET_CSV_MFN_PRIME_RETURNS_REPORT")).decode()
    records = list(csv.DictReader(io.StringIO(table)))

    assert [one.text for one in xml.iter("order_id")] == [plain, prime]
    assert [one.text for one in alone.iter("order_id")] == [prime]
    assert [(one["Order ID"], one["Is prime"], one["Return quantity"]) for one in records] == [(prime, "Y", "2")]


def test_the_xml_names_the_published_fields(world: World, reference: Path) -> None:
    returned(world)
    root = ET.fromstring(world.read_report(world.report("GET_XML_RETURNS_DATA_BY_RETURN_DATE")))  # noqa: S314
    details = root.find("Message/return_details")
    contracts = json.loads((reference / "amazon/contracts/report_columns.json").read_text())
    fields = contracts["GET_XML_RETURNS_DATA_BY_RETURN_DATE"]["fields"]

    assert details is not None
    assert [name for name in fields if details.find(name) is None] == []


def test_fba_returns_and_reimbursements_come_by_report_alone(world: World) -> None:
    order = world.shipped_order(by_amazon=True)
    world.amazon.amazon.receive_fba_return(order, {"CANDLE": 1}, "CUSTOMER_DAMAGED")
    world.amazon.amazon.reimburse(order, "CANDLE", "12.50")
    world.wait(minutes=1)
    back = rows(world.read_report(world.report("GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA")))
    paid = rows(world.read_report(world.report("GET_FBA_REIMBURSEMENTS_DATA")))

    assert [(one["order-id"], one["quantity"], one["detailed-disposition"]) for one in back] == [
        (order, "1", "CUSTOMER_DAMAGED")
    ]
    assert [(one["amazon-order-id"], one["amount-total"], one["currency-unit"]) for one in paid] == [
        (order, "12.50", "EUR")
    ]
    assert world.refunded(order) == 2000
    with pytest.raises(ValueError, match="fulfilled by the seller"):
        world.amazon.amazon.receive_fba_return(world.shipped_order(), {"CANDLE": 1})


def test_performance_counts_defects_from_the_books(world: World) -> None:
    amazon = world.amazon
    orders = [world.shipped_order() for _ in range(4)]
    claim = amazon.buyers.open_claim(orders[0])
    amazon.amazon.decide_claim(claim.id, granted=True)
    filed = amazon.buyers.open_claim(orders[1], "1.00")
    amazon.amazon.decide_claim(filed.id, granted=False)
    amazon.buyers.leave_negative_feedback(orders[2])
    world.wait(minutes=1)
    told = json.loads(world.read_report(world.report("GET_V2_SELLER_PERFORMANCE_REPORT")))
    figures = told["performanceMetrics"][0]["orderDefectRate"]["mfn"]

    assert told["accountStatuses"] == [{"marketplaceId": FR, "status": "NORMAL"}]
    assert (figures["orderCount"], figures["orderWithDefects"]["count"], figures["claims"]["count"]) == (4, 2, 1)
    assert (figures["rate"], figures["targetValue"], figures["status"]) == (0.5, 0.01, "BAD")


def test_late_shipments_and_the_sellers_own_cancellations_count(world: World) -> None:
    amazon = world.amazon
    late = amazon.buyers.place_order(Item("CANDLE", "20.00"))
    wished = amazon.buyers.place_order(Item("CANDLE", "20.00"))
    own = amazon.buyers.place_order(Item("CANDLE", "20.00"))
    amazon.buyers.request_cancellation(wished.id)
    floor = amazon.floor()
    for order in (wished, own):
        cancel_units(floor, order.id, {order.lines[0].id: 1}, "MERCHANT", "NoInventory", world.clock())
    world.wait(days=3)
    amazon.carriers.ship(late.id, tracking=None)
    world.wait(minutes=1)
    told = json.loads(world.read_report(world.report("GET_V2_SELLER_PERFORMANCE_REPORT")))
    figures = told["performanceMetrics"][0]

    assert figures["lateShipmentRate"]["lateShipmentCount"] == 1
    assert figures["prefulfillmentCancelRate"]["cancellationCount"] == 1
    assert (figures["validTrackingRate"]["validTrackingCount"], figures["validTrackingRate"]["status"]) == (0, "BAD")


def test_a_schedule_asks_by_itself_until_it_is_cancelled(world: World) -> None:
    body = {"reportType": RETURNS, "marketplaceIds": [FR], "period": "PT8H"}
    made = world.ask("POST", f"{BASE}/schedules", body=body)["reportScheduleId"]
    returned(world)
    world.wait(hours=17)
    found = world.ask("GET", f"{BASE}/reports", query={"reportTypes": RETURNS})["reports"]

    assert [one["processingStatus"] for one in found] == ["CANCELLED", "DONE"]  # newest first: the second had no data
    assert {one["reportScheduleId"] for one in found} == {made}
    world.ask("DELETE", f"{BASE}/schedules/{made}")
    world.wait(hours=17)
    assert len(world.ask("GET", f"{BASE}/reports", query={"reportTypes": RETURNS})["reports"]) == 2
    assert world.refusal("GET", f"{BASE}/schedules/{made}") == (404, "NotFound")


def test_reports_go_wrong_as_scripted(world: World) -> None:
    returned(world)
    faults = world.amazon.faults
    faults.report(ReportFault(status="FATAL"), RETURNS)
    assert world.report()["processingStatus"] == "FATAL"
    world.wait(minutes=30)
    faults.report(ReportFault(content=lambda content: content.replace(b"\t", b";")))
    assert b";" in world.read_report(world.report())
    world.wait(minutes=30)
    faults.report(ReportFault(stuck=True))
    assert world.report()["processingStatus"] == "IN_PROGRESS"
    assert faults.waiting() == 0


def test_a_row_may_come_late_and_bears_its_own_date_in_a_zone_that_no_file_names() -> None:
    seller = replace(
        Seller(), lags=replace(Lags(), return_row=timedelta(days=3)), style=ReportStyle(zone="Pacific/Auckland")
    )
    with open_world(seller) as world:
        order = world.shipped_order()
        world.wait(hours=2)
        world.amazon.buyers.request_return(order, {"CANDLE": 1})
        assert world.report()["processingStatus"] == "CANCELLED"
        world.wait(days=3)
        assert world.report(days=2)["processingStatus"] == "CANCELLED"
        world.wait(minutes=30)
        row = rows(world.read_report(world.report(days=5)))[0]

        assert (row["Order date"], row["Return request date"]) == ("21-Nov-2026", "22-Nov-2026")


def test_ten_thousand_rows_are_one_file(world: World) -> None:
    amazon = world.amazon
    order = amazon.buyers.place_order(Item("CANDLE", "0.01", 10_000))
    amazon.carriers.ship(order.id)
    floor, sample = amazon.floor(), amazon.buyers.request_return(order.id, {"CANDLE": 1})[0]
    for number in range(9_999):
        floor.books.keep_return(replace(sample, id=f"copy-{number}", rma=f"D{number:08d}RRMA"))
    world.wait(minutes=1)

    assert len(world.read_report(world.report()).splitlines()) == 10_001
