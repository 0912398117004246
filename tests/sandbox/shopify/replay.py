"""Plays a recorded conversation against the simulator: same documents, same variables, ids translated as they appear.

Compared are the answers' whole shapes and values; ids, names and times are compared by the role they play.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.shopify import Item, Payment
from tests.sandbox.shopify.world import World

_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
Json = dict[str, Any]


def load(reference: Path, name: str) -> Json:
    with gzip.open(reference / "shopify/recorded_responses" / f"{name}.json.gz") as file:
        conversation: Json = json.load(file)
    return conversation


def answer_of(step: Mapping[str, Any]) -> Json:
    """The recorded body, wherever this recording keeps it."""
    response = step["response"]
    body: Json = response.get("payload") or response.get("body") or response
    return body


@dataclass(slots=True)
class Player:
    """Knows which recorded id stands for which simulated one."""

    world: World
    known: dict[str, str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def learn(self, recorded: str, simulated: str) -> None:
        self.known[recorded] = simulated

    def translate(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.translate(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.translate(item) for item in value]
        if isinstance(value, str):
            name, _, rest = value.partition(":")
            return self.known.get(value) or (f"name:{self.known.get(rest, rest)}" if name == "name" else value)
        return value

    def play(self, step: Mapping[str, Any]) -> None:
        """Send the step's document and compare the whole answer with the recorded one."""
        document = step.get("query") or step["document"]
        self.ask(document, step.get("variables") or {}, answer_of(step))

    def ask(self, document: str, variables: Json, recorded: Json) -> None:
        before = len(self.differences)
        answer = self.world.ask(document, self.translate(variables))
        self.compare("data", recorded.get("data"), answer.get("data"))
        self.compare_errors(document, recorded.get("errors") or [], answer.get("errors") or [])
        if "extensions" in recorded:
            cost = recorded["extensions"]["cost"]["requestedQueryCost"]
            self.compare("cost", cost, answer["extensions"]["cost"]["requestedQueryCost"])
        assert self.differences[before:] == [], (document, self.translate(variables), answer)

    def compare_errors(self, document: str, recorded: list[Json], given: list[Json]) -> None:
        self.compare("errors", [error["message"] for error in recorded], [error["message"] for error in given])
        for left, right in zip(recorded, given, strict=False):
            for part in left:
                if part != "locations" or _points_into(document, left[part][0]):
                    self.compare(f"errors.{part}", left[part], right.get(part))

    def compare(self, where: str, recorded: Any, given: Any) -> None:
        if isinstance(recorded, dict) and isinstance(given, dict):
            for name in recorded.keys() | given.keys():
                self.compare(f"{where}.{name}", recorded.get(name), given.get(name))
        elif isinstance(recorded, list) and isinstance(given, list) and len(recorded) == len(given):
            for index, (left, right) in enumerate(zip(recorded, given, strict=True)):
                self.compare(f"{where}.{index}", left, right)
        elif not self.same(recorded, given):
            self.differences.append(f"{where}: recorded {recorded!r}, given {given!r}")

    def same(self, recorded: Any, given: Any) -> bool:
        if not (isinstance(recorded, str) and isinstance(given, str)):
            return bool(recorded == given)
        if _TIME.match(recorded):
            return _TIME.match(given) is not None
        if recorded.startswith("gid://"):
            self.known.setdefault(recorded, given)
            return self.known[recorded] == given and recorded.split("/")[3] == given.split("/")[3]
        return recorded == given or self.known.get(recorded) == given or self._renamed(recorded) == given

    def _renamed(self, recorded: str) -> str:
        """#1797-R1 becomes the simulated order's name with the same suffix."""
        head, dash, tail = recorded.partition("-")
        return f"{self.known.get(head, head)}{dash}{tail}"

    # Setting the scene as the recording did

    def place(self, step: Mapping[str, Any]) -> str:
        """The order a recorded orderCreate made: unpaid, its lines custom unless they name a variant."""
        given = step["variables"]["order"]
        made = answer_of(step)["data"]["orderCreate"]["order"]
        items = [_item(entry, index) for index, entry in enumerate(given["lineItems"])]
        order = self.world.shopify.place_order(
            items, currency=given["currency"], taxes_included=False, payments=(), email=given["email"]
        )
        self.learn(made["id"], order.id)
        if "name" in made:
            self.learn(made["name"], order.name)
        return order.id

    def fulfil(self, order: str, step: Mapping[str, Any]) -> None:
        parcel = self.world.shopify.fulfil(order)
        made = answer_of(step)["data"]["fulfillmentCreate"]["fulfillment"]
        self.learn(made["id"], parcel.id)
        for recorded, line in zip(made["fulfillmentLineItems"]["nodes"], parcel.lines, strict=True):
            self.learn(recorded["id"], line.id)
            self.learn(recorded["lineItem"]["id"], line.line)

    def set_up(self, setup: Mapping[str, Any]) -> str:
        order = self.place(setup["orderCreate"])
        self.fulfil(order, setup["fulfillmentCreate"])
        return order

    def paid_order(self, hydrated: Mapping[str, Any], refunded: str | None = None) -> str:
        """The order a recorded read showed: lines, shipping, one payment, and a first refund if there was one."""
        order = hydrated["order"]
        items = [
            Item(
                f"line-{index}",
                _amount(line["originalUnitPriceSet"]),
                line["quantity"],
                line["title"],
                "0",
                custom=True,
            )
            for index, line in enumerate(order["lineItems"]["nodes"])
        ]
        shipping = _amount(order["shippingLines"]["nodes"][0]["originalPriceSet"])
        placed = self.world.shopify.place_order(
            items,
            currency=order["totalPriceSet"]["shopMoney"]["currencyCode"],
            shipping=shipping,
            shipping_tax_rate="0",
            taxes_included=False,
            payments=[Payment("manual")],
        )
        for recorded, line in zip(order["lineItems"]["nodes"], placed.lines, strict=True):
            self.learn(recorded["id"], line.id)
        self.learn(order["id"], placed.id)
        self.learn(order["name"], placed.name)
        payment = self.world.shopify.floor().books.paid(placed.id)[0]
        self.learn(order["transactions"][0]["id"], payment.id)
        if refunded is not None:
            note = order["refunds"][0]["note"]
            self.world.shopify.admin_refund(placed.id, {"line-0": 1}, amount=refunded, note=note)
        return placed.id


def _points_into(document: str, location: Mapping[str, int]) -> bool:
    """Some recordings trimmed their documents: their locations then point at nothing that an error can be about."""
    lines = document.splitlines()
    if location["line"] > len(lines):
        return False
    rest = lines[location["line"] - 1][location["column"] - 1 :]
    return rest.startswith("$") or ":" in rest


def _amount(bag: Mapping[str, Any]) -> str:
    return str(bag["shopMoney"]["amount"])


def _item(entry: Mapping[str, Any], index: int) -> Item:
    taxes = entry.get("taxLines") or [{"rate": 0, "priceSet": None}]
    tax = taxes[0]["priceSet"]
    return Item(
        sku=f"line-{index}",
        price=_amount(entry["priceSet"]),
        quantity=entry["quantity"],
        title=entry["title"],
        tax_rate=str(taxes[0]["rate"]),
        tax=None if tax is None else _amount(tax),
        custom="variantId" not in entry,
    )
