"""A case's history: one item per commit with its events, each chained to the one before by a hash.

Refuses a chain in which an item was changed, left out, put in or moved.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from quittance.application.commit import Key, Value
from quittance.domain.case import Case
from quittance.domain.events import Event, facts, name
from quittance.domain.ids import CaseId
from quittance.domain.instant import from_text, to_text
from quittance.domain.values import dataclass
from quittance.storage import keys
from quittance.storage.engine import Item
from quittance.storage.items import SCHEMA, compact, upgraded

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What one commit did to a case: the state afterwards and the events as (name, facts).

    `command` is the digest of the person's command that it carried out, if it was one.
    """

    case: CaseId
    version: int
    at: datetime
    channel: str
    account: str
    store: str
    order: str
    kind: str
    state: str
    events: tuple[tuple[str, Mapping[str, Any]], ...]
    previous: str
    hash: str
    command: str = ""


def history_attributes(case: Case, at: datetime, events: Sequence[Event], command: str = "") -> dict[str, Value]:
    """The history item of the commit that makes `case`, whose `tail` is still the hash of the item before."""
    content: dict[str, Value] = {
        "v": SCHEMA,
        "version": case.version,
        "at": to_text(at),
        "channel": case.channel,
        "account": case.account,
        "kind": case.kind.value,
        "state": case.state,
        "events": [{"name": name(event), "facts": facts(event)} for event in events],
        **compact({"store": case.store, "order": case.order, "prev": case.tail, "command": command}),
    }
    return {**content, "hash": chain_hash(keys.event(case.id, case.version), content)}


def history_entry(item: Item) -> HistoryEntry:
    """The entry of a history item."""
    item = upgraded(keys.EVENT.name, item)
    return HistoryEntry(
        case=CaseId(item["pk"].removeprefix("CASE#")),
        version=item["version"],
        at=from_text(item["at"]),
        channel=item["channel"],
        account=item["account"],
        store=item.get("store", ""),
        order=item.get("order", ""),
        kind=item["kind"],
        state=item["state"],
        events=tuple((event["name"], event["facts"]) for event in item["events"]),
        previous=item.get("prev", ""),
        hash=item["hash"],
        command=item.get("command", ""),
    )


def chain_hash(key: Key, content: Mapping[str, Value]) -> str:
    """SHA-256 over the previous hash and the canonical JSON of the item with its key, in base64url without padding."""
    covered = {"pk": key.pk, "sk": key.sk, **content}
    covered.pop("hash", None)
    digest = sha256(f"{content.get('prev', '')}\n{_CANONICAL.encode(covered)}".encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def broken_at(items: Iterable[Item], tail: str) -> int | None:
    """The first version at which the chain does not hold up to the head's `tail`; None when it is whole."""
    previous, expected = "", 1
    for item in items:
        is_next = item["version"] == expected and item.get("prev", "") == previous
        if not is_next or chain_hash(Key(item["pk"], item["sk"]), _content(item)) != item["hash"]:
            return expected
        previous, expected = item["hash"], expected + 1
    return None if previous == tail else expected


def _content(item: Item) -> dict[str, Any]:
    return {attribute: value for attribute, value in item.items() if attribute not in ("pk", "sk")}
