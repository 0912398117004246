"""`quittance case`: one case as it stands, and how it came to stand so."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from ops.reconcile import told
from ops.stack import Connect, add_options
from quittance.application.commit import Scene
from quittance.domain.case import Case
from quittance.domain.difference import Difference
from quittance.domain.errors import Rejected
from quittance.domain.ids import CaseId
from quittance.domain.instant import to_text
from quittance.domain.intent import Intent
from quittance.domain.money import Money
from quittance.domain.return_request import ReturnLine, ReturnRequest
from quittance.storage.history import HistoryEntry
from quittance.storage.table import Table


def add_to(commands: Any) -> None:
    made = commands.add_parser("case", help="show a case with its rules, deadlines, intents and history")
    made.add_argument("case", help="the id of the case")
    add_options(made)
    made.set_defaults(run=run)


def run(stated: argparse.Namespace, connect: Connect) -> int:
    table = connect().table
    for line in shown(table, CaseId(stated.case)):
        print(line)
    return 0 if table.history_broken_at(CaseId(stated.case)) is None else 1


def shown(table: Table, case_id: CaseId) -> Iterator[str]:
    """The case line by line; raises Rejected for one that does not exist."""
    scene = table.load_scene(case_id)
    case = scene.cases.get(case_id)
    if case is None:
        raise Rejected("UNKNOWN_CASE", "case", "no such case in this stack")
    yield from _head(case)
    yield from _deadlines(case)
    yield from _intents(scene, case_id)
    yield "history"
    for entry in table.history(case_id):
        yield from _entry(entry)
    broken = table.history_broken_at(case_id)
    yield "  the chain is whole" if broken is None else f"  THE CHAIN IS BROKEN at version {broken}"


def _head(case: Case) -> Iterator[str]:
    versions = case.policy
    yield f"case {case.id}, version {case.version}"
    yield f"  {case.kind} {case.external} at {case.channel}, account {case.account}, store {case.store}"
    yield f"  {case.state}, opened {to_text(case.opened_at)}, order {case.order or 'unknown'}"
    yield f"  {case.standing.risk}: {case.standing.objective}"
    yield f"  rules: law@{versions.law}, accounts@{versions.accounts}, {case.channel}@{versions.channel}"
    for mark in sorted(case.marks):
        yield f"  needs a person: {mark}"
    if isinstance(case.body, Difference):
        yield from told([case])
    if isinstance(case.body, ReturnRequest):
        yield "lines"
        for line_id, line in sorted(case.body.lines.items()):
            yield f"  {line_id}: {line.sku}, {_counts(line)}{f', {line.reason}' if line.reason else ''}"


def _counts(line: ReturnLine) -> str:
    numbers = [(one.name, getattr(line, one.name)) for one in fields(line)]
    return ", ".join(f"{value} {name}" for name, value in numbers if isinstance(value, int) and value)


def _deadlines(case: Case) -> Iterator[str]:
    if case.deadlines:
        yield "deadlines"
    for kind, deadline in sorted(case.deadlines.items(), key=lambda pair: pair[1].legal):
        following = to_text(deadline.due) if deadline.due else "nothing"
        yield f"  {kind}: until {to_text(deadline.legal)}, next step {following}, by {deadline.rule}"


def _intents(scene: Scene, case_id: CaseId) -> Iterator[str]:
    own = [intent for intent in scene.intents.values() if intent.case == case_id]
    if own:
        yield "intents"
    for intent in sorted(own, key=lambda one: (one.created_at, one.id)):
        yield f"  {intent.id}: {_told(intent)}"
        yield f"    by {intent.requested_by}, rule {intent.rule}, reason {intent.reason}"


def _told(intent: Intent) -> str:
    money = f" of {Money(intent.total, intent.currency)}" if intent.act.is_money else ""
    due = f", next look {to_text(intent.due)}" if intent.due else ""
    why = f" ({intent.why})" if intent.why else ""
    return f"{intent.act}{money} is {intent.state}{why}{f', {intent.reference}' if intent.reference else ''}{due}"


def _entry(entry: HistoryEntry) -> Iterator[str]:
    yield f"  {entry.version}: {to_text(entry.at)} {entry.state}"
    for name, facts in entry.events:
        yield f"    {name} {json.dumps(facts, ensure_ascii=False, sort_keys=True)}"
