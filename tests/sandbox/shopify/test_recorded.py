"""Recorded conversations with Shopify, played again: the simulator answers as Shopify did, cost included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.shopify import Item, Payment, Shop
from sandbox.shopify.engine import load_schema
from tests.sandbox.shopify.replay import Player, answer_of, load
from tests.sandbox.shopify.world import SHOP, TOKEN, open_world

REFUND_2025 = """
mutation RefundCreate($input: RefundInput!) {
  refundCreate(input: $input) {
    refund { id note createdAt updatedAt totalRefundedSet { shopMoney { amount currencyCode } }
      refundLineItems(first: 10) { nodes { id quantity restockType restocked lineItem { id title }
        subtotalSet { shopMoney { amount currencyCode } } } }
      transactions(first: 10) { nodes { id kind status gateway amountSet { shopMoney { amount currencyCode } } } } }
    order { id displayFinancialStatus totalRefundedSet { shopMoney { amount currencyCode } } }
    userErrors { field message } } }
"""
CANCEL = """
mutation Cancel($orderId: ID!, $reason: OrderCancelReason!, $restock: Boolean!, $notifyCustomer: Boolean,
    $staffNote: String) {
  orderCancel(orderId: $orderId, reason: $reason, restock: $restock, notifyCustomer: $notifyCustomer,
      staffNote: $staffNote) {
    orderCancelUserErrors { field message } } }
