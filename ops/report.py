"""`quittance report shadow`: per rule, what it would have done beside what people did at the channel.

It tells agreement only where people have decided; what waits is counted apart.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from ops import scan
from ops.stack import Connect, Stack, add_options
from quittance.application.commit import Scene
from quittance.domain.agreement import Agreement, Judgement, Rejection, TheirRefund, Verdict, by_rule, judge
from quittance.domain.case import returned
from quittance.domain.events import ForeignRefundSeen, Resolution, UnitsResolved
from quittance.domain.ids import OrderId
from quittance.domain.intent import IntentState
from quittance.domain.ledger import FOREIGN
from quittance.domain.money import Money
from quittance.domain.priority import CaseKind
from quittance.storage import keys
from quittance.storage.table import Table

HEADING: Final = ("rule", "act", "agreed", "differed", "not yet", "ours", "theirs")


def add_to(commands: Any) -> None:
    made = commands.add_parser("report", help="what a person wants to see before deciding")
    kinds = made.add_subparsers(required=True, metavar="REPORT")
    shadow = kinds.add_parser("shadow", help="what the rules would have done beside what people did")
    shadow.add_argument("--account", required=True, help="as listed in accounts.toml")
    shadow.add_argument("--json", action="store_true", help="every decision as JSON instead of a table")
    add_options(shadow)
    shadow.set_defaults(run=run)


def run(stated: argparse.Namespace, connect: Connect) -> int:
    stack = connect()
    judgements = list(shadow_judgements(stack, stated.account))
    if stated.json:
        print(json.dumps(_document(stated.account, judgements), indent=2, ensure_ascii=False))
    else:
        for line in lines(by_rule(judgements), judgements):
            print(line)
    return 0


def shadow_judgements(stack: Stack, account: str) -> Iterator[Judgement]:
    """Every shadow decision of an account, judged by what the table knows of the channel."""
    for channel in scan.channels_of(stack, account):
        prefix = keys.INTENT.pk.format(channel=channel, account=account, order="")
        intents = scan.items(stack, prefix, keys.INTENT.sk.partition("{")[0])
        shadowed = {item["pk"] for item in intents if item["state"] == IntentState.SHADOWED.value}
        for pk in sorted(shadowed):
            order = OrderId(pk.removeprefix(prefix))
            yield from judged(stack.table, stack.table.load_order(channel, account, order))


def judged(table: Table, scene: Scene) -> list[Judgement]:
    """The shadow decisions of one order."""
    seen: dict[str, datetime] = {}
    rejections: list[Rejection] = []
    for case in scene.cases.values():
        for entry in table.history(case.id):
            for name, facts in entry.events:
                if name == ForeignRefundSeen.__name__:
                    seen.setdefault(facts["refund"], entry.at)
                if name == UnitsResolved.__name__ and _is_rejection(facts) and case.kind is CaseKind.RETURN:
                    lines = returned(case).lines
                    units = {lines[line].order_line: quantity for line, quantity in facts["units"]}
                    rejections.append(Rejection(case.id, facts["rule"], units, entry.at))
    order = scene.order
    refunds = order.ledger.refunds.items() if order else ()
    theirs = [
        TheirRefund(name, seen.get(name, order.as_of), refund.amounts)
        for name, refund in refunds
        if order is not None and refund.owner == FOREIGN
    ]
    return judge(scene.cases, scene.intents.values(), theirs, rejections)


def _is_rejection(facts: Any) -> bool:
    return bool(facts["resolution"] == Resolution.REJECT.value and facts["by"] == "rule")


def _document(account: str, judgements: list[Judgement]) -> dict[str, Any]:
    return {
        "account": account,
        "rules": [asdict(each) for each in by_rule(judgements)],
        "decisions": [asdict(each) for each in judgements],
    }


def lines(agreements: Iterable[Agreement], judgements: Iterable[Judgement]) -> Iterator[str]:
    """The table by rule, and below it each decision on which people paid or decided otherwise."""
    rows = [_row(each) for each in agreements]
    if not rows:
        yield "no rule has decided anything in shadow"
        return
    widths = [max(map(len, column)) for column in zip(HEADING, *rows, strict=True)]
    for row in (HEADING, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    for each in judgements:
        if each.verdict is Verdict.DIFFERED:
            amounts = f": {Money(each.ours, each.currency)} / {Money(each.theirs, each.currency)}"
            yield f"differed: {each.act} by {each.rule}, order {each.order}, case {each.case}{amounts}"


def _row(each: Agreement) -> tuple[str, ...]:
    counts = (each.agreed, each.differed, each.not_yet)
    money = (Money(each.ours, each.currency), Money(each.theirs, each.currency))
    return each.rule, each.act, *map(str, counts), *map(str, money)
