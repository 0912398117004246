"""The restocking fee: whole minor units, never above the item, none in a withdrawal by law or at the seller's fault."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quittance.domain import refund
from quittance.domain.errors import Rejected
from quittance.domain.policy import Policy
from tests.policies.cases import accepted
from tests.policies.documents import compiled, documents

PERCENT = st.integers(0, 100)


def shop_with_fee(percent: int) -> Policy:
    found = documents()
    found["shopify"]["refund"]["fee_percent"] = percent
    return compiled(found)


@pytest.mark.proves("F020")
@given(percent=PERCENT, units=st.integers(1, 7), total=st.integers(1, 1_000_000))
@example(percent=99, units=1, total=1)
@example(percent=50, units=1, total=1)
@example(percent=15, units=3, total=1_000)
def test_the_fee_is_whole_minor_units_and_never_above_the_item(percent: int, units: int, total: int) -> None:
    draft = accepted(units, total)
    rounded = (total * percent + 50) // 100

    if rounded == total:
        # A fee that eats the item whole leaves nothing to pay; a person closes the return instead.
        with pytest.raises(Rejected, match="ZERO_REFUND"):
            refund.quote(draft, shop_with_fee(percent))
        return
    quoted = refund.quote(draft, shop_with_fee(percent))

    assert quoted is not None
    assert quoted.components.fee == rounded
    assert 0 <= quoted.components.fee <= quoted.components.goods == total
    assert sum(quoted.payments.values()) == total - rounded


@pytest.mark.proves("F020")
@pytest.mark.parametrize("reason", ["damaged-or-defective", "item-not-as-described", "received-the-wrong-item"])
def test_nothing_is_taken_where_the_seller_is_at_fault(reason: str) -> None:
    quoted = refund.quote(accepted(1, 3_000, reason=reason), shop_with_fee(20))

    assert quoted is not None
    assert (quoted.components.fee, quoted.components.total) == (0, 3_000)


@pytest.mark.proves("F020")
@given(percent=PERCENT, country=st.sampled_from(["FR", "IS", "GB", "YT", ""]))
def test_nothing_is_taken_in_a_withdrawal_by_law(percent: int, country: str) -> None:
    quoted = refund.quote(accepted(1, 3_000, country=country), shop_with_fee(percent))

    assert quoted is not None
    assert (quoted.components.fee, quoted.components.total) == (0, 3_000)
    assert quoted.rule.startswith("law@1:")


@pytest.mark.proves("F020")
def test_fifteen_percent_of_ten_euros_are_one_euro_fifty() -> None:
    quoted = refund.quote(accepted(1, 1_000), shop_with_fee(15))

    assert quoted is not None
    assert (quoted.components.fee, quoted.payments) == (150, {"payment-1": 850})
    assert quoted.rule == "shopify@1:refund"
