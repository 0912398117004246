"""A key means one thing, and can be read back."""

from __future__ import annotations

import itertools
from datetime import timedelta
from string import Formatter

import pytest
from hypothesis import given

from quittance.application.commit import Key
from quittance.domain.errors import Rejected
from quittance.domain.ids import CaseId, IntentId, OrderId
from quittance.storage import keys
from quittance.storage.keys import PATTERNS, Pattern
from tests.storage import samples
from tests.storage.samples import NOW
from tests.storage.strategies import NAMES

MADE = {
    keys.CASE: keys.case_head(samples.CASE),
    keys.EVENT: keys.event(samples.CASE, 12),
    keys.PERSON: keys.person(samples.CASE),
    keys.TEXT: keys.text(samples.CASE, "t1"),
    keys.ORDER: keys.order("shopify", "a", OrderId("o")),
    keys.INTENT: keys.intent("shopify", "a", OrderId("o"), IntentId("i")),
    keys.ALIAS: keys.alias("shopify", "a", "rma", "R#1"),
    keys.CUSTOMER: keys.customer("a", "ab12", samples.CASE),
    keys.DELIVERY: keys.delivery(samples.a_delivery_key()),
    keys.FEED_LOCK: keys.feed_lock("a", "refunds"),
    keys.MEMBER: keys.member("a", "refunds", 3, IntentId("i")),
    keys.BATCH: keys.batch("a", "refunds", 3),
    keys.CONTROL: keys.control("a"),
    keys.POLL: keys.poll("a", "returns"),
    keys.BUCKET: keys.bucket("a", "getReturns"),
    keys.POLICY: keys.policy("law", 3),
    keys.CURRENT: keys.current_policy("law"),
    keys.SPENT: keys.spent("a", "2026-11-21", "EUR", 3),
    keys.PARKED: keys.parked("shopify", "a", NOW, samples.a_delivery().id),
    keys.OVERVIEW: keys.overview(),
    keys.LEASE: keys.lease("tick"),
}


def test_every_pattern_is_in_the_chart_once_and_can_be_made() -> None:
    assert list(MADE) == list(PATTERNS)
    assert len({pattern.name for pattern in PATTERNS}) == len(PATTERNS)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: str(pattern.name))
def test_a_key_is_read_back_into_its_parts(pattern: Pattern) -> None:
    parts = pattern.parts(MADE[pattern])

    assert parts is not None
    assert pattern.key(**parts) == MADE[pattern]
    assert keys.kind_of(MADE[pattern]) == pattern.name
    assert keys.is_batch(MADE[pattern]) is (pattern is keys.BATCH)


def test_no_key_is_of_two_kinds_by_its_fixed_parts() -> None:
    shapes = [(pattern.pk.partition("{")[0], pattern.sk.partition("{")[0], pattern.sk) for pattern in PATTERNS]

    assert len(set(shapes)) == len(shapes)


@given(NAMES, NAMES, NAMES, NAMES)
def test_two_different_orders_never_share_a_key(channel: str, account: str, order: str, other: str) -> None:
    one = keys.order(channel, account, OrderId(order))

    assert keys.ORDER.parts(one) == {"channel": channel, "account": account, "order": order}
    assert (one == keys.order(channel, account, OrderId(other))) == (order == other)


@pytest.mark.parametrize("bad", ["", "a#b"])
def test_a_part_that_would_blur_a_key_is_refused(bad: str) -> None:
    with pytest.raises(Rejected, match=r"BAD_KEY: account"):
        keys.order("shopify", bad, OrderId("o"))


def test_a_last_part_may_contain_the_separator_because_nothing_follows_it() -> None:
    key = keys.alias("shopify", "a", "order", "#1001")

    assert keys.ALIAS.parts(key) == {"channel": "shopify", "account": "a", "kind": "order", "name": "#1001"}


def test_a_key_longer_than_dynamodb_takes_is_refused() -> None:
    with pytest.raises(Rejected, match="BAD_KEY"):
        keys.alias("shopify", "a", "tracking", "é" * 1024)
    with pytest.raises(Rejected, match="BAD_KEY"):
        keys.text(CaseId("c"), "x" * 1024)


def test_a_bad_part_is_not_repeated_in_the_error() -> None:
    with pytest.raises(Rejected) as refusal:
        keys.text(CaseId("c"), "")
    assert "reference" in str(refusal.value)
    with pytest.raises(Rejected) as refusal:
        keys.alias("shopify", "secret#thing", "rma", "R")
    assert "secret" not in str(refusal.value)


def test_due_keys_sort_by_time_and_include_the_instant_they_are_asked_for() -> None:
    instants = [NOW, NOW + timedelta(milliseconds=1), NOW + timedelta(seconds=1), NOW + timedelta(days=40)]
    made = [keys.due(1, at, identifier)["due_sk"] for at, identifier in zip(instants, "zyxw", strict=True)]

    assert made == sorted(made)
    for now, sk in itertools.product(instants, made):
        due = sk <= made[instants.index(now)][:24] + keys.LAST
        assert due == (sk[:24] <= made[instants.index(now)][:24])


def test_the_desk_shows_the_higher_class_first_and_cases_without_a_clock_last() -> None:
    made = [
        keys.desk("q", rank, legal, samples.CASE)["desk_sk"]
        for rank, legal in ((0, NOW), (0, None), (1, NOW - timedelta(days=9)), (1, NOW), (1, None))
    ]

    assert made == sorted(made)


def test_every_placeholder_of_an_index_is_filled() -> None:
    for pattern in keys.INDEX_PATTERNS:
        fields = {name for part in (pattern.pk, pattern.sk) for _, name, _, _ in Formatter().parse(part) if name}
        assert fields <= {"lane", "shard", "at", "id", "queue", "rank", "legal"}
    assert keys.parked_due(NOW, "c") == {"due_pk": "DUE#parked", "due_sk": "2026-11-21T21:38:43.123Z#c"}


def test_a_key_of_no_kind_has_no_parts() -> None:
    assert keys.kind_of(Key("SANDBOX", "CLOCK")) == "unknown item"
    assert keys.delivery_of(keys.control("a")) is None
