"""What becomes of each message of a batch: done, given again, or reported because nobody can read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.runtime.batch import Batch, Handled, Malformed, Message, schema_one


@dataclass
class Context:
    """A Lambda context whose remaining time goes down by `cost` milliseconds each time it is asked."""

    left: int = 60_000
    cost: int = 0

    def get_remaining_time_in_millis(self) -> int:
        self.left -= self.cost
        return self.left


@dataclass
class Parked:
    """Where malformed records go; refuses those whose text says so."""

    records: list[Malformed] = field(default_factory=list)

    def park(self, record: Malformed) -> None:
        if "refuse" in record.text:
            raise OSError(record.text)
        self.records.append(record)


@pytest.fixture
def parked() -> Parked:
    return Parked()


@pytest.fixture
def batch(parked: Parked) -> Batch:
    return Batch(recognise=schema_one("wake", "delivery"), on_malformed=parked.park)


def record(name: str, body: object = None, *, attempt: int = 1) -> dict[str, Any]:
    return {
        "messageId": name,
        "body": body if isinstance(body, str) else json.dumps(body or {"schema": 1, "type": "wake", "name": name}),
        "attributes": {"ApproximateReceiveCount": str(attempt)},
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:DueQueue",
    }


def event(*records: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def again(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    assert answer.keys() == {"batchItemFailures"}
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def test_a_message_arrives_with_its_type_its_body_its_attempt_and_its_queue(batch: Batch) -> None:
    seen: list[Message] = []

    def handle(message: Message) -> Handled:
        seen.append(message)
        return Handled.DONE

    assert again(batch.each(event(record("m-1", attempt=3)), Context(), handle)) == []
    assert seen == [Message("m-1", "wake", {"schema": 1, "type": "wake", "name": "m-1"}, 3, "DueQueue")]


def test_only_what_asks_for_it_is_given_again(batch: Batch) -> None:
    verdicts = {"m-1": Handled.DONE, "m-2": Handled.AGAIN, "m-3": Handled.DONE}

    answer = batch.each(event(*map(record, verdicts)), Context(), lambda message: verdicts[message.id])

    assert again(answer) == ["m-2"]


def test_one_message_that_raises_does_not_fail_the_others_and_is_logged_once_by_class(
    batch: Batch, capsys: pytest.CaptureFixture[str]
) -> None:
    def handle(message: Message) -> Handled:
        if message.id == "m-2":
            raise KeyError("camille@example.com")
        return Handled.DONE

    assert again(batch.each(event(record("m-1"), record("m-2"), record("m-3")), Context(), handle)) == ["m-2"]

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["error"] == "KeyError"
    assert json.loads(line)["message_id"] == "m-2"
    assert "camille" not in line


def test_a_kill_is_not_a_failed_message_and_goes_through(batch: Batch) -> None:
    def handle(_: Message) -> Handled:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.each(event(record("m-1")), Context(), handle)


@pytest.mark.parametrize(
    "body, reason",
    [
        ("{", "no JSON"),
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        ("{}", "schema or type"),
        ('{"schema": 2, "type": "wake"}', "schema or type"),
        ('{"schema": 1, "type": "refund"}', "schema or type"),
        ('{"schema": 1, "type": ["wake"]}', "schema or type"),
    ],
)
def test_a_record_that_nobody_can_read_is_reported_with_its_text_and_leaves_the_queue(
    batch: Batch, parked: Parked, body: str, reason: str
) -> None:
    handled: list[str] = []

    def handle(message: Message) -> Handled:
        handled.append(message.id)
        return Handled.DONE

    assert again(batch.each(event(record("bad", body), record("good")), Context(), handle)) == []
    assert handled == ["good"]
    (malformed,) = parked.records
    assert (malformed.id, malformed.text, malformed.queue) == ("bad", body, "DueQueue")
    assert reason in malformed.reason


def test_a_malformed_record_that_could_not_be_parked_is_given_again(
    batch: Batch, parked: Parked, capsys: pytest.CaptureFixture[str]
) -> None:
    records = event(record("m-1", "refuse me"), record("m-2"))

    assert again(batch.each(records, Context(), lambda _: Handled.DONE)) == ["m-1"]
    assert parked.records == []
    assert json.loads(capsys.readouterr().out)["error"] == "OSError"


def test_a_function_may_know_messages_of_other_senders(parked: Parked) -> None:
    def recognise(body: Any) -> str | None:
        return "notification" if "NotificationType" in body else schema_one("wake")(body)

    types: list[str] = []

    def handle(message: Message) -> Handled:
        types.append(message.type)
        return Handled.DONE

    batch = Batch(recognise=recognise, on_malformed=parked.park)
    batch.each(event(record("m-1", {"NotificationType": "ORDER_CHANGE"}), record("m-2")), Context(), handle)

    assert types == ["notification", "wake"]


def test_when_time_runs_out_the_rest_is_given_again_untouched(batch: Batch, capsys: pytest.CaptureFixture[str]) -> None:
    handled: list[str] = []

    def handle(message: Message) -> Handled:
        handled.append(message.id)
        return Handled.DONE

    records = event(*(record(f"m-{n}") for n in range(5)))
    answer = batch.each(records, Context(left=8_000, cost=1_000), handle)

    assert handled == ["m-0", "m-1", "m-2"]
    assert again(answer) == ["m-3", "m-4"]
    assert json.loads(capsys.readouterr().out)["left"] == 2


def test_the_reserve_is_the_functions_own(parked: Parked) -> None:
    batch = Batch(recognise=schema_one("wake"), on_malformed=parked.park, reserve=timedelta(seconds=30))

    assert again(batch.each(event(record("m-1")), Context(left=29_999), lambda _: Handled.DONE)) == ["m-1"]
    assert again(batch.each(event(record("m-1")), Context(left=30_000), lambda _: Handled.DONE)) == []


def by_name(message: Message) -> str:
    return str(message.body["name"])


def named(message_id: str, name: str) -> dict[str, Any]:
    return record(message_id, {"schema": 1, "type": "wake", "name": name})


def test_messages_of_one_key_are_handled_together_and_in_order(batch: Batch) -> None:
    calls: list[tuple[str, list[str]]] = []

    def handle(key: str, group: Sequence[Message]) -> list[str]:
        calls.append((key, [message.id for message in group]))
        return [message.id for message in group]

    records = event(named("m-1", "a"), named("m-2", "b"), named("m-3", "a"))

    assert again(batch.grouped(records, Context(), by_name, handle)) == []
    assert calls == [("a", ["m-1", "m-3"]), ("b", ["m-2"])]


def test_whatever_a_group_does_not_name_as_done_is_given_again(batch: Batch) -> None:
    records = event(named("m-1", "a"), named("m-2", "a"), named("m-3", "b"))

    answer = batch.grouped(records, Context(), by_name, lambda _key, group: [group[0].id])

    assert again(answer) == ["m-2"]


def test_a_group_cannot_declare_the_messages_of_another_done(batch: Batch) -> None:
    records = event(named("m-1", "a"), named("m-2", "b"))

    answer = batch.grouped(records, Context(), by_name, lambda key, _group: ["m-1", "m-2"] if key == "a" else [])

    assert again(answer) == ["m-2"]


def test_a_group_that_raises_is_given_again_whole_and_alone(batch: Batch) -> None:
    def handle(key: str, group: Sequence[Message]) -> list[str]:
        if key == "a":
            raise RuntimeError
        return [message.id for message in group]

    records = event(named("m-1", "a"), named("m-2", "b"), named("m-3", "a"))

    assert again(batch.grouped(records, Context(), by_name, handle)) == ["m-1", "m-3"]


def test_a_message_whose_key_cannot_be_told_is_given_again_and_the_others_go_on(batch: Batch) -> None:
    records = event(record("m-1", {"schema": 1, "type": "wake"}), named("m-2", "b"))

    answer = batch.grouped(records, Context(), by_name, lambda _key, group: [message.id for message in group])

    assert again(answer) == ["m-1"]


@given(fates=st.lists(st.sampled_from(["done", "again", "raise", "malformed", "refused"]), max_size=12))
def test_every_record_is_handled_reported_or_given_again_and_none_is_lost(fates: list[str]) -> None:
    bodies = {"malformed": "{", "refused": "refuse"}
    records = [record(f"m-{n}", bodies.get(fate)) for n, fate in enumerate(fates)]
    ids_of = {fate: {f"m-{n}" for n, one in enumerate(fates) if one == fate} for fate in set(fates)}
    done: set[str] = set()
    parked = Parked()

    def handle(message: Message) -> Handled:
        fate = fates[int(message.id.removeprefix("m-"))]
        if fate == "raise":
            raise RuntimeError
        if fate == "done":
            done.add(message.id)
        return Handled.DONE if fate == "done" else Handled.AGAIN

    batch = Batch(recognise=schema_one("wake"), on_malformed=parked.park)
    given_again = again(batch.each(event(*records), Context(), handle))

    assert done == ids_of.get("done", set())
    assert {one.id for one in parked.records} == ids_of.get("malformed", set())
    assert set(given_again) == {f"m-{n}" for n in range(len(fates))} - done - ids_of.get("malformed", set())
