"""Every GraphQL document that is sent, pinned to one version of the Admin API; no deprecated field is asked for.

Of the buyer nothing is requested but the country of delivery, the words that a return line carries, and, only where
the account counts refunds per customer, the id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from quittance.domain.intent import Act

VERSION: Final = "2026-10"
LONGEST_LIST: Final = 250
_PAGE_INFO: Final = "pageInfo { hasNextPage endCursor }"
_MONEY: Final = "{ presentmentMoney { amount currencyCode } }"


@dataclass(frozen=True, slots=True)
class Connection:
    """A list that Shopify pages: `inline` is its first page inside another document, `more` fetches the next ones."""

    owner: str
    field: str
    first: int
    node: str

    @property
    def inline(self) -> str:
        """The field with its first page."""
        return f"{self.field}(first: {self.first}) {{ nodes {{ {self.node} }} {_PAGE_INFO} }}"

    @property
    def more(self) -> str:
        """The document of a following page: variables id and after."""
        page = f"{self.field}(first: {self.first}, after: $after) {{ nodes {{ {self.node} }} {_PAGE_INFO} }}"
        return f"query More($id: ID!, $after: String!) {{ node(id: $id) {{ ... on {self.owner} {{ id {page} }} }} }}"


@dataclass(frozen=True, slots=True)
class Cut:
    """A list of an order that Shopify cuts without saying so: one that came back full is asked for again, longer."""

    field: str
    first: int
    node: str

    @property
    def inline(self) -> str:
        """The field, cut at its usual length."""
        return f"{self.field}(first: {self.first}) {{ {self.node} }}"

    @property
    def more(self) -> str:
        """The document that asks for the longest list there is: variable id."""
        longest = f"{self.field}(first: {LONGEST_LIST}) {{ {self.node} }}"
        return f"query Longest($id: ID!) {{ order(id: $id) {{ id {longest} }} }}"


# Shopify charges for the length of the pages asked for before it looks: first pages are as long as orders usually need.
_TRANSACTION: Final = f"id kind status gateway amountSet {_MONEY} parentTransaction {{ id }}"
_REFUND_TRANSACTIONS: Final = Connection("Refund", "transactions", 5, _TRANSACTION)
_REFUND_LINES: Final = Connection(
    "Refund",
    "refundLineItems",
    10,
    f"quantity lineItem {{ id }} subtotalSet {_MONEY} totalTaxSet {_MONEY}",
)
_REFUND_SHIPPING: Final = Connection(
    "Refund", "refundShippingLines", 5, f"subtotalAmountSet {_MONEY} taxAmountSet {_MONEY}"
)
_REFUND: Final = (
    f"id note return {{ id }} {_REFUND_TRANSACTIONS.inline} {_REFUND_LINES.inline} {_REFUND_SHIPPING.inline}"
)
_RETURN_LINES: Final = Connection(
    "Return",
    "returnLineItems",
    10,
    "__typename id quantity processedQuantity refundedQuantity customerNote returnReasonDefinition { handle } "
    "... on ReturnLineItem { fulfillmentLineItem { lineItem { id sku } } }",
)
_RETURN_REFUNDS: Final = Connection("Return", "refunds", 5, "id")
_REVERSE_DELIVERIES: Final = Connection(
    "ReverseFulfillmentOrder",
    "reverseDeliveries",
    1,
    "deliverable { __typename ... on ReverseDeliveryShippingDeliverable { tracking { number } } }",
)
_REVERSE_ORDERS: Final = Connection("Return", "reverseFulfillmentOrders", 1, f"id {_REVERSE_DELIVERIES.inline}")
_RETURNS: Final = Connection(
    "Order",
    "returns",
    3,
    f"id name status createdAt {_RETURN_LINES.inline} {_RETURN_REFUNDS.inline} {_REVERSE_ORDERS.inline}",
)
_RETURN_STATUSES: Final = Connection("Order", "returns", 5, "id status")
_LINES: Final = Connection(
    "Order",
    "lineItems",
    25,
    f"id sku quantity originalUnitPriceSet {_MONEY} discountAllocations {{ allocatedAmountSet {_MONEY} }} "
    f"taxLines {{ priceSet {_MONEY} }}",
)
_SHIPPING_LINES: Final = Connection(
    "Order", "shippingLines", 10, f"discountedPriceSet {_MONEY} taxLines {{ priceSet {_MONEY} }}"
)
_CONNECTIONS: Final = (
    _REFUND_TRANSACTIONS,
    _REFUND_LINES,
    _REFUND_SHIPPING,
    _RETURN_LINES,
    _RETURN_REFUNDS,
    _REVERSE_DELIVERIES,
    _REVERSE_ORDERS,
    _RETURNS,
    _LINES,
    _SHIPPING_LINES,
)
CONNECTIONS: Final[Mapping[tuple[str, str], Connection]] = {(c.owner, c.field): c for c in _CONNECTIONS}
CUTS: Final[Mapping[str, Cut]] = {
    cut.field: cut
    for cut in (
        Cut("transactions", 50, _TRANSACTION),
        Cut("fulfillments", 50, "status requiresShipping deliveredAt"),
        Cut("refunds", 25, _REFUND),
    )
}

ORDER: Final = (
    "query Order($id: ID!, $customer: Boolean = false) { order(id: $id) { customer @include(if: $customer) { id } "
    "id cancelledAt presentmentCurrencyCode taxesIncluded shippingAddress { countryCodeV2 } disputes { id status } "
    + " ".join(cut.inline for cut in CUTS.values())
    + f" {_LINES.inline} {_SHIPPING_LINES.inline} {_RETURNS.inline} }} }}"
)
ORDER_OF_RETURN: Final = "query OrderOfReturn($id: ID!) { return(id: $id) { id order { id } } }"
PAY_BACK: Final = (
    "query PayBack($id: ID!) { order(id: $id) { id suggestedRefund(suggestFullRefund: true) "
    "{ suggestedTransactions { parentTransaction { id } } } } }"
)
SUGGEST: Final = (
    "query Suggest($id: ID!, $lines: [SuggestedOutcomeReturnLineItemInput!]!, $shipping: RefundShippingInput) { "
    "return(id: $id) { id suggestedFinancialOutcome(returnLineItems: $lines, exchangeLineItems: [], "
    "refundShipping: $shipping) { financialTransfer { __typename "
    f"... on RefundReturnOutcome {{ amount {_MONEY} "
    f"suggestedTransactions {{ amountSet {_MONEY} parentTransaction {{ id }} }} }} "
    f"... on InvoiceReturnOutcome {{ amount {_MONEY} }} }} }} }} }}"
)

# https://shopify.dev/docs/api/admin-graphql/2026-10/queries/orders lists the values of the filter.
OPEN_RETURNS_FILTER: Final = (
    "return_status:return_requested OR return_status:in_progress OR return_status:inspection_complete"
)
OPEN_RETURNS: Final = (
    "query OpenReturns($filter: String!, $after: String) { "
    "orders(first: 50, after: $after, query: $filter, sortKey: ID) { "
    f"nodes {{ id {_RETURN_STATUSES.inline} }} {_PAGE_INFO} }} }}"
)
REFUNDED: Final = "(financial_status:partially_refunded OR financial_status:refunded)"
REFUNDED_ORDERS: Final = (
    "query RefundedOrders($filter: String!, $after: String) { "
    "orders(first: 100, after: $after, query: $filter, sortKey: UPDATED_AT) { "
    f"nodes {{ id updatedAt }} {_PAGE_INFO} }} }}"
)
KNOWN_RETURNS: Final = (
    "query KnownReturns($ids: [ID!]!) { nodes(ids: $ids) { ... on Return { id status order { id } } } }"
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One act at Shopify: the field whose payload answers it, and the document."""

    field: str
    document: str


