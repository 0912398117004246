"""Webhook deliveries: who subscribed, what is signed and sent, what is tried again, and when a subscriber is dropped.

A delivery keeps its first bytes, id and address for ever; order is not promised. Nothing is sent by itself:
`deliver_due` sends what is due at the time given, so four hours of retries pass when the caller's clock says so.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import requests

from sandbox.shopify.ids import Sequence as Ids

RETRIES = 8
# Exponential, and the eighth ends the four hours.
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16, 32, 64, 113))
_TIMEOUT = (1, 5)


def sign(body: bytes, secret: str) -> str:
    """base64 of HMAC-SHA256 over the raw bytes."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def passes(terms: str | None, body: bytes) -> bool:
    """`field:value` terms joined by AND. A field that the payload does not have lets nothing pass, silently."""
    payload = json.loads(body) if terms else {}
    for name, wanted in re.findall(r"([\w.]+):'?([^'\s]+)'?", terms or ""):
        value = payload
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is None or str(value).lower() != wanted.lower():
            return False
    return True


@dataclass(frozen=True, slots=True)
class Subscription:
    """`app_level` ones come from the app's configuration: they are never removed for failing."""

    id: str
    shop: str
    topic: str
    uri: str
    version: str
    created_at: datetime
    name: str | None = None
    filter: str | None = None
    include_fields: tuple[str, ...] = ()
    app_level: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One transmission of one event to one subscription. `tries` counts the attempts that failed."""

    webhook_id: str
    event_id: str
    subscription: str
    shop: str
    topic: str
    uri: str
    body: bytes
    headers: tuple[tuple[str, str], ...]
    due: datetime
    tries: int = 0
    state: str = "waiting"

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)


@dataclass(frozen=True, slots=True)
class Notice:
    """An event to tell subscribers of: topic as in the header, body as sent, the secret that signs now."""

    shop: str
    topic: str
    body: bytes
    event_id: str
    at: datetime
    secret: str


Match = Callable[[Delivery], bool]


def _everything(_: Delivery) -> bool:
    return True


@dataclass(slots=True)
class Attempt:
    """What one sending came to: `status` is the answer's, or None when there was none."""

    delivery: Delivery
    status: int | None


