"""The mails that Amazon writes to a seller, kind by kind, in the language of the marketplace.

Everything a mail says comes from the books; what no mail of its kind carries on the live service is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from html import escape

from sandbox.amazon import money
from sandbox.amazon.house import Floor
from sandbox.amazon.mail import Letter, Posted, Proof, message_id_of, write
from sandbox.amazon.mail_texts import WORDS
from sandbox.amazon.mailroom import Mail
from sandbox.amazon.marketplaces import Marketplace
from sandbox.amazon.records import Claim, Line, Movement, Order, Return

CLAIMS_SENDER = "atoz-guarantee-no-reply@amazon.com"
CHARGEBACK_SENDER = "cb-seller-notification@amazon.com"
MESSAGE = "BBC_MESSAGE_SENT_TO_MERCHANT"
COPY = "BBC_MESSAGE_CONFIRMATION_TO_MERCHANT"
RETURN = "RETURN_REQUEST"
REFUND = "REFUND_ISSUED"
CLAIM = "A_Z_CLAIM_RESPONDENT_NOTIFY"
DECISION = "A_Z_CLAIM_RESPONDENT_CLOSE"
CANCELLATION = "BRC_SELLER_NOTIFICATION"
OPTED_OUT = "BUYER_OPTED_OUT_BSM_MESSAGES"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a kind of mail adds to the frame."""

    kind: str | None
    subject: str
    text: str
    html: str | None = None
    sender: str = ""
    sender_name: str = "Amazon"
    reply_to: str | None = None
    attachments: tuple[tuple[str, str, bytes], ...] = ()


def relay_address(order: Order) -> str:
    """The buyer's alias: the only address a seller may write to."""
    return f"{order.buyer.alias}@marketplace.amazon.{order.marketplace.tld}"


def words(order: Order, key: str, **more: str) -> str:
    template = WORDS[order.marketplace.language][key]
    return template.format(buyer=order.buyer.name.split()[0], order=order.id, **more)


def local_amount(minor: int, marketplace: Marketplace) -> str:
    """As mails about claims write it: 119,00 € or £119.00."""
    text = money.text(minor, marketplace.currency)
    if marketplace.language == "en":
        sign = {"EUR": "€", "GBP": "£", "USD": "$"}.get(marketplace.currency, "")
        return f"{sign}{text}"
    return f"{text.replace('.', ',')} {'€' if marketplace.currency == 'EUR' else marketplace.currency}"


def send(floor: Floor, order: Order, draft: Draft, at: datetime, proof: Proof = Proof.VERIFIED) -> Mail:
    """Put a letter into the seller's mailbox when its lag is over."""
    ids, due = floor.house.ids, at + floor.seller.lags.mail
    posted = Posted(ids.letters("mail", 40).lower(), due, proof)
    letter = Letter(
        kind=draft.kind,
        sender=draft.sender or f"donotreply@amazon.{order.marketplace.tld}",
        sender_name=draft.sender_name,
        recipient=floor.seller.mailbox,
        subject=draft.subject,
        text=draft.text,
        marketplace=order.marketplace,
        html=draft.html,
        reply_to=draft.reply_to,
        attachments=draft.attachments,
    )
    kind = draft.kind or "UNMARKED"
    content = cache(lambda: write(letter, posted))
    mail = Mail(posted.mail_id, kind, floor.seller.id, letter.recipient, content, due, order.id)
    return floor.house.mailroom.put(mail)


def message_id(mail: Mail) -> str:
    return message_id_of(Posted(mail.id, mail.due))


def _page(*parts: str) -> str:
    return f"<html><body>{''.join(parts)}</body></html>"


def _link(order: Order, path: str, text: str) -> str:
    url = f"https://sellercentral.amazon.{order.marketplace.tld}/{path}"
    return f'<p><a href="{escape(url)}">{escape(text)}</a></p>'


