"""`quittance reconcile`: have ledgers laid beside the channel's books now, and tell what differs, to the cent.

The functions compare, by their own right to read the channel; nobody at a terminal needs a credential for it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from ops import scan
from ops.account import POLLS
from ops.stack import Connect, Stack, add_options
from quittance.application.commit import Changes, Key, OrderChange
from quittance.domain.case import Case
from quittance.domain.difference import Difference, Entry
from quittance.domain.errors import Conflict, Rejected
from quittance.domain.ids import OrderId
from quittance.domain.money import Money
from quittance.domain.order import Order
from quittance.storage import keys
from quittance.storage.table import Table

WAIT: Final = 300
PAUSE: Final = 2.0


def add_to(commands: Any) -> None:
    made = commands.add_parser("reconcile", help="compare ledgers with the channel's books, and show what differs")
    made.add_argument("--account", required=True, help="as listed in accounts.toml")
    made.add_argument("--order", help="only this order, by the channel's own id")
    made.add_argument("--wait", type=int, default=WAIT, metavar="SECONDS", help=f"for the comparison (default: {WAIT})")
    add_options(made)
    made.set_defaults(run=run)


def run(stated: argparse.Namespace, connect: Connect) -> int:
    stack, now = connect(), datetime.now(UTC)
    channels = scan.channels_of(stack, stated.account)
    armed = [arm(stack.table, order, now) for order in _asked(stack, channels, stated.account, stated.order)]
    if not stated.order:
        hurry_polls(stack.table, channels, stated.account, now)
    print(f"{len(armed)} ledgers of {stated.account} are to be compared")
    left = waited(lambda: _waiting(stack.table, armed, now), stated.wait)
    if left:
        print(f"{left} of them wait still; the tick brings them to poll-channels")
    differing = list(_differing(stack, stated.account, stated.order))
    for line in told(differing):
        print(line)
    return 1 if left or differing else 0


def _asked(stack: Stack, channels: Iterable[str], account: str, order: str | None) -> Iterator[Order]:
    if order is None:
        for channel in channels:
            yield from scan.orders(stack, channel, account)
        return
    found = [stack.table.order_at(keys.order(channel, account, OrderId(order))) for channel in channels]
    if not any(found):
        raise Rejected("UNKNOWN_ORDER", "--order", f"{account} has no ledger of order {order}")
    yield from (one for one in found if one is not None)


def arm(table: Table, order: Order, now: datetime) -> Key:
    """Make a ledger due now and return its key; one that somebody writes at this moment is due as they say."""
    key = keys.order(order.channel, order.account, order.id)
    if order.due is None or order.due > now:
        try:
            table.commit(Changes(now, order=OrderChange(order, _due(order, now))))
        except Conflict:
            fresh = table.order_at(key)
            if fresh is not None:
                table.commit(Changes(now, order=OrderChange(fresh, _due(fresh, now))))
    return key


def _due(order: Order, now: datetime) -> Order:
    return replace(order, due=now)


def hurry_polls(table: Table, channels: Iterable[str], account: str, now: datetime) -> None:
    """Have the channel's own lists read now, so that what happened on orders without a ledger is found too."""
    for channel in channels:
        for source in POLLS.get(channel, {}):
            poll = table.poll(account, source)
            if poll is not None and poll.due > now:
                table.save_poll(poll, replace(poll, due=now))


def waited(left: Callable[[], int], seconds: float, pause: Callable[[float], None] = time.sleep) -> int:
    """Ask how many are left until there are none or the time is over, and return how many."""
    count = left()
    until = time.monotonic() + seconds
    while count and time.monotonic() < until:
        pause(PAUSE)
        count = left()
    return count


def _waiting(table: Table, armed: Iterable[Key], now: datetime) -> int:
    found = (table.order_at(key) for key in armed)
    return sum(order is not None and order.due is not None and order.due <= now for order in found)


def _differing(stack: Stack, account: str, order: str | None) -> Iterator[Case]:
    for case in scan.cases(stack, account):
        if isinstance(case.body, Difference) and case.is_open and order in (None, case.order):
            yield case


def told(differing: Iterable[Case]) -> Iterator[str]:
    """Each open difference with its figure and its refunds; one line says that there is none."""
    found = list(differing)
    for case in found:
        if not isinstance(case.body, Difference):
            raise TypeError(f"case {case.id} is a {case.kind}, not a difference")
        body = case.body
        yield f"order {case.order}: ours {_money(body.ours, body)}, theirs {_money(body.theirs, body)}, case {case.id}"
        for entry in body.entries:
            yield f"  {_entry(entry, body)}"
    if not found:
        yield "no difference is open"


def _entry(entry: Entry, body: Difference) -> str:
    named = f"{entry.kind} refund {entry.refund or 'of any'}{f', intent {entry.intent}' if entry.intent else ''}"
    parts = "; ".join(
        f"payment {p}: {_money(ours, body)} / {_money(theirs, body)}" for p, ours, theirs in entry.payments
    )
    return f"{named}: {_money(entry.ours, body)} / {_money(entry.theirs, body)}{f' ({parts})' if parts else ''}"


def _money(minor: int, body: Difference) -> str:
    return str(Money(minor, body.currency))
