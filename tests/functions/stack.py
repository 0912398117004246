"""The deployed functions with a shop: what tests of single functions need to bring a case to where they look at it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from quittance.application.commit import Key
from quittance.domain.case import Case
from quittance.domain.ids import CaseId, case_of_channel
from quittance.domain.intent import Act, Intent, IntentState
from quittance.storage import keys
from sandbox.shopify.ordering import Item
from sandbox.shopify.shop import Shop
from sandbox.shopify.simulator import ShopifySimulator
from tests.support.deployed import STORE, Context, Deployed, deployed, wake


@dataclass
class Stack:
    """A deployed stack and one order of a scarf and two hats, delivered three days ago."""

    cloud: Deployed
    shop: ShopifySimulator
    order: str
    request: str = ""
    rma: str = ""

    def ask_back(self, **units: int) -> CaseId:
        """The buyer requests a return; its webhook has not come yet."""
        request = self.shop.buyer_requests_return(self.order, units or {"SCARF": 1})
        self.request, self.rma = request.id, request.name
        return case_of_channel("shopify", STORE, "return", request.id.rpartition("/")[2])

    def webhook(self, name: str = "w-1", topic: str = "returns/request", body: Any = None) -> str:
        return delivery("shopify", topic, name, body or {"admin_graphql_api_id": self.request})

    def report(self, name: str, condition: str = "new", **units: int) -> str:
        body = {
            "receipt_id": name,
            "received_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "rma": self.rma,
            "units": [{"sku": sku, "quantity": n, "condition": condition} for sku, n in units.items()],
        }
        return delivery("warehouse", "receipt", name, body)

    def ingest(self, *bodies: str, context: Context | None = None) -> Any:
        return self.cloud.work("IngestReturnsFunction", *bodies, context=context)

    def case(self, case: CaseId) -> Case:
        found = self.cloud.table.load_case(case)
        assert found is not None
        return found

    def intent(self, case: CaseId, act: Act) -> tuple[Intent, Key]:
        found = [i for i in self.cloud.table.load_scene(case).intents.values() if i.act is act]
        (intent,) = found
        return intent, keys.intent(intent.channel, intent.account, intent.order, intent.id)

    def opened(self) -> CaseId:
        """Up to an open case."""
        case = self.ask_back()
        self.ingest(self.webhook())
        return case

    def refunding(self) -> CaseId:
        """Up to a refund that is ready to be sent."""
        case = self.opened()
        answer = self.cloud.desk("agent", command="AuthoriseReturn", case=case, version=1, reason="inside")
        assert answer["outcome"] == "done", answer
        _, key = self.intent(case, Act.APPROVE_RETURN)
        self.cloud.work("ExecuteRefundFunction", wake(key))
        self.ingest(self.report("P-1", SCARF=1))
        assert self.intent(case, Act.REFUND)[0].state is IntentState.READY
        return case


def delivery(channel: str, topic: str, name: str, body: Any) -> str:
    """A message as receive_webhook queues it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return json.dumps(
        {
            "schema": 1,
            "type": "delivery",
            "channel": channel,
            "store": STORE,
            "topic": topic,
            "delivery": name,
            "received_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "headers": {},
            "body": base64.b64encode(raw).decode(),
        }
    )


@contextmanager
def _started() -> Iterator[Stack]:
    with ShopifySimulator(lambda: datetime.now(UTC), (Shop(STORE),)) as shop, deployed(shop) as cloud:
        order = shop.place_order([Item("SCARF", "39.90"), Item("HAT", "20.00", 2)])
        parcel = shop.fulfil(order.id)
        shop.record_event(parcel.id, "DELIVERED", happened_at=datetime.now(UTC) - timedelta(days=3))
        yield Stack(cloud, shop, order.id)
        assert shop.defects == []


@pytest.fixture
def stack() -> Iterator[Stack]:
    with _started() as made:
        yield made


@pytest.fixture(scope="module")
def shared() -> Iterator[Stack]:
    """One stack for a file whose tests leave nothing behind; a file takes either this or `stack`."""
    with _started() as made:
        yield made
