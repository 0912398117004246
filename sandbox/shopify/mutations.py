"""The mutation root: each mutation calls its act on the books and turns a refusal into `userErrors`.

A gid of another type is no business refusal: it is a top-level RESOURCE_NOT_FOUND with a null payload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo, get_directive_values

from sandbox.shopify import cancelling, processing, returns, reverse
from sandbox.shopify.books import Refused, refuse
from sandbox.shopify.idempotency import Keys, fingerprint
from sandbox.shopify.ids import kind_of
from sandbox.shopify.refunds import create_refund
from sandbox.shopify.roots import find_order
from sandbox.shopify.views.common import ErrorView, Scene
from sandbox.shopify.views.hooks import SubscriptionView, topic_of
from sandbox.shopify.views.jobs import JobResultView, JobView
from sandbox.shopify.views.payments import RefundView
from sandbox.shopify.views.returns import ReturnView, ReverseDeliveryView, ReverseLineView
from sandbox.shopify.webhooks import Subscription

SCOPES: Mapping[str, str] = {
    "refundCreate": "write_orders",
    "orderCancel": "write_orders",
    "returnRequest": "write_returns",
    "returnCreate": "write_returns",
    "returnApproveRequest": "write_returns",
    "returnDeclineRequest": "write_returns",
    "removeFromReturn": "write_returns",
    "returnProcess": "write_returns",
    "returnClose": "write_returns",
    "returnReopen": "write_returns",
    "returnCancel": "write_returns",
    "reverseFulfillmentOrderDispose": "write_returns",
    "reverseDeliveryCreateWithShipping": "write_returns",
    "reverseDeliveryShippingUpdate": "write_returns",
}


class Payload:
    """A mutation's payload: its fields by name, and the refusals."""

    def __init__(self, errors: tuple[ErrorView, ...] = (), **fields: Any) -> None:
        self.user_errors = self.order_cancel_user_errors = list(errors)
        self.__dict__.update(fields)


def errors_of(refused: Refused) -> tuple[ErrorView, ...]:
    return tuple(
        ErrorView(None if error.field is None else list(error.field), error.message, error.code)
        for error in refused.errors
    )


def expect(gid: str, kind: str) -> None:
    if kind_of(gid) != kind:
        raise GraphQLError(f"Invalid id: {gid}", extensions={"code": "RESOURCE_NOT_FOUND"})


