"""Many orders with an authorised return each, made in bulk: the shop's own acts, and the real use case per case.

Nothing is written past the use cases; only the way of a hint through door and queue is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from quittance.application.apply_observation import apply_observation
from quittance.application.commit import Key
from quittance.application.ports import Hint, Place, Ports
from quittance.channels import registry
from quittance.domain.ids import CaseId, OrderId
from quittance.domain.intent import Act, Intent
from quittance.storage import keys
from quittance.storage.dynamo import DynamoEngine
from quittance.storage.items_intent import intent_of
from quittance.storage.policies import PublishedPolicies
from quittance.storage.table import Table
from sandbox.shopify.ordering import Item
from sandbox.world import STORE, World
from tests.support.workbench import Tally

PLACE = Place("shopify", STORE, STORE)
DELIVERED = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class WorldClock:
    """The world's own clock, to the millisecond that the table keeps."""

    world: World

    def now(self) -> datetime:
        at = self.world.clock()
        return at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """One unit of one order that the buyer sends back: order, case, return number and price in cents."""

    order: str
    name: str
    case: CaseId
    rma: str
    sku: str
    price: int


def ports_of(world: World) -> Ports:
    """The use cases' ports on the world's table and shop, as an administrator has them."""
    engine = DynamoEngine(world.cloud.client("dynamodb"), world.cloud.table)
    shop = world.shopify.floor().shop
    credentials = {"shop": STORE, "client_id": shop.client_id, "client_secret": shop.client_secret}
    clock, meter = WorldClock(world), Tally()
    channel = registry.channel("shopify", credentials=lambda _: credentials, meter=meter, endpoint=world.shopify.url)
    policies = PublishedPolicies(engine, clock.now)
    return Ports(Table(engine), policies, clock, meter, acts=registry.acts, channel=lambda _: channel)


def ask_back(world: World, count: int) -> list[Asked]:
    """Orders with an authorised return each, all known to us; the shop's webhooks of them are lost."""
    ports = ports_of(world)
    world.shopify.webhooks.drop()
    asked = [_asked(world, number) for number in range(count)]
    for one in asked:
        apply_observation(ports, PLACE, Hint(OrderId(one.order.rpartition("/")[2])))
    return asked


def _asked(world: World, number: int) -> Asked:
    shop, sku, price = world.shopify, f"SKU-{number}", 1000 + number
    order = shop.place_order([Item(sku, f"{price // 100}.{price % 100:02}")])
    parcel = shop.fulfil(order.id)
    shop.record_event(parcel.id, "DELIVERED", happened_at=world.clock() - DELIVERED)
    request = shop.buyer_requests_return(order.id, {sku: 1})
    shop.admin_approve(request.id)
    return Asked(order.id, order.name, world.case(request.id), request.name, sku, price)


def refunds(world: World) -> Iterator[Intent]:
    """Every refund there is, as the table has it now."""
    yield from (intent for intent in _intents(world) if intent.act is Act.REFUND)


def _intents(world: World) -> Iterator[Intent]:
    found: list[dict[str, Any]] = world.items("ORDER#")
    yield from (intent_of(item) for item in found if item["sk"].startswith("INTENT#"))


def key_of(intent: Intent) -> Key:
    """Where an intent lies in the table."""
    return keys.intent(intent.channel, intent.account, intent.order, intent.id)
