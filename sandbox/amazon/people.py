"""What carriers, Amazon itself and the seller's own staff do: parcels move, claims are decided, people click by hand.

Each act changes the books first; mails, notifications and report rows follow from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

from sandbox.amazon import claiming, fulfilling, letters, returning, shipping
from sandbox.amazon.acting import Acting, one_at_a_time
from sandbox.amazon.instants import fine_stamp
from sandbox.amazon.mailroom import Mail
from sandbox.amazon.money import parse
from sandbox.amazon.moving import Cause, give_all_back, move, share_of
from sandbox.amazon.notifications import Event
from sandbox.amazon.records import (
    Claim,
    FbaReturn,
    Message,
    Movement,
    Order,
    OutboundOrder,
    OutboundReturn,
    Package,
    Return,
    Source,
)


@one_at_a_time
class Carriers(Acting):
    """What happens to parcels on the road."""

    def ship(
        self,
        order_id: str,
        units: Mapping[str, int] | None = None,
        carrier: str = "Colissimo",
        tracking: str | None = "6A12345678901",
    ) -> Package:
        """The seller (or Amazon) hands units by SKU over, and says so: the buyer is charged."""
        floor, order = self._of_order(order_id)
        package = shipping.ship(floor, order.id, units, carrier, tracking, self.now)
        if order.by_amazon:
            fulfilling.tell_shipment(floor, order.id, package.id, "Created", self.now)
        return package

    def deliver(self, order_id: str) -> Order:
        floor, order = self._of_order(order_id)
        return shipping.deliver(floor, order.id, self.now)

    def scan_return(self, rma: str) -> tuple[Return, ...]:
        """The first scan of a parcel on its way back."""
        return returning.scan(self._of_rma(rma), rma, self.now)

    def deliver_return(self, rma: str) -> tuple[Return, ...]:
        return returning.deliver(self._of_rma(rma), rma, self.now)

    def ship_outbound(self, order_id: str, tracking: str = "TBA000000001") -> OutboundOrder:
        return fulfilling.ship(self.house.floor_of_order(order_id), order_id, tracking, self.now)

    def receive_outbound_return(self, order_id: str, return_id: str) -> OutboundReturn:
        return fulfilling.receive_return(self.house.floor_of_order(order_id), order_id, return_id, self.now)


@one_at_a_time
class Amazon(Acting):
    """What Amazon decides by itself."""

    def ask_about_claim(self, claim_id: str, within: timedelta = timedelta(hours=72)) -> Claim:
        return claiming.ask(self._of_claim(claim_id), claim_id, self.now, within)

    def decide_claim(self, claim_id: str, *, granted: bool, on_seller: bool = True) -> Claim:
        floor = self._of_claim(claim_id)
        return claiming.decide(floor, claim_id, self.now, granted=granted, on_seller=on_seller)

    def refund_return(self, rma: str) -> None:
        """Out of goodwill, at once."""
        returning.refund(self._of_rma(rma), rma, Source.AUTOMATIC, self.now)

    def charge_back(self, order_id: str, amount: str | None = None, reason: str = "Fraud") -> None:
        floor, order = self._of_order(order_id)
        minor = floor.books.money_of(order.id).kept if amount is None else parse(amount, order.currency)
        claiming.charge_back(floor, order, minor, reason, self.now)

    def receive_fba_return(
        self, order_id: str, units: Mapping[str, int], disposition: str = "SELLABLE"
    ) -> tuple[FbaReturn, ...]:
        floor, order = self._of_order(order_id)
        return returning.receive_fba(floor, order, units, self.now, disposition)

    def reimburse(self, order_id: str, sku: str, per_unit: str, reason: str = "CustomerReturn") -> None:
        floor, order = self._of_order(order_id)
        returning.reimburse(floor, order, sku, parse(per_unit, order.currency), reason, self.now)

    def pay_safe_t(self, rma: str) -> Movement:
        return returning.pay_safe_t(self._of_rma(rma), rma, self.now)

    def cancel(self, order_id: str, reason: str = "Buyer canceled") -> Order:
        """An unshipped order, for the buyer within the first half hour or because payment failed."""
        floor, order = self._of_order(order_id)
        units = {line.id: line.open for line in order.lines if line.open}
        return shipping.cancel_units(floor, order.id, units, "AMAZON", reason, self.now)

    def set_account_status(self, status: str, seller: str | None = None) -> None:
        """NORMAL, AT_RISK or DEACTIVATED."""
        floor = self._floor(seller)
        before, floor.account_status = floor.account_status, status
        # No seller is named in it: only the subscription tells whose account it is.
        payload = {"previousAccountStatus": before, "currentAccountStatus": status}
        floor.announce("ACCOUNT_STATUS_CHANGED", "accountStatusChangeNotification", payload, self.now)

    def warn_of_secret(self, ends_in: timedelta = timedelta(days=30)) -> None:
        """The application's client secret will end: told to the application's own queue."""
        house = self.house
        payload = {
            "clientId": house.login.application.client_id,
            "clientSecretExpiryTime": fine_stamp(self.now + ends_in),
            "clientSecretExpiryReason": "PERIODIC_ROTATION",
        }
        name, kind = "applicationOAuthClientSecretExpiry", "APPLICATION_OAUTH_CLIENT_SECRET_EXPIRY"
        house.outbox.announce(Event(kind, None, self.now, name, payload), timedelta(0))

    def move_outbound(self, order_id: str, status: str) -> OutboundOrder:
        return fulfilling.move_on(self.house.floor_of_order(order_id), order_id, status, self.now)


@one_at_a_time
class Staff(Acting):
    """What the seller's people do in Seller Central, by hand."""

    def authorise_return(self, rma: str, merchant_rma: str = "") -> tuple[Return, ...]:
        return returning.authorise(self._of_rma(rma), rma, merchant_rma)

    def close_return(self, rma: str) -> tuple[Return, ...]:
        return returning.close(self._of_rma(rma), rma)

    def follow(self, link: str) -> tuple[Return, ...]:
        """A click on a link of a return's mail. Raises ValueError when it does nothing by itself."""
        query = dict(parse_qsl(urlsplit(link).query))
        acts = {"authorise": returning.authorise, "close": returning.close}
        if query.get("action") not in acts:
            raise ValueError(f"{link} opens a page and does nothing")
        return acts[query["action"]](self._of_rma(query["rmaId"]), query["rmaId"])

    def file_safe_t(self, rma: str, amount: str, reason: str = "Item damaged") -> str:
        return returning.file_safe_t(self._of_rma(rma), rma, amount, reason, self.now)

    def answer_claim(self, claim_id: str) -> Claim:
        return claiming.represent(self._of_claim(claim_id), claim_id, self.now)

    def appeal_claim(self, claim_id: str) -> Claim:
        return claiming.appeal(self._of_claim(claim_id), claim_id, self.now)

    def refund(self, order_id: str, sku: str | None = None, amount: str | None = None) -> Movement:
        """Everything that is left, or an amount of one item. Raises ValueError when nothing is left."""
        floor, order = self._of_order(order_id)
        cause = Cause("Refund", Source.SELLER_CENTRAL, "GeneralAdjustment")
        if sku is None or amount is None:
            moved = give_all_back(floor, order, cause, self.now)
            if moved is None:
                raise ValueError(f"{order_id}: nothing is left to refund")
            return moved
        line = order.line_of_sku(sku)
        wanted, left = parse(amount, order.currency), floor.books.money_of(order.id).kept
        if wanted > left:
            raise ValueError(f"{order_id}: {wanted} are asked for, {left} are left to refund")
        charges = (("Principal", -wanted),)
        return move(floor, order, (share_of(floor, line, line.shipped, charges),), cause, self.now)

    def reply(self, order_id: str, text: str) -> Mail:
        """An answer written in Seller Central; a copy comes by mail."""
        floor, order = self._of_order(order_id)
        floor.books.messages.append(Message(order.id, self.now, "seller", text, kind="seller central"))
        return letters.reply_copy(floor, order, text, self.now)
