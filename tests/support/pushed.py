"""Builds HTTP API events (payload 2.0) as channels and warehouses push them, signed by rules written here again."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

SHOPIFY_SECRET: Final = "shpss_0123456789abcdef0123456789abcdef"
RECEIPT_SECRET: Final = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOON: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STORE: Final = "maison-lumiere"


def http_event(
    route: str, path: Mapping[str, str], headers: Mapping[str, str], body: bytes, *, is_base64: bool = True
) -> dict[str, Any]:
    """Return the event; bytes that are no UTF-8 stand as lone surrogates when it is not base64."""
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": "/",
        "headers": {"content-type": "application/json", **headers},
        "pathParameters": dict(path),
        "requestContext": {"http": {"method": "POST", "sourceIp": "203.0.113.9"}},
        "isBase64Encoded": is_base64,
        "body": base64.b64encode(body).decode() if is_base64 else body.decode("utf-8", "surrogateescape"),
    }


def shopify_signature(body: bytes, secret: str = SHOPIFY_SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def shopify_event(
    body: bytes = b'{"id":1}',
    *,
    store: str = STORE,
    channel: str = "shopify",
    secret: str = SHOPIFY_SECRET,
    is_base64: bool = True,
    **changed: str | None,
) -> dict[str, Any]:
    """Return a signed webhook; `changed` sets a header by its name with underscores, or takes it away with None."""
    headers: dict[str, str] = {
        "x-shopify-topic": "returns/request",
        "x-shopify-shop-domain": f"{STORE}.myshopify.com",
        "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "x-shopify-event-id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
        "x-shopify-triggered-at": "2026-11-21T11:59:58.123456789Z",
        "x-shopify-api-version": "2026-10",
        "x-shopify-hmac-sha256": shopify_signature(body, secret),
        "x-forwarded-for": "203.0.113.9",
    }
    route = "POST /webhooks/{channel}/{store}"
    path = {"channel": channel, "store": store}
    return http_event(route, path, _changed(headers, changed), body, is_base64=is_base64)


def receipt_signature(body: bytes, sent_id: str, sent_at: str, secret: str = RECEIPT_SECRET) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{sent_id}.{sent_at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def receipt_event(
    body: bytes = b'{"receipt_id":"R-1"}',
    *,
    store: str = STORE,
    secret: str = RECEIPT_SECRET,
    sent_at: datetime = NOON,
    **changed: str | None,
) -> dict[str, Any]:
    """Return a receipt signed by Standard Webhooks; `changed` as for `shopify_event`."""
    seconds = str(int(sent_at.timestamp()))
    headers: dict[str, str] = {
        "webhook-id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        "webhook-timestamp": seconds,
        "webhook-signature": receipt_signature(body, "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", seconds, secret),
    }
    return http_event("POST /receipts/{store}", {"store": store}, _changed(headers, changed), body)


def _changed(headers: dict[str, str], changed: Mapping[str, str | None]) -> dict[str, str]:
    stated = {**headers, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return {name: value for name, value in stated.items() if value is not None}
