"""Every answer fits the published model of its operation and says nothing that the model does not name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # it ships no types

from sandbox.amazon import Item, Lags, Seller
from sandbox.amazon.gateway import OPERATIONS, Logged
from sandbox.amazon.notifications import VERSIONS
from tests.sandbox.amazon.models import model, problems
from tests.sandbox.amazon.world import (
    ACKNOWLEDGEMENT,
    FR,
    RETURNS,
    World,
    acknowledgement,
    open_world,
)

SELLER_TYPES = tuple(kind for kind in VERSIONS if not kind.startswith("APPLICATION_"))
SCHEMAS = {
    "ORDER_CHANGE": "OrderChangeNotification",
    "FEED_PROCESSING_FINISHED": "FeedProcessingFinishedNotification",
    "REPORT_PROCESSING_FINISHED": "ReportProcessingFinishedNotification",
    "TRANSACTION_UPDATE": "TransactionUpdateNotification",
    "FBA_OUTBOUND_SHIPMENT_STATUS": "FBAOutboundShipmentStatusNotification",
    "FULFILLMENT_ORDER_STATUS": "FulfillmentOrderStatusNotification",
}
# Amazon's live answers put the form of a message beside its links; the model puts it under payload.
BESIDE_THE_MODEL = ("_embedded.schema.",)


@pytest.fixture(scope="module")
def toured() -> Iterator[World]:
    """A world in which every operation has been called, with success and without."""
    seller = Seller(cancel_order=True, lags=Lags())
    with open_world(seller) as world:
        world.subscribe(*SELLER_TYPES)
        order = orders(world)
        feeds(world, order)
        reports(world)
        money(world, order)
        messages(world, order)
        outbound(world)
        notifications(world)
        others(world)
        refusals(world)
        yield world


def orders(world: World) -> str:
    amazon, base = world.amazon, "/orders/2026-01-01/orders"
    basket = (
        Item("CANDLE", "20.00", 3, shipping="4.90", discount="2.00", charges={"Tax": "3.20", "ShippingTax": "0.80"}),
        Item("SOAP", "7.50"),
    )
    order = world.shipped_order(*basket, prime=True)
    waiting = amazon.buyers.place_order(Item("SOAP", "7.50", 2))
    amazon.buyers.request_cancellation(waiting.id)
    everything = "BUYER,RECIPIENT,PROCEEDS,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES"
    for one in (order, waiting.id):
        world.ask("GET", f"{base}/{one}", query={"includedData": everything})
    world.ask("PUT", f"{base}/{waiting.id}/cancellation", body={"cancelReasonCode": "BUYER_CANCELLED"})
    world.wait(minutes=3)
    world.ask("GET", f"{base}/{waiting.id}", query={"includedData": everything})
    found = world.ask("GET", base, query={"createdAfter": "2026-11-01T00:00:00Z", "maxResultsPerPage": 1})
    token = found["pagination"]["nextToken"]
    world.ask("GET", base, query={"createdAfter": "2026-11-01T00:00:00Z", "paginationToken": token})
    return order


def feeds(world: World, order: str) -> None:
    amazon, base = world.amazon, "/feeds/2021-06-30/feeds"
    wanted = {"order": order, "item": world.item_of(order), "components": [("Principal", "5.00")]}
    world.process(world.adjustment(wanted))
    open_order = amazon.buyers.place_order(Item("CANDLE", "20.00"))
    cancels = acknowledgement(world.seller.id, open_order.id, {world.item_of(open_order.id): "NoInventory"})
    feed_id = world.submit(cancels, ACKNOWLEDGEMENT)
    world.ask("DELETE", f"{base}/{feed_id}")
    world.ask("GET", base, query={"feedTypes": f"POST_PAYMENT_ADJUSTMENT_DATA,{ACKNOWLEDGEMENT}", "pageSize": 1})


def reports(world: World) -> None:
    amazon, base = world.amazon, "/reports/2021-06-30"
    order = world.shipped_order(Item("LAMP", "30.00", 2))
    amazon.buyers.request_return(order, {"LAMP": 1})
    world.wait(minutes=1)
    world.read_report(world.report())
    body = {"reportType": RETURNS, "marketplaceIds": [FR], "period": "P1D"}
    schedule = world.ask("POST", f"{base}/schedules", body=body)["reportScheduleId"]
    world.ask("GET", f"{base}/schedules", query={"reportTypes": RETURNS})
    world.ask("GET", f"{base}/schedules/{schedule}")
    world.ask("DELETE", f"{base}/schedules/{schedule}")
    body = {"reportType": "GET_FBA_REIMBURSEMENTS_DATA", "marketplaceIds": [FR]}
    made = world.ask("POST", f"{base}/reports", body=body)["reportId"]
    world.ask("DELETE", f"{base}/reports/{made}")
    world.ask("GET", f"{base}/reports", query={"reportTypes": RETURNS})


def money(world: World, order: str) -> None:
    amazon = world.amazon
    claim = amazon.buyers.open_claim(order, "10.00")
    amazon.amazon.decide_claim(claim.id, granted=True)
    amazon.amazon.charge_back(order, "5.00")
    other = world.shipped_order()
    rma = amazon.buyers.request_return(other, {"CANDLE": 1}, first_scan=True)[0].rma
    amazon.carriers.scan_return(rma)
    amazon.staff.file_safe_t(rma, "4.00")
    amazon.amazon.pay_safe_t(rma)
    world.wait(hours=4)
    world.ask("GET", "/finances/2024-06-19/transactions", query={"postedAfter": "2026-11-01T00:00:00Z"})
    world.ask("GET", "/finances/v0/financialEvents", query={"PostedAfter": "2026-11-01T00:00:00Z"})
    world.ask("GET", f"/finances/v0/orders/{order}/financialEvents")


def messages(world: World, order: str) -> None:
    place, waiting = {"marketplaceIds": FR}, world.amazon.buyers.place_order(Item("SOAP", "7.50")).id
    for one in (order, waiting):
        world.ask("GET", f"/messaging/v1/orders/{one}", query=place)
    world.ask("GET", f"/messaging/v1/orders/{order}/attributes", query=place)
    file = {"attachments": [world.attach(order, "invoice")]}
    text = {"text": "Votre colis a du retard."}
    sendable = {"unexpectedProblem": text, "legalDisclosure": file, "warranty": file, "invoice": file}
    for name, body in sendable.items():
        world.ask("POST", f"/messaging/v1/orders/{order}/messages/{name}", query=place, body=body)
    for name in ("confirmOrderDetails", "confirmDeliveryDetails", "confirmServiceDetails"):
        world.ask("POST", f"/messaging/v1/orders/{waiting}/messages/{name}", query=place, body=text)
        world.wait(seconds=2)
    details = "confirmCustomizationDetails"
    world.ask("POST", f"/messaging/v1/orders/{waiting}/messages/{details}", query=place, body=text)
    key = f"/messaging/v1/orders/{order}/messages/digitalAccessKey"
    assert world.refusal("POST", key, query=place, body=text) == (403, "Unauthorized")


def outbound(world: World) -> None:
    amazon, base = world.amazon, "/fba/outbound/2020-07-01"
    amazon.buyers.order_elsewhere("SHOP-1001", {"CANDLE": 2})
    amazon.carriers.ship_outbound("SHOP-1001")
    amazon.buyers.order_elsewhere("SHOP-1002", {"CANDLE": 1})
    amazon.buyers.order_elsewhere("SHOP-1003", {"CANDLE": 1})
    shown = world.ask("GET", f"{base}/fulfillmentOrders/SHOP-1001")["payload"]
    shipment = shown["fulfillmentShipments"][0]["amazonShipmentId"]
    codes = world.ask("GET", f"{base}/returnReasonCodes", query={"sellerSku": "CANDLE"})["payload"]
    code = codes["reasonCodeDetails"][0]["returnReasonCode"]
    item = {
        "sellerReturnItemId": "R-1",
        "sellerFulfillmentOrderItemId": "SHOP-1001-1",
        "amazonShipmentId": shipment,
        "returnReasonCode": code,
    }
    path = f"{base}/fulfillmentOrders/SHOP-1001/return"
    world.ask("PUT", path, body={"items": [item, {**item, "sellerFulfillmentOrderItemId": "?"}]})
    amazon.carriers.receive_outbound_return("SHOP-1001", "R-1")
    world.ask("GET", f"{base}/fulfillmentOrders/SHOP-1001")
    world.ask("GET", f"{base}/fulfillmentOrders")
    world.ask("PUT", f"{base}/fulfillmentOrders/SHOP-1002/cancel")
    world.ask("PUT", "/fulfillment/outbound/2026-07-04/orders/SHOP-1003/cancel")
    world.wait(minutes=1)
    world.ask("GET", "/fulfillment/outbound/2026-07-04/orders/SHOP-1003")


def notifications(world: World) -> None:
    base = "/notifications/v1"
    destination = world.ask("GET", f"{base}/destinations", grantless=True)["payload"][0]["destinationId"]
    world.ask("GET", f"{base}/destinations/{destination}", grantless=True)
    world.ask("GET", f"{base}/subscriptions", query={"notificationTypes": "ORDER_CHANGE"})
    mine = world.ask("GET", f"{base}/subscriptions/ORDER_CHANGE")["payload"]["subscriptionId"]
    world.ask("GET", f"{base}/subscriptions/ORDER_CHANGE/{mine}", grantless=True)
    world.ask("DELETE", f"{base}/subscriptions/ORDER_CHANGE/{mine}", grantless=True)
    directive = {"eventFilter": {"eventFilterType": "ORDER_CHANGE", "orderChangeTypes": ["BuyerRequestedChange"]}}
    body = {"destinationId": destination, "payloadVersion": "1.0", "processingDirective": directive}
    world.ask("POST", f"{base}/subscriptions/ORDER_CHANGE", body=body)
    bridge = {"eventBridge": {"accountId": "000000000000", "region": "eu-west-1"}}
    made = world.ask(
        "POST", f"{base}/destinations", body={"name": "bus", "resourceSpecification": bridge}, grantless=True
    )
    world.ask("DELETE", f"{base}/destinations/{made['payload']['destinationId']}", grantless=True)


def others(world: World) -> None:
    world.ask("GET", "/sellers/v1/marketplaceParticipations")
    world.ask("GET", "/sellers/v1/account")
    resource = {"method": "GET", "path": "/orders/v0/orders", "dataElements": ["buyerInfo"]}
    world.ask("POST", "/tokens/2021-03-01/restrictedDataToken", body={"restrictedResources": [resource]})
    rotation = world.token("sellingpartnerapi::client_credential:rotation")
    world.ask("POST", "/applications/2023-11-30/clientSecret", token=rotation)
    world.amazon.amazon.set_account_status("AT_RISK")


def refusals(world: World) -> None:
    assert world.refusal("GET", "/orders/2026-01-01/orders/404-0000000-0000000") == (404, "NotFound")
    assert world.refusal("GET", "/feeds/2021-06-30/feeds") == (400, "InvalidInput")
    assert world.refusal("GET", "/feeds/2021-06-30/feeds/1", token="Atza|wrong") == (403, "Unauthorized")
    answers = [world.send("GET", "/sellers/v1/account").status_code for _ in range(20)]
    assert answers.count(429) == 6  # one was taken before


def schema_of(entry: Logged, reference: Path) -> tuple[dict[str, object], dict[str, object]] | None:
    """(the model, the schema of the status) of a logged answer; None when that status has no body."""
    operation = next(one for one in OPERATIONS if one.key == entry.key)
    of = model(reference, operation.model)
    answers = of["paths"][operation.path][operation.method.lower()]["responses"]
    # Where a model leaves a status of access out, its errors look like those of any other refusal.
    told = answers.get(str(entry.status)) or answers["400"]
    schema = told.get("schema")
    return None if schema is None else (of, schema)


def test_every_operation_was_called(toured: World) -> None:
    called = {entry.key for entry in toured.amazon.requests if entry.applied}

    assert {one.key for one in OPERATIONS} - called == {"messaging/createDigitalAccessKey"}


def test_every_answer_fits_its_model(toured: World, reference: Path) -> None:
    wrong = []
    for entry in toured.amazon.requests:
        found = schema_of(entry, reference)
        if found is None:
            assert not entry.answer, entry
            continue
        told = problems(*found, entry.answer)
        told = [one for one in told if not any(part in one for part in BESIDE_THE_MODEL)]
        wrong += [f"{entry.operation} {entry.status}: {one}" for one in told]

    assert len(toured.amazon.requests) > 80
    assert wrong == []


def test_every_notification_fits_its_schema(toured: World, reference: Path) -> None:
    toured.deliver()
    toured.wait(hours=1)
    wrong = []
    for kind, name in SCHEMAS.items():
        schema = json.loads((reference / f"amazon/schemas/{name}.json").read_text())
        bodies = toured.notes(kind)
        assert bodies, f"no {kind} was sent"
        for body in bodies:
            wrong += [f"{kind}: {error.message}" for error in Draft7Validator(schema).iter_errors(body)]
    # That schema asks for shipment and return in every notification; a live one has what there is.
    spare = ("'FulfillmentShipment' is a required", "'FulfillmentReturnItem' is a required")

    assert [one for one in wrong if not any(part in one for part in spare)] == []
    assert toured.notes("ACCOUNT_STATUS_CHANGED")


def test_an_answer_names_its_rate_where_the_caller_is_known(toured: World) -> None:
    answer = toured.send("GET", "/orders/2026-01-01/orders/404-0000000-0000000")
    throttled = [toured.send("GET", "/sellers/v1/account") for _ in range(20)][-1]

    assert answer.headers["x-amzn-RateLimit-Limit"] == "0.5"
    assert answer.headers["x-amzn-RequestId"]
    assert throttled.status_code == 429
    assert throttled.json() == {
        "errors": [
            {"code": "QuotaExceeded", "message": "You exceeded your quota for the requested resource.", "details": ""}
        ]
    }
