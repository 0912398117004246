"""Mails from the seller to a buyer's alias: relayed when an authorised sender wrote them, bounced when not.

That a mail was taken by the relay's server proves nothing: a bounce comes later, to the address that sent it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message as Parsed
from email.policy import default
from functools import cache

from sandbox.amazon import letters
from sandbox.amazon.house import Floor, House
from sandbox.amazon.letters import relay_address
from sandbox.amazon.mail import Letter, Posted, write
from sandbox.amazon.mailroom import Mail
from sandbox.amazon.records import Message, Order

LARGEST = 10 * 1024 * 1024
IMPORTANT = re.compile(r"\[(Important|Wichtig|Importante)\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`relayed` to the buyer of `order`, or bounced for `reason`."""

    relayed: bool
    order: str | None = None
    reason: str = ""


def receive(house: House, raw: bytes, envelope_from: str, recipient: str, at: datetime) -> Verdict:
    """Take a mail at the relay."""
    parsed = message_from_bytes(raw, policy=default)
    found = _conversation(house, recipient, parsed)
    if found is None:
        return Verdict(relayed=False, reason="550 no such address")
    floor, order = found
    reason = _refusal(floor, raw, envelope_from)
    if reason:
        _bounce(floor, order, parsed, envelope_from, reason, at)
        return Verdict(relayed=False, order=order.id, reason=reason)
    if order.buyer.alias in floor.books.opted_out and not IMPORTANT.search(str(parsed["Subject"] or "")):
        letters.opted_out(floor, order, at)
        return Verdict(relayed=False, order=order.id, reason="the buyer has opted out")
    text, name = _text(parsed), str(parsed["Message-ID"] or "")
    floor.books.messages.append(Message(order.id, at, "seller", text, message_id=name))
    return Verdict(relayed=True, order=order.id)


def _conversation(house: House, recipient: str, parsed: Parsed) -> tuple[Floor, Order] | None:
    """The order that the subject names, or the newest of the alias."""
    subject = str(parsed["Subject"] or "")
    local, _, domain = recipient.lower().partition("@")
    address = f"{local.partition('+')[0]}@{domain}"
    found = [
        (floor, order)
        for floor in house.floors.values()
        for order in floor.books.orders.values()
        if relay_address(order) == address
    ]
    named = [one for one in found if one[1].id in subject]
    best = named or found
    return best[-1] if best else None


def _refusal(floor: Floor, raw: bytes, envelope_from: str) -> str:
    if envelope_from.lower() not in floor.seller.authorised_senders:
        return "550 the sender is not registered with this seller's account"
    return "552 the message is too large" if len(raw) > LARGEST else ""


def _text(parsed: Parsed) -> str:
    for part in parsed.walk():
        if part.get_content_type() == "text/plain":
            content = part.get_payload(decode=True)
            return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
    return ""


def _bounce(floor: Floor, order: Order, parsed: Parsed, envelope_from: str, reason: str, at: datetime) -> None:
    posted = Posted(floor.house.ids.letters("mail", 40).lower(), at + floor.seller.lags.mail)
    name = str(parsed["Message-ID"] or "")
    letter = Letter(
        kind=None,
        sender=f"MAILER-DAEMON@marketplace.amazon.{order.marketplace.tld}",
        sender_name="Mail Delivery Subsystem",
        recipient=envelope_from,
        subject="Delivery Status Notification (Failure)",
        text=f"Your message {name} to {relay_address(order)} could not be delivered: {reason}\n",
        marketplace=order.marketplace,
        in_reply_to=name or None,
    )
    content = cache(lambda: write(letter, posted))
    mail = Mail(posted.mail_id, "BOUNCE", floor.seller.id, envelope_from, content, posted.at, order.id)
    floor.house.mailroom.put(mail)
