"""Shopify's Admin GraphQL API: reads that are answered whole or not at all, and mutations that are sent once.

Refuses to retry a mutation, to wait before one, and to let a token, a body or a person's words into a log.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import requests

from quittance.application.ports import Meter, NotSent, Refused, Unknown
from quittance.channels.shopify import answers
from quittance.channels.shopify.documents import VERSION, Mutation
from quittance.channels.shopify.fields import Node, Unreadable
from quittance.channels.shopify.throttle import Bucket
from quittance.channels.shopify.tokens import Access, Credentials, Tokens
from quittance.channels.shopify.wire import Answer, Lost, NotReached, Wire, plain_session
from quittance.domain.errors import Unavailable

CHANNEL: Final = "shopify"
HOST: Final = "https://{shop}.myshopify.com"
PATH: Final = f"/admin/api/{VERSION}/graphql.json"
READ_SECONDS: Final = 20.0
LONGEST_WAIT: Final = 5.0
_VERSION: Final = re.compile(r"[0-9a-z-]{1,20}", re.ASCII)
_LOG: Final = logging.getLogger(__name__)


class Client:
    """Sends documents for accounts.

    `credentials(account)` gives {"shop", "access_token"} or {"shop", "client_id", "client_secret"}. `endpoint` stands
    in for https://<shop>.myshopify.com in the sandbox and gets the shop as its first path segment. `sleep` and `clock`
    work in the machine's seconds, because Shopify's bucket and tokens do not follow the sandbox clock.
    """

    def __init__(
        self,
        credentials: Credentials,
        meter: Meter,
        *,
        endpoint: str = "",
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._wire = Wire(session or plain_session())
        self._endpoint = endpoint.rstrip("/")
        self._tokens = Tokens(credentials, self._wire, self._address, clock)
        self._meter = meter
        self._sleep = sleep
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def query(self, account: str, document: str, variables: Mapping[str, Any]) -> Node:
        """Return the data of a query; raises Unavailable unless it was answered whole."""
        body = canonical(variables)
        self._pause(self._bucket(account).wait(document))
        try:
            return self._read(account, document, body)
        except answers.Throttled as throttled:
            self._pause(throttled.seconds)
            return self._read(account, document, body)

    def mutate(
        self, account: str, mutation: Mutation, body: bytes, timeout: timedelta
    ) -> answers.Accepted | Refused | NotSent | Unknown:
        """Send the variables in `body` as they are, once; what is not a definite answer is Unknown."""
        try:
            access = self._tokens.get(account)
        except Unavailable:
            return NotSent("no_token", timedelta(minutes=1))
        try:
            answer = self._post(account, access, mutation.document, body, timeout.total_seconds())
        except NotReached as error:
            return NotSent(error.why)
        except Lost as error:
            return Unknown(error.why)
        if answer.status == answers.UNAUTHORISED:
            self._tokens.refused(account, access.token)
        return answers.sent(mutation.field, answer)

    def _read(self, account: str, document: str, body: bytes) -> Node:
        access = self._tokens.get(account)
        answer = self._post_read(account, access, document, body)
        if answer.status == answers.UNAUTHORISED and self._tokens.refused(account, access.token):
            answer = self._post_read(account, self._tokens.get(account), document, body)
        return answers.read(answer)

    def _post_read(self, account: str, access: Access, document: str, body: bytes) -> Answer:
        try:
            return self._post(account, access, document, body, READ_SECONDS)
        except (NotReached, Lost) as error:
            raise Unreadable(f"shopify: no answer ({error.why})") from None

    def _post(self, account: str, access: Access, document: str, body: bytes, seconds: float) -> Answer:
        url = f"{self._address(access.shop)}{PATH}"
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-Shopify-Access-Token": access.token,
        }
        # The variables travel as the very bytes whose digest the intent carries.
        request = b'{"query":' + canonical(document) + b',"variables":' + body + b"}"
        answer = self._wire.post(url, request, headers, seconds)
        self._bucket(account).take_in(document, answers.parsed(answer))
        self._watch_version(account, answer)
        return answer

    def _pause(self, seconds: float) -> None:
        if seconds > LONGEST_WAIT:
            raise answers.Throttled(seconds)
        if seconds > 0:
            self._sleep(seconds)

    def _address(self, shop: str) -> str:
        return f"{self._endpoint}/{shop}" if self._endpoint else HOST.format(shop=shop)

    def _bucket(self, account: str) -> Bucket:
        return self._buckets.setdefault(account, Bucket(self._clock))

    def _watch_version(self, account: str, answer: Answer) -> None:
        """A version that is no longer supported is answered by a later one, without an error."""
        served = answer.headers.get("x-shopify-api-version", "")
        if not served or served == VERSION:
            return
        self._meter.count("ApiVersionDrift", CHANNEL, "drifted")
        shown = served if _VERSION.fullmatch(served) else "another version"
        _LOG.warning("shopify answers account %s with %s instead of %s", account, shown, VERSION)


def canonical(value: Any) -> bytes:
    """Return JSON with sorted keys and no spaces: the same value gives the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
