"""Builders of the domain's objects with good defaults: one order of two shirts and a cap, and its return.

They decide nothing; each keyword replaces one default, and every amount is in cents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from quittance.domain import decide_return
from quittance.domain import order as orders
from quittance.domain.account import Control, Mode
from quittance.domain.case import Case
from quittance.domain.command import Actor, Authority, Command, CommandName
from quittance.domain.draft import Draft
from quittance.domain.ids import CaseId, IntentId, OrderId, ReceiptId, case_of_channel, digest, intent_id
from quittance.domain.intent import Act, Components, Intent, IntentLine, IntentState
from quittance.domain.ledger import Amounts, Ledger, Payment, SoldLine
from quittance.domain.money import Money
from quittance.domain.observations import (
    ChannelStatus,
    Condition,
    MoneyStatus,
    OrderReading,
    Receipt,
    ReceivedUnits,
    RefundReading,
    ReturnLineReading,
    ReturnReading,
)
from quittance.domain.order import Order
from quittance.domain.policy import (
    DeadlineRule,
    DecidedBy,
    Gate,
    Policy,
    RefundWhen,
    Terms,
    Versions,
    Withdrawal,
)
from quittance.domain.priority import CaseKind
from quittance.domain.return_request import ReturnRequest

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ORDERED = OrderId("gid://shopify/Order/1001")
RETURN = "gid://shopify/Return/501"
SHIRT, CAP = "gid://shopify/LineItem/1", "gid://shopify/LineItem/2"
SHIRTS, CAPS = "gid://shopify/ReturnLineItem/11", "gid://shopify/ReturnLineItem/12"
CARD, VOUCHER = "gid://shopify/OrderTransaction/71", "gid://shopify/OrderTransaction/72"

AGENT = Actor("agent", Authority.AGENT, "request-1")
APPROVER = Actor("approver", Authority.APPROVER, "request-2")
SECOND_APPROVER = Actor("approver-b", Authority.APPROVER, "request-3")
VIEWER = Actor("viewer", Authority.VIEWER, "request-4")

EU_LAW = Withdrawal(
    rule="eu_withdrawal",
    countries=frozenset({"FR", "DE", "IT"}),
    days=14,
    refund_days=14,
    withhold_until=frozenset({"received", "sent"}),
    outbound_shipping=True,
    restocking_fee=False,
    same_means=True,
    source="Directive 2011/83/EU",
)


def after(**span: float) -> datetime:
    """The instant that lies this much after NOW."""
    return NOW + timedelta(**span)


def deadline_rule(kind: str, hours: int, **changes: Any) -> DeadlineRule:
    rule = DeadlineRule(
        kind=kind,
        starts="event",
        hours=hours,
        ahead=4,
        warn=(24 * 60, 4 * 60),
        lane=2,
        rule=f"shopify@1:deadlines.{kind}",
        source="the merchant",
    )
    return replace(rule, **changes)


DEADLINES = (
    deadline_rule("decide_request", 72),
    deadline_rule("goods_outstanding", 30 * 24),
    deadline_rule("decide_units", 48),
    deadline_rule("refund_received", 5 * 24, lane=1),
    deadline_rule("identify_parcel", 48),
)


def terms(**changes: Any) -> Terms:
    plain = Terms(
        channel="shopify",
        locked=False,
        currency="EUR",
        time_zone="Europe/Paris",
        window_days=30,
        decided_by=DecidedBy.PERSON,
        authorise_alone_up_to=Money(0, "EUR"),
        refund_when=RefundWhen.EACH_PARCEL,
        refund_gate=Gate.RECEIVED,
        refund_alone_up_to=Money(1_000_000, "EUR"),
        fee_percent=0,
        fee_free_reasons=frozenset({"DEFECTIVE"}),
        accept_conditions=frozenset({Condition.NEW}),
        reject_conditions=frozenset({Condition.DAMAGED}),
        close_after_refund=False,
        close_reasons=frozenset({"returned", "expired"}),
        decline_reasons=frozenset({"final_sale", "outside_window"}),
        resolutions=frozenset({"accept", "reject", "keep", "exchange", "repair"}),
        deadlines=DEADLINES,
    )
    return replace(plain, **changes)


def policy(*, withdrawals: tuple[Withdrawal, ...] = (EU_LAW,), **changes: Any) -> Policy:
    """A shop's policy under European law; keywords are those of `Terms`."""
    return Policy(Versions(law=1, accounts=1, channel=1), withdrawals, terms(**changes))


def order_reading(**changes: Any) -> OrderReading:
    """Two shirts of 30.00 and a cap of 20.00 with 5.00 shipping, paid by card, delivered three days ago to France."""
    reading = OrderReading(
        id=ORDERED,
        as_of=NOW,
        currency="EUR",
        country="FR",
        delivered_at=NOW - timedelta(days=3),
        lines={SHIRT: SoldLine("SHIRT-M", 2, 6000, 1000), CAP: SoldLine("CAP-1", 1, 2000, 333)},
        shipping=500,
        payments={CARD: Payment(8500, "cards", 0)},
    )
    return replace(reading, **changes)


def refund_reading(identifier: str = "gid://shopify/Refund/900", minor: int = 3000, **changes: Any) -> RefundReading:
    """A refund of one shirt, made by somebody at the channel."""
    amounts = Amounts({CARD: minor}, {SHIRT: (1, minor)})
    return replace(RefundReading(identifier, amounts, MoneyStatus.MOVED), **changes)


def line_reading(identifier: str, order_line: str, sku: str, quantity: int, **changes: Any) -> ReturnLineReading:
    return replace(ReturnLineReading(identifier, order_line, sku, quantity, "SIZE_TOO_SMALL"), **changes)


