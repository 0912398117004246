"""One refund under every misfortune, paid by three handlers: how often twice, lost, held or stuck, and how fast.

All three read the same plans and call the same provider; their records lie in the same embedded DynamoDB.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.config import Config

from bench import Figure, Result, machine
from bench.fault_plans import Plan, read
from bench.refund_handlers import Ended, Handler, Ours, Script, Wire, key_of, naive, powertools
from bench.refund_world import Provider
from sandbox.cloud import PARAMETERS
from sandbox.emulator import REGION, ROOT_KEY, Emulator
from sandbox.translate import emulated

RUNS: Final = 5
REFUNDS: Final = 20
OURS: Final = "quittance"
RECORDS: Final = "records"
SHAPE: Final = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")
# Our engine tries again by itself; the SDK's one retry beneath it would only sleep.
BENEATH: Final = Config(retries={"total_max_attempts": 1})
HANDLERS: Final = ("naive", "Powertools", "Quittance")
NOTES: Final = (
    (
        "Touches of the outside are the provider's calls and each request to DynamoDB, below the SDK's own retries. At "
        "each one the process is killed before or after, or the call fails without or after having been applied."
    ),
    (
        "The plans are bench/plans/refund_faults.json: each single fault at each touch of a handler's straight way, "
        "then seeded plans of up to three. A plan that never struck a handler is not counted for it."
    ),
    (
        "A message is delivered up to six times, each time after the function that had it cannot be alive any more. "
        "Quittance moves a step at a time and is woken by its due index too: up to 14 times, 70 virtual seconds apart."
    ),
    "naive: get the refund's record, call the provider, put the record.",
    (
        "Powertools: `@idempotent` around the call with DynamoDBPersistenceLayer, keyed by the refund's id, everything "
        "else as it comes: https://docs.powertools.aws.dev/lambda/python/latest/utilities/idempotency/"
    ),
    "The keyed provider honours a stable key, which all three send; the un-keyed one pays whenever it is asked.",
    (
        "double: paid more than once. lost: called done, and not paid. held: handed to a person, which is what not "
        "guessing costs. stuck: neither done nor held after the last delivery."
    ),
    (
        f"Times are milliseconds from message to end without faults, the median of {RUNS} runs of {REFUNDS} refunds "
        "after an unmeasured one, on the embedded DynamoDB of this machine: they compare handlers and say nothing of "
        "the latency of AWS. Quittance reads the provider before it sends, journals the intent, and keeps ledger and "
        "history in its last commit; the others do none of that."
    ),
)


@dataclass
class Counted:
    """What became of the refunds of one handler under one kind of plan."""

    runs: int = 0
    double: int = 0
    lost: int = 0
    held: int = 0
    stuck: int = 0

    def add(self, ended: Ended, paid: int) -> None:
        """Count one refund, which the provider has paid so often."""
        self.runs += 1
        self.double += paid > 1
        self.lost += ended.done and not paid
        self.held += ended.held
        self.stuck += not (ended.done or ended.held)


@dataclass
class Field:
    """The embedded DynamoDB, and the handlers that are put on it; each refund has a number of its own."""

    emulator: Emulator
    numbers: Iterator[int]

    def handler(self, name: str, provider: Provider) -> Handler:
        """A handler with a client of its own."""
        if name != "Quittance":
            make = {"naive": naive, "Powertools": powertools}[name]
            return make(Wire(client(self.emulator)), provider, RECORDS)
        return Ours.on(Wire(client(self.emulator, BENEATH)), OURS, provider)

    def take(self, count: int) -> list[int]:
        """So many numbers that nobody had."""
        return [next(self.numbers) for _ in range(count)]


def run() -> Result:
    emulator = Emulator.start()
    try:
        field, plans = field_of(emulator, itertools.count(1)), read()
        counted = {
            (provider, name): faults_of(field, name, plans, keyed=provider == "keyed")
            for provider in ("un-keyed", "keyed")
            for name in HANDLERS
        }
        times = _milliseconds(field)
    finally:
        emulator.stop()
    return Result(
        name="refund_faults",
        title="One refund under every misfortune, by three handlers",
        figures=tuple(_figures(counted, times)),
        notes=NOTES,
        machine=machine("boto3", "botocore", "aws-lambda-powertools", "ministack"),
        grid=tuple(_grid(counted, times)),
    )


def faults_of(field: Field, name: str, plans: Sequence[Plan], *, keyed: bool) -> dict[str, Counted]:
    provider = Provider(keyed=keyed)
    handler = field.handler(name, provider)
    (first, *numbers) = field.take(len(plans) + 1)
    handler.prepare([first, *numbers])
    straight = Script({})
    handler.pay(first, straight)
    found = {"single": Counted(), "seeded": Counted()}
    for number, plan in zip(numbers, plans, strict=True):
        if plan.is_single and min(plan.strikes) > straight.touches:
            continue
        script = Script(plan.strikes)
        ended = handler.pay(number, script)
        if script.struck:
            found["single" if plan.is_single else "seeded"].add(ended, len(provider.of(key_of(number))))
    return found


def _milliseconds(field: Field) -> dict[str, float]:
    """Per refund, from its message to its end, without faults; the handlers take turns, so that noise strikes all."""
    handlers = [field.handler(name, Provider(keyed=False)) for name in HANDLERS]
    medians: dict[str, list[float]] = {name: [] for name in HANDLERS}
    for _ in range(RUNS + 1):
        for handler in handlers:
            numbers = field.take(REFUNDS)
            handler.prepare(numbers)
            medians[handler.name].append(statistics.median(_timed(handler, number) for number in numbers))
    return {name: statistics.median(found[1:]) * 1000 for name, found in medians.items()}


def _timed(handler: Handler, number: int) -> float:
    begun = time.perf_counter()
    ended = handler.pay(number, Script({}))
    if not ended.done:
        raise RuntimeError(f"{handler.name} did not pay without a fault")
    return time.perf_counter() - begun


Tallies = Mapping[tuple[str, str], Mapping[str, Counted]]


def _grid(counted: Tallies, times: Mapping[str, float]) -> Iterator[tuple[str, ...]]:
    yield ("provider", "plans", "handler", "runs", "double", "lost", "held", "stuck", "ms per refund")
    for plans in ("single", "seeded"):
        for (provider, name), found in counted.items():
            one = found[plans]
            counts = (one.runs, one.double, one.lost, one.held, one.stuck)
            yield (provider, plans, name, *map(str, counts), f"{times[name]:.1f}")


def _figures(counted: Tallies, times: Mapping[str, float]) -> Iterator[Figure]:
    """Ours against its targets; what the others do stands in the table above."""
    for provider in ("un-keyed", "keyed"):
        for plans, one in counted[provider, "Quittance"].items():
            yield Figure(f"Quittance, {provider}, {plans}: double", one.double, "refunds", at_most=0)
            yield Figure(f"Quittance, {provider}, {plans}: lost or stuck", one.lost + one.stuck, "refunds", at_most=0)
            yield Figure(f"Quittance, {provider}, {plans}: held", one.held / one.runs * 100, "% of struck runs")
    for name, milliseconds in times.items():
        yield Figure(f"{name}: time per refund", milliseconds, "ms")


def field_of(emulator: Emulator, numbers: Iterator[int]) -> Field:
    """Make the table of ours as the template has it, and one of records for the others."""
    dynamo = client(emulator)
    properties = emulated(PARAMETERS)["Resources"]["Table"]["Properties"]
    dynamo.create_table(TableName=OURS, **{name: properties[name] for name in SHAPE})
    dynamo.create_table(
        TableName=RECORDS,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return Field(emulator, numbers)


def client(emulator: Emulator, config: Config | None = None) -> Any:
    """A client of the embedded DynamoDB; without a configuration as the SDK makes it."""
    return boto3.client(
        "dynamodb",
        endpoint_url=emulator.url,
        region_name=REGION,
        aws_access_key_id=ROOT_KEY,
        aws_secret_access_key=ROOT_KEY,
        config=config,
    )
