"""Login with Amazon: tokens, their ends, the errors as the live service words them, secrets that rotate, quotas."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sandbox.amazon import Seller
from sandbox.amazon.lwa import opens
from tests.sandbox.amazon.world import QUEUE, World, open_world

ACCOUNT = "/sellers/v1/account"
ROTATION = "sellingpartnerapi::client_credential:rotation"


def test_a_refresh_token_gives_an_access_token_for_an_hour(world: World) -> None:
    answer = world.log_in(grant_type="refresh_token", refresh_token=world.seller.refresh_token).json()

    assert answer["access_token"].startswith("Atza|")
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    assert world.send("GET", ACCOUNT, token=answer["access_token"]).status_code == 200
    world.clock.advance(hours=1)
    expired = world.send("GET", ACCOUNT, token=answer["access_token"])
    assert expired.status_code == 403
    assert expired.json()["errors"][0] == {
        "code": "Unauthorized",
        "message": "Access to requested resource is denied.",
        "details": "The access token you provided has expired.",
    }


@pytest.mark.parametrize(
    "form, status, error",
    [
        ({"grant_type": "refresh_token", "refresh_token": "Atzr|wrong"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "everything"}, 400, "invalid_scope"),
        ({"grant_type": "refresh_token", "client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "refresh_token", "client_id": ""}, 400, "invalid_request"),
    ],
)
def test_login_refuses_in_its_own_words(world: World, form: dict[str, str], status: int, error: str) -> None:
    answer = world.log_in(**form)

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]


def test_a_missing_token_and_a_made_up_one_are_told_apart(world: World) -> None:
    missing = requests.get(world.amazon.url + ACCOUNT, timeout=5)
    made_up = world.send("GET", ACCOUNT, token="Atza|made-up")

    assert (made_up.status_code, made_up.json()["errors"][0]["details"]) == (
        403,
        "The access token you provided is revoked, malformed or invalid.",
    )
    assert (missing.status_code, missing.json()["errors"][0]["code"]) == (401, "Unauthorized")


def test_grantless_operations_want_a_grantless_token_and_the_others_a_sellers(world: World) -> None:
    path = "/notifications/v1/destinations"

    assert world.refusal("GET", path) == (403, "Unauthorized")
    assert world.refusal("GET", ACCOUNT, grantless=True) == (403, "Unauthorized")
    assert world.refusal("GET", path, token=world.token(ROTATION)) == (403, "Unauthorized")
    assert world.ask("GET", path, grantless=True)["payload"] == []


def test_a_revoked_authorisation_kills_its_tokens(world: World) -> None:
    token = world.token()
    world.amazon.house.login.revoke(world.seller.refresh_token)

    assert world.refusal("GET", ACCOUNT, token=token) == (403, "Unauthorized")
    answer = world.log_in(grant_type="refresh_token", refresh_token=world.seller.refresh_token)
    assert answer.json()["error"] == "invalid_grant"


def test_a_rotated_secret_comes_by_notification_and_the_old_one_lives_a_week(world: World) -> None:
    path, resource = "/notifications/v1/destinations", {"sqs": {"arn": QUEUE}}
    made = world.ask("POST", path, body={"name": "secrets", "resourceSpecification": resource}, grantless=True)
    body = {"destinationId": made["payload"]["destinationId"], "payloadVersion": "2023-11-30"}
    kind = "APPLICATION_OAUTH_CLIENT_NEW_SECRET"
    world.ask("POST", f"/notifications/v1/subscriptions/{kind}", body=body, grantless=True)
    answer = world.send("POST", "/applications/2023-11-30/clientSecret", token=world.token(ROTATION))
    world.wait(minutes=1)
    payload = world.notes(kind)[0]["payload"]["applicationOAuthClientNewSecret"]
    form = {"grant_type": "refresh_token", "refresh_token": world.seller.refresh_token}

    assert (answer.status_code, answer.content) == (204, b"")
    assert world.log_in(**form, client_secret=payload["newClientSecret"]).status_code == 200
    assert world.log_in(**form).status_code == 200
    world.clock.advance(days=7)
    assert world.log_in(**form).status_code == 401
    assert world.log_in(**form, client_secret=payload["newClientSecret"]).status_code == 200


def test_a_restricted_token_opens_what_it_names_and_nothing_else(world: World) -> None:
    resource = {"method": "GET", "path": "/orders/v0/orders/{orderId}", "dataElements": ["buyerInfo"]}
    path = "/tokens/2021-03-01/restrictedDataToken"
    made = world.ask("POST", path, body={"restrictedResources": [resource]})
    token = world.amazon.house.login.issued[made["restrictedDataToken"]]

    assert made["expiresIn"] == 3600
    assert opens(token, "GET", "/orders/v0/orders/405-1111111-1111111", "buyerInfo")
    assert not opens(token, "GET", "/orders/v0/orders/405-1111111-1111111", "shippingAddress")
    assert not opens(token, "PUT", "/orders/v0/orders/405-1111111-1111111", "buyerInfo")
    assert not opens(token, "GET", "/orders/v0/orders", "buyerInfo")
    wrong: dict[str, Any] = {"restrictedResources": [resource | {"dataElements": ["everything"]}]}
    assert world.refusal("POST", path, body=wrong) == (400, "InvalidInput")
    assert world.refusal("POST", path, body={"restrictedResources": []}) == (400, "InvalidInput")


def test_the_bucket_empties_and_fills_at_the_published_rate(world: World) -> None:
    path = "/feeds/2021-06-30/feeds"
    query = {"feedTypes": "POST_PAYMENT_ADJUSTMENT_DATA"}
    answers = [world.send("GET", path, query=query).status_code for _ in range(12)]

    assert answers == [200] * 10 + [429] * 2
    world.clock.advance(seconds=44)
    assert world.refusal("GET", path, query=query) == (429, "QuotaExceeded")
    world.clock.advance(seconds=2)
    assert world.send("GET", path, query=query).status_code == 200
    assert world.amazon.gateway.buckets.refused == {"feeds_2021-06-30/getFeeds": 3}


def test_buckets_are_kept_per_seller_and_operation() -> None:
    sellers = Seller(), Seller("A1SECOND", refresh_token="Atzr|second")
    with open_world(sellers[0]) as world:
        last = [world.send("GET", ACCOUNT) for _ in range(16)][-1]
        other = world.send("GET", "/sellers/v1/marketplaceParticipations")

        assert (last.status_code, other.status_code) == (429, 200)


def test_unknown_paths_are_refused_as_forbidden(world: World) -> None:
    assert world.refusal("GET", "/orders/v9/orders") == (403, "Unauthorized")
    assert world.refusal("DELETE", ACCOUNT) == (403, "Unauthorized")
