"""Each way in which a policy may be wrong is named by file, key and rule, before anything is published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from quittance.application.check_policy import Problem, check
from tests.policies.documents import SHOP, Documents, documents, with_amazon

Spoil = Callable[[Documents], object]


def found_in(spoil: Spoil) -> set[tuple[str, str, str]]:
    spoilt = documents()
    spoil(spoilt)
    return {(problem.file, problem.key, problem.rule) for problem in check(spoilt)}


def put(file: str, path: str, value: object) -> Spoil:
    """Write a value at a dotted path; a part that is a number is the place in a list."""

    def spoil(found: Documents) -> None:
        *way, last = path.split(".")
        here: Any = found[file]
        for part in way:
            here = here[int(part)] if part.isdigit() else here.setdefault(part, {})
        here[int(last) if last.isdigit() else last] = value

    return spoil


def cut(file: str, key: str) -> Spoil:
    return lambda found: found[file].pop(key)


SHAPE = [
    (put("shopify", "returns.windowdays", 30), "shopify", "returns.windowdays", "UNKNOWN_KEY"),
    (put("shopify", "discount", 1), "shopify", "discount", "UNKNOWN_KEY"),
    (cut("shopify", "refund"), "shopify", "refund", "MISSING_KEY"),
    (cut("law", "version"), "law", "version", "MISSING_KEY"),
    (put("shopify", "returns.window_days", "30"), "shopify", "returns.window_days", "WRONG_TYPE"),
    (put("shopify", "returns.window_days", True), "shopify", "returns.window_days", "WRONG_TYPE"),
    (put("shopify", "returns.window_days", 30.0), "shopify", "returns.window_days", "WRONG_TYPE"),
    (put("shopify", "locked", "no"), "shopify", "locked", "WRONG_TYPE"),
    (put("shopify", "refund", []), "shopify", "refund", "WRONG_TYPE"),
    (put("shopify", "close.reasons", "OTHER"), "shopify", "close.reasons", "WRONG_TYPE"),
    (put("shopify", "store", 1), "shopify", "store", "WRONG_TYPE"),
    (put("shopify", "returns.decided_by", 1), "shopify", "returns.decided_by", "WRONG_TYPE"),
    (put("shopify", "valid_from", 2026), "shopify", "valid_from", "WRONG_TYPE"),
    (put("shopify", "refund.alone_up_to", "5 EUR"), "shopify", "refund.alone_up_to", "WRONG_TYPE"),
    (put("shopify", "refund.alone_up_to.EUR", 5), "shopify", "refund.alone_up_to.EUR", "WRONG_TYPE"),
    (put("shopify", "source", 1), "shopify", "source", "WRONG_TYPE"),
    (put("accounts", "store.0.country", 33), "accounts", "store.0.country", "WRONG_TYPE"),
    (put("accounts", "store.0.currency", 978), "accounts", "store.0.currency", "WRONG_TYPE"),
    (put("accounts", "store.0.time_zone", 1), "accounts", "store.0.time_zone", "WRONG_TYPE"),
    (put("shopify", "schema", 2), "shopify", "schema", "BAD_VALUE"),
    (put("shopify", "version", 0), "shopify", "version", "BAD_VALUE"),
    (put("shopify", "source", "  "), "shopify", "source", "BAD_VALUE"),
    (put("shopify", "valid_from", "21.11.2026"), "shopify", "valid_from", "BAD_VALUE"),
    (put("shopify", "valid_from", "20261121"), "shopify", "valid_from", "BAD_VALUE"),
    (put("shopify", "returns.decided_by", "dice"), "shopify", "returns.decided_by", "BAD_VALUE"),
    (put("shopify", "refund.fee_percent", 101), "shopify", "refund.fee_percent", "BAD_VALUE"),
    (put("shopify", "refund.fee_percent", -1), "shopify", "refund.fee_percent", "BAD_VALUE"),
    (put("shopify", "close.reasons", []), "shopify", "close.reasons", "BAD_VALUE"),
    (put("shopify", "returns.resolutions", ["swap"]), "shopify", "returns.resolutions.0", "BAD_VALUE"),
    (put("shopify", "receipt.accept", ["new", "new"]), "shopify", "receipt.accept.1", "DUPLICATE"),
    (put("shopify", "refund.alone_up_to.EUR", "lots"), "shopify", "refund.alone_up_to.EUR", "BAD_AMOUNT"),
    (put("shopify", "refund.alone_up_to.EUR", "-1.00"), "shopify", "refund.alone_up_to.EUR", "BAD_AMOUNT"),
    (put("shopify", "refund.alone_up_to.EUR", "1.005"), "shopify", "refund.alone_up_to.EUR", "EXCESS_PRECISION"),
    (put("shopify", "refund.alone_up_to.EURO", "1.00"), "shopify", "refund.alone_up_to.EURO", "UNKNOWN_CURRENCY"),
    (put("accounts", "store.0.currency", "EUX"), "accounts", "store.0.currency", "UNKNOWN_CURRENCY"),
    (put("accounts", "store.0.time_zone", "Europe/Lutetia"), "accounts", "store.0.time_zone", "UNKNOWN_ZONE"),
    (put("accounts", "store.0.time_zone", "../etc/passwd"), "accounts", "store.0.time_zone", "UNKNOWN_ZONE"),
    (put("accounts", "store.0.time_zone", "Europe"), "accounts", "store.0.time_zone", "UNKNOWN_ZONE"),
    (put("accounts", "store.0.country", "UK"), "accounts", "store.0.country", "UNKNOWN_COUNTRY"),
    (put("accounts", "store.0.store", "Maison#1"), "accounts", "store.0.store", "BAD_VALUE"),
    (put("law", "withdrawal.0.countries", ["FR", "XX"]), "law", "withdrawal.0.countries.1", "UNKNOWN_COUNTRY"),
    (put("law", "withdrawal.0.starts", "ordered"), "law", "withdrawal.0.starts", "BAD_VALUE"),
    (put("shopify", "deadline.0.hours", 0), "shopify", "deadline.0.hours", "BAD_VALUE"),
    (put("shopify", "deadline.0.hours", -48), "shopify", "deadline.0.hours", "BAD_VALUE"),
    (put("shopify", "deadline.0.warn_minutes", [0]), "shopify", "deadline.0.warn_minutes.0", "BAD_VALUE"),
    (put("shopify", "deadline.0.lane", 3), "shopify", "deadline.0.lane", "BAD_VALUE"),
    (put("shopify", "deadline.0.countries", []), "shopify", "deadline.0.countries", "BAD_VALUE"),
    (put("shopify", "deadline.0.countries", ["*", "EU"]), "shopify", "deadline.0.countries.1", "UNKNOWN_COUNTRY"),
    (put("shopify", "name", "magasin"), "shopify", "name", "BAD_NAME"),
]  # fmt: skip


def bound(*rows: dict[str, Any]) -> Spoil:
    """Write rows of accounts; each is the shop's unless it names another."""
    return put("accounts", "account", [{"account": SHOP} | row for row in rows])


