"""What happens in a run apart from faults: which channel, which parcels, who clicks, who pays by hand.

The straight ones are for every fault at every boundary; the thrown ones come from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from quittance.domain.command import CommandName
from quittance.domain.observations import Condition
from tests.faults.laboratory.dice import Dice
from tests.faults.laboratory.faults import SECOND
from tests.faults.laboratory.mail import Message
from tests.faults.laboratory.people import LOOKS_AFTER, MINUTE
from tests.faults.laboratory.run import Run
from tests.faults.laboratory.stage import CARD, GUARDS, RETURNS, VOUCHER, Returned
from tests.support import builders as b

SHIRTS: Final = "SHIRT-M"
CAPS: Final = "CAP-1"
ROUNDS: Final = 3
READY_OF_TEN: Final = 6
NOT_BUSY_OF_TEN: Final = 9


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story: how the channel guards refunds, whether its money is slow, and what happens when."""

    name: str
    guard: str
    begin: Callable[[Run], None]
    is_slow: bool = False
    is_ready: bool = False


def ready_refund(run: Run) -> None:
    """A refund is ready and its sender is woken: the money path and nothing else."""
    ready = run.stage.ready
    if ready is None:
        raise ValueError("this story begins with a refund that is ready")
    run.world.mail.send(Message("refund", (ready,)))


def one_refund(run: Run) -> None:
    """One shirt comes back and is paid back alone."""
    run.people.at(0, lambda: run.people.parcel(RETURNS[2], {SHIRTS: 1}))


def whole_path(run: Run) -> None:
    """A new shirt is paid alone, a worn one by an agent who clicks twice; a cap lies undecided until a warning."""
    people, made = run.people, RETURNS[2]
    people.at(0, lambda: people.parcel(made, {SHIRTS: 1}))
    people.at(1 * SECOND, lambda: people.parcel(made, {SHIRTS: 1}, Condition.OPENED, copies=2))
    people.at(20 * SECOND, lambda: _accept(run, made, {made.shirts: 1}, clicks=2))
    people.at(25 * SECOND, lambda: people.parcel(made, {CAPS: 1}, Condition.OPENED))
    people.at(4 * MINUTE, lambda: people.hint(made.order))


def _accept(run: Run, made: Returned, lines: dict[str, int], clicks: int = 1) -> None:
    run.people.order(CommandName.ACCEPT_LINES, made.case, b.AGENT, clicks, lines=lines, reason="worn_once")


def thrown(dice: Dice) -> Scenario:
    """Throw a story: of ten, six are a refund that is ready, three a parcel, one a busy quarter of an hour."""
    guard = dice.among(tuple(GUARDS))
    slow = dice.hits(4)
    kind = dice.below(10)
    if kind < READY_OF_TEN:
        return Scenario("ready refund", guard, ready_refund, slow, is_ready=True)
    if kind < NOT_BUSY_OF_TEN:
        return Scenario("one refund", guard, one_refund, slow)
    return Scenario("busy quarter", guard, busy_quarter, slow)


def busy_quarter(run: Run) -> None:
    """Parcels of up to three returns, agents, a colleague, the bank and an operator, and an approver in the end."""
    dice, people = run.world.dice, run.people
    for _ in range(dice.between(1, 3)):
        _a_parcel(run, dice.below(30 * SECOND))
    for happen, one_in in _ACCIDENTS:
        if dice.hits(one_in):
            happen(run, dice.below(90 * SECOND))
    if not dice.hits(3):
        for number in range(ROUNDS):
            people.at((number + 1) * (LOOKS_AFTER + MINUTE), people.attend)


def _a_parcel(run: Run, when: int) -> None:
    dice = run.world.dice
    made = dice.among(RETURNS)
    units = dice.among(({SHIRTS: 1}, {SHIRTS: 1}, {SHIRTS: 2}, {CAPS: 1}, {SHIRTS: 1, CAPS: 1}))
    condition = dice.among((Condition.NEW, Condition.NEW, Condition.OPENED))
    copies = dice.between(1, 2)
    run.people.at(when, lambda: run.people.parcel(made, units, condition, copies))
    if condition is Condition.OPENED:
        lines = {line: units[sku] for sku, line in ((SHIRTS, made.shirts), (CAPS, made.caps)) if sku in units}
        clicks = dice.between(1, 2)
        run.people.at(when + dice.between(5, 30) * SECOND, lambda: _accept(run, made, lines, clicks))


def _by_hand(run: Run, when: int) -> None:
    dice = run.world.dice
    made = dice.among(RETURNS)
    payment = VOUCHER if made.order == RETURNS[0].order and dice.hits(2) else CARD
    minor = dice.among((500, 3000, 3500, 12_000))
    run.people.at(when, lambda: run.people.refund_by_hand(made.order, payment, minor))


def _dispute(run: Run, when: int) -> None:
    dice = run.world.dice
    order = dice.among(RETURNS).order
    run.people.at(when, lambda: run.people.dispute(order, is_open=True))
    if dice.hits(2):
        over = when + dice.between(10, 300) * SECOND
        run.people.at(over, lambda: run.people.dispute(order, is_open=False))


def _hint(run: Run, when: int) -> None:
    dice = run.world.dice
    order, copies = dice.among(RETURNS).order, dice.between(1, 3)
    run.people.at(when, lambda: run.people.hint(order, copies))


def _stop(run: Run, when: int) -> None:
    span = run.world.dice.between(5, 120) * SECOND
    run.people.at(when, lambda: run.people.stop_sending(span))


def _keep(run: Run, when: int) -> None:
    made = run.world.dice.among(RETURNS)
    lines = {made.shirts: 1}
    run.people.at(when, lambda: run.people.order(CommandName.KEEP_LINES, made.case, b.AGENT, 2, lines=lines))


_ACCIDENTS: Final = ((_hint, 2), (_by_hand, 4), (_dispute, 6), (_stop, 8), (_keep, 4))
