"""What time it is: the machine's, or in the sandbox the machine's plus an offset that never runs back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from quittance.domain.errors import Rejected
from quittance.runtime.clock import SandboxClock, SystemClock, clock_for
from quittance.runtime.settings import Deployment
from tests.support.pushed import NOON

SANDBOX = Deployment(stack="demo", release="r1", sandbox=True)
DEPLOYED = Deployment(stack="prod", release="r1")


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="cases",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        yield client


def set_offset(table: Any, **value: str) -> None:
    item = {"pk": {"S": "SANDBOX"}, "sk": {"S": "CLOCK"}, "offset_seconds": value}
    table.put_item(TableName="cases", Item=item)


def test_the_system_clock_is_the_machines_in_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()

    assert before - timedelta(milliseconds=1) < now <= datetime.now(UTC)
    assert now.microsecond % 1000 == 0, "the table keeps milliseconds"
    assert now.utcoffset() == timedelta(0)


def test_the_sandbox_clock_runs_ahead_by_the_offset(table: Any) -> None:
    set_offset(table, N="259200")

    assert SandboxClock(SANDBOX, table, "cases", lambda: NOON).now() == NOON + timedelta(hours=72)


def test_without_an_offset_it_is_the_machines_time(table: Any) -> None:
    assert SandboxClock(SANDBOX, table, "cases", lambda: NOON).now() == NOON


def test_one_invocation_sees_one_offset_and_the_next_the_new_one(table: Any) -> None:
    clock = SandboxClock(SANDBOX, table, "cases", lambda: NOON)
    set_offset(table, N="10")
    assert clock.now() == NOON + timedelta(seconds=10)

    set_offset(table, N="20")
    assert clock.now() == NOON + timedelta(seconds=10)
    clock.begin_invocation()
    assert clock.now() == NOON + timedelta(seconds=20)


@pytest.mark.parametrize("value", [{"N": "-1"}, {"N": "1.5"}, {"S": "10"}])
def test_an_offset_that_is_negative_or_no_count_is_refused(table: Any, value: dict[str, str]) -> None:
    set_offset(table, **value)

    with pytest.raises(Rejected, match="offset_seconds"):
        SandboxClock(SANDBOX, table, "cases", lambda: NOON).now()


def test_outside_the_sandbox_there_is_no_sandbox_clock(table: Any) -> None:
    set_offset(table, N="259200")

    with pytest.raises(Rejected, match="QUITTANCE_SANDBOX"):
        SandboxClock(DEPLOYED, table, "cases", lambda: NOON)

    def client() -> Any:
        pytest.fail("a deployed function made a client for a clock that it does not have")

    clock = clock_for(DEPLOYED, client, "cases")
    clock.begin_invocation()
    assert clock.now() - datetime.now(UTC) < timedelta(seconds=1)


def test_in_the_sandbox_the_clock_of_the_deployment_is_the_moved_one(table: Any) -> None:
    set_offset(table, N="259200")

    assert clock_for(SANDBOX, lambda: table, "cases").now() - datetime.now(UTC) > timedelta(hours=71)