_USER_ERRORS: Final = "userErrors { code field message }"


def _mutation(field: str, declared: str, arguments: str, answer: str = "id status") -> Mutation:
    name = field[0].upper() + field[1:]
    body = f"{field}({arguments}) {{ return {{ {answer} }} {_USER_ERRORS} }}"
    return Mutation(field, f"mutation {name}({declared}) {{ {body} }}")


# The answer shows the refunds of the return, so that the one just made is told from its elders without another read.
_PROCESSED: Final = (
    "id status refunds(first: 25) { nodes { "
    f"id transactions(first: 10) {{ nodes {{ {_TRANSACTION} }} {_PAGE_INFO} }} }} {_PAGE_INFO} }}"
)
_LINES_LEFT: Final = f"id status returnLineItems(first: 100) {{ nodes {{ id quantity }} {_PAGE_INFO} }}"
MUTATIONS: Final[Mapping[Act, Mutation]] = {
    Act.REFUND: _mutation("returnProcess", "$input: ReturnProcessInput!", "input: $input", _PROCESSED),
    Act.APPROVE_RETURN: _mutation("returnApproveRequest", "$input: ReturnApproveRequestInput!", "input: $input"),
    Act.DECLINE_RETURN: _mutation("returnDeclineRequest", "$input: ReturnDeclineRequestInput!", "input: $input"),
    Act.REMOVE_LINES: _mutation(
        "removeFromReturn",
        "$returnId: ID!, $returnLineItems: [ReturnLineItemRemoveFromReturnInput!]!",
        "returnId: $returnId, returnLineItems: $returnLineItems",
        _LINES_LEFT,
    ),
    Act.CLOSE_RETURN: _mutation("returnClose", "$id: ID!", "id: $id"),
    Act.CANCEL_RETURN: _mutation("returnCancel", "$id: ID!", "id: $id"),
}

ALL: Final[tuple[str, ...]] = (
    ORDER,
    ORDER_OF_RETURN,
    PAY_BACK,
    SUGGEST,
    OPEN_RETURNS,
    REFUNDED_ORDERS,
    KNOWN_RETURNS,
    *(connection.more for connection in _CONNECTIONS),
    *(cut.more for cut in CUTS.values()),
    *(mutation.document for mutation in MUTATIONS.values()),
)
