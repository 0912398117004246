"""Notifications: who subscribed to what, the envelope in the spelling of each type, and what goes to which queue.

At least once and in no promised order. Nothing is sent by itself: `deliver_due` sends what is due at the time given.
A queue that does not let Amazon in loses its notifications without a word, as on the live service.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.amazon.ids import Ids
from sandbox.amazon.instants import fine_stamp

CAMEL: Final = frozenset(
    (
        "FEED_PROCESSING_FINISHED",
        "REPORT_PROCESSING_FINISHED",
        "ACCOUNT_STATUS_CHANGED",
        "APPLICATION_OAUTH_CLIENT_NEW_SECRET",
        "APPLICATION_OAUTH_CLIENT_SECRET_EXPIRY",
    )
)
VERSIONS: Final[Mapping[str, str]] = {
    "ORDER_CHANGE": "1.0",
    "FEED_PROCESSING_FINISHED": "2020-09-04",
    "REPORT_PROCESSING_FINISHED": "2020-09-04",
    "TRANSACTION_UPDATE": "1.0",
    "FULFILLMENT_ORDER_STATUS": "1.0",
    "FBA_OUTBOUND_SHIPMENT_STATUS": "1.0",
    "ACCOUNT_STATUS_CHANGED": "2021-01-01",
    "APPLICATION_OAUTH_CLIENT_NEW_SECRET": "2023-11-30",
    "APPLICATION_OAUTH_CLIENT_SECRET_EXPIRY": "2023-11-30",
}
# To the application, not to a seller: subscribed without a seller's token.
OF_APPLICATION: Final = frozenset(("APPLICATION_OAUTH_CLIENT_NEW_SECRET", "APPLICATION_OAUTH_CLIENT_SECRET_EXPIRY"))

Road = Callable[[str, str], bool]
"""Put a body into the queue of an ARN; False when the queue does not let Amazon in."""


@dataclass(frozen=True, slots=True)
class Destination:
    id: str
    name: str
    resource: Mapping[str, Any]

    @property
    def arn(self) -> str | None:
        found: str | None = self.resource.get("sqs", {}).get("arn")
        return found


@dataclass(frozen=True, slots=True)
class Subscription:
    """`seller` is None for the application's own types."""

    id: str
    type: str
    seller: str | None
    version: str
    destination: str
    directive: Mapping[str, Any] | None = None

    def lets_pass(self, marketplace: str | None, change: str | None) -> bool:
        wanted = (self.directive or {}).get("eventFilter", {})
        changes, places = wanted.get("orderChangeTypes"), wanted.get("marketplaceIds")
        return (not changes or change in changes) and (not places or marketplace in places)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: `name` is the payload's one key; marketplace and change are what filters look at."""

    type: str
    seller: str | None
    at: datetime
    name: str
    payload: Mapping[str, Any]
    marketplace: str | None = None
    change: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """One notification to one subscription. `state`: waiting, held, dropped, delivered or lost."""

    id: str
    type: str
    seller: str | None
    arn: str
    body: str
    due: datetime
    state: str = "waiting"


Match = Callable[[Note], bool]


def _everything(_: Note) -> bool:
    return True


