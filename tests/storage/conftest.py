"""Gives a storage test its engine: each test that asks for one runs on both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quittance.storage.dynamo import DynamoEngine
from quittance.storage.engine import Engine
from quittance.storage.table import Table
from tests.storage.engines import dynamo, memory


@pytest.fixture(params=[memory, dynamo], ids=["memory", "dynamo"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with request.param() as made:
        yield made


@pytest.fixture
def table(engine: Engine) -> Table:
    return Table(engine)


@pytest.fixture
def dynamo_engine() -> Iterator[DynamoEngine]:
    with dynamo() as made:
        yield made
