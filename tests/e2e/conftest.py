"""One world for all end-to-end tests of a process: the whole stack, a shop with its own books, a warehouse, people.

After each test the world must be at rest, without dead letters, and the shop's books equal to ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests

from quittance.domain.ids import CaseId
from sandbox.report import compare
from sandbox.shopify.ordering import Item
from sandbox.shopify.webhooks import sign
from sandbox.world import STORE, World

DELIVERED = timedelta(days=3)


@pytest.fixture(scope="session")
def whole_world() -> Iterator[World]:
    with World.start() as started:
        yield started


@pytest.fixture
def world(whole_world: World) -> Iterator[World]:
    yield whole_world
    whole_world.settle()
    assert whole_world.cloud.dead_letters() == {}
    assert whole_world.shopify.defects == []
    assert [line for line in compare(whole_world.shopify.books(), whole_world.ledgers()) if not line.agrees] == []


@dataclass(frozen=True, slots=True)
class Story:
    """One order and what was asked back of it."""

    world: World
    order: str
    name: str
    request: str
    rma: str

    @property
    def case(self) -> CaseId:
        return self.world.case(self.request)

    @property
    def shown(self) -> dict[str, Any]:
        return self.world.show(self.case)

    @property
    def refunded(self) -> int:
        """What the shop's own books say was paid back, in cents."""
        return self.world.shopify.books()[self.name].refunded

    def intent(self, act: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = [one for one in self.shown["intents"] if one["act"] == act]
        return found[-1]

    def decide(self, command: str, alias: str = "agent", **more: Any) -> dict[str, Any]:
        answer = self.world.decide(alias, command, self.case, **more)
        self.world.settle()
        return answer

    def arrive(self, parcel: str, condition: str = "new", **units: int) -> None:
        assert self.world.parcel(parcel, units, condition, rma=self.rma) == 200
        self.world.settle()


@dataclass(frozen=True, slots=True)
class Shopper:
    """Buys, receives and asks back."""

    world: World

    def asks_back(self, sku: str, price: str, quantity: int = 1, *, settle: bool = True) -> Story:
        shop = self.world.shopify
        order = shop.place_order([Item(sku, price, quantity)])
        parcel = shop.fulfil(order.id)
        shop.record_event(parcel.id, "DELIVERED", happened_at=self.world.clock() - DELIVERED)
        request = shop.buyer_requests_return(order.id, {sku: quantity})
        if settle:
            self.world.settle()
        return Story(self.world, order.id, order.name, request.id, request.name)


@pytest.fixture
def shopper(world: World) -> Shopper:
    return Shopper(world)


@dataclass(frozen=True, slots=True)
class Door:
    """Posts to the public address as Shopify does, signed with the app's secret unless another is named."""

    world: World

    def post(
        self,
        body: Any,
        *,
        webhook: str,
        topic: str = "returns/request",
        path: str = f"webhooks/shopify/{STORE}",
        secret: str | None = None,
        signed: bool = True,
    ) -> int:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        key = self.world.shopify.floor().app.signing_secret if secret is None else secret
        headers = {
            "content-type": "application/json",
            "x-shopify-topic": topic,
            "x-shopify-shop-domain": f"{STORE}.myshopify.com",
            "x-shopify-webhook-id": webhook,
            **({"x-shopify-hmac-sha256": sign(raw, key)} if signed else {}),
        }
        answer = requests.post(f"{self.world.cloud.api_url}/{path}", data=raw, headers=headers, timeout=20)
        return answer.status_code

    def delivery(self, webhook: str) -> dict[str, Any] | None:
        """What the table knows of a webhook."""
        items = self.world.items(f"DELIVERY#shopify#{STORE}#{webhook}")
        return items[0] if items else None


@pytest.fixture
def door(world: World) -> Door:
    return Door(world)


def fingerprint(world: World) -> str:
    """The whole table in one digest: equal before and after means that nothing was written."""
    items = sorted(world.items(""), key=lambda item: (item["pk"], item["sk"]))
    kept = [item for item in items if not item["pk"].startswith(("LEASE#", "SANDBOX"))]
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()
