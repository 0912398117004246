"""Notifications API v1: destinations of the application, subscriptions of a seller, and what Amazon lets pass.

A FIFO queue, a payload version that a type does not have, and two filters at once are refused.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.amazon.notifications import OF_APPLICATION, VERSIONS, Destination, Subscription
from sandbox.amazon.operations import NOTIFICATIONS_SCOPE, Operation, Visit
from sandbox.amazon.refusals import Refused, absent, invalid
from sandbox.amazon.shapes import TEXT, ListOf, Record, Text, Whole

MODEL: Final = "notifications"
CHANGES: Final = ("BuyerRequestedChange", "DeliveryTipChange", "OrderStatusChange")
FILTERED: Final = ("ANY_OFFER_CHANGED", "ORDER_CHANGE", "SHIPMENT_TRACKING_MILESTONE_CHANGED")


# Destinations


def _told_destination(one: Destination) -> dict[str, Any]:
    return {"destinationId": one.id, "name": one.name, "resource": dict(one.resource)}


def create_destination(visit: Visit) -> dict[str, Any]:
    given, outbox = visit.body["resourceSpecification"], visit.house.outbox
    if len(given) != 1:
        raise invalid("resourceSpecification must name exactly one of sqs and eventBridge.")
    if given.get("sqs", {}).get("arn", "").endswith(".fifo"):
        raise invalid("FIFO queues are not supported.")
    if any(one.name == visit.body["name"] or one.resource == given for one in outbox.destinations.values()):
        raise Refused(409, "Conflict", "A destination of this name or resource exists already.")
    resource = given
    if bridge := given.get("eventBridge"):
        name = f"aws.partner/sellingpartnerapi.amazon.com/{bridge['accountId']}/{visit.house.outbox.application}"
        resource = {"eventBridge": {"name": name, **bridge}}
    made = Destination(visit.house.ids.uuid("destination"), visit.body["name"], resource)
    outbox.destinations[made.id] = made
    return {"payload": _told_destination(made)}


def get_destinations(visit: Visit) -> dict[str, Any]:
    return {"payload": [_told_destination(one) for one in visit.house.outbox.destinations.values()]}


def _destination(visit: Visit) -> Destination:
    found = visit.house.outbox.destinations.get(visit.path["destinationId"])
    if found is None:
        raise absent(f"Destination {visit.path['destinationId']}")
    return found


def get_destination(visit: Visit) -> dict[str, Any]:
    return {"payload": _told_destination(_destination(visit))}


def delete_destination(visit: Visit) -> dict[str, Any]:
    found = _destination(visit)
    if any(one.destination == found.id for one in visit.house.outbox.subscriptions.values()):
        raise Refused(409, "Conflict", "Subscriptions still use this destination.")
    del visit.house.outbox.destinations[found.id]
    return {}


# Subscriptions


def _told(one: Subscription) -> dict[str, Any]:
    body: dict[str, Any] = {
        "subscriptionId": one.id,
        "payloadVersion": one.version,
        "destinationId": one.destination,
    }
    return body | ({"processingDirective": dict(one.directive)} if one.directive else {})


def _type(visit: Visit) -> str:
    kind = visit.path["notificationType"]
    if kind not in VERSIONS:
        raise invalid(f"Notification type {kind} is not valid.")
    return kind


def create_subscription(visit: Visit) -> dict[str, Any]:
    kind, body = _type(visit), visit.body
    seller = None if kind in OF_APPLICATION else visit.floor.seller.id
    if body["destinationId"] not in visit.house.outbox.destinations:
        raise absent(f"Destination {body['destinationId']}")
    if body["payloadVersion"] != VERSIONS[kind]:
        raise invalid(f"payloadVersion {body['payloadVersion']} is not supported for {kind}.")
    directive = body.get("processingDirective")
    _check_directive(kind, directive or {})
    existing = visit.house.outbox.subscribers(kind, seller)
    if any(one.directive == directive for one in existing):
        raise Refused(409, "Conflict", f"A subscription for {kind} exists already.")
    identity = visit.house.ids.uuid("subscription")
    made = Subscription(identity, kind, seller, VERSIONS[kind], body["destinationId"], directive)
    visit.house.outbox.subscriptions[made.id] = made
    return {"payload": _told(made)}


def _check_directive(kind: str, directive: dict[str, Any]) -> None:
    if "eventFilter" in directive and "filterExpression" in directive:
        raise invalid("Only one of eventFilter and filterExpression may be given.")
    if "filterExpression" in directive:
        raise invalid("filterExpression is not evaluated here: use eventFilter.")
    wanted = directive.get("eventFilter")
    if wanted is not None and wanted["eventFilterType"] != kind:
        raise invalid(f"eventFilterType must be {kind}.")


def _owner(visit: Visit, kind: str) -> str | None:
    return None if kind in OF_APPLICATION else visit.floor.seller.id


def get_subscription(visit: Visit) -> dict[str, Any]:
    kind = _type(visit)
    found = visit.house.outbox.subscribers(kind, _owner(visit, kind))
    found = [one for one in found if visit.query.get("payloadVersion") in (None, one.version)]
    if not found:
        raise absent(f"Subscription for {kind}")
    return {"payload": _told(found[-1])}


def get_subscriptions(visit: Visit) -> dict[str, Any]:
    kind = visit.query["notificationTypes"][0]
    found = visit.house.outbox.subscribers(kind, _owner(visit, kind))
    found = [one for one in found if visit.query.get("payloadVersion") in (None, one.version)]
    return {"payload": {"subscriptions": [_told(one) for one in found]}}


def _by_id(visit: Visit) -> Subscription:
    found = visit.house.outbox.subscriptions.get(visit.path["subscriptionId"])
    if found is None or found.type != _type(visit):
        raise absent(f"Subscription {visit.path['subscriptionId']}")
    return found


def get_subscription_by_id(visit: Visit) -> dict[str, Any]:
    return {"payload": _told(_by_id(visit))}


def delete_subscription(visit: Visit) -> dict[str, Any]:
    del visit.house.outbox.subscriptions[_by_id(visit).id]
    return {}


_SQS: Final = Record({"arn": Text(longest=1000, pattern=r"^arn:aws:sqs:\S+:\S+:\S+")})
_BRIDGE: Final = Record({"accountId": TEXT, "region": TEXT})
_NEW_DESTINATION: Final = Record(
    {"name": TEXT, "resourceSpecification": Record(optional={"sqs": _SQS, "eventBridge": _BRIDGE})}
)
_TRACKING: Final = Record(
    optional={
        "id": TEXT,
        "acsin": TEXT,
        "aftn": TEXT,
        "containerNumber": TEXT,
        "houseBillOfLadingNumber": TEXT,
        "carrierTracking": Record({"trackingNumber": TEXT}, {"carrierCode": TEXT}),
    }
)
_FILTER: Final = Record(
    {"eventFilterType": Text(one_of=FILTERED)},
    {
        "aggregationSettings": Record({"aggregationTimePeriod": Text(one_of=("FiveMinutes", "TenMinutes"))}),
        "marketplaceIds": ListOf(TEXT),
        "orderChangeTypes": ListOf(Text(one_of=CHANGES)),
        "trackingIdentifier": _TRACKING,
    },
)
_DIRECTIVE: Final = Record(optional={"eventFilter": _FILTER, "filterExpression": Text(shortest=1, longest=256)})
_NEW_SUBSCRIPTION: Final = Record({"destinationId": TEXT, "payloadVersion": TEXT}, {"processingDirective": _DIRECTIVE})
_VERSION: Final = Record(optional={"payloadVersion": TEXT})
_LIST: Final = Record(
    {"notificationTypes": ListOf(TEXT, 1, 1)},
    {"payloadVersion": TEXT, "pageSize": Whole(30, 100), "nextToken": TEXT},
)
_RATE: Final = (1, 5)
_SUBSCRIPTIONS: Final = "/notifications/v1/subscriptions"
_OF_TYPE: Final = f"{_SUBSCRIPTIONS}/{{notificationType}}"
_ONE: Final = f"{_OF_TYPE}/{{subscriptionId}}"
_DESTINATIONS: Final = "/notifications/v1/destinations"
_DESTINATION: Final = f"{_DESTINATIONS}/{{destinationId}}"
_GRANTLESS: Final = NOTIFICATIONS_SCOPE
OPERATIONS: Final = (
    Operation(MODEL, "getSubscriptions", "GET", _SUBSCRIPTIONS, _RATE, get_subscriptions, _LIST),
    Operation(MODEL, "getSubscription", "GET", _OF_TYPE, _RATE, get_subscription, _VERSION),
    Operation(MODEL, "createSubscription", "POST", _OF_TYPE, _RATE, create_subscription, body=_NEW_SUBSCRIPTION),
    Operation(MODEL, "getSubscriptionById", "GET", _ONE, _RATE, get_subscription_by_id, scope=_GRANTLESS),
    Operation(MODEL, "deleteSubscriptionById", "DELETE", _ONE, _RATE, delete_subscription, scope=_GRANTLESS),
    Operation(MODEL, "getDestinations", "GET", _DESTINATIONS, _RATE, get_destinations, scope=_GRANTLESS),
    Operation(
        MODEL,
        "createDestination",
        "POST",
        _DESTINATIONS,
        _RATE,
        create_destination,
        body=_NEW_DESTINATION,
        scope=_GRANTLESS,
    ),
    Operation(MODEL, "getDestination", "GET", _DESTINATION, _RATE, get_destination, scope=_GRANTLESS),
    Operation(MODEL, "deleteDestination", "DELETE", _DESTINATION, _RATE, delete_destination, scope=_GRANTLESS),
)
