"""What buyers do at Amazon: order, write, change their minds, send back, complain.

Each act changes the books first; mails, notifications and report rows follow from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sandbox.amazon import claiming, fulfilling, letters, returning, shipping
from sandbox.amazon.acting import Acting, one_at_a_time
from sandbox.amazon.house import Floor
from sandbox.amazon.mail import Proof
from sandbox.amazon.mailroom import Mail
from sandbox.amazon.marketplaces import MARKETPLACES
from sandbox.amazon.money import parse
from sandbox.amazon.records import Buyer, Claim, Line, Message, Order, OutboundLine, OutboundOrder, Return
from sandbox.amazon.returning import Request

SHIP_WITHIN = timedelta(days=2)
DELIVER_WITHIN = timedelta(days=6)
_NAMES = ("Camille Laurent", "Jonas Weber", "Giulia Conti", "Lucía Romero", "Emma Clarke", "Noé Garnier")


@dataclass(frozen=True, slots=True)
class Item:
    """Something in a basket. `price` is for one unit; the rest are totals of the line, as decimal texts."""

    sku: str
    price: str
    quantity: int = 1
    shipping: str = "0"
    discount: str = "0"
    title: str = ""
    charges: Mapping[str, str] = field(default_factory=dict)


def _line(floor: Floor, item: Item, currency: str) -> Line:
    price = parse(item.price, currency)
    charges = {"Principal": price * item.quantity, "Shipping": parse(item.shipping, currency)}
    charges |= {kind: parse(text, currency) for kind, text in item.charges.items()}
    discount = parse(item.discount, currency)
    return Line(
        id=floor.house.ids.order_item(),
        sku=item.sku,
        asin=floor.house.ids.asin(item.sku),
        title=item.title or f"{item.sku.title()} de la maison",
        quantity=item.quantity,
        unit_price=price,
        charges={kind: amount for kind, amount in charges.items() if amount},
        discount=discount,
        promotion="Core Free Shipping" if discount else None,
    )


def a_buyer(floor: Floor, country: str) -> Buyer:
    number = len(floor.books.orders) + len(floor.books.outbound)
    alias = floor.house.ids.letters("alias", 15).lower()
    return Buyer(_NAMES[number % len(_NAMES)], alias, f"{number + 1} rue du Port", "Ville", "69001", country)


@one_at_a_time
class Buyers(Acting):
    """What buyers do."""

    def place_order(
        self,
        *items: Item,
        country: str = "FR",
        seller: str | None = None,
        by_amazon: bool = False,
        prime: bool = False,
        buyer: Buyer | None = None,
    ) -> Order:
        """A paid order that waits to be shipped."""
        floor, at, marketplace = self._floor(seller), self.now, MARKETPLACES[country]
        if marketplace not in floor.seller.marketplaces:
            raise ValueError(f"{floor.seller.id} does not sell in {country}")
        order = Order(
            id=floor.house.ids.order(),
            marketplace=marketplace,
            buyer=buyer or a_buyer(floor, country),
            placed_at=at,
            updated_at=at,
            lines=tuple(_line(floor, item, marketplace.currency) for item in items),
            ship_by=at + SHIP_WITHIN,
            deliver_by=at + DELIVER_WITHIN,
            by_amazon=by_amazon,
            prime=prime,
        )
        return shipping.place(floor, order)

    def request_cancellation(
        self, order_id: str, *skus: str, reason: str = "Bought by mistake", proof: Proof = Proof.VERIFIED
    ) -> Order:
        """By the button on the order page: the official way, told by notification and mail."""
        floor, order = self._of_order(order_id)
        order = shipping.wish_cancelled(floor, order.id, skus, reason, self.now)
        letters.cancellation_wish(floor, order, self.now, proof)
        return order

    def request_return(self, order_id: str, units: Mapping[str, int], **asked: Any) -> tuple[Return, ...]:
        """Units by SKU; `asked` takes the fields of `returning.Request`."""
        floor, order = self._of_order(order_id)
        return returning.request(floor, order, units, Request(**asked), self.now)

    def keep_goods(self, rma: str) -> tuple[Return, ...]:
        """The buyer takes back a return request."""
        return returning.close(self._of_rma(rma), rma, "Cancelled")

    def write(
        self,
        order_id: str,
        text: str,
        *,
        proof: Proof = Proof.VERIFIED,
        attachments: tuple[tuple[str, str, bytes], ...] = (),
        tag: str = "",
    ) -> Mail:
        """A message to the seller, by mail alone."""
        floor, order = self._of_order(order_id)
        mail = letters.buyer_message(floor, order, text, self.now, proof=proof, attachments=attachments, tag=tag)
        said = Message(order.id, self.now, "buyer", text, message_id=letters.message_id(mail))
        floor.books.messages.append(said)
        return mail

    def opt_out(self, order_id: str) -> None:
        """From now on only messages marked as important reach this buyer."""
        floor, order = self._of_order(order_id)
        floor.books.opted_out.add(order.buyer.alias)

    def open_claim(
        self,
        order_id: str,
        amount: str | None = None,
        reason: str = "Item not received",
        *,
        proof: Proof = Proof.VERIFIED,
    ) -> Claim:
        """An A-to-Z claim: all that the order still holds unless an amount is named."""
        floor, order = self._of_order(order_id)
        minor = None if amount is None else parse(amount, order.currency)
        return claiming.open_claim(floor, order, minor, reason, self.now, proof=proof)

    def withdraw_claim(self, claim_id: str) -> Claim:
        return claiming.withdraw(self._of_claim(claim_id), claim_id, self.now)

    def leave_negative_feedback(self, order_id: str) -> None:
        floor, order = self._of_order(order_id)
        floor.books.negative_feedback.add(order.id)

    def order_elsewhere(
        self, order_id: str, units: Mapping[str, int], country: str = "FR", seller: str | None = None
    ) -> OutboundOrder:
        """An order of the seller's own shop that Amazon fulfils (MCF)."""
        floor, at = self._floor(seller), self.now
        lines = tuple(OutboundLine(f"{order_id}-{n}", sku, q) for n, (sku, q) in enumerate(units.items(), start=1))
        buyer = a_buyer(floor, country)
        order = OutboundOrder(order_id, MARKETPLACES[country], buyer, lines, at, at, "Received", "Merci")
        fulfilling.tell(floor, order, "Order", at)
        return fulfilling.keep(floor, order)
