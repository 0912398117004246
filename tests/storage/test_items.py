"""What is read back is what was written, in no more bytes than an item should cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.application.commit import Key, Value
from quittance.domain.case import Case, returned
from quittance.domain.errors import Unavailable
from quittance.domain.events import (
    CaseOpened,
    DeadlineArmed,
    IntentAdmitted,
    OrderRead,
    ReturnRead,
)
from quittance.domain.intent import Intent, IntentState
from quittance.domain.ledger import Amounts, SeenRefund
from quittance.domain.observations import ChannelStatus, OrderReading, ReturnLineReading, ReturnReading
from quittance.domain.order import Order
from quittance.domain.parcel import Parcel
from quittance.storage import items, keys
from quittance.storage.engine import Item
from quittance.storage.expressions import plain, typed
from quittance.storage.history import history_attributes
from quittance.storage.items import SCHEMA, Upgrade, gone, upgraded
from quittance.storage.items_case import CASE_OPTIONAL, case_attributes, case_of
from quittance.storage.items_intent import INTENT_OPTIONAL, intent_attributes, intent_key, intent_of
from quittance.storage.items_order import ORDER_OPTIONAL, order_attributes, order_of
from quittance.storage.sizes import item_size
from tests.storage import samples, strategies

UNIT = 1024


def stored(key: Key, attributes: Mapping[str, Value]) -> Item:
    """The item as it comes back from DynamoDB, where only its own types survive."""
    return plain({name: typed(value) for name, value in {"pk": key.pk, "sk": key.sk, **attributes}.items()})


@given(strategies.cases)
def test_a_case_is_read_back_as_it_was_written(case: Case) -> None:
    assert case_of(stored(keys.case_head(case.id), case_attributes(case))) == case


@given(strategies.orders)
def test_an_order_is_read_back_as_it_was_written(order: Order) -> None:
    key = keys.order(order.channel, order.account, order.id)

    assert order_of(stored(key, order_attributes(order))) == order


@given(strategies.intents)
def test_an_intent_is_read_back_as_it_was_written(intent: Intent) -> None:
    assert intent_of(stored(intent_key(intent), intent_attributes(intent))) == intent


@given(strategies.orders)
def test_what_is_free_is_stored_as_the_ledger_computes_it(order: Order) -> None:
    attributes: Mapping[str, Any] = order_attributes(order)
    ledger = order.ledger

    assert {k: v["available"] for k, v in attributes.get("payments", {}).items()} == {
        payment: ledger.available(payment) for payment in ledger.payments
    }
    assert {k: v["free"] for k, v in attributes.get("lines", {}).items()} == {
        line: ledger.free_quantity(line) for line in ledger.lines
    }
    assert attributes.get("free_shipping", 0) == ledger.free_shipping


def test_an_ended_intent_is_never_in_the_due_index() -> None:
    ended = samples.a_refund(state=IntentState.SETTLED)

    assert not {"due_pk", "due_sk"} & intent_attributes(ended).keys()
    assert {"due_pk", "due_sk"} <= intent_attributes(samples.a_refund()).keys()


def test_a_case_is_in_an_index_only_while_armed_and_while_open() -> None:
    armed = samples.a_return()
    closed = replace(armed, deadlines={}, body=replace(returned(armed), status=ChannelStatus.CLOSED))

    assert {"due_pk", "due_sk", "desk_pk", "desk_sk"} <= case_attributes(armed).keys()
    assert not {"due_pk", "due_sk", "desk_pk", "desk_sk"} & case_attributes(closed).keys()


def test_nobodys_words_are_in_a_head() -> None:
    parcel = samples.a_parcel()
    assert isinstance(parcel.body, Parcel)
    receipt = replace(parcel.body.receipt, texts={"note": "left it at the door"})
    worded = replace(parcel, body=replace(parcel.body, receipt=receipt))

    assert "left it at the door" not in str(case_attributes(worded))


@pytest.mark.parametrize(
    "case",
    [
        samples.a_return(),
        samples.a_return(marks=frozenset({"surplus_in_parcel"}), names=frozenset({("tracking", "6A12345678901")}),
                         deadlines=dict(list(samples.a_return().deadlines.items())[:2])),
        samples.a_parcel(),
    ],
    ids=["return", "return with names", "parcel"],
)  # fmt: skip
def test_a_head_costs_one_write_unit(case: Case) -> None:
    assert item_size(keys.case_head(case.id), case_attributes(case)) < UNIT


def test_a_ledger_of_two_lines_one_payment_and_one_refund_costs_one_write_unit() -> None:
    refund = SeenRefund("foreign", Amounts({samples.PAYMENT: 1000}, {samples.SOLD[1]: (1, 1000)}))
    ledger = samples.a_ledger(refunds={"9090909090": refund}, turn=samples.INTENT)
    order = samples.with_claim(samples.an_order(ledger), samples.INTENT, samples.a_claim(shipping=500))

    assert item_size(keys.order(order.channel, order.account, order.id), order_attributes(order)) < UNIT


def test_a_refund_of_two_lines_costs_one_write_unit() -> None:
    refund = samples.a_refund(approved_by="approver", reference="gid://shopify/Refund/9090909090")
    snapshot = {"refunds": "9090909090,9090909091", "lines": "6161616161:2:0,6161616162:1:0", "total": "1000"}
    sent = replace(refund, attempt=replace(refund.attempt, snapshot=snapshot))

    assert item_size(intent_key(sent), intent_attributes(sent)) < UNIT


def test_a_history_item_of_four_events_costs_one_write_unit() -> None:
    case = samples.a_return()
    lines = {line: ReturnLineReading(line, samples.SOLD[0], "TEE", 2, "DEFECTIVE") for line in samples.LINES}
    order = OrderReading(samples.ORDER, samples.NOW, "EUR")
    seen = ReturnReading(samples.RETURN, samples.ORDER, samples.NOW, ChannelStatus.OPEN, samples.NOW, lines)
    for events in (
        (CaseOpened(case), OrderRead(order), ReturnRead(seen), DeadlineArmed("decide_request", samples.NOW)),
        (OrderRead(order), ReturnRead(seen), IntentAdmitted(samples.a_refund()), DeadlineArmed("d", samples.NOW)),
    ):
        attributes = history_attributes(case, samples.NOW, events)

        assert item_size(keys.event(case.id, case.version), attributes) < UNIT


def _out_of_cents(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "cents"} | {"v": 1, "captured": item["cents"]}


FROM_ZERO = (Upgrade("order", 0, _out_of_cents, gone=frozenset({"cents"})),)


def test_an_item_of_an_older_schema_is_upgraded_when_it_is_read() -> None:
    assert upgraded("order", {"pk": "p", "cents": 5}, FROM_ZERO) == {"pk": "p", "v": 1, "captured": 5}


def test_an_item_of_this_schema_and_of_the_next_is_read_as_it_is() -> None:
    for schema in (SCHEMA, SCHEMA + 1):
        item = {"v": schema, "cents": 5}

        assert upgraded("order", item, FROM_ZERO) is item


@pytest.mark.parametrize("item", [{"v": SCHEMA + 2}, {"v": 0}, {}])
def test_an_item_that_nobody_can_upgrade_is_unavailable_rather_than_misread(item: Item) -> None:
    with pytest.raises(Unavailable, match="schema"):
        upgraded("intent", item, FROM_ZERO)


def test_what_only_an_older_schema_had_is_removed_by_the_next_write() -> None:
    assert gone("order", FROM_ZERO) == {"cents"}
    assert gone("intent", FROM_ZERO) == frozenset()


def test_every_reader_goes_through_the_upgrade() -> None:
    far_ahead = {"v": SCHEMA + 2, "pk": "CASE#x", "sk": "HEAD"}
    for reader in (case_of, order_of, intent_of):
        with pytest.raises(Unavailable):
            reader(far_ahead)


def test_a_span_is_kept_to_the_millisecond() -> None:
    assert items.span(items.milliseconds(samples.HOUR)) == samples.HOUR


ALWAYS_IN_A_CASE = frozenset({"v", "version", "kind", "channel", "account", "opened", "policy"})
ALWAYS_IN_AN_ORDER = frozenset({"v", "version", "cur", "as_of"})
ALWAYS_IN_AN_INTENT = frozenset({"v", "version", "fence", "state", "act", "case", "cur", "created"})
KINDS: Mapping[str, tuple[Any, Any, frozenset[str], frozenset[str]]] = {
    "case": (strategies.cases, case_attributes, ALWAYS_IN_A_CASE, CASE_OPTIONAL | {"return", "parcel", "difference"}),
    "order": (strategies.orders, order_attributes, ALWAYS_IN_AN_ORDER, ORDER_OPTIONAL),
    "intent": (strategies.intents, intent_attributes, ALWAYS_IN_AN_INTENT, INTENT_OPTIONAL),
}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_what_may_be_missing_is_listed_so_that_a_write_can_remove_it(kind: str, data: st.DataObject) -> None:
    strategy, attributes, always, optional = KINDS[kind]

    names = attributes(data.draw(strategy)).keys()

    assert always <= names <= always | optional
