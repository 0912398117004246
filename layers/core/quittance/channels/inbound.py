"""What a pushed delivery must look like before anybody reads it: its address, its signature, its name, its message.

Refuses by the raw bytes alone; nothing here parses a body, reads a clock or trusts a header that is not signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from quittance.domain import instant

SCHEMA: Final = 1
LARGEST_BODY: Final = 1_048_576
LARGEST_MESSAGE: Final = 200 * 1024
# Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
WINDOW_SECONDS: Final = 300
SHORTEST_KEY: Final = 24

_STORE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# A full stop separates the parts that are signed, so it may not be in one of them.
_SIGNED_ID: Final = re.compile(r"[!-\-/-~]{1,128}")
_ID: Final = re.compile(r"[!-~]{1,128}")
_SECONDS: Final = re.compile(r"[0-9]{1,11}")
_KEPT: Final = re.compile(r"[ -~]{1,512}")

Headers = Mapping[str, str]
# (secrets, lower-case headers, raw body, machine time) -> was it signed with one of the secrets
Verify = Callable[[Sequence[str], Headers, bytes, datetime], bool]


class MalformedSecret(ValueError):
    """A signing secret of the store is not one; the text says which rule it breaks and never what it is."""


@dataclass(frozen=True, slots=True)
class Door:
    """How one channel pushes: where to, signed how, and which headers name the delivery, its topic and its time."""

    route: str
    verify: Verify
    kept_headers: frozenset[str]
    id_header: str
    topic_header: str = ""
    fixed_topic: str = ""
    time_header: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One signed transmission. `is_derived` tells that the channel gave it no usable id and ours stands in."""

    channel: str
    store: str
    topic: str
    id: str
    is_derived: bool
    received_at: datetime
    headers: Headers
    body: bytes

    @property
    def spool_key(self) -> str:
        """The key in the raw bucket for a body that no message can carry: the same for every retry."""
        return f"incoming/{self.channel}/{self.store}/{hashlib.sha256(self.id.encode()).hexdigest()}"


def is_store(name: str) -> bool:
    """Tell whether `name` may stand in a secret's name: lower-case letters, digits and hyphens, at most 63."""
    return _STORE.fullmatch(name) is not None


def raw_body(event: Mapping[str, Any]) -> bytes | None:
    """Return the bytes that the sender signed, from an HTTP API event (payload 2.0); None if it is not well-formed.

    Text that is no UTF-8 arrives either in base64 or with each odd byte as a lone surrogate.
    """
    text = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            return base64.b64decode(text, validate=True)
        return str(text).encode("utf-8", "surrogateescape")
    except ValueError:
        return None


def is_too_large(event: Mapping[str, Any]) -> bool:
    """Tell from the length alone, before decoding, that the body is above LARGEST_BODY bytes for certain."""
    length = len(event.get("body") or "")
    return length > (LARGEST_BODY + 2) // 3 * 4 if event.get("isBase64Encoded") else length > LARGEST_BODY


def signing_secrets(secret: Mapping[str, Any]) -> tuple[str, ...]:
    """Return `secrets` of an inbound secret, current first; raises MalformedSecret.

    An empty one is refused: anybody can sign with an empty key.
    """
    stated = secret.get("secrets")
    if not isinstance(stated, list) or not stated or not all(isinstance(one, str) and one for one in stated):
        raise MalformedSecret('write {"secrets": ["current", "previous"]} with at least one, none of them empty')
    return tuple(stated)


def verify_shopify(secrets: Sequence[str], headers: Headers, body: bytes, _: datetime) -> bool:
    """Check X-Shopify-Hmac-Sha256: base64 of HMAC-SHA256 of the raw body under the app's client secret.

    Only the body is signed: https://shopify.dev/docs/apps/build/webhooks/verify-deliveries
    """
    claimed = _digest(headers.get("x-shopify-hmac-sha256", ""))
    return claimed is not None and _is_signed([one.encode() for one in secrets], body, [claimed])


def verify_standard(secrets: Sequence[str], headers: Headers, body: bytes, now: datetime) -> bool:
    """Check a Standard Webhooks signature (`v1,<base64>`, several allowed) over id, timestamp and body.

    The timestamp, whole seconds, may lie WINDOW_SECONDS before or after `now`. Raises MalformedSecret.
    """
    sent_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (_SIGNED_ID.fullmatch(sent_id) and _SECONDS.fullmatch(sent_at)):
        return False
    if abs(now.timestamp() - int(sent_at)) > WINDOW_SECONDS:
        return False
    stated = [one.partition(",") for one in headers.get("webhook-signature", "").split(" ")]
    claimed = [digest for version, _, text in stated if version == "v1" and (digest := _digest(text)) is not None]
    signed = b".".join((sent_id.encode(), sent_at.encode(), body))
    return _is_signed([_standard_key(one) for one in secrets], signed, claimed)


