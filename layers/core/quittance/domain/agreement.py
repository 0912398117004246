"""Agreement: what the rules would have done in shadow, beside what people did at the channel.

Refuses to call anything agreed that nobody has decided yet, and to count one refund of theirs for two of ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from quittance.domain.case import Case
from quittance.domain.ids import CaseId
from quittance.domain.intent import Act, Intent, IntentState
from quittance.domain.ledger import Amounts
from quittance.domain.observations import ChannelStatus
from quittance.domain.return_request import ReturnRequest
from quittance.domain.values import dataclass

REJECT = "reject"


class Verdict(StrEnum):
    """How what a rule would have done stands beside what people did."""

    AGREED = "agreed"
    DIFFERED = "differed"
    NOT_YET = "not yet"


@dataclass(frozen=True, slots=True)
class TheirRefund:
    """A refund that people made at the channel, and when we first saw it."""

    refund: str
    seen_at: datetime
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Rejection:
    """Units that a rule rejected in shadow, by order line: it would have paid nothing for them."""

    case: CaseId
    rule: str
    units: Mapping[str, int]
    at: datetime


@dataclass(frozen=True, slots=True)
class Judgement:
    """One decision of a rule and what came of it; amounts are minor units of `currency`, zero without money."""

    rule: str
    act: str
    case: CaseId
    order: str
    verdict: Verdict
    currency: str
    ours: int = 0
    theirs: int = 0


_S = ChannelStatus
# What the channel shows where people decided the same, and where they decided otherwise. Anything else says nothing: a
# request that waits, and one that the buyer took back.
_SAME: Mapping[Act, frozenset[ChannelStatus]] = {
    Act.APPROVE_RETURN: frozenset({_S.OPEN, _S.CLOSED}),
    Act.DECLINE_RETURN: frozenset({_S.DECLINED}),
    Act.CLOSE_RETURN: frozenset({_S.CLOSED}),
    Act.CANCEL_RETURN: frozenset({_S.CANCELLED}),
    Act.REMOVE_LINES: frozenset(),
}
_OTHERWISE: Mapping[Act, frozenset[ChannelStatus]] = {
    Act.APPROVE_RETURN: frozenset({_S.DECLINED}),
    Act.DECLINE_RETURN: frozenset({_S.OPEN, _S.CLOSED}),
    Act.CLOSE_RETURN: frozenset(),
    Act.CANCEL_RETURN: frozenset({_S.CLOSED}),
    Act.REMOVE_LINES: frozenset({_S.CLOSED}),
}


def judge(
    cases: Mapping[CaseId, Case],
    intents: Iterable[Intent],
    theirs: Iterable[TheirRefund],
    rejections: Iterable[Rejection] = (),
) -> list[Judgement]:
    """Judge every shadow decision of one order, the oldest first; each refund of theirs counts once."""
    shadows = sorted(
        (intent for intent in intents if intent.state is IntentState.SHADOWED), key=lambda i: (i.created_at, i.id)
    )
    pool = sorted(theirs, key=lambda refund: (refund.seen_at, refund.refund))
    found = [_refund(intent, pool) if intent.act.is_money else _act(intent, cases[intent.case]) for intent in shadows]
    currency = shadows[0].currency if shadows else ""
    return found + [_rejected(each, cases[each.case], pool, currency) for each in rejections]


def _refund(intent: Intent, pool: list[TheirRefund]) -> Judgement:
    """Compare with refunds made since on the same units, and take those out of the pool."""
    wanted: Counter[str] = Counter()
    for line in intent.lines:
        wanted[line.order_line] += line.quantity
    near = [r for r in pool if r.seen_at >= intent.created_at and wanted.keys() & r.amounts.lines.keys()]
    exact = [refund for refund in near if _units([refund]) == wanted][:1]
    matched = exact or near
    units, paid = _units(matched), sum(refund.amounts.total for refund in matched)
    if all(units[line] >= quantity for line, quantity in wanted.items()):
        for refund in matched:
            pool.remove(refund)
        is_same = units == wanted and paid == intent.total
        return _judgement(intent, Verdict.AGREED if is_same else Verdict.DIFFERED, intent.total, paid)
    return _judgement(intent, Verdict.NOT_YET, intent.total, paid)


def _units(refunds: Sequence[TheirRefund]) -> Counter[str]:
    found: Counter[str] = Counter()
    for refund in refunds:
        found.update({line: quantity for line, (quantity, _) in refund.amounts.lines.items() if quantity})
    return found


def _act(intent: Intent, case: Case) -> Judgement:
    body = case.body
    status = body.status if isinstance(body, ReturnRequest) else ChannelStatus.UNRECOGNISED
    gone = isinstance(body, ReturnRequest) and all(not body.lines[line.return_line].requested for line in intent.lines)
    if status in _SAME[intent.act] or (intent.act is Act.REMOVE_LINES and gone):
        return _judgement(intent, Verdict.AGREED)
    return _judgement(intent, Verdict.DIFFERED if status in _OTHERWISE[intent.act] else Verdict.NOT_YET)


def _judgement(intent: Intent, verdict: Verdict, ours: int = 0, theirs: int = 0) -> Judgement:
    act = intent.act.value
    return Judgement(intent.rule, act, intent.case, intent.order, verdict, intent.currency, ours, theirs)


def _rejected(rejection: Rejection, case: Case, pool: list[TheirRefund], currency: str) -> Judgement:
    """Whatever people paid for these units since is otherwise; nothing paid is the same once the return is over."""
    paid = [r for r in pool if r.seen_at >= rejection.at and rejection.units.keys() & r.amounts.lines.keys()]
    for refund in paid:
        pool.remove(refund)
    over = Verdict.AGREED if case.body.state.is_final else Verdict.NOT_YET
    verdict = Verdict.DIFFERED if paid else over
    total = sum(refund.amounts.total for refund in paid)
    return Judgement(rejection.rule, REJECT, case.id, case.order or "", verdict, currency, 0, total)


@dataclass(frozen=True, slots=True)
class Agreement:
    """One rule's decisions of one kind in one currency: how many stand how, and the sums of those that differ."""

    rule: str
    act: str
    currency: str
    agreed: int
    differed: int
    not_yet: int
    ours: int
    theirs: int


def by_rule(judgements: Iterable[Judgement]) -> list[Agreement]:
    """Sum judgements up by rule, act and currency."""
    groups: dict[tuple[str, str, str], list[Judgement]] = {}
    for each in judgements:
        groups.setdefault((each.rule, each.act, each.currency), []).append(each)
    return [_summed(*name, found) for name, found in sorted(groups.items())]


def _summed(rule: str, act: str, currency: str, found: list[Judgement]) -> Agreement:
    counted = Counter(each.verdict for each in found)
    differing = [each for each in found if each.verdict is Verdict.DIFFERED]
    return Agreement(
        rule,
        act,
        currency,
        counted[Verdict.AGREED],
        counted[Verdict.DIFFERED],
        counted[Verdict.NOT_YET],
        sum(each.ours for each in differing),
        sum(each.theirs for each in differing),
    )
