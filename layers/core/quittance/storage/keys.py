"""Every key of the table and of its two indexes; a key that is not made here does not exist.

Refuses parts that would make one key mean two things: empty ones, `#` inside, and more bytes than DynamoDB takes.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from string import Formatter
from typing import Final

from quittance.application.commit import DeliveryKey, Key
from quittance.domain import ids
from quittance.domain.errors import Rejected
from quittance.domain.ids import CaseId, DeliveryId, IntentId, OrderId
from quittance.domain.instant import to_text
from quittance.domain.values import dataclass

SHARDS: Final = 8
LANES: Final = range(3)
# Deliveries and polls wait in the lane of what has no legal clock and moves no money.
QUIET_LANE: Final = 2
# Stands between the sort key and the case in the cursor of a page; neither can hold it.
PAGE_MARK: Final = "|"
DUE_INDEX: Final = "due"
DESK_INDEX: Final = "desk"
# Limits of DynamoDB: docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_PK_BYTES: Final = 2048
MOST_SK_BYTES: Final = 1024
# A use case asks for the few keys of its order many times over.
_REMEMBERED: Final = 1024


class Pattern:
    """How the keys of one kind of item are made, and what the items are for; one row of the key chart.

    In a placeholder that is not the last of its part `#` is refused, so that a key can be read back.
    """

    __slots__ = ("_readers", "_separable", "name", "pk", "purpose", "sk")

    def __init__(self, name: str, pk: str, sk: str, purpose: str) -> None:
        self.name = name
        self.pk = pk
        self.sk = sk
        self.purpose = purpose
        self._readers = (_reader(pk), _reader(sk))
        self._separable = frozenset(field for part in (pk, sk) for field in _fields(part)[:-1])

    def key(self, **parts: str) -> Key:
        """The key made of these parts; raises Rejected(BAD_KEY) naming the part that cannot stand in a key."""
        for field, value in parts.items():
            if not value or ("#" in value and field in self._separable):
                raise Rejected("BAD_KEY", field, "it is empty or contains #, which separates the parts of a key")
        pk, sk = self.pk.format_map(parts), self.sk.format_map(parts)
        if len(pk.encode()) > MOST_PK_BYTES or len(sk.encode()) > MOST_SK_BYTES:
            raise Rejected("BAD_KEY", self.name, f"a key is at most {MOST_PK_BYTES} and {MOST_SK_BYTES} bytes long")
        return Key(pk, sk)

    def parts(self, key: Key) -> dict[str, str] | None:
        """The parts that a key was made of; None for a key of another kind."""
        found = [reader.fullmatch(text) for reader, text in zip(self._readers, (key.pk, key.sk), strict=True)]
        if found[0] is None or found[1] is None:
            return None
        return found[0].groupdict() | found[1].groupdict()


def _fields(part: str) -> list[str]:
    return [field for _, field, _, _ in Formatter().parse(part) if field]


def _reader(part: str) -> re.Pattern[str]:
    fields = _fields(part)
    text = re.escape(part).replace(r"\{", "{").replace(r"\}", "}")
    for field in fields:
        text = text.replace(f"{{{field}}}", f"(?P<{field}>{'.+' if field == fields[-1] else '[^#]+'})")
    return re.compile(text, re.DOTALL)


CASE: Final = Pattern("case head", "CASE#{case}", "HEAD", "one Query reads a case whole")
EVENT: Final = Pattern("history", "CASE#{case}", "EVENT#{version}", "timeline, audit chain, outbox")
PERSON: Final = Pattern("person", "PERSON#{case}", "PERSON", "names and addresses, erased by one Delete, IAM apart")
TEXT: Final = Pattern("text", "PERSON#{case}", "TEXT#{reference}", "somebody's words, kept with the person")
ORDER: Final = Pattern(
    "order", "ORDER#{channel}#{account}#{order}", "LEDGER", "over-refund refused per payment and per line"
)
INTENT: Final = Pattern(
    "intent", "ORDER#{channel}#{account}#{order}", "INTENT#{intent}", "all money of an order under one key"
)
ALIAS: Final = Pattern("alias", "ALIAS#{channel}#{account}#{kind}#{name}", "CASE", "two routes, one case")
CUSTOMER: Final = Pattern("customer", "CUSTOMER#{account}#{hash}", "CASE#{case}", "redaction, velocity")
DELIVERY: Final = Pattern(
    "delivery", "DELIVERY#{channel}#{account}#{delivery}", "DELIVERY", "dedupe by the channel's own id"
)
FEED_LOCK: Final = Pattern("feed lock", "FEED#{account}#{type}", "LOCK", "one writer of feeds")
BATCH: Final = Pattern("feed batch", "FEED#{account}#{type}", "BATCH#{number}", "what is sent in one feed")
MEMBER: Final = Pattern("batch member", "FEED#{account}#{type}", "BATCH#{number}#{intent}", "batches of any size")
CONTROL: Final = Pattern("control", "ACCOUNT#{account}", "CONTROL", "mode (absent: observe), kill switch, epoch")
POLL: Final = Pattern("poll", "ACCOUNT#{account}", "POLL#{source}", "where a source is read on, and when")
BUCKET: Final = Pattern("quota bucket", "ACCOUNT#{account}", "BUCKET#{operation}", "limits shared by all functions")
POLICY: Final = Pattern("policy version", "POLICY#{layer}", "V#{version}", "a decision records its versions")
CURRENT: Final = Pattern("policy pointer", "POLICY#{layer}", "CURRENT", "the version in force")
SPENT: Final = Pattern(
    "spending", "SPENT#{account}#{day}", "SHARD#{currency}#{shard}", "what is left of an account's budget of a day"
)
PARKED: Final = Pattern("parked", "PARKED#{channel}#{account}", "{at}#{delivery}", "what a person has to look at")
OVERVIEW: Final = Pattern("overview", "OVERVIEW", "CURRENT", "recounted every five minutes")
LEASE: Final = Pattern("lease", "LEASE#{name}", "LEASE", "one tick at a time")

PATTERNS: Final = (
    CASE, EVENT, PERSON, TEXT, ORDER, INTENT, ALIAS, CUSTOMER, DELIVERY, FEED_LOCK, MEMBER, BATCH, CONTROL, POLL,
    BUCKET, POLICY, CURRENT, SPENT, PARKED, OVERVIEW, LEASE,
)  # fmt: skip


def kind_of(key: Key) -> str:
    """What kind of item a key names, for messages: a whole key may contain a person's tracking number."""
    return next((pattern.name for pattern in PATTERNS if pattern.parts(key) is not None), "unknown item")