def return_reading(**changes: Any) -> ReturnReading:
    """Both shirts and the cap are asked back for; `shirts` and `caps` are how many."""
    shirts, caps = changes.pop("shirts", 2), changes.pop("caps", 1)
    lines = {
        SHIRTS: line_reading(SHIRTS, SHIRT, "SHIRT-M", shirts),
        CAPS: line_reading(CAPS, CAP, "CAP-1", caps),
    }
    reading = ReturnReading(
        id=RETURN,
        order=ORDERED,
        as_of=NOW,
        status=ChannelStatus.REQUESTED,
        requested_at=NOW - timedelta(hours=1),
        lines={key: line for key, line in lines.items() if line.quantity},
        rma="R-501",
    )
    return replace(reading, **changes)


def control(mode: Mode = Mode.LIVE, **changes: Any) -> Control:
    return replace(Control(mode), **changes)


def order(reading: OrderReading | None = None, **changes: Any) -> Order:
    """The order as it was read, at version 1."""
    reading = reading or order_reading()
    fresh = orders.read(orders.opened(reading, "shopify", "maison-lumiere", "maison-lumiere"), reading)
    return replace(fresh, version=1, **changes)


def case(body: Any = None, **changes: Any) -> Case:
    """A return case that is not written yet, without a line until it is read."""
    blank = Case(
        id=case_of_channel("shopify", "maison-lumiere", CaseKind.RETURN, RETURN),
        kind=CaseKind.RETURN,
        channel="shopify",
        account="maison-lumiere",
        store="maison-lumiere",
        external=RETURN,
        opened_at=NOW,
        policy=Versions(1, 1, 1),
        body=body or ReturnRequest(ChannelStatus.REQUESTED, NOW - timedelta(hours=1), NOW),
        order=ORDERED,
    )
    return replace(blank, **changes)


def draft(
    reading: ReturnReading | None = None,
    ordered: OrderReading | None = None,
    *,
    mode: Mode = Mode.LIVE,
    now: datetime = NOW,
    **changes: Any,
) -> Draft:
    """A case and its order as first read and written once: no events are left in it."""
    ordered = ordered or order_reading()
    empty = orders.opened(ordered, "shopify", "maison-lumiere", "maison-lumiere")
    first = Draft(case(), empty, {}, control(mode), now)
    first = decide_return.read_order(first, ordered)
    first = decide_return.read_return(first, reading or return_reading())
    return replace(committed(first), **changes)


def committed(drafted: Draft, now: datetime | None = None) -> Draft:
    """The draft as it is loaded after its commit: versions one on where something changed, no events."""
    if not drafted.events:
        return replace(drafted, now=now or drafted.now)
    ordered = drafted.order and replace(drafted.order, version=drafted.order.version + 1)
    head = replace(drafted.case, version=drafted.case.version + 1)
    return replace(drafted, case=head, order=ordered, events=(), now=now or drafted.now)


def authorised(reading: ReturnReading | None = None, **changes: Any) -> Draft:
    """A case whose return the channel shows as open."""
    reading = reading or return_reading()
    return draft(replace(reading, status=ChannelStatus.OPEN), **changes)


def units(sku: str = "SHIRT-M", quantity: int = 1, condition: Condition = Condition.NEW) -> ReceivedUnits:
    return ReceivedUnits(sku, quantity, condition)


def receipt(identifier: str = "parcel-1", *found: ReceivedUnits, **changes: Any) -> Receipt:
    """One parcel with one new shirt, unless other units are named."""
    content = found or (units(),)
    plain = Receipt(
        id=ReceiptId(identifier),
        received_at=NOW,
        units=content,
        names=(("rma", "R-501"),),
        digest=digest(identifier, *(f"{u.sku}:{u.quantity}:{u.condition}" for u in content)),
    )
    return replace(plain, **changes)


def command(
    name: CommandName,
    lines: Mapping[str, int] | None = None,
    *,
    actor: Actor = AGENT,
    amounts: Mapping[str, int] | None = None,
    reason: str = "checked",
    **changes: Any,
) -> Command:
    """An agent's order on the first version of the case."""
    of_case = CaseId(case().id)
    return replace(Command(name, of_case, 1, actor, lines or {}, amounts or {}, reason=reason), **changes)


def intent(state: IntentState = IntentState.READY, act: Act = Act.REFUND, **changes: Any) -> Intent:
    """A refund of one shirt on the card."""
    owner = case()
    plain = Intent(
        id=IntentId(intent_id(0, owner.id, 2, 0)),
        case=owner.id,
        channel="shopify",
        account="maison-lumiere",
        store="maison-lumiere",
        order=ORDERED,
        external=RETURN,
        act=act,
        state=state,
        currency="EUR",
        created_at=NOW,
        requested_by="agent",
        reason="SIZE_TOO_SMALL",
        rule="law@1:eu_withdrawal",
        lines=(IntentLine(SHIRTS, SHIRT, 1, 3000),),
        components=Components(goods=3000),
        payments={CARD: 3000},
    )
    return replace(plain, **changes)


def ledger(**changes: Any) -> Ledger:
    """The ledger of `order_reading`, with nothing claimed or refunded."""
    return replace(order().ledger, **changes)


def refunds(drafted: Draft) -> list[Intent]:
    """Every refund of the draft, oldest first."""
    found = [each for each in drafted.intents.values() if each.act is Act.REFUND]
    return sorted(found, key=lambda each: (each.created_at, each.id))


def told(drafted: Draft) -> list[str]:
    """The names of the draft's events, in their order."""
    return [type(event).__name__ for event in drafted.events]
