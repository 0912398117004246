"""Webhook subscriptions as the API shows them, and their topics in both spellings."""

from __future__ import annotations

from sandbox.shopify.ids import legacy_id
from sandbox.shopify.views.common import Scene, View, utc_text
from sandbox.shopify.webhooks import Subscription

# Header topics whose resource name holds an underscore of its own.
_LONG_NAMES = (
    "reverse_fulfillment_orders",
    "reverse_deliveries",
    "order_transactions",
    "fulfillment_events",
    "fulfillment_orders",
    "bulk_operations",
    "draft_orders",
)


def topic_of(name: str) -> str:
    """RETURNS_REQUEST -> returns/request."""
    text = name.lower()
    resource = next((item for item in _LONG_NAMES if text.startswith(f"{item}_")), text.split("_", 1)[0])
    return f"{resource}/{text[len(resource) + 1 :]}"


def enum_of(topic: str) -> str:
    """returns/request -> RETURNS_REQUEST."""
    return topic.replace("/", "_").upper()


class ApiVersionView:
    typename = "ApiVersion"

    def __init__(self, handle: str) -> None:
        self.handle = self.display_name = handle
        self.supported = True


class EndpointView:
    typename = "WebhookHttpEndpoint"

    def __init__(self, uri: str) -> None:
        self.callback_url = uri


class SubscriptionView(View):
    typename = "WebhookSubscription"

    def __init__(self, scene: Scene, subscription: Subscription) -> None:
        super().__init__(scene)
        self.subscription = subscription
        self.id = subscription.id
        self.legacy_resource_id = str(legacy_id(subscription.id))
        self.topic = enum_of(subscription.topic)
        self.uri = self.callback_url = subscription.uri
        self.endpoint = EndpointView(subscription.uri)
        self.format = "JSON"
        self.api_version = ApiVersionView(subscription.version)
        self.created_at = self.updated_at = utc_text(subscription.created_at)
        self.filter = subscription.filter
        self.include_fields = list(subscription.include_fields)
        self.metafield_namespaces: list[str] = []
        self.name = subscription.name