def is_batch(key: Key) -> bool:
    """Say whether a key names the header of a feed batch: a member's begins with its header's."""
    return BATCH.parts(key) is not None and MEMBER.parts(key) is None


@dataclass(frozen=True, slots=True)
class IndexPattern:
    """How the two attributes of an index are made; one row of the key chart."""

    index: str
    pk: str
    sk: str
    purpose: str


DUE: Final = IndexPattern(
    DUE_INDEX, "DUE#{lane}#{shard}", "{at}#{id}", "what has to be done next: heads, intents, deliveries, polls, ledgers"
)
PARKED_DUE: Final = IndexPattern(
    DUE_INDEX, "DUE#parked", "{at}#{id}", "heads that failed too often; no tick reads them"
)
DESK: Final = IndexPattern(
    DESK_INDEX, "DESK#{queue}#{shard}", "{rank}#{legal}", "open cases by risk class and next legal instant"
)
INDEX_PATTERNS: Final = (DUE, PARKED_DUE, DESK)

# Sorts after every instant: an open case without a legal clock comes last in its class.
NO_CLOCK: Final = "9999-12-31T23:59:59.999Z"
# Sorts after every character of an id, so that "up to this instant" includes the instant.
LAST: Final = "~"


def _number(number: int) -> str:
    return f"{number:08d}"


@lru_cache(_REMEMBERED)
def case_head(case: CaseId) -> Key:
    """The head of a case."""
    return CASE.key(case=case)


def event(case: CaseId, version: int) -> Key:
    """The history item that one commit of a case wrote."""
    return EVENT.key(case=case, version=_number(version))


def person(case: CaseId) -> Key:
    """Names and addresses of the person behind a case."""
    return PERSON.key(case=case)


def text(case: CaseId, reference: str) -> Key:
    """Somebody's words by reference."""
    return TEXT.key(case=case, reference=reference)


@lru_cache(_REMEMBERED)
def order(channel: str, account: str, order_id: OrderId) -> Key:
    """The ledger of an order."""
    return ORDER.key(channel=channel, account=account, order=order_id)


@lru_cache(_REMEMBERED)
def intent(channel: str, account: str, order_id: OrderId, intent_id: IntentId) -> Key:
    """An intent, under the key of its order."""
    return INTENT.key(channel=channel, account=account, order=order_id, intent=intent_id)


