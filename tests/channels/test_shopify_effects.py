"""What an act did is read from Shopify: found once, not found, or left to a person; never guessed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from quittance.application.ports import Ambiguous, Applied, NotFound, Sighting, Suggestion
from quittance.channels.shopify.acts import ShopifyActs
from quittance.domain.errors import Rejected, Unavailable
from quittance.domain.intent import Act, Attempt, Components, Intent, IntentLine
from quittance.domain.observations import MoneyStatus
from tests.channels import shopify_shapes as shapes
from tests.channels.road import Json
from tests.channels.shopify_shapes import ACCOUNT, BULB, BULBS_BACK, CARD, HORIZON, LAMP, LAMPS_BACK, NOW, RETURN

MINE = shapes.refund_intent()
MARK = f"quittance:{MINE.id}"


def look(order: Json, intent: Intent = MINE, owned: frozenset[str] = frozenset()) -> Sighting:
    return shapes.channel(shapes.desk(Order={"order": order})).look_back(ACCOUNT, intent, owned)


def shown(*refunds: Json, **given: object) -> Json:
    ids = [{"id": one["id"]} for one in refunds if one["return"] is not None]
    return shapes.order(refunds=list(refunds), returns=shapes.page([shapes.return_(refunds=shapes.page(ids))]), **given)


@pytest.mark.parametrize(
    "status, expected",
    [("SUCCESS", MoneyStatus.MOVED), ("PENDING", MoneyStatus.PENDING), ("FAILURE", MoneyStatus.FAILED)],
)
def test_the_one_refund_that_fits_is_ours_and_its_transactions_say_where_the_money_is(
    status: str, expected: MoneyStatus
) -> None:
    assert look(shown(shapes.own_refund("901", shapes.back(status=status)))) == Applied("901", expected)


def test_nothing_new_means_not_found() -> None:
    assert look(shown()) == NotFound()


def test_a_refund_of_the_snapshot_or_of_another_intent_is_not_ours() -> None:
    before = replace(MINE, attempt=Attempt(snapshot={**shapes.SNAPSHOT, "refunds": "900,901"}))

    assert look(shown(shapes.own_refund("901")), before) == NotFound()
    assert look(shown(shapes.own_refund("901")), owned=frozenset({"901"})) == NotFound()


@pytest.mark.parametrize(
    "other",
    [
        shapes.refund("901", shapes.back("63.61"), lines=((LAMP, 1, "44.74"), (BULB, 2, "18.87"))),
        shapes.refund("901", shapes.back(), lines=((LAMP, 1, "44.74"), (BULB, 1, "18.88"))),
        shapes.refund("901", shapes.back(), lines=((LAMP, 1, "63.62"),)),
        shapes.refund("901", shapes.back()),
        shapes.own_refund("901", **{"return": None}),
        shapes.own_refund("901", note="quittance:another-intent"),
    ],
)
def test_a_refund_of_another_amount_other_units_no_return_or_another_mark_is_not_ours(other: Json) -> None:
    assert look(shown(other)) == NotFound()


def test_two_refunds_that_fit_are_for_a_person() -> None:
    twice = shown(shapes.own_refund("902"), shapes.own_refund("901"))

    assert look(twice) == Ambiguous(("901", "902"))


def test_our_mark_tells_two_equal_refunds_apart() -> None:
    assert look(shown(shapes.own_refund("901"), shapes.own_refund("902", note=MARK))) == Applied("902")


def test_our_mark_on_another_amount_or_on_two_refunds_is_for_a_person_and_never_absent() -> None:
    other = shapes.own_refund("901", shapes.back("10.0"), note=MARK)

    assert look(shown(other)) == Ambiguous(("901",))
    assert look(shown(other, shapes.own_refund("902", note=MARK))) == Ambiguous(("901", "902"))


def test_a_refund_whose_transactions_are_still_to_come_is_pending() -> None:
    without = shapes.refund("901", lines=((LAMP, 1, "44.74"), (BULB, 2, "18.88")))

    assert look(shown(without)) == Applied("901", MoneyStatus.PENDING)


def test_a_refund_known_by_name_is_judged_by_its_name_alone() -> None:
    named = replace(MINE, reference="902", attempt=Attempt(snapshot={**shapes.SNAPSHOT, "refunds": "902"}))
    both = shown(shapes.own_refund("901"), shapes.own_refund("902", shapes.back(status="PENDING")))

    assert look(both, named) == Applied("902", MoneyStatus.PENDING)


def test_a_refund_that_the_return_shows_and_the_order_does_not_makes_the_look_unreadable() -> None:
    half = shapes.order(returns=shapes.page([shapes.return_(refunds=shapes.page([{"id": shapes.gid("Refund", "9")}]))]))

    with pytest.raises(Unavailable):
        look(half)


def test_an_order_that_does_not_show_the_return_is_unreadable() -> None:
    with pytest.raises(Unavailable):
        look(shapes.order(returns=shapes.page([])))


@pytest.mark.parametrize(
    "act, found, absent",
    [
        (Act.APPROVE_RETURN, {"OPEN", "CLOSED"}, {"REQUESTED", "DECLINED", "CANCELED"}),
        (Act.DECLINE_RETURN, {"DECLINED"}, {"REQUESTED", "OPEN", "CLOSED", "CANCELED"}),
        (Act.CLOSE_RETURN, {"CLOSED"}, {"REQUESTED", "OPEN", "DECLINED", "CANCELED"}),
        (Act.CANCEL_RETURN, {"CANCELED"}, {"REQUESTED", "OPEN", "CLOSED", "DECLINED"}),
    ],
)
def test_the_status_shows_what_became_of_a_decision(act: Act, found: set[str], absent: set[str]) -> None:
    def looked(status: str) -> Sighting:
        return look(shapes.order(returns=shapes.page([shapes.return_(status=status)])), shapes.intent(act))

    assert {looked(status) for status in found} == {Applied(RETURN)}
    assert {looked(status) for status in absent} == {NotFound()}
    with pytest.raises(Unavailable):
        looked("A_NEW_STATUS")


@pytest.mark.parametrize(
    "left, expected",
    [
        ([], Applied(RETURN)),
        ([(LAMPS_BACK, 1), (BULBS_BACK, 2)], NotFound()),
        ([(BULBS_BACK, 2)], Ambiguous((RETURN,))),
        ([(BULBS_BACK, 1)], Ambiguous((RETURN,))),
    ],
)
def test_removed_units_are_counted_against_the_snapshot(left: list[tuple[str, int]], expected: Sighting) -> None:
    lines = [shapes.return_line(name, LAMP, "LAMP", quantity) for name, quantity in left]
    order = shapes.order(returns=shapes.page([shapes.return_(returnLineItems=shapes.page(lines))]))

    assert look(order, shapes.intent(Act.REMOVE_LINES)) == expected


def test_removed_units_without_a_snapshot_are_for_a_person() -> None:
    blind = shapes.intent(Act.REMOVE_LINES, attempt=Attempt())

    assert look(shapes.order(), blind) == Ambiguous((RETURN,))


# Before the send


def test_before_a_send_the_snapshot_names_refunds_status_and_units() -> None:
    foreign = shapes.own_refund("905", **{"return": None})
    road = shapes.desk(
        Order={"order": shown(shapes.own_refund("901"), foreign)}, Suggest={"return": shapes.suggested()}
    )

    prepared = shapes.channel(road).prepare(ACCOUNT, MINE, NOW)

    assert prepared.snapshot == {**shapes.SNAPSHOT, "refunds": "901,905"}
    assert prepared.suggestion == Suggestion(6362, "EUR", {CARD: 6362})
    assert not prepared.done


def test_the_suggestion_is_asked_for_the_very_units_and_shipping_of_the_intent() -> None:
    road = shapes.desk(Order={"order": shapes.order()}, Suggest={"return": shapes.suggested()})
    with_shipping = replace(MINE, components=Components(goods=6362, shipping=590), payments={CARD: 6952})

    shapes.channel(road).prepare(ACCOUNT, with_shipping, NOW)

    sent = json.loads(ShopifyActs(HORIZON).render(with_shipping, ""))["input"]
    asked = road.sent[-1].json["variables"]
    assert asked == {"id": sent["returnId"], "lines": sent["returnLineItems"], "shipping": sent["refundShipping"]}


@pytest.mark.parametrize(
    "outcome, total",
    [
        (None, 0),
        ({"financialTransfer": None}, 0),
        ({"financialTransfer": {"__typename": "InvoiceReturnOutcome", "amount": shapes.money("4.0")}}, -400),
    ],
)
def test_where_shopify_would_pay_nothing_or_ask_for_money_the_suggestion_differs(
    outcome: Json | None, total: int
) -> None:
    suggested = {"id": shapes.gid("Return", RETURN), "suggestedFinancialOutcome": outcome}
    road = shapes.desk(Order={"order": shapes.order()}, Suggest={"return": suggested})

    assert shapes.channel(road).prepare(ACCOUNT, MINE, NOW).suggestion == Suggestion(total, "EUR", {})


@pytest.mark.parametrize("part", [None, {"id": shapes.gid("Refund", "5")}])
def test_a_suggestion_on_no_payment_is_unreadable(part: Json | None) -> None:
    suggested = shapes.suggested()
    (only,) = suggested["suggestedFinancialOutcome"]["financialTransfer"]["suggestedTransactions"]
    only["parentTransaction"] = part
    road = shapes.desk(Order={"order": shapes.order()}, Suggest={"return": suggested})

    with pytest.raises(Unavailable):
        shapes.channel(road).prepare(ACCOUNT, MINE, NOW)


@pytest.mark.parametrize(
    "act, status",
    [
        (Act.APPROVE_RETURN, "OPEN"),
        (Act.DECLINE_RETURN, "DECLINED"),
        (Act.CLOSE_RETURN, "CLOSED"),
        (Act.CANCEL_RETURN, "CANCELED"),
    ],
)
def test_what_a_colleague_did_already_is_done(act: Act, status: str) -> None:
    for shown_status in ("REQUESTED", status):
        order = shapes.order(returns=shapes.page([shapes.return_(status=shown_status)]))
        prepared = shapes.channel(shapes.desk(Order={"order": order})).prepare(ACCOUNT, shapes.intent(act), NOW)
        assert prepared.done == (shown_status == status)


# The bytes


def test_a_refund_says_lines_payments_and_mark_and_tells_the_buyer_nothing() -> None:
    body = json.loads(ShopifyActs(HORIZON).render(MINE, ""))

    assert body == {
        "input": {
            "returnId": "gid://shopify/Return/501",
            "returnLineItems": [
                {"id": "gid://shopify/ReturnLineItem/21", "quantity": 1},
                {"id": "gid://shopify/ReturnLineItem/22", "quantity": 2},
            ],
            "financialTransfer": {
                "issueRefund": {
                    "orderTransactions": [
                        {
                            "parentId": "gid://shopify/OrderTransaction/71",
                            "transactionAmount": {"amount": "63.62", "currencyCode": "EUR"},
                        }
                    ]
                }
            },
            "note": MARK,
            "notifyCustomer": False,
        }
    }


def test_shipping_goes_back_whole_because_an_amount_would_leave_its_tax_out() -> None:
    with_shipping = replace(MINE, components=Components(goods=6000, shipping=362))

    body = json.loads(ShopifyActs(HORIZON).render(with_shipping, ""))

    assert body["input"]["refundShipping"] == {"fullRefund": True}


@pytest.mark.parametrize(
    "wrong, field",
    [
        (replace(MINE, payments={CARD: 6361}), "payments"),
        (replace(MINE, payments={CARD: 6363, "72": -1}), "payments"),
        (replace(MINE, payments={}), "payments"),
        (replace(MINE, payments={"card": 6362}), "OrderTransaction"),
        (replace(MINE, lines=()), "lines"),
        (replace(MINE, lines=(IntentLine(LAMPS_BACK, LAMP, 0),)), "lines"),
        (replace(MINE, external="gid://shopify/Return/501"), "Return"),
    ],
)
def test_a_refund_that_shopify_would_misread_is_refused_before_it_is_written(wrong: Intent, field: str) -> None:
    with pytest.raises(Rejected) as refusal:
        ShopifyActs(HORIZON).render(wrong, "")

    assert refusal.value.field == field


def test_a_decline_takes_shopifys_reasons_and_at_most_five_hundred_characters() -> None:
    acts = ShopifyActs(HORIZON)
    declined = shapes.intent(Act.DECLINE_RETURN, reason="return_period_ended")

    assert json.loads(acts.render(declined, "é" * 500))["input"]["declineReason"] == "RETURN_PERIOD_ENDED"
    assert "declineNote" not in json.loads(acts.render(declined, ""))["input"]
    with pytest.raises(Rejected) as too_long:
        acts.render(declined, "é" * 501)
    with pytest.raises(Rejected) as unknown:
        acts.render(replace(declined, reason="unwanted"), "")
    assert (too_long.value.field, unknown.value.field) == ("comment", "reason")
