"""Any order and any number of the same inbound events lead to the same end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from quittance.domain.observations import Condition
from tests.faults.laboratory.dice import Dice
from tests.faults.laboratory.people import MINUTE
from tests.faults.laboratory.run import Run
from tests.faults.laboratory.scenarios import CAPS, SHIRTS, Scenario
from tests.faults.laboratory.stage import CARD, RETURNS
from tests.faults.laboratory.world import Watch

PERMUTATIONS: Final = 150
Event = Callable[[Run], None]
# Every two of these may swap places. Each parcel is one delivery, whatever it is told after.
EVENTS: Final[tuple[Event, ...]] = (
    lambda run: run.people.parcel(RETURNS[2], {SHIRTS: 1}, copies=2),
    lambda run: run.people.parcel(RETURNS[2], {CAPS: 1}, copies=2),
    lambda run: run.people.parcel(RETURNS[2], {SHIRTS: 1}, Condition.DAMAGED),
    lambda run: run.people.parcel(RETURNS[0], {SHIRTS: 1}),
    lambda run: run.people.parcel(RETURNS[1], {CAPS: 1}, copies=3),
    lambda run: run.people.hint(RETURNS[2].order, copies=2),
    lambda run: run.people.hint(RETURNS[0].order),
    lambda run: run.people.refund_by_hand(RETURNS[2].order, CARD, 700),
)


def shuffled(dice: Dice) -> list[Event]:
    left, order = list(EVENTS), []
    while left:
        order.append(left.pop(dice.below(len(left))))
    return order


def end_of(seed: int) -> tuple[object, ...]:
    """What is stored and paid in the end, without the names and times that come with another order of events."""
    dice = Dice(seed)
    order = shuffled(dice)

    def begin(run: Run) -> None:
        for number, event in enumerate(order):
            run.people.at(number * MINUTE // 8 + dice.below(3000), lambda event=event: event(run))  # type: ignore[misc]

    run = Run(Scenario("shuffled", "keyed", begin), dice, Watch())
    run.to_rest()
    return told(run)


def told(run: Run) -> tuple[object, ...]:
    ledgers = [(order, _books(ledger)) for order, ledger, _ in run.world.invariants.orders()]
    heads = [(made.rma, _head(run, made.case)) for made in RETURNS]
    paid = sorted((effect.minor, sorted(effect.lines.items())) for effect in run.world.shop.money)
    return ledgers, heads, paid


def _books(ledger: object) -> object:
    assert isinstance(ledger, dict)
    available = {payment: paid["available"] for payment, paid in ledger["payments"].items()}
    free = {line: sold["free"] for line, sold in ledger["lines"].items()}
    refunds = sorted((sum(seen["pay"].values()), seen["owner"] == "foreign") for seen in ledger["refunds"].values())
    return available, free, refunds, ledger.get("claims"), ledger.get("frozen")


def _head(run: Run, case: str) -> object:
    found = run.world.table.load_case(case)  # type: ignore[arg-type]
    assert found is not None
    lines = {key: (line.received, line.accepted, line.rejected, line.paid) for key, line in found.body.lines.items()}  # type: ignore[union-attr]
    return found.state, lines, sorted(found.marks), sorted(found.names)


@pytest.mark.proves("F100")
def test_every_order_and_number_of_the_same_events_ends_the_same() -> None:
    ends = [end_of(seed) for seed in range(PERMUTATIONS)]

    assert all(end == ends[0] for end in ends)
    assert len(ends[0][2]) == 4  # type: ignore[arg-type]
