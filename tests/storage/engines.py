"""Both engines for tests: memory, and DynamoDB as moto plays it on the table that the template describes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import boto3
import yaml
from moto import mock_aws

from quittance.application.commit import Condition, Write
from quittance.storage.dynamo import DynamoEngine
from quittance.storage.engine import Engine
from quittance.storage.memory import MemoryEngine

TEMPLATE: Final = Path(__file__).parents[2] / "template.yaml"
TABLE: Final = "quittance"
# What moto needs of the table; encryption, backups and deletion protection change no answer.
SHAPE: Final = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's short functions as the text after their tag."""


def _untagged(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    return node.value if isinstance(node, yaml.ScalarNode) else None


_Template.add_multi_constructor("!", _untagged)


@functools.cache
def table_shape() -> Mapping[str, Any]:
    template = yaml.load(TEMPLATE.read_text("utf-8"), _Template)  # noqa: S506  # a SafeLoader that knows our tags
    properties = template["Resources"]["Table"]["Properties"]
    return {name: properties[name] for name in SHAPE}


@functools.cache
def client(service: str) -> Any:
    """One client for all tests: making one takes longer than most tests do. moto forgets between tests all the same."""
    create: Callable[..., Any] = boto3.client
    return create(service, region_name="eu-west-1")


@contextmanager
def dynamo(**options: Any) -> Iterator[DynamoEngine]:
    """Give an engine on a fresh table."""
    with mock_aws():
        client("dynamodb").create_table(TableName=TABLE, **table_shape())
        yield DynamoEngine(client("dynamodb"), TABLE, lambda: timedelta(seconds=5), **options)


@contextmanager
def memory() -> Iterator[MemoryEngine]:
    yield MemoryEngine()


class Weakened:
    """An engine that forgets some conditions: what a fault in our writes would come to."""

    def __init__(self, engine: Engine, forgets: Callable[[Write, Condition], bool]) -> None:
        self._engine = engine
        self._forgets = forgets
        self.seen: list[Write] = []
        self.get = engine.get
        self.query = engine.query
        self.batch_get = engine.batch_get
        self.query_index = engine.query_index

    def transact(self, writes: Any) -> None:
        self.seen += writes
        weak = [self._weak(write) for write in writes]
        self._engine.transact([write for write in weak if write.conditions or not write.is_check])

    def _weak(self, write: Write) -> Write:
        kept = tuple(condition for condition in write.conditions if not self._forgets(write, condition))
        return Write(write.key, write.set, kept, write.remove)
