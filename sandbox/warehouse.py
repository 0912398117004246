"""The warehouse: it opens parcels and reports what it found, signed as Standard Webhooks asks.

It knows nothing of cases; it names what stands on the parcel.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Posts receipts to one store's door. `key` is the shared secret, `whsec_` and base64."""

    url: str
    key: str

    def report(self, receipt: Mapping[str, Any], at: int) -> int:
        """Send one receipt, signed at `at` (seconds since 1970, machine time); returns the HTTP status."""
        body = json.dumps(receipt).encode()
        answer = requests.post(
            self.url, data=body, headers=self.headers(receipt["receipt_id"], at, body), timeout=TIMEOUT
        )
        return answer.status_code

    def headers(self, name: str, at: int, body: bytes) -> dict[str, str]:
        """The three headers of Standard Webhooks: https://www.standardwebhooks.com."""
        secret = base64.b64decode(self.key.removeprefix("whsec_"))
        signed = hmac.digest(secret, f"{name}.{at}.".encode() + body, hashlib.sha256)
        return {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(at),
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }
