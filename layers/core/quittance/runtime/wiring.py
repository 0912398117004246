"""The one place where use cases meet the outside: each function gets the ports that its role allows, and no more.

Refuses to create a client twice; everything is made once per process, at import of the handler.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Final

from quittance.application.announce import Topic
from quittance.application.commit import DeliveryKey, Key
from quittance.application.intent_step import Limits
from quittance.application.ports import Channel, Delivery, NoPolicy, Parked, Ports, Pseudonyms, Publisher, ReceiptReader
from quittance.application.work_deliveries import PARKED_FOR, WAREHOUSE, Arrival, archived
from quittance.channels import registry
from quittance.domain.errors import Unavailable
from quittance.domain.ids import DeliveryId, digest
from quittance.domain.instant import from_text
from quittance.runtime import observability, settings
from quittance.runtime.aws import aws_client
from quittance.runtime.batch import Handled, Malformed, Message
from quittance.runtime.clock import InvocationClock, SystemClock, clock_for
from quittance.runtime.desk import PreviewSeal, preview_keys
from quittance.runtime.pseudonyms import SaltedPseudonyms
from quittance.runtime.publishing import Outlets
from quittance.runtime.secrets import Secrets
from quittance.storage.archive import S3Archive
from quittance.storage.dynamo import DynamoEngine
from quittance.storage.policies import PublishedPolicies
from quittance.storage.queues import Queues
from quittance.storage.table import Table

SEND_TIMEOUT: Final = timedelta(seconds=20)
TICK_LEASE: Final = timedelta(seconds=55)
"""Shorter than the minute between two ticks, longer than one tick lives."""
MARGIN: Final = timedelta(seconds=3)


class EmfMeter:
    """Counts as CloudWatch metrics, by log line."""

    def count(self, metric: str, channel: str, outcome: str, value: int = 1) -> None:
        """Add to a metric."""
        observability.metric(metric, value, channel, outcome)


@dataclass
class Runtime:
    """What every function has: its invocation's time, its clock, its table."""

    clock: InvocationClock
    context: Any = None

    @contextmanager
    def invocation(self, context: Any) -> Iterator[None]:
        """Bind the invocation, so that time left and the clock's offset are this one's."""
        self.context = context
        self.clock.begin_invocation()
        yield

    def remaining(self) -> timedelta:
        """The time this invocation has left, less what ending in order takes."""
        left = timedelta(milliseconds=self.context.get_remaining_time_in_millis()) if self.context else MARGIN
        return max(left - MARGIN, timedelta(0))

    def has_time(self, needed: timedelta) -> bool:
        """Say whether that much time is left."""
        return self.remaining() >= needed


@dataclass
class Working(Runtime):
    """A function that runs use cases on the table."""

    table: Table = field(init=False)
    policies: PublishedPolicies = field(init=False)
    ports: Ports = field(init=False)

    def park_malformed(self, malformed: Malformed) -> None:
        """A queue message that is none of ours is named in the table; its text stays out, for it may be anybody's."""
        observability.metric("MessageMalformed", 1, "queue", "parked", queue=malformed.queue)
        key = DeliveryKey("queue", malformed.queue or "unknown", DeliveryId(digest(malformed.text)))
        now = self.clock.now()
        archive = self.keep(key, malformed, now)
        self.table.park(Parked(key, "", "queue", archive, malformed.reason, now, now + PARKED_FOR))

    def keep(self, _key: DeliveryKey, _malformed: Malformed, _now: datetime) -> str:
        """The archive key of the message's bytes; nothing where wake keys alone arrive, which the table has anyway."""
        return ""


