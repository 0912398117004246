"""Hands that are not ours: buyers' parcels, colleagues, agents who click twice, approvers who look before they answer.

A person here is careful and never faster than a quarter of an hour: what is still on its way has landed by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from quittance.application.command_case import command_case
from quittance.application.ports import Delivery
from quittance.application.send_intent import PAUSED
from quittance.domain.account import Mode
from quittance.domain.command import Actor, Command, CommandName
from quittance.domain.ids import CaseId, DeliveryId, OrderId
from quittance.domain.observations import Condition, MoneyStatus, Receipt
from tests.faults.laboratory.faults import SECOND
from tests.faults.laboratory.mail import Message
from tests.faults.laboratory.stage import Returned
from tests.support import builders as b
from tests.support.workbench import PLACE, PlainSeal

if TYPE_CHECKING:
    from tests.faults.laboratory.world import World

MINUTE: Final = 60 * SECOND
MILLISECOND: Final = timedelta(milliseconds=1)
# After the longest pause, the lease and the horizon together: whoever looks then sees everything that came of it.
LOOKS_AFTER: Final = 15 * MINUTE
CLICKS: Final = 3


class People:
    """What people do in a run; each order of a person carries a name, however often it is clicked."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sent = 0
        self._orders = 0
        self.plans = 0

    def at(self, when: int, happen: Callable[[], None]) -> None:
        """Plan something that happens by itself."""
        self.plans += 1
        self._world.scheduler.at(when, lambda: self._happens(happen))

    def _happens(self, happen: Callable[[], None]) -> None:
        self.plans -= 1
        happen()

    # Deliveries.

    def hint(self, order: OrderId, copies: int = 1) -> None:
        """The shop's webhook says that something changed, perhaps more than once."""
        self._sent += 1
        body = f'{{"order": "{order}"}}'.encode()
        self._deliver(PLACE.channel, "orders/updated", f"hint-{self._sent}", body, copies)

    def parcel(
        self, made: Returned, units: Mapping[str, int], condition: Condition = Condition.NEW, copies: int = 1
    ) -> None:
        """The warehouse reports goods, perhaps more than once."""
        self._sent += 1
        name = f"parcel-{self._sent}"
        found = [b.units(sku, quantity, condition) for sku, quantity in units.items()]
        receipt: Receipt = b.receipt(name, *found, names=(("rma", made.rma),), received_at=self._world.clock.now())
        self._world.mail.receipts[name] = receipt
        for sku, quantity in units.items():
            self._world.owed[made.line_of(sku)] += quantity
        self._world.note(f"{name} of {made.rma}: {dict(units)} {condition.value}, reported {copies} times")
        self._deliver("warehouse", "receipt", name, b"", copies)

    def _deliver(self, channel: str, topic: str, name: str, body: bytes, copies: int) -> None:
        at = self._world.clock.now()
        delivery = Delivery(channel, PLACE.account, PLACE.store, topic, DeliveryId(name), at, body)
        for _ in range(copies):
            self._world.mail.send(Message("inbox", delivery=delivery))

    # Other hands at the channel.

    def refund_by_hand(self, order: OrderId, payment: str, minor: int) -> None:
        """A colleague pays back in the shop's admin, and the shop's webhook tells."""
        name = self._world.shop.by_hand(order, payment, minor)
        self._world.note(f"a colleague pays {minor} back on {order} as {name}")
        self.hint(order)

    def dispute(self, order: OrderId, *, is_open: bool) -> None:
        """The buyer's bank opens a dispute, or ends it."""
        self._world.shop.dispute(order, is_open=is_open)
        self._world.note(f"the dispute on {order} {'opens' if is_open else 'ends'}")
        self.hint(order)

    def move_money(self, name: str) -> None:
        """The money of a pending refund moves after a while, or fails once in four."""
        dice = self._world.dice
        status = MoneyStatus.FAILED if dice.hits(4) else MoneyStatus.MOVED
        after = dice.between(5 * SECOND, 90 * SECOND)
        self.at(self._world.scheduler.now + after, lambda: self._money_moves(name, status))

    def _money_moves(self, name: str, status: MoneyStatus) -> None:
        self._world.shop.transfer(name, status)
        self._world.last_fault = max(self._world.last_fault, self._world.scheduler.now)
        self._world.note(f"the money of {name}: {status.value}")

    def stop_sending(self, span: int) -> None:
        """An operator throws the kill switch, and takes it back after a while."""
        self._control(killed=True)
        self.at(self._world.scheduler.now + span, lambda: self._control(killed=False))

    def go_live(self) -> None:
        """After a restore a person looks at the account, at its kill switch too, and lets it act again."""
        self._control(mode=Mode.LIVE, killed=False)

    def _control(self, **changes: Any) -> None:
        self._world.control(**changes)
        self._world.last_fault = self._world.scheduler.now + PAUSED // MILLISECOND
        self._world.note(f"the account is set to {changes}")

    # Commands.

    def order(self, name: CommandName, case: CaseId, actor: Actor, clicks: int = 1, **given: Any) -> None:
        """Give a command on what is seen now, perhaps by two clicks; without an answer it is clicked again."""
        head = self._world.table.load_case(case)
        if head is None:
            return
        self._orders += 1
        if name is CommandName.KEEP_LINES:
            self._world.owed.update(given["lines"])
        stated: dict[str, Any] = {"lines": {}, "amounts": {}, "reason": "checked", **given}
        command = Command(name, case, head.version, actor, **stated)
        for click in range(clicks):
            self._click(command, f"p{self._orders}/{click}", CLICKS)

    def _click(self, command: Command, name: str, left: int) -> None:
        def click() -> None:
            answer = command_case(self._world.ports, command, PlainSeal())
            if answer.outcome == "previewed":
                answer = command_case(self._world.ports, replace(command, token=answer.token), PlainSeal())
            self._world.note(f"{name} {command.name.value}: {answer.outcome} {answer.code}")

        def again() -> None:
            if left > 1:
                self._click(command, name, left - 1)

        after = self._world.dice.between(0, 300)
        work = f"command_case {command.name.value}"
        self._world.start(work, name, click, again=again, ended=lambda done: None if done else again(), after=after)

    def attend(self) -> None:
        """An approver answers what waits: consent to a refund, or one of the three answers to a hold."""
        now = self._world.scheduler.now
        for name, item in list(self._world.invariants.intents()):
            if item["state"] == "AWAITING_APPROVAL":
                self._answer_request(name, CaseId(item["case"]))
            elif item["state"] == "HOLD" and now - self._world.invariants.memory.held[name] >= LOOKS_AFTER:
                self._answer_hold(name, CaseId(item["case"]), item)

    def _answer_request(self, name: str, case: CaseId) -> None:
        wanted = CommandName.REFUSE_INTENT if self._world.dice.hits(4) else CommandName.APPROVE_INTENT
        self.order(wanted, case, self._world.dice.among((b.APPROVER, b.SECOND_APPROVER)), target=name)

    def _answer_hold(self, name: str, case: CaseId, item: Mapping[str, Any]) -> None:
        """Look at the channel first: what is there is named; what is not is tried again, or given up."""
        made = self._world.shop.made_by(name)
        moved = [effect.name for effect in made if effect.status is MoneyStatus.MOVED]
        if moved:
            self.order(CommandName.SETTLE_HOLD, case, b.APPROVER, target=name, reference=moved[0])
        elif not made:
            wanted = self._world.dice.among((CommandName.RETRY_HOLD, CommandName.CANCEL_HOLD))
            by = b.SECOND_APPROVER if item.get("by") == b.APPROVER.alias else b.APPROVER
            self.order(wanted, case, by, target=name)
