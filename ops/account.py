"""`quittance account set`: what Quittance may do on an account, and which of its sources are polled."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from ops.published import stores
from ops.stack import Connect, add_options
from quittance.application.compile_policy import Store
from quittance.application.ports import Poll
from quittance.domain.account import Control, Mode
from quittance.domain.errors import Rejected
from quittance.domain.instant import to_text
from quittance.storage.table import Table

# What each channel is asked, and how often: news of returns that nobody pushed, our open returns one by one, and every
# order with a refund that changed, whether or not it has a case.
POLLS: Final[Mapping[str, Mapping[str, timedelta]]] = MappingProxyType(
    {
        "shopify": {
            "open_returns": timedelta(minutes=5),
            "known_returns": timedelta(hours=1),
            "refunded_orders": timedelta(hours=24),
        }
    }
)
# What happened before an account was connected is nobody's news.
FROM_NOW: Final = frozenset({"refunded_orders"})

LONGEST_MINUTES: Final = 7 * 24 * 60


def add_to(commands: Any) -> None:
    made = commands.add_parser("account", help="what Quittance may do on an account")
    verbs = made.add_subparsers(required=True, metavar="VERB")
    setting = verbs.add_parser("set", help="set the mode, the kill switch or both, and create the account's polls")
    setting.add_argument("account", help="as listed in accounts.toml")
    setting.add_argument("--mode", type=Mode, choices=list(Mode), help="observe, shadow or live")
    switch = setting.add_mutually_exclusive_group()
    switch.add_argument("--kill", dest="killed", action="store_true", default=None, help="stop every send at once")
    switch.add_argument("--unkill", dest="killed", action="store_false", help="let sends go on")
    setting.add_argument("--poll-every", type=_minutes, metavar="MINUTES", help="for polls that do not exist yet")
    add_options(setting)
    setting.set_defaults(run=run)


def _minutes(text: str) -> timedelta:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= LONGEST_MINUTES):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of minutes from 1 to {LONGEST_MINUTES}")
    return timedelta(minutes=int(text))


def run(stated: argparse.Namespace, connect: Connect) -> int:
    stack = connect()
    if stated.mode is None and stated.killed is None:
        raise Rejected("NOTHING_TO_SET", "account", "give --mode, --kill or --unkill")
    listed = _listed(stores(stack.engine), stated.account)
    now = datetime.now(UTC)
    wish = Wish(stated.mode, stated.killed, stated.poll_every)
    for line in set_account(stack.table, stated.account, listed, wish, now):
        print(line)
    return 0


def _listed(stores: Iterable[Store], account: str) -> list[Store]:
    listed = [store for store in stores if store.account == account]
    if not listed:
        raise Rejected("UNKNOWN_ACCOUNT", "account", f"list {account} in accounts.toml and publish it first")
    return listed


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be set; None leaves it as it is."""

    mode: Mode | None = None
    killed: bool | None = None
    poll_every: timedelta | None = None

    def on(self, control: Control) -> Control:
        mode = control.mode if self.mode is None else self.mode
        return replace(control, mode=mode, killed=control.killed if self.killed is None else self.killed)


def set_account(table: Table, account: str, listed: Iterable[Store], wish: Wish, now: datetime) -> Iterator[str]:
    """Change what is wished and leave the rest, create the polls that are not there, and tell both."""
    before = table.control(account)
    after = wish.on(before)
    if after != before:
        table.set_control(account, after)
    yield f"{account}: {after.mode}{', killed: nothing is sent' if after.killed else ''}"
    for store in listed:
        for source, usual in POLLS.get(store.channel, {}).items():
            every = wish.poll_every or usual
            cursor = to_text(now) if source in FROM_NOW else ""
            poll = Poll(store.channel, account, store.store, source, every, now, version=1, cursor=cursor)
            if table.create_poll(poll):
                yield f"{account}: {source} of {store.store} is polled every {every}"
