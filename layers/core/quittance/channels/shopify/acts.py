"""What Quittance can do at Shopify: the bytes that each intent sends and what guards it against a second application.

Pure, and loads no HTTP library. Refuses an intent that Shopify would misread, before anything is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from quittance.application.ports import Guard
from quittance.channels.shopify.gid import to_gid
from quittance.domain.errors import Rejected
from quittance.domain.intent import Act, Intent, ReplayGuard
from quittance.domain.money import Money, to_decimal

NOTE: Final = "quittance:"
LONGEST_DECLINE_NOTE: Final = 500
DECLINE_REASONS: Final = frozenset({"FINAL_SALE", "OTHER", "RETURN_PERIOD_ENDED"})
Variables = Mapping[str, Any]

# returnProcess and removeFromReturn know no idempotency key, and a repeat on units that are left would count.
# A repeated approval or decline is refused as INVALID_STATE, a repeated closing or cancelling changes nothing.
_GUARDS: Final[Mapping[Act, ReplayGuard]] = {
    Act.REFUND: ReplayGuard.NONE,
    Act.REMOVE_LINES: ReplayGuard.NONE,
    Act.APPROVE_RETURN: ReplayGuard.REPEATABLE,
    Act.DECLINE_RETURN: ReplayGuard.REPEATABLE,
    Act.CLOSE_RETURN: ReplayGuard.REPEATABLE,
    Act.CANCEL_RETURN: ReplayGuard.REPEATABLE,
}


class ShopifyActs:
    """The pure part of the channel. `horizon`: after so long, absence in a reading means absence."""

    name = "shopify"

    def __init__(self, horizon: timedelta) -> None:
        self._horizon = horizon

    def guard(self, act: Act) -> Guard | None:
        """The replay guard of an act; None when Shopify cannot do it."""
        kind = _GUARDS.get(act)
        return None if kind is None else Guard(kind, self._horizon)

    def render(self, intent: Intent, words: str) -> bytes:
        """The GraphQL variables of the act in canonical JSON; raises Rejected naming what Shopify would not take."""
        variables = _VARIABLES[intent.act](intent, words)
        return json.dumps(variables, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def feed_type(self, _act: Act) -> str | None:
        """None: Shopify takes every act by a call of its own."""
        return None


def quantities(intent: Intent) -> list[tuple[str, int]]:
    """Units per return line, in the order of their ids; raises Rejected(NO_LINES) for none."""
    units: dict[str, int] = {}
    for line in intent.lines:
        units[line.return_line] = units.get(line.return_line, 0) + line.quantity
    if not units or min(units.values()) < 1:
        raise Rejected("NO_LINES", "lines", "name at least one line with a quantity from 1")
    return sorted(units.items())


def refund_shipping(intent: Intent) -> dict[str, Any] | None:
    """What of the outbound shipping the refund takes along: all that is left of it, or nothing.

    Shopify then adds the shipping tax itself where prices exclude it, which an amount would leave out.
    """
    return {"fullRefund": True} if intent.components.shipping > 0 else None


def _refund(intent: Intent, _: str) -> Variables:
    """A ReturnProcessInput.

    https://shopify.dev/docs/api/admin-graphql/2026-10/input-objects/ReturnProcessInput
    """
    parts = sorted(intent.payments.items())
    if not parts or min(minor for _, minor in parts) <= 0 or sum(minor for _, minor in parts) != intent.total:
        raise Rejected("BAD_SPLIT", "payments", "the parts of all payments are above zero and sum to the refund")
    given: dict[str, Any] = {
        "returnId": to_gid("Return", intent.external),
        "returnLineItems": [{"id": to_gid("ReturnLineItem", k), "quantity": q} for k, q in quantities(intent)],
        "financialTransfer": {
            "issueRefund": {"orderTransactions": [_part(k, Money(m, intent.currency)) for k, m in parts]}
        },
        "note": note_of(intent),
        "notifyCustomer": False,
    }
    shipping = refund_shipping(intent)
    return {"input": given if shipping is None else {**given, "refundShipping": shipping}}


def note_of(intent: Intent) -> str:
    """The words by which a refund can be told to be this intent's, where Shopify keeps them."""
    return f"{NOTE}{intent.id}"


def _part(payment: str, money: Money) -> Variables:
    amount = {"amount": to_decimal(money), "currencyCode": money.currency}
    return {"parentId": to_gid("OrderTransaction", payment), "transactionAmount": amount}


def _approve(intent: Intent, _: str) -> Variables:
    return {"input": {"id": to_gid("Return", intent.external), "notifyCustomer": False}}


def _decline(intent: Intent, words: str) -> Variables:
    reason = intent.reason.upper()
    if reason not in DECLINE_REASONS:
        raise Rejected("UNKNOWN_REASON", "reason", f"Shopify takes {', '.join(sorted(DECLINE_REASONS))}")
    if len(words) > LONGEST_DECLINE_NOTE:
        raise Rejected("TOO_LONG", "comment", f"Shopify takes at most {LONGEST_DECLINE_NOTE} characters")
    given = {"id": to_gid("Return", intent.external), "declineReason": reason, "notifyCustomer": False}
    return {"input": {**given, "declineNote": words} if words else given}


def _remove(intent: Intent, _: str) -> Variables:
    lines = [{"returnLineItemId": to_gid("ReturnLineItem", k), "quantity": q} for k, q in quantities(intent)]
    return {"returnId": to_gid("Return", intent.external), "returnLineItems": lines}


def _end(intent: Intent, _: str) -> Variables:
    return {"id": to_gid("Return", intent.external)}


_VARIABLES: Final[Mapping[Act, Callable[[Intent, str], Variables]]] = {
    Act.REFUND: _refund,
    Act.APPROVE_RETURN: _approve,
    Act.DECLINE_RETURN: _decline,
    Act.REMOVE_LINES: _remove,
    Act.CLOSE_RETURN: _end,
    Act.CANCEL_RETURN: _end,
}
