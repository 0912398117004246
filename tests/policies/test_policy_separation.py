"""A policy decides the cases of its own channel and no others; only a negotiable one may be departed from."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain import decide_command, decide_return
from quittance.domain.account import Mode
from quittance.domain.command import Authority, CommandName
from quittance.domain.errors import IllegalTransition, Rejected
from quittance.domain.events import DecisionTaken
from quittance.domain.observations import ChannelStatus
from quittance.domain.return_request import ReturnLine
from tests.policies.cases import AGENT, APPROVER, NOW, order_of, requested
from tests.policies.documents import policy_of
from tests.support import builders as b

LONG_AGO = NOW - timedelta(days=400)
CHANNELS = ("amazon", "shopify")


@pytest.mark.proves("F029", "F030")
@given(
    ours=st.sampled_from(CHANNELS),
    theirs=st.sampled_from([*CHANNELS, "bol", "Shopify", ""]),
    status=st.sampled_from(ChannelStatus),
    country=st.sampled_from(["FR", "GB", "US", ""]),
)
def test_no_case_is_ever_followed_up_by_the_policy_of_another_channel(
    ours: str, theirs: str, status: ChannelStatus, country: str
) -> None:
    draft = requested(theirs, country=country, status=status)

    if ours == theirs:
        assert decide_return.follow_up(draft, policy_of(ours)).case.channel == ours
    else:
        with pytest.raises(Rejected, match="WRONG_CHANNEL"):
            decide_return.follow_up(draft, policy_of(ours))


@pytest.mark.proves("F029", "F030")
@pytest.mark.parametrize("ours, theirs", [("amazon", "shopify"), ("shopify", "amazon")])
def test_no_parcel_is_ever_judged_by_the_policy_of_another_channel(ours: str, theirs: str) -> None:
    draft = requested(theirs, status=ChannelStatus.OPEN)

    with pytest.raises(Rejected, match="WRONG_CHANNEL"):
        decide_return.receive(draft, b.receipt(), policy_of(ours))


@pytest.mark.proves("F029", "F030")
@given(
    ours=st.sampled_from(CHANNELS),
    theirs=st.sampled_from([*CHANNELS, "bol", ""]),
    name=st.sampled_from(CommandName),
)
def test_no_command_is_ever_decided_by_the_policy_of_another_channel(ours: str, theirs: str, name: CommandName) -> None:
    draft = requested(theirs)

    try:
        decide_command.decide(draft, order_of(name, draft), policy_of(ours))
        code = "decided"
    except Rejected as refused:
        code = refused.code

    assert (code == "WRONG_CHANNEL") is (ours != theirs)


@pytest.mark.proves("F002")
@pytest.mark.parametrize("name", [CommandName.AUTHORISE_RETURN, CommandName.DECLINE_RETURN])
def test_amazons_terms_cannot_be_overridden_by_anybody(name: CommandName) -> None:
    draft = requested("amazon", delivered_at=LONG_AGO)
    command = order_of(name, draft, override=True, reason="OTHER")

    with pytest.raises(Rejected, match="POLICY_LOCKED"):
        decide_command.decide(draft, command, policy_of("amazon"))


@pytest.mark.proves("F003")
def test_the_shops_terms_are_overridden_by_an_approver_with_a_reason() -> None:
    draft = requested("shopify", delivered_at=LONG_AGO)
    command = order_of(CommandName.AUTHORISE_RETURN, draft, override=True, reason="a good customer")

    decided = decide_command.decide(draft, command, policy_of("shopify"))

    taken = [event for event in decided.events if isinstance(event, DecisionTaken)]
    assert taken == [
        DecisionTaken("authorise", APPROVER.alias, "shopify@1:returns.window_days", "a good customer", overridden=True)
    ]


@pytest.mark.proves("F003")
def test_an_override_without_a_reason_is_refused() -> None:
    draft = requested("shopify", delivered_at=LONG_AGO)

    with pytest.raises(Rejected, match="OVERRIDE_UNNAMED"):
        decide_command.decide(draft, order_of(CommandName.AUTHORISE_RETURN, draft, override=True), policy_of("shopify"))


@pytest.mark.proves("F003")
def test_an_override_without_an_approver_is_refused() -> None:
    assert AGENT.authority is Authority.AGENT
    draft = requested("shopify", delivered_at=LONG_AGO)
    command = order_of(CommandName.AUTHORISE_RETURN, draft, AGENT, override=True, reason="a good customer")

    with pytest.raises(Rejected, match="NOT_ALLOWED"):
        decide_command.decide(draft, command, policy_of("shopify"))


@pytest.mark.proves("F022")
def test_a_request_outside_the_window_needs_an_override() -> None:
    draft = requested("shopify", delivered_at=LONG_AGO)

    with pytest.raises(Rejected, match=r"OUTSIDE_WINDOW: override: shopify@1:returns\.window_days has passed"):
        decide_command.decide(draft, order_of(CommandName.AUTHORISE_RETURN, draft), policy_of("shopify"))


@pytest.mark.proves("F022")
def test_the_same_request_under_the_same_policy_is_decided_the_same() -> None:
    draft = requested("shopify", delivered_at=NOW - timedelta(days=3))
    command = order_of(CommandName.AUTHORISE_RETURN, draft)

    first = decide_command.decide(draft, command, policy_of("shopify"))
    again = decide_command.decide(draft, command, policy_of("shopify"))

    assert first == again
    assert [e.rule for e in first.events if isinstance(e, DecisionTaken)] == ["shopify@1:returns.window_days"]


@pytest.mark.proves("F064")
@pytest.mark.parametrize("reason", ["", "TOO_EXPENSIVE", "final_sale"])
def test_a_request_is_declined_for_a_listed_reason_only(reason: str) -> None:
    draft = requested("shopify", delivered_at=LONG_AGO)

    with pytest.raises(Rejected, match=r"REASON_NOT_LISTED: reason: shopify@1:decline\.reasons allows FINAL_SALE"):
        decide_command.decide(draft, order_of(CommandName.DECLINE_RETURN, draft, reason=reason), policy_of("shopify"))


@pytest.mark.parametrize("country", ["FR", "NO", "GB", "RE", ""])
def test_a_withdrawal_by_law_cannot_be_declined(country: str) -> None:
    draft = requested("shopify", country=country, delivered_at=NOW - timedelta(days=10))

    with pytest.raises(Rejected, match="BELOW_LAW"):
        decide_command.decide(
            draft, order_of(CommandName.DECLINE_RETURN, draft, reason="FINAL_SALE"), policy_of("shopify")
        )


@pytest.mark.proves("F065", "F066")
@pytest.mark.parametrize(
    "reason, comment, code",
    [("", "thank you", "REASON_NOT_LISTED"), ("BECAUSE", "thank you", "REASON_NOT_LISTED"), ("OTHER", " ", "MISSING")],
)
def test_closing_needs_a_listed_reason_and_a_comment_for_the_buyer(reason: str, comment: str, code: str) -> None:
    draft = requested("shopify", status=ChannelStatus.OPEN, authorised_at=NOW)
    command = order_of(CommandName.CLOSE_RETURN, draft, reason=reason, comment=comment)

    with pytest.raises(Rejected) as refused:
        decide_command.decide(draft, command, policy_of("shopify"))

    assert refused.value.code == code


@pytest.mark.proves("F141")
@pytest.mark.parametrize("name", [CommandName.EXCHANGE_LINES, CommandName.REPAIR_LINES])
def test_what_a_channel_does_not_offer_cannot_be_decided(name: CommandName) -> None:
    came = ReturnLine("order-line-1", "LAMP", 1, authorised=1, received=1)
    draft = requested("amazon", status=ChannelStatus.OPEN, received_at=NOW, lines={"line-1": came})

    with pytest.raises(Rejected, match="NOT_OFFERED"):
        decide_command.decide(draft, order_of(name, draft, reason="asked"), policy_of("amazon"))


@pytest.mark.proves("F005", "F134")
def test_by_default_a_person_decides_a_request() -> None:
    draft = decide_return.follow_up(requested(delivered_at=NOW), policy_of("shopify"))

    assert draft.control.mode is Mode.LIVE
    assert draft.intents == {}
    assert "decide_request" in draft.case.deadlines


@pytest.mark.proves("F002")
def test_amazons_deadlines_cannot_be_waived() -> None:
    draft = decide_return.follow_up(requested("amazon", delivered_at=NOW), policy_of("amazon"))
    command = order_of(CommandName.WAIVE_DEADLINE, draft, target="decide_request", reason="later")

    with pytest.raises(Rejected, match="POLICY_LOCKED"):
        decide_command.decide(draft, command, policy_of("amazon"))


def test_a_state_that_allows_no_verb_says_so() -> None:
    draft = requested("shopify", status=ChannelStatus.DECLINED)

    with pytest.raises(IllegalTransition):
        decide_command.decide(draft, order_of(CommandName.CLOSE_RETURN, draft), policy_of("shopify"))
