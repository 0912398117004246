"""The stage on which every run begins: two orders, three authorised returns, one live account, one policy.

It is set once by the real use cases without a fault, and copied for each run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Final

from quittance.application.advance_intent import advance_intent
from quittance.application.apply_observation import apply_observation
from quittance.application.command_case import command_case
from quittance.application.commit import Key
from quittance.application.ports import Guard, Hint, Ports
from quittance.application.receive_parcel import receive_parcel
from quittance.domain.account import Control, Mode
from quittance.domain.command import CommandName
from quittance.domain.ids import CaseId, OrderId, case_of_channel
from quittance.domain.intent import Act, ReplayGuard
from quittance.domain.ledger import Payment, SoldLine
from quittance.domain.money import Money
from quittance.domain.observations import ChannelStatus, Condition, OrderReading, ReturnLineReading, ReturnReading
from quittance.domain.policy import Policy
from quittance.storage.items_intent import intent_key
from quittance.storage.memory import Snapshot
from quittance.storage.table import Table
from tests.faults.laboratory.channel import LaboratoryShop
from tests.faults.laboratory.engine import LaboratoryEngine
from tests.support import builders as b
from tests.support.shop import HORIZON
from tests.support.workbench import LIMITS, PLACE, HandClock, OnePolicy, PlainSeal, Tally

GUARDS: Final[Mapping[str, Guard]] = {
    "keyed": Guard(ReplayGuard.KEYED, HORIZON, timedelta(hours=24)),
    "un-keyed": Guard(ReplayGuard.NONE, HORIZON),
    "quantity": Guard(ReplayGuard.QUANTITY, HORIZON),
}
# Above this an approver has to agree: one shirt passes alone, two do not.
ALONE_UP_TO: Final = 5000
SHIRT, CAP = b.SHIRT, b.CAP


@dataclass(frozen=True, slots=True)
class Returned:
    """One return of the stage: its name at the channel, its RMA, its order and its lines by SKU."""

    name: str
    rma: str
    order: OrderId
    shirts: str
    caps: str

    @property
    def case(self) -> CaseId:
        """The case that Quittance keeps of it."""
        return case_of_channel(PLACE.channel, PLACE.account, "return", self.name)

    def line_of(self, sku: str) -> str:
        """The line of a SKU."""
        return self.shirts if sku == "SHIRT-M" else self.caps


FIRST, SECOND = OrderId("gid://shopify/Order/1"), OrderId("gid://shopify/Order/2")
RETURNS: Final = (
    Returned("gid://shopify/Return/1", "R-1", FIRST, "L-11", "L-12"),
    Returned("gid://shopify/Return/2", "R-2", FIRST, "L-21", "L-22"),
    Returned("gid://shopify/Return/3", "R-3", SECOND, "L-31", "L-32"),
)
CARD, VOUCHER = b.CARD, b.VOUCHER


@dataclass(frozen=True, slots=True)
class Stage:
    """What a run begins with: the table, the channel's orders and returns, and the units owed by return line."""

    snapshot: Snapshot
    orders: Mapping[str, OrderReading]
    returns: Mapping[str, ReturnReading]
    policy: Policy
    owed: Mapping[str, int]
    ready: Key | None = None


def _order(name: OrderId) -> OrderReading:
    """Four shirts of 30.00 and two caps of 20.00 with 5.00 shipping; the first order was paid in two ways."""
    lines = {SHIRT: SoldLine("SHIRT-M", 4, 12_000, 2000), CAP: SoldLine("CAP-1", 2, 4000, 666)}
    split = {VOUCHER: Payment(4000, "voucher", 0), CARD: Payment(12_500, "cards", 1)}
    payments = split if name == FIRST else {CARD: Payment(16_500, "cards", 0)}
    return b.order_reading(id=name, lines=lines, shipping=500, payments=payments)


def _return(made: Returned) -> ReturnReading:
    """Two shirts and a cap."""
    lines = {
        made.shirts: ReturnLineReading(made.shirts, SHIRT, "SHIRT-M", 2, "SIZE_TOO_SMALL"),
        made.caps: ReturnLineReading(made.caps, CAP, "CAP-1", 1, "SIZE_TOO_SMALL"),
    }
    return b.return_reading(id=made.name, order=made.order, rma=made.rma, lines=lines, status=ChannelStatus.REQUESTED)


def _policy() -> Policy:
    """Units found new are accepted and refunded alone; opened ones wait for a person; a warning comes after minutes."""
    refund_received = b.deadline_rule("refund_received", 1, ahead=0, warn=(58,), lane=1)
    return b.policy(
        refund_alone_up_to=Money(ALONE_UP_TO, "EUR"),
        accept_conditions=frozenset({Condition.NEW}),
        deadlines=(refund_received,),
        close_after_refund=False,
    )


@cache
def stage(*, is_ready: bool = False) -> Stage:
    """Set the stage, with a refund that is ready to be sent or without; the same for every run of a process."""
    engine, shop, clock = LaboratoryEngine(), LaboratoryShop(), HandClock()
    shop.orders = {name: _order(name) for name in (FIRST, SECOND)}
    shop.returns = {made.name: _return(made) for made in RETURNS}
    policy = _policy()
    table = Table(engine)
    table.set_control(PLACE.account, Control(Mode.LIVE))
    ports = Ports(table, OnePolicy(policy), clock, Tally(), acts=lambda _: shop, channel=lambda _: shop)
    for order in (FIRST, SECOND):
        apply_observation(ports, PLACE, Hint(order))
    for made in RETURNS:
        _authorised(ports, made)
    ready = _ready(ports) if is_ready else None
    owed = {RETURNS[2].shirts: 1} if is_ready else {}
    return Stage(engine.snapshot(), shop.orders, shop.returns, policy, owed, ready)


def _ready(ports: Ports) -> Key:
    """One shirt of the third return has come back; its refund waits for a sender."""
    made = RETURNS[2]
    receive_parcel(ports, PLACE, b.receipt("parcel-0", b.units(), names=(("rma", made.rma),)))
    intents = ports.table.load_scene(made.case).intents.values()
    return intent_key(next(intent for intent in intents if intent.act is Act.REFUND))


def _authorised(ports: Ports, made: Returned) -> None:
    head = ports.table.load_case(made.case)
    version = head.version if head else 0
    command = b.command(CommandName.AUTHORISE_RETURN, case=made.case, version=version, reason="inside")
    answer = command_case(ports, replace(command, lines={}), PlainSeal())
    if answer.outcome != "done":
        raise RuntimeError(f"the stage cannot be set: {answer}")
    for intent in list(ports.table.load_scene(made.case).intents.values()):
        if not intent.has_ended:
            advance_intent(ports, intent_key(intent), LIMITS)