@dataclass
class Ingest(Working):
    """Ingest also archives, and reads what the warehouse reports."""

    archive: S3Archive = field(init=False)
    receipts: ReceiptReader = field(init=False)

    def arrivals(self, message: Message) -> list[Arrival]:
        """The deliveries that a message brings or wakes, archived, without those that are done."""
        if message.type == "wake":
            return [found for key in keys_of(message) if (found := self._pending(key)) is not None]
        arrival = archived(self.ports, self.archive, self._delivery(message.body))
        return [] if arrival is None else [arrival]

    def _pending(self, key: Key) -> Arrival | None:
        known = self.table.pending(key)
        if known is None:
            return None
        name, archive, tries = known
        delivery = self.archive.get(archive)
        if delivery is not None:
            return Arrival(delivery, archive, tries)
        now = self.clock.now()
        self.table.park(Parked(name, "", "", archive, "its archived bytes have expired", now, now + PARKED_FOR))
        return None

    def _delivery(self, body: Mapping[str, Any]) -> Delivery:
        channel, store = str(body["channel"]), str(body["store"])
        pointer = body.get("body_s3")
        raw = self.archive.bytes_at(str(pointer)) if pointer else base64.b64decode(body["body"], validate=True)
        return Delivery(
            channel=channel,
            account=self._account(channel, store),
            store=store,
            topic=str(body["topic"]),
            id=DeliveryId(str(body["delivery"])),
            received_at=from_text(str(body["received_at"])),
            body=raw,
            headers={str(key): str(value) for key, value in body.get("headers", {}).items()},
        )

    def _account(self, channel: str, store: str) -> str:
        """The account that names the delivery; until a policy lists the store, the store's own name."""
        try:
            if channel == WAREHOUSE:
                place = self.ports.policies.shop_of(store)
                return place.account if place else store
            return self.ports.policies.account_of(channel, store) or store
        except NoPolicy:
            return store

    def keep(self, key: DeliveryKey, malformed: Malformed, now: datetime) -> str:
        """Archive the message's bytes, so that a person can see and redrive it."""
        text = malformed.text.encode()
        return self.archive.put(Delivery(key.channel, key.account, "", "queue", key.id, now, text))


@dataclass
class Execute(Working):
    """Execute also knows how long a sender lives."""

    limits: Limits = field(init=False)


@dataclass
class Polling(Working):
    """Polling also sends hints on."""

    publisher: Publisher = field(init=False)


@dataclass
class Fire(Working):
    """Fire works on the table alone."""


@dataclass
class Desk(Working):
    """The desk also signs what it shows."""

    secrets: Secrets = field(init=False)
    preview: str = ""

    def seal(self) -> PreviewSeal:
        """The seal of this invocation."""
        return PreviewSeal(preview_keys(self.secrets.get(self.preview)), self.clock.now())


@dataclass
class Tick(Runtime):
    """The tick looks into the index and fills queues; it runs no use case on a case."""

    table: Table = field(init=False)
    publisher: Queues = field(init=False)
    cap: int = 0

    def take_lease(self) -> bool:
        """Say whether this is the only tick that runs now."""
        now = self.clock.now()
        return self.table.take_lease("tick", now, now + TICK_LEASE)

    def is_full(self, target: str) -> bool:
        """Say whether a queue holds more than its cap, so that its lane waits in the index."""
        return self.publisher.depth(target) > self.cap


def _start(
    made: Working, table: str, channel: Callable[[str], Channel], horizon: timedelta = registry.SETTLE_HORIZON
) -> None:
    engine = DynamoEngine(aws_client("dynamodb"), table, made.remaining)
    made.table = Table(engine)
    made.policies = PublishedPolicies(engine, SystemClock().now)
    made.ports = Ports(
        table=made.table,
        policies=made.policies,
        clock=made.clock,
        meter=EmfMeter(),
        acts=cache(partial(registry.acts, horizon=horizon)),
        channel=channel,
    )


def _clock(deployment: settings.Deployment, table: str) -> InvocationClock:
    return clock_for(deployment, partial(aws_client, "dynamodb"), table)


def _no_channel(name: str) -> Channel:
    raise Unavailable(f"this function may not talk to {name}")


def _channels(
    deployment: settings.Deployment,
    horizon: timedelta = registry.SETTLE_HORIZON,
    pseudonyms: Callable[[], Pseudonyms | None] = lambda: None,
) -> Callable[[str], Channel]:
    """Channels by name, each made when it is first asked for, with credentials of its own."""
    secrets = Secrets(aws_client("secretsmanager"), deployment.secret_prefix, SystemClock().now)

    def credentials(channel: str, account: str) -> Mapping[str, str]:
        found = secrets.get(f"{channel}/{account}")
        if found is None:
            raise Unavailable(f"there are no credentials for {channel}/{account}; write the secret")
        return {key: str(value) for key, value in found.items()}

    @cache
    def channel(name: str) -> Channel:
        endpoint = deployment.sandbox_endpoints.get(name, "")
        return registry.channel(
            name,
            credentials=partial(credentials, name),
            meter=EmfMeter(),
            endpoint=endpoint,
            horizon=horizon,
            pseudonyms=pseudonyms(),
        )

    return channel


