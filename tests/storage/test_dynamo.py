"""How DynamoDB's answers are told apart: lost, busy, broken; and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber

from quittance.application.commit import Absent, AtLeast, FenceIs, IsNot, Key, PointsTo, Value, VersionIs, Write
from quittance.domain.errors import Conflict, Unavailable
from quittance.storage.dynamo import DynamoEngine
from quittance.storage.expressions import plain, rendered, typed
from tests.storage.engines import TABLE, dynamo

KEY = Key("CASE#a", "HEAD")
OTHER = Key("CASE#b", "HEAD")
ONE = [Write(KEY, {"value": 1}, (VersionIs(3),))]
TWO = [*ONE, Write(OTHER, {}, (VersionIs(1),))]


class Stubbed:
    """An engine whose client answers from a script; waiting only adds up."""

    def __init__(self, remaining: timedelta = timedelta(seconds=30)) -> None:
        self.client: Any = boto3.client(
            "dynamodb", region_name="eu-west-1", config=Config(retries={"total_max_attempts": 1})
        )
        self.stub = Stubber(self.client)
        self.waited: list[float] = []
        self.remaining = remaining
        self.engine = DynamoEngine(self.client, TABLE, self._left, pause=self.waited.append)
        self.stub.activate()

    def _left(self) -> timedelta:
        return self.remaining - timedelta(seconds=sum(self.waited))

    def refuses(self, operation: str, code: str, *reasons: str, status: int = 400, times: int = 1) -> None:
        extra = {"CancellationReasons": [{"Code": reason} for reason in reasons]} if reasons else None
        for _ in range(times):
            self.stub.add_client_error(operation, code, "m", status, modeled_fields=extra)


@pytest.fixture
def stubbed() -> Iterator[Stubbed]:
    made = Stubbed()
    yield made
    made.stub.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "TransactionConflictException"])
def test_one_write_that_lost_is_a_conflict(stubbed: Stubbed, code: str) -> None:
    stubbed.refuses("update_item", code)

    with pytest.raises(Conflict, match="case head"):
        stubbed.engine.transact(ONE)


@pytest.mark.parametrize(
    "reasons",
    [
        ("None", "ConditionalCheckFailed"),
        ("TransactionConflict", "None"),
        ("ThrottlingError", "ConditionalCheckFailed"),
    ],
)
def test_a_transaction_that_lost_is_a_conflict(stubbed: Stubbed, reasons: tuple[str, ...]) -> None:
    stubbed.refuses("transact_write_items", "TransactionCanceledException", *reasons)

    with pytest.raises(Conflict, match="case head"):
        stubbed.engine.transact(TWO)

    assert stubbed.waited == []


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"])
def test_a_throttled_transaction_is_tried_again(stubbed: Stubbed, reason: str) -> None:
    stubbed.refuses("transact_write_items", "TransactionCanceledException", "None", reason, times=3)
    stubbed.stub.add_response("transact_write_items", {})

    stubbed.engine.transact(TWO)

    assert len(stubbed.waited) == 3
    assert all(0 <= wait <= limit for wait, limit in zip(stubbed.waited, (0.05, 0.1, 0.2), strict=True))


@pytest.mark.parametrize(
    "code,status",
    [
        ("ProvisionedThroughputExceededException", 400),
        ("RequestLimitExceeded", 400),
        ("ThrottlingException", 400),
        ("TransactionInProgressException", 400),
        ("InternalServerError", 500),
        ("SomethingNew", 503),
    ],
)
def test_a_busy_table_is_tried_again_until_the_time_is_up(code: str, status: int) -> None:
    stubbed = Stubbed(remaining=timedelta(seconds=2))
    stubbed.refuses("update_item", code, status=status, times=11)

    with pytest.raises(Unavailable, match=code):
        stubbed.engine.transact(ONE)

    assert sum(stubbed.waited) < 2


def test_without_time_there_is_no_second_try(stubbed: Stubbed) -> None:
    stubbed.remaining = timedelta(0)
    stubbed.refuses("get_item", "ThrottlingException")

    with pytest.raises(Unavailable):
        stubbed.engine.get(KEY)

    assert stubbed.waited == []


def test_ten_tries_are_enough_for_a_program_without_a_limit(stubbed: Stubbed) -> None:
    stubbed.engine = DynamoEngine(stubbed.client, TABLE, pause=stubbed.waited.append)
    stubbed.refuses("get_item", "ThrottlingException", times=11)

    with pytest.raises(Unavailable, match="11 times"):
        stubbed.engine.get(KEY)


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "ResourceNotFoundException"])
def test_a_fault_of_ours_is_raised_as_it_is(stubbed: Stubbed, code: str) -> None:
    stubbed.refuses("update_item", code)

    with pytest.raises(ClientError, match=code):
        stubbed.engine.transact(ONE)


def test_a_transaction_refused_as_invalid_is_raised_as_it_is(stubbed: Stubbed) -> None:
    stubbed.refuses("transact_write_items", "TransactionCanceledException", "None", "ValidationError")

    with pytest.raises(ClientError, match="TransactionCanceled"):
        stubbed.engine.transact(TWO)


class Dead:
    """A client whose network is gone."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_item(self, **_: Any) -> Mapping[str, Any]:
        raise self._error


@pytest.mark.parametrize(
    "error", [ReadTimeoutError(endpoint_url="https://x"), EndpointConnectionError(endpoint_url="https://x")], ids=type
)
def test_no_answer_at_all_is_unavailable(error: Exception) -> None:
    waited: list[float] = []
    engine = DynamoEngine(Dead(error), TABLE, pause=waited.append)

    with pytest.raises(Unavailable, match=type(error).__name__):
        engine.get(KEY)

    assert len(waited) == 10


