"""Cases, orders and intents as a Shopify shop makes them, with numbers as long as real ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from quittance.application.commit import DeliveryKey
from quittance.application.ports import Delivery, Parked, Poll
from quittance.domain.case import Case
from quittance.domain.deadline import Deadline
from quittance.domain.ids import CaseId, DeliveryId, IntentId, OrderId, ReceiptId, case_of_channel, intent_id
from quittance.domain.intent import Act, Attempt, Components, Intent, IntentLine, IntentState
from quittance.domain.ledger import Amounts, Claim, Ledger, Payment, SeenRefund, SoldLine
from quittance.domain.observations import ChannelStatus, Condition, Receipt, ReceivedUnits
from quittance.domain.order import Order
from quittance.domain.parcel import Parcel
from quittance.domain.policy import Versions
from quittance.domain.priority import CaseKind
from quittance.domain.return_request import ReturnLine, ReturnRequest

NOW: Final = datetime(2026, 11, 21, 21, 38, 43, 123000, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
CHANNEL: Final = "shopify"
ACCOUNT: Final = "maison-lumiere"
ORDER: Final = OrderId("5551234567890")
RETURN: Final = "9876543210"
LINES: Final = ("6161616161", "6161616162")
SOLD: Final = ("13131313131313", "13131313131314")
PAYMENT: Final = "7171717171717"
CASE: Final = case_of_channel(CHANNEL, ACCOUNT, "return", RETURN)
OTHER_CASE: Final = case_of_channel(CHANNEL, ACCOUNT, "return", "9876543211")
INTENT: Final = intent_id(0, CASE, 4, 0)
OTHER_INTENT: Final = intent_id(0, OTHER_CASE, 2, 0)
TAIL: Final = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"


def a_return(case: CaseId = CASE, external: str = RETURN, **changed: Any) -> Case:
    """A return of two lines as the desk sees it on an ordinary day: received, one refund underway, three clocks."""
    lines = {
        LINES[0]: ReturnLine(SOLD[0], "TEE-BLUE-M", 2, "SIZE_TOO_SMALL", 2, 2, 2, paying=2),
        LINES[1]: ReturnLine(SOLD[1], "LAMP-01", 1, "DEFECTIVE", 1),
    }
    body = ReturnRequest(
        ChannelStatus.OPEN,
        requested_at=NOW - 48 * HOUR,
        as_of=NOW,
        lines=lines,
        open_intents={INTENT: Act.REFUND},
        country="FR",
        delivered_at=NOW - 96 * HOUR,
        authorised_at=NOW - 47 * HOUR,
        received_at=NOW - HOUR,
    )
    head = Case(
        id=case,
        kind=CaseKind.RETURN,
        channel=CHANNEL,
        account=ACCOUNT,
        store=ACCOUNT,
        external=external,
        opened_at=NOW - 48 * HOUR,
        policy=Versions(3, 12, 27),
        body=body,
        order=ORDER,
        version=3,
        deadlines={
            "goods_outstanding": a_deadline(480, "shopify@27:deadline.goods_outstanding"),
            "refund_received": a_deadline(72, "shopify@27:deadline.refund_received"),
            "law_refund": a_deadline(288, "law@3:eu_withdrawal", 1),
        },
        tail=TAIL,
    )
    return replace(head, **changed)


def a_deadline(hours: int, rule: str, lane: int = 2) -> Deadline:
    legal = NOW + hours * HOUR
    return Deadline(legal, legal - 24 * HOUR, rule, (2880, 1440), lane)


def a_parcel(**changed: Any) -> Case:
    found = ReceivedUnits("TEE-BLUE-M", 1, Condition.OPENED, "photo-1")
    receipt = Receipt(ReceiptId("r-77"), NOW, (found,), (("rma", "RMA-1"), ("order", "#1001")), "ab" * 32)
    head = Case(
        id=case_of_channel("warehouse", ACCOUNT, "parcel", "r-77"),
        kind=CaseKind.PARCEL,
        channel="warehouse",
        account=ACCOUNT,
        store=ACCOUNT,
        external="r-77",
        opened_at=NOW,
        policy=Versions(3, 12, 27),
        body=Parcel(receipt, NOW),
        version=1,
        deadlines={"identify_parcel": a_deadline(72, "shopify@27:deadline.identify_parcel")},
        names=frozenset({("rma", "RMA-1")}),
        tail=TAIL,
    )
    return replace(head, **changed)


def an_order(ledger: Ledger | None = None, **changed: Any) -> Order:
    """An order of two lines and one payment, of which one refund was made by other hands."""
    order = Order(
        id=ORDER,
        channel=CHANNEL,
        account=ACCOUNT,
        store=ACCOUNT,
        currency="EUR",
        as_of=NOW,
        version=2,
        country="FR",
        delivered_at=NOW - 96 * HOUR,
        ledger=ledger or a_ledger(),
        cases=frozenset({CASE}),
    )
    return replace(order, **changed)


def a_ledger(**changed: Any) -> Ledger:
    ledger = Ledger(
        payments={PAYMENT: Payment(10000, "shopify_payments")},
        lines={SOLD[0]: SoldLine("TEE-BLUE-M", 2, 5000, 833), SOLD[1]: SoldLine("LAMP-01", 2, 4500, 750)},
        shipping=500,
        refunds={"9090909090": SeenRefund("foreign", Amounts({PAYMENT: 1000}))},
    )
    return replace(ledger, **changed)


def a_claim(minor: int = 2500, line: str = SOLD[0], units: int = 1, shipping: int = 0) -> Claim:
    return Claim(Amounts({PAYMENT: minor + shipping}, {line: (units, minor)}, shipping), NOW)


def with_claim(order: Order, intent: IntentId, claim: Claim) -> Order:
    claims = {**order.ledger.claims, intent: claim}
    return replace(order, ledger=replace(order.ledger, claims=claims))


def a_refund(intent: IntentId = INTENT, case: CaseId = CASE, **changed: Any) -> Intent:
    """A refund of two lines that was claimed and sent, and of which nothing is known yet."""
    refund = Intent(
        id=intent,
        case=case,
        channel=CHANNEL,
        account=ACCOUNT,
        store=ACCOUNT,
        order=ORDER,
        external=RETURN,
        act=Act.REFUND,
        state=IntentState.UNKNOWN,
        currency="EUR",
        created_at=NOW - HOUR,
        requested_by="rule",
        reason="SIZE_TOO_SMALL",
        rule="law@3:eu.withdrawal",
        lines=(IntentLine(LINES[0], SOLD[0], 2, 5000), IntentLine(LINES[1], SOLD[1], 1, 2250)),
        components=Components(goods=7250),
        payments={PAYMENT: 7250},
        key="2f0e7e8e-3b4f-5a5c-9a51-7f9df1a3a3c1",
        body_sha256="ab" * 32,
        version=4,
        due=NOW + HOUR,
        attempt=Attempt(1, NOW, NOW, NOW, sends=1),
        why="timeout",
    )
    return replace(refund, **changed)


def a_delivery(name: str = "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043") -> Delivery:
    return Delivery(
        CHANNEL, ACCOUNT, ACCOUNT, "returns/request", DeliveryId(name), NOW, b'{"id":1}', {"x-shopify-topic": "r"}
    )


def a_delivery_key(name: str = "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043") -> DeliveryKey:
    return DeliveryKey(CHANNEL, ACCOUNT, DeliveryId(name))


def a_parked(**changed: Any) -> Parked:
    parked = Parked(a_delivery_key(), ACCOUNT, "returns/request", "archive/x", "MALFORMED", NOW, NOW + 720 * HOUR)
    return replace(parked, **changed)


def a_poll(**changed: Any) -> Poll:
    poll = Poll(CHANNEL, ACCOUNT, ACCOUNT, "returns", 15 * timedelta(minutes=1), NOW, 0)
    return replace(poll, **changed)