"""


@pytest.fixture(params=["USD"])
def player(request: pytest.FixtureRequest) -> Iterator[Player]:
    shop = Shop(SHOP, currency=request.param, access_token=TOKEN)
    with open_world(shop) as world:
        world.version = "2026-04"
        yield Player(world)


in_canada = pytest.mark.parametrize("player", ["CAD"], indirect=True)


def document_of(reference: Path) -> str:
    """The read that the refund recordings share."""
    attribution = load(reference, "2026-04__orders__refund-create-attribution-validation")
    return str(attribution["downstreamRead"]["query"])


def without_cost(body: dict[str, Any]) -> dict[str, Any]:
    """The refund recordings of 2025-01 do not carry their document, so its cost cannot be compared."""
    return {name: part for name, part in body.items() if name != "extensions"}


def first_read(player: Player, conversation: dict[str, Any], refunded: str | None = None) -> None:
    hydrate = next(call for call in conversation["upstreamCalls"] if answer_of(call)["data"]["order"])
    player.paid_order(answer_of(hydrate)["data"], refunded)
    player.play(hydrate)


@in_canada
@pytest.mark.parametrize("name", ["over-refund-user-errors", "partial-shipping-restock-parity"])
def test_refunds_are_created_and_refused_as_recorded(player: Player, reference: Path, name: str) -> None:
    player.world.version = "2025-01"
    conversation = load(reference, f"2025-01__orders__refund-create-{name}")
    first_read(player, conversation)

    player.ask(REFUND_2025, conversation["variables"], without_cost(answer_of(conversation["mutation"])))

    read = conversation["downstreamRead"]
    player.ask(document_of(reference), read["variables"], answer_of(read))


@in_canada
def test_refund_guards_speak_as_recorded(player: Player, reference: Path) -> None:
    player.world.version = "2025-01"
    conversation = load(reference, "2025-01__orders__refund-create-user-errors-and-quantities")
    first_read(player, conversation, refunded="10.00")

    for name in ("unknownOrder", "overRefundQuantityLineItem", "overRefundAmountNoAllow", "overRefundAllowed"):
        player.ask(REFUND_2025, conversation[name]["variables"], without_cost(answer_of(conversation[name])))


@in_canada
def test_unknown_refund_inputs_are_named_as_recorded(player: Player, reference: Path) -> None:
    conversation = load(reference, "2026-04__orders__refund-create-attribution-validation")
    order = player.world.shopify.place_order([_item()], taxes_included=False, payments=[Payment("manual")])
    recorded = answer_of(conversation["downstreamRead"])["data"]["order"]
    player.learn(recorded["id"], order.id)
    player.learn(recorded["name"], order.name)

    player.play(conversation["invalidVariable"])
    player.play(conversation["invalidInline"])
    player.play(conversation["downstreamRead"])
    probe = player.world.ask(conversation["schemaProbe"]["query"])["data"]
    recorded = answer_of(conversation["schemaProbe"])["data"]
    for kind, part in (("refundInput", "inputFields"), ("userError", "fields")):
        assert {item["name"] for item in probe[kind][part]} == {item["name"] for item in recorded[kind][part]}


def test_declines_with_unknown_values_are_named_as_recorded(player: Player, reference: Path) -> None:
    conversation = load(reference, "2025-01__orders__return-decline-request-validation")

    player.play(conversation["invalidDeclineReason"])
    for step in conversation["hiddenNotifyPayloadPublicSchema"].values():
        player.play(step)


@pytest.mark.proves("F005")
def test_the_order_sums_up_its_returns_as_recorded(player: Player, reference: Path) -> None:
    conversation = load(reference, "2026-04__orders__order-return-status-lifecycle")
    player.place(conversation["zeroCase"]["orderCreate"])
    player.play(conversation["zeroCase"]["readAfterCreate"])
    for case in ("mixed", "declined", "canceled", "removed"):
        player.set_up(conversation["setup"][case])
        for name, step in conversation[f"{case}Case"].items():
            if name != "orderQuery":
                player.play(step)


def test_requests_are_approved_and_declined_only_in_their_state(player: Player, reference: Path) -> None:
    conversation = load(reference, "2026-04__orders__returnApprove-decline-state-preconditions")
    for case in ("open", "declined"):
        player.set_up(conversation["setup"][case])
        for step in conversation[f"{case}Case"].values():
            player.play(step)

    for step in conversation["unknownIdCase"].values():
        player.play(step)
    for step in conversation["cleanup"].values():
        player.play(step)


def test_the_buyers_note_stays_on_the_return_line(player: Player, reference: Path) -> None:
    conversation = load(reference, "2026-04__orders__return-customer-note-recorded")
    player.set_up(conversation["setup"])

    player.play(conversation["returnRequest"])
    player.play(conversation["downstreamRead"])
    player.play(conversation["cleanup"]["orderCancel"])


def test_what_is_returnable_is_calculated_as_recorded(player: Player, reference: Path) -> None:
    conversation = load(reference, "2026-04__orders__return-query-roots-recorded")
    player.set_up(conversation["setup"])

    player.play(conversation["returnableFulfillments"])
    player.play(conversation["returnCalculate"])


def test_reasons_are_demanded_as_recorded(player: Player, reference: Path) -> None:
    conversation = load(reference, "2026-04__orders__return-reason-validation")
    player.set_up(conversation["setup"])

    for name, step in conversation.items():
        if name.endswith(("Create", "Request")):
            player.play(step)
    ours = player.world.data(conversation["setup"]["returnReasonDefinitions"]["query"])
    theirs = answer_of(conversation["setup"]["returnReasonDefinitions"])["data"]["returnReasonDefinitions"]
    assert ours["nodes"] == theirs["nodes"][: len(ours["nodes"])]


def test_returned_goods_are_disposed_of_as_recorded(player: Player, reference: Path) -> None:
    conversation = load(reference, "2026-04__orders__return-reverse-logistics-dispose-validation")
    player.set_up(conversation["setup"])
    location = next(iter(player.world.shopify.floor().books.locations))
    inputs = conversation["disposeValidation"]["customRestocked"]["variables"]["dispositionInputs"]
    player.learn(inputs[0]["locationId"], location)

    for name in (
        "firstReturnRequest",
        "firstReturnApproveRequest",
        "secondReturnRequest",
        "secondReturnApproveRequest",
    ):
        player.play(conversation[name])
    for step in conversation["disposeValidation"].values():
        player.play(step)
    player.play(conversation["downstreamRead"])


def test_a_return_shipping_fee_is_kept_as_recorded(player: Player, reference: Path) -> None:
    conversation = load(reference, "2026-04__orders__return-shipping-fee-recorded")
    player.set_up(conversation["setup"])

    player.play(conversation["returnCreate"])
    player.play(conversation["downstreamRead"])
    player.play(conversation["hiddenInputProbe"])


def test_cancellations_are_refused_as_recorded(player: Player, reference: Path) -> None:
    conversation = load(reference, "2026-04__orders__orderCancel-error-messages")
    setup = conversation["setup"]
    player.place(setup["freshOrderCreate"])
    player.place(setup["cancelledOrderCreate"])

    player.play(setup["setupCancel"])
    player.play(setup["cancelledOrderRead"])
    for step in conversation["expected"].values():
        player.play(step)


def test_a_cancelled_order_reads_as_recorded(player: Player, reference: Path) -> None:
    conversation = load(reference, "2026-04__orders__orderCancel-parity")
    order = player.world.shopify.place_order([_item()], currency="USD", taxes_included=False, payments=(), guest=True)
    read = conversation["downstreamRead"]
    recorded = answer_of(read)
    player.learn(conversation["variables"]["orderId"], order.id)
    player.learn(recorded["data"]["order"]["name"], order.name)

    player.ask(CANCEL, conversation["variables"], without_cost(answer_of(conversation["mutation"])))
    player.ask(conversation["upstreamCalls"][0]["query"], read["variables"], recorded)


def _item() -> Item:
    return Item("line-0", "10.00", tax_rate="0", custom=True)


def test_the_return_mutations_take_the_recorded_arguments(reference: Path) -> None:
    conversation = load(reference, "2026-04__orders__return-reverse-logistics-introspection")
    mutation = load_schema().mutation_type
    assert mutation is not None

    for name, recorded in conversation["mutationRoots"].items():
        known = {f"{argument}: {item.type}" for argument, item in mutation.fields[name].args.items()}
        assert set(recorded["args"]) <= known
