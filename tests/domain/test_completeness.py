"""Every refund that was executed carries all that an audit asks for, and what would be missing is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quittance.application.ports import SendOutcome
from quittance.application.show_case import show_case
from quittance.domain.command import CommandName
from quittance.domain.completeness import is_executed, missing
from quittance.domain.intent import Act, Components, Intent, IntentLine, IntentState
from quittance.domain.money import Money
from quittance.domain.observations import Condition
from quittance.domain.values import replace
from tests.support import builders as b
from tests.support.shop import Shop
from tests.support.workbench import Workbench

S = IntentState
N = CommandName


def settled(**changes: Any) -> Intent:
    return b.intent(S.SETTLED, **({"reference": "R1"} | changes))


@pytest.mark.proves("F101")
def test_a_complete_refund_misses_nothing() -> None:
    assert missing(settled()) == ()
    assert missing(settled(approved_by="approver")) == ()
    assert missing(replace(settled(), state=S.REVERSED)) == ()


@pytest.mark.proves("F101")
@pytest.mark.parametrize(
    "lacking, changes",
    [
        (("reason",), {"reason": ""}),
        (("rule",), {"rule": ""}),
        (("lines",), {"lines": ()}),
        (("lines",), {"lines": (IntentLine(b.SHIRTS, b.SHIRT, 1, 2999),)}),
        (("quantities",), {"lines": (IntentLine(b.SHIRTS, b.SHIRT, 0, 3000),)}),
        (("payments",), {"payments": {b.CARD: 2999}}),
        (("lines", "payments"), {"components": Components()}),
        (("requested_by", "approved_by"), {"requested_by": ""}),
        (("approved_by",), {"approved_by": "agent"}),
        (("reference",), {"reference": ""}),
    ],
)
def test_what_an_executed_refund_lacks_is_named(lacking: tuple[str, ...], changes: dict[str, Any]) -> None:
    assert missing(settled(**changes)) == lacking


@pytest.mark.parametrize("state", sorted(set(S) - {S.SETTLED, S.REVERSED}))
def test_only_what_was_executed_is_asked(state: IntentState) -> None:
    assert not is_executed(b.intent(state))
    assert missing(b.intent(state, reason="", rule="")) == ()
    assert missing(b.intent(S.SETTLED, Act.CLOSE_RETURN, reason="")) == ()


class Till(Shop):
    """A shop that keeps every refund that left, as it was sent."""

    sent: list[Intent]

    def send(self, _account: str, intent: Intent, _body: bytes, _timeout: Any) -> SendOutcome:
        if intent.act is Act.REFUND:
            self.sent.append(intent)
        return super().send(_account, intent, _body, _timeout)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("parcel"), st.sampled_from(["SHIRT-M", "CAP-1"]), st.sampled_from(list(Condition))),
        st.tuples(st.just("accept"), st.sampled_from([b.SHIRTS, b.CAPS]), st.integers(0, 3100)),
        st.tuples(st.just("keep"), st.sampled_from([b.SHIRTS, b.CAPS]), st.integers(0, 3100)),
        st.tuples(st.just("approve"), st.just(""), st.just(0)),
        st.tuples(st.just("send"), st.just(""), st.just(0)),
    ),
    max_size=10,
)


@pytest.mark.proves("F100", "F101")
@settings(max_examples=80, deadline=None)
@given(steps=STEPS, alone=st.sampled_from([0, 2500, 1_000_000]))
def test_no_refund_leaves_without_reason_and_quantities_and_none_is_executed_incomplete(
    steps: list[tuple[str, str, Any]], alone: int
) -> None:
    till = Till()
    till.sent = []
    bench = Workbench(shop=till, refund_alone_up_to=Money(alone, "EUR")).authorised()
    for number, (step, what, how) in enumerate([*steps, ("approve", "", 0), ("send", "", 0)]):
        match step:
            case "parcel":
                bench.receive(b.receipt(f"parcel-{number}", b.units(what, condition=how)))
            case "accept" | "keep":
                name = N.ACCEPT_LINES if step == "accept" else N.KEEP_LINES
                bench.order(name, lines={what: 1}, amounts={what: how}, reason="checked")
            case "approve":
                for intent in bench.intents(Act.REFUND):
                    bench.order(N.APPROVE_INTENT, b.APPROVER, target=intent.id)
            case _:
                for intent in bench.intents(Act.REFUND):
                    bench.advance(intent)

    for intent in till.sent:
        assert intent.reason
        assert intent.lines
        assert all(line.quantity > 0 for line in intent.lines)
    executed = [intent for intent in bench.intents() if is_executed(intent)]
    assert [missing(intent) for intent in executed] == [()] * len(executed)
    shown = show_case(bench.ports, bench.case_id)["intents"]
    assert [line["missing"] for line in shown] == [[]] * len(shown)
