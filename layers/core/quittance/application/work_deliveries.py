"""Deliveries that came in together: each is archived, known ones are skipped, those of one order are read once.

Refuses to drop anything: what is malformed is parked at once, what cannot be read is due again and parked at last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import timedelta

from quittance.application.apply_observation import Applied, apply_observation
from quittance.application.ports import (
    Archive,
    Channel,
    Delivery,
    Hint,
    NoPolicy,
    Parked,
    Place,
    Ports,
    ReceiptReader,
)
from quittance.application.receive_parcel import receive_parcel
from quittance.domain.errors import Rejected, Unavailable
from quittance.domain.ids import DeliveryId
from quittance.domain.intent import back_off
from quittance.domain.values import dataclass

WAREHOUSE = "warehouse"
UNLISTED = "no published policy lists this store"
FIRST_TRY = timedelta(seconds=30)
LONGEST_TRY = timedelta(hours=1)
TRIES = 12
PARKED_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery with the key of its archived bytes and how often it was tried before."""

    delivery: Delivery
    archive: str
    tries: int = 0


@dataclasses.dataclass
class _Group:
    place: Place
    hint: Hint
    arrivals: list[Arrival] = dataclasses.field(default_factory=list)


def archived(ports: Ports, archive: Archive, delivery: Delivery) -> Arrival | None:
    """Archive a delivery before any work on it; None when it was done before."""
    known = ports.table.delivery(delivery.key)
    if known is not None and known.state == "done":
        ports.meter.count("DeliveryRepeated", delivery.channel, "done")
        return None
    return Arrival(delivery, archive.put(delivery), known.tries if known else 0)


def work_deliveries(ports: Ports, receipts: ReceiptReader, arrivals: Iterable[Arrival]) -> Mapping[DeliveryId, str]:
    """Work on deliveries and return what each came to. Nothing is raised for what is wrong with one of them."""
    outcomes: dict[DeliveryId, str] = {}
    groups: dict[tuple[str, ...], _Group] = {}
    for arrival in arrivals:
        delivery = arrival.delivery
        if delivery.channel == WAREHOUSE:
            outcomes[delivery.id] = _receipt(ports, receipts, arrival)
            continue
        hint = _hint(ports, arrival)
        if isinstance(hint, str):
            outcomes[delivery.id] = hint
            continue
        place = _place(ports, delivery)
        if place is None:
            outcomes |= _without_policy(ports, [arrival], UNLISTED)
            continue
        group = groups.setdefault(_target(place, hint), _Group(place, hint))
        group.arrivals.append(arrival)
        group.hint = _widest(group.hint, hint)
    for group in groups.values():
        outcomes |= _observe(ports, group)
    return outcomes


def _place(ports: Ports, delivery: Delivery) -> Place | None:
    """Where the delivery belongs by the policy in force now, which may be newer than the delivery."""
    try:
        if delivery.channel == WAREHOUSE:
            return ports.policies.shop_of(delivery.store)
        account = ports.policies.account_of(delivery.channel, delivery.store)
    except NoPolicy:
        return None
    return None if account is None else Place(delivery.channel, account, delivery.store)


def _target(place: Place, hint: Hint) -> tuple[str, ...]:
    return place.channel, place.account, hint.order or "", "" if hint.order else hint.return_id


def _widest(one: Hint, other: Hint) -> Hint:
    """Of two hints at one order the one that is worth more reading."""
    return other if one.only_known else one


def _hint(ports: Ports, arrival: Arrival) -> Hint | str:
    delivery = arrival.delivery
    try:
        channel: Channel = ports.channel(delivery.channel)
        hint = channel.hint(delivery)
    except Rejected as refusal:
        return _park(ports, arrival, f"{refusal.code}: {refusal.field}")
    if not hint.topic_known:
        ports.meter.count("TopicUnknown", delivery.channel, "recorded")
        ports.table.end_delivery(delivery.key, ports.clock.now())
        return "unknown_topic"
    return hint


def _observe(ports: Ports, group: _Group) -> dict[DeliveryId, str]:
    keys = tuple(arrival.delivery.key for arrival in group.arrivals)
    try:
        applied = apply_observation(ports, group.place, group.hint, keys)
    except NoPolicy as error:
        return _without_policy(ports, group.arrivals, str(error))
    except Unavailable as error:
        return _later(ports, group.arrivals, f"{type(error).__name__}: {error}")
    except Rejected as refusal:
        return _later(ports, group.arrivals, f"{refusal.code}: {refusal.field}: {refusal.fix}")
    if applied is Applied.UNKNOWN_ORDER:
        return _later(ports, group.arrivals, "the channel knows no such order")
    return dict.fromkeys((arrival.delivery.id for arrival in group.arrivals), _ended(ports, group.arrivals, applied))


def _receipt(ports: Ports, receipts: ReceiptReader, arrival: Arrival) -> str:
    delivery = arrival.delivery
    place = _place(ports, delivery)
    if place is None:
        return _without_policy(ports, [arrival], UNLISTED)[delivery.id]
    try:
        receipt = receipts(delivery)
    except Rejected as refusal:
        return _park(ports, arrival, f"{refusal.code}: {refusal.field}: {refusal.fix}")
    try:
        applied = receive_parcel(ports, place, receipt, (delivery.key,))
    except NoPolicy as error:
        return _without_policy(ports, [arrival], str(error))[delivery.id]
    except Unavailable as error:
        return _later(ports, [arrival], f"{type(error).__name__}: {error}")[delivery.id]
    except Rejected as refusal:
        return _park(ports, arrival, f"{refusal.code}: {refusal.field}: {refusal.fix}")
    return _ended(ports, [arrival], applied)


def _ended(ports: Ports, arrivals: list[Arrival], applied: Applied) -> str:
    for arrival in arrivals:
        if arrival.tries and applied is not Applied.COMMITTED:
            ports.table.end_delivery(arrival.delivery.key, ports.clock.now())
        ports.meter.count("DeliveryWorked", arrival.delivery.channel, applied.value)
    return applied.value


def _without_policy(ports: Ports, arrivals: list[Arrival], why: str) -> dict[DeliveryId, str]:
    """Nothing can be decided until somebody publishes; one alarm watches this, whatever the channel."""
    ports.meter.count("PolicyMissing", "policy", "waiting")
    return _later(ports, arrivals, why)


def _later(ports: Ports, arrivals: list[Arrival], why: str) -> dict[DeliveryId, str]:
    now = ports.clock.now()
    outcomes: dict[DeliveryId, str] = {}
    for arrival in arrivals:
        if arrival.tries + 1 >= TRIES:
            outcomes[arrival.delivery.id] = _park(ports, arrival, why)
            continue
        due = now + back_off(arrival.tries, FIRST_TRY, LONGEST_TRY)
        ports.table.pend(arrival.delivery, arrival.archive, arrival.tries + 1, due, why)
        ports.meter.count("DeliveryPending", arrival.delivery.channel, "due_again")
        outcomes[arrival.delivery.id] = "pending"
    return outcomes


def _park(ports: Ports, arrival: Arrival, why: str) -> str:
    now, delivery = ports.clock.now(), arrival.delivery
    expires = delivery.received_at + PARKED_FOR
    parked = Parked(delivery.key, delivery.store, delivery.topic, arrival.archive, why, now, expires)
    ports.table.park(parked)
    ports.meter.count("Parked", delivery.channel, "delivery")
    return "parked"
