"""Shopify as a channel: hints become readings, intents become mutations, and their effects are looked for.

Refuses to take what cannot be read for absent, and to send anything but the bytes that the intent fixed at birth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from quittance.application.ports import (
    Delivery,
    Guard,
    Hint,
    Meter,
    Page,
    Prepared,
    Pseudonyms,
    Reading,
    SendOutcome,
    Sighting,
    Suggestion,
)
from quittance.channels.shopify import documents, effects, hints, polls
from quittance.channels.shopify.acts import ShopifyActs, quantities, refund_shipping
from quittance.channels.shopify.answers import Accepted
from quittance.channels.shopify.client import Client
from quittance.channels.shopify.fields import Node, child, items, maybe_child, minor, number, text, unreadable
from quittance.channels.shopify.gid import to_gid
from quittance.channels.shopify.pages import uncut, whole
from quittance.channels.shopify.reading import Whole, captured, whole_of
from quittance.domain.ids import OrderId
from quittance.domain.intent import Act, Intent


class ShopifyChannel:
    """One shop per account; satisfies ports.Channel. `acts` is the pure part."""

    name = "shopify"

    def __init__(self, client: Client, acts: ShopifyActs, pseudonyms: Pseudonyms | None = None) -> None:
        self._client = client
        self._acts = acts
        self._pseudonyms = pseudonyms

    def hint(self, delivery: Delivery) -> Hint:
        """Say where a delivery points, from its bytes alone; raises Rejected for a malformed one."""
        return hints.hint(delivery)

    def order_of(self, account: str, return_id: str) -> OrderId | None:
        """Ask to which order a return belongs; None when Shopify knows no such return."""
        data = self._client.query(account, documents.ORDER_OF_RETURN, {"id": to_gid("Return", return_id)})
        found = maybe_child(data, "return")
        return None if found is None else OrderId(number(child(found, "order"), "Order"))

    def read(self, account: str, order: OrderId, as_of: datetime) -> Reading | None:
        """Read an order with all its returns to the end; None when Shopify knows no such order.

        Shopify also answers null for an order older than 60 days unless the app has the scope read_all_orders.
        """
        found = self._whole(account, order, as_of)
        return None if found is None else found.reading

    def poll(self, account: str, source: str, cursor: str, known: Sequence[str]) -> Page:
        """Fetch one page of `open_returns` or `known_returns`; raises Unavailable."""
        return polls.page(partial(self._client.query, account), source, cursor, known)

    def guard(self, act: Act) -> Guard | None:
        """The replay guard of an act; None when Shopify cannot do it."""
        return self._acts.guard(act)

    def render(self, intent: Intent, words: str) -> bytes:
        """The GraphQL variables of the act in canonical JSON; pure."""
        return self._acts.render(intent, words)

    def feed_type(self, act: Act) -> str | None:
        """None: Shopify takes every act by a call of its own."""
        return self._acts.feed_type(act)

    def prepare(self, account: str, intent: Intent, as_of: datetime) -> Prepared:
        """Read what has to be known just before the send; for a refund also what Shopify itself would pay."""
        found = self._found(account, intent.order, as_of)
        current = effects.return_of(found, intent)
        suggestion = self._suggestion(account, intent) if intent.act is Act.REFUND else None
        done = effects.is_done(current, intent)
        return Prepared(found.reading, effects.snapshot(found, intent), suggestion, done=done)

    def send(self, account: str, intent: Intent, body: bytes, timeout: timedelta) -> SendOutcome:
        """Send once, without any retry or wait; whatever is not a definite answer is Unknown."""
        outcome = self._client.mutate(account, documents.MUTATIONS[intent.act], body, timeout)
        return effects.of_answer(intent, outcome.payload) if isinstance(outcome, Accepted) else outcome

    def look_back(self, account: str, intent: Intent, owned: frozenset[str]) -> Sighting:
        """Read what the intent did, leaving out refunds in `owned`; raises Unavailable."""
        # The time of the reading leaves with it: a look-back tells what is there and moves no state by age.
        found = self._found(account, intent.order, intent.created_at)
        return effects.look(found, intent, owned)

    def _found(self, account: str, order: OrderId, as_of: datetime) -> Whole:
        found = self._whole(account, order, as_of)
        if found is None:
            raise unreadable("order", "is not shown; an order older than 60 days needs the scope read_all_orders")
        return found

    def _whole(self, account: str, order: OrderId, as_of: datetime) -> Whole | None:
        ask = partial(self._client.query, account)
        hashing = self._pseudonyms
        if hashing is not None and not hashing.are_wanted(account):
            hashing = None
        variables = {"id": to_gid("Order", order)} | ({} if hashing is None else {"customer": True})
        found = maybe_child(ask(documents.ORDER, variables), "order")
        if found is None:
            return None
        node = whole(ask, uncut(ask, found))
        customer = "" if hashing is None else _customer(node, partial(hashing.of, account))
        return whole_of(node, as_of, _pay_back(ask, node), customer)

    def _suggestion(self, account: str, intent: Intent) -> Suggestion:
        variables = {
            "id": to_gid("Return", intent.external),
            "lines": [{"id": to_gid("ReturnLineItem", k), "quantity": q} for k, q in quantities(intent)],
            "shipping": refund_shipping(intent),
        }
        found = child(self._client.query(account, documents.SUGGEST, variables), "return")
        outcome = maybe_child(found, "suggestedFinancialOutcome")
        transfer = None if outcome is None else maybe_child(outcome, "financialTransfer")
        return _suggested(transfer, intent.currency)


def _suggested(transfer: Node | None, currency: str) -> Suggestion:
    """What Shopify would move: above zero to the buyer, below zero when the buyer would owe, zero for nothing."""
    if transfer is None:
        return Suggestion(0, currency, {})
    kind, amount = text(transfer, "__typename"), minor(transfer, "amount", currency)
    if kind == "InvoiceReturnOutcome":
        return Suggestion(-amount, currency, {})
    if kind != "RefundReturnOutcome":
        raise unreadable("financialTransfer", "is of a kind that nobody knows")
    payments: dict[str, int] = {}
    for part in items(transfer, "suggestedTransactions"):
        payment = number(child(part, "parentTransaction"), "OrderTransaction")
        payments[payment] = payments.get(payment, 0) + minor(part, "amountSet", currency)
    return Suggestion(amount, currency, payments)


def _customer(order: Node, pseudonym: Callable[[str], str]) -> str:
    """The salted hash of who bought; empty for a guest, whom Shopify shows as nobody."""
    found = maybe_child(order, "customer")
    return "" if found is None else pseudonym(text(found, "id"))


def _pay_back(ask: Callable[[str, Mapping[str, Any]], Node], order: Node) -> list[str]:
    """In which order Shopify pays back; only an order with several payments has to be asked."""
    if len(captured(order)) <= 1:
        return []
    found = child(ask(documents.PAY_BACK, {"id": text(order, "id")}), "order")
    suggested = maybe_child(found, "suggestedRefund")
    parts = [] if suggested is None else items(suggested, "suggestedTransactions")
    parents = [maybe_child(part, "parentTransaction") for part in parts]
    return [number(parent, "OrderTransaction") for parent in parents if parent is not None]


def build(
    credentials: Callable[[str], Mapping[str, str]],
    meter: Meter,
    *,
    endpoint: str,
    horizon: timedelta,
    pseudonyms: Pseudonyms | None = None,
) -> ShopifyChannel:
    """Put the channel together; see Client for what the arguments mean."""
    return ShopifyChannel(Client(credentials, meter, endpoint=endpoint), ShopifyActs(horizon), pseudonyms)
