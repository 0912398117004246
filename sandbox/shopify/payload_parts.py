"""The pieces webhook bodies are made of: prices in both currencies, taxes, addresses, order lines."""

from __future__ import annotations

from typing import Any

from sandbox.shopify import records as r
from sandbox.shopify.books import Books
from sandbox.shopify.ids import legacy_id
from sandbox.shopify.money import Currencies, fixed_text

Body = dict[str, Any]


def price_set(currencies: Currencies, minor: int) -> Body:
    return {
        "shop_money": {
            "amount": fixed_text(currencies.to_shop(minor), currencies.shop),
            "currency_code": currencies.shop,
        },
        "presentment_money": {
            "amount": fixed_text(minor, currencies.presentment),
            "currency_code": currencies.presentment,
        },
    }


def tax_body(order: r.Order, tax: r.Tax) -> Body:
    return {
        "title": tax.title,
        "rate": float(tax.rate),
        "price": fixed_text(order.currencies.to_shop(tax.amount), order.currencies.shop),
        "price_set": price_set(order.currencies, tax.amount),
        "channel_liable": False,
    }


def address_body(address: r.Address | None) -> Body | None:
    if address is None:
        return None
    return {
        "first_name": address.first_name,
        "last_name": address.last_name,
        "name": f"{address.first_name} {address.last_name}",
        "company": None,
        "address1": address.address1,
        "address2": None,
        "city": address.city,
        "zip": address.zip,
        "province": None,
        "province_code": None,
        "country": address.country,
        "country_code": address.country_code,
        "phone": address.phone,
        "latitude": None,
        "longitude": None,
    }


def line_body(books: Books, order: r.Order, line: r.Line) -> Body:
    currencies = order.currencies
    discount = line.original_total - line.net_total
    left = books.refundable_quantity(order.id, line)
    shipped = books.fulfilled_quantity(order.id, line.id)
    variant = None if line.variant is None else legacy_id(line.variant)
    return {
        "id": legacy_id(line.id),
        "admin_graphql_api_id": line.id,
        "attributed_staffs": [],
        "current_quantity": left,
        "discount_allocations": [
            {
                "amount": fixed_text(currencies.to_shop(item.amount), currencies.shop),
                "amount_set": price_set(currencies, item.amount),
                "discount_application_index": item.index,
            }
            for item in line.discounts
        ],
        "duties": [],
        "fulfillable_quantity": max(0, left - shipped),
        "fulfillment_service": "manual",
        "fulfillment_status": "fulfilled" if shipped >= line.quantity else ("partial" if shipped else None),
        "gift_card": line.gift_card,
        "grams": 0,
        "name": line.title,
        "price": fixed_text(currencies.to_shop(line.unit_price), currencies.shop),
        "price_set": price_set(currencies, line.unit_price),
        "product_exists": variant is not None,
        "product_id": variant,
        "properties": [],
        "quantity": line.quantity,
        "requires_shipping": line.requires_shipping,
        "sales_line_item_group_id": None,
        "sku": line.sku,
        "tax_lines": [tax_body(order, tax) for tax in line.taxes],
        "taxable": line.taxable,
        "title": line.title,
        "total_discount": fixed_text(currencies.to_shop(discount), currencies.shop),
        "total_discount_set": price_set(currencies, discount),
        "variant_id": variant,
        "variant_inventory_management": "shopify",
        "variant_title": None,
        "vendor": None,
    }
