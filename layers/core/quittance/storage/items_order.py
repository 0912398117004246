"""An order's ledger as an item, and back, with what is still free stored beside it for conditions to check.

Refuses to believe the stored headroom when it reads: balances are always folded from the facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from quittance.application.commit import Key, Value
from quittance.domain.ids import CaseId, IntentId, OrderId
from quittance.domain.instant import from_text, to_text
from quittance.domain.ledger import Amounts, Claim, Ledger, Payment, SeenRefund, SoldLine
from quittance.domain.observations import FulfilledBy
from quittance.domain.order import Order
from quittance.storage import keys
from quittance.storage.engine import Item
from quittance.storage.items import SCHEMA, compact, due_of_item, read, read_once, upgraded, written

# Attributes that an item has only while there is something to say.
ORDER_OPTIONAL: Final = frozenset(
    "store country delivered cancelled payments lines shipping free_shipping claims refunds turn cases ordinals"
    " disputes frozen due_pk due_sk overridden fulfilled customer".split()
)


def order_attributes(order: Order) -> dict[str, Value]:
    """The ledger's attributes; money in minor units of `cur`, lines of an amount as [quantity, minor units]."""
    ledger = order.ledger
    return {
        "v": SCHEMA,
        "version": order.version,
        "cur": order.currency,
        "as_of": to_text(order.as_of),
        **compact(
            {
                "store": order.store,
                "country": order.country,
                "delivered": written(order.delivered_at),
                "cancelled": written(order.cancelled_at),
                "payments": {payment: _payment_map(ledger, payment) for payment in ledger.payments},
                "lines": {line: _sold_map(ledger, line) for line in ledger.lines},
                "shipping": ledger.shipping,
                "free_shipping": ledger.free_shipping,
                "claims": {intent: _claim_map(claim) for intent, claim in ledger.claims.items()},
                "refunds": {refund: _refund_map(seen) for refund, seen in ledger.refunds.items()},
                "turn": ledger.turn,
                "cases": sorted(order.cases),
                "ordinals": dict(order.ordinals),
                "disputes": sorted(order.disputes),
                "frozen": order.frozen,
                "overridden": sorted(order.overridden),
                "fulfilled": "" if order.fulfilled_by is FulfilledBy.MERCHANT else order.fulfilled_by.value,
                "customer": order.customer,
            }
        ),
        **(keys.due(keys.QUIET_LANE, order.due, order.id) if order.due is not None else {}),
    }


@read_once
def order_of(item: Item) -> Order:
    """The order of a ledger item."""
    item = upgraded(keys.ORDER.name, item)
    parts = keys.ORDER.parts(Key(item["pk"], item["sk"])) or {}
    return Order(
        id=OrderId(parts["order"]),
        channel=parts["channel"],
        account=parts["account"],
        store=item.get("store", ""),
        currency=item["cur"],
        as_of=from_text(item["as_of"]),
        version=item["version"],
        country=item.get("country", ""),
        delivered_at=read(item.get("delivered")),
        cancelled_at=read(item.get("cancelled")),
        ledger=_ledger(item),
        cases=frozenset(CaseId(case) for case in item.get("cases", ())),
        ordinals=dict(item.get("ordinals", {})),
        disputes=frozenset(item.get("disputes", ())),
        frozen=item.get("frozen", ""),
        due=due_of_item(item),
        overridden=frozenset(item.get("overridden", ())),
        fulfilled_by=FulfilledBy(item.get("fulfilled", FulfilledBy.MERCHANT)),
        customer=item.get("customer", ""),
    )


def _ledger(item: Item) -> Ledger:
    turn = item.get("turn")
    return Ledger(
        payments={key: _payment(raw) for key, raw in item.get("payments", {}).items()},
        lines={key: _sold(raw) for key, raw in item.get("lines", {}).items()},
        shipping=item.get("shipping", 0),
        claims={IntentId(key): _claim(raw) for key, raw in item.get("claims", {}).items()},
        refunds={key: _refund(raw) for key, raw in item.get("refunds", {}).items()},
        turn=IntentId(turn) if turn else None,
    )


def _payment_map(ledger: Ledger, payment: str) -> dict[str, Value]:
    paid = ledger.payments[payment]
    facts = compact({"captured": paid.captured, "gateway": paid.gateway, "rank": paid.rank})
    return {**facts, "available": ledger.available(payment)}


def _payment(raw: Mapping[str, Any]) -> Payment:
    return Payment(raw.get("captured", 0), raw.get("gateway", ""), raw.get("rank", 0))


def _sold_map(ledger: Ledger, line: str) -> dict[str, Value]:
    sold = ledger.lines[line]
    facts = compact({"sku": sold.sku, "sold": sold.quantity, "total": sold.total, "tax": sold.tax})
    return {**facts, "free": ledger.free_quantity(line)}


def _sold(raw: Mapping[str, Any]) -> SoldLine:
    return SoldLine(raw.get("sku", ""), raw.get("sold", 0), raw.get("total", 0), raw.get("tax", 0))


def _claim_map(claim: Claim) -> dict[str, Value]:
    return {"since": to_text(claim.since), **_amounts_map(claim.amounts)}


def _claim(raw: Mapping[str, Any]) -> Claim:
    return Claim(_amounts(raw), from_text(raw["since"]))


def _refund_map(seen: SeenRefund) -> dict[str, Value]:
    return {"owner": seen.owner, **_amounts_map(seen.amounts)}


def _refund(raw: Mapping[str, Any]) -> SeenRefund:
    return SeenRefund(raw["owner"], _amounts(raw))


def _amounts_map(amounts: Amounts) -> dict[str, Value]:
    lines = {line: [quantity, minor] for line, (quantity, minor) in amounts.lines.items()}
    return compact({"pay": dict(amounts.payments), "lines": lines, "ship": amounts.shipping})


def _amounts(raw: Mapping[str, Any]) -> Amounts:
    lines = {line: (quantity, minor) for line, (quantity, minor) in raw.get("lines", {}).items()}
    return Amounts(dict(raw.get("pay", {})), lines, raw.get("ship", 0))
