"""What bounds are judged by, as items: the shards of a day's budget, and when a customer was refunded.

Refuses to keep who a customer is: the key holds a salted hash, and the item times alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from quittance.application.commit import Absent, Condition, CustomerChange, Key, ShardChange, Value, VersionIs, Write
from quittance.domain.allowance import Shard
from quittance.domain.ids import CaseId
from quittance.domain.instant import from_text, to_text
from quittance.storage import keys
from quittance.storage.engine import Item
from quittance.storage.items import SCHEMA, upgraded

SHARDS_OF: Final = keys.SPENT.sk.partition("{shard}")[0]
CASES_OF: Final = keys.CUSTOMER.sk.partition("{")[0]


def shard_write(change: ShardChange) -> Write:
    """A shard on the version that was read; what is left is stored, because no condition can add."""
    after = change.after
    key = keys.spent(change.account, change.day, change.currency, change.number)
    attributes: dict[str, Value] = {
        "v": SCHEMA,
        "version": after.version + 1,
        "left": after.left,
        "share": after.share,
    }
    condition: Condition = VersionIs(after.version) if after.version else Absent()
    return Write(key, attributes, (condition,))


def shards_of(items: Iterable[Item]) -> Mapping[int, Shard]:
    """The shards of one day and currency by their numbers."""
    found: dict[int, Shard] = {}
    for raw in items:
        item = upgraded(keys.SPENT.name, raw)
        parts = keys.SPENT.parts(Key(item["pk"], item["sk"])) or {}
        found[int(parts["shard"])] = Shard(item["left"], item["share"], item["version"])
    return found


def customer_write(change: CustomerChange) -> Write:
    """A case under its customer; it stands on no version of its own, because the case's commit has one."""
    attributes: dict[str, Value] = {"v": SCHEMA}
    if change.refunds is not None:
        attributes["refunds"] = [to_text(at) for at in change.refunds]
    return Write(keys.customer(change.account, change.pseudonym, change.case), attributes, ())


def refunds_of(items: Iterable[Item]) -> Mapping[CaseId, tuple[datetime, ...]]:
    """When refunds were admitted, by case."""
    return {CaseId(item["sk"].removeprefix(CASES_OF)): _times(upgraded(keys.CUSTOMER.name, item)) for item in items}


def _times(item: Mapping[str, Any]) -> tuple[datetime, ...]:
    return tuple(from_text(at) for at in item.get("refunds", ()))
