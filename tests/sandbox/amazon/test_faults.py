"""Scripted misfortune on the road: what the caller sees, and what has happened in the books nevertheless."""

from __future__ import annotations

import time

import pytest
import requests

from sandbox.amazon import AmazonSimulator, Item
from tests.sandbox.amazon.world import FR, World, open_world

ACCOUNT = "/sellers/v1/account"
DOCUMENTS = "/feeds/2021-06-30/documents"
BODY = {"contentType": "text/xml"}


def made(world: World) -> int:
    return len(world.amazon.house.documents.kept)


def test_a_lost_request_did_nothing_and_a_lost_answer_did_all(world: World) -> None:
    world.token()
    world.amazon.faults.lose_request("createFeedDocument")
    world.amazon.faults.lose_answer("createFeedDocument")
    counts = []
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            world.send("POST", DOCUMENTS, body=BODY)
        counts.append(made(world))

    assert counts == [0, 1]
    assert [(one.applied, one.answered) for one in world.amazon.requests] == [(False, False), (True, False)]


def test_refusals_carry_amazons_errors_list(world: World) -> None:
    faults = world.amazon.faults
    for status in (400, 401, 403, 404, 429, 500, 503):
        faults.refuse(status, "getAccount")
    answers = [world.send("GET", ACCOUNT) for _ in range(7)]

    assert [one.status_code for one in answers] == [400, 401, 403, 404, 429, 500, 503]
    assert all(set(one.json()["errors"][0]) == {"code", "message", "details"} for one in answers)
    assert answers[4].json()["errors"][0]["code"] == "QuotaExceeded"


def test_a_failure_after_the_effect_looks_like_one_before_it(world: World) -> None:
    world.amazon.faults.fail_after(503, "createFeedDocument")

    assert world.refusal("POST", DOCUMENTS, body=BODY) == (503, "ServiceUnavailable")
    assert made(world) == 1


@pytest.mark.parametrize("applied", [False, True])
def test_a_5xx_may_come_without_an_errors_list(world: World, applied: bool) -> None:
    faults = world.amazon.faults
    faults.errorless(500, "createFeedDocument", applied=applied)
    faults.errorless(502, "createFeedDocument", html=True, applied=applied)
    bare, page = (world.send("POST", DOCUMENTS, body=BODY) for _ in range(2))

    assert (bare.status_code, bare.json()) == (500, {"message": "Internal error"})
    assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html")
    assert page.text.startswith("<html>")
    assert made(world) == (2 if applied else 0)


def test_an_answer_may_break_off_hold_unknown_keys_or_come_late(world: World) -> None:
    faults = world.amazon.faults
    faults.truncate("getAccount")
    faults.stray_keys("getAccount")
    faults.slow(0.2, "getAccount")
    broken = world.send("GET", ACCOUNT)
    stray = world.send("GET", ACCOUNT).json()
    began = time.monotonic()
    world.send("GET", ACCOUNT)

    assert time.monotonic() - began >= 0.2
    with pytest.raises(requests.exceptions.JSONDecodeError):
        broken.json()
    assert "zzUnknownKey" in stray
    assert "zzUnknownKey" in stray["payload"]["marketplaceParticipationList"][0]["marketplace"]


def test_faults_wait_for_the_request_they_are_meant_for(world: World) -> None:
    faults = world.amazon.faults
    faults.refuse(500, lambda call: call.operation == "getFeeds" and "X" in call.query["feedTypes"])
    faults.refuse(500)
    query = {"feedTypes": "Y"}

    assert world.send("GET", "/feeds/2021-06-30/feeds", query=query).status_code == 500
    assert world.send("GET", "/feeds/2021-06-30/feeds", query=query).status_code == 200
    assert world.send("GET", "/feeds/2021-06-30/feeds", query={"feedTypes": "X"}).status_code == 500
    faults.refuse(500, "createFeed")
    assert faults.waiting() == 1
    faults.clear()
    assert faults.waiting() == 0


def test_a_request_is_told_everything_that_is_wrong_with_it(world: World) -> None:
    body = {"feedType": 1, "marketplaceIds": [], "feedOptions": {"a": 1}, "extra": True}
    details = world.send("POST", "/feeds/2021-06-30/feeds", body=body).json()["errors"][0]["details"]

    for part in (
        "body.inputFeedDocumentId is required",
        "body.feedType must be a text",
        "body.marketplaceIds has 0 entries",
        "body.feedOptions must be an object of texts",
        "body.extra is not known",
    ):
        assert part in details


def test_fields_that_no_model_names_are_looked_over_where_amazon_would() -> None:
    with open_world(strict=False) as world:
        world.send("POST", DOCUMENTS, query={"marketplace_ids": FR}, body=BODY | {"path": DOCUMENTS})

        assert made(world) == 1
        assert world.amazon.requests[-1].strays == ("query.marketplace_ids", "body.path")


def test_bodies_must_be_json_and_stand_where_one_is_taken(world: World) -> None:
    headers = {"x-amz-access-token": world.token()}
    url = world.amazon.url + DOCUMENTS
    plain = requests.post(url, data="{}", headers=headers | {"Content-Type": "text/plain"}, timeout=5)
    broken = requests.post(url, data="{", headers=headers | {"Content-Type": "application/json"}, timeout=5)

    assert (plain.status_code, broken.status_code) == (415, 400)
    assert world.refusal("GET", ACCOUNT, body={"path": ACCOUNT}) == (400, "InvalidInput")
    query = {"enableContentEncodingUrlHeader": "perhaps"}
    assert world.refusal("GET", f"{DOCUMENTS}/x", query=query) == (400, "InvalidInput")


def test_lists_may_be_repeated_or_written_with_commas(world: World) -> None:
    url = f"{world.amazon.url}/reports/2021-06-30/reports?reportTypes=A&reportTypes=B&marketplaceIds={FR}"
    answer = requests.get(url, headers={"x-amz-access-token": world.token()}, timeout=5)

    assert answer.status_code == 200
    assert world.amazon.requests[-1].query["reportTypes"] == ["A", "B"]


def test_two_simulators_of_one_seed_give_the_same_ids(world: World) -> None:
    twin = AmazonSimulator(world.clock)
    try:
        here = world.amazon.buyers.place_order(Item("CANDLE", "20.00"))
        there = twin.buyers.place_order(Item("CANDLE", "20.00"))
        assert here == there
    finally:
        twin.close()
