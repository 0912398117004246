"""Identifiers follow from what they name: the same thing collides on purpose, another thing never."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.ids import (
    CaseId,
    IntentId,
    case_of_channel,
    case_of_order,
    digest,
    intent_id,
    replay_key,
    shard_of,
)

PARTS = st.text(alphabet="ab1:\x1f#", max_size=6)


@given(PARTS, PARTS, PARTS, PARTS)
def test_the_same_thing_has_the_same_case_twice(channel: str, account: str, kind: str, own: str) -> None:
    assert case_of_channel(channel, account, kind, own) == case_of_channel(channel, account, kind, own)


def test_a_case_id_is_fixed_for_good() -> None:
    found = case_of_channel("shopify", "maison-lumiere", "return", "gid://shopify/Return/1")

    assert UUID(found).version == 5
    assert found == "9b911e8f-1ec3-5787-8627-12b2d3f3b75a"


@given(st.tuples(PARTS, PARTS, PARTS, PARTS), st.tuples(PARTS, PARTS, PARTS, PARTS))
def test_no_separator_inside_an_id_makes_two_things_one(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert (case_of_channel(*one) == case_of_channel(*other)) == (one == other)


def test_an_id_that_carries_the_separator_of_another_is_another_case() -> None:
    assert case_of_channel("a", "b", "c\x1fd", "e") != case_of_channel("a", "b", "c", "d\x1fe")


def test_a_case_of_a_channel_and_one_of_an_order_never_meet() -> None:
    assert case_of_channel("s", "a", "return", "1") != case_of_order("s", "a", "return", "1", 1)
    assert case_of_order("s", "a", "o", "claim", 1) != case_of_order("s", "a", "o", "claim", 2)


@given(st.integers(0, 9), st.integers(1, 99), st.integers(0, 9))
def test_two_clicks_on_one_version_are_one_intent_and_no_other(epoch: int, version: int, index: int) -> None:
    case = CaseId("case-1")

    assert intent_id(epoch, case, version, index) == intent_id(epoch, case, version, index)
    assert intent_id(epoch, case, version, index) != intent_id(epoch + 1, case, version, index)
    assert intent_id(epoch, case, version, index) != intent_id(epoch, case, version + 1, index)
    assert intent_id(epoch, case, version, index) != intent_id(epoch, case, version, index + 1)


def test_a_replay_key_belongs_to_one_intent_of_one_account() -> None:
    keys = {
        replay_key(IntentId("i1"), "shopify", "a"),
        replay_key(IntentId("i2"), "shopify", "a"),
        replay_key(IntentId("i1"), "shopify", "b"),
        replay_key(IntentId("i1"), "amazon", "a"),
    }

    assert len(keys) == 4


@given(st.text(), st.integers(1, 8))
def test_an_identifier_always_falls_into_the_same_existing_shard(identifier: str, shards: int) -> None:
    assert 0 <= shard_of(identifier, shards) < shards
    assert shard_of(identifier, shards) == shard_of(identifier, shards)


def test_identifiers_spread_over_all_shards() -> None:
    assert {shard_of(f"case-{n}", 8) for n in range(200)} == set(range(8))


@given(st.lists(PARTS, max_size=4), st.lists(PARTS, max_size=4))
def test_a_digest_tells_lists_of_parts_apart(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


def test_a_digest_reads_text_as_its_bytes() -> None:
    assert digest("é") == digest("é".encode())
