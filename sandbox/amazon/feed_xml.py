"""The XML feeds' grammar, written from the published contracts: which elements, in which order, with which values.

Order matters, the Component wrapper is mandatory, and a document type declaration is refused before anything is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from sandbox.amazon.feed_lines import DocumentError


@dataclass(frozen=True, slots=True)
class Leaf:
    """An element that holds a text."""

    pattern: str = r"[\s\S]{1,2000}"
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A place in a sequence: one of `names`, at least and at most so often (None: without end)."""

    names: tuple[str, ...]
    least: int = 1
    most: int | None = 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """An element that holds elements in a fixed order."""

    parts: tuple[Part, ...]
    kinds: Mapping[str, Leaf | Sequence]


ADJUSTMENT_REASONS: Final = (
    "NoInventory", "CustomerReturn", "GeneralAdjustment", "CouldNotShip", "DifferentItem", "Abandoned",
    "CustomerCancel", "PriceError", "ProductOutofStock", "CustomerAddressIncorrect", "Exchange", "Other",
    "CarrierCreditDecision", "RiskAssessmentInformationNotValid", "CarrierCoverageFailure", "TransactionRecord",
    "Undeliverable", "RefusedDelivery",
)  # fmt: skip
COMPONENTS: Final = (
    "Principal", "Shipping", "Tax", "ShippingTax", "RestockingFee", "RestockingFeeTax", "GiftWrap", "GiftWrapTax",
    "Surcharge", "ReturnShipping", "Goodwill", "ExportCharge", "COD", "CODTax", "Other",
    "FreeReplacementReturnShipping",
)  # fmt: skip
CANCEL_REASONS: Final = (
    "NoInventory", "ShippingAddressUndeliverable", "CustomerExchange", "BuyerCanceled", "GeneralAdjustment",
    "CarrierCreditDecision", "RiskAssessmentInformationNotValid", "CarrierCoverageFailure", "CustomerReturn",
    "MerchandiseNotReceived",
)  # fmt: skip
ORDER_ID: Final = r"\w{3}-\w{7}-\w{7}"
_AMOUNT: Final = Leaf(r"-?\d{1,18}(\.\d{1,2})?")
_POSITIVE: Final = Leaf(r"[1-9]\d{0,9}")


def _components(types: tuple[str, ...]) -> Sequence:
    component = Sequence((Part(("Type",)), Part(("Amount",))), {"Type": Leaf(one_of=types), "Amount": _AMOUNT})
    return Sequence((Part(("Component",), 1, None),), {"Component": component})


_PROMOTION: Final = Sequence(
    (Part(("PromotionClaimCode",), 0), Part(("MerchantPromotionID",), 0), Part(("Component",), 1, None)),
    {
        "PromotionClaimCode": Leaf(r".{6,12}"),
        "MerchantPromotionID": Leaf(r".{1,80}"),
        "Component": _components(("Principal", "Shipping")).kinds["Component"],
    },
)
ADJUSTED_ITEM: Final = Sequence(
    (
        Part(("AmazonOrderItemCode", "MerchantOrderItemID")),
        Part(("MerchantAdjustmentItemID",), 0),
        Part(("AdjustmentReason",)),
        Part(("ItemPriceAdjustments",), 0),
        Part(("PromotionAdjustments",), 0, None),
        Part(("DirectPaymentAdjustments",), 0),
        Part(("QuantityCancelled",), 0),
        Part(("Quantity",), 0),
    ),
    {
        "AmazonOrderItemCode": Leaf(r"\d{14}"),
        "MerchantOrderItemID": Leaf(),
        "MerchantAdjustmentItemID": Leaf(),
        "AdjustmentReason": Leaf(one_of=ADJUSTMENT_REASONS),
        "ItemPriceAdjustments": _components(COMPONENTS),
        "PromotionAdjustments": _PROMOTION,
        "DirectPaymentAdjustments": _components(()),
        "QuantityCancelled": _POSITIVE,
        "Quantity": _POSITIVE,
    },
)
ORDER_ADJUSTMENT: Final = Sequence(
    (
        Part(("AmazonOrderID", "MerchantOrderID")),
        Part(("ActionType",), 0),
        Part(("CODCollectionMethod",), 0),
        Part(("AdjustedItem",), 1, None),
    ),
    {
        "AmazonOrderID": Leaf(ORDER_ID),
        "MerchantOrderID": Leaf(),
        "ActionType": Leaf(one_of=("Refund", "Cancel")),
        "CODCollectionMethod": Leaf(one_of=("DirectPayment",)),
        "AdjustedItem": ADJUSTED_ITEM,
    },
)
ACKNOWLEDGED_ITEM: Final = Sequence(
    (Part(("AmazonOrderItemCode",)), Part(("MerchantOrderItemID",), 0), Part(("CancelReason",), 0)),
    {
        "AmazonOrderItemCode": Leaf(r"\d{14}"),
        "MerchantOrderItemID": Leaf(),
        "CancelReason": Leaf(one_of=CANCEL_REASONS),
    },
)
ORDER_ACKNOWLEDGEMENT: Final = Sequence(
    (Part(("AmazonOrderID",)), Part(("MerchantOrderID",), 0), Part(("StatusCode",)), Part(("Item",), 0, None)),
    {
        "AmazonOrderID": Leaf(ORDER_ID),
        "MerchantOrderID": Leaf(),
        "StatusCode": Leaf(one_of=("Success", "Failure")),
        "Item": ACKNOWLEDGED_ITEM,
    },
)