def _queues(urls: Mapping[str, str]) -> Queues:
    return Queues(aws_client("sqs"), urls)


def ingest_returns(environment: Mapping[str, str]) -> Ingest:
    """What ingest_returns works with."""
    stated = settings.load(settings.IngestReturns, environment)
    made = Ingest(_clock(stated.deployment, stated.table))
    secrets = Secrets(aws_client("secretsmanager"), "", SystemClock().now)
    hashing = cache(lambda: SaltedPseudonyms(made.policies.counts_customers, secrets, stated.salt_secret))
    _start(made, stated.table, _channels(stated.deployment, pseudonyms=hashing))
    made.archive = S3Archive(aws_client("s3"), stated.raw_bucket)
    made.receipts = registry.receipt_reader()
    return made


def execute_refund(environment: Mapping[str, str]) -> Execute:
    """What execute_refund works with; one send takes at most a third of its lease."""
    stated = settings.load(settings.ExecuteRefund, environment)
    made = Execute(_clock(stated.deployment, stated.table))
    horizon = timedelta(seconds=stated.settle_horizon_seconds)
    _start(made, stated.table, _channels(stated.deployment, horizon), horizon)
    lease = timedelta(seconds=stated.lease_seconds)
    made.limits = Limits(lease, min(SEND_TIMEOUT, lease / 3))
    return made


def poll_channels(environment: Mapping[str, str]) -> Polling:
    """What poll_channels works with."""
    stated = settings.load(settings.PollChannels, environment)
    made = Polling(_clock(stated.deployment, stated.table))
    _start(made, stated.table, _channels(stated.deployment))
    made.publisher = _queues({"bulk": stated.bulk_queue_url})
    return made


def watchdog_fire(environment: Mapping[str, str]) -> Fire:
    """What fire works with: the table, and no channel."""
    stated = settings.load(settings.WatchdogFire, environment)
    made = Fire(_clock(stated.deployment, stated.table))
    _start(made, stated.table, _no_channel)
    return made


def watchdog_tick(environment: Mapping[str, str]) -> Tick:
    """What the tick works with: the index and the queues."""
    stated = settings.load(settings.WatchdogTick, environment)
    made = Tick(_clock(stated.deployment, stated.table), cap=stated.due_cap)
    made.table = Table(DynamoEngine(aws_client("dynamodb"), stated.table, made.remaining))
    made.publisher = _queues(
        {
            "inbox": stated.inbox_queue_url,
            "due": stated.due_queue_url,
            "poll": stated.poll_queue_url,
            "urgent": stated.urgent_queue_url,
            "refund": stated.refund_queue_url,
        }
    )
    return made


def publish_events(environment: Mapping[str, str]) -> Outlets:
    """What publish_events works with: no table, only outlets."""
    stated = settings.load(settings.PublishEvents, environment)
    topics = {Topic.OPERATORS: stated.operators_topic, Topic.DESK: stated.desk_topic}
    queues = _queues({"urgent": stated.urgent_queue_url, "refund": stated.refund_queue_url})
    return Outlets(aws_client("events"), stated.event_bus, aws_client("sns"), topics, queues)


def desk(environment: Mapping[str, str]) -> Desk:
    """What the desk works with: it decides, and never talks to a channel."""
    stated = settings.load(settings.Desk, environment)
    made = Desk(_clock(stated.deployment, stated.table), preview=stated.preview_secret)
    _start(made, stated.table, _no_channel)
    made.secrets = Secrets(aws_client("secretsmanager"), "", SystemClock().now)
    return made


def for_each_key(message: Message, work: Callable[[Key], object], has_time: Callable[[], bool]) -> Handled:
    """Work on every key of a wake message; one that fails is logged and never keeps its neighbours waiting.

    What could not be done now stays due in the index. The message is given again for anything unforeseen, and when
    `has_time` says that the next key could not be finished.
    """
    outcome = Handled.DONE
    for key in keys_of(message):
        if not has_time():
            return Handled.AGAIN
        try:
            work(key)
        except Unavailable as error:
            observability.failure("key not worked on", error, key=key.sk, attempt=message.attempt)
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not hold back the other keys
            observability.failure("key failed", error, key=key.sk, attempt=message.attempt)
            outcome = Handled.AGAIN
    return outcome


def keys_of(message: Message) -> list[Key]:
    """The item keys of a wake message."""
    return [Key(str(one["pk"]), str(one["sk"])) for one in message.body["keys"]]
