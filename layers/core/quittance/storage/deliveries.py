"""Deliveries and what was put aside of them, as items and as the writes that move them on.

Refuses to make a done delivery pending again, except when a person redrives it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from quittance.application.commit import DeliveryKey, IsNot, Key, Value, Write
from quittance.application.ports import Delivery, DeliveryRecord, Parked
from quittance.domain.ids import DeliveryId
from quittance.domain.instant import from_text, to_text
from quittance.storage import keys
from quittance.storage.engine import Item
from quittance.storage.items import SCHEMA, compact, epoch_seconds, upgraded

DONE: Final = "done"
PENDING: Final = "pending"
CLOSED: Final = "closed"
# Longer than any channel redelivers and than raw bytes are kept.
REMEMBERED: Final = timedelta(days=35)
_NOT_DONE: Final = IsNot("state", DONE)
_NOT_CLOSED: Final = IsNot("state", CLOSED)


def delivery_record(item: Item) -> DeliveryRecord:
    """What a delivery's item says."""
    item = upgraded(keys.DELIVERY.name, item)
    return DeliveryRecord(item["state"], item.get("archive", ""), item.get("tries", 0))


def delivery_done(name: DeliveryKey, at: datetime) -> Write:
    """Mark a delivery done; it is forgotten after 35 days."""
    done: dict[str, Value] = {
        "v": SCHEMA,
        "state": DONE,
        "at": to_text(at),
        "expires_at": epoch_seconds(at + REMEMBERED),
    }
    waiting = frozenset({"archive", "tries", "why", "due_pk", "due_sk"})
    return Write(keys.delivery(name), done, (_NOT_DONE,), waiting)


def delivery_pending(delivery: Delivery, archive: str, tries: int, due: datetime, why: str) -> Write:
    """Keep a delivery in the due index for its next try."""
    attributes: dict[str, Value] = {
        "v": SCHEMA,
        "state": PENDING,
        "archive": archive,
        "tries": tries,
        "why": why,
        **keys.due(keys.QUIET_LANE, due, delivery.id),
    }
    return Write(keys.delivery(delivery.key), attributes, (_NOT_DONE,))


def park_writes(parked: Parked) -> tuple[Write, ...]:
    """Put a delivery aside and end it, together: what was done already is not put aside."""
    key = _parked_key(parked)
    attributes = compact(
        {
            "v": SCHEMA,
            "state": "parked",
            "store": parked.store,
            "topic": parked.topic,
            "archive": parked.archive,
            "reason": parked.reason,
            "expires": to_text(parked.expires),
        }
    )
    return Write(key, attributes, ()), delivery_done(parked.delivery, parked.at)


def redrive_writes(parked: Parked, at: datetime) -> tuple[Write, ...]:
    """Close a parked item and make its delivery pending, due at once: a person wants it tried again."""
    pending: dict[str, Value] = {
        "v": SCHEMA,
        "state": PENDING,
        "archive": parked.archive,
        "tries": 0,
        "why": "redriven",
        **keys.due(keys.QUIET_LANE, at, parked.delivery.id),
    }
    reopened = Write(keys.delivery(parked.delivery), pending, (), frozenset({"expires_at"}))
    return close_write(parked, "redriven", at), reopened


def close_write(parked: Parked, how: str, at: datetime) -> Write:
    """Close a parked item: it was redriven, or its raw bytes are gone."""
    closed: dict[str, Value] = {
        "state": CLOSED,
        "how": how,
        "at": to_text(at),
        "expires_at": epoch_seconds(at + REMEMBERED),
    }
    return Write(_parked_key(parked), closed, (_NOT_CLOSED,))


def parked_of(item: Item) -> Parked | None:
    """The parked item; None when it is closed."""
    item = upgraded(keys.PARKED.name, item)
    parts = keys.PARKED.parts(Key(item["pk"], item["sk"])) or {}
    if item["state"] == CLOSED:
        return None
    return Parked(
        delivery=DeliveryKey(parts["channel"], parts["account"], DeliveryId(parts["delivery"])),
        store=item.get("store", ""),
        topic=item.get("topic", ""),
        archive=item.get("archive", ""),
        reason=item.get("reason", ""),
        at=from_text(parts["at"]),
        expires=from_text(item["expires"]),
    )


def _parked_key(parked: Parked) -> Key:
    name = parked.delivery
    return keys.parked(name.channel, name.account, parked.at, name.id)
