"""Return cases at the edge of a policy: one order, one line, as a channel would have shown them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from quittance.domain.account import Control, Mode
from quittance.domain.case import Case
from quittance.domain.command import Actor, Authority, Command, CommandName
from quittance.domain.draft import Draft
from quittance.domain.ids import CaseId, OrderId, case_of_channel
from quittance.domain.ledger import Ledger, Payment, SoldLine
from quittance.domain.observations import ChannelStatus
from quittance.domain.order import Order
from quittance.domain.policy import Versions
from quittance.domain.priority import CaseKind
from quittance.domain.return_request import ReturnLine, ReturnRequest

NOW: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ORDER: Final = OrderId("gid://shopify/Order/1")
APPROVER: Final = Actor("approver-noor", Authority.APPROVER)
AGENT: Final = Actor("agent-marie", Authority.AGENT)


def case_id(channel: str) -> CaseId:
    return case_of_channel(channel, "account-1", CaseKind.RETURN, "return-1")


def requested(channel: str = "shopify", *, country: str = "US", **body: Any) -> Draft:
    """A return that is asked for and not decided: one unit of 30.00 EUR, outside the law unless `country` says so."""
    lines = {"line-1": ReturnLine("order-line-1", "LAMP", 1, reason="changed-my-mind")}
    asked = ReturnRequest(ChannelStatus.REQUESTED, NOW, NOW, lines, country=country)
    asked = replace(asked, **body)
    ledger = Ledger(payments={"payment-1": Payment(3_000)}, lines={"order-line-1": SoldLine("LAMP", 1, 3_000)})
    order = Order(ORDER, channel, "account-1", "store-1", "EUR", NOW, 1, country, asked.delivered_at, ledger=ledger)
    case = Case(
        id=case_id(channel),
        kind=CaseKind.RETURN,
        channel=channel,
        account="account-1",
        store="store-1",
        external="return-1",
        opened_at=NOW,
        policy=Versions(1, 1, 1),
        body=asked,
        order=ORDER,
        version=1,
    )
    return Draft(case, order, {}, Control(Mode.LIVE), NOW)


def accepted(units: int, total: int, *, reason: str = "changed-my-mind", country: str = "US") -> Draft:
    """A return whose units all came back and were accepted; `total` minor units were paid for them."""
    line = ReturnLine("order-line-1", "LAMP", units, reason=reason, authorised=units, received=units, accepted=units)
    draft = requested(
        country=country, status=ChannelStatus.OPEN, lines={"line-1": line}, authorised_at=NOW, received_at=NOW
    )
    ledger = Ledger(payments={"payment-1": Payment(total)}, lines={"order-line-1": SoldLine("LAMP", units, total)})
    return replace(draft, order=replace(draft.ordered, ledger=ledger))


def order_of(name: CommandName, draft: Draft, actor: Actor = APPROVER, **more: Any) -> Command:
    """A command on the case of a draft, as the desk would have read it."""
    return Command(name, draft.case.id, draft.case.version, actor, {}, {}, **more)
