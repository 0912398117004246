"""Common ground of everybody who acts at Amazon: finds the seller to whom an order, a return or a claim belongs.

An act on something that no seller has raises KeyError naming it. Acts wait for each other, and for what is due before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from sandbox.amazon.house import Floor, House
from sandbox.amazon.records import Order

Kind = TypeVar("Kind", bound="Acting")


def one_at_a_time(kind: type[Kind]) -> type[Kind]:
    """Put each public act of a class under the house's lock, after everything that was due before it."""
    for name, member in list(vars(kind).items()):
        if callable(member) and not name.startswith("_"):
            setattr(kind, name, _in_turn(member))
    return kind


def _in_turn(act: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(act)
    def acted(self: Acting, *given: Any, **named: Any) -> Any:
        with self.house.lock:
            self.house.agenda.run_due(self.house.clock())
            return act(self, *given, **named)

    return acted


@dataclass(frozen=True, slots=True)
class Acting:
    """Common ground: `house`, and the floor that has an order."""

    house: House

    @property
    def now(self) -> datetime:
        return self.house.clock()

    def _of_order(self, order_id: str) -> tuple[Floor, Order]:
        floor = self.house.floor_of_order(order_id)
        return floor, floor.order(order_id)

    def _of_rma(self, rma: str) -> Floor:
        for floor in self.house.floors.values():
            if floor.books.returns_of_rma(rma):
                return floor
        raise KeyError(f"no seller has the return {rma}")

    def _of_claim(self, claim_id: str) -> Floor:
        for floor in self.house.floors.values():
            if claim_id in floor.books.claims:
                return floor
        raise KeyError(f"no seller has the claim {claim_id}")

    def _floor(self, seller: str | None) -> Floor:
        if seller is not None:
            return self.house.floors[seller]
        if len(self.house.floors) != 1:
            raise ValueError("there are several sellers: say which")
        return next(iter(self.house.floors.values()))
