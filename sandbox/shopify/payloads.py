"""The bodies of webhooks, in the shapes of Shopify's published samples.

Returns and goods are here, orders and money in order_payloads; times carry the shop's offset.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.shopify import return_records as rr
from sandbox.shopify.books import Books, News
from sandbox.shopify.ids import legacy_id
from sandbox.shopify.money import decimal_text
from sandbox.shopify.order_payloads import Writer

Body = dict[str, Any]


def named(gid: str) -> Body:
    return {"id": legacy_id(gid), "admin_graphql_api_id": gid}


def _price(books: Books, order_id: str, minor: int) -> Body:
    currencies = books.currencies(order_id)
    return {
        "shop_money": {
            "amount": decimal_text(currencies.to_shop(minor), currencies.shop),
            "currency_code": currencies.shop,
        },
        "presentment_money": {
            "amount": decimal_text(minor, currencies.presentment),
            "currency_code": currencies.presentment,
        },
    }


def _return_line(books: Books, line: rr.ReturnLine) -> Body:
    found = books.fulfillment_line(line.fulfillment_line)
    ordered = named(found[1].line) if found else None
    return {
        **named(line.id),
        "fulfillment_line_item": {**named(line.fulfillment_line), "line_item": ordered},
        "quantity": line.quantity,
        "return_reason": line.reason.lower(),
        "return_reason_note": line.reason_note,
        "customer_note": line.customer_note,
    }


def _whole_return(books: Books, news: News) -> Body:
    item = books.returns[news.subject]
    return {
        **named(item.id),
        "status": item.status.lower(),
        "order": named(item.order),
        "name": item.name,
        "total_return_line_items": len(item.lines),
        "return_line_items": [_return_line(books, line) for line in item.lines],
        "total_exchange_line_items": len(item.exchanges),
        "exchange_line_items": [{**named(line.id), "line_item": None} for line in item.exchanges],
        "return_shipping_fees": [
            {**named(fee.id), "price": _price(books, item.order, fee.amount)} for fee in item.fees
        ],
    }


def _status_only(books: Books, news: News) -> Body:
    item = books.returns[news.subject]
    return {**named(item.id), "order_id": legacy_id(item.order), "status": item.status.lower()}


def _declined(books: Books, news: News) -> Body:
    item = books.returns[news.subject]
    decline = {"reason": (item.decline_reason or "").lower(), "note": item.decline_note}
    return {**named(item.id), "status": item.status.lower(), "decline": decline}


def _updated(_: Books, news: News) -> Body:
    removals = [{"admin_graphql_api_id": gid, "delta": delta} for gid, delta in news.delta]
    return {
        "admin_graphql_api_id": news.subject,
        "return_line_items": {"removals": removals},
        "restocking_fees": {"updates": [], "removals": []},
        "return_shipping_fees": {"updates": [], "removals": []},
    }


def _attached(books: Books, news: News) -> Body:
    delivery = books.reverse_deliveries[news.subject]
    reverse = books.reverse_orders[delivery.reverse_order]
    created = None if delivery.label_url is None else delivery.created_at.isoformat(timespec="seconds")
    return {
        **named(delivery.id),
        "return": named(reverse.return_id),
        "shipping_deliverable": {
            "label": {"public_file_url": delivery.label_url, "created_at": created},
            "tracking": {
                "carrier_name": None,
                "tracking_number": delivery.tracking_number,
                "tracking_url": delivery.tracking_url,
            },
        },
    }


def _disposed(books: Books, news: News) -> Body:
    reverse = books.reverse_orders[news.subject]
    lines = [
        {
            **named(line.id),
            "dispositions": [
                {
                    **named(disposition.id),
                    "type": disposition.type.lower(),
                    "quantity": disposition.quantity,
                    "location_id": None if disposition.location is None else legacy_id(disposition.location),
                }
                for disposition in line.dispositions
            ],
        }
        for line in reverse.lines
    ]
    return {**named(reverse.id), "return": named(reverse.return_id), "reverse_fulfillment_order_line_items": lines}


_RETURNS: Mapping[str, Callable[[Books, News], Body]] = {
    "returns/request": _whole_return,
    "returns/approve": _whole_return,
    "returns/process": _whole_return,
    "returns/decline": _declined,
    "returns/cancel": _status_only,
    "returns/close": _status_only,
    "returns/reopen": _status_only,
    "returns/update": _updated,
    "reverse_deliveries/attach_deliverable": _attached,
    "reverse_fulfillment_orders/dispose": _disposed,
}


def _local(zone: ZoneInfo) -> Callable[[datetime | None], str | None]:
    def write(moment: datetime | None) -> str | None:
        return None if moment is None else moment.astimezone(zone).isoformat(timespec="seconds")

    return write


def body_of(books: Books, news: News, time_zone: str, shop_id: int) -> bytes:
    """The bytes to sign and send. Raises KeyError for a topic that has no shape here."""
    if news.topic in _RETURNS:
        payload = _RETURNS[news.topic](books, news)
    else:
        payload = Writer(books, _local(ZoneInfo(time_zone)), shop_id).write(news)
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
