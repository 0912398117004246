"""A warehouse's report is read the same over HTTP and from a file, and refused by the place that is wrong."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.application.ports import Delivery
from quittance.channels.warehouse.receipts import LONGEST, MOST_LINES, read
from quittance.channels.warehouse.table_file import COLUMNS, bodies
from quittance.domain.errors import Rejected
from quittance.domain.ids import DeliveryId, digest
from quittance.domain.observations import Condition, Receipt, ReceivedUnits
from tests.channels.road import Json

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
REPORT: Json = {
    "receipt_id": "WH-2026-1121-7",
    "received_at": "2026-11-21T10:38:43.123+01:00",
    "rma": "#1001-R1",
    "tracking": "6A123",
    "units": [
        {"sku": "LAMP", "quantity": 1, "condition": "opened", "photo": "s3://photos/7.jpg"},
        {"sku": "BULB", "quantity": 2, "condition": "new"},
    ],
    "note": "box was wet",
}


def received(body: Any) -> Receipt:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(Delivery("warehouse", "lyon", "lyon", "receipt", DeliveryId("msg_1"), NOW, raw))


def refusal_of(body: Any) -> Rejected:
    with pytest.raises(Rejected) as refusal:
        received(body)
    return refusal.value


@pytest.mark.proves("F091")
def test_a_report_becomes_a_receipt_with_its_names_units_and_words() -> None:
    receipt = received(REPORT)

    assert receipt.id == "WH-2026-1121-7"
    assert receipt.received_at == datetime(2026, 11, 21, 9, 38, 43, 123000, tzinfo=UTC)
    assert receipt.names == (("rma", "#1001-R1"), ("tracking", "6A123"))
    assert receipt.units == (
        ReceivedUnits("BULB", 2, Condition.NEW),
        ReceivedUnits("LAMP", 1, Condition.OPENED, "s3://photos/7.jpg"),
    )
    assert receipt.texts == {digest("box was wet"): "box was wet"}


def test_how_a_report_is_written_is_no_content() -> None:
    units = [{"sku": "BULB", "quantity": 1, "condition": "NEW"}, *REPORT["units"][:1],
             {"sku": " BULB", "quantity": 1, "condition": "new", "photo": None}]  # fmt: skip
    rewritten = {**REPORT, "units": units, "received_at": "2026-11-21T09:38:43.123456Z", "order": None, "belt": 4}

    assert received(rewritten) == received(REPORT)
    assert received(json.dumps(REPORT, indent=2).encode()).digest == received(REPORT).digest


@pytest.mark.parametrize(
    "change",
    [
        {"receipt_id": "WH-8"},
        {"received_at": "2026-11-21T09:38:43.124Z"},
        {"rma": "#1001-R2"},
        {"tracking": None},
        {"order": "1001"},
        {"note": "box was dry"},
        {"units": REPORT["units"][:1]},
        {"units": [REPORT["units"][0] | {"condition": "used"}, REPORT["units"][1]]},
        {"units": [REPORT["units"][0] | {"photo": "s3://photos/8.jpg"}, REPORT["units"][1]]},
        {"units": [REPORT["units"][0], REPORT["units"][1] | {"quantity": 3}]},
    ],
)
def test_other_content_has_another_digest(change: Json) -> None:
    assert received(REPORT | change).digest != received(REPORT).digest


@pytest.mark.parametrize(
    "change, field",
    [
        ({"receipt_id": None}, "receipt_id"),
        ({"receipt_id": ""}, "receipt_id"),
        ({"receipt_id": 7}, "receipt_id"),
        ({"receipt_id": "a\nb"}, "receipt_id"),
        ({"receipt_id": "x" * 129}, "receipt_id"),
        ({"received_at": "yesterday"}, "received_at"),
        ({"received_at": "2026-11-21T10:38:43"}, "received_at"),
        ({"rma": None, "tracking": " "}, "rma"),
        ({"tracking": ["6A123"]}, "tracking"),
        ({"note": "x" * 2001}, "note"),
        ({"units": None}, "units"),
        ({"units": []}, "units"),
        ({"units": [REPORT["units"][0]] * 101}, "units"),
        ({"units": ["LAMP"]}, "units.0.sku"),
        ({"units": [REPORT["units"][0], {"quantity": 1, "condition": "new"}]}, "units.1.sku"),
        ({"units": [{"sku": "A", "quantity": 0, "condition": "new"}]}, "units.0.quantity"),
        ({"units": [{"sku": "A", "quantity": True, "condition": "new"}]}, "units.0.quantity"),
        ({"units": [{"sku": "A", "quantity": 1.0, "condition": "new"}]}, "units.0.quantity"),
        ({"units": [{"sku": "A", "quantity": 10_001, "condition": "new"}]}, "units.0.quantity"),
        ({"units": [{"sku": "A", "quantity": 1, "condition": "mint"}]}, "units.0.condition"),
        ({"units": [{"sku": "A", "quantity": 1, "condition": "new", "photo": "x" * 513}]}, "units.0.photo"),
    ],
)
def test_a_report_is_refused_by_the_name_of_its_field(change: Json, field: str) -> None:
    assert refusal_of(REPORT | change).field == field


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'"text"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(raw: bytes) -> None:
    refusal = refusal_of(raw)

    assert (refusal.code, refusal.field) == ("MALFORMED", "body")


def test_a_condition_that_nobody_knows_is_refused_with_the_ones_that_are() -> None:
    fix = refusal_of(REPORT | {"units": [{"sku": "A", "quantity": 1, "condition": "mint"}]}).fix

    assert all(condition.value in fix for condition in Condition)


# Files

HEADER = "receipt_id,received_at,rma,tracking,order,sku,quantity,condition,note,photo"
FILE = f"""{HEADER}
WH-2026-1121-7,2026-11-21T10:38:43.123+01:00,#1001-R1,6A123,,LAMP,1,opened,box was wet,s3://photos/7.jpg
WH-8,2026-11-21T10:40:00Z,,,1002,CAP,3,used,,
WH-2026-1121-7,,#1001-R1,,,BULB,2,new,,
"""


def test_a_file_and_http_give_one_receipt_one_digest() -> None:
    first, second = bodies(FILE.encode())

    assert received(first.content) == received(REPORT)
    assert (first.receipt, second.receipt) == ("WH-2026-1121-7", "WH-8")
    assert received(second.content).names == (("order", "1002"),)


@pytest.mark.parametrize(
    "rewritten",
    [
        FILE.replace("\n", "\r\n"),
        "\ufeff" + FILE,
        FILE.replace(",", ";"),
        FILE.replace(",", "\t"),
        FILE.replace("box was wet", '"box was wet"'),
        FILE + "\n,,,,,,,,,\n",
        FILE.replace(HEADER, HEADER.upper()),
    ],
)
def test_how_a_table_program_saves_the_file_changes_nothing(rewritten: str) -> None:
    assert bodies(rewritten.encode()) == bodies(FILE.encode())


def test_columns_may_stand_in_any_order() -> None:
    rows = [line.split(",") for line in FILE.splitlines()]
    order = random.Random(7).sample(range(len(COLUMNS)), len(COLUMNS))
    shuffled = "\n".join(",".join(row[index] for index in order) for row in rows)

    assert bodies(shuffled.encode()) == bodies(FILE.encode())


@pytest.mark.parametrize(
    "file, field",
    [
        ("", "row 1, column receipt_id"),
        ("receipt_id,received_at,sku,quantity\n", "row 1, column condition"),
        (HEADER + ",colour\n", "row 1, column colour"),
        (HEADER + ",sku\n", "row 1, column sku"),
        (f"{HEADER}\nWH-8,2026-11-21T10:40:00Z,,,1002,CAP,three,used,,\n", "row 2, column quantity"),
        (f"{HEADER}\nWH-8,2026-11-21T10:40:00Z,,,1002,CAP,\u0663,used,,\n", "row 2, column quantity"),
        (f"{HEADER}\nWH-8,2026-11-21T10:40:00Z,,,1002,CAP,3,mint,,\n", "row 2, column condition"),
        (f"{HEADER}\nWH-8,2026-11-21T10:40:00Z,,,1002,,3,new,,\n", "row 2, column sku"),
        (f"{HEADER}\n,2026-11-21T10:40:00Z,,,1002,CAP,3,new,,\n", "row 2, column receipt_id"),
        (f"{HEADER}\nWH-8,,,,1002,CAP,3,new,,\n", "row 2, column received_at"),
        (f"{HEADER}\nWH-8,21.11.2026,,,1002,CAP,3,new,,\n", "row 2, column received_at"),
        (f"{HEADER}\nWH-8,2026-11-21T10:40:00Z,,,,CAP,3,new,,\n", "row 2, column rma"),
        (f"{FILE}WH-8,2026-11-21T10:41:00Z,,,1002,CAP,3,new,,\n", "row 5, column received_at"),
        (f"{FILE}WH-8,,,,1003,CAP,3,new,,\n", "row 5, column order"),
        (f"{HEADER}\nWH-8,2026-11-21T10:40:00Z\n", "row 2"),
        (f'{HEADER}\n"WH-8,2026-11-21T10:40:00Z,,,1002,CAP,3,new,,\n', "row 2"),
    ],
)
def test_a_file_is_refused_by_row_and_column(file: str, field: str) -> None:
    with pytest.raises(Rejected) as refusal:
        bodies(file.encode())

    assert refusal.value.field == field


def test_a_file_in_another_encoding_is_refused() -> None:
    with pytest.raises(Rejected, match="UTF-8"):
        bodies(FILE.replace("wet", "nässe").encode("latin-1"))


def test_a_receipt_with_too_many_rows_is_refused_at_the_first_one_too_many() -> None:
    row = "WH-8,2026-11-21T10:40:00Z,,,1002,CAP,3,new,,\n"

    with pytest.raises(Rejected) as refusal:
        bodies((HEADER + "\n" + row * (MOST_LINES + 1)).encode())

    assert refusal.value.field == f"row {MOST_LINES + 2}, column receipt_id"


words = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cn", "Co", "Cf")), min_size=1)
units = st.fixed_dictionaries(
    {
        "sku": words.filter(lambda text: len(text) <= LONGEST["sku"]),
        "quantity": st.integers(1, 10_000),
        "condition": st.sampled_from([condition.value for condition in Condition]),
    }
)
reports = st.fixed_dictionaries(
    {
        "receipt_id": words.filter(lambda text: len(text) <= LONGEST["receipt_id"]),
        "received_at": st.datetimes(
            datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(timezone(timedelta(hours=1)))  # noqa: DTZ001
        ).map(lambda at: at.isoformat()),
        "tracking": words.filter(lambda text: len(text) <= LONGEST["tracking"]),
        "units": st.lists(units, min_size=1, max_size=5),
        "note": words,
    }
)  # fmt: skip


@given(report=reports)
def test_any_report_written_as_a_file_is_the_same_receipt(report: Json) -> None:
    def cell(text: object) -> str:
        return '"' + str(text).replace('"', '""') + '"'

    columns = ("receipt_id", "received_at", "tracking", "sku", "quantity", "condition", "note")
    rows = [[cell((report | unit)[column]) for column in columns] for unit in report["units"]]
    file = "\n".join([",".join(columns), *(",".join(row) for row in rows)])

    (body,) = bodies(file.encode())

    assert received(body.content) == received(report)
