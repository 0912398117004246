"""Mails as Amazon writes them: kinds, senders, languages, deadlines, links, and the verdicts that SES puts on top."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from sandbox.amazon import AmazonSimulator, Item, Seller
from sandbox.amazon.mail import Proof
from sandbox.amazon.mail_texts import WORDS
from sandbox.amazon.mailroom import Mail
from tests.sandbox.amazon.world import World, open_world

COUNTRIES = {"en": "GB", "fr": "FR", "de": "DE", "it": "IT", "es": "ES"}
EVERYWHERE = Seller(countries=("DE", "FR", "IT", "ES", "GB"))
Act = Callable[[AmazonSimulator, str], object]


def parsed(mail: Mail) -> EmailMessage:
    found = message_from_bytes(mail.raw, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def body(mail: Mail, kind: str = "plain") -> str:
    part = parsed(mail).get_body((kind,))
    assert part is not None
    content: str = part.get_content()
    return content.replace("\r\n", "\n")


def decided(amazon: AmazonSimulator, order: str) -> object:
    claim = amazon.buyers.open_claim(order, "119.00")
    return amazon.amazon.decide_claim(claim.id, granted=False)


def waiting(amazon: AmazonSimulator, order: str) -> object:
    return amazon.buyers.request_return(order, {"LAMP": 1}, in_policy=False, comment="zu groß / trop grand")


KINDS: dict[str, tuple[Act, str, str]] = {
    "message": (
        lambda amazon, order: amazon.buyers.write(order, "Bonjour\n\nIl manque une pièce."),
        "BBC_MESSAGE_SENT_TO_MERCHANT",
        r"[a-z0-9]{15}@marketplace\.amazon\.{tld}",
    ),
    "copy": (
        lambda amazon, order: amazon.staff.reply(order, "Merci."),
        "BBC_MESSAGE_CONFIRMATION_TO_MERCHANT",
        r"donotreply@amazon\.{tld}",
    ),
    "return": (waiting, "RETURN_REQUEST", r"donotreply@amazon\.{tld}"),
    "refund": (
        lambda amazon, order: amazon.staff.refund(order, "LAMP", "119.00"),
        "REFUND_ISSUED",
        r"do-not-reply@amazon\.{tld}",
    ),
    "claim": (
        lambda amazon, order: amazon.buyers.open_claim(order, "119.00"),
        "A_Z_CLAIM_RESPONDENT_NOTIFY",
        r"atoz-guarantee-no-reply@amazon\.com",
    ),
    "decision": (decided, "A_Z_CLAIM_RESPONDENT_CLOSE", r"atoz-guarantee-no-reply@amazon\.com"),
    "cancellation": (
        lambda amazon, order: amazon.buyers.request_cancellation(order),
        "BRC_SELLER_NOTIFICATION",
        r"donotreply@amazon\.{tld}",
    ),
    "chargeback": (
        lambda amazon, order: amazon.amazon.charge_back(order, "119.00"),
        "UNMARKED",
        r"cb-seller-notification@amazon\.com",
    ),
}


@pytest.mark.parametrize("language", COUNTRIES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_in_each_language_carries_what_live_ones_carry(kind: str, language: str) -> None:
    act, header, sender = KINDS[kind]
    with open_world(EVERYWHERE) as world:
        order = world.shipped_order(Item("LAMP", "238.00", 1), country=COUNTRIES[language])
        act(world.amazon, order)
        world.wait(minutes=1)
        mail = world.mails_of(header)[-1]
        message, marketplace = parsed(mail), world.amazon.order(order).marketplace

        assert message["X-Space-Notification-Type"] == (None if header == "UNMARKED" else header)
        assert message["X-Marketplace-ID"] == marketplace.id
        address = message["From"].addresses[0].addr_spec
        assert re.fullmatch(sender.replace("{tld}", re.escape(marketplace.tld)), address)
        assert order in message["Subject"] or order in body(mail)
        assert message["To"] == world.seller.mailbox
        assert "dkim=pass" in message["Authentication-Results"]


def test_all_languages_say_the_same_things() -> None:
    keys = set(WORDS["en"])

    assert {language: set(words) for language, words in WORDS.items()} == dict.fromkeys(COUNTRIES, keys)
    fields = {key: set(re.findall(r"\{(\w+)\}", text)) for key, text in WORDS["en"].items()}
    for words in WORDS.values():
        assert {key: set(re.findall(r"\{(\w+)\}", text)) for key, text in words.items()} == fields


@pytest.mark.parametrize(
    "language, days, amount",
    [
        ("en", "within 3 calendar days", "£119.00"),
        ("fr", "3 jours calendaires", "119,00 €"),
        ("de", "innerhalb von 3 Kalendertagen", "119,00 €"),
        ("it", "entro 3 giorni di calendario", "119,00 €"),
        ("es", "3 días naturales", "119,00 €"),
    ],
)
def test_a_claim_prints_its_deadline_and_amount_in_the_local_form(language: str, days: str, amount: str) -> None:
    with open_world(EVERYWHERE) as world:
        order = world.shipped_order(Item("LAMP", "238.00", 1), country=COUNTRIES[language])
        world.amazon.buyers.open_claim(order, "119.00")
        world.wait(minutes=1)
        mail = world.mails_of("A_Z_CLAIM_RESPONDENT_NOTIFY")[0]

        assert days in body(mail)
        assert amount in body(mail)
        assert "A-to-Z" not in parsed(mail)["Subject"]
        assert f"sellercentral.amazon.{world.amazon.order(order).marketplace.tld}/" in body(mail, "html")


def test_the_same_mail_has_the_same_bytes_and_long_lines_are_folded(world: World) -> None:
    world.amazon.buyers.write(world.shipped_order(), "é" * 3000)
    world.wait(minutes=1)
    mail = world.mails[0]

    assert mail.raw == mail.content() == mail.raw
    assert max(len(line) for line in mail.raw.split(b"\r\n")) < 998
    assert parsed(mail)["Message-ID"].startswith("<0102")


def test_a_buyers_words_stand_between_two_markers(world: World) -> None:
    order = world.shipped_order()
    file = ("photo.jpg", "image/jpeg", b"\xff\xd8")
    world.amazon.buyers.write(order, "Elle est cassée.\nQue faire ?", attachments=(file,))
    world.wait(minutes=1)
    mail = world.mails[0]
    inside = re.search(r"-+ Message : -+\n\n(.*?)\n\n-+ Fin du message -+", body(mail), re.DOTALL)

    assert inside is not None
    assert inside[1] == "Elle est cassée.\nQue faire ?"
    assert [part.get_filename() for part in parsed(mail).iter_attachments()] == ["photo.jpg"]
    assert parsed(mail)["Reply-To"] == parsed(mail)["From"].addresses[0].addr_spec


def test_a_return_out_of_policy_carries_the_three_links_and_one_in_policy_two(world: World) -> None:
    order = world.shipped_order()
    outside = world.amazon.buyers.request_return(order, {"CANDLE": 1}, in_policy=False)[0].rma
    world.amazon.buyers.request_return(order, {"CANDLE": 1})
    world.wait(minutes=1)
    found = [re.findall(r"action=(\w+)", body(mail, "html")) for mail in world.mails_of("RETURN_REQUEST")]

    assert found == [["authorise", "close", "reply"], ["close", "reply"]]
    assert outside in body(world.mails[0], "html")


def test_a_refund_of_several_items_has_seven_columns(world: World) -> None:
    order = world.shipped_order(Item("CANDLE", "20.00", 3), Item("SOAP", "7.50"))
    world.amazon.staff.refund(order, "CANDLE", "5.00")
    world.amazon.staff.refund(order)
    world.wait(minutes=1)
    pages = [body(mail, "html") for mail in world.mails_of("REFUND_ISSUED")]
    widths = [len(re.findall("<td>", page.split("</tr>")[0])) for page in pages]

    assert widths == [3, 7]
    assert ["EUR 5.00" in pages[0], "EUR 62.50" in pages[1]] == [True, True]


@pytest.mark.parametrize(
    "proof, dkim, dmarc",
    [
        (Proof.VERIFIED, "dkim=pass", "pass"),
        (Proof.BROKEN, "dkim=fail", "fail"),
        (Proof.UNSIGNED, None, "fail"),
        (Proof.FORGED, None, "fail"),
    ],
)
def test_the_verdicts_stand_on_top_and_a_forgers_own_ones_below(
    world: World, proof: Proof, dkim: str | None, dmarc: str
) -> None:
    order = world.shipped_order()
    world.amazon.buyers.open_claim(order, proof=proof)
    world.wait(minutes=1)
    verdicts = parsed(world.mails[0]).get_all("Authentication-Results", [])

    assert ("dkim=" in verdicts[0]) == (dkim is not None)
    assert (dkim or "") in verdicts[0]
    assert f"dmarc={dmarc}" in verdicts[0]
    assert len(verdicts) == (2 if proof is Proof.FORGED else 1)
    assert world.mails[0].raw.startswith(b"Return-Path:")


def test_mails_can_be_held_dropped_and_posted_again(world: World) -> None:
    room, order = world.amazon.mailroom, world.shipped_order()
    room.hold(lambda mail: mail.kind == "A_Z_CLAIM_RESPONDENT_NOTIFY")
    world.amazon.buyers.open_claim(order, "1.00")
    world.wait(minutes=1)
    assert world.mails == []
    room.release()
    world.wait(minutes=1)
    world.amazon.post_again(world.mails[0].id)
    room.drop()
    world.amazon.buyers.write(order, "Allô ?")
    world.wait(minutes=1)

    assert [mail.kind for mail in world.mails] == ["A_Z_CLAIM_RESPONDENT_NOTIFY"] * 2
    assert world.mails[0].raw == world.mails[1].raw
