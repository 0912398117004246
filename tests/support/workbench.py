"""The use cases over the table in memory, a shop in memory and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from quittance.application.advance_intent import advance_intent
from quittance.application.apply_observation import Applied, apply_observation
from quittance.application.command_case import Answer, command_case
from quittance.application.commit import DeliveryKey, Scene, Write
from quittance.application.fire_due import fire_due
from quittance.application.intent_step import Limits
from quittance.application.ports import Delivery, Hint, Place, Ports
from quittance.application.receive_parcel import receive_parcel
from quittance.domain.account import Control, Mode
from quittance.domain.case import Case
from quittance.domain.command import Actor, Command, CommandName
from quittance.domain.errors import Rejected
from quittance.domain.ids import CaseId, DeliveryId, IntentId, case_of_channel
from quittance.domain.intent import Act, Intent, IntentState
from quittance.domain.observations import ChannelStatus, Receipt, ReturnReading
from quittance.domain.policy import Policy, Versions
from quittance.storage import keys
from quittance.storage.memory import MemoryEngine
from quittance.storage.table import Table
from tests.support import builders as b
from tests.support.shop import Shop

PLACE = Place("shopify", "maison-lumiere", "maison-lumiere")
LIMITS = Limits(lease=timedelta(seconds=57), timeout=timedelta(seconds=19))


@dataclass
class HandClock:
    """A clock that stands until it is moved."""

    at: datetime = b.NOW

    def now(self) -> datetime:
        """The time it was set to."""
        return self.at


@dataclass
class Tally:
    """Counts metrics."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def count(self, metric: str, _channel: str, outcome: str, value: int = 1) -> None:
        """Add to a metric."""
        self.counts[metric, outcome] = self.counts.get((metric, outcome), 0) + value


@dataclass
class OnePolicy:
    """One policy for every store."""

    policy: Policy

    def current(self, _channel: str, _store: str) -> Policy:
        """What is in force now."""
        return self.policy

    def at(self, _versions: Versions, _channel: str, _store: str) -> Policy:
        """The same."""
        return self.policy

    def account_of(self, _channel: str, store: str) -> str | None:
        """The one account."""
        return PLACE.account if store == PLACE.store else None

    def shop_of(self, store: str) -> Place | None:
        """The one store."""
        return PLACE if store == PLACE.store else None


class PlainSeal:
    """A token that is what was shown."""

    def sign(self, shown: str) -> str:
        """The text itself."""
        return shown

    def verify(self, shown: str, token: str) -> None:
        """Equal or stale."""
        if shown != token:
            raise Rejected("STALE_PREVIEW", "token", "look again")


class RecordingEngine(MemoryEngine):
    """Remembers every transaction that went through."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[Sequence[Write]] = []

    def transact(self, writes: Sequence[Write]) -> None:
        """Do it, then remember it."""
        super().transact(writes)
        self.commits.append(writes)


class Workbench:
    """One live account with one order and one return request at the shop."""

    def __init__(self, *, engine: RecordingEngine | None = None, shop: Shop | None = None, **terms: Any) -> None:
        self.clock = HandClock()
        self.tally = Tally()
        self.engine = engine or RecordingEngine()
        self.table = Table(self.engine)
        self.shop = shop or Shop()
        self.shop.orders[b.ORDERED] = b.order_reading()
        self.shop.returns[b.RETURN] = b.return_reading(status=ChannelStatus.REQUESTED)
        self.policies = OnePolicy(b.policy(**terms))
        self.set(Mode.LIVE)
        self.ports = Ports(
            self.table, self.policies, self.clock, self.tally, acts=lambda _: self.shop, channel=lambda _: self.shop
        )

    def set(self, mode: Mode, *, killed: bool = False, epoch: int = 0) -> None:
        """Set the account's control."""
        self.table.set_control(PLACE.account, Control(mode, killed, epoch))

    @property
    def case_id(self) -> CaseId:
        """The case of the return."""
        return case_of_channel("shopify", PLACE.account, "return", b.RETURN)

    @property
    def scene(self) -> Scene:
        """Everything stored around the case."""
        return self.table.load_scene(self.case_id)

    @property
    def case(self) -> Case:
        """The case as stored."""
        return self.scene.cases[self.case_id]

    def intents(self, act: Act | None = None) -> list[Intent]:
        """The stored intents, oldest first."""
        found = sorted(self.scene.intents.values(), key=lambda i: (i.created_at, i.id))
        return [intent for intent in found if act in (None, intent.act)]

    @property
    def refund(self) -> Intent:
        """The newest refund."""
        return self.intents(Act.REFUND)[-1]

    def wait(self, **span: float) -> None:
        """Let time pass."""
        self.clock.at += timedelta(**span)

    def observe(self, name: str = "", **hint: Any) -> Applied:
        """A hint points at the order."""
        delivered = (DeliveryKey("shopify", PLACE.account, DeliveryId(name)),) if name else ()
        return apply_observation(self.ports, PLACE, Hint(**({"order": b.ORDERED} | hint)), delivered)

    def shop_return(self, **changes: Any) -> ReturnReading:
        """Change the return at the shop."""
        self.shop.returns[b.RETURN] = replace(self.shop.returns[b.RETURN], **changes)
        return self.shop.returns[b.RETURN]

    def receive(self, receipt: Receipt) -> Applied:
        """The warehouse reports a parcel."""
        return receive_parcel(self.ports, PLACE, receipt)

    def order(self, name: CommandName, actor: Actor = b.AGENT, *, confirm: bool = True, **given: Any) -> Answer:
        """Give a command on the stored version, with its confirmation if it needs one."""
        raw: Mapping[str, Any] = {"lines": {}, "amounts": {}, "case": self.case_id} | given
        version = raw.get("version") or self.table.load_case(raw["case"]).version  # type: ignore[union-attr]
        command = Command(name=name, actor=actor, **{**raw, "version": version})
        answer = command_case(self.ports, command, PlainSeal())
        if answer.outcome == "previewed" and confirm:
            answer = command_case(self.ports, replace(command, token=answer.token), PlainSeal())
        return answer

    def advance(self, intent: Intent | None = None) -> IntentState | None:
        """One step of an intent; the newest one if none is named."""
        wanted = intent or self.intents()[-1]
        key = keys.intent(wanted.channel, wanted.account, wanted.order, IntentId(wanted.id))
        return advance_intent(self.ports, key, LIMITS)

    def fire(self) -> int:
        """Fire what is due of the case."""
        return fire_due(self.ports, keys.case_head(self.case_id))

    def authorised(self) -> Workbench:
        """Up to the authorised return."""
        self.observe()
        self.order(CommandName.AUTHORISE_RETURN, reason="inside")
        self.advance()
        return self

    def refunding(self, quantity: int = 1) -> Workbench:
        """Up to a refund that is ready to be sent."""
        self.authorised()
        self.receive(b.receipt("parcel-1", b.units(quantity=quantity)))
        return self

    def delivery(self, body: bytes, topic: str = "returns/request", name: str = "d1") -> Delivery:
        """A delivery as the queue brings it."""
        at = self.clock.now()
        return Delivery("shopify", PLACE.account, PLACE.store, topic, DeliveryId(name), at, body)
