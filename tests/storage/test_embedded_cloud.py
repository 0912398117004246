"""Memory held against the embedded cloud: random sequences one after another, and transactions of many that race.

moto is not for several threads; the embedded cloud is a server of its own, and serialises what it is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quittance.application.commit import Absent, AtLeast, Key, VersionIs, Write
from quittance.domain.errors import Conflict
from quittance.storage.dynamo import DynamoEngine
from quittance.storage.memory import MemoryEngine
from sandbox.emulator import REGION, ROOT_KEY, Emulator
from tests.storage.engines import table_shape
from tests.storage.test_engines_agree import TRANSACTIONS, everything, outcome

THREADS: Final = 8
TRIES: Final = 25
CAPTURED: Final = 60
LEDGER: Final = Key("ORDER#shopify#shop#1", "LEDGER")
_NAMES: Final = count(1)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    emulator = Emulator.start()
    try:
        made: Any = boto3.client(
            "dynamodb",
            endpoint_url=emulator.url,
            region_name=REGION,
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_KEY,
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=THREADS),
        )
        yield made
        made.close()
    finally:
        emulator.stop()


def fresh_table(client: Any) -> DynamoEngine:
    name = f"agree-{next(_NAMES)}"
    client.create_table(TableName=name, **table_shape())
    return DynamoEngine(client, name, lambda: timedelta(seconds=5))


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(transactions=st.lists(TRANSACTIONS, min_size=2, max_size=6))
def test_memory_and_the_embedded_cloud_agree_on_random_sequences(client: Any, transactions: list[list[Write]]) -> None:
    remembered, stored = MemoryEngine(), fresh_table(client)

    for writes in transactions:
        assert outcome(remembered, writes) == outcome(stored, writes)

    assert everything(remembered) == everything(stored)


def claim(ledger: dict[str, Any], name: str, minor: int) -> list[Write]:
    """Take headroom as an admission does: the ledger on its version and headroom, the intent if it is new."""
    left, version = ledger["free"] - minor, ledger["version"]
    return [
        Write(LEDGER, {"free": left, "version": version + 1}, (VersionIs(version), AtLeast(("free",), minor))),
        Write(Key(LEDGER.pk, f"INTENT#{name}"), {"version": 1, "minor": minor, "of": version}, (Absent(),)),
    ]


def race(engine: DynamoEngine, worker: int) -> list[tuple[int, list[Write]]]:
    """Claim again and again on what was read; half of the names are another worker's too. What went through."""
    dice, won = Random(worker), []
    for number in range(TRIES):
        ledger = engine.get(LEDGER)
        assert ledger is not None
        writes = claim(ledger, f"{worker // 2 if number % 2 else worker}-{number}", dice.randint(1, 3))
        with suppress(Conflict):
            engine.transact(writes)
            won.append((ledger["version"], writes))
    return won


@pytest.mark.proves("F096")
def test_racing_transactions_end_as_some_order_of_them_does_in_memory(client: Any) -> None:
    stored, remembered = fresh_table(client), MemoryEngine()
    begin = [Write(LEDGER, {"free": CAPTURED, "version": 1}, (Absent(),))]
    for engine in (stored, remembered):
        engine.transact(begin)

    with ThreadPoolExecutor(THREADS) as pool:
        won = [each for found in pool.map(lambda worker: race(stored, worker), range(THREADS)) for each in found]

    assert len({version for version, _ in won}) == len(won), "two went through on one version"
    for _, writes in sorted(won, key=lambda each: each[0]):
        remembered.transact(writes)
    assert remembered.query(LEDGER.pk) == stored.query(LEDGER.pk)
    claimed = sum(item["minor"] for item in stored.query(LEDGER.pk, "INTENT#"))
    ledger = stored.get(LEDGER)
    assert ledger is not None
    assert ledger["free"] == CAPTURED - claimed >= 0
    assert 0 < len(won) < THREADS * TRIES