def _standard_key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < SHORTEST_KEY:
        raise MalformedSecret(f"a receipt secret is whsec_ and at least {SHORTEST_KEY} bytes in base64")
    return key


def _digest(text: str) -> bytes | None:
    """Return the 32 bytes that `text` encodes, or None unless it is exactly their base64."""
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    # The last character carries two bits that decoding ignores; a second spelling of a signature is no signature.
    is_exact = len(digest) == hashlib.sha256().digest_size and base64.b64encode(digest).decode() == text
    return digest if is_exact else None


def _is_signed(keys: Sequence[bytes], signed: bytes, claimed: Sequence[bytes]) -> bool:
    expected = [hmac.digest(key, signed, "sha256") for key in keys]
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in claimed]
    return any(matches)


DOORS: Final[Mapping[str, Door]] = MappingProxyType(
    {
        "shopify": Door(
            route="POST /webhooks/{channel}/{store}",
            verify=verify_shopify,
            kept_headers=frozenset(
                {
                    "x-shopify-topic",
                    "x-shopify-shop-domain",
                    "x-shopify-webhook-id",
                    "x-shopify-event-id",
                    "x-shopify-triggered-at",
                    "x-shopify-api-version",
                }
            ),
            id_header="x-shopify-webhook-id",
            topic_header="x-shopify-topic",
            time_header="x-shopify-triggered-at",
        ),
        "warehouse": Door(
            route="POST /receipts/{store}",
            verify=verify_standard,
            kept_headers=frozenset({"webhook-id", "webhook-timestamp"}),
            id_header="webhook-id",
            fixed_topic="receipt",
        ),
    }
)


def channel_of(event: Mapping[str, Any]) -> str | None:
    """Return the channel whose door this HTTP API event came to, or None: unknown, or pushed to another's route."""
    route = event.get("routeKey")
    named = (event.get("pathParameters") or {}).get("channel")
    for channel, door in DOORS.items():
        if door.route == route and named in {None, channel}:
            return channel
    return None


def lower_case(headers: Headers | None) -> Headers:
    """Return the headers by lower-case name: HTTP says that case carries no meaning."""
    return {name.lower(): value for name, value in (headers or {}).items()}


def delivery(channel: str, store: str, headers: Headers, body: bytes, now: datetime) -> Delivery:
    """Return what passed the signature as a delivery, with the channel's id for it and its allow-listed headers."""
    door = DOORS[channel]
    kept = {
        name: headers[name] for name in sorted(door.kept_headers & headers.keys()) if _KEPT.fullmatch(headers[name])
    }
    topic = door.fixed_topic or kept.get(door.topic_header, "")
    named = kept.get(door.id_header, "")
    received = Delivery(channel, store, topic, named, False, now, kept, body)
    if _ID.fullmatch(named):
        return received
    return replace(received, id=_derived_id(received, kept.get(door.time_header, "")), is_derived=True)


def _derived_id(unnamed: Delivery, triggered_at: str) -> str:
    # A retry must collide with the first try, and so must have the same id. The time of the act is part of it because
    # identical bytes can be two real hints; the body is, because two acts can share topic and time.
    named = f"{unnamed.store}\0{unnamed.topic}\0{triggered_at}\0".encode() + unnamed.body
    return f"derived-{hashlib.sha256(named).hexdigest()}"


def message(received: Delivery) -> str:
    """Return the queue message that carries the body itself, as ASCII text: its length is its size in bytes."""
    return _message(received, {"body": base64.b64encode(received.body).decode()})


def pointer(received: Delivery) -> str:
    """Return the queue message of a delivery whose body lies in the raw bucket under its `spool_key`."""
    return _message(received, {"body_s3": received.spool_key})


def _message(received: Delivery, carried: Mapping[str, str]) -> str:
    stated = {
        "schema": SCHEMA,
        "type": "delivery",
        "channel": received.channel,
        "store": received.store,
        "topic": received.topic,
        "delivery": received.id,
        "received_at": instant.to_text(received.received_at),
        "headers": received.headers,
        **carried,
    }
    return json.dumps(stated, separators=(",", ":"))