def envelope(message_type: str, content: Sequence) -> Sequence:
    """The frame of every XML feed."""
    header = Sequence(
        (Part(("DocumentVersion",)), Part(("MerchantIdentifier",))),
        {"DocumentVersion": Leaf(r"\d{1,2}\.\d{1,2}"), "MerchantIdentifier": Leaf(r"\w{1,20}")},
    )
    message = Sequence(
        (Part(("MessageID",)), Part((message_type,))), {"MessageID": Leaf(r"[1-9]\d{0,19}"), message_type: content}
    )
    return Sequence(
        (Part(("Header",)), Part(("MessageType",)), Part(("Message",), 1, None)),
        {"Header": header, "MessageType": Leaf(one_of=(message_type,)), "Message": message},
    )


def read(content: bytes, seller: str, message_type: str, grammar: Sequence) -> list[tuple[int, ET.Element]]:
    """(MessageID, content) of each message. Raises DocumentError when the document is not what its type asks for."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise DocumentError("document type declarations are not allowed")
    try:
        root = ET.fromstring(content)  # noqa: S314  # entities were refused above
    except (ET.ParseError, LookupError, ValueError) as problem:
        raise DocumentError(f"XML parsing error: {problem}") from None
    if root.tag != "AmazonEnvelope":
        raise DocumentError(f"the root element is {root.tag}, not AmazonEnvelope")
    if problem_there := _disorder(root, envelope(message_type, grammar)):
        raise DocumentError(problem_there)
    if root.findtext("Header/MerchantIdentifier") != seller:
        raise DocumentError("MerchantIdentifier is not that of the seller who sent the feed")
    messages = [(int(one.findtext("MessageID") or 0), one[1]) for one in root.findall("Message")]
    if len({number for number, _ in messages}) != len(messages):
        raise DocumentError("MessageID is not unique in this document")
    return messages


def _disorder(element: ET.Element, kind: Leaf | Sequence) -> str | None:
    """What is wrong with an element and all below it; None when it fits."""
    if isinstance(kind, Leaf):
        return _wrong_leaf(element, kind)
    children = list(element)
    for part in kind.parts:
        count = 0
        while children and children[0].tag in part.names and (part.most is None or count < part.most):
            child = children.pop(0)
            count += 1
            if problem := _disorder(child, kind.kinds[child.tag]):
                return problem
        if count < part.least:
            found = children[0].tag if children else "the end"
            return f"{element.tag}: {' or '.join(part.names)} expected, {found} found"
    return f"{element.tag}: {children[0].tag} is not allowed here" if children else None


def _wrong_leaf(element: ET.Element, kind: Leaf) -> str | None:
    text = element.text or ""
    if len(element):
        return f"{element.tag} holds elements; a text is expected"
    if kind.one_of and text not in kind.one_of:
        return f"{element.tag}: {text!r} is not one of {', '.join(kind.one_of)}"
    if not re.fullmatch(kind.pattern, text):
        return f"{element.tag}: {text!r} does not match {kind.pattern}"
    return None
