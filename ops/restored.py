"""`quittance restored`: a table that was written back from a backup is made safe before anything may be sent from it.

It stops the account first, raises its epoch, and then goes through every order; a second run changes nothing for worse.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from ops import scan
from ops.reconcile import hurry_polls
from ops.stack import Connect, Stack, add_options
from quittance.application.restore_order import Restored, restore_order
from quittance.domain.account import Control
from quittance.domain.errors import Conflict, Unavailable
from quittance.domain.intent import IntentState
from quittance.domain.order import NOT_READ_SINCE_RESTORE, Order
from quittance.storage import keys
from quittance.storage.items_intent import intent_of

TRIES: Final = 5


def add_to(commands: Any) -> None:
    made = commands.add_parser("restored", help="after a restore from backup: a new epoch, and every order read again")
    made.add_argument("--account", required=True, help="as listed in accounts.toml")
    made.add_argument("--check", action="store_true", help="change nothing; tell what is still to be read or answered")
    add_options(made)
    made.set_defaults(run=run)


def run(stated: argparse.Namespace, connect: Connect) -> int:
    stack, now = connect(), datetime.now(UTC)
    channels = scan.channels_of(stack, stated.account)
    if not stated.check:
        for line in restore(stack, channels, stated.account, now):
            print(line)
        return 0
    unread, unknown, held = left(stack, channels, stated.account)
    print(f"{unread} orders are to be read, {unknown} intents looked for, {held} answered by a person")
    return 1 if unread or unknown else 0


def restore(stack: Stack, channels: list[str], account: str, now: datetime) -> Iterator[str]:
    """Raise the epoch, only observe from now on, and restore every order of the account."""
    table = stack.table
    control = table.control(account).restored(now)
    table.set_control(account, control)
    yield f"{account}: {control.mode}, epoch {control.epoch}; nothing is sent"
    open_orders = {case.order for case in scan.cases(stack, account) if case.is_open}
    found = [
        _restored(stack, order, control, now, is_open=order.id in open_orders)
        for channel in channels
        for order in scan.orders(stack, channel, account)
    ]
    hurry_polls(table, channels, account, now)
    unknown, held = sum(one.unknown for one in found), sum(one.held for one in found)
    yield f"{account}: {len(found)} orders to be read, {unknown} intents unknown, {held} on hold as before"
    yield f"{account}: when `quittance restored --account {account} --check` finds nothing left, set the account live"


def _restored(stack: Stack, order: Order, control: Control, now: datetime, *, is_open: bool) -> Restored:
    for _ in range(TRIES):
        scene = stack.table.load_order(order.channel, order.account, order.id)
        try:
            return restore_order(stack.table, scene, control, now, is_open=is_open)
        except Conflict:
            continue
    raise Unavailable(f"order {order.id} is written by too many at once; stop the functions and run this again")


def left(stack: Stack, channels: list[str], account: str) -> tuple[int, int, int]:
    """Orders that are due to be read, intents whose outcome nobody knows, and intents on hold."""
    unread = 0
    states: list[IntentState] = []
    for channel in channels:
        found = (one for one in scan.orders(stack, channel, account) if one.frozen == NOT_READ_SINCE_RESTORE)
        unread += sum(order.due is not None for order in found)
        prefix = keys.INTENT.pk.format(channel=channel, account=account, order="")
        intents = scan.items(stack, prefix, keys.INTENT.sk.partition("{")[0])
        states += [intent_of(item).state for item in intents]
    return unread, states.count(IntentState.UNKNOWN), states.count(IntentState.HOLD)
