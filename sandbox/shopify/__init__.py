"""A Shopify of our own: a real GraphQL server with its own books, its own webhooks and scripted misfortune.

It follows the published schema and the recorded behaviour of Shopify, and knows nothing of the system under test.
"""

from __future__ import annotations

from sandbox.shopify.books import Refused, Settlement
from sandbox.shopify.faults import Call, Faults, Kind
from sandbox.shopify.ordering import Item, Payment
from sandbox.shopify.shop import Shop
from sandbox.shopify.simulator import TOPICS, ShopifySimulator

__all__ = ["TOPICS", "Call", "Faults", "Item", "Kind", "Payment", "Refused", "Settlement", "Shop", "ShopifySimulator"]
