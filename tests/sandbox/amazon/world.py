"""What the simulator's tests stand on: a clock to turn, a client that speaks plain HTTP, feeds and reports."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import requests

from sandbox.amazon import AmazonSimulator, Item, Seller
from sandbox.amazon.mailroom import Mail
from sandbox.amazon.marketplaces import MARKETPLACES
from sandbox.amazon.seller import Application

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:amazon"
XML = "text/xml; charset=UTF-8"
TSV = "text/tab-separated-values; charset=UTF-8"
ADJUSTMENT = "POST_PAYMENT_ADJUSTMENT_DATA"
ACKNOWLEDGEMENT = "POST_ORDER_ACKNOWLEDGEMENT_DATA"
RETURNS = "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE"
FR = MARKETPLACES["FR"].id
Json = dict[str, Any]


@dataclass(slots=True)
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> datetime:
        self.now += timedelta(**parts)
        return self.now


@dataclass(slots=True)
class World:
    """A running simulator, its clock, a queue and a mailbox, and the API as an application sees it."""

    amazon: AmazonSimulator
    clock: Clock
    seller: Seller
    application: Application = field(default_factory=Application)
    queue: list[Json] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    _tokens: dict[str, str] = field(default_factory=dict)

    # Tokens

    def log_in(self, **form: str) -> requests.Response:
        given = {"client_id": self.application.client_id, "client_secret": self.application.client_secret}
        return requests.post(self.amazon.token_url, data=given | form, timeout=5)

    def token(self, scope: str | None = None) -> str:
        """A fresh enough access token: the seller's, or a grantless one of a scope."""
        name = scope or "seller"
        if name not in self._tokens:
            grant = (
                {"grant_type": "client_credentials", "scope": scope}
                if scope
                else {"grant_type": "refresh_token", "refresh_token": self.seller.refresh_token}
            )
            self._tokens[name] = self.log_in(**grant).json()["access_token"]
        return self._tokens[name]

    def forget_tokens(self) -> None:
        self._tokens.clear()

    # Requests

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        token: str | None = None,
        grantless: bool = False,
    ) -> requests.Response:
        access = token or self.token("sellingpartnerapi::notifications" if grantless else None)
        return requests.request(
            method,
            self.amazon.url + path,
            params=query,
            json=body,
            headers={"x-amz-access-token": access},
            timeout=5,
        )

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """The answer's body; the request must succeed."""
        answer = self.send(method, path, **more)
        assert 200 <= answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def refusal(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        """(status, code) of a request that must fail."""
        answer = self.send(method, path, **more)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["errors"][0]["code"]

    # Time

    def wait(self, **parts: float) -> None:
        """Let time pass, and everything that is due happen and arrive. Tokens are renewed."""
        until = self.clock.now + timedelta(**parts)
        while (moment := self.amazon.next_due()) is not None and moment <= until:
            self.clock.now = max(moment, self.clock.now)
            self.deliver()
        self.clock.now = until
        self.deliver()
        self.forget_tokens()

    def deliver(self) -> None:
        self.amazon.deliver_due()

    def road(self, arn: str, body: str) -> bool:
        """The queue of these tests takes what is meant for it."""
        assert arn == QUEUE
        self.queue.append(json.loads(body))
        return True

    def notes(self, kind: str) -> list[Json]:
        """The notifications of a type that arrived, oldest first."""
        return [one for one in self.queue if one.get("NotificationType", one.get("notificationType")) == kind]

    def mails_of(self, kind: str) -> list[Mail]:
        return [one for one in self.mails if one.kind == kind]

    def subscribe(self, *kinds: str) -> None:
        """A destination, and a subscription to each type in its payload version."""
        versions = {"FEED_PROCESSING_FINISHED": "2020-09-04", "REPORT_PROCESSING_FINISHED": "2020-09-04"}
        versions["ACCOUNT_STATUS_CHANGED"] = "2021-01-01"
        path = "/notifications/v1/destinations"
        resource = {"name": "queue", "resourceSpecification": {"sqs": {"arn": QUEUE}}}
        made = self.ask("POST", path, body=resource, grantless=True)["payload"]["destinationId"]
        for kind in kinds:
            body = {"destinationId": made, "payloadVersion": versions.get(kind, "1.0")}
            self.ask("POST", f"/notifications/v1/subscriptions/{kind}", body=body)
            self.clock.advance(seconds=1)

    # Feeds and reports

    def upload(self, content: bytes, content_type: str = XML) -> str:
        made = self.ask("POST", "/feeds/2021-06-30/documents", body={"contentType": content_type})
        put = requests.put(made["url"], data=content, headers={"Content-Type": content_type}, timeout=5)
        assert put.status_code == 200, put.text
        return str(made["feedDocumentId"])

    def attach(self, order: str, message: str, content: bytes = b"%PDF-") -> Json:
        """An attachment, uploaded for a message of an order."""
        path = f"/uploads/2020-11-01/uploadDestinations/messaging/v1/orders/{order}/messages/{message}"
        query = {"marketplaceIds": FR, "contentMD5": "x", "contentType": "application/pdf"}
        place = self.ask("POST", path, query=query)["payload"]
        requests.put(place["url"], data=content, headers=place["headers"], timeout=5).raise_for_status()
        return {"uploadDestinationId": place["uploadDestinationId"], "fileName": "file.pdf"}

    def create_feed(self, document: str, kind: str = ADJUSTMENT, **more: Any) -> str:
        body = {"feedType": kind, "marketplaceIds": [FR], "inputFeedDocumentId": document} | more
        return str(self.ask("POST", "/feeds/2021-06-30/feeds", body=body)["feedId"])

    def submit(self, content: bytes, kind: str = ADJUSTMENT, content_type: str = XML, **more: Any) -> str:
        return self.create_feed(self.upload(content, content_type), kind, **more)

    def feed(self, feed_id: str) -> Json:
        found: Json = self.ask("GET", f"/feeds/2021-06-30/feeds/{feed_id}")
        return found

    def result(self, feed_id: str) -> bytes:
        """The result document of a feed that is finished."""
        told = self.ask("GET", f"/feeds/2021-06-30/documents/{self.feed(feed_id)['resultFeedDocumentId']}")
        return download(told)

    def process(self, content: bytes, kind: str = ADJUSTMENT, **more: Any) -> tuple[Json, bytes]:
        """Submit, wait until it is done: the feed and its result."""
        feed_id = self.submit(content, kind, **more)
        self.wait(minutes=5)
        return self.feed(feed_id), self.result(feed_id)

    def report(self, kind: str = RETURNS, days: int = 2, **more: Any) -> Json:
        """Ask for a report and wait until it is finished."""
        start = (self.clock() - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"reportType": kind, "marketplaceIds": [FR], "dataStartTime": start} | more
        made = self.ask("POST", "/reports/2021-06-30/reports", body=body)["reportId"]
        self.wait(minutes=5)
        found: Json = self.ask("GET", f"/reports/2021-06-30/reports/{made}")
        return found

    def read_report(self, report: Json) -> bytes:
        return download(self.ask("GET", f"/reports/2021-06-30/documents/{report['reportDocumentId']}"))

    # Orders

    def shipped_order(self, *items: Item, **basket: Any) -> str:
        """An order that has arrived; its id."""
        order = self.amazon.buyers.place_order(*(items or (Item("CANDLE", "20.00", 3),)), **basket)
        self.amazon.carriers.ship(order.id)
        self.amazon.carriers.deliver(order.id)
        return order.id

    def item_of(self, order_id: str, sku: str = "CANDLE") -> str:
        return self.amazon.order(order_id).line_of_sku(sku).id

    def refunded(self, order_id: str) -> int:
        return self.amazon.books().refunded(order_id)

    def adjustment(self, *refunds: Json) -> bytes:
        """The XML of refunds: order, item, components ((type, amount), ...), and what else is to be said."""
        messages = "".join(_message(number, one) for number, one in enumerate(refunds, start=1))
        return envelope(self.seller.id, "OrderAdjustment", messages)


def _message(number: int, one: Json) -> str:
    components = "".join(
        f'<Component><Type>{kind}</Type><Amount currency="{one.get("currency", "EUR")}">{amount}</Amount></Component>'
        for kind, amount in one["components"]
    )
    quantity = f"<Quantity>{one['quantity']}</Quantity>" if "quantity" in one else ""
    return (
        f"<Message><MessageID>{number}</MessageID><OrderAdjustment><AmazonOrderID>{one['order']}</AmazonOrderID>"
        f"<ActionType>Refund</ActionType><AdjustedItem><AmazonOrderItemCode>{one['item']}</AmazonOrderItemCode>"
        f"<MerchantAdjustmentItemID>intent-{number}</MerchantAdjustmentItemID>"
        f"<AdjustmentReason>{one.get('reason', 'CustomerReturn')}</AdjustmentReason>"
        f"<ItemPriceAdjustments>{components}</ItemPriceAdjustments>{quantity}</AdjustedItem></OrderAdjustment></Message>"
    )


def refund(world: World, order: str, amount: str = "5.00", **more: Any) -> Json:
    """A refund of goods of an order's candle, as `World.adjustment` takes it."""
    return {"order": order, "item": world.item_of(order), "components": [("Principal", amount)]} | more


def envelope(seller: str, kind: str, messages: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><AmazonEnvelope><Header><DocumentVersion>1.01</DocumentVersion>'
        f"<MerchantIdentifier>{seller}</MerchantIdentifier></Header><MessageType>{kind}</MessageType>"
        f"{messages}</AmazonEnvelope>"
    ).encode()


def acknowledgement(seller: str, order: str, items: Mapping[str, str], status: str = "Failure") -> bytes:
    """The XML that cancels an order: reason by item."""
    rows = "".join(
        f"<Item><AmazonOrderItemCode>{item}</AmazonOrderItemCode><CancelReason>{reason}</CancelReason></Item>"
        for item, reason in items.items()
    )
    inner = f"<AmazonOrderID>{order}</AmazonOrderID><StatusCode>{status}</StatusCode>{rows}"
    message = f"<Message><MessageID>1</MessageID><OrderAcknowledgement>{inner}</OrderAcknowledgement></Message>"
    return envelope(seller, "OrderAcknowledgement", message)


def download(told: Json) -> bytes:
    answer = requests.get(told["url"], timeout=5)
    assert answer.status_code == 200, answer.text
    return gzip.decompress(answer.content) if "compressionAlgorithm" in told else answer.content


@dataclass(frozen=True, slots=True)
class Verdict:
    """A processing report read: counts, and (message, code) of each row."""

    status: str
    processed: int
    successful: int
    rows: tuple[tuple[int, int], ...]


def read_result(content: bytes) -> Verdict:
    report = ET.fromstring(content).find(  # noqa: S314  # the simulator wrote it
        "Message/ProcessingReport"
    )
    assert report is not None

    def number(path: str) -> int:
        return int(report.findtext(path) or -1)

    rows = tuple(
        (int(row.findtext("MessageID") or -1), int(row.findtext("ResultMessageCode") or -1))
        for row in report.findall("Result")
    )
    summary = "ProcessingSummary"
    status = report.findtext("StatusCode") or ""
    return Verdict(status, number(f"{summary}/MessagesProcessed"), number(f"{summary}/MessagesSuccessful"), rows)


@contextmanager
def open_world(seller: Seller | None = None, **given: Any) -> Iterator[World]:
    clock, owner = Clock(), seller or Seller()
    with AmazonSimulator(clock, [owner], **given) as amazon:
        world = World(amazon, clock, owner)
        amazon.connect(world.road, world.mails.append)
        yield world
        assert not amazon.defects, amazon.defects
