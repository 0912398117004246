"""Policies are read as they were published, and no oftener than they can change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from quittance.application.commit import Value, Write
from quittance.application.compile_policy import canonical, fingerprint
from quittance.application.ports import NoPolicy, Place
from quittance.domain.bounds import Bounds, Owner, Velocity
from quittance.domain.errors import Unavailable
from quittance.domain.intent import Act
from quittance.domain.policy import Versions
from quittance.storage import keys
from quittance.storage.engine import Engine
from quittance.storage.policies import PublishedPolicies
from tests.policies.documents import SHOP, compiled, documents
from tests.storage.samples import NOW


class Machine:
    """The machine's time, which a test moves."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> Any:
        return self.time


def publish(engine: Engine, found: Mapping[str, Mapping[str, Any]], sha: str | None = None) -> None:
    for name, document in found.items():
        content: dict[str, Value] = {"v": 1, "sha256": sha or fingerprint(document), "json": canonical(document)}
        engine.transact([Write(keys.policy(name, document["version"]), content, ())])
        engine.transact([Write(keys.current_policy(name), {"v": 1, "version": document["version"]}, ())])


def test_what_is_published_is_what_is_in_force(engine: Engine) -> None:
    publish(engine, documents())
    policies = PublishedPolicies(engine, Machine().now)

    assert policies.current("shopify", SHOP) == compiled(documents())


def test_a_case_keeps_the_version_under_which_it_was_opened(engine: Engine) -> None:
    old, new = documents(), documents()
    new["shopify"] |= {"version": 2, "returns": new["shopify"]["returns"] | {"window_days": 99}}
    publish(engine, old)
    publish(engine, new)
    policies = PublishedPolicies(engine, Machine().now)

    assert policies.current("shopify", SHOP).terms.window_days == 99
    assert policies.at(Versions(1, 1, 1), "shopify", SHOP) == compiled(old)


def test_a_new_version_is_in_force_after_a_minute(engine: Engine) -> None:
    machine = Machine()
    publish(engine, documents())
    policies = PublishedPolicies(engine, machine.now)
    policies.current("shopify", SHOP)
    publish(engine, {"shopify": documents()["shopify"] | {"version": 2}})

    machine.time += timedelta(seconds=59)
    assert policies.current("shopify", SHOP).versions.channel == 1
    machine.time += timedelta(seconds=1)
    assert policies.current("shopify", SHOP).versions.channel == 2


def test_nothing_published_is_no_policy(engine: Engine) -> None:
    policies = PublishedPolicies(engine, Machine().now)

    with pytest.raises(NoPolicy, match="law"):
        policies.current("shopify", SHOP)
    with pytest.raises(NoPolicy, match="accounts"):
        policies.account_of("shopify", SHOP)


def test_a_store_that_no_file_lists_has_no_policy_and_no_account(engine: Engine) -> None:
    publish(engine, documents())
    policies = PublishedPolicies(engine, Machine().now)

    with pytest.raises(NoPolicy, match="UNKNOWN_STORE"):
        policies.current("shopify", "another")
    with pytest.raises(NoPolicy, match="version 7 of shopify"):
        policies.at(Versions(1, 1, 7), "shopify", SHOP)
    assert policies.account_of("shopify", "another") is None
    assert policies.shop_of("another") is None


def test_a_store_leads_to_its_account_and_channel(engine: Engine) -> None:
    publish(engine, documents())
    policies = PublishedPolicies(engine, Machine().now)

    assert policies.account_of("shopify", SHOP) == SHOP
    assert policies.shop_of(SHOP) == Place("shopify", SHOP, SHOP)


def test_a_document_that_is_not_what_was_published_is_never_used(engine: Engine) -> None:
    publish(engine, documents(), sha=fingerprint({"other": json.dumps("document")}))

    with pytest.raises(Unavailable, match="not what was published"):
        PublishedPolicies(engine, Machine().now).current("shopify", SHOP)


def test_a_case_keeps_its_terms_and_follows_the_bounds_that_are_set_now(engine: Engine) -> None:
    old, new = documents(), documents()
    bounded = {"account": SHOP, "daily_budget": {"EUR": "2000.00"}, "velocity": {"refunds": 5, "days": 30}}
    stores = [{**store, "owners": {"refund": "other"}} for store in old["accounts"]["store"]]
    new["accounts"] |= {"version": 2, "account": [bounded], "store": stores}
    publish(engine, old)
    publish(engine, new)
    policies = PublishedPolicies(engine, Machine().now)

    found = policies.at(Versions(1, 1, 1), "shopify", SHOP)

    assert found.versions == Versions(1, 1, 1)
    assert found.bounds == Bounds({"EUR": 200_000}, Velocity(5, 30), {Act.REFUND: Owner.OTHER})
    assert policies.counts_customers(SHOP)
    assert not policies.counts_customers("another")


def test_a_store_that_was_struck_off_keeps_the_bounds_it_had(engine: Engine) -> None:
    old, new = documents(), documents()
    old["accounts"]["account"] = [{"account": SHOP, "daily_budget": {"EUR": "5.00"}}]
    others = [{**store, "store": "another"} for store in old["accounts"]["store"]]
    new["accounts"] |= {"version": 2, "store": others}
    publish(engine, old)
    publish(engine, new)

    assert PublishedPolicies(engine, Machine().now).at(Versions(1, 1, 1), "shopify", SHOP).bounds.daily == {"EUR": 500}
