"""Sellers API v1, tokens 2021-03-01 and application management 2023-11-30: who the seller is, and who may read what.

A rotated secret is never in an answer: it comes as a notification to the application's own queue.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.amazon.house import Floor
from sandbox.amazon.instants import fine_stamp
from sandbox.amazon.notifications import Event
from sandbox.amazon.operations import ROTATION_SCOPE, Operation, Visit
from sandbox.amazon.refusals import invalid
from sandbox.amazon.shapes import TEXT, ListOf, Record, Text

ELEMENTS: Final = ("buyerInfo", "shippingAddress", "buyerTaxInformation")
MOST_RESOURCES: Final = 50


def _participations(floor: Floor) -> list[dict[str, Any]]:
    return [
        {
            "marketplace": {
                "id": one.id,
                "name": one.name,
                "countryCode": one.country,
                "defaultCurrencyCode": one.currency,
                "defaultLanguageCode": one.locale,
                "domainName": one.domain,
            },
            "participation": {"isParticipating": True, "hasSuspendedListings": False},
            "storeName": floor.seller.name,
        }
        for one in floor.seller.marketplaces
    ]


def get_participations(visit: Visit) -> dict[str, Any]:
    return {"payload": _participations(visit.floor)}


def get_account(visit: Visit) -> dict[str, Any]:
    payload = {
        "businessType": "PRIVATE_LIMITED",
        "sellingPlan": "PROFESSIONAL",
        "marketplaceParticipationList": _participations(visit.floor),
    }
    return {"payload": payload}


def restrict(visit: Visit) -> dict[str, Any]:
    """A Restricted Data Token."""
    asked = visit.body["restrictedResources"]
    if not 1 <= len(asked) <= MOST_RESOURCES:
        raise invalid(f"restrictedResources must hold 1 to {MOST_RESOURCES} entries.")
    resources = []
    for one in asked:
        elements = tuple(one.get("dataElements", ()))
        if unknown := [name for name in elements if name not in ELEMENTS]:
            raise invalid(f"dataElements {unknown[0]} is not valid.")
        resources.append((one["method"], one["path"], elements))
    token = visit.house.login.restrict(visit.floor.seller.id, tuple(resources))
    return {
        "restrictedDataToken": token.value,
        "expiresIn": int((token.expires_at - visit.now).total_seconds()),
    }


def rotate(visit: Visit) -> None:
    """A new client secret for the application."""
    house = visit.house
    secret, end = house.login.rotate()
    payload = {
        "clientId": house.login.application.client_id,
        "newClientSecret": secret,
        "newClientSecretExpiryTime": fine_stamp(visit.now.replace(year=visit.now.year + 1)),
        "oldClientSecretExpiryTime": fine_stamp(end),
    }
    name, kind = "applicationOAuthClientNewSecret", "APPLICATION_OAUTH_CLIENT_NEW_SECRET"
    lag = next(iter(house.floors.values())).seller.lags.notification
    house.outbox.announce(Event(kind, None, visit.now, name, payload), lag)


_RESOURCE: Final = Record(
    {"method": Text(one_of=("GET", "PUT", "POST", "DELETE")), "path": TEXT}, {"dataElements": ListOf(TEXT)}
)
_RESTRICTED: Final = Record({"restrictedResources": ListOf(_RESOURCE)}, {"targetApplication": TEXT})
_RATE: Final = (0.016, 15)
OPERATIONS: Final = (
    Operation(
        "sellers",
        "getMarketplaceParticipations",
        "GET",
        "/sellers/v1/marketplaceParticipations",
        _RATE,
        get_participations,
    ),
    Operation("sellers", "getAccount", "GET", "/sellers/v1/account", _RATE, get_account),
    Operation(
        "tokens_2021-03-01",
        "createRestrictedDataToken",
        "POST",
        "/tokens/2021-03-01/restrictedDataToken",
        (1, 10),
        restrict,
        body=_RESTRICTED,
    ),
    Operation(
        "application_2023-11-30",
        "rotateApplicationClientSecret",
        "POST",
        "/applications/2023-11-30/clientSecret",
        (0.0167, 1),
        rotate,
        status=204,
        scope=ROTATION_SCOPE,
    ),
)
