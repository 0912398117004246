"""Raw deliveries in the bucket: one object each, whole, for as long as the bucket keeps it.

Refuses to read anything but what it wrote, and takes a missing answer for no proof that the object is gone.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from quittance.application.ports import Delivery
from quittance.domain.errors import Unavailable
from quittance.domain.ids import DeliveryId, digest
from quittance.domain.instant import from_text, to_text

SCHEMA: Final = 1
_GONE: Final = frozenset({"NoSuchKey", "404"})


class S3Archive:
    """Implements `application.ports.Archive` with an S3 client and the name of the raw bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, delivery: Delivery) -> str:
        """Store the delivery whole and return its key; the same delivery gets the same key. Raises Unavailable."""
        key = archive_key(delivery)
        body = json.dumps(_document(delivery), separators=(",", ":")).encode()
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"the archive did not take a delivery of {delivery.channel}") from error
        return key

    def get(self, key: str) -> Delivery | None:
        """The delivery, unless its time is over or it was never archived; raises Unavailable."""
        raw = self._bytes(key) if key else None
        return None if raw is None else _delivery(json.loads(raw))

    def bytes_at(self, key: str) -> bytes:
        """The raw body that receive_webhook laid down; raises Unavailable, also when it is gone."""
        raw = self._bytes(key)
        if raw is None:
            raise Unavailable("the body of a delivery is not in the bucket")
        return raw

    def _bytes(self, key: str) -> bytes | None:
        try:
            raw: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _GONE:
                return None
            raise Unavailable("the archive did not answer") from error
        except BotoCoreError as error:
            raise Unavailable("the archive did not answer") from error
        return raw


def archive_key(delivery: Delivery) -> str:
    """Where a delivery lies: by channel, account and day, under the digest of its id, which may contain anything."""
    day = to_text(delivery.received_at)[:10].replace("-", "/")
    return f"archive/{delivery.channel}/{delivery.account}/{day}/{digest(delivery.id)}"


def _document(delivery: Delivery) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "channel": delivery.channel,
        "account": delivery.account,
        "store": delivery.store,
        "topic": delivery.topic,
        "delivery": delivery.id,
        "received_at": to_text(delivery.received_at),
        "headers": dict(delivery.headers),
        "body": base64.b64encode(delivery.body).decode(),
    }


def _delivery(document: dict[str, Any]) -> Delivery:
    if document["schema"] != SCHEMA:
        raise Unavailable(f"an archived delivery has schema {document['schema']}; this release reads {SCHEMA}")
    return Delivery(
        channel=document["channel"],
        account=document["account"],
        store=document["store"],
        topic=document["topic"],
        id=DeliveryId(document["delivery"]),
        received_at=from_text(document["received_at"]),
        body=base64.b64decode(document["body"], validate=True),
        headers=document["headers"],
    )
