"""`quittance receive`: a warehouse's file becomes the deliveries that HTTP would have brought."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.receive import Inbox, sent
from quittance.application.ports import Delivery
from quittance.channels.warehouse.receipts import read
from quittance.channels.warehouse.table_file import Body
from quittance.domain.ids import DeliveryId
from quittance.domain.instant import from_text
from tests.ops.world import BUCKET, World
from tests.policies.documents import POLICIES, SHOP

FILE = """receipt_id,received_at,rma,sku,quantity,condition
P-1,2026-11-21T09:00:00Z,R-1,LAMP,1,new
P-1,2026-11-21T09:00:00Z,R-1,VASE,2,opened
P-2,2026-11-21T09:30:00Z,R-2,LAMP,1,damaged
"""


@pytest.fixture
def file(tmp_path: Path, world: World) -> Path:
    assert world.run("policy", "publish", str(POLICIES), "--stack", "test") == 0
    path = tmp_path / "receipts.csv"
    path.write_text(FILE, "utf-8")
    return path


def test_each_receipt_becomes_one_delivery_that_the_reader_of_receipts_reads(world: World, file: Path) -> None:
    assert world.run("receive", str(file), "--store", SHOP, "--stack", "test") == 0

    messages = [json.loads(body) for body in world.messages("InboxQueue")]
    receipts = {receipt.id: receipt for receipt in (read(_delivery(message)) for message in messages)}
    assert set(receipts) == {"P-1", "P-2"}
    assert [(unit.sku, unit.quantity) for unit in receipts["P-1"].units] == [("LAMP", 1), ("VASE", 2)]  # type: ignore[index]
    assert {(m["type"], m["channel"], m["store"], m["topic"]) for m in messages} == {
        ("delivery", "warehouse", SHOP, "receipt")
    }


def test_the_same_file_again_gives_the_same_deliveries(world: World, file: Path) -> None:
    for _ in range(2):
        assert world.run("receive", str(file), "--store", SHOP, "--stack", "test") == 0

    ids = [json.loads(body)["delivery"] for body in world.messages("InboxQueue")]
    assert len(ids) == 4
    assert len(set(ids)) == 2


def test_a_store_that_is_not_published_is_refused_before_anything_is_sent(
    world: World, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run("receive", str(file), "--store", "boutique", "--stack", "test") == 1
    assert "UNKNOWN_STORE: --store" in capsys.readouterr().err
    assert world.messages("InboxQueue") == []


def test_a_file_with_one_wrong_row_sends_nothing(world: World, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE.replace("damaged", "soggy"), "utf-8")

    assert world.run("receive", str(file), "--store", SHOP, "--stack", "test") == 1
    assert "column condition" in capsys.readouterr().err
    assert world.messages("InboxQueue") == []


def test_a_file_that_is_not_there_is_told_without_a_trace(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run("receive", "nowhere.csv", "--store", SHOP, "--stack", "test") == 1
    assert "nowhere.csv" in capsys.readouterr().err


def test_a_receipt_that_no_message_can_carry_lies_in_the_bucket(world: World) -> None:
    url = world.cloud_formation.outputs["InboxQueueUrl"]
    inbox = Inbox(world.client("sqs"), url, world.client("s3"), BUCKET)
    content = b"x" * 200_000

    told = list(sent(inbox, SHOP, [Body("P-9", content)], datetime(2026, 11, 21, tzinfo=UTC)))

    message = json.loads(world.messages("InboxQueue")[0])
    assert told[0].startswith("sent P-9 as csv-")
    assert "body" not in message
    assert world.client("s3").get_object(Bucket=BUCKET, Key=message["body_s3"])["Body"].read() == content


def _delivery(message: dict[str, str]) -> Delivery:
    return Delivery(
        message["channel"],
        SHOP,
        message["store"],
        message["topic"],
        DeliveryId(message["delivery"]),
        from_text(message["received_at"]),
        base64.b64decode(message["body"]),
    )