def test_keys_left_unread_are_asked_for_again(stubbed: Stubbed) -> None:
    def request(*keys: Key) -> dict[str, Any]:
        listed = [{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in keys]
        return {TABLE: {"Keys": listed, "ConsistentRead": True}}

    def answer(*keys: Key, left: tuple[Key, ...] = ()) -> dict[str, Any]:
        items = [{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in keys]
        return {"Responses": {TABLE: items}, "UnprocessedKeys": request(*left) if left else {}}

    stubbed.stub.add_response("batch_get_item", answer(KEY, left=(OTHER,)), {"RequestItems": request(KEY, OTHER)})
    stubbed.stub.add_response("batch_get_item", answer(OTHER), {"RequestItems": request(OTHER)})

    assert stubbed.engine.batch_get([KEY, OTHER, KEY]).keys() == {KEY, OTHER}
    assert len(stubbed.waited) == 1


def test_more_than_a_hundred_keys_are_read_in_parts(dynamo_engine: DynamoEngine) -> None:
    keys = [Key(f"CASE#{number}", "HEAD") for number in range(205)]
    for key in keys:
        dynamo_engine.transact([Write(key, {"value": 1}, ())])

    assert dynamo_engine.batch_get(keys).keys() == set(keys)


def test_a_query_is_read_to_its_last_page(dynamo_engine: DynamoEngine) -> None:
    for number in range(5):
        key = Key("CASE#a", f"EVENT#{number}")
        places = {"due_pk": "DUE#1#1", "due_sk": f"{number}#x", "value": "x" * 300_000}
        dynamo_engine.transact([Write(key, places, ())])

    assert len(dynamo_engine.query("CASE#a")) == 5
    assert len(dynamo_engine.query_index("due", "DUE#1#1", "3~", 100)) == 4
    assert [key.sk for key in dynamo_engine.query_index("due", "DUE#1#1", "~", 3)] == ["EVENT#0", "EVENT#1", "EVENT#2"]


def test_a_single_change_is_no_transaction_and_what_a_call_cost_is_told() -> None:
    told: list[tuple[str, Any]] = []
    with dynamo(consumed=lambda operation, units: told.append((operation, units))) as engine:
        engine.transact([Write(KEY, {"version": 1}, (Absent(),))])
        engine.transact([Write(OTHER, {"version": 1}, (Absent(),)), Write(KEY, {}, (VersionIs(1),))])
        engine.transact([Write(KEY, {}, (VersionIs(1),))])
        engine.get(KEY)

    assert [operation for operation, _ in told] == [
        "update_item",
        "transact_write_items",
        "transact_write_items",
        "get_item",
    ]
    assert told[-1][1]["TableName"] == TABLE


def test_reads_of_the_table_are_consistent(stubbed: Stubbed) -> None:
    key = {"pk": {"S": KEY.pk}, "sk": {"S": KEY.sk}}
    stubbed.stub.add_response("get_item", {}, {"TableName": TABLE, "Key": key, "ConsistentRead": True})
    asked = {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
        "ExpressionAttributeValues": {":pk": {"S": "p"}, ":sk": {"S": "EVENT#"}},
        "ConsistentRead": True,
    }
    stubbed.stub.add_response("query", {"Items": []}, asked)

    assert stubbed.engine.get(KEY) is None
    assert stubbed.engine.query("p", "EVENT#") == []


def test_conditions_are_rendered_behind_placeholders() -> None:
    conditions = (
        VersionIs(3),
        FenceIs(1),
        AtLeast(("payments", "gid://x/1.2", "available"), 5),
        IsNot("state", "done"),
        PointsTo("c1"),
    )

    parameters = rendered(Write(KEY, {"value": 1}, conditions, frozenset({"gone"})), TABLE)

    names, values = parameters["ExpressionAttributeNames"], parameters["ExpressionAttributeValues"]
    told = parameters["ConditionExpression"]
    for short in sorted([*names, *values], key=len, reverse=True):
        told = told.replace(short, names[short] if short in names else str(*values[short].values()))
    assert told == (
        "version = 3 AND fence = 1 AND payments.gid://x/1.2.available >= 5"
        " AND (attribute_not_exists(state) OR state <> done) AND case = c1"
    )
    assert parameters["UpdateExpression"] == "SET #0 = :0 REMOVE #1"
    assert parameters["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


def test_values_survive_the_wire() -> None:
    value: Value = {"text": "é", "number": -(10**30), "yes": True, "no": False, "nothing": None, "list": [1, [], {}]}

    assert plain({"value": typed(value)}) == {"value": value}


@pytest.mark.parametrize("foreign", [{"B": b"x"}, {"SS": ["a"]}, {"N": "1.5"}])
def test_a_value_that_no_item_of_ours_has_is_refused(foreign: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"type|1\.5"):
        plain({"value": foreign})


def test_a_conflict_tells_which_version_was_found(dynamo_engine: DynamoEngine) -> None:
    dynamo_engine.transact([Write(KEY, {"version": 7}, (Absent(),))])

    with pytest.raises(Conflict, match="found version 7"):
        dynamo_engine.transact(ONE)
    with pytest.raises(Conflict, match="found version 7"):
        dynamo_engine.transact([*ONE, Write(OTHER, {"version": 1}, (Absent(),))])