def budget(**amounts: object) -> dict[str, Any]:
    return {"daily_budget": amounts}


BOUNDS = [
    (bound({"budget": 1}), "account.0.budget", "UNKNOWN_KEY"),
    (put("accounts", "account", [{"velocity": {"refunds": 5, "days": 30}}]), "account.0.account", "MISSING_KEY"),
    (bound(budget(EUR=5)), "account.0.daily_budget.EUR", "WRONG_TYPE"),
    (bound(budget(EUR="-1.00")), "account.0.daily_budget.EUR", "BAD_AMOUNT"),
    (bound(budget(USD="9.00")), "account.0.daily_budget.EUR", "MISSING_AMOUNT"),
    (bound({"velocity": {"refunds": 5}}), "account.0.velocity.days", "MISSING_KEY"),
    (bound({"velocity": {"refunds": 0, "days": 1}}), "account.0.velocity.refunds", "BAD_VALUE"),
    (bound({"account": "nobody"}), "account.0.account", "UNKNOWN_ACCOUNT"),
    (bound({}, budget(EUR="1.00")), "account.account", "DUPLICATE"),
    (put("accounts", "store.0.owners", {"refund": "nobody"}), "store.0.owners.refund", "BAD_VALUE"),
    (put("accounts", "store.0.owners", {"pay": "other"}), "store.0.owners.pay", "UNKNOWN_KEY"),
]
FIRST = "deadline.decide_request"
MEANING = [
    (put("shopify", "deadline.0.starts", "received"), "shopify", f"{FIRST}.starts", "BAD_VALUE"),
    (put("shopify", "deadline.0.ahead_hours", 48), "shopify", f"{FIRST}.ahead_hours", "BAD_VALUE"),
    (put("shopify", "deadline.0.warn_minutes", [240, 1440]), "shopify", f"{FIRST}.warn_minutes", "BAD_WARN"),
    (put("shopify", "deadline.0.warn_minutes", [240, 240]), "shopify", "deadline.0.warn_minutes.1", "DUPLICATE"),
    (put("shopify", "deadline.0.warn_minutes", [2880]), "shopify", f"{FIRST}.warn_minutes", "BAD_WARN"),
    (put("shopify", "deadline.1.kind", "decide_request"), "shopify", f"{FIRST}.countries", "DUPLICATE"),
    (put("shopify", "receipt.reject", ["new"]), "shopify", "receipt.reject", "BAD_VALUE"),
    (put("shopify", "receipt.accept", ["unknown"]), "shopify", "receipt.accept", "BAD_VALUE"),
    (put("accounts", "store.0.currency", "JPY"), "shopify", "refund.alone_up_to.JPY", "MISSING_AMOUNT"),
    (put("accounts", "store.0.currency", "JPY"), "shopify", "returns.authorise_alone_up_to.JPY", "MISSING_AMOUNT"),
    (put("accounts", "store.0.channel", "etsy"), "accounts", "store.0.channel", "MISSING_FILE"),
    (put("shopify", "store.boutique.returns.window_days", 60), "shopify", "store.boutique", "UNKNOWN_STORE"),
    (cut("accounts", "store"), "accounts", "store", "MISSING_KEY"),
    (lambda found: found.pop("law"), "law", "", "MISSING_FILE"),
    (lambda found: found.pop("accounts"), "accounts", "", "MISSING_FILE"),
    (lambda found: found["law"]["withdrawal"][1]["countries"].append("FR"), "law", "withdrawal.countries", "DUPLICATE"),
    (put("law", "withdrawal.1.rule", "eu.withdrawal"), "law", "withdrawal.rule", "DUPLICATE"),
]  # fmt: skip
BELOW_LAW = [
    (put("shopify", "returns.window_days", 13), "returns.window_days"),
    (put("shopify", "returns.resolutions", ["exchange", "reject"]), "returns.resolutions"),
    (put("shopify", "refund.means", "store_credit"), "refund.means"),
    (put("shopify", "receipt.reject", ["used"]), "receipt.reject"),
    (put("shopify", "deadline.3.hours", 14 * 24 + 1), "deadline.refund_received.hours"),
    (put("shopify", "deadline.2.hours", 14 * 24 + 1), "deadline.decide_units.hours"),
    (put("shopify", "deadline.0.hours", 14 * 24 + 1), "deadline.decide_request.hours"),
    (put("law", "withdrawal.0.withhold_until", []), "refund.gate"),
    (put("shopify", f"store.{SHOP}.returns.window_days", 13), f"store.{SHOP}.returns.window_days"),
    (put("shopify", f"store.{SHOP}.refund.means", "store_credit"), f"store.{SHOP}.refund.means"),
]


