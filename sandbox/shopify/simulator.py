"""A world of Shopify shops for scenarios and tests: what buyers, carriers, banks and colleagues do, and a live server.

It acts as Shopify does; the only doors for the system under test are the server's URL and the webhooks it sends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, Self, TypeVar

from sandbox.shopify import cancelling, ordering, processing, refunds, returns, reverse
from sandbox.shopify import records as r
from sandbox.shopify import return_records as rr
from sandbox.shopify.books import Books
from sandbox.shopify.desk import FrontDesk, Logged
from sandbox.shopify.faults import Faults
from sandbox.shopify.floor import Floor, open_floor
from sandbox.shopify.ids import Sequence as Ids
from sandbox.shopify.money import fixed_text, parse
from sandbox.shopify.ordering import Basket, Item
from sandbox.shopify.server import SUPPORTED, Server
from sandbox.shopify.shop import Shop
from sandbox.shopify.suggestion import Wanted, return_outcome, shipping_left, split, suggest
from sandbox.shopify.summary import OrderSummary, summarise
from sandbox.shopify.webhooks import Attempt, Outbox, Subscription

STAFF = 548380010
TOPICS = (
    "returns/request", "returns/approve", "returns/decline", "returns/cancel", "returns/close", "returns/reopen",
    "returns/update", "returns/process", "refunds/create", "order_transactions/create",
    "reverse_deliveries/attach_deliverable", "reverse_fulfillment_orders/dispose", "fulfillment_events/create",
    "orders/updated", "orders/cancelled", "disputes/create", "disputes/update",
)  # fmt: skip
Result = TypeVar("Result")


class ShopifySimulator:
    """Start with `with ShopifySimulator(clock) as shopify:`; `shopify.url` is the base of /<shop>/admin/...

    `clock` gives the virtual time (aware UTC) of everything but the query-cost bucket, which runs on `pace` (seconds).
    Acts name an order or return by gid; `shop` may be left out when there is one shop.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        shops: Iterable[Shop] = (Shop("maison-lumiere"),),
        *,
        seed: int = 1,
        port: int = 0,
        pace: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.faults = Faults()
        self._ids = Ids(seed)
        self.webhooks = Outbox(self._ids, seed)
        self._lock = RLock()
        self._floors: dict[str, Floor] = {
            shop.name: open_floor(shop, clock, self._ids, self.faults, self.webhooks, pace) for shop in shops
        }
        self.desk = FrontDesk(self._floors, self.faults, clock, self._ids, self._lock)
        self._server = Server(self.desk, port)

    # Running

    def start(self) -> Self:
        self._server.start()
        return self

    def stop(self) -> None:
        self._server.stop()

    def close(self) -> None:
        """Give the port back without ever having served: for those who only want the books."""
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def requests(self) -> list[Logged]:
        """Every GraphQL request received, oldest first."""
        return self.desk.requests

    @property
    def defects(self) -> list[str]:
        """Traces of the simulator's own mistakes: must stay empty."""
        return self.desk.engine.defects

    def floor(self, shop: str | None = None) -> Floor:
        if shop is not None:
            return self._floors[shop]
        if len(self._floors) != 1:
            raise ValueError("there are several shops: say which")
        return next(iter(self._floors.values()))

    def _floor_of(self, gid: str) -> Floor:
        for floor in self._floors.values():
            tables = (floor.books.orders, floor.books.returns, floor.books.fulfillments, floor.books.disputes)
            if any(gid in table for table in tables):
                return floor
        raise KeyError(f"no shop knows {gid}")

    def _act(self, gid: str, do: Callable[[Books], Result]) -> Result:
        with self._lock:
            floor = self._floor_of(gid)
            floor.catch_up(self.clock())
            return floor.act(lambda: do(floor.books))

    # Reading

    def order(self, gid: str) -> r.Order:
        return self._floor_of(gid).books.orders[gid]

    def return_(self, gid: str) -> rr.Return:
        return self._floor_of(gid).books.returns[gid]

    def books(self, shop: str | None = None) -> dict[str, OrderSummary]:
        """Per order name: captured, refunded, pending, by payment, by line, every refund and return."""
        with self._lock:
            books = self.floor(shop).books
            self.floor(shop).catch_up(self.clock())
            return {order.name: summarise(books, order) for order in books.orders.values()}

    # Webhooks

    def subscribe(
        self, uri: str, topics: Sequence[str] = TOPICS, shop: str | None = None, *, app_level: bool = False
    ) -> list[Subscription]:
        """Subscribe an address to topics, as an app's configuration (`app_level`) or an API call would."""
        with self._lock:
            name = self.floor(shop).shop.name
            made = []
            for topic in topics:
                gid = self._ids.gid("WebhookSubscription")
                entry = Subscription(gid, name, topic, uri, SUPPORTED[-1], self.clock(), app_level=app_level)
                made.append(self.webhooks.subscribe(entry))
            return made

    def catch_up(self) -> None:
        """Let time do its work: pending money settles, queued cancellations run."""
        with self._lock:
            for floor in self._floors.values():
                floor.catch_up(self.clock())

    def deliver_due(self, now: datetime | None = None) -> list[Attempt]:
        """Send the webhooks that are due. The subscriber may call the API while it answers."""
        self.catch_up()
        return self.webhooks.deliver_due(self.clock() if now is None else now)

    # Buyers, carriers, banks

    def place_order(self, items: Sequence[Item], shop: str | None = None, **basket: Any) -> r.Order:
        """A paid order; `basket` takes the fields of `Basket` (currency, shipping, discount, payments, country...)."""
        with self._lock:
            floor = self.floor(shop)
            given: dict[str, Any] = {"currency": floor.shop.currency, "taxes_included": floor.shop.taxes_included}
            given |= basket
            return floor.act(lambda: ordering.place(floor.books, Basket(items=items, **given)))

    def fulfil(
        self,
        order: str,
        quantities: Mapping[str, int] | None = None,
        tracking: tuple[str, str, str | None] | None = None,
    ) -> r.Fulfillment:
        """Ship units by SKU (all that is left when None); tracking is (carrier, number, url)."""

        def do(books: Books) -> r.Fulfillment:
            by_line = None if quantities is None else _lines_by_sku(books.orders[order], quantities)
            return ordering.fulfil(books, order, by_line, tracking)

        return self._act(order, do)

    def record_event(
        self, fulfillment: str, status: str, happened_at: datetime | None = None, message: str | None = None
    ) -> r.FulfillmentEvent:
        """A carrier's scan: IN_TRANSIT, OUT_FOR_DELIVERY, DELIVERED..."""
        return self._act(
            fulfillment, lambda books: ordering.record_event(books, fulfillment, status, happened_at, message)
        )

    def buyer_requests_return(
        self, order: str, quantities: Mapping[str, int], reason: str = "UNWANTED", note: str | None = None
    ) -> rr.Return:
        """A return request from the buyer's account: units by SKU, a ReturnReason, a note per line."""

        def do(books: Books) -> rr.Return:
            lines = _return_lines(books, order, quantities)
            given = [entry | {"returnReason": reason, "customerNote": note} for entry in lines]
            return returns.request_return(books, {"orderId": order, "returnLineItems": given})

        return self._act(order, do)

    def buyer_cancels_return(self, return_id: str) -> rr.Return:
        """The buyer takes back a request that is not approved yet."""
        return self._act(return_id, lambda books: returns.cancel(books, return_id, by_buyer=True))

    def settle_transactions(
        self, order: str | None = None, status: str = "SUCCESS", error_code: str | None = None
    ) -> int:
        """The payment provider answers now for all pending money (of one order); how many it was."""
        with self._lock:
            count = 0
            for floor in self._floors.values():
                waiting = [
                    item
                    for item in floor.books.transactions.values()
                    if item.status == "PENDING" and order in (None, item.order)
                ]
                for item in waiting:
                    _settle(floor, item.id, status, error_code)
                count += len(waiting)
            return count

    def open_dispute(self, order: str, kind: str = "CHARGEBACK", amount: int | None = None) -> r.Dispute:
        return self._act(order, lambda books: ordering.open_dispute(books, order, kind, amount=amount))

    def move_dispute(self, dispute: str, status: str) -> r.Dispute:
        return self._act(dispute, lambda books: ordering.move_dispute(books, dispute, status))

    # Colleagues in the admin

    def admin_approve(self, return_id: str) -> rr.Return:
        return self._act(return_id, lambda books: returns.approve(books, return_id))

    def admin_decline(self, return_id: str, reason: str = "OTHER", note: str | None = None) -> rr.Return:
        return self._act(return_id, lambda books: returns.decline(books, return_id, reason, note))

    def admin_close(self, return_id: str) -> rr.Return:
        return self._act(return_id, lambda books: returns.close(books, return_id))

    def admin_reopen(self, return_id: str) -> rr.Return:
        return self._act(return_id, lambda books: returns.reopen(books, return_id))

    def admin_creates_return(self, order: str, quantities: Mapping[str, int], reason: str = "UNWANTED") -> rr.Return:
        """A return opened in the admin: OPEN at once."""

        def do(books: Books) -> rr.Return:
            lines = _return_lines(books, order, quantities)
            given = [entry | {"returnReason": reason, "returnReasonNote": "opened in the admin"} for entry in lines]
            announce = self._floor_of(order).shop.create_announces_approval
            return returns.create_return(books, {"orderId": order, "returnLineItems": given}, announce=announce)

        return self._act(order, do)

    def admin_refund(
        self,
        order: str,
        quantities: Mapping[str, int] | None = None,
        amount: str | None = None,
        note: str | None = None,
        *,
        shipping: bool = False,
    ) -> r.Refund:
        """A colleague refunds in the admin: units by SKU (and shipping), or any amount."""

        def do(books: Books) -> r.Refund:
            given = _admin_refund(books, books.orders[order], quantities or {}, amount, shipping=shipping)
            return refunds.create_refund(books, given | {"note": note}, staff=STAFF)

        return self._act(order, do)

    def admin_processes_return(self, return_id: str) -> rr.Return:
        """A colleague processes all that is left of a return and refunds what Shopify suggests."""

        def do(books: Books) -> rr.Return:
            return processing.process(books, _admin_process(books, books.returns[return_id]))

        return self._act(return_id, do)

    def admin_dispose(self, return_id: str, disposition: str = "RESTOCKED") -> None:
        """All goods of a return inspected at the first location."""

        def do(books: Books) -> None:
            for item in books.reverse_orders_of(return_id):
                reverse.dispose(
                    books,
                    [
                        {
                            "reverseFulfillmentOrderLineItemId": line.id,
                            "quantity": line.quantity - line.disposed,
                            "dispositionType": disposition,
                            "locationId": next(iter(books.locations)),
                        }
                        for line in item.lines
                        if line.quantity > line.disposed
                    ],
                )

        self._act(return_id, do)

    def admin_cancels_order(self, order: str, *, refund: bool = True, reason: str = "CUSTOMER") -> None:
        """Cancelled in the admin, done at once. Raises RuntimeError when Shopify would fail the job."""

        def do(books: Books) -> None:
            method = {"originalPaymentMethodsRefund": True} if refund else None
            given = {"orderId": order, "reason": reason, "restock": True, "refundMethod": method}
            job = cancelling.cancel_order(books, given, timedelta(0))
            cancelling.run_due(books, books.clock())
            if books.jobs[job.id].status != "SUCCEEDED":
                raise RuntimeError(f"{books.orders[order].name}: {books.jobs[job.id].failure}")

        self._act(order, do)


