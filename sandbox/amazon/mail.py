"""Mails as SES stores them: Amazon's own headers, the trace and the verdicts that SES puts on top, text and HTML.

The verdicts are part of the bytes; a forged mail carries forged headers below the true ones, never above them.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import Enum
from typing import Final

from sandbox.amazon.marketplaces import Marketplace

REGION: Final = "eu-west-1"


class Proof(Enum):
    """How a mail's origin is proven. BROKEN: its signature does not fit; FORGED: it is somebody else's."""

    VERIFIED = "verified"
    BROKEN = "broken signature"
    UNSIGNED = "unsigned"
    FORGED = "forged"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail before it is written down. `kind` is the value of X-Space-Notification-Type; None leaves it out."""

    kind: str | None
    sender: str
    sender_name: str
    recipient: str
    subject: str
    text: str
    marketplace: Marketplace
    html: str | None = None
    reply_to: str | None = None
    in_reply_to: str | None = None
    attachments: tuple[tuple[str, str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Posted:
    """`mail_id` is SES's name for the mail; the Message-ID header is made from it unless given."""

    mail_id: str
    at: datetime
    proof: Proof = Proof.VERIFIED
    message_id: str | None = None


def write(letter: Letter, posted: Posted) -> bytes:
    """The whole object as SES puts it into the bucket."""
    return _trace(letter, posted) + _message(letter, posted).as_bytes(policy=SMTP)


def message_id_of(posted: Posted) -> str:
    return posted.message_id or f"<0102{posted.mail_id[:28]}-000000@{REGION}.amazonses.com>"


def _message(letter: Letter, posted: Posted) -> EmailMessage:
    message = EmailMessage(policy=SMTP.clone(max_line_length=200))
    local, _, domain = letter.sender.rpartition("@")
    message["Date"] = format_datetime(posted.at)
    message["From"] = Address(letter.sender_name, local, domain)
    if letter.reply_to:
        message["Reply-To"] = letter.reply_to
    message["To"] = letter.recipient
    message["Message-ID"] = message_id_of(posted)
    if letter.in_reply_to:
        message["In-Reply-To"] = letter.in_reply_to
    message["Subject"] = letter.subject
    if letter.kind is not None:
        message["X-Space-Notification-Type"] = letter.kind
    message["X-Marketplace-ID"] = letter.marketplace.id
    message["X-AMAZON-MAIL-RELAY-TYPE"] = "notification"
    message.set_content(letter.text, cte="quoted-printable")
    if letter.html is not None:
        message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    for name, kind, content in letter.attachments:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    _fix_boundaries(message, posted.mail_id)
    return message


def _fix_boundaries(message: EmailMessage, name: str) -> None:
    """The same mail has the same bytes every time."""
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"----=_Part_{number}_{hashlib.sha256(name.encode()).hexdigest()[:16]}")


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """`spf` with SES's own words for it; `dkim` is None where there is no signature: SES then says nothing of it."""

    spf: tuple[str, str]
    dkim: str | None
    dmarc: str
    host: str


_OWN_HOST: Final = f"a7-30.smtp-out.{REGION}.amazonses.com"
_VERDICTS: Final = {
    Proof.VERIFIED: _Verdicts(
        ("pass", "domain of {domain} designates {ip} as permitted sender"), "pass", "pass", _OWN_HOST
    ),
    Proof.BROKEN: _Verdicts(
        ("softfail", "transitioning domain of {domain} does not designate {ip} as permitted sender"),
        "fail",
        "fail",
        "relay.forwarder.example",
    ),
    Proof.UNSIGNED: _Verdicts(
        ("neutral", "{ip} is neither permitted nor denied by domain of {domain}"), None, "fail", "mail.unknown.example"
    ),
    Proof.FORGED: _Verdicts(
        ("fail", "domain of {domain} does not designate {ip} as permitted sender"), None, "fail", "mail.forger.example"
    ),
}


def _trace(letter: Letter, posted: Posted) -> bytes:
    """What SES writes above the message it received."""
    verdict, domain = _VERDICTS[posted.proof], letter.sender.rpartition("@")[2]
    envelope = f"{posted.mail_id}@bounces.{domain}"
    address = "54.240.7.30" if posted.proof is Proof.VERIFIED else "203.0.113.9"
    client = f"client-ip={address}; envelope-from={envelope}; helo={verdict.host};"
    words = verdict.spf[1].format(domain=f"bounces.{domain}", ip=address)
    spf = f"{verdict.spf[0]} (spfCheck: {words}) {client}"
    dkim = [] if verdict.dkim is None else [f" dkim={verdict.dkim} header.i=@{domain};"]
    receipt = b64encode(hashlib.sha256(posted.mail_id.encode()).digest()).decode()
    lines = [
        f"Return-Path: <{envelope}>",
        f"Received: from {verdict.host} ({verdict.host} [{address}])",
        f" by inbound-smtp.{REGION}.amazonaws.com with SMTP id {posted.mail_id}",
        f" for {letter.recipient};",
        f" {format_datetime(posted.at)} (UTC)",
        "X-SES-Spam-Verdict: PASS",
        "X-SES-Virus-Verdict: PASS",
        f"Received-SPF: {spf}",
        "Authentication-Results: amazonses.com;",
        f" spf={spf}",
        *dkim,
        f" dmarc={verdict.dmarc} header.from={domain};",
        f"X-SES-RECEIPT: AEFBQUFBQUFBQUF{receipt}",
    ]
    if verdict.dkim is not None:
        digest = b64encode(hashlib.sha256(letter.text.encode()).digest()).decode()
        lines.append(f"DKIM-Signature: v=1; a=rsa-sha256; q=dns/txt; c=relaxed/simple; s=amzn; d={domain};")
        lines.append(f" h=Subject:From:To:Date:MIME-Version:Content-Type:Message-ID; bh={digest}; b={digest[::-1]}")
    if posted.proof is Proof.FORGED:
        lines.append(f"Authentication-Results: amazonses.com; spf=pass; dkim=pass header.i=@{domain};")
        lines.append(f" dmarc=pass header.from={domain};")
    return ("\r\n".join(lines) + "\r\n").encode()