def _table(rows: list[list[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{body}</table>"


# Conversations


def buyer_message(
    floor: Floor,
    order: Order,
    text: str,
    at: datetime,
    *,
    proof: Proof = Proof.VERIFIED,
    attachments: tuple[tuple[str, str, bytes], ...] = (),
    tag: str = "",
) -> Mail:
    """A buyer's message, by the relay: the text between two markers. `tag` stands after a plus in the alias."""
    line = order.lines[0]
    start, end = words(order, "message_start"), words(order, "message_end")
    body = (
        f"# {order.id}:\n{line.quantity} / {line.title} [ASIN: {line.asin}]\n\n"
        f"------------- {start} -------------\n\n{text}\n\n------------- {end} -------------\n"
    )
    sender = relay_address(order).replace("@", f"+{tag}@" if tag else "@")
    name = f"{order.buyer.name.split()[0]} - Amazon Marketplace"
    subject = words(order, "message_subject")
    draft = Draft(MESSAGE, subject, body, None, sender, name, reply_to=sender, attachments=attachments)
    return send(floor, order, draft, at, proof)


def reply_copy(floor: Floor, order: Order, text: str, at: datetime) -> Mail:
    """The copy of an answer that was written in Seller Central."""
    body = f"{words(order, 'copy_intro')}\n\n{text}\n"
    return send(floor, order, Draft(COPY, words(order, "copy_subject"), body), at)


def opted_out(floor: Floor, order: Order, at: datetime) -> Mail:
    """A message was not passed on: the buyer takes only those marked as important."""
    draft = Draft(OPTED_OUT, words(order, "opt_out_subject"), words(order, "opt_out_intro") + "\n")
    return send(floor, order, draft, at)


def cancellation_wish(floor: Floor, order: Order, at: datetime, proof: Proof = Proof.VERIFIED) -> Mail:
    draft = Draft(CANCELLATION, words(order, "cancel_subject"), words(order, "cancel_intro") + "\n")
    return send(floor, order, draft, at, proof)


# Returns and refunds


def return_request(
    floor: Floor, order: Order, returned: tuple[Return, ...], at: datetime, proof: Proof = Proof.VERIFIED
) -> Mail:
    """A new return: the items in a table, and Amazon's own links when somebody must decide."""
    first = returned[0]
    waits = first.status == "Pending"
    kind = "return" if waits else "return_auto"
    rows = [[words(order, "item"), "ASIN", "SKU", words(order, "quantity"), words(order, "reason")]]
    rows[0].append(words(order, "comment"))
    for one in returned:
        line = _line(order, one)
        rows.append([line.title, line.asin, line.sku, str(one.quantity), one.reason, one.comment])
    facts = [
        [words(order, "requested"), first.requested_at.strftime("%d/%m/%Y")],
        [words(order, "policy"), words(order, "yes" if first.in_policy else "no")],
        [words(order, "authorised"), words(order, "no" if waits else "yes")],
        ["RMA", first.rma],
        [words(order, "carrier"), first.carrier],
        [words(order, "tracking"), first.tracking],
    ]
    path = f"gp/returns/list?orderId={order.id}&rmaId={first.rma}"
    keys = ("authorise", "close", "reply") if waits else ("close", "reply")
    links = [_link(order, f"{path}&action={key}", words(order, f"{key}_link")) for key in keys]
    intro = words(order, f"{kind}_intro")
    text = "\n".join([intro, "", *("\t".join(row) for row in rows + facts)]) + "\n"
    page = _page(f"<p>{escape(intro)}</p>", _table(rows), _table(facts), *links)
    draft = Draft(RETURN, words(order, f"{kind}_subject"), text, page)
    return send(floor, order, draft, at, proof)


def _line(order: Order, returned: Return) -> Line:
    return next(line for line in order.lines if line.id == returned.line)


def refund_issued(floor: Floor, order: Order, movement: Movement, at: datetime) -> Mail:
    """One mail per refund, partial ones too; three columns for one item, seven for several."""
    wide = len(movement.shares) > 1
    narrow = [words(order, "item"), words(order, "reason"), words(order, "amount")]
    columns = [words(order, "item"), "ASIN", "SKU", words(order, "quantity"), words(order, "reason"), "RMA", ""]
    rows = [[*columns[:6], words(order, "amount")] if wide else narrow]
    for part in movement.shares:
        line = next(one for one in order.lines if one.id == part.line)
        amount = f"{order.currency} {money.text(-part.total, order.currency)}"
        more = [line.title, line.asin, line.sku, str(part.quantity), movement.reason, "", amount]
        rows.append(more if wide else [line.title, movement.reason, amount])
    total = f"{order.currency} {money.text(-movement.total, order.currency)}"
    intro = words(order, "refund_intro")
    text = f"{intro}\n\n{words(order, 'amount')}: {total}\n"
    page = _page(f"<p>{escape(intro)}</p>", _table(rows), f"<p>{words(order, 'amount')}: {total}</p>")
    sender = f"do-not-reply@amazon.{order.marketplace.tld}"
    return send(floor, order, Draft(REFUND, words(order, "refund_subject"), text, page, sender), at)


# Claims


def _claim_mail(
    floor: Floor, order: Order, draft: tuple[str, str, str], at: datetime, proof: Proof = Proof.VERIFIED
) -> Mail:
    kind, subject, text = draft
    page = _page(f"<p>{escape(text)}</p>", _claim_link(order) if kind == CLAIM else "")
    return send(floor, order, Draft(kind, subject, text + "\n", page, CLAIMS_SENDER), at, proof)


def _claim_link(order: Order) -> str:
    return _link(order, f"gp/guarantee-claims/claim?orderId={order.id}", words(order, "claim_link"))


def claim_opened(floor: Floor, order: Order, claim: Claim, at: datetime, proof: Proof = Proof.VERIFIED) -> Mail:
    amount = local_amount(claim.amount, order.marketplace)
    days = str((claim.respond_by - claim.opened_at).days)
    intro = words(order, "claim_intro", amount=amount, reason=claim.reason)
    text = f"{intro} {words(order, 'claim_deadline', days=days)}"
    return _claim_mail(floor, order, (CLAIM, words(order, "claim_subject"), text), at, proof)


def claim_information(floor: Floor, order: Order, claim: Claim, at: datetime) -> Mail:
    days = str((claim.respond_by - at).days)
    text = f"{words(order, 'information_intro')} {words(order, 'claim_deadline', days=days)}"
    return _claim_mail(floor, order, (CLAIM, words(order, "information_subject"), text), at)


def claim_decided(floor: Floor, order: Order, claim: Claim, at: datetime) -> Mail:
    outcome = "denied" if claim.state == "DENIED" else "granted" if claim.on_seller else "funded"
    text = words(order, outcome, amount=local_amount(claim.amount, order.marketplace))
    return _claim_mail(floor, order, (DECISION, words(order, "decided_subject"), text), at)


def chargeback(floor: Floor, order: Order, amount: int, days: int, at: datetime) -> Mail:
    """The bank's dispute: no notification type of its own is known."""
    text = words(order, "chargeback_intro", amount=local_amount(amount, order.marketplace), days=str(days))
    draft = Draft(None, words(order, "chargeback_subject"), text + "\n", None, CHARGEBACK_SENDER)
    return send(floor, order, draft, at)
