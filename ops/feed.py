"""`quittance feed`: batches of feeds that have not ended, what became of their members, and the money at risk.

It reads headers by their numbers, never the whole partition, which holds every row that was ever sent.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops import answer_feed, scan
from ops.stack import Connect, Stack, add_options
from quittance.domain.errors import Rejected
from quittance.domain.feed_batch import BatchState, FeedBatch, FeedLock
from quittance.domain.instant import to_text
from quittance.domain.intent import Intent, IntentState
from quittance.domain.money import Money
from quittance.storage import keys
from quittance.storage.items_batch import batch_of, lock_of
from quittance.storage.table import Table


def add_to(commands: Any) -> None:
    made = commands.add_parser("feed", help="show feed batches that have not ended; `answer` answers a held one whole")
    made.add_argument("--account", help="as listed in accounts.toml")
    made.add_argument("--type", help="only feeds of this type")
    made.add_argument("--json", action="store_true", help="as JSON")
    add_options(made)
    made.set_defaults(run=run)
    answer_feed.add_to(made.add_subparsers(metavar="VERB"))


def run(stated: argparse.Namespace, connect: Connect) -> int:
    if not stated.account:
        raise Rejected("MISSING", "--account", "name an account that is listed in accounts.toml")
    stack = connect()
    scan.channels_of(stack, stated.account)
    found = [standing for lock in locks(stack, stated.account, stated.type) for standing in standings(stack, lock)]
    if stated.json:
        document = {"account": stated.account, "batches": [each.document() for each in found]}
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        for line in lines(found):
            print(line)
    return 0


@dataclass(frozen=True, slots=True)
class Standing:
    """A batch and its members as they stand. `at_risk`: minor units of refunds that have not ended, per currency.

    `gone` are members that left: before it was sealed, or because they were made ready again.
    """

    batch: FeedBatch
    holds_lock: bool
    members: Mapping[str, int]
    held_for: Mapping[str, int]
    at_risk: Mapping[str, int]
    gone: int

    def document(self) -> dict[str, Any]:
        """It as JSON."""
        batch = self.batch
        return {
            "type": batch.type,
            "batch": batch.number,
            "state": batch.state.value,
            "why": batch.why,
            "opened_at": to_text(batch.opened_at),
            "submitted_at": _time(batch.submitted_at),
            "feed": batch.feed,
            "document_sha256": batch.sha256,
            "holds_lock": self.holds_lock,
            "members": dict(self.members),
            "gone": self.gone,
            "held_for": dict(self.held_for),
            "at_risk": dict(self.at_risk),
        }


def _time(at: datetime | None) -> str | None:
    return to_text(at) if at else None


def locks(stack: Stack, account: str, feed_type: str | None) -> list[FeedLock]:
    """The writer locks of an account, by type; raises Rejected(UNKNOWN_TYPE) when it never had a feed of that type."""
    if feed_type is None:
        prefix = keys.FEED_LOCK.pk.format(account=account, type="")
        return sorted(map(lock_of, scan.items(stack, prefix, keys.FEED_LOCK.sk)), key=lambda lock: lock.type)
    found = stack.table.feed_lock(account, feed_type)
    if found is None:
        raise Rejected("UNKNOWN_TYPE", "--type", f"{account} never had a feed of the type {feed_type}")
    return [found]


def standings(stack: Stack, lock: FeedLock) -> Iterator[Standing]:
    """Every batch of a type that has not ended, the oldest first."""
    wanted = [keys.batch(lock.account, lock.type, number) for number in range(1, lock.last + 1)]
    found = map(batch_of, stack.engine.batch_get(wanted).values())
    for batch in sorted(found, key=lambda one: one.number):
        if batch.state is not BatchState.CLOSED:
            yield standing(stack.table, batch, holds_lock=lock.holder == batch.number)


def standing(table: Table, batch: FeedBatch, *, holds_lock: bool = False) -> Standing:
    """A batch with what became of its members."""
    everyone = table.members(batch)
    found = table.member_intents(batch, [member for member in everyone if not member.is_out])
    intents = [intent for intent in found.values() if intent.batch == batch.number]
    return Standing(
        batch,
        holds_lock,
        members=_counted(intent.state.value for intent in intents),
        held_for=_counted(intent.why for intent in intents if intent.state is IntentState.HOLD),
        at_risk=_at_risk(intents),
        gone=len(everyone) - len(intents),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _at_risk(intents: Iterable[Intent]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for intent in intents:
        if intent.act.is_money and not intent.has_ended:
            sums[intent.currency] += intent.total
    return dict(sorted(sums.items()))


def lines(found: Iterable[Standing]) -> Iterator[str]:
    """Each batch in a few lines; one line says that there is none."""
    is_empty = True
    for each in found:
        is_empty = False
        yield from _lines(each)
    if is_empty:
        yield "no feed batch is open or held"


def _lines(each: Standing) -> Iterator[str]:
    batch = each.batch
    why = f" ({batch.why})" if batch.why else ""
    since = f"submitted {_time(batch.submitted_at) or 'never'}, opened {to_text(batch.opened_at)}"
    yield f"{batch.type} batch {batch.number} is {batch.state}{why}, {since}"
    yield f"  feed {batch.feed or 'unknown'}, document sha256 {batch.sha256 or 'not made yet'}"
    counts = [f"{count} {state}" for state, count in each.members.items()]
    yield f"  members: {', '.join([*counts, *([f'{each.gone} gone'] if each.gone else [])]) or 'none'}"
    for reason, count in each.held_for.items():
        yield f"  held: {count} for {reason}"
    yield f"  at risk: {', '.join(str(Money(minor, code)) for code, minor in each.at_risk.items()) or 'nothing'}"
    if each.holds_lock:
        yield "  it holds the writer lock: no other feed of the type is created"
