"""`quittance feed answer`: one answer of a person, given through the desk to each member that its feed has held.

Every check stays the desk's. It leaves alone who is held for a reason of its own, and asks nobody twice in one run.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ops.command import invoke
from ops.stack import Connect, Stack, add_options
from quittance.domain.command import CommandName
from quittance.domain.errors import QuittanceError, Rejected
from quittance.domain.feed_batch import NOT_OVER, BatchState, FeedBatch
from quittance.domain.intent import Intent, IntentState
from quittance.domain.money import Money
from quittance.storage.table import Table

COMMANDS: Final[Mapping[str, CommandName]] = MappingProxyType(
    {"retry": CommandName.RETRY_HOLD, "cancel": CommandName.CANCEL_HOLD}
)
# Why a batch holds its members; an intent that is held for anything else is a question of its own.
OF_THE_BATCH: Final = frozenset({"feed_unknown", "feeds_unknown", *NOT_OVER})
# A refusal of the call, which every other member would get too.
OF_THE_CALL: Final = frozenset({"NOT_ALLOWED", "BAD_VALUE", "MISSING", "ACCOUNT_OBSERVES"})
MOST_UNANSWERED: Final = 3
REFUSED, UNANSWERED, UNCONFIRMED, LEFT = "refused", "unanswered", "unconfirmed", "left"
NOT_GIVEN: Final = frozenset({REFUSED, UNANSWERED, UNCONFIRMED, LEFT})
COLUMNS: Final = "{:<17}  {:<36}  {:<36}  {:>16}  {}"


def add_to(verbs: Any) -> None:
    made = verbs.add_parser(
        "answer", help="answer every member that its feed has held", argument_default=argparse.SUPPRESS
    )
    made.add_argument("answer", choices=sorted(COMMANDS), help="retry: send it again; cancel: it did not happen")
    made.add_argument("--account", help="as listed in accounts.toml")
    made.add_argument("--type", help="the type of the feed")
    made.add_argument("--batch", type=int, required=True, help="the number that `quittance feed` shows")
    made.add_argument("--reason", required=True, help="how you know, as a code without blanks")
    made.add_argument("--alias", required=True, help="approver, or a named person's alias")
    made.add_argument("--json", action="store_true", help="one JSON object for each member and line")
    add_options(made, argparse.SUPPRESS)
    made.set_defaults(run=run)


def run(stated: argparse.Namespace, connect: Connect) -> int:
    for name in ("account", "type"):
        if not getattr(stated, name):
            raise Rejected("MISSING", f"--{name}", "say which batch, as `quittance feed` shows it")
    stack = connect()
    batch = held_batch(stack.table, stated.account, stated.type, stated.batch)
    waiting = outstanding(stack.table, batch)
    outcomes: list[Outcome] = []
    if not stated.json:
        print(COLUMNS.format("outcome", "intent", "case", "money", "why"))
    for outcome in answer_all(Answering(stack, stated.alias, COMMANDS[stated.answer], stated.reason), waiting):
        outcomes.append(outcome)
        print(json.dumps(asdict(outcome), ensure_ascii=False) if stated.json else outcome, flush=True)
    if not stated.json:
        print(summary(outcomes, len(waiting)))
    is_whole = len(outcomes) == len(waiting) and not any(one.outcome in NOT_GIVEN for one in outcomes)
    return 0 if is_whole else 1


def held_batch(table: Table, account: str, feed_type: str, number: int) -> FeedBatch:
    """The batch, if it is a person's or has ended; raises Rejected(UNKNOWN_BATCH, NOT_HELD).

    While it is anything else its members are told what became of them, and an answer would race with that.
    """
    batch = table.batch(account, feed_type, number)
    if batch is None:
        raise Rejected("UNKNOWN_BATCH", "--batch", f"{account} has no batch {number} of the type {feed_type}")
    if batch.state not in (BatchState.HELD, BatchState.CLOSED):
        raise Rejected("NOT_HELD", "--batch", f"it is {batch.state}; only a batch that is HELD waits for an answer")
    return batch


def outstanding(table: Table, batch: FeedBatch) -> list[Intent]:
    """The members that still belong to the batch and have not ended: whom a run before this one has not done."""
    members = [member for member in table.members(batch) if not member.is_out]
    intents = table.member_intents(batch, members)
    found = (intents[member.intent] for member in members if member.intent in intents)
    return [intent for intent in found if intent.batch == batch.number and not intent.has_ended]


@dataclass(frozen=True, slots=True)
class Answering:
    """What each member is told, and through which alias."""

    stack: Stack
    alias: str
    name: CommandName
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the answer to one member: the desk's own word, or that it was not given, and why."""

    outcome: str
    intent: str
    case: str
    total: int
    currency: str
    code: str = ""
    fix: str = ""

    def __str__(self) -> str:
        why = ": ".join(part for part in (self.code, self.fix) if part)
        money = str(Money(self.total, self.currency))
        return COLUMNS.format(self.outcome, self.intent, self.case, money, why).rstrip()


