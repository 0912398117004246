"""What leaves the house of a commit: events that keep their ids, alerts to those whom they concern, nobody's words."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from quittance.application.announce import Alert, HistoryRecord, Topic, alerts, announcements
from quittance.domain.command import CommandName
from quittance.domain.instant import to_text
from quittance.domain.ledger import Amounts
from quittance.domain.observations import Condition, MoneyStatus, RefundReading
from tests.support import builders as b
from tests.support.shop import call_lost
from tests.support.workbench import Workbench

NOTE = "Je suis Camille Durand, 12 rue des Lilas"


def records(bench: Workbench) -> list[HistoryRecord]:
    """The case's history as publish_events reads it from the stream."""
    return [
        HistoryRecord(e.case, e.version, to_text(e.at), e.channel, e.account, e.store, e.order, e.state, e.events)
        for e in bench.table.history(bench.case_id)
    ]


def all_alerts(bench: Workbench) -> list[Alert]:
    return [alert for record in records(bench) for alert in alerts(record)]


def busy() -> Workbench:
    """A case with words in it, a parcel, a decision, a refund and a close."""
    bench = Workbench(close_after_refund=True)
    bench.shop_return(texts={"ref-1": NOTE})
    bench.authorised()
    bench.receive(replace(b.receipt("parcel-1", b.units(condition=Condition.USED)), texts={"ref-2": NOTE}))
    bench.order(CommandName.ACCEPT_LINES, lines={b.SHIRTS: 1}, reason="worn_once", comment=NOTE)
    bench.advance()
    return bench


def test_every_event_has_an_id_that_is_the_same_whenever_it_is_told() -> None:
    bench = busy()
    first, second = ([a.id for r in records(bench) for a in announcements(r)] for _ in range(2))

    assert first == second
    assert len(set(first)) == len(first) > 10
    assert first[0] == f"{bench.case_id}#1#0"


def test_an_event_says_where_it_belongs_and_what_happened() -> None:
    bench = busy()
    told = [a for r in records(bench) for a in announcements(r)]

    (settled,) = [a for a in told if a.name == "RefundSettled"]
    detail = dict(settled.detail)
    facts = detail.pop("facts")
    assert (facts["minor"], facts["currency"]) == (3000, "EUR")
    assert (detail["schema"], detail["channel"], detail["order"], detail["id"]) == (1, "shopify", b.ORDERED, settled.id)
    assert detail["case"] == bench.case_id
    assert json.loads(json.dumps(settled.detail)) == settled.detail


def test_nobodys_words_leave_the_house() -> None:
    bench = busy()
    outgoing = [json.dumps(a.detail) for r in records(bench) for a in announcements(r)]
    outgoing += [alert.text + alert.subject for alert in all_alerts(bench)]

    assert bench.table.words(bench.case_id, "ref-1") == NOTE
    assert not [text for text in outgoing if "Camille" in text or "Lilas" in text]


def test_a_quiet_case_alarms_nobody() -> None:
    assert all_alerts(busy()) == []


def test_the_desk_hears_of_deadlines() -> None:
    bench = Workbench()
    bench.observe()
    bench.wait(hours=47)
    bench.fire()
    bench.wait(hours=47)
    bench.fire()

    told = all_alerts(bench)

    assert [(alert.topic, alert.subject) for alert in told] == [
        (Topic.DESK, "A deadline is near (shopify)"),
        (Topic.DESK, "A deadline was missed (shopify)"),
    ]
    assert f"case {bench.case_id}" in told[0].text


def test_operators_hear_of_money_on_hold() -> None:
    bench = Workbench().refunding()
    bench.shop.faults = [call_lost]
    bench.advance()
    for _ in range(4):
        bench.wait(seconds=130)
        bench.advance()

    assert [(alert.topic, alert.subject) for alert in all_alerts(bench)] == [
        (Topic.OPERATORS, "Money or a decision is on hold (shopify)")
    ]


def test_operators_hear_of_a_refund_that_the_channel_took_back() -> None:
    bench = Workbench().refunding()
    bench.advance()
    (refund,) = bench.shop.orders[b.ORDERED].refunds
    failed = replace(refund, status=MoneyStatus.FAILED)
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], refunds=(failed,))
    bench.wait(seconds=timedelta(minutes=5).total_seconds())
    bench.observe()

    assert [alert.subject for alert in all_alerts(bench)] == ["A refund was reversed by the channel (shopify)"]


def test_operators_hear_of_a_deficit() -> None:
    bench = Workbench()
    bench.observe()
    over = RefundReading("FOREIGN-1", Amounts({b.CARD: 9000}), MoneyStatus.MOVED)
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], refunds=(over,))
    bench.observe()

    (alert,) = all_alerts(bench)
    assert (alert.topic, alert.subject) == (Topic.OPERATORS, "More was paid back than was captured (shopify)")


@pytest.mark.parametrize("verb", ["SETTLE", "CANCEL", "DECLINE", "LOSE"])
def test_an_ordinary_move_of_an_intent_alarms_nobody(verb: str) -> None:
    moved = {"intent": "i", "verb": verb.lower(), "by": "rule"}
    record = HistoryRecord("c", 1, "2026-11-21T12:00:00.000Z", "shopify", "a", "s", "1", "x", (("IntentMoved", moved),))

    assert list(alerts(record)) == []
