"""Where a refund is decided: which units are owed, what they come to, and who has to agree.

Refuses to pay before the gate is open, for units twice, and above what the law or the merchant's tier allows alone.
"""

from __future__ import annotations

from datetime import timedelta

from quittance.domain.account import Mode
from quittance.domain.bounds import Velocity
from quittance.domain.draft import Draft, due_of
from quittance.domain.errors import Rejected
from quittance.domain.events import IntentAdmitted, IntentMoved
from quittance.domain.ids import intent_id, replay_key
from quittance.domain.intent import Act, Components, Intent, IntentLine, IntentState, IntentVerb
from quittance.domain.ledger import Ledger, allot, next_turn
from quittance.domain.money import share_of
from quittance.domain.policy import Gate, Policy, RefundWhen, Terms, Withdrawal
from quittance.domain.priority import CaseKind
from quittance.domain.return_request import ReturnLine, ReturnRequest
from quittance.domain.values import dataclass, replace

REFUSED_BY_RULE = "refund_refused:"
REFUSED = f"{REFUSED_BY_RULE}BY_APPROVER"
BLOCKED = "refund_blocked"
ELSEWHERE = "elsewhere:"
"""How the mark begins of an act that was decided here and is carried out by somebody else."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A refund as it would be admitted now: its lines, components, split over payments and the rule behind it."""

    lines: tuple[IntentLine, ...]
    components: Components
    payments: dict[str, int]
    currency: str
    rule: str
    reason: str


def owed(line: ReturnLine, *, in_advance: bool) -> int:
    """Units of a line to pay back that no refund covers yet; with the gate open early, also those still to arrive."""
    if in_advance:
        refused = line.rejected + line.exchanged + line.repaired
        return max(0, line.authorised - refused - line.covered)
    return line.payable


def is_in_advance(body: ReturnRequest, terms: Terms) -> bool:
    """Say whether the merchant pays before the goods are in: at authorisation, or at evidence of sending."""
    if terms.refund_gate is Gate.AUTHORISED:
        return body.authorised_at is not None
    return terms.refund_gate is Gate.SENT and body.sent_at is not None


def is_waiting(body: ReturnRequest, terms: Terms) -> bool:
    """Say whether the merchant refunds only once every parcel is in and decided."""
    undecided = any(line.undecided for line in body.lines.values())
    return terms.refund_when is RefundWhen.ALL_RECEIVED and bool(body.outstanding or undecided)


def quote(draft: Draft, policy: Policy) -> Quote | None:
    """Compute the refund that is owed now, to the minor unit; None when nothing is.

    Raises Rejected(OVER_HEADROOM) when the payments have less left than is owed, and Rejected(ZERO_REFUND) when the
    units are owed but come to nothing.
    """
    body, order = draft.body, draft.ordered
    in_advance = is_in_advance(body, policy.terms)
    shadowed = _shadowed(draft)
    units = {key: owed(line, in_advance=in_advance) - shadowed.get(key, 0) for key, line in body.lines.items()}
    units = {line_id: quantity for line_id, quantity in units.items() if quantity > 0}
    if not units or is_waiting(body, policy.terms):
        return None
    law = policy.withdrawal(body.country, body.delivered_at, body.requested_at)
    lines = _priced(body, order.ledger, units)
    components = Components(
        goods=sum(line.minor for line in lines),
        shipping=_shipping(order.ledger, lines, law),
        fee=sum(_fee(body.lines[line.return_line], line.minor, policy.terms, law) for line in lines),
        adjustment=sum(body.lines[line.return_line].adjustment for line in lines),
    )
    if components.total <= 0:
        raise Rejected("ZERO_REFUND", "amount", "nothing is left to pay for these units; close the return instead")
    rule = policy.law_rule(law) if law else policy.rule("refund")
    reasons = sorted({body.lines[line.return_line].reason or "return" for line in lines})
    split = allot(order.ledger, components.total)
    return Quote(lines, components, split, order.currency, rule, "+".join(reasons))


