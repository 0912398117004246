"""What a return costs in DynamoDB's write units, counted by the embedded cloud for the real use cases.

The writes are those of the deployed functions, on the template's own table with its indexes; nothing is estimated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3

from bench import ROOT, Figure, Result, machine
from ops.documents import read
from ops.publish_policy import publish
from quittance.application.advance_intent import advance_intent
from quittance.application.command_case import command_case
from quittance.application.intent_step import Limits
from quittance.application.ports import Delivery, Ports
from quittance.application.work_deliveries import archived, work_deliveries
from quittance.channels import registry
from quittance.domain.account import Control, Mode
from quittance.domain.command import Actor, Authority, Command, CommandName
from quittance.domain.ids import CaseId, DeliveryId, case_of_channel
from quittance.domain.intent import Act
from quittance.runtime.desk import PreviewSeal
from quittance.storage import keys
from quittance.storage.archive import S3Archive
from quittance.storage.dynamo import DynamoEngine
from quittance.storage.policies import PublishedPolicies
from quittance.storage.table import Table
from sandbox.cloud import PARAMETERS
from sandbox.emulator import REGION, ROOT_KEY, Emulator
from sandbox.shopify.ordering import Item
from sandbox.shopify.shop import Shop
from sandbox.shopify.simulator import ShopifySimulator
from sandbox.translate import emulated

STORE: Final = "maison-lumiere"
RAW: Final = "raw"
SHAPE: Final = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")
WRITES: Final = frozenset({"update_item", "transact_write_items"})
LIMITS: Final = Limits(timedelta(seconds=57), timedelta(seconds=19))
# On-demand, standard class, us-east-1: aws.amazon.com/dynamodb/pricing/on-demand
DOLLARS_PER_MILLION: Final = 0.625
NOTES: Final = (
    (
        "Counted from ConsumedCapacity of every write: one unit per started kilobyte, twice that in a transaction, and "
        "one per index entry that appears, changes place or goes."
    ),
    "An order of two lines with shipping, one of them asked back with a note by the buyer; ids as long as Shopify's.",
    "The following webhook is the approval by a colleague; with the ledger it is a colleague's refund of another line.",
    (
        "The refund is counted from the report of the warehouse that admits it, which is in the same commit, over "
        "claim and settlement, under a policy that does not close by itself; the last line is under one that does."
    ),
    f"Dollars are per million of that event at ${DOLLARS_PER_MILLION} per million write request units.",
)


@dataclass
class Tally:
    """Adds up the write units that DynamoDB reports."""

    units: float = 0.0

    def __call__(self, operation: str, consumed: Any) -> None:
        if operation in WRITES:
            parts = consumed if isinstance(consumed, list) else [consumed]
            self.units += sum(part["CapacityUnits"] for part in parts)

    def taken(self) -> float:
        """The units since this was last asked."""
        units, self.units = self.units, 0.0
        return units


class NoMeter:
    """Counts nothing: metrics are log lines."""

    def count(self, metric: str, channel: str, outcome: str, value: int = 1) -> None:
        """Forget it."""


@dataclass
class Clock:
    """This machine's time, to the millisecond that the table keeps, and moved ahead."""

    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        """The time in UTC."""
        now = datetime.now(UTC) + self.ahead
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass
class Bench:
    """The use cases over the embedded DynamoDB and the simulated shop."""

    shop: ShopifySimulator
    table: Table
    ports: Ports
    archive: S3Archive
    tally: Tally
    clock: Clock
    named: int = 0

    def webhook(self, topic: str, body: Any, name: str = "") -> float:
        """The write units of one delivery."""
        self.named += 1
        name = name or f"b54557e4-bdd9-4b37-8a5f-{self.named:012d}"
        return self._worked("shopify", topic, name, body)

    def report(self, name: str, rma: str, sku: str) -> float:
        """The write units of a warehouse's report of one new unit."""
        unit = {"sku": sku, "quantity": 1, "condition": "new"}
        at = self.clock.now().isoformat(timespec="milliseconds")
        return self._worked(
            "warehouse", "receipt", name, {"receipt_id": name, "received_at": at, "rma": rma, "units": [unit]}
        )

    def _worked(self, channel: str, topic: str, name: str, body: Any) -> float:
        raw = json.dumps(body).encode()
        delivery = Delivery(channel, STORE, STORE, topic, DeliveryId(name), self.clock.now(), raw)
        arrival = archived(self.ports, self.archive, delivery)
        if arrival is not None:
            (outcome,) = work_deliveries(self.ports, registry.receipt_reader(), [arrival]).values()
            if outcome in ("pending", "parked"):
                raise RuntimeError(f"{topic} came to {outcome}")
        return self.tally.taken()

    def authorise(self, case: CaseId) -> float:
        """The write units of an agent's authorisation."""
        head = self.table.load_case(case)
        version = head.version if head else 0
        actor = Actor("agent", Authority.AGENT)
        command = Command(CommandName.AUTHORISE_RETURN, case, version, actor, {}, {}, reason="inside_window")
        answer = command_case(self.ports, command, PreviewSeal((b"bench",), self.clock.now()))
        if answer.outcome != "done":
            raise RuntimeError(f"authorising came to {answer}")
        return self.tally.taken()

    def advance(self, case: CaseId, act: Act) -> float:
        """The write units of sending an intent of the case and settling it."""
        (intent,) = [one for one in self.table.load_scene(case).intents.values() if one.act is act]
        state = advance_intent(self.ports, keys.intent(intent.channel, intent.account, intent.order, intent.id), LIMITS)
        if state is None or state.value != "SETTLED":
            raise RuntimeError(f"{act.value} came to {state}")
        return self.tally.taken()