class Mutations:
    """One attribute per mutation; `applied` counts those not refused, `new_keys` are in flight until answered."""

    typename = "Mutation"

    def __init__(self, scene: Scene, keys: Keys) -> None:
        self.scene = scene
        self.books = scene.books
        self.keys = keys
        self.applied = 0
        self.new_keys: list[str] = []
        self._key: str | None = None

    def enter(self, info: GraphQLResolveInfo[Scene]) -> None:
        """Called before each root field: the scope is checked and the idempotency key read."""
        scope = SCOPES.get(info.field_name)
        if scope is not None and scope not in self.scene.scopes:
            text = f"Access denied for {info.field_name} field. Required access: `{scope}` access scope."
            raise GraphQLError(text, extensions={"code": "ACCESS_DENIED", "requiredAccess": f"`{scope}` access scope."})
        directive = info.schema.get_directive("idempotent")
        given = get_directive_values(directive, info.field_nodes[0], info.variable_values) if directive else None
        self._key = None if given is None else given["key"]

    def _run(self, act: Callable[[], Payload], **nothing: Any) -> Payload:
        """The act's payload, or `nothing` beside the refusals."""
        try:
            payload = act()
        except Refused as refused:
            return Payload(errors_of(refused), **nothing)
        self.applied += 1
        return payload

    def _return(self, act: Callable[[], Any]) -> Payload:
        return self._run(lambda: Payload(return_=ReturnView(self.scene, act())), return_=None)

    # Returns

    def return_request(self, input: Mapping[str, Any]) -> Payload:  # noqa: A002
        expect(input["orderId"], "Order")
        return self._return(lambda: returns.request_return(self.books, input))

    def return_create(self, return_input: Mapping[str, Any]) -> Payload:
        expect(return_input["orderId"], "Order")
        announce = self.scene.shop.create_announces_approval
        return self._return(lambda: returns.create_return(self.books, return_input, announce=announce))

    def return_approve_request(self, input: Mapping[str, Any]) -> Payload:  # noqa: A002
        expect(input["id"], "Return")
        return self._return(lambda: returns.approve(self.books, input["id"]))

    def return_decline_request(self, input: Mapping[str, Any]) -> Payload:  # noqa: A002
        expect(input["id"], "Return")
        note = input.get("declineNote")
        return self._return(lambda: returns.decline(self.books, input["id"], input["declineReason"], note))

    def return_process(self, input: Mapping[str, Any]) -> Payload:  # noqa: A002
        expect(input["returnId"], "Return")
        return self._return(lambda: processing.process(self.books, input))

    def return_close(self, id: str) -> Payload:  # noqa: A002
        expect(id, "Return")
        return self._return(lambda: returns.close(self.books, id))

    def return_reopen(self, id: str) -> Payload:  # noqa: A002
        expect(id, "Return")
        return self._return(lambda: returns.reopen(self.books, id))

    def return_cancel(self, id: str, *, notify_customer: bool | None = None) -> Payload:  # noqa: A002
        del notify_customer  # nobody reads mail here
        expect(id, "Return")
        return self._return(lambda: returns.cancel(self.books, id))

    def remove_from_return(
        self,
        return_id: str,
        return_line_items: list[Mapping[str, Any]] | None = None,
        exchange_line_items: list[Mapping[str, Any]] | None = None,
    ) -> Payload:
        expect(return_id, "Return")
        lines, exchanges = return_line_items or [], exchange_line_items or []
        return self._return(lambda: returns.remove_lines(self.books, return_id, lines, exchanges))

    # Money

    def refund_create(self, input: Mapping[str, Any]) -> Payload:  # noqa: A002
        self.keys.check(self._key, self.scene.version)
        expect(input["orderId"], "Order")
        key, now = self._key, self.scene.now

        def act() -> Payload:
            known = self.keys.replay(key, fingerprint(input), now) if key is not None else None
            refund = self.books.refunds[known] if known is not None else create_refund(self.books, input)
            if key is not None and known is None:
                self.keys.remember(key, fingerprint(input), refund.id, now)
                self.new_keys.append(key)
            return Payload(refund=RefundView(self.scene, refund), order=find_order(self.scene, refund.order))

        return self._run(act, refund=None, order=find_order(self.scene, input["orderId"]))

    def order_cancel(self, **given: Any) -> Payload:
        names = {"order_id": "orderId", "refund_method": "refundMethod", "staff_note": "staffNote"}
        order = {names.get(name, name): value for name, value in given.items()}
        expect(order["orderId"], "Order")

        def act() -> Payload:
            job = cancelling.cancel_order(self.books, order, self.scene.cancel_after)
            return Payload(job=JobView(self.scene, job), job_result=JobResultView(self.scene, job))

        return self._run(act, job=None, job_result=None)

    # Goods

    def reverse_fulfillment_order_dispose(self, disposition_inputs: list[Mapping[str, Any]]) -> Payload:
        def act() -> Payload:
            lines = reverse.dispose(self.books, disposition_inputs)
            return Payload(reverse_fulfillment_order_line_items=[ReverseLineView(self.scene, line) for line in lines])

        return self._run(act, reverse_fulfillment_order_line_items=None)

    def reverse_delivery_create_with_shipping(
        self,
        reverse_fulfillment_order_id: str,
        reverse_delivery_line_items: list[Mapping[str, Any]],
        tracking_input: Mapping[str, Any] | None = None,
        label_input: Mapping[str, Any] | None = None,
        *,
        notify_customer: bool | None = None,
    ) -> Payload:
        del notify_customer  # nobody reads mail here
        expect(reverse_fulfillment_order_id, "ReverseFulfillmentOrder")

        def act() -> Payload:
            made = reverse.create_delivery(
                self.books, reverse_fulfillment_order_id, reverse_delivery_line_items, tracking_input, label_input
            )
            return Payload(reverse_delivery=ReverseDeliveryView(self.scene, made))

        return self._run(act, reverse_delivery=None)

    def reverse_delivery_shipping_update(
        self,
        reverse_delivery_id: str,
        tracking_input: Mapping[str, Any] | None = None,
        label_input: Mapping[str, Any] | None = None,
        *,
        notify_customer: bool | None = None,
    ) -> Payload:
        del notify_customer  # nobody reads mail here

        def act() -> Payload:
            changed = reverse.update_delivery(self.books, reverse_delivery_id, tracking_input, label_input)
            return Payload(reverse_delivery=ReverseDeliveryView(self.scene, changed))

        return self._run(act, reverse_delivery=None)

    # Webhooks

    def webhook_subscription_create(self, topic: str, webhook_subscription: Mapping[str, Any]) -> Payload:
        return self._run(lambda: self._subscribe(topic, webhook_subscription), webhook_subscription=None)

    def _subscribe(self, topic: str, given: Mapping[str, Any]) -> Payload:
        uri = given.get("uri") or given.get("callbackUrl")
        if not uri:
            raise refuse(("webhookSubscription", "callbackUrl"), "Address can't be blank")
        hooks = self.scene.hooks
        if any(item.uri == uri for item in hooks.subscribers(self.books.shop, topic_of(topic))):
            raise refuse(("webhookSubscription", "callbackUrl"), "Address for this topic has already been taken")
        made = hooks.subscribe(
            Subscription(
                id=self.books.ids.gid("WebhookSubscription"),
                shop=self.books.shop,
                topic=topic_of(topic),
                uri=uri,
                version=self.scene.version,
                created_at=self.scene.now,
                name=given.get("name"),
                filter=given.get("filter"),
                include_fields=tuple(given.get("includeFields") or ()),
            )
        )
        return Payload(webhook_subscription=SubscriptionView(self.scene, made))

    def _own_subscription(self, gid: str) -> Subscription:
        found = self.scene.hooks.subscriptions.get(gid)
        if not isinstance(found, Subscription) or found.shop != self.books.shop or found.app_level:
            raise refuse(("id",), "Webhook subscription does not exist")
        return found

    def webhook_subscription_update(self, id: str, webhook_subscription: Mapping[str, Any]) -> Payload:  # noqa: A002
        def act() -> Payload:
            found = self._own_subscription(id)
            uri = webhook_subscription.get("uri") or webhook_subscription.get("callbackUrl") or found.uri
            changed = replace(
                found,
                uri=uri,
                filter=webhook_subscription.get("filter", found.filter),
                include_fields=tuple(webhook_subscription.get("includeFields") or found.include_fields),
            )
            self.scene.hooks.subscribe(changed)
            return Payload(webhook_subscription=SubscriptionView(self.scene, changed))

        return self._run(act, webhook_subscription=None)

    def webhook_subscription_delete(self, id: str) -> Payload:  # noqa: A002
        def act() -> Payload:
            del self.scene.hooks.subscriptions[self._own_subscription(id).id]
            return Payload(deleted_webhook_subscription_id=id)

        return self._run(act, deleted_webhook_subscription_id=None)