def _shadowed(draft: Draft) -> dict[str, int]:
    """Units that a shadow decision covers already; it reserves nothing, so that the lines do not show it."""
    units: dict[str, int] = {}
    for intent in draft.intents.values():
        if intent.state is IntentState.SHADOWED and intent.act.is_money and intent.case == draft.case.id:
            for line in intent.lines:
                units[line.return_line] = units.get(line.return_line, 0) + line.quantity
    return units


def _priced(body: ReturnRequest, ledger: Ledger, units: dict[str, int]) -> tuple[IntentLine, ...]:
    """Price each line's units by what they cost with discounts and tax; portions always sum to the line's total."""
    taken = {line: ledger.taken(line) for line in ledger.lines}
    priced = []
    for line_id in sorted(units):
        order_line, quantity = body.lines[line_id].order_line, units[line_id]
        sold = ledger.lines.get(order_line)
        if sold is None:
            raise Rejected("UNKNOWN_LINE", f"lines.{line_id}", "the order has no such line")
        done, paid = taken[order_line]
        if done + quantity > sold.quantity:
            raise Rejected("OVER_HEADROOM", f"lines.{line_id}", f"{sold.quantity - done} units are left to refund")
        minor = min(share_of(sold.total, done, quantity, sold.quantity), max(0, sold.total - paid))
        taken[order_line] = (done + quantity, paid + minor)
        priced.append(IntentLine(line_id, order_line, quantity, minor))
    return tuple(priced)


def _shipping(ledger: Ledger, lines: tuple[IntentLine, ...], law: Withdrawal | None) -> int:
    """Outbound shipping, once, with the units that complete the withdrawal from the whole order.

    Source: Directive 2011/83/EU article 13(1).
    """
    if law is None or not law.outbound_shipping:
        return 0
    now = {key: sum(line.quantity for line in lines if line.order_line == key) for key in ledger.lines}
    is_last = all(ledger.taken(key)[0] + now[key] >= sold.quantity for key, sold in ledger.lines.items())
    return ledger.free_shipping if is_last else 0


