"""Takes in what channels and warehouses push: checks address, size, store and signature, queues the bytes, answers 200.

Refuses everything else with one short text per status, before anything of the body is read.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any, Final

from quittance.channels import inbound
from quittance.channels.inbound import Delivery, Headers, MalformedSecret
from quittance.runtime import door_lines, settings
from quittance.runtime.aws import AWS_ERRORS, aws_client, error_code
from quittance.runtime.clock import SystemClock
from quittance.runtime.secrets import Secrets, SecretUnavailable

Answer = dict[str, Any]

ANSWERS: Final[Mapping[int, str]] = {
    200: '{"outcome":"accepted"}',
    400: '{"outcome":"refused","reason":"the body did not arrive whole"}',
    401: '{"outcome":"refused","reason":"the signature was not accepted"}',
    404: '{"outcome":"refused","reason":"no such address"}',
    413: json.dumps({"outcome": "refused", "reason": f"the body is above {inbound.LARGEST_BODY} bytes"}),
    503: '{"outcome":"refused","reason":"try again later"}',
}
UNABLE: Final = 503


class Refused(Exception):
    """The sender gets `status`; `outcome` is what we count."""

    def __init__(self, status: int, outcome: str, reason: str = "") -> None:
        super().__init__(outcome)
        self.status = status
        self.outcome = outcome
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Reception:
    """The way from an HTTP API event to the inbox queue.

    `spool` makes the S3 client, for the rare body that no message can carry. `now` is the machine's time: a signature's
    window and the caches do not follow the sandbox clock.
    """

    settings: settings.ReceiveWebhook
    secrets: Secrets
    queue: Any
    spool: Callable[[], Any]
    now: Callable[[], datetime]

    def receive(self, event: Mapping[str, Any]) -> Answer:
        """Return the HTTP answer; 200 means that the queue has it, anything else that the sender keeps it."""
        channel = inbound.channel_of(event)
        store = (event.get("pathParameters") or {}).get("store", "")
        try:
            received = self._admit(event, channel, store)
            self._enqueue(received)
        except Refused as refused:
            return _refuse(refused, channel, store)
        return _accept(received)

    def _admit(self, event: Mapping[str, Any], channel: str | None, store: str) -> Delivery:
        if channel is None:
            raise Refused(404, "unknown_route")
        body = _body(event)
        if not inbound.is_store(store):
            raise Refused(404, "unknown_store")
        headers = inbound.lower_case(event.get("headers"))
        now = self.now()
        try:
            if not self._is_signed(channel, store, headers, body, now):
                raise Refused(401, "bad_signature")
        except SecretUnavailable as error:
            raise Refused(UNABLE, "secret_unavailable", error.reason) from error
        except MalformedSecret as error:
            raise Refused(UNABLE, "secret_malformed", str(error)) from error
        return inbound.delivery(channel, store, headers, body, now)

    def _is_signed(self, channel: str, store: str, headers: Headers, body: bytes, now: datetime) -> bool:
        # A signature that fits no held secret may be of a new one: the secret is read again, at most every 30 seconds.
        for read in (self.secrets.get, self.secrets.refresh):
            secret = read(f"inbound/{channel}/{store}")
            if secret is None:
                raise Refused(404, "unknown_store")
            if inbound.DOORS[channel].verify(inbound.signing_secrets(secret), headers, body, now):
                return True
        return False

    def _enqueue(self, received: Delivery) -> None:
        message = inbound.message(received)
        try:
            if len(message) > inbound.LARGEST_MESSAGE:
                self.spool().put_object(Bucket=self.settings.raw_bucket, Key=received.spool_key, Body=received.body)
                message = inbound.pointer(received)
            self.queue.send_message(QueueUrl=self.settings.inbox_queue_url, MessageBody=message)
        except AWS_ERRORS as error:
            raise Refused(UNABLE, "not_queued", error_code(error)) from error


def _body(event: Mapping[str, Any]) -> bytes:
    if inbound.is_too_large(event):
        raise Refused(413, "too_large")
    body = inbound.raw_body(event)
    if body is None:
        raise Refused(400, "bad_encoding")
    if len(body) > inbound.LARGEST_BODY:
        raise Refused(413, "too_large")
    return body


def _refuse(refused: Refused, channel: str | None, store: str) -> Answer:
    # Whoever invents addresses must not invent metrics: CloudWatch bills each value of a dimension.
    known = channel or "unknown"
    named = store if inbound.is_store(store) else None
    door_lines.metric("DeliveryRefused", 1, known, refused.outcome, store=named)
    if refused.status == UNABLE:
        door_lines.error(
            "delivery not taken in", channel=known, outcome=refused.outcome, store=named, reason=refused.reason
        )
    return _answer(refused.status)


def _accept(received: Delivery) -> Answer:
    door_lines.metric(
        "DeliveryReceived",
        1,
        received.channel,
        "accepted",
        store=received.store,
        topic=received.topic,
        delivery=received.id,
        derived=received.is_derived,
        bytes=len(received.body),
    )
    return _answer(200)


def _answer(status: int) -> Answer:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": ANSWERS[status]}


def _reception() -> Reception:
    stated = settings.load(settings.ReceiveWebhook, os.environ)
    now = SystemClock().now
    # Shopify gives 5 seconds in all, so a call that hangs ends after one and its retry after two.
    secrets = Secrets(aws_client("secretsmanager", read_timeout=1), stated.deployment.secret_prefix, now)
    spool = cache(partial(aws_client, "s3", read_timeout=1))
    return Reception(stated, secrets, aws_client("sqs", read_timeout=1), spool, now)


reception: Final = _reception()
# What the import made stays until the process ends; looking through it for garbage is what slow calls waited for.
gc.freeze()


def handler(event: Mapping[str, Any], _context: object) -> Answer:
    return reception.receive(event)
