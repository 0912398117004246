"""Documents become the policy of one store: layers, versions, sources, store terms and the country's deadlines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.application.compile_policy import (
    account_of,
    canonical,
    compile_policy,
    fingerprint,
    store_named,
    stores_of,
)
from quittance.domain.errors import Rejected
from quittance.domain.money import Money
from quittance.domain.policy import Gate, RefundWhen, Versions
from tests.policies.cases import NOW
from tests.policies.documents import SHOP, compiled, documents, with_amazon


def test_a_policy_carries_the_version_of_each_layer_and_names_its_rules_by_it() -> None:
    found = documents()
    found["law"]["version"], found["accounts"]["version"], found["shopify"]["version"] = 4, 5, 6

    policy = compiled(found)

    assert policy.versions == Versions(law=4, accounts=5, channel=6)
    assert policy.rule("returns.window_days") == "shopify@6:returns.window_days"
    assert policy.law_rule(policy.withdrawals[0]) == "law@4:eu.withdrawal"
    assert {rule.rule for rule in policy.terms.deadlines} >= {"shopify@6:deadline.decide_request"}


def test_the_shop_of_the_repository_compiles_to_its_terms() -> None:
    terms = compiled(documents()).terms

    assert (terms.channel, terms.currency, terms.time_zone, terms.window_days) == ("shopify", "EUR", "Europe/Paris", 30)
    assert terms.refund_alone_up_to == Money(25_000, "EUR")
    assert (terms.refund_when, terms.refund_gate) == (RefundWhen.EACH_PARCEL, Gate.RECEIVED)
    assert terms.decline_reasons == {"FINAL_SALE", "OTHER", "RETURN_PERIOD_ENDED"}
    assert terms.resolutions == {"accept", "reject", "keep", "exchange", "repair"}


@pytest.mark.proves("F019")
def test_a_store_departs_from_its_channel_key_by_key() -> None:
    found = documents()
    found["shopify"]["store"] = {SHOP: {"returns": {"window_days": 60}, "refund": {"alone_up_to": {"GBP": "9.00"}}}}

    terms = compiled(found).terms

    assert terms.window_days == 60
    assert terms.refund_alone_up_to == Money(25_000, "EUR")


def test_a_store_replaces_a_deadline_whole_and_leaves_the_others() -> None:
    found = documents()
    row = {**found["shopify"]["deadline"][0], "hours": 24, "ahead_hours": 4, "warn_minutes": []}
    found["shopify"]["store"] = {SHOP: {"deadline": [row]}}

    own, common = compiled(found), compiled(documents())

    rule = own.deadline("decide_request")
    assert rule is not None
    assert rule.wanted(NOW).legal == NOW + timedelta(hours=24)
    assert rule.wanted(NOW).working == NOW + timedelta(hours=20)
    assert own.deadline("refund_received") == common.deadline("refund_received")
    assert len(own.terms.deadlines) == len(common.terms.deadlines)


@pytest.mark.proves("F078")
@pytest.mark.parametrize("country, hours", [("US", 96), ("FR", 48)])
def test_the_deadline_of_the_country_of_sale_goes_before_the_one_for_all(country: str, hours: int) -> None:
    policy = compiled(with_amazon(documents(), country=country), "amazon", "amazon-1")

    rule = policy.deadline("refund_received")

    assert rule is not None
    assert rule.hours == hours
    assert policy.sources["deadline.refund_received"] == rule.source


@pytest.mark.proves("F078")
@pytest.mark.parametrize("is_first", [True, False])
def test_the_order_of_rows_decides_nothing(is_first: bool) -> None:
    found = with_amazon(documents(), country="US")
    if is_first:
        found["amazon"]["deadline"].reverse()

    rule = compiled(found, "amazon", "amazon-1").deadline("answer_claim")

    assert rule is not None
    assert rule.hours == 72


def test_a_store_nobody_listed_has_no_policy() -> None:
    with pytest.raises(Rejected, match="UNKNOWN_STORE: store: list boutique at shopify"):
        compiled(documents(), store="boutique")


@pytest.mark.proves("F029", "F030")
def test_a_store_of_one_channel_has_no_policy_from_another() -> None:
    found = with_amazon(documents())

    for channel, store in (("shopify", "amazon-1"), ("amazon", SHOP)):
        with pytest.raises(Rejected, match="UNKNOWN_STORE"):
            compiled(found, channel, store)


def test_documents_in_each_others_place_are_refused() -> None:
    found = documents()

    with pytest.raises(Rejected, match="WRONG_POLICY: law"):
        compile_policy(found["accounts"], found["accounts"], found["shopify"], SHOP)
    with pytest.raises(Rejected, match="WRONG_POLICY: accounts"):
        compile_policy(found["law"], found["law"], found["shopify"], SHOP)


def test_stores_and_accounts_are_looked_up_by_channel_and_name() -> None:
    accounts = with_amazon(documents())["accounts"]

    assert [store.store for store in stores_of(accounts)] == [SHOP, "amazon-1"]
    assert [store.store for store in stores_of(accounts, "amazon")] == ["amazon-1"]
    assert account_of(accounts, "amazon", "amazon-1") == "seller-1"
    assert account_of(accounts, "shopify", "amazon-1") is None
    named = store_named(accounts, SHOP)
    assert named is not None
    assert (named.channel, named.account, named.locale) == ("shopify", SHOP, "fr-FR")
    assert store_named(accounts, "boutique") is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), _JSON, min_size=1))
def test_equal_documents_have_one_canonical_text_whatever_the_order_of_their_keys(document: dict[str, Any]) -> None:
    turned = dict(reversed(document.items()))

    assert canonical(turned) == canonical(document)
    assert fingerprint(turned) == fingerprint(document)


def test_another_document_has_another_fingerprint() -> None:
    found, other = documents()["shopify"], documents()["shopify"]
    other["returns"]["window_days"] = 31

    assert fingerprint(found) != fingerprint(other)
