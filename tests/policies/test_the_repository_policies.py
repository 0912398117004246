"""The policy files of the repository are publishable, compile for every store, and hold what the domain cites."""

from __future__ import annotations

import ast
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

import quittance.domain
from quittance.application.check_policy import check
from quittance.application.compile_policy import stores_of
from quittance.application.policy_schema import ARMED
from tests.policies.documents import SHOP, compiled, documents, policy_of, with_amazon

DOMAIN = Path(quittance.domain.__file__).parent
# Verbs that every channel's terms leave to a person; they have no term to point to.
WITHOUT_A_TERM = {"returns.remove", "returns.cancel"}


def test_every_file_passes_the_check() -> None:
    assert check(documents()) == ()


def test_an_amazon_marketplace_may_be_listed_without_touching_another_file() -> None:
    assert check(with_amazon(documents())) == ()


def test_every_listed_store_compiles() -> None:
    found = documents()

    policies = {store.store: compiled(found, store.channel, store.store) for store in stores_of(found["accounts"])}

    assert SHOP in policies
    assert all(policy.withdrawals and policy.terms.deadlines for policy in policies.values())


@pytest.mark.proves("F002", "F003")
def test_amazon_is_locked_and_the_shop_is_not() -> None:
    assert policy_of("amazon").terms.locked is True
    assert policy_of("shopify").terms.locked is False


@pytest.mark.proves("F078")
def test_every_rule_says_where_it_holds_and_where_it_comes_from() -> None:
    found = documents()
    rows = [row for document in found.values() for row in document.get("deadline", [])] + found["law"]["withdrawal"]

    assert rows
    assert all(row["countries"] and row["source"] for row in rows)


def test_the_law_covers_the_union_the_economic_area_and_the_united_kingdom_once_each() -> None:
    eu, uk = documents()["law"]["withdrawal"]
    members = set("AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE".split())

    assert len(members) == 27
    assert members | {"IS", "LI", "NO"} <= set(eu["countries"])
    assert uk["countries"] == ["GB"]


def test_what_a_decision_cites_stands_in_the_channel_file() -> None:
    shop = documents()["shopify"]
    cited = {key for path in DOMAIN.glob("*.py") for key in _rules_cited(path)}

    assert {"returns.window_days", "decline.reasons", "close.reasons"} <= cited
    assert {key for key in cited - WITHOUT_A_TERM if not _stands(shop, key)} == set()


def test_the_kinds_that_a_return_arms_are_those_that_the_schema_says_it_arms() -> None:
    armed = {
        node.value
        for node in ast.walk(ast.parse((DOMAIN / "obligations.py").read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert set(ARMED) <= armed
    assert {row["kind"] for row in documents()["shopify"]["deadline"]} == set(ARMED)


@pytest.mark.proves("F020")
def test_the_reasons_without_a_fee_are_handles_that_shopify_has_shown(reference: Path) -> None:
    recorded = [
        gzip.decompress(path.read_bytes()).decode() for path in reference.glob("shopify/recorded_responses/*.gz")
    ]
    handles = {handle for text in recorded for handle in re.findall(r'"handle": *"([^"]+)"', text)}

    assert handles
    assert set(documents()["shopify"]["refund"]["fee_free_reasons"]) <= handles


def test_toml_and_json_carry_the_same_document() -> None:
    found = documents()

    assert json.loads(json.dumps(found)) == found


def _rules_cited(path: Path) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    texts = [
        call.args[0].value
        for call in calls
        if ast.unparse(call.func) == "policy.rule" and isinstance(call.args[0], ast.Constant)
    ]
    return {text for text in texts if isinstance(text, str)}


def _stands(document: dict[str, Any], key: str) -> bool:
    here: Any = document
    for part in key.split("."):
        if part not in here:
            return False
        here = here[part]
    return True
