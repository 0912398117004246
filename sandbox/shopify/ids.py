"""Ids as Shopify's look: large, growing, one sequence per kind of thing; all from one seed.

Two simulators of one seed that see the same acts give the same ids.
"""

from __future__ import annotations

import uuid
from collections import Counter

_NAMESPACE = uuid.UUID("6f1f3f0e-64f0-5b39-9f0e-0d3f8a5d1c11")
_STEP = 32768
_FIRST = {
    "Order": 8_812_331_794_482,
    "LineItem": 19_495_196_393_778,
    "OrderTransaction": 10_572_748_390_706,
    "Refund": 1_028_613_341_490,
    "RefundLineItem": 654_574_944_562,
    "Return": 14_726_562_098,
    "ReturnLineItem": 22_473_408_818,
    "Fulfillment": 7_987_127_091_506,
    "FulfillmentLineItem": 17_274_208_321_842,
    "ReverseFulfillmentOrder": 14_333_837_618,
    "ReverseFulfillmentOrderLineItem": 22_405_677_362,
    "Customer": 9_113_020_563_762,
    "Location": 112_829_759_794,
}
_ANY_FIRST = 557_678_898


def legacy_id(gid: str) -> int:
    return int(gid.rsplit("/", 1)[1].split("?", 1)[0])


def kind_of(gid: str) -> str:
    """The type named in a gid, or an empty text when it is none."""
    parts = gid.split("/")
    is_gid = len(parts) == 5 and parts[0] == "gid:" and parts[2] == "shopify"  # noqa: PLR2004
    return parts[3] if is_gid else ""


class Sequence:
    """Hands out gids and uuids; deterministic for a seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._given: Counter[str] = Counter()

    def number(self, kind: str) -> int:
        count = self._given[kind]
        self._given[kind] += 1
        return _FIRST.get(kind, _ANY_FIRST) + (count + self._seed * 1000) * _STEP

    def gid(self, kind: str) -> str:
        return f"gid://shopify/{kind}/{self.number(kind)}"

    def uuid(self, kind: str) -> str:
        count = self._given[f"uuid/{kind}"]
        self._given[f"uuid/{kind}"] += 1
        return str(uuid.uuid5(_NAMESPACE, f"{self._seed}/{kind}/{count}"))
