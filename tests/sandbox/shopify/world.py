"""What the simulator's tests stand on: a clock to turn, a client that speaks plain HTTP, a subscriber that listens."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import requests
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sandbox.shopify import Item, Shop, ShopifySimulator

SHOP = "maison-lumiere"
VERSION = "2026-10"
START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
TOKEN = "shpat_test"
Json = dict[str, Any]


@dataclass(slots=True)
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> datetime:
        self.now += timedelta(**parts)
        return self.now


@dataclass(slots=True)
class World:
    """A running simulator, its clock, and the API as an app sees it."""

    shopify: ShopifySimulator
    clock: Clock
    shop: str = SHOP
    version: str = VERSION
    keys: int = 0

    def send(self, document: str, variables: Json | None = None, **more: Any) -> requests.Response:
        return requests.post(
            f"{self.shopify.url}/{self.shop}/admin/api/{self.version}/graphql.json",
            json={"query": document, "variables": variables or {}} | more,
            headers={"X-Shopify-Access-Token": TOKEN},
            timeout=5,
        )

    def ask(self, document: str, variables: Json | None = None) -> Json:
        answer = self.send(document, variables)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        assert not self.shopify.defects, self.shopify.defects
        return body

    def data(self, document: str, variables: Json | None = None) -> Any:
        body = self.ask(document, variables)
        assert "errors" not in body, body["errors"]
        return next(iter(body["data"].values()))

    def refund(self, order: str, amount: str, key: str | None = None, **given: Any) -> Json:
        """RefundCreate of an amount on the order's first payment."""
        self.keys += 1
        payment = self.shopify.floor(self.shop).books.paid(order)[0]
        transaction = {"orderId": order, "parentId": payment.id, "gateway": payment.gateway, "kind": "REFUND"}
        entry = {"orderId": order, "transactions": [transaction | {"amount": amount}]} | given
        answer: Json = self.data(REFUND, {"input": entry, "key": key or f"key-{self.keys}"})
        return answer

    def delivered_order(self, *items: Item, **basket: Any) -> str:
        """A paid order, shipped and delivered; its gid."""
        order = self.shopify.place_order(items or (Item("CANDLE", "20.00", 3),), **basket)
        parcel = self.shopify.fulfil(order.id, tracking=("Colissimo", "6A123", "https://carrier.example/6A123"))
        self.shopify.record_event(parcel.id, "DELIVERED")
        return order.id


REFUND = """
mutation Refund($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) {
    refund { id note return { id } totalRefundedSet { presentmentMoney { amount currencyCode } }
      transactions(first: 20) { nodes { id status errorCode amountSet { presentmentMoney { amount } } } } }
    userErrors { field message } } }
"""
PROCESS = """
mutation Process($input: ReturnProcessInput!) {
  returnProcess(input: $input) {
    return { id status refunds(first: 20) { nodes { id note totalRefundedSet { presentmentMoney { amount } } } }
      returnLineItems(first: 20) { nodes {
        id processedQuantity processableQuantity refundedQuantity refundableQuantity } } }
    userErrors { code field message } } }
"""


@contextmanager
def open_world(shop: Shop | None = None, **given: Any) -> Iterator[World]:
    clock = Clock()
    shops = [shop or Shop(SHOP, access_token=TOKEN)]
    with ShopifySimulator(clock, shops, **given) as shopify:
        yield World(shopify, clock, shops[0].name)
        assert not shopify.defects, shopify.defects


@dataclass(slots=True)
class Heard:
    headers: dict[str, str]
    body: bytes

    @property
    def topic(self) -> str:
        return self.headers["X-Shopify-Topic"]

    def is_signed_with(self, secret: str) -> bool:
        digest = hmac.new(secret.encode(), self.body, hashlib.sha256).digest()
        return hmac.compare_digest(base64.b64decode(self.headers["X-Shopify-Hmac-Sha256"]), digest)


@dataclass(slots=True)
class Subscriber:
    """An address that listens; it answers `status` and remembers what it heard."""

    url: str = ""
    status: int = 200
    heard: list[Heard] = field(default_factory=list)

    def topics(self) -> list[str]:
        return [item.topic for item in self.heard]

    def __call__(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        self.heard.append(Heard(dict(request.headers.items()), request.get_data()))
        return Response(status=self.status)(environ, start)


@contextmanager
def listening() -> Iterator[Subscriber]:
    subscriber = Subscriber()
    server = make_server("127.0.0.1", 0, subscriber, threaded=False)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    subscriber.url = f"http://127.0.0.1:{server.server_port}/webhooks/shopify/{SHOP}"
    try:
        yield subscriber
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
