"""A use case's changes as writes under conditions: the one place that says what has to hold for each item.

Refuses more than one transaction can carry, and two writes to one item.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from quittance.application.commit import (
    Absent,
    Alias,
    AtLeast,
    CaseChange,
    Changes,
    Condition,
    FenceIs,
    IntentChange,
    OrderChange,
    PointsTo,
    Text,
    Value,
    VersionIs,
    Write,
)
from quittance.domain.errors import Rejected
from quittance.domain.intent import Intent
from quittance.domain.ledger import Ledger
from quittance.domain.order import Order
from quittance.domain.values import replace
from quittance.storage import keys
from quittance.storage.deliveries import delivery_done
from quittance.storage.history import history_attributes
from quittance.storage.items import SCHEMA, epoch_seconds, gone
from quittance.storage.items_allowance import customer_write, shard_write
from quittance.storage.items_case import CASE_OPTIONAL, case_attributes
from quittance.storage.items_intent import INTENT_OPTIONAL, intent_attributes, intent_key
from quittance.storage.items_order import ORDER_OPTIONAL, order_attributes
from quittance.storage.sizes import item_size

# Limits of one transaction: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
MOST_WRITES: Final = 100
MOST_BYTES: Final = 4 * 1024 * 1024
MOST_ITEM_BYTES: Final = 400 * 1024
MOST_KEY_BYTES: Final = keys.MOST_PK_BYTES + keys.MOST_SK_BYTES

# Conditions that stand for each other on purpose: in the race between two senders or two deciders one of a group is
# enough. Tests remove a whole group to see the harm, and all but one to see that. It does not hold both ways for every
# race: a fence rises with claims alone, so that an intent's version also guards what a look-back or a person writes.
REDUNDANT: Final[tuple[frozenset[tuple[str, type[Condition]]], ...]] = (
    frozenset({(keys.CASE.name, VersionIs), (keys.EVENT.name, Absent)}),
    frozenset({(keys.CASE.name, Absent), (keys.EVENT.name, Absent)}),
    frozenset({(keys.CASE.name, VersionIs), (keys.EVENT.name, Absent), (keys.INTENT.name, Absent)}),
    frozenset({(keys.ORDER.name, VersionIs), (keys.ORDER.name, AtLeast)}),
    frozenset({(keys.INTENT.name, VersionIs), (keys.INTENT.name, FenceIs)}),
    frozenset({(keys.INTENT.name, VersionIs), (keys.INTENT.name, FenceIs), (keys.MEMBER.name, Absent)}),
    frozenset({(keys.FEED_LOCK.name, Absent), (keys.BATCH.name, Absent)}),
    frozenset({(keys.FEED_LOCK.name, VersionIs), (keys.BATCH.name, Absent)}),
    frozenset({(keys.FEED_LOCK.name, VersionIs), (keys.BATCH.name, VersionIs)}),
)


def writes_of(changes: Changes) -> tuple[Write, ...]:
    """Everything that the changes write and check; raises Rejected when it does not fit one transaction."""
    writes: list[Write] = []
    for case in changes.cases:
        writes += _case_writes(case, changes.at, changes.command)
    if changes.order is not None:
        writes.append(_order_write(changes.order))
    writes += [intent_write(change) for change in changes.intents]
    writes += [delivery_done(name, changes.at) for name in dict.fromkeys(changes.deliveries)]
    writes += [_alias_write(alias) for alias in changes.aliases]
    writes += [_text_write(text) for text in changes.texts]
    writes += [shard_write(change) for change in changes.shards]
    writes += [customer_write(change) for change in changes.customers]
    fit(writes)
    return tuple(writes)


def _case_writes(change: CaseChange, at: datetime, command: str) -> tuple[Write, Write]:
    before = change.before
    version = before.version + 1 if before is not None else 1
    after = replace(change.after, version=version, tail=before.tail if before is not None else "", due_tries=0)
    history = history_attributes(after, at, change.events, command)
    head = case_attributes(replace(after, tail=str(history["hash"])))
    condition = VersionIs(before.version) if before is not None else Absent()
    removed = _removed(keys.CASE, CASE_OPTIONAL, head) if before is not None else frozenset[str]()
    return (
        Write(keys.case_head(after.id), head, (condition,), removed),
        Write(keys.event(after.id, version), history, (Absent(),)),
    )


def _removed(pattern: keys.Pattern, optional: frozenset[str], attributes: Mapping[str, Value]) -> frozenset[str]:
    """Whatever else the item may still hold, from the version before or from an older schema."""
    return (optional | gone(pattern.name)) - attributes.keys()


def _order_write(change: OrderChange) -> Write:
    before, after = change.before, change.after
    key = keys.order(after.channel, after.account, after.id)
    if before is None:
        return Write(key, order_attributes(replace(after, version=1)), (Absent(),))
    if before == after:
        return Write(key, {}, (VersionIs(before.version),))
    attributes = order_attributes(replace(after, version=before.version + 1))
    conditions: tuple[Condition, ...] = (VersionIs(before.version), *headroom(before, after))
    return Write(key, attributes, conditions, _removed(keys.ORDER, ORDER_OPTIONAL, attributes))


def headroom(before: Order, after: Order) -> Iterator[AtLeast]:
    """What new claims take must still be free in the item, per payment, per line and for shipping.

    Where the same commit also learns of more money, only what is taken beyond that has to be there already.
    """
    old, new = before.ledger, after.ledger
    claims = [claim.amounts for intent, claim in new.claims.items() if intent not in old.claims]
    payments = sorted({payment for amounts in claims for payment in amounts.payments} & old.payments.keys())
    for payment in payments:
        yield from _at_least(("payments", payment, "available"), old.available(payment) - _left(new, payment))
    for line in sorted({line for amounts in claims for line in amounts.lines} & old.lines.keys() & new.lines.keys()):
        yield from _at_least(("lines", line, "free"), old.free_quantity(line) - new.free_quantity(line))
    if any(amounts.shipping for amounts in claims):
        yield from _at_least(("free_shipping",), old.free_shipping - new.free_shipping)


def _left(ledger: Ledger, payment: str) -> int:
    return ledger.available(payment) if payment in ledger.payments else 0


def _at_least(path: tuple[str, ...], taken: int) -> Iterator[AtLeast]:
    if taken > 0:
        yield AtLeast(path, taken)


def intent_write(change: IntentChange) -> Write:
    """One intent, new or on the version and fence that were read; its version always rises."""
    before, after = change.before, change.after
    key = intent_key(after)
    if before is None:
        return Write(key, intent_attributes(after), (Absent(),))
    attributes = intent_attributes(_risen(before, after))
    conditions = (VersionIs(before.version), FenceIs(before.attempt.fence))
    return Write(key, attributes, conditions, _removed(keys.INTENT, INTENT_OPTIONAL, attributes))


def _risen(before: Intent, after: Intent) -> Intent:
    # A change that is no move of the state machine leaves the number alone; two of those must not pass for one.
    return replace(after, version=max(after.version, before.version + 1))


def _alias_write(alias: Alias) -> Write:
    key = keys.alias(alias.channel, alias.account, alias.kind, alias.name)
    condition = Absent() if alias.instead_of is None else PointsTo(alias.instead_of)
    return Write(key, {"v": SCHEMA, "case": alias.case}, (condition,))


def _text_write(text: Text) -> Write:
    # The reference is the digest of the words: writing it again writes the same.
    attributes: dict[str, Value] = {"v": SCHEMA, "words": text.words, "expires_at": epoch_seconds(text.expires)}
    return Write(keys.text(text.case, text.reference), attributes, ())


def fit(writes: Sequence[Write]) -> None:
    """Raise Rejected(TOO_LARGE or TWO_WRITES) for what no transaction can carry."""
    if len(writes) > MOST_WRITES:
        raise Rejected("TOO_LARGE", "commit", f"{len(writes)} writes; split it, one transaction takes {MOST_WRITES}")
    if len({write.key for write in writes}) < len(writes):
        raise Rejected("TWO_WRITES", "commit", "change each item once; a transaction cannot write one twice")
    # No character takes more than four bytes, and a value is never longer than it is written out.
    if sum(4 * len(repr(write.set)) + MOST_KEY_BYTES for write in writes) < MOST_ITEM_BYTES:
        return
    sizes = [item_size(write.key, write.set) for write in writes]
    if sum(sizes) > MOST_BYTES or max(sizes, default=0) > MOST_ITEM_BYTES:
        raise Rejected("TOO_LARGE", "commit", f"{sum(sizes)} bytes; an item takes 400 KB, a transaction 4 MB")
