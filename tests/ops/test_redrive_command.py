"""`quittance redrive`: shows what could not be worked on, and on `--apply` loses none of it on the way back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.redrive import Way, dead_letter_lines, parked_lines, summary
from ops.stack import QUEUES
from quittance.application.commit import DeliveryKey
from quittance.application.ports import Parked
from quittance.domain.ids import DeliveryId
from quittance.storage.memory import MemoryEngine
from quittance.storage.table import Table
from tests.ops.world import World
from tests.policies.documents import POLICIES, SHOP

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NAME = DeliveryKey("shopify", SHOP, DeliveryId("b54557e4"))
PARKED = Parked(NAME, SHOP, "returns/request", "archive/1", "MALFORMED: body", NOW, NOW + timedelta(days=30))
WAKE = json.dumps({"schema": 1, "type": "wake", "keys": [{"pk": "CASE#1", "sk": "HEAD"}]})


def _table(*parked: Parked) -> Table:
    table = Table(MemoryEngine())
    for each in parked:
        table.park(each)
    return table


def test_what_is_parked_is_shown_with_its_reason_and_left_alone() -> None:
    table = _table(PARKED)

    told = list(parked_lines(table, [("shopify", SHOP)], NOW, apply=False))

    line = "parked 2026-11-21T12:00:00.000Z shopify/maison-lumiere returns/request b54557e4: MALFORMED: body"
    assert told == [f"{line} (bytes kept until 2026-12-21T12:00:00.000Z)"]
    assert table.parked("shopify", SHOP) == (PARKED,)


def test_a_parked_delivery_is_due_again_and_no_longer_parked() -> None:
    table = _table(PARKED)

    told = list(parked_lines(table, [("shopify", SHOP)], NOW, apply=True))

    assert told[0].endswith(": due again")
    assert table.parked("shopify", SHOP) == ()
    record = table.delivery(NAME)
    assert record is not None
    assert (record.state, record.archive, record.tries) == ("pending", "archive/1", 0)


def test_a_parked_delivery_whose_bytes_are_gone_is_closed() -> None:
    table = _table(PARKED)

    told = list(parked_lines(table, [("shopify", SHOP)], PARKED.expires, apply=True))

    assert told[0].endswith(": closed, its bytes are gone")
    assert table.parked("shopify", SHOP) == ()
    record = table.delivery(NAME)
    assert record is not None
    assert record.state == "done"


def test_one_that_somebody_else_closed_meanwhile_does_not_stop_the_others() -> None:
    other = replace(PARKED, delivery=DeliveryKey("shopify", SHOP, DeliveryId("second")))
    table = _table(PARKED, other)
    telling = parked_lines(table, [("shopify", SHOP)], NOW, apply=True)

    told = [next(telling)]
    table.redrive(other, NOW)
    told += telling

    assert [line.rpartition(": ")[2] for line in told] == [
        "due again",
        "left alone, somebody else closed it meanwhile",
    ]


def test_the_command_looks_at_every_listed_account_the_warehouse_and_the_queues(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.run("policy", "publish", str(POLICIES), "--stack", "test")
    world.stack.table.park(PARKED)
    world.stack.table.park(replace(PARKED, delivery=DeliveryKey("warehouse", SHOP, DeliveryId("msg_1"))))
    world.stack.table.park(replace(PARKED, delivery=DeliveryKey("shopify", "old-shop", DeliveryId("msg_2"))))
    world.stack.table.park(replace(PARKED, delivery=DeliveryKey("queue", "InboxQueue", DeliveryId("msg_3"))))
    capsys.readouterr()

    assert world.run("redrive", "--stack", "test") == 0
    told = capsys.readouterr().out
    assert "b54557e4" in told
    assert "msg_1" in told
    assert "msg_3" in told
    assert "msg_2" not in told
    assert "nothing was changed; --apply has them tried again" in told

    assert world.run("redrive", "--at", "shopify/old-shop", "--stack", "test") == 0
    assert "msg_2" in capsys.readouterr().out


def test_nothing_to_redrive_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.run("policy", "publish", str(POLICIES), "--stack", "test")
    capsys.readouterr()

    assert world.run("redrive", "--apply", "--stack", "test") == 0
    assert capsys.readouterr().out == "nothing is parked and no dead letter waits\n"


def test_a_place_is_a_channel_and_an_account(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.run("policy", "publish", str(POLICIES), "--stack", "test")

    assert world.run("redrive", "--at", "shopify", "--stack", "test") == 1
    assert "BAD_PLACE" in capsys.readouterr().err


@pytest.mark.parametrize("name", QUEUES)
def test_a_dead_letter_of_every_queue_goes_back_to_its_own(world: World, name: str) -> None:
    world.run("policy", "publish", str(POLICIES), "--stack", "test")
    world.send(f"{name}QueueDeadLetters", WAKE)

    assert world.run("redrive", "--apply", "--stack", "test") == 0

    assert world.messages(f"{name}Queue") == [WAKE]
    assert world.messages(f"{name}QueueDeadLetters") == []
    assert all(world.messages(f"{other}Queue") == [] for other in QUEUES if other != name)


def test_without_apply_a_dead_letter_stays_where_it_is(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.run("policy", "publish", str(POLICIES), "--stack", "test")
    world.send("DueQueueDeadLetters", WAKE)
    capsys.readouterr()

    assert world.run("redrive", "--stack", "test") == 0

    assert "wake of 1: CASE#1 HEAD" in capsys.readouterr().out
    assert world.messages("DueQueue") == []


class BrokenQueue:
    """Holds one dead letter and takes no message."""

    def __init__(self) -> None:
        self.letters = [{"MessageId": "1", "ReceiptHandle": "h", "Body": WAKE}]

    def receive_message(self, **_: object) -> dict[str, object]:
        return {"Messages": list(self.letters)}

    def send_message(self, **_: object) -> None:
        raise OSError("the queue did not answer")

    def delete_message(self, **_: object) -> None:
        self.letters.clear()


def test_a_dead_letter_is_deleted_only_after_it_was_sent() -> None:
    queue = BrokenQueue()

    with pytest.raises(OSError, match="did not answer"):
        list(dead_letter_lines(queue, Way("Due", "dead", "source"), apply=True))

    assert len(queue.letters) == 1


@pytest.mark.parametrize(
    "body, told",
    [
        ("secret words", "12 characters that are no message of ours"),
        ("[1]", "3 characters that are no message of ours"),
        ('{"note": "secret words"}', "a message of a channel"),
        (
            '{"type": "delivery", "channel": "shopify", "store": "s", "topic": "t", "delivery": "d", "body": "c2Vj"}',
            "delivery shopify s t d",
        ),
    ],
)
def test_a_dead_letter_is_told_by_its_ids_and_never_by_its_body(body: str, told: str) -> None:
    assert summary(body) == told


def test_of_many_keys_the_first_are_told() -> None:
    keys = [{"pk": f"CASE#{number}", "sk": "HEAD"} for number in range(5)]

    assert summary(json.dumps({"type": "wake", "keys": keys})) == (
        "wake of 5: CASE#0 HEAD, CASE#1 HEAD, CASE#2 HEAD, ..."
    )


@pytest.mark.parametrize(
    "parked",
    [
        replace(PARKED, delivery=DeliveryKey("queue", "InboxQueue", DeliveryId("digest"))),
        replace(PARKED, archive=""),
    ],
)
def test_what_is_no_delivery_is_shown_and_never_made_due(parked: Parked) -> None:
    table = _table(parked)
    place = (parked.delivery.channel, parked.delivery.account)

    told = list(parked_lines(table, [place], NOW, apply=True))

    assert told[0].endswith(": left alone, there is no delivery to try again")
    assert table.parked(*place) == (parked,)