def run() -> Result:
    with _bench(closes=False) as bench:
        figures = [*_webhooks(bench), *_refund(bench)]
    with _bench(closes=True) as bench:
        figures += _refund_and_close(bench)
    return Result(
        name="write_units",
        title="Write units of a return",
        figures=tuple(figures),
        notes=NOTES,
        machine=machine("boto3", "botocore", "ministack"),
    )


def _costs(what: str, units: float, at_most: float | None = None) -> Iterator[Figure]:
    yield Figure(what, units, "units", at_most)
    if units:
        yield Figure(f"{what}, a million of them", units * DOLLARS_PER_MILLION, "USD")


def _webhooks(bench: Bench) -> Iterator[Figure]:
    order, request, _ = _asked_back(bench, "1")
    body = {"admin_graphql_api_id": request}
    yield from _costs("webhook that opens a case", bench.webhook("returns/request", body, "first"), 16)
    yield from _costs("the same webhook again", bench.webhook("returns/request", body, "first"), 0)
    yield from _costs("the same news under another id", bench.webhook("returns/update", body), 0)
    yield from _costs("webhook of an order without a case", bench.webhook("orders/updated", {"id": 1}), 0)
    bench.shop.admin_approve(request)
    yield from _costs("following webhook", bench.webhook("returns/approve", body), 10)
    bench.shop.admin_refund(order, {"HAT-1": 1})
    number = int(order.rpartition("/")[2])
    yield from _costs("following webhook with the ledger", bench.webhook("refunds/create", {"order_id": number}), 14)


def _refund(bench: Bench) -> Iterator[Figure]:
    case, rma = _opened(bench)
    yield from _costs("authorisation, decided", bench.authorise(case))
    yield from _costs("authorisation, told to the shop and settled", bench.advance(case, Act.APPROVE_RETURN))
    admitted = bench.report("P-1", rma, "SCARF-2")
    settled = bench.advance(case, Act.REFUND)
    yield from _costs("refund from admit to settled", admitted + settled, 30)
    yield from _costs("of which the report that admits it", admitted)
    yield from _costs("of which claim and settlement", settled)


def _refund_and_close(bench: Bench) -> Iterator[Figure]:
    """Under a policy that closes by itself the settlement admits the close in the same commit."""
    case, rma = _opened(bench)
    whole = bench.authorise(case) + bench.advance(case, Act.APPROVE_RETURN)
    whole += bench.report("P-1", rma, "SCARF-2")
    whole += bench.advance(case, Act.REFUND) + bench.advance(case, Act.CLOSE_RETURN)
    yield from _costs("from authorisation to closed, with the refund", whole)


def _opened(bench: Bench) -> tuple[CaseId, str]:
    _, request, rma = _asked_back(bench, "2")
    bench.webhook("returns/request", {"admin_graphql_api_id": request})
    return case_of_channel("shopify", STORE, "return", request.rpartition("/")[2]), rma


def _asked_back(bench: Bench, number: str) -> tuple[str, str, str]:
    """An order delivered three days ago of which one line is asked back: order, return, and its number."""
    scarf = f"SCARF-{number}"
    order = bench.shop.place_order([Item(scarf, "39.90"), Item(f"HAT-{number}", "20.00")], shipping="4.90")
    parcel = bench.shop.fulfil(order.id)
    bench.shop.record_event(parcel.id, "DELIVERED", happened_at=bench.clock.now() - timedelta(days=3))
    request = bench.shop.buyer_requests_return(order.id, {scarf: 1}, "UNWANTED", "The colour is not mine.")
    return order.id, request.id, request.name


@contextmanager
def _bench(*, closes: bool) -> Iterator[Bench]:
    clock = Clock()
    emulator = Emulator.start()
    try:
        with ShopifySimulator(clock.now, (Shop(STORE),)) as shop:
            yield _made(emulator, shop, clock, closes=closes)
    finally:
        emulator.stop()


def _made(emulator: Emulator, shop: ShopifySimulator, clock: Clock, *, closes: bool) -> Bench:
    properties: Mapping[str, Any] = emulated(PARAMETERS)["Resources"]["Table"]["Properties"]
    dynamo = _client(emulator, "dynamodb")
    dynamo.create_table(TableName="quittance", **{name: properties[name] for name in SHAPE})
    store = _client(emulator, "s3")
    store.create_bucket(Bucket=RAW, CreateBucketConfiguration={"LocationConstraint": REGION})
    tally = Tally()
    engine = DynamoEngine(dynamo, "quittance", consumed=tally)
    list(publish(engine, _policies(closes=closes)))
    table = Table(engine)
    table.set_control(STORE, Control(Mode.LIVE))
    tally.taken()
    owner = shop.floor().shop
    credentials = {"shop": STORE, "client_id": owner.client_id, "client_secret": owner.client_secret}
    channel = registry.channel("shopify", credentials=lambda _: credentials, meter=NoMeter(), endpoint=shop.url)
    ports = Ports(
        table=table,
        policies=PublishedPolicies(engine, clock.now),
        clock=clock,
        meter=NoMeter(),
        acts=registry.acts,
        channel=lambda _: channel,
    )
    return Bench(shop, table, ports, S3Archive(store, RAW), tally, clock)


def _policies(*, closes: bool) -> dict[str, Any]:
    documents: dict[str, Any] = {name: dict(document) for name, document in read(ROOT / "policies").items()}
    documents["shopify"]["close"] = {**documents["shopify"]["close"], "after_refund": closes}
    return documents


def _client(emulator: Emulator, service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]  # the name is a variable here
        service,
        endpoint_url=emulator.url,
        region_name=REGION,
        aws_access_key_id=ROOT_KEY,
        aws_secret_access_key=ROOT_KEY,
    )
