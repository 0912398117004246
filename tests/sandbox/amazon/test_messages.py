"""Messages: what an order allows to be sent, the limits of a text, mails to the relay and what bounces."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from sandbox.amazon import Item
from sandbox.amazon.letters import relay_address
from tests.sandbox.amazon.world import FR, World

PLACE = {"marketplaceIds": FR}


def actions(world: World, order: str) -> list[str]:
    told = world.ask("GET", f"/messaging/v1/orders/{order}", query=PLACE)
    return [one["name"] for one in told["_links"]["actions"]]


def send(world: World, order: str, name: str, text: str) -> int:
    path = f"/messaging/v1/orders/{order}/messages/{name}"
    return world.send("POST", path, query=PLACE, body={"text": text}).status_code


def test_what_may_be_sent_depends_on_where_the_order_is(world: World) -> None:
    waiting = world.amazon.buyers.place_order(Item("CANDLE", "20.00")).id
    shipped, fba = world.shipped_order(), world.shipped_order(by_amazon=True)

    assert "confirmOrderDetails" in actions(world, waiting)
    assert actions(world, shipped) == ["legalDisclosure", "warranty", "unexpectedProblem", "invoice"]
    assert actions(world, fba) == []
    assert send(world, shipped, "confirmOrderDetails", "Bonjour") == 403


@pytest.mark.parametrize(
    "text, status",
    [
        ("x" * 2000, 201),
        ("x" * 2001, 400),
        ("", 400),
        ("<b>Bonjour</b>", 400),
        ("Écrivez à service@maison-lumiere.example", 400),
        ("Prix < 5 & délai > 2", 201),
    ],
)
def test_texts_keep_amazons_limits(world: World, text: str, status: int) -> None:
    order = world.shipped_order()

    assert send(world, order, "unexpectedProblem", text) == status
    assert len(world.amazon.books().messages_of(order)) == (1 if status == 201 else 0)


def test_attachments_must_have_been_uploaded_and_be_five_at_most(world: World) -> None:
    order = world.shipped_order()
    path = f"/messaging/v1/orders/{order}/messages/invoice"
    file = world.attach(order, "invoice")

    def sent(*files: dict[str, str]) -> int:
        return world.send("POST", path, query=PLACE, body={"attachments": list(files)}).status_code

    assert [sent(file), sent(file | {"uploadDestinationId": "nowhere"}), sent(*[file] * 6)] == [201, 400, 400]
    wrong = "/uploads/2020-11-01/uploadDestinations/catalog/v1/items"
    query = PLACE | {"contentMD5": "x"}
    assert world.refusal("POST", wrong, query=query) == (400, "InvalidInput")


def test_an_alias_may_carry_a_tag_and_takes_answers_all_the_same(world: World) -> None:
    order = world.shipped_order()
    world.amazon.buyers.write(order, "Allô ?", tag="A1B2C3")
    alias = relay_address(world.amazon.order(order)).replace("@", "+A1B2C3@")
    world.wait(minutes=1)

    assert f"<{alias}>".encode() in world.mails[0].raw
    assert world.amazon.receive_mail(reply("Oui ?", order), "amazon@maison-lumiere.example", alias).order == order


def test_the_marketplace_must_be_the_orders(world: World) -> None:
    order = world.shipped_order(country="DE")

    assert world.refusal("GET", f"/messaging/v1/orders/{order}", query=PLACE) == (400, "InvalidInput")
    query = {"marketplaceIds": "A1PA6795UKMFR9"}
    assert world.ask("GET", f"/messaging/v1/orders/{order}/attributes", query=query) == {"buyer": {"locale": "de-DE"}}


def reply(text: str, order: str, mark: str = "") -> bytes:
    message = EmailMessage()
    message["Subject"] = f"{mark}Re: {order}"
    message["Message-ID"] = "<reply-1@maison-lumiere.example>"
    message.set_content(text)
    return message.as_bytes()


def test_a_mail_to_the_alias_reaches_the_buyer_when_an_authorised_sender_wrote_it(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
    world.amazon.buyers.write(order.id, "Où est mon colis ?")
    alias = relay_address(order)
    taken = world.amazon.receive_mail(reply("En route.", order.id), "amazon@maison-lumiere.example", alias)

    assert (taken.relayed, taken.order) == (True, order.id)
    said = [(one.sent_by, one.text.strip()) for one in world.amazon.books().messages_of(order.id)]
    assert said == [("buyer", "Où est mon colis ?"), ("seller", "En route.")]


def test_a_buyer_who_opted_out_gets_only_what_is_marked_as_important(world: World) -> None:
    order = world.shipped_order()
    world.amazon.buyers.opt_out(order)
    alias, sender = relay_address(world.amazon.order(order)), "amazon@maison-lumiere.example"
    plain = world.amazon.receive_mail(reply("Bonjour", order), sender, alias)
    marked = world.amazon.receive_mail(reply("Bonjour", order, "[Important] "), sender, alias)
    world.wait(minutes=1)

    assert (plain.relayed, marked.relayed) == (False, True)
    assert [mail.kind for mail in world.mails] == ["BUYER_OPTED_OUT_BSM_MESSAGES"]


def test_a_mail_from_elsewhere_bounces_later_to_its_sender(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
    alias = relay_address(order)
    taken = world.amazon.receive_mail(reply("Bonjour", order.id), "somebody@else.example", alias)
    nowhere = world.amazon.receive_mail(reply("?", order.id), "a@b.example", "nobody@marketplace.amazon.fr")
    large = world.amazon.receive_mail(reply("x" * 11_000_000, order.id), "amazon@maison-lumiere.example", alias)
    world.wait(minutes=1)

    assert [one.relayed for one in (taken, nowhere, large)] == [False, False, False]
    bounces = world.mails_of("BOUNCE")
    assert [mail.recipient for mail in bounces] == ["somebody@else.example", "amazon@maison-lumiere.example"]
    assert b"In-Reply-To: <reply-1@maison-lumiere.example>" in bounces[0].raw
    assert world.amazon.books().messages_of(order.id) == []


def test_an_answer_in_seller_central_comes_back_as_a_copy(world: World) -> None:
    order = world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
    world.amazon.staff.reply(order.id, "Nous regardons.")
    world.wait(minutes=1)

    assert [mail.kind for mail in world.mails] == ["BBC_MESSAGE_CONFIRMATION_TO_MERCHANT"]