def _fee(line: ReturnLine, minor: int, terms: Terms, law: Withdrawal | None) -> int:
    """The merchant's restocking fee, never in a withdrawal by law and never where the seller is at fault."""
    if (law is not None and not law.restocking_fee) or line.reason in terms.fee_free_reasons:
        return 0
    return min(minor, (2 * minor * terms.fee_percent + 100) // 200)


def admit(draft: Draft, policy: Policy, by: str) -> Draft:
    """Admit the refund that is owed as an intent holding its headroom; mark the case when it cannot be."""
    order = draft.ordered
    if draft.control.mode is Mode.OBSERVE or is_stopped(draft):
        return draft
    if not policy.bounds.is_ours(Act.REFUND):
        return draft.marked(elsewhere(Act.REFUND)) if is_owing(draft, policy) else draft
    if order.blocking or order.frozen or order.ledger.deficit:
        return draft.marked(BLOCKED) if is_owing(draft, policy) else draft
    try:
        quoted = quote(draft, policy)
    except Rejected as refusal:
        return draft.marked(f"{REFUSED_BY_RULE}{refusal.code}")
    if quoted is None:
        return draft
    for mark in sorted(m for m in draft.case.marks if m == BLOCKED or m.startswith(REFUSED_BY_RULE)):
        draft = draft.unmarked(mark)
    return take_turn(draft.record(IntentAdmitted(_born(draft, quoted, policy, by))))


def elsewhere(act: Act) -> str:
    """The mark of a case on which somebody else has to carry out this act."""
    return f"{ELSEWHERE}{act.value}"


def is_stopped(draft: Draft) -> bool:
    """Say whether a person has to free the next refund, or the return is being cancelled.

    A refund of this case was refused, declined or differed, as a mark says; or the channel is told to cancel.
    """
    cancelling = Act.CANCEL_RETURN in draft.body.open_intents.values()
    return cancelling or any(mark.startswith("refund:") or mark == REFUSED for mark in draft.case.marks)


def is_owing(draft: Draft, policy: Policy) -> bool:
    """Say whether units are owed now for which no refund exists."""
    in_advance = is_in_advance(draft.body, policy.terms)
    return any(owed(line, in_advance=in_advance) for line in draft.body.lines.values())


def _born(draft: Draft, quoted: Quote, policy: Policy, by: str) -> Intent:
    why = _why_not_alone(draft, quoted, policy)
    waits = is_busy(draft) or any(_is_waiting(intent) for intent in draft.intents.values())
    at_once = IntentState.RESERVED if waits else IntentState.READY
    intent = blank(draft, Act.REFUND, by, quoted.reason, quoted.rule, IntentState.AWAITING_APPROVAL if why else at_once)
    return replace(intent, lines=quoted.lines, components=quoted.components, payments=quoted.payments, why=why)


def _why_not_alone(draft: Draft, quoted: Quote, policy: Policy) -> str:
    """The code of the bound that asks for a second person, or nothing; a bound that nobody read asks for one too."""
    tier, bounds, total = policy.terms.refund_alone_up_to, policy.bounds, quoted.components.total
    if tier.currency != quoted.currency or (bounds.daily and quoted.currency not in bounds.daily):
        return "currency_without_limit"
    if total > tier.minor:
        return "above_limit"
    if bounds.velocity is not None and _is_frequent(draft, bounds.velocity):
        return "velocity"
    budget = draft.allowance.budget
    return "daily_budget" if bounds.daily and (budget is None or not budget.covers(total)) else ""


def _is_frequent(draft: Draft, velocity: Velocity) -> bool:
    if not draft.ordered.customer:
        return False
    customer = draft.allowance.customer
    if customer is None:
        return True
    return customer.since(draft.now - timedelta(days=velocity.days)).count >= velocity.refunds


def blank(draft: Draft, act: Act, by: str, reason: str, rule: str, state: IntentState) -> Intent:
    """An intent of this case at birth, without lines or money; in shadow mode it ends where it begins."""
    case, control = draft.case, draft.control
    born = intent_id(control.epoch, case.id, case.version + 1, draft.admitted())
    if control.mode is Mode.SHADOW:
        state = IntentState.SHADOWED
    return Intent(
        id=born,
        case=case.id,
        channel=case.channel,
        account=case.account,
        store=case.store,
        order=draft.ordered.id,
        external=case.external,
        act=act,
        state=state,
        currency=draft.ordered.currency,
        created_at=draft.now,
        requested_by=by,
        reason=reason,
        rule=rule,
        lane=lane_of(case.kind),
        key=replay_key(born, case.channel, case.account),
        epoch=control.epoch,
        due=due_of(state, draft.now),
    )


def lane_of(kind: CaseKind) -> int:
    """The lane of what a case sends: claims and cancellations never wait behind the rest."""
    return 0 if kind in (CaseKind.CLAIM, CaseKind.CANCELLATION) else 1


_BLOCKING = (IntentState.HOLD, IntentState.UNKNOWN)


def is_busy(draft: Draft) -> bool:
    """Say whether a refund of the order is in flight or held: until it has ended no other becomes ready."""
    held = any(i.state in _BLOCKING and i.act.is_money for i in draft.intents.values())
    return held or draft.ordered.ledger.turn is not None


def _is_waiting(intent: Intent) -> bool:
    return intent.state is IntentState.RESERVED and intent.act.is_money


def take_turn(draft: Draft) -> Draft:
    """Make the oldest waiting refund of the order ready, if no other is in flight and none is held."""
    if is_busy(draft):
        return draft
    waiting = [intent.id for intent in draft.intents.values() if _is_waiting(intent)]
    turn = next_turn(draft.ordered.ledger, waiting)
    return draft if turn is None else draft.record(IntentMoved(turn, IntentVerb.TAKE_TURN, "rule"))
