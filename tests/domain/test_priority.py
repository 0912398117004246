"""A case's risk, objective and queue follow from its channel and its kind alone."""

from __future__ import annotations

import pytest

from quittance.domain.priority import CaseKind, Objective, Risk, standing


@pytest.mark.proves("F006", "F007")
@pytest.mark.parametrize(
    "channel, kind, risk, objective, rank",
    [
        ("amazon", CaseKind.RETURN, Risk.COMPLIANCE, Objective.COMPLY, 1),
        ("amazon", CaseKind.CLAIM, Risk.COMPLIANCE, Objective.COMPLY, 0),
        ("amazon", CaseKind.CANCELLATION, Risk.COMPLIANCE, Objective.COMPLY, 0),
        ("amazon", CaseKind.CONVERSATION, Risk.COMPLIANCE, Objective.COMPLY, 1),
        ("bol", CaseKind.CLAIM, Risk.COMPLIANCE, Objective.COMPLY, 0),
        ("instagram", CaseKind.CONVERSATION, Risk.REPUTATION, Objective.RETAIN, 1),
        ("shopify", CaseKind.RETURN, Risk.LOYALTY, Objective.RETAIN, 2),
        ("shopify", CaseKind.CLAIM, Risk.LOYALTY, Objective.RETAIN, 2),
        ("warehouse", CaseKind.PARCEL, Risk.LOYALTY, Objective.RETAIN, 2),
        ("a-shop-of-tomorrow", CaseKind.RETURN, Risk.LOYALTY, Objective.RETAIN, 2),
    ],
)
def test_channel_and_kind_decide_what_is_at_stake(
    channel: str, kind: CaseKind, risk: Risk, objective: Objective, rank: int
) -> None:
    found = standing(channel, kind)

    assert (found.risk, found.objective, found.rank) == (risk, objective, rank)
    assert found.queue == f"{channel}-{kind.value}"


@pytest.mark.parametrize("kind", CaseKind)
def test_a_channel_that_punishes_comes_before_the_shop(kind: CaseKind) -> None:
    assert standing("amazon", kind).rank < standing("shopify", kind).rank