def answer_all(answering: Answering, waiting: Iterable[Intent]) -> Iterator[Outcome]:
    """Answer one after the other, whoever is refused; ends early when nobody can be answered in this way."""
    unanswered = 0
    for intent in waiting:
        told = _told(answering, intent)
        outcome = Outcome(
            told["outcome"], intent.id, intent.case, intent.total, intent.currency,
            told.get("code", ""), told.get("fix", ""),
        )  # fmt: skip
        yield outcome
        unanswered = unanswered + 1 if outcome.outcome == UNANSWERED else 0
        if unanswered == MOST_UNANSWERED or outcome.code in OF_THE_CALL:
            return


def _told(answering: Answering, intent: Intent) -> Mapping[str, Any]:
    """Give one answer on the case as it stands now; what failed may have been done, which the next run reads."""
    try:
        scene = answering.stack.table.load_scene(intent.case)
        stands = scene.intents[intent.id]
        if stands.state is not IntentState.HOLD or stands.batch != intent.batch:
            return {"outcome": LEFT, "code": stands.state.value, "fix": "it is not on hold"}
        if stands.why not in OF_THE_BATCH:
            return {"outcome": LEFT, "code": stands.why, "fix": "held for a reason of its own; answer it by itself"}
        return _given(answering, stands, scene.cases[intent.case].version)
    except (QuittanceError, ClientError, BotoCoreError) as error:
        return {"outcome": UNANSWERED, "code": type(error).__name__, "fix": str(error)}


def _given(answering: Answering, intent: Intent, version: int) -> Mapping[str, Any]:
    asked: dict[str, Any] = {
        "command": answering.name.value,
        "case": intent.case,
        "version": version,
        "target": intent.id,
        "reason": answering.reason,
    }
    answer: Mapping[str, Any] = invoke(answering.stack, answering.alias, asked)
    if answer["outcome"] == "previewed":
        if not _is_as_listed(answer["shown"]["intents"], intent):
            fix = "its preview shows other money than this refund; look at it and answer it by itself"
            return {"outcome": UNCONFIRMED, "code": "OTHER_MONEY", "fix": fix}
        answer = invoke(answering.stack, answering.alias, {**asked, "token": answer["token"]})
    if answer.get("code") == "UNAVAILABLE":
        return {**answer, "outcome": UNANSWERED}
    return answer


def _is_as_listed(shown: Iterable[Mapping[str, Any]], intent: Intent) -> bool:
    """Say whether a preview moves this money and no other: nobody looks at each of a thousand."""
    moved = {line["intent"]: (line["total"], line["currency"]) for line in shown if line["total"]}
    return moved == ({intent.id: (intent.total, intent.currency)} if intent.total else {})


def summary(outcomes: Iterable[Outcome], waiting: int) -> str:
    """How many came to what."""
    told = list(outcomes)
    counts = Counter(f"{one.outcome} {one.code}" if one.code else one.outcome for one in told)
    parts = [f"{count} {name}" for name, count in sorted(counts.items())]
    if len(told) < waiting:
        parts.append(f"{waiting - len(told)} not asked")
    return f"of {waiting}: {', '.join(parts)}" if parts else "nobody is left to answer"