@pytest.mark.parametrize("spoil, file, key, rule", SHAPE + MEANING)
def test_what_is_wrong_is_named_by_file_key_and_rule(spoil: Spoil, file: str, key: str, rule: str) -> None:
    assert (file, key, rule) in found_in(spoil)


@pytest.mark.parametrize("spoil, key", BELOW_LAW)
def test_terms_below_the_law_are_refused(spoil: Spoil, key: str) -> None:
    assert ("shopify", key, "BELOW_LAW") in found_in(spoil)


@pytest.mark.parametrize(
    "spoil",
    [
        put("shopify", "returns.window_days", 14),
        put("shopify", "deadline.3.hours", 14 * 24),
        put("shopify", "receipt.reject", ["wrong_item"]),
        put("shopify", "refund.gate", "authorised"),
        put("shopify", "refund.gate", "sent"),
        # The fee may be set, because the domain never takes it in a withdrawal by law.
        put("shopify", "refund.fee_percent", 15),
        put("shopify", f"store.{SHOP}.returns.window_days", 60),
        put("shopify", f"store.{SHOP}.refund.alone_up_to.EUR", "10.00"),
        put("shopify", "deadline", []),
    ],
)
def test_what_the_law_leaves_open_may_be_set(spoil: Spoil) -> None:
    assert found_in(spoil) == set()