@dataclass(slots=True)
class Outbox:
    """All notifications of all sellers. `sent` lists every sending, in order; `lost` what no queue took."""

    ids: Ids
    application: str
    seed: int = 0
    destinations: dict[str, Destination] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    sent: list[Note] = field(default_factory=list)
    _waiting: dict[str, Note] = field(default_factory=dict)
    _held: list[Match] = field(default_factory=list)
    _dropped: list[Match] = field(default_factory=list)
    _shuffle: random.Random | None = None

    # Announcing

    def subscribers(self, kind: str, seller: str | None) -> list[Subscription]:
        return [one for one in self.subscriptions.values() if one.type == kind and one.seller == seller]

    def announce(self, event: Event, lag: timedelta) -> list[Note]:
        """One note per subscription whose filter lets the event pass."""
        wanted = [one for one in self.subscribers(event.type, event.seller) if self._wants(one, event)]
        return [self._write(event, one, lag) for one in wanted]

    def _wants(self, subscription: Subscription, event: Event) -> bool:
        has_queue = self.destinations[subscription.destination].arn is not None
        return has_queue and subscription.lets_pass(event.marketplace, event.change)

    def _write(self, event: Event, subscription: Subscription, lag: timedelta) -> Note:
        note_id, due = self.ids.uuid("notification"), event.at + lag
        arn = self.destinations[subscription.destination].arn or ""
        envelope = self._envelope(event, subscription.id, note_id, due, subscription.version)
        note = Note(note_id, event.type, event.seller, arn, json.dumps(envelope, ensure_ascii=False), due)
        return self._keep(note)

    def announce_raw(self, kind: str, seller: str | None, arn: str, body: str, due: datetime) -> Note:
        """Whatever a scenario wants to see in the queue: unknown types, broken JSON."""
        return self._keep(Note(self.ids.uuid("notification"), kind, seller, arn, body, due))

    def _keep(self, note: Note) -> Note:
        if any(match(note) for match in self._dropped):
            note = replace(note, state="dropped")
        elif any(match(note) for match in self._held):
            note = replace(note, state="held")
        return self._set(note)

    def _set(self, note: Note) -> Note:
        self.notes[note.id] = note
        if note.state == "waiting":
            self._waiting[note.id] = note
        else:
            self._waiting.pop(note.id, None)
        return note

    def _envelope(
        self, event: Event, subscription: str, note_id: str, published: datetime, version: str
    ) -> dict[str, Any]:
        metadata = {
            "ApplicationId": self.application,
            "SubscriptionId": subscription,
            "PublishTime": fine_stamp(published),
            "NotificationId": note_id,
        }
        envelope = {
            "NotificationVersion": version if event.type in CAMEL - OF_APPLICATION else "1.0",
            "NotificationType": event.type,
            "PayloadVersion": version,
            "EventTime": fine_stamp(event.at),
            "Payload": {event.name: dict(event.payload)},
            "NotificationMetadata": metadata,
        }
        if event.type not in CAMEL:
            return envelope
        lowered: dict[str, Any] = {_camel(name): value for name, value in envelope.items()}
        lowered["notificationMetadata"] = {_camel(name): value for name, value in metadata.items()}
        return lowered

    # Sending

    def pending(self) -> list[Note]:
        return list(self._waiting.values())

    def next_due(self) -> datetime | None:
        return min((one.due for one in self._waiting.values()), default=None)

    def due(self, now: datetime) -> list[Note]:
        """What is to be sent now, oldest first unless shuffled."""
        due = sorted((one for one in self.pending() if one.due <= now), key=lambda one: one.due)
        if self._shuffle is not None:
            self._shuffle.shuffle(due)
        return due

    def deliver_due(self, now: datetime, road: Road) -> list[Note]:
        """Send what is due. What a queue does not take is lost: nobody is told."""
        return [self._send(note, road) for note in self.due(now)]

    def _send(self, note: Note, road: Road) -> Note:
        taken = road(note.arn, note.body)
        sent = self._set(replace(note, state="delivered" if taken else "lost"))
        self.sent.append(sent)
        return sent

    @property
    def lost(self) -> list[Note]:
        return [one for one in self.notes.values() if one.state == "lost"]

    # Tricks of scenarios

    def hold(self, match: Match = _everything) -> None:
        """Keep back what matches, now and from now on, until `release`."""
        self._held.append(match)
        for note in self.pending():
            if match(note):
                self._set(replace(note, state="held"))

    def release(self) -> None:
        self._held.clear()
        for note in list(self.notes.values()):
            if note.state == "held":
                self._set(replace(note, state="waiting"))

    def drop(self, match: Match = _everything) -> None:
        """Lose what matches from now on: it is never sent."""
        self._dropped.append(match)

    def stop_dropping(self) -> None:
        self._dropped.clear()

    def reorder(self, *, on: bool = True) -> None:
        """Send due notifications in a random (seeded) order."""
        self._shuffle = random.Random(self.seed) if on else None  # noqa: S311

    def send_again(self, note_id: str, road: Road) -> Note:
        """The same notification under the same id once more."""
        return self._send(self.notes[note_id], road)


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]