@dataclass(slots=True)
class Outbox:
    """All deliveries of all shops. `sent` lists every attempt, in order."""

    ids: Ids
    seed: int = 0
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    removed: list[Subscription] = field(default_factory=list)
    sent: list[Attempt] = field(default_factory=list)
    _held: list[Match] = field(default_factory=list)
    _dropped: list[Match] = field(default_factory=list)
    _shuffle: random.Random | None = None

    # Subscribing

    def subscribe(self, subscription: Subscription) -> Subscription:
        self.subscriptions[subscription.id] = subscription
        return subscription

    def subscribers(self, shop: str, topic: str) -> list[Subscription]:
        known = list(self.subscriptions.values())
        return [item for item in known if item.shop == shop and item.topic == topic]

    # Announcing

    def announce(self, notice: Notice) -> list[Delivery]:
        """One delivery per subscriber whose filter lets the body pass."""
        wanted = self.subscribers(notice.shop, notice.topic)
        return [self._deliver(notice, item) for item in wanted if passes(item.filter, notice.body)]

    def _deliver(self, notice: Notice, subscription: Subscription) -> Delivery:
        delivery = Delivery(
            webhook_id=self.ids.uuid("webhook"),
            event_id=notice.event_id,
            subscription=subscription.id,
            shop=notice.shop,
            topic=notice.topic,
            uri=subscription.uri,
            body=notice.body,
            headers=(),
            due=notice.at,
        )
        delivery = replace(delivery, headers=_headers(delivery, notice, subscription))
        self.deliveries[delivery.webhook_id] = delivery
        if any(match(delivery) for match in self._dropped):
            self._set(delivery, state="dropped")
        elif any(match(delivery) for match in self._held):
            self._set(delivery, state="held")
        return self.deliveries[delivery.webhook_id]

    def _set(self, delivery: Delivery, **changes: object) -> None:
        self.deliveries[delivery.webhook_id] = replace(delivery, **changes)  # type: ignore[arg-type]

    # Sending

    def pending(self) -> list[Delivery]:
        return [item for item in list(self.deliveries.values()) if item.state == "waiting"]

    def next_due(self) -> datetime | None:
        return min((item.due for item in self.pending()), default=None)

    def deliver_due(self, now: datetime) -> list[Attempt]:
        """Send what is due, oldest first unless shuffled. Failures wait for their next turn."""
        due = sorted((item for item in self.pending() if item.due <= now), key=lambda item: item.due)
        if self._shuffle is not None:
            self._shuffle.shuffle(due)
        return [self._attempt(item, now) for item in due]

    def _attempt(self, delivery: Delivery, now: datetime) -> Attempt:
        status = post(delivery)
        attempt = Attempt(delivery, status)
        self.sent.append(attempt)
        if status is not None and 200 <= status < 300:  # noqa: PLR2004
            self._set(delivery, state="delivered")
        elif delivery.tries < RETRIES:
            self._set(delivery, tries=delivery.tries + 1, due=now + _WAITS[delivery.tries])
        else:
            self._set(delivery, tries=delivery.tries + 1, state="failed")
        if self.deliveries[delivery.webhook_id].tries >= RETRIES:
            self._remove(delivery.subscription)
        return attempt

    def _remove(self, subscription_id: str) -> None:
        """Eight failures in a row end a subscription made through the API, and what still waits for it."""
        subscription = self.subscriptions.get(subscription_id)
        if subscription is None or subscription.app_level:
            return
        self.removed.append(self.subscriptions.pop(subscription_id))
        for item in self.pending():
            if item.subscription == subscription_id:
                self._set(item, state="failed")

    # Tricks of scenarios

    def hold(self, match: Match = _everything) -> None:
        """Keep back what matches, now and from now on, until `release`."""
        self._held.append(match)
        for item in self.pending():
            if match(item):
                self._set(item, state="held")

    def release(self) -> None:
        self._held.clear()
        for item in list(self.deliveries.values()):
            if item.state == "held":
                self._set(item, state="waiting")

    def drop(self, match: Match = _everything) -> None:
        """Lose what matches from now on: it is never sent."""
        self._dropped.append(match)

    def stop_dropping(self) -> None:
        self._dropped.clear()

    def reorder(self, *, on: bool = True) -> None:
        """Send due deliveries in a random (seeded) order."""
        self._shuffle = random.Random(self.seed) if on else None  # noqa: S311

    def send_again(self, webhook_id: str) -> Attempt:
        """The same bytes under the same webhook id once more."""
        attempt = Attempt(self.deliveries[webhook_id], post(self.deliveries[webhook_id]))
        self.sent.append(attempt)
        return attempt

    def forge(self, webhook_id: str, body: bytes | None = None) -> int | None:
        """A copy whose signature was made with another secret; the answer's status."""
        original = self.deliveries[webhook_id]
        content = original.body if body is None else body
        wrong = sign(content, "not the secret")
        headers = tuple((name, wrong if name == "X-Shopify-Hmac-Sha256" else value) for name, value in original.headers)
        return post(replace(original, body=content, headers=headers))


def _headers(delivery: Delivery, notice: Notice, subscription: Subscription) -> tuple[tuple[str, str], ...]:
    pairs: Sequence[tuple[str, str | None]] = (
        ("Content-Type", "application/json"),
        ("User-Agent", "Shopify-Captain-Hook"),
        ("X-Shopify-Topic", notice.topic),
        ("X-Shopify-Hmac-Sha256", sign(notice.body, notice.secret)),
        ("X-Shopify-Shop-Domain", f"{notice.shop}.myshopify.com"),
        ("X-Shopify-API-Version", subscription.version),
        ("X-Shopify-Webhook-Id", delivery.webhook_id),
        ("X-Shopify-Event-Id", delivery.event_id),
        ("X-Shopify-Triggered-At", notice.at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"),
        ("X-Shopify-Name", subscription.name),
    )
    return tuple((name, value) for name, value in pairs if value is not None)


def post(delivery: Delivery) -> int | None:
    """The status of the answer; None when nobody answered in time. A redirect is not followed: it counts as failure."""
    try:
        answer = requests.post(
            delivery.uri,
            data=delivery.body,
            headers=dict(delivery.headers),
            timeout=_TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException:
        return None
    return answer.status_code
