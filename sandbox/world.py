"""A whole world on one machine: the cloud, a Shopify with its own books, a warehouse, people, and one clock for all.

Time stands still while anything is at work; it moves on when somebody says so, from one due moment to the next.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from time import time
from types import TracebackType
from typing import Any, Final, Self

from quittance.domain.ids import CaseId, case_of_channel
from quittance.domain.instant import from_text
from quittance.domain.ledger import Ledger
from quittance.storage.expressions import plain
from quittance.storage.items_order import order_of
from sandbox.clock import VirtualClock
from sandbox.cloud import Cloud
from sandbox.shopify.shop import Shop
from sandbox.shopify.simulator import ShopifySimulator
from sandbox.translate import ROOT
from sandbox.warehouse import Warehouse

STORE: Final = "maison-lumiere"
MINUTE: Final = timedelta(minutes=1)
# Points and points per second of a Plus shop: days pass here in seconds, and its bucket fills by the machine's clock.
PLUS: Final = (20_000.0, 1_000.0)
RECEIPT_KEY: Final = "whsec_" + base64.b64encode(b"a key of the sandbox's warehouse").decode()
# The shop's time runs fast here; polling it every five minutes of it would be most of the work.
POLL_MINUTES: Final = "720"
LANES: Final = range(3)
SHARDS: Final = range(8)


class World:
    """Start with `with World.start() as world:`; everything in it ends with the block."""

    def __init__(self, cloud: Cloud, shopify: ShopifySimulator, clock: VirtualClock) -> None:
        self.cloud = cloud
        self.shopify = shopify
        self.clock = clock
        self.warehouse = Warehouse(f"{cloud.api_url}/receipts/{STORE}", RECEIPT_KEY)
        self._ticked = clock()

    @classmethod
    def start(cls) -> Self:
        """Bring up the cloud and the simulators, write the secrets, publish the policies, set the account live."""
        tell: list[Callable[[int], None]] = []
        clock = VirtualClock(lambda seconds: tell[-1](seconds))  # noqa: PLW0108  # the cloud is not there yet
        shopify = ShopifySimulator(clock, (Shop(STORE, bucket=PLUS),)).start()
        try:
            cloud = Cloud.start(endpoints={"shopify": shopify.url})
        except BaseException:
            shopify.stop()
            raise
        tell.append(cloud.set_clock_offset)
        world = cls(cloud, shopify, clock)
        try:
            world._furnish()
        except BaseException:
            world.stop()
            raise
        return world

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the simulators and the cloud."""
        self.shopify.stop()
        self.cloud.stop()

    def _furnish(self) -> None:
        shop = self.shopify.floor().shop
        self.cloud.put_secret(f"inbound/shopify/{STORE}", {"secrets": [shop.client_secret]})
        self.cloud.put_secret(f"inbound/warehouse/{STORE}", {"secrets": [RECEIPT_KEY]})
        credentials = {"shop": STORE, "client_id": shop.client_id, "client_secret": shop.client_secret}
        self.cloud.put_secret(f"shopify/{STORE}", credentials)
        self.ops("policy", "publish")
        self.ops("account", "set", STORE, "--mode", "live", "--poll-every", POLL_MINUTES)
        self.shopify.subscribe(f"{self.cloud.api_url}/webhooks/shopify/{STORE}", app_level=True)

    def ops(self, *arguments: str) -> str:
        """Run the `quittance` command against this cloud, as its operator would; returns what it printed."""
        command = [sys.executable, "-m", "ops", *arguments, "--stack", self.cloud.stack_name]
        path = os.pathsep.join((str(ROOT / "layers/core"), str(ROOT)))
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, **self.cloud.environment()}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"quittance {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    # People

    def desk(self, alias: str, **command: Any) -> dict[str, Any]:
        """Give a command or a query through an alias: `agent`, `approver` or `viewer`."""
        answer: dict[str, Any] = self.cloud.invoke(f"Desk{alias.capitalize()}", command)
        return answer

    def decide(self, alias: str, command: str, case: CaseId, **more: Any) -> dict[str, Any]:
        """Give a command on the newest version of a case; one about money is previewed and then confirmed."""
        version = self.show(case)["version"]
        given = {"command": command, "case": case, "version": version, **more}
        answer = self.desk(alias, **given)
        if answer["outcome"] == "previewed":
            answer = self.desk(alias, **given, token=answer["token"])
        return answer

    def show(self, case: CaseId) -> dict[str, Any]:
        """A case as a viewer sees it."""
        return self.desk("viewer", command="ShowCase", case=case)

    # The warehouse

    def parcel(self, name: str, units: Mapping[str, int], condition: str = "new", **names: str) -> int:
        """A parcel arrives: units by SKU in one condition, under the names that stand on it."""
        receipt = {
            "receipt_id": name,
            "received_at": self.clock().isoformat(timespec="milliseconds"),
            "units": [{"sku": sku, "quantity": count, "condition": condition} for sku, count in units.items()],
            **names,
        }
        return self.warehouse.report(receipt, int(time()))

    # Time

    def settle(self) -> None:
        """Let everything that is under way come to rest, without moving the clock."""
        self.cloud.wait_until_idle()
        while self.shopify.deliver_due():
            self.cloud.wait_until_idle()

    def tick(self) -> None:
        """The minute's tick, and all that follows from it."""
        self._ticked = self.clock()
        self.cloud.invoke("WatchdogTickFunction")
        self.settle()

    def pass_time(self, span: timedelta) -> None:
        """Let time pass: from one due moment to the next, with the tick at each."""
        until = self.clock() + span
        self.settle()
        while (moment := self._next_moment()) is not None and moment <= until:
            self.clock.advance_to(max(moment, self._ticked + MINUTE))
            self.tick()
        self.clock.advance_to(until)
        self.tick()

    def _next_moment(self) -> datetime | None:
        """The next moment at which anything is due: in the table's index, at the shop, or a webhook's next try."""
        moments = [at for at in (self._first_due(), self.shopify.webhooks.next_due()) if at is not None]
        return min(moments, default=None)

    def _first_due(self) -> datetime | None:
        table = self.cloud.client("dynamodb")
        found = []
        for lane in LANES:
            for shard in SHARDS:
                page = table.query(
                    TableName=self.cloud.table,
                    IndexName="due",
                    KeyConditionExpression="due_pk = :pk",
                    ExpressionAttributeValues={":pk": {"S": f"DUE#{lane}#{shard}"}},
                    Limit=1,
                )
                found += [from_text(item["due_sk"]["S"][:24]) for item in page["Items"]]
        return min(found, default=None)

    # What is there

    def case(self, return_gid: str) -> CaseId:
        """The case of a return."""
        return case_of_channel("shopify", STORE, "return", return_gid.rpartition("/")[2])

    def items(self, prefix: str) -> list[dict[str, Any]]:
        """Every item whose partition begins so, as plain values: for reports and tests, never for functions."""
        pages = (
            self.cloud.client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self.cloud.table,
                FilterExpression="begins_with(pk, :p)",
                ExpressionAttributeValues={":p": {"S": prefix}},
            )
        )
        return [plain(item) for page in pages for item in page["Items"]]

    def ledgers(self) -> dict[str, Ledger]:
        """Our ledger of every order, by the order's id."""
        items = [item for item in self.items("ORDER#") if item["sk"] == "LEDGER"]
        return {order.id: order.ledger for order in map(order_of, items)}
