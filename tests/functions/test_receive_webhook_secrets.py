"""Which secrets the door believes and for how long, and what traffic that nobody signed costs."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.support.pushed import (
    SHOPIFY_SECRET,
    STORE,
    receipt_event,
    shopify_event,
)
from tests.support.reception import Door, cloud, door, module

__all__ = ["cloud", "door", "module"]  # fixtures

OLD_SECRET = "shpss_of-last-year"


def test_during_a_rotation_both_secrets_sign(door: Door) -> None:
    door.keeper.held[f"shopify/{STORE}"] = {"secrets": [SHOPIFY_SECRET, OLD_SECRET]}

    assert [door.post(shopify_event(secret=one)) for one in (SHOPIFY_SECRET, OLD_SECRET)] == [200, 200]
    assert door.post(shopify_event(secret="shpss_neither")) == 401


def test_a_new_secret_is_found_at_the_first_signature_that_misses(door: Door) -> None:
    assert door.post(shopify_event()) == 200
    door.keeper.held[f"shopify/{STORE}"] = {"secrets": ["shpss_new"]}
    door.wait(31)

    assert door.post(shopify_event(secret="shpss_new")) == 200
    assert len(door.keeper.asked) == 2


def test_unsigned_traffic_costs_one_fetch_in_thirty_seconds(door: Door) -> None:
    for _ in range(600):
        assert door.post(shopify_event(x_shopify_hmac_sha256=None)) == 401
        door.wait(0.1)

    assert len(door.keeper.asked) == 2


def test_a_warm_store_costs_one_fetch_in_five_minutes(door: Door) -> None:
    for _ in range(300):
        assert door.post(shopify_event()) == 200
        door.wait(1)

    assert len(door.keeper.asked) == 1


def test_a_missing_store_is_remembered_for_a_minute_and_found_once_it_is_connected(door: Door) -> None:
    statuses = [door.post(shopify_event(store="new-shop")) for _ in range(50)]
    assert (set(statuses), len(door.keeper.asked)) == ({404}, 1)

    door.keeper.held["shopify/new-shop"] = {"secrets": [SHOPIFY_SECRET]}
    door.wait(59)
    assert door.post(shopify_event(store="new-shop")) == 404
    door.wait(1)
    assert door.post(shopify_event(store="new-shop")) == 200


def test_a_flood_of_invented_stores_is_not_a_flood_of_fetches_and_a_known_store_stays_open(door: Door) -> None:
    assert door.post(shopify_event()) == 200

    statuses = [door.post(shopify_event(store=f"invented-{n}")) for n in range(500)]

    assert len(door.keeper.asked) <= 61
    assert set(statuses) == {404, 503}
    door.wait(301)
    assert door.post(shopify_event()) == 200


def test_a_store_that_was_disconnected_is_404_within_five_minutes(door: Door) -> None:
    assert door.post(shopify_event()) == 200
    del door.keeper.held[f"shopify/{STORE}"]
    door.wait(300)

    assert door.post(shopify_event()) == 404


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"secrets": []},
        {"secrets": [""]},
        {"secrets": [SHOPIFY_SECRET, ""]},
        {"secrets": SHOPIFY_SECRET},
        {"secrets": [1]},
        [SHOPIFY_SECRET],
    ],
)
def test_a_secret_of_the_wrong_shape_is_503_and_never_an_open_door(
    door: Door, stated: object, capsys: pytest.CaptureFixture[str]
) -> None:
    door.keeper.held[f"shopify/{STORE}"] = stated

    assert door.post(shopify_event(secret=SHOPIFY_SECRET)) == 503
    assert door.post(shopify_event(secret="")) == 503
    assert SHOPIFY_SECRET not in capsys.readouterr().out


@pytest.mark.parametrize("key", ["whsec_", "whsec_c2hvcnQ=", "whsec_%%%", "short"])
def test_a_receipt_key_that_is_too_short_or_no_base64_is_503(door: Door, key: str) -> None:
    door.keeper.held[f"warehouse/{STORE}"] = {"secrets": [key]}

    assert door.post(receipt_event()) == 503


def test_when_secrets_cannot_be_fetched_the_sender_is_asked_to_try_again(door: Door) -> None:
    throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "GetSecretValue")
    door.keeper.held[f"shopify/{STORE}"] = throttled

    assert [door.post(shopify_event()) for _ in range(20)] == [503] * 20
    assert len(door.keeper.asked) == 1

    door.keeper.held[f"shopify/{STORE}"] = {"secrets": [SHOPIFY_SECRET]}
    door.wait(5)
    assert door.post(shopify_event()) == 200