@pytest.mark.proves("F002")
def test_a_locked_file_takes_no_terms_of_a_store() -> None:
    spoilt = with_amazon(documents())
    spoilt["amazon"]["store"] = {"amazon-1": {"returns": {"window_days": 60}}}

    assert [(p.file, p.key, p.rule) for p in check(spoilt)] == [("amazon", "store", "POLICY_LOCKED")]


@pytest.mark.proves("F002")
def test_a_merchant_cannot_unlock_a_marketplace() -> None:
    assert found_in(put("amazon", "locked", False)) == {("amazon", "locked", "POLICY_LOCKED")}


@pytest.mark.proves("F029", "F030")
def test_terms_for_a_store_of_another_channel_are_refused() -> None:
    spoilt = with_amazon(documents())
    spoilt["shopify"]["store"] = {"amazon-1": {"returns": {"window_days": 60}}}

    assert [(p.file, p.key, p.rule) for p in check(spoilt)] == [("shopify", "store.amazon-1", "CHANNEL_MISMATCH")]


def test_a_store_name_is_listed_once_because_a_warehouse_knows_nothing_else() -> None:
    spoilt = with_amazon(documents())
    spoilt["accounts"]["store"][1]["store"] = SHOP

    assert ("accounts", "store.store", "DUPLICATE") in {(p.file, p.key, p.rule) for p in check(spoilt)}


def test_an_account_is_at_one_channel_because_its_control_item_is() -> None:
    spoilt = with_amazon(documents())
    spoilt["accounts"]["store"][1]["account"] = SHOP

    assert ("accounts", "store.account", "CHANNEL_MISMATCH") in {(p.file, p.key, p.rule) for p in check(spoilt)}


def test_what_all_stores_share_is_complained_of_once() -> None:
    spoilt = documents()
    put("shopify", "returns.window_days", 13)(spoilt)

    assert {p.key for p in check(spoilt)} == {"returns.window_days"}


def test_every_fault_of_a_file_is_told_at_once() -> None:
    spoilt = documents()
    spoilt["shopify"] = {}

    told = {problem.key for problem in check(spoilt)}

    assert {"schema", "name", "version", "source", "locked", "returns", "refund", "deadline"} <= told
    assert "store" not in told


def test_a_problem_reads_as_one_line() -> None:
    line = str(Problem("shopify", "returns.window_days", "BELOW_LAW", "eu.withdrawal gives 14 days"))

    assert line == "shopify: returns.window_days: BELOW_LAW: eu.withdrawal gives 14 days"


@pytest.mark.parametrize("spoil, key, rule", BOUNDS)
def test_a_bound_that_cannot_be_meant_is_named(spoil: Spoil, key: str, rule: str) -> None:
    assert found_in(spoil) == {("accounts", key, rule)}


def test_bounds_that_can_be_meant_are_let_through() -> None:
    found = documents()
    bound({**budget(EUR="2000.00"), "velocity": {"refunds": 5, "days": 30}})(found)
    put("accounts", "store.0.owners", {"refund": "other", "approve_return": "quittance"})(found)

    assert check(found) == ()