def alias(channel: str, account: str, kind: str, name: str) -> Key:
    """Another name of a case."""
    return ALIAS.key(channel=channel, account=account, kind=kind, name=name)


def customer(account: str, salted_hash: str, case: CaseId) -> Key:
    """A case of a customer, who is known by a salted hash alone."""
    return CUSTOMER.key(account=account, hash=salted_hash, case=case)


def delivery(name: DeliveryKey) -> Key:
    """What is known of a delivery."""
    return DELIVERY.key(channel=name.channel, account=name.account, delivery=name.id)


def delivery_of(key: Key) -> DeliveryKey | None:
    """The delivery that a key names; None for a key of another kind."""
    parts = DELIVERY.parts(key)
    return None if parts is None else DeliveryKey(parts["channel"], parts["account"], DeliveryId(parts["delivery"]))


def feed_lock(account: str, feed_type: str) -> Key:
    """The lock of the one writer of a feed type."""
    return FEED_LOCK.key(account=account, type=feed_type)


def batch(account: str, feed_type: str, number: int) -> Key:
    """The header of a batch."""
    return BATCH.key(account=account, type=feed_type, number=_number(number))


def member(account: str, feed_type: str, number: int, intent_id: IntentId) -> Key:
    """One intent in a batch."""
    return MEMBER.key(account=account, type=feed_type, number=_number(number), intent=intent_id)


@lru_cache(_REMEMBERED)
def control(account: str) -> Key:
    """Mode, kill switch and epoch of an account."""
    return CONTROL.key(account=account)


def poll(account: str, source: str) -> Key:
    """One polled source of an account."""
    return POLL.key(account=account, source=source)


def bucket(account: str, operation: str) -> Key:
    """The quota bucket of one operation of an account."""
    return BUCKET.key(account=account, operation=operation)


def policy(layer: str, version: int) -> Key:
    """One immutable version of a layer: `law`, `accounts` or a channel's name."""
    return POLICY.key(layer=layer, version=_number(version))


def current_policy(layer: str) -> Key:
    """The pointer to the version of a layer that is in force."""
    return CURRENT.key(layer=layer)


def spent(account: str, day: str, currency: str, shard: int) -> Key:
    """What is left of an account's budget of a day in one currency, one of several shards."""
    return SPENT.key(account=account, day=day, currency=currency, shard=str(shard))


def parked(channel: str, account: str, at: datetime, delivery_id: DeliveryId) -> Key:
    """A delivery that a person has to look at."""
    return PARKED.key(channel=channel, account=account, at=to_text(at), delivery=delivery_id)


def overview() -> Key:
    """The counts that the console shows."""
    return OVERVIEW.key()


def lease(name: str) -> Key:
    """The lease of a work that runs once at a time."""
    return LEASE.key(name=name)


def due(lane: int, at: datetime, identifier: str) -> dict[str, str]:
    """The attributes that put an item into the due index."""
    pk = due_partition(lane, ids.shard_of(identifier, SHARDS))
    return {"due_pk": pk, "due_sk": DUE.sk.format(at=to_text(at), id=identifier)}


def parked_due(at: datetime, identifier: str) -> dict[str, str]:
    """The attributes of an item that nobody wakes until it changes."""
    return {"due_pk": PARKED_DUE.pk, "due_sk": PARKED_DUE.sk.format(at=to_text(at), id=identifier)}


def due_partition(lane: int, shard: int) -> str:
    """One shard of one lane; raises Rejected(BAD_LANE) for a lane or shard that no tick reads."""
    if lane not in LANES or not 0 <= shard < SHARDS:
        raise Rejected("BAD_LANE", "lane", f"lane {lane}, shard {shard}: lanes are 0 to 2, shards 0 to {SHARDS - 1}")
    return DUE.pk.format(lane=lane, shard=shard)


def desk(queue: str, rank: int, legal: datetime | None, case: CaseId) -> dict[str, str]:
    """The attributes that show an open case at the desk."""
    until = NO_CLOCK if legal is None else to_text(legal)
    pk = desk_partition(queue, ids.shard_of(case, SHARDS))
    return {"desk_pk": pk, "desk_sk": DESK.sk.format(rank=rank, legal=until)}


def desk_partition(queue: str, shard: int) -> str:
    """One shard of a queue at the desk."""
    return DESK.pk.format(queue=queue, shard=shard)