def _settle(floor: Floor, transaction_id: str, status: str, error_code: str | None) -> None:
    floor.act(lambda: refunds.settle(floor.books, transaction_id, status, error_code))


def _lines_by_sku(order: r.Order, quantities: Mapping[str, int]) -> dict[str, int]:
    known = {line.sku: line.id for line in order.lines}
    return {known[sku]: count for sku, count in quantities.items()}


def _return_lines(books: Books, order_id: str, quantities: Mapping[str, int]) -> list[dict[str, Any]]:
    """Units by SKU as fulfilment lines, oldest parcel first. Raises ValueError when too few can be returned."""
    lines: list[dict[str, Any]] = []
    for line_id, wanted in _lines_by_sku(books.orders[order_id], quantities).items():
        left = wanted
        for parcel in books.fulfillments_of(order_id):
            for entry in parcel.lines:
                count = min(left, books.returnable(order_id, entry)) if entry.line == line_id else 0
                if count > 0:
                    lines.append({"fulfillmentLineItemId": entry.id, "quantity": count})
                    left -= count
        if left:
            raise ValueError(f"only {wanted - left} of {wanted} units of {line_id} can be returned: fulfil them first")
    return lines


def _admin_refund(
    books: Books, order: r.Order, quantities: Mapping[str, int], amount: str | None, *, shipping: bool
) -> dict[str, Any]:
    currency = order.currencies.presentment
    units = _lines_by_sku(order, quantities)
    wanted = [Wanted(line, units[line.id]) for line in order.lines if line.id in units]
    freight = shipping_left(books, order) if shipping else 0
    suggested = suggest(books, order, wanted, freight).amount
    total = suggested if amount is None else parse(amount, currency)
    return {
        "orderId": order.id,
        "currency": currency,
        "refundLineItems": [
            {"lineItemId": line_id, "quantity": count, "restockType": "NO_RESTOCK"} for line_id, count in units.items()
        ],
        "shipping": {"fullRefund": True} if shipping else None,
        "transactions": [
            {
                "orderId": order.id,
                "parentId": part.payment.id,
                "gateway": part.payment.gateway,
                "kind": "REFUND",
                "amount": fixed_text(part.amount, currency),
            }
            for part in split(books, order.id, total)
        ],
    }


def _admin_process(books: Books, item: rr.Return) -> dict[str, Any]:
    order = books.orders[item.order]
    currency = order.currencies.presentment
    lines = [(line, line.quantity - line.processed) for line in item.lines if line.quantity > line.processed]
    transfer = max(0, return_outcome(books, item, lines).transfer)
    return {
        "returnId": item.id,
        "returnLineItems": [{"id": line.id, "quantity": count} for line, count in lines],
        "financialTransfer": {
            "issueRefund": {
                "orderTransactions": [
                    {
                        "parentId": part.payment.id,
                        "transactionAmount": {"amount": fixed_text(part.amount, currency), "currencyCode": currency},
                    }
                    for part in split(books, order.id, transfer)
                ]
            }
        },
    }
