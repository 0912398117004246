"""An account's control, its polls, and the lease of the tick, as items and as the writes that change them.

Refuses to lower an epoch: what was born under a higher one would look new again.
"""

from __future__ import annotations

from datetime import datetime

from quittance.application.commit import Absent, Key, Value, VersionIs, Write
from quittance.application.ports import Poll
from quittance.domain.account import Control, Mode
from quittance.domain.errors import Rejected, Unavailable
from quittance.domain.instant import from_text, to_text
from quittance.storage import keys
from quittance.storage.engine import Item
from quittance.storage.items import SCHEMA, compact, due_of_item, milliseconds, read_once, span, upgraded


@read_once
def control_of(item: Item) -> Control:
    """What an account's control item says."""
    item = upgraded(keys.CONTROL.name, item)
    return Control(Mode(item["mode"]), item.get("killed", False), item.get("epoch", 0))


def control_write(account: str, before: Item | None, control: Control) -> Write:
    """Set an account's control as it was read; raises Rejected(EPOCH_FELL)."""
    if before is not None and control.epoch < control_of(before).epoch:
        raise Rejected("EPOCH_FELL", "epoch", f"it is {control_of(before).epoch} already and may only rise")
    version = 0 if before is None else before["version"]
    attributes: dict[str, Value] = {
        "v": SCHEMA,
        "version": version + 1,
        "mode": control.mode.value,
        "killed": control.killed,
        "epoch": control.epoch,
    }
    return Write(keys.control(account), attributes, (VersionIs(version) if before is not None else Absent(),))


def poll_of(item: Item) -> Poll:
    """The poll of an item."""
    item = upgraded(keys.POLL.name, item)
    parts = keys.POLL.parts(Key(item["pk"], item["sk"])) or {}
    due = due_of_item(item)
    if due is None:
        raise Unavailable(f"poll {parts['source']} of {parts['account']} has no due key; create it again")
    return Poll(
        channel=item["channel"],
        account=parts["account"],
        store=item.get("store", ""),
        source=parts["source"],
        every=span(item["every"]),
        due=due,
        version=item["version"],
        cursor=item.get("cursor", ""),
    )


def poll_write(before: Poll | None, after: Poll) -> Write:
    """Create a poll or move it on; its period is stored in milliseconds."""
    version = 0 if before is None else before.version
    attributes: dict[str, Value] = {
        "v": SCHEMA,
        "version": version + 1,
        "channel": after.channel,
        "every": milliseconds(after.every),
        **compact({"store": after.store, "cursor": after.cursor}),
        **keys.due(keys.QUIET_LANE, after.due, f"{after.account}#{after.source}"),
    }
    key = keys.poll(after.account, after.source)
    cleared = frozenset({"store", "cursor"}) - attributes.keys()
    if before is None:
        return Write(key, attributes, (Absent(),))
    return Write(key, attributes, (VersionIs(before.version),), cleared)


def lease_write(name: str, before: Item | None, now: datetime, until: datetime) -> Write | None:
    """Take a lease that is free or has run out; None while somebody holds it."""
    key = keys.lease(name)
    if before is None:
        return Write(key, {"v": SCHEMA, "version": 1, "until": to_text(until)}, (Absent(),))
    if now < from_text(before["until"]):
        return None
    version = before["version"]
    return Write(key, {"v": SCHEMA, "version": version + 1, "until": to_text(until)}, (VersionIs(version),))
