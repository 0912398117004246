"""The ports: what the use cases need from the outside, and the outcomes that may come back.

An outcome is a value and unknown is one of them; only what cannot be read at all is raised, as `Unavailable`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Protocol

from quittance.application.batches import BatchTable
from quittance.application.commit import Alias, Changes, DeliveryKey, Key, Scene
from quittance.domain.account import Control
from quittance.domain.allowance import Shard
from quittance.domain.case import Case
from quittance.domain.errors import Unavailable
from quittance.domain.ids import CaseId, DeliveryId, IntentId, OrderId
from quittance.domain.intent import Act, Intent, ReplayGuard
from quittance.domain.observations import MoneyStatus, OrderReading, Receipt, ReturnReading
from quittance.domain.order import Order
from quittance.domain.policy import Policy, Versions
from quittance.domain.values import dataclass


class NoPolicy(Unavailable):
    """No policy is published for this channel or store, so nothing can be decided yet."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something belongs: a channel, an account at it, and a store of the account."""

    channel: str
    account: str
    store: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One transmission of a hint as it arrived: raw bytes, and the headers that were let through."""

    channel: str
    account: str
    store: str
    topic: str
    id: DeliveryId
    received_at: datetime
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> DeliveryKey:
        """Its name for deduplication: the channel's own id, never the body."""
        return DeliveryKey(self.channel, self.account, self.id)


