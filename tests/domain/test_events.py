"""Events are facts: plain JSON, complete, and without anybody's words."""

from __future__ import annotations

import json
import typing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain import events
from quittance.domain.command import CommandName, parse_command
from quittance.domain.decide_command import decide
from quittance.domain.difference import DifferenceKind, Entry
from quittance.domain.draft import evolve
from quittance.domain.errors import Rejected
from quittance.domain.events import (
    CaseMarked,
    CaseNamed,
    CaseOpened,
    CaseUnmarked,
    DeadlineArmed,
    DeadlineBreached,
    DeadlineEscalated,
    DeadlineMet,
    DeadlineMoved,
    DeadlineWaived,
    DeadlineWarned,
    DecisionTaken,
    DeficitFound,
    DifferenceClosed,
    DifferenceFound,
    DisputesOverridden,
    Event,
    ForeignRefundSeen,
    IntentAdmitted,
    IntentMoved,
    LinesRemoved,
    OrderRead,
    ParcelIdentified,
    ParcelReceived,
    RefundSettled,
    Resolution,
    ReturnAuthorised,
    ReturnCancelled,
    ReturnClosed,
    ReturnDeclined,
    ReturnRead,
    ReturnReopened,
    TaskOpened,
    UnitsResolved,
    facts,
    name,
)
from quittance.domain.intent import IntentVerb
from quittance.domain.observations import Condition
from quittance.domain.return_request import ReturnLine, ReturnRequest
from tests.support.builders import (
    AGENT,
    NOW,
    SHIRTS,
    authorised,
    case,
    command,
    intent,
    order_reading,
    policy,
    receipt,
    return_reading,
)


def every(words: str = "") -> list[Event]:
    """One of each event; `words` stand everywhere a person's own text can enter."""
    texts = {"note": words}
    body = ReturnRequest(return_reading().status, NOW, NOW, {"l": ReturnLine("o", "s", 1)})
    return [
        CaseOpened(case(body)),
        CaseNamed((("rma", words),)),
        OrderRead(order_reading()),
        ReturnRead(return_reading(texts=texts)),
        ReturnAuthorised("agent", NOW),
        ReturnDeclined("agent"),
        ReturnCancelled("buyer"),
        ReturnClosed("channel"),
        ReturnReopened("late_parcel"),
        DecisionTaken("close", "agent", "shopify@1:close.reasons", "returned"),
        ParcelReceived(receipt(texts=texts), ((SHIRTS, 1, Condition.NEW),), (("HAT", 2, Condition.UNKNOWN),), NOW),
        UnitsResolved(Resolution.ACCEPT, ((SHIRTS, 1),), "agent", "rule", "checked", ((SHIRTS, -5),)),
        LinesRemoved(((SHIRTS, 1),)),
        ParcelIdentified("case-1", "agent"),
        IntentAdmitted(intent(text=words)),
        IntentMoved("intent-1", IntentVerb.SETTLE, "channel", "", "refund-1"),
        RefundSettled("intent-1", "refund-1", 3000, "EUR", ((SHIRTS, 1),)),
        ForeignRefundSeen("refund-2", 100, "EUR"),
        DisputesOverridden(("dispute-1",), "approver", "goods_are_back"),
        DeficitFound(100, "EUR"),
        DifferenceFound("EUR", (Entry(DifferenceKind.MISSING, "refund-1", "intent-1", 3000, 0, (("card", 3000, 0),)),)),
        DifferenceClosed("rule", "equal"),
        DeadlineArmed("decide_request", NOW),
        DeadlineMoved("decide_request", NOW),
        DeadlineMet("decide_request", NOW),
        DeadlineWarned("decide_request", NOW, 1),
        DeadlineEscalated("decide_request", NOW, 2),
        DeadlineBreached("decide_request", NOW, 0, late=True),
        DeadlineWaived("decide_request", "agent", "goodwill"),
        CaseMarked("deficit"),
        CaseUnmarked("deficit"),
        TaskOpened("exchange", ((SHIRTS, 1),)),
    ]


def test_the_examples_hold_one_of_each_event() -> None:
    assert {type(event) for event in every()} == set(typing.get_args(events.Event))


@pytest.mark.proves("F077")
@pytest.mark.parametrize("event", every(), ids=name)
def test_the_facts_of_an_event_survive_json(event: Event) -> None:
    assert json.loads(json.dumps(facts(event))) == facts(event)
    assert name(event) == type(event).__name__


@given(st.text(alphabet="äöüß ", min_size=4))
def test_no_words_of_a_person_are_among_the_facts(words: str) -> None:
    told = json.dumps([facts(event) for event in every(words)], ensure_ascii=False)

    assert words not in told


@given(st.text(alphabet="äöüß ", min_size=4))
def test_a_comment_reaches_the_channel_and_no_event(words: str) -> None:
    order_of = command(CommandName.CLOSE_RETURN, reason="expired", comment=f"{words}.")

    done = decide(authorised(), order_of, policy())

    assert [each.text for each in done.intents.values()] == [f"{words}."]
    assert words not in json.dumps([facts(event) for event in done.events], ensure_ascii=False)


@pytest.mark.parametrize("key", ["reason", "reference"])
def test_what_goes_into_events_is_a_code_and_not_a_sentence(key: str) -> None:
    raw = {"command": "CloseReturn", "case": "c", "version": 1, key: "she was rude on the phone"}

    with pytest.raises(Rejected) as refusal:
        parse_command(raw, AGENT)
    assert refusal.value.field == key


def test_the_facts_of_a_refund_carry_what_a_listener_needs() -> None:
    assert facts(IntentAdmitted(intent())) == {
        "intent": intent().id,
        "act": "refund",
        "state": "READY",
        "minor": 3000,
        "currency": "EUR",
        "units": {SHIRTS: 1},
        "reason": "SIZE_TOO_SMALL",
        "rule": "law@1:eu_withdrawal",
        "by": "agent",
        "why": "",
    }


def test_an_event_that_only_tells_changes_nothing() -> None:
    drafted = authorised()

    for event in (RefundSettled("i", "r", 1, "EUR", ()), DeficitFound(1, "EUR"), TaskOpened("repair", ())):
        assert evolve(drafted, event) == drafted


def test_a_return_is_not_identified_like_a_parcel() -> None:
    with pytest.raises(TypeError, match="not a parcel"):
        evolve(authorised(), ParcelIdentified("case-1", "agent"))


def test_an_event_with_something_structured_in_it_is_refused_rather_than_told() -> None:
    with pytest.raises(TypeError, match="no place"):
        facts(replace(CaseMarked("x"), mark={"words": "x"}))  # type: ignore[arg-type]
