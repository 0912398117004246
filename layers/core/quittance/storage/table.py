"""The table by access pattern: what is loaded together, and what is committed together.

Refuses nothing that a condition does not refuse: every write goes through the engine's conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice, zip_longest
from typing import Final

from quittance.application.batches import BatchChange, Joining, Leaving, LockChange
from quittance.application.commit import Changes, DeliveryKey, IntentChange, Key, Scene, VersionIs, Write
from quittance.application.ports import Delivery, DeliveryRecord, Parked, Poll
from quittance.domain.account import Control
from quittance.domain.allowance import Shard
from quittance.domain.case import Case
from quittance.domain.errors import Conflict, Rejected
from quittance.domain.feed_batch import FeedBatch, FeedLock, Member
from quittance.domain.ids import CaseId, IntentId, OrderId
from quittance.domain.instant import to_text
from quittance.domain.intent import Intent
from quittance.domain.order import Order
from quittance.domain.priority import CaseKind, standing
from quittance.domain.return_request import ReturnRequest
from quittance.storage import accounts, deliveries, items_batch, keys
from quittance.storage.engine import Engine, Item
from quittance.storage.history import HistoryEntry, broken_at, history_entry
from quittance.storage.items_allowance import SHARDS_OF, refunds_of, shards_of
from quittance.storage.items_case import case_of
from quittance.storage.items_intent import intent_of
from quittance.storage.items_order import order_of
from quittance.storage.writes import intent_write, writes_of

_HEADS_AT_ONCE: Final = 100
_TOUCHING: Final = frozenset({"IntentAdmitted", "IntentMoved"})
_INTENTS: Final = keys.INTENT.sk.partition("{")[0]
_EVENTS: Final = keys.EVENT.sk.partition("{")[0]


class Table:
    """Everything that is asked of the one table; implements `application.ports.Table` over an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Cases, orders and intents.

    def load_case(self, case: CaseId) -> Case | None:
        """One case head."""
        item = self._engine.get(keys.case_head(case))
        return None if item is None else case_of(item)

    def load_order(self, channel: str, account: str, order: OrderId) -> Scene:
        """An order with all its intents and the heads of its linked cases."""
        return self._scene(keys.order(channel, account, order).pk, ())

    def load_scene(self, case: CaseId) -> Scene:
        """A case with its order, all intents of the order and the order's other cases; empty when there is no case."""
        head = self.load_case(case)
        if head is None:
            return Scene()
        if head.order is None:
            return Scene({case: head})
        return self._scene(keys.order(head.channel, head.account, head.order).pk, (head,))

    def _scene(self, pk: str, known: tuple[Case, ...]) -> Scene:
        order: Order | None = None
        intents: dict[IntentId, Intent] = {}
        for item in self._engine.query(pk):
            if item["sk"] == keys.ORDER.sk:
                order = order_of(item)
            elif item["sk"].startswith(_INTENTS):
                intent = intent_of(item)
                intents[intent.id] = intent
        cases = {head.id: head for head in known}
        linked = order.cases - cases.keys() if order is not None else ()
        cases |= {head.id: head for head in self._heads(keys.case_head(case) for case in sorted(linked))}
        return Scene(cases, order, intents)

    def _heads(self, wanted: Iterable[Key]) -> Iterator[Case]:
        ordered = list(wanted)
        found = self._engine.batch_get(ordered) if ordered else {}
        yield from (case_of(found[key]) for key in ordered if key in found)

    def find(self, channel: str, account: str, kind: str, name: str) -> CaseId | None:
        """The case known under another name."""
        item = self._engine.get(keys.alias(channel, account, kind, name))
        return None if item is None else CaseId(item["case"])

    def words(self, case: CaseId, reference: str) -> str | None:
        """Somebody's words, unless they were erased."""
        item = self._engine.get(keys.text(case, reference))
        return None if item is None else str(item["words"])

    def history(self, case: CaseId) -> tuple[HistoryEntry, ...]:
        """Every commit of a case, the first one first."""
        return tuple(history_entry(item) for item in self._history_items(case))

    def carried_out(self, case: CaseId, version: int) -> tuple[str, frozenset[IntentId]]:
        """The digest of the command that made this version of a case, or nothing, and the intents that it touched."""
        item = self._engine.get(keys.event(case, version))
        if item is None:
            return "", frozenset()
        entry = history_entry(item)
        touched = (facts["intent"] for name, facts in entry.events if name in _TOUCHING)
        return entry.command, frozenset(map(IntentId, touched))

    def history_broken_at(self, case: CaseId) -> int | None:
        """The first version of a case at which its history was tampered with; None when the chain is whole."""
        head = self.load_case(case)
        return broken_at(self._history_items(case), head.tail if head is not None else "")

    def _history_items(self, case: CaseId) -> list[dict[str, object]]:
        return self._engine.query(keys.case_head(case).pk, prefix=_EVENTS)

    def commit(self, changes: Changes) -> None:
        """Do all of it or none; raises Conflict, and Rejected for more than one transaction can carry."""
        writes = writes_of(changes)
        if writes:
            self._engine.transact(writes)

    def commit_intent(self, before: Intent, after: Intent) -> None:
        """Write one intent alone, on its version and fence; raises Conflict."""
        self._engine.transact((intent_write(IntentChange(before, after)),))

    # Feed batches.

    def feed_lock(self, account: str, feed_type: str) -> FeedLock | None:
        """The writer lock of a feed type."""
        item = self._engine.get(keys.feed_lock(account, feed_type))
        return None if item is None else items_batch.lock_of(item)

    def batch(self, account: str, feed_type: str, number: int) -> FeedBatch | None:
        """One header."""
        return self.batch_at(keys.batch(account, feed_type, number))

    def batch_at(self, key: Key) -> FeedBatch | None:
        """A header by its item's key."""
        item = self._engine.get(key) if keys.is_batch(key) else None
        return None if item is None else items_batch.batch_of(item)

    def members(self, batch: FeedBatch) -> Sequence[Member]:
        """Every member of a batch, in the order of their intents' ids, which is the order of its lines."""
        header = items_batch.batch_key(batch)
        return [items_batch.member_of(item) for item in self._engine.query(header.pk, prefix=f"{header.sk}#")]

    def member_scene(self, batch: FeedBatch, member: Member) -> Scene:
        """A member's order with all its intents and cases."""
        return self.load_order(batch.channel, batch.account, member.order)

    def member_intents(self, batch: FeedBatch, members: Sequence[Member]) -> Mapping[IntentId, Intent]:
        """The intents of members as they stand."""
        wanted = [keys.intent(batch.channel, batch.account, member.order, member.intent) for member in members]
        return {intent.id: intent for intent in map(intent_of, self._engine.batch_get(wanted).values())}

    def member_orders(self, batch: FeedBatch, members: Sequence[Member]) -> Mapping[OrderId, Order]:
        """The orders of members as they stand."""
        wanted = [keys.order(batch.channel, batch.account, member.order) for member in members]
        return {order.id: order for order in map(order_of, self._engine.batch_get(wanted).values())}

    def join(self, joining: Joining) -> None:
        """Write intent, member, header and, for a new batch, the lock; raises Conflict."""
        self._engine.transact(items_batch.join_writes(joining))

    def leave(self, leaving: Leaving) -> None:
        """Write intent, member and header; raises Conflict."""
        self._engine.transact(items_batch.leave_writes(leaving))

    def commit_batch(self, batch: BatchChange, lock: LockChange | None = None) -> None:
        """Move a header on, and the writer lock with it; raises Conflict."""
        self._engine.transact(items_batch.batch_writes(batch, lock))

    # Deliveries.

    def delivery(self, key: DeliveryKey) -> DeliveryRecord | None:
        """What is known of a delivery."""
        item = self._engine.get(keys.delivery(key))
        return None if item is None else deliveries.delivery_record(item)

    def pend(self, delivery: Delivery, archive: str, tries: int, due: datetime, why: str) -> None:
        """Remember that a delivery could not be worked on yet; never undoes a done one."""
        self._unless_done(delivery.key, (deliveries.delivery_pending(delivery, archive, tries, due, why),))

    def end_delivery(self, key: DeliveryKey, at: datetime) -> None:
        """Mark a delivery done that changed nothing."""
        self._unless_done(key, (deliveries.delivery_done(key, at),))

    def park(self, parked: Parked) -> None:
        """Put aside what a person has to look at, and end its delivery; nothing when that has ended already."""
        self._unless_done(parked.delivery, deliveries.park_writes(parked))

    def _unless_done(self, name: DeliveryKey, writes: Sequence[Write]) -> None:
        try:
            self._engine.transact(writes)
        except Conflict:
            record = self.delivery(name)
            if record is None or record.state != deliveries.DONE:
                raise

    def pending(self, key: Key) -> tuple[DeliveryKey, str, int] | None:
        """A pending delivery by its item's key: its name, the archive key of its bytes, its tries."""
        name = keys.delivery_of(key)
        record = self.delivery(name) if name is not None else None
        if name is None or record is None or record.state != deliveries.PENDING:
            return None
        return name, record.archive, record.tries

    def parked(self, channel: str, account: str) -> tuple[Parked, ...]:
        """What an account's people have to look at, the oldest first."""
        pk = keys.PARKED.pk.format(channel=channel, account=account)
        found = (deliveries.parked_of(item) for item in self._engine.query(pk))
        return tuple(parked for parked in found if parked is not None)

    def redrive(self, parked: Parked, at: datetime) -> None:
        """Have a parked delivery tried again at once; raises Conflict when it was closed meanwhile."""
        self._engine.transact(deliveries.redrive_writes(parked, at))

    def close_parked(self, parked: Parked, how: str, at: datetime) -> None:
        """Close a parked delivery that cannot be tried again; raises Conflict when it was closed meanwhile."""
        self._engine.transact((deliveries.close_write(parked, how, at),))

    # What bounds are judged by.

    def spent(self, account: str, day: str, currency: str) -> Mapping[int, Shard]:
        """The shards of a day's budget that somebody has taken from."""
        pk = keys.SPENT.pk.format(account=account, day=day)
        return shards_of(self._engine.query(pk, prefix=SHARDS_OF.format(currency=currency)))

    def refunds_of(self, account: str, customer: str) -> Mapping[CaseId, tuple[datetime, ...]]:
        """When refunds were admitted for a customer, by case; `customer` is a salted hash."""
        return refunds_of(self._engine.query(keys.CUSTOMER.pk.format(account=account, hash=customer)))

    # Accounts.

    def control(self, account: str) -> Control:
        """The account's mode, kill switch and epoch; observing when nothing was set."""
        item = self._engine.get(keys.control(account))
        return Control() if item is None else accounts.control_of(item)

    def set_control(self, account: str, control: Control) -> None:
        """Set them; raises Conflict when somebody else did meanwhile and Rejected(EPOCH_FELL)."""
        before = self._engine.get(keys.control(account))
        self._engine.transact((accounts.control_write(account, before, control),))

    def poll_at(self, key: Key) -> Poll | None:
        """A poll by its item's key."""
        item = self._item(key, keys.POLL)
        return None if item is None else accounts.poll_of(item)

    def order_at(self, key: Key) -> Order | None:
        """An order by its ledger's key."""
        item = self._item(key, keys.ORDER)
        return None if item is None else order_of(item)

    def poll(self, account: str, source: str) -> Poll | None:
        """A poll by its name."""
        return self.poll_at(keys.poll(account, source))

    def save_poll(self, before: Poll | None, after: Poll) -> None:
        """Create or move a poll on, on its version; raises Conflict."""
        self._engine.transact((accounts.poll_write(before, after),))

    def create_poll(self, poll: Poll) -> bool:
        """Create a poll; false when it exists, which is then left as it is."""
        if self.poll(poll.account, poll.source) is not None:
            return False
        self.save_poll(None, poll)
        return True

    def take_lease(self, name: str, now: datetime, until: datetime) -> bool:
        """Take the lease of a work that runs once at a time; false while somebody else holds it."""
        write = accounts.lease_write(name, self._engine.get(keys.lease(name)), now, until)
        if write is None:
            return False
        try:
            self._engine.transact((write,))
        except Conflict:
            return False
        return True

    # The indexes.

    def due(self, lane: int, shard: int, now: datetime, limit: int) -> Sequence[Key]:
        """Keys of what is due in one lane and shard, earliest first."""
        pk = keys.due_partition(lane, shard)
        return self._engine.query_index(keys.DUE_INDEX, pk, to_text(now) + keys.LAST, limit)

    def intent_at(self, key: Key) -> tuple[Scene, IntentId] | None:
        """The scene of an intent by its item's key."""
        parts = keys.INTENT.parts(key)
        if parts is None:
            return None
        scene = self._scene(key.pk, ())
        intent = IntentId(parts["intent"])
        return (scene, intent) if intent in scene.intents else None

    def case_at(self, key: Key) -> Case | None:
        """A case head by its item's key."""
        item = self._item(key, keys.CASE)
        return None if item is None else case_of(item)

    def _item(self, key: Key, pattern: keys.Pattern) -> Item | None:
        return self._engine.get(key) if pattern.parts(key) is not None else None

    def count_try(self, case: Case, limit: int) -> bool:
        """Count a delivery of a due case that did not get through; True when it was parked at the limit.

        A commit of the case forgets the count and arms the due key again. A case that moved on meanwhile, or has
        nothing due, is not counted.
        """
        due = case.due
        if due is None:
            return False
        tries = case.due_tries + 1
        parks = tries >= limit
        place = keys.parked_due(due[1], case.id) if parks else {}
        try:
            self._engine.transact(
                (Write(keys.case_head(case.id), {"tries": tries, **place}, (VersionIs(case.version),)),)
            )
        except Conflict:
            return False
        return parks

    def desk_page(self, queue: str, limit: int, after: str = "") -> tuple[tuple[Case, ...], str]:
        """Open cases of a queue by class and next legal instant, and where the next page begins; "" at the end.

        A case that moves between two pages is shown once or not at all, never twice. Raises Rejected(BAD_CURSOR).
        """
        since, _, case = after.partition(keys.PAGE_MARK)
        if after and not case:
            raise Rejected("BAD_CURSOR", "after", "give what the page before ended with, unchanged")
        shards = (keys.desk_partition(queue, shard) for shard in range(keys.SHARDS))
        found = [
            key for pk in shards for key in self._engine.query_index(keys.DESK_INDEX, pk, keys.LAST, limit + 1, since)
        ]
        placed = sorted((_desk_place(head), head.id, head) for head in self._heads(found) if head.is_open)
        left = [(place, name, head) for place, name, head in placed if (place, name) > (since, case)]
        shown = left[:limit]
        cursor = f"{shown[-1][0]}{keys.PAGE_MARK}{shown[-1][1]}" if len(left) > limit else ""
        return tuple(head for _, _, head in shown), cursor

    def known_returns(self, channel: str, account: str, limit: int) -> Mapping[str, str]:
        """The channel's ids of our open returns of an account, with the status we believe."""
        queue = standing(channel, CaseKind.RETURN).queue
        found: Mapping[str, str] = {
            case.external: case.body.status.value
            for case in islice(self._of_account(queue, account, limit), limit)
            if isinstance(case.body, ReturnRequest)
        }
        return found

    def _of_account(self, queue: str, account: str, limit: int) -> Iterator[Case]:
        return (case for case in self._open(queue, limit) if case.account == account)

    def _open(self, queue: str, limit: int) -> Iterator[Case]:
        """Open cases, taken from each shard in turn, so that no shard starves the others at the limit."""
        shards = [
            self._engine.query_index(keys.DESK_INDEX, keys.desk_partition(queue, shard), keys.LAST, limit)
            for shard in range(keys.SHARDS)
        ]
        ordered = [key for row in zip_longest(*shards) for key in row if key is not None]
        for start in range(0, len(ordered), _HEADS_AT_ONCE):
            yield from self._heads(ordered[start : start + _HEADS_AT_ONCE])


def _desk_place(case: Case) -> str:
    """Where a case stands in its queue now, which its index entry may not show yet."""
    standing_now = case.standing
    return keys.desk(standing_now.queue, standing_now.rank, case.next_legal, case.id)["desk_sk"]
