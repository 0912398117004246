"""What Shopify answers, written by hand in its shape: one order of two lamps and three bulbs, and its return.

Amounts: a lamp costs 49.90 and the two got 5.00 off; 7.00 off the order was spread; prices hold 20 % tax.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from quittance.channels.shopify.acts import ShopifyActs
from quittance.channels.shopify.adapter import ShopifyChannel
from quittance.channels.shopify.client import Client
from quittance.domain.ids import CaseId, IntentId, OrderId
from quittance.domain.intent import Act, Attempt, Components, Intent, IntentLine, IntentState
from tests.channels.road import Counted, Json, Reply, Road, Sent

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
HORIZON = timedelta(seconds=60)
TIMEOUT = timedelta(seconds=20)
ACCOUNT = "maison-lumiere"
ORDER, RETURN, CARD = "8001", "501", "71"
LAMP, BULB = "11", "12"
LAMPS_BACK, BULBS_BACK = "21", "22"
CREDENTIALS = {"shop": "maison-lumiere", "access_token": "shpat_secret"}
SNAPSHOT = {"refunds": "", "status": "open", f"line:{LAMPS_BACK}": "1/0/0", f"line:{BULBS_BACK}": "2/0/0"}


def gid(kind: str, number: str) -> str:
    return f"gid://shopify/{kind}/{number}"


def money(amount: str, currency: str = "EUR") -> Json:
    return {"presentmentMoney": {"amount": amount, "currencyCode": currency}}


def page(nodes: Iterable[Any], after: str | None = None) -> Json:
    return {"nodes": list(nodes), "pageInfo": {"hasNextPage": after is not None, "endCursor": after}}


def line(number: str, sku: str, quantity: int, price: str, off: Iterable[str] = (), tax: str = "0.0") -> Json:
    return {
        "id": gid("LineItem", number),
        "sku": sku,
        "quantity": quantity,
        "originalUnitPriceSet": money(price),
        "discountAllocations": [{"allocatedAmountSet": money(one)} for one in off],
        "taxLines": [{"priceSet": money(tax)}],
    }


def transaction(number: str, kind: str, amount: str, status: str = "SUCCESS", parent: str | None = None) -> Json:
    return {
        "id": gid("OrderTransaction", number),
        "kind": kind,
        "status": status,
        "gateway": "shopify_payments",
        "amountSet": money(amount),
        "parentTransaction": None if parent is None else {"id": gid("OrderTransaction", parent)},
    }


def refund(number: str, *parts: Json, lines: Iterable[tuple[str, int, str]] = (), **given: Any) -> Json:
    return {
        "id": gid("Refund", number),
        "note": None,
        "return": {"id": gid("Return", RETURN)},
        "transactions": page(parts),
        "refundLineItems": page(
            {
                "quantity": quantity,
                "lineItem": {"id": gid("LineItem", name)},
                "subtotalSet": money(subtotal),
                "totalTaxSet": money("1.0"),
            }
            for name, quantity, subtotal in lines
        ),
        "refundShippingLines": page([]),
    } | given


def back(amount: str = "63.62", status: str = "SUCCESS", number: str = "81", parent: str | None = CARD) -> Json:
    """One refund transaction."""
    return transaction(number, "REFUND", amount, status, parent)


def own_refund(number: str = "901", *parts: Json, **given: Any) -> Json:
    """A refund that fits `refund_intent` in units and amount."""
    return refund(number, *(parts or (back(),)), lines=((LAMP, 1, "44.74"), (BULB, 2, "18.88")), **given)


def return_line(number: str, order_line: str, sku: str, quantity: int, note: str | None = None) -> Json:
    return {
        "__typename": "ReturnLineItem",
        "id": gid("ReturnLineItem", number),
        "quantity": quantity,
        "processedQuantity": 0,
        "refundedQuantity": 0,
        "customerNote": note,
        "returnReasonDefinition": {"handle": "defective"},
        "fulfillmentLineItem": {"lineItem": {"id": gid("LineItem", order_line), "sku": sku}},
    }


def reverse_order(*trackings: str | None) -> Json:
    deliveries = [
        {"deliverable": {"__typename": "ReverseDeliveryShippingDeliverable", "tracking": {"number": number}}}
        for number in trackings
    ]
    return {"id": gid("ReverseFulfillmentOrder", "61"), "reverseDeliveries": page(deliveries)}


def return_(number: str = RETURN, status: str = "OPEN", **given: Any) -> Json:
    return {
        "id": gid("Return", number),
        "name": "#1001-R1",
        "status": status,
        "createdAt": "2026-11-20T09:00:00Z",
        "returnLineItems": page(
            [return_line(LAMPS_BACK, LAMP, "LAMP", 1, "too dark"), return_line(BULBS_BACK, BULB, "BULB", 2)]
        ),
        "refunds": page([]),
        "reverseFulfillmentOrders": page([reverse_order("6A123")]),
    } | given


def order(**given: Any) -> Json:
    return {
        "id": gid("Order", ORDER),
        "cancelledAt": None,
        "presentmentCurrencyCode": "EUR",
        "taxesIncluded": True,
        "shippingAddress": {"countryCodeV2": "FR"},
        "disputes": [],
        "transactions": [transaction("70", "AUTHORIZATION", "123.70"), transaction(CARD, "CAPTURE", "123.70")],
        "fulfillments": [parcel("2026-11-18T14:00:00Z")],
        "refunds": [],
        "lineItems": page(
            [
                line(LAMP, "LAMP", 2, "49.90", ("5.0", "5.32"), "14.91"),
                line(BULB, "BULB", 3, "10.0", ("1.68",), "4.72"),
            ]
        ),
        "shippingLines": page([{"discountedPriceSet": money("5.90"), "taxLines": [{"priceSet": money("0.98")}]}]),
        "returns": page([return_()]),
    } | given


def parcel(delivered: str | None, status: str = "SUCCESS", *, ships: bool = True) -> Json:
    return {"status": status, "requiresShipping": ships, "deliveredAt": delivered}


def with_refund(seen: Json, status: str = "OPEN") -> Json:
    """The order with one refund of its return."""
    of_return = return_(status=status, refunds=page([{"id": seen["id"]}]))
    return order(refunds=[seen], returns=page([of_return]))


def data(**fields: Any) -> Reply:
    cost = {"requestedQueryCost": 20, "actualQueryCost": 8, "throttleStatus": bucket(1980)}
    return Reply({"data": fields, "extensions": {"cost": cost}}, headers={"X-Shopify-API-Version": "2026-10"})


def bucket(left: float) -> Json:
    return {"maximumAvailable": 2000.0, "currentlyAvailable": left, "restoreRate": 100.0}


def failed(code: str, field: str | None = None, **more: Any) -> Reply:
    """HTTP 200 with an error before anything was done."""
    found = {"message": "refused", "extensions": {"code": code}}
    return Reply({"errors": [found], "data": {field: None} if field else None} | more)


def throttled(left: float = 0.0, wanted: int = 100) -> Reply:
    cost = {"requestedQueryCost": wanted, "actualQueryCost": None, "throttleStatus": bucket(left)}
    return failed("THROTTLED", extensions={"cost": cost})


def suggested(total: str = "63.62", parts: Iterable[tuple[str, str]] = ((CARD, "63.62"),)) -> Json:
    transfer = {
        "__typename": "RefundReturnOutcome",
        "amount": money(total),
        "suggestedTransactions": [
            {"amountSet": money(amount), "parentTransaction": {"id": gid("OrderTransaction", name)}}
            for name, amount in parts
        ],
    }
    return {"id": gid("Return", RETURN), "suggestedFinancialOutcome": {"financialTransfer": transfer}}


def processed(*refunds: Json) -> Json:
    """The payload of a returnProcess that was carried out."""
    shown = refunds or (own_refund(),)
    found = [{"id": one["id"], "transactions": one["transactions"]} for one in shown]
    return {"return": {"id": gid("Return", RETURN), "status": "OPEN", "refunds": page(found)}, "userErrors": []}


def refused(code: str | None, message: str = "Return status is invalid.") -> Json:
    return {"return": None, "userErrors": [{"code": code, "field": ["input"], "message": message}]}


def operation(sent: Sent) -> str:
    """The name of the operation in a request."""
    words = str(sent.json["query"]).split("(", 1)[0].split()
    return words[1]


def desk(**replies: Any) -> Road:
    """A road that answers each operation by its name: a reply, a list of replies in turn, or the data of one."""

    def answer(sent: Sent) -> Reply | Exception:
        found = replies[operation(sent)]
        reply = found.pop(0) if isinstance(found, list) else found
        return data(**reply) if isinstance(reply, dict) else reply

    return Road(answer)


def client(road: Road, **given: Any) -> Client:
    options: dict[str, Any] = {"session": road.session(), "sleep": lambda _: None} | given
    credentials = options.pop("credentials", lambda _: CREDENTIALS)
    return Client(credentials, options.pop("meter", Counted()), **options)


def channel(road: Road, **given: Any) -> ShopifyChannel:
    return ShopifyChannel(client(road, **given), ShopifyActs(HORIZON))


def intent(act: Act, **given: Any) -> Intent:
    plain = Intent(
        id=IntentId("7b0c3a5e"),
        case=CaseId("case-1"),
        channel="shopify",
        account=ACCOUNT,
        store=ACCOUNT,
        order=OrderId(ORDER),
        external=RETURN,
        act=act,
        state=IntentState.SENDING,
        currency="EUR",
        created_at=NOW,
        requested_by="rule",
        reason="other",
        rule="shopify@1",
        lines=(IntentLine(BULBS_BACK, BULB, 2, 1888), IntentLine(LAMPS_BACK, LAMP, 1, 4474)),
        attempt=Attempt(snapshot=SNAPSHOT),
    )
    return replace(plain, **given)


def refund_intent(**given: Any) -> Intent:
    return intent(Act.REFUND, **{"components": Components(goods=6362), "payments": {CARD: 6362}, **given})