@dataclass(frozen=True, slots=True)
class Hint:
    """Where a delivery says to look. `only_known`: worth a look only if the order has a case.

    A hint without an order names the return, whose order the channel is asked for. `topic_known` is false for a
    topic that nobody handles: it is recorded and acknowledged.
    """

    order: OrderId | None = None
    return_id: str = ""
    only_known: bool = False
    topic_known: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """An order with all its returns, read whole."""

    order: OrderReading
    returns: tuple[ReturnReading, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the channel itself would pay for the lines of an intent, in minor units per payment."""

    total: int
    currency: str
    payments: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The reading just before a send: the order, what the look-back will compare with, and the suggestion for money.

    `done` says that the act has been done by other hands already.
    """

    reading: Reading
    snapshot: Mapping[str, str]
    suggestion: Suggestion | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """The channel did it; `reference` is its own id of the effect, `status` whether the money has moved."""

    reference: str
    status: MoneyStatus = MoneyStatus.MOVED


@dataclass(frozen=True, slots=True)
class Refused:
    """The channel definitely did not do it, and says why with a code."""

    code: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """It is certain that nothing happened and worth trying again after a while."""

    why: str
    after: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have happened or not; `why` is a code such as `timeout`."""

    why: str


SendOutcome = Applied | Refused | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class NotFound:
    """The channel was read whole and shows no effect of the intent."""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """More than one effect at the channel fits the intent."""

    references: tuple[str, ...]


Sighting = Applied | NotFound | Ambiguous


@dataclass(frozen=True, slots=True)
class Guard:
    """The replay guard of an act at a channel, how long a key is honoured, and the settle horizon."""

    kind: ReplayGuard
    horizon: timedelta
    lifetime: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a poll found: an order to look at and the returns it showed, as (id, status text).

    `changed` names the state of an order that is worth a look whatever its returns say, such as when it last changed.
    """

    order: OrderId
    returns: tuple[tuple[str, str], ...] = ()
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a poll; `cursor` continues it, an empty one ends it.

    `resume` is the cursor with which the next round begins; empty for a source that is read from its start each time.
    """

    rows: tuple[Row, ...]
    cursor: str = ""
    resume: str = ""


class Acts(Protocol):
    """What a channel can do and the exact bytes it does it with; pure, so that deciding needs no connection."""

    def guard(self, act: Act) -> Guard | None:
        """The replay guard of an act; None when the channel cannot do it."""

    def render(self, intent: Intent, words: str) -> bytes:
        """The exact body that the intent will send, from the intent and the words it carries."""

    def feed_type(self, act: Act) -> str | None:
        """The type of feed that carries the act out; None when the channel takes it by a call of its own."""


class Channel(Acts, Protocol):
    """One sales channel. Reads raise Unavailable when the answer is missing, throttled, partial or not understood."""

    name: str

    def hint(self, delivery: Delivery) -> Hint:
        """Say where a delivery points, from its bytes alone; raises Rejected for a malformed one."""

    def order_of(self, account: str, return_id: str) -> OrderId | None:
        """Ask to which order a return belongs; None when the channel knows no such return."""

    def read(self, account: str, order: OrderId, as_of: datetime) -> Reading | None:
        """Read an order with all its returns to the end; None when the channel knows no such order."""

    def poll(self, account: str, source: str, cursor: str, known: Sequence[str]) -> Page:
        """Fetch one page of a source; `known` are the channel's ids of our open returns, for sources that need them."""

    def prepare(self, account: str, intent: Intent, as_of: datetime) -> Prepared:
        """Read what has to be known just before the send."""

    def send(self, account: str, intent: Intent, body: bytes, timeout: timedelta) -> SendOutcome:
        """Send once, without any retry; whatever is not a definite answer is Unknown."""

    def look_back(self, account: str, intent: Intent, owned: frozenset[str]) -> Sighting:
        """Read what the intent did, leaving out effects in `owned`, which belong to other intents."""


class Pseudonyms(Protocol):
    """Turns the channel's own id of a customer into a salted hash before anything else sees it."""

    def are_wanted(self, account: str) -> bool:
        """Say whether the account's policy counts refunds per customer, so that it is worth asking who bought."""

    def of(self, account: str, customer: str) -> str:
        """The hash; raises Unavailable when the salt cannot be read."""


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """The present in UTC, to the millisecond."""


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """What is known of a delivery: done, or pending with the archive key of its bytes and how often it was tried."""

    state: str
    archive: str = ""
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Poll:
    """One source of an account that is asked again at `due`, from `cursor` on."""

    channel: str
    account: str
    store: str
    source: str
    every: timedelta
    due: datetime
    version: int
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Parked:
    """What cannot succeed by itself: the archived bytes and the reason, for a person to see and redrive."""

    delivery: DeliveryKey
    store: str
    topic: str
    archive: str
    reason: str
    at: datetime
    expires: datetime


class Table(BatchTable, Protocol):
    """The one table, by access pattern. Reads are consistent; commits raise Conflict when a condition fails."""

    def load_case(self, case: CaseId) -> Case | None:
        """One case head."""

    def load_order(self, channel: str, account: str, order: OrderId) -> Scene:
        """An order with all its intents and the heads of its linked cases."""

    def load_scene(self, case: CaseId) -> Scene:
        """A case with its order, all intents of the order and the order's other cases; empty when there is no case."""

    def find(self, channel: str, account: str, kind: str, name: str) -> CaseId | None:
        """The case known under another name."""

    def words(self, case: CaseId, reference: str) -> str | None:
        """Somebody's words, unless they were erased."""

    def carried_out(self, case: CaseId, version: int) -> tuple[str, frozenset[IntentId]]:
        """The digest of the command that made this version of a case, or nothing, and the intents that it touched."""

    def spent(self, account: str, day: str, currency: str) -> Mapping[int, Shard]:
        """The shards of a day's budget that somebody has taken from."""

    def refunds_of(self, account: str, customer: str) -> Mapping[CaseId, tuple[datetime, ...]]:
        """When refunds were admitted for a customer, by case; `customer` is a salted hash."""

    def control(self, account: str) -> Control:
        """The account's mode, kill switch and epoch; observing when nothing was set."""

    def commit(self, changes: Changes) -> None:
        """Do all of it or none; raises Conflict."""

    def commit_intent(self, before: Intent, after: Intent) -> None:
        """Write one intent alone, on its version and fence; raises Conflict."""

    def delivery(self, key: DeliveryKey) -> DeliveryRecord | None:
        """What is known of a delivery."""

    def pend(self, delivery: Delivery, archive: str, tries: int, due: datetime, why: str) -> None:
        """Remember that a delivery could not be worked on yet; never undoes a done one."""

    def end_delivery(self, key: DeliveryKey, at: datetime) -> None:
        """Mark a delivery done that changed nothing."""

    def park(self, parked: Parked) -> None:
        """Put aside what a person has to look at, and end its delivery."""

    def pending(self, key: Key) -> tuple[DeliveryKey, str, int] | None:
        """A pending delivery by its item's key: its name, the archive key of its bytes, its tries."""

    def intent_at(self, key: Key) -> tuple[Scene, IntentId] | None:
        """The scene of an intent by its item's key."""

    def case_at(self, key: Key) -> Case | None:
        """A case head by its item's key."""

    def order_at(self, key: Key) -> Order | None:
        """An order by its ledger's key."""

    def poll_at(self, key: Key) -> Poll | None:
        """A poll by its item's key."""

    def save_poll(self, before: Poll | None, after: Poll) -> None:
        """Create or move a poll on, on its version; raises Conflict."""

    def known_returns(self, channel: str, account: str, limit: int) -> Mapping[str, str]:
        """The channel's ids of our open returns of an account, with the status we believe."""

    def due(self, lane: int, shard: int, now: datetime, limit: int) -> Sequence[Key]:
        """Keys of what is due in one lane and shard, earliest first."""

    def count_try(self, case: Case, limit: int) -> bool:
        """Count a delivery of a due case that did not get through; True when it was parked at the limit."""


class Policies(Protocol):
    """Published policies, immutable by version. Raises NoPolicy when there is none."""

    def current(self, channel: str, store: str) -> Policy:
        """What is in force now."""

    def at(self, versions: Versions, channel: str, store: str) -> Policy:
        """What was in force when a case was opened."""

    def account_of(self, channel: str, store: str) -> str | None:
        """The account that a store belongs to; None for a store nobody listed."""

    def shop_of(self, store: str) -> Place | None:
        """Where a store sells, for those who know only its name, such as a warehouse; None for an unlisted one."""


class Archive(Protocol):
    """Raw deliveries, for thirty days."""

    def put(self, delivery: Delivery) -> str:
        """Store the delivery whole and return its key; the same delivery gets the same key."""

    def get(self, key: str) -> Delivery | None:
        """The delivery, unless its time is over."""


class Publisher(Protocol):
    """Queues, by what is sent to them."""

    def wake(self, target: str, keys: Sequence[Key]) -> None:
        """Send item keys to the queue that does them: inbox, due, poll, urgent or refund."""

    def hints(self, deliveries: Sequence[Delivery]) -> None:
        """Send hints that a poll found to the bulk queue."""


class Meter(Protocol):
    """Counts of what happened, without personal data."""

    def count(self, metric: str, channel: str, outcome: str, value: int = 1) -> None:
        """Add to a metric."""


class ReceiptReader(Protocol):
    """Reads a delivery of the warehouse."""

    def __call__(self, delivery: Delivery) -> Receipt:
        """The receipt; raises Rejected naming the field for a malformed one."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a use case may touch. `acts` is enough to decide; `channel` also talks to the channel."""

    table: Table
    policies: Policies
    clock: Clock
    meter: Meter
    acts: Callable[[str], Acts]
    channel: Callable[[str], Channel]


__all__ = [
    "Acts", "Alias", "Ambiguous", "Applied", "Archive", "Channel", "Clock", "Delivery", "DeliveryRecord", "Guard",
    "Hint", "Meter", "NoPolicy", "NotFound", "NotSent", "Page", "Parked", "Policies", "Poll", "Ports", "Prepared",
    "Pseudonyms", "Publisher", "Reading", "ReceiptReader", "Refused", "Row", "Scene", "SendOutcome", "Sighting",
    "Suggestion", "Table", "Unknown",
]  # fmt: skip
