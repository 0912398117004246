"""Bad input: refused with the rule's code, the field and the way out, and not one item of the table is another.

Whatever stage a case has reached, a refusal leaves every item as it was; it is counted, and that is all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quittance.application.command_case import Answer, command_case
from quittance.application.ports import Guard
from quittance.domain.account import Mode
from quittance.domain.command import Actor, CommandName, parse_command
from quittance.domain.errors import Rejected
from quittance.domain.ids import OrderId, case_of_channel
from quittance.domain.intent import Act, IntentState, ReplayGuard
from quittance.domain.money import Money
from quittance.domain.observations import ChannelStatus, Condition, FulfilledBy
from quittance.domain.policy import DeadlineRule
from quittance.domain.values import replace
from quittance.storage.memory import MemoryEngine
from tests.support import builders as b
from tests.support.shop import HORIZON, Shop, answer_lost
from tests.support.workbench import PLACE, PlainSeal, Workbench

S = IntentState
N = CommandName
USED = b.units(condition=Condition.USED)


def books(engine: MemoryEngine) -> str:
    """Every item as it stands, as text."""
    return json.dumps(engine.snapshot().partitions, sort_keys=True)


# Stages of a case


def judging(**terms: Any) -> Workbench:
    """One used shirt has arrived, and a person has to judge it."""
    bench = Workbench(**terms).authorised()
    bench.receive(b.receipt("parcel-1", USED))
    return bench


def approving(**terms: Any) -> Workbench:
    """A refund waits for a second person."""
    return Workbench(refund_alone_up_to=Money(1, "EUR"), **terms).refunding()


def held() -> Workbench:
    """A refund whose answer was lost is held: the channel shows nothing and honours no key."""
    bench = Workbench().refunding()
    bench.shop.refund_guard = replace(bench.shop.refund_guard, kind=ReplayGuard.NONE)
    bench.shop.faults = [answer_lost]
    bench.advance(bench.refund)
    order = bench.shop.orders[b.ORDERED]
    bench.shop.orders[b.ORDERED] = replace(order, refunds=())
    for _ in range(2):
        bench.wait(seconds=2 * HORIZON.total_seconds() + 63)
        bench.advance(bench.refund)
    assert bench.refund.state is S.HOLD
    return bench


def disputed(bench: Workbench) -> Workbench:
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], disputes=frozenset({"dispute-1"}))
    bench.observe()
    return bench


def marketplaces(bench: Workbench) -> Workbench:
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], fulfilled_by=FulfilledBy.MARKETPLACE)
    bench.observe()
    return bench


def locked(bench: Workbench) -> Workbench:
    policy = bench.policies.policy
    bench.policies.policy = replace(policy, terms=replace(policy.terms, locked=True))
    return bench


def late(bench: Workbench) -> Workbench:
    """A request that no law and no window covers."""
    old = b.NOW - timedelta(days=60)
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], delivered_at=old)
    bench.observe()
    return bench


def waiving() -> Workbench:
    """The law's own deadline runs."""
    bench = judging()
    assert "law_refund" in bench.case.deadlines
    return bench


def observing(bench: Workbench) -> Workbench:
    bench.set(Mode.OBSERVE)
    return bench


@dataclass(frozen=True)
class Bad:
    """A stage, a command on it, and the rule that refuses it."""

    stage: Callable[[], Workbench]
    name: CommandName
    code: str
    where: str
    given: Mapping[str, Any] = field(default_factory=dict)
    actor: Actor = b.APPROVER
    targets_refund: bool = False


ONE = {b.SHIRTS: 1}
FREELY: Mapping[str, Any] = {"lines": ONE, "reason": "worn_once"}
BAD: Mapping[str, Bad] = {
    "without a reason": Bad(judging, N.ACCEPT_LINES, "MISSING", "reason", {"lines": ONE}),
    "without a line": Bad(judging, N.ACCEPT_LINES, "NO_LINES", "lines", {"reason": "worn_once"}),
    "of more units than came": Bad(
        judging, N.ACCEPT_LINES, "BAD_QUANTITY", f"lines.{b.SHIRTS}.quantity", {**FREELY, "lines": {b.SHIRTS: 2}}
    ),
    "above the headroom of the line": Bad(
        judging, N.ACCEPT_LINES, "OVER_HEADROOM", f"lines.{b.SHIRTS}.amount", {**FREELY, "amounts": {b.SHIRTS: 3001}}
    ),
    "on a line of another order": Bad(
        judging, N.ACCEPT_LINES, "UNKNOWN_LINE", "lines.another", {**FREELY, "lines": {"another": 1}}
    ),
    "with a token of something else": Bad(
        judging, N.ACCEPT_LINES, "STALE_PREVIEW", "token", {**FREELY, "token": "of something else"}
    ),
    "on an older version": Bad(judging, N.ACCEPT_LINES, "STALE_VERSION", "version", {**FREELY, "version": 1}),
    "of a resolution that is not offered": Bad(
        lambda: judging(resolutions=frozenset({"accept"})), N.EXCHANGE_LINES, "NOT_OFFERED", "command", FREELY
    ),
    "on a locked rule": Bad(
        lambda: locked(late(Workbench())), N.AUTHORISE_RETURN, "POLICY_LOCKED", "policy",
        {"reason": "goodwill", "override": True},
    ),
    "that waives a locked rule": Bad(
        lambda: locked(judging()), N.WAIVE_DEADLINE, "POLICY_LOCKED", "target",
        {"target": "refund_received", "reason": "busy"},
    ),
    "below the law": Bad(Workbench, N.DECLINE_RETURN, "BELOW_LAW", "reason", {"reason": "final_sale"}),
    "that waives the law": Bad(
        waiving, N.WAIVE_DEADLINE, "BELOW_LAW", "target", {"target": "law_refund", "reason": "busy"}
    ),
    "outside the window": Bad(
        lambda: late(Workbench()), N.AUTHORISE_RETURN, "OUTSIDE_WINDOW", "override", {"reason": "inside"}
    ),
    "on a marketplace-fulfilled order": Bad(
        lambda: marketplaces(judging()), N.ACCEPT_LINES, "MARKETPLACE_FULFILLED", "order", FREELY
    ),
    "agreed to while a dispute is open": Bad(
        lambda: disputed(approving()), N.APPROVE_INTENT, "DISPUTE_OPEN", "target", targets_refund=True
    ),
    "retried while a dispute is open": Bad(
        lambda: disputed(held()), N.RETRY_HOLD, "DISPUTE_OPEN", "target", targets_refund=True
    ),
    "that overrides no dispute": Bad(judging, N.OVERRIDE_DISPUTE, "NO_DISPUTE", "case", {"reason": "goods_are_back"}),
    "that overrides a dispute where the rules are locked": Bad(
        lambda: locked(disputed(judging())), N.OVERRIDE_DISPUTE, "POLICY_LOCKED", "policy",
        {"reason": "goods_are_back"},
    ),
    "by somebody without the authority": Bad(
        approving, N.APPROVE_INTENT, "NOT_ALLOWED", "command", actor=b.AGENT, targets_refund=True
    ),
    "of an intent of no case": Bad(approving, N.APPROVE_INTENT, "UNKNOWN_INTENT", "target", {"target": "another"}),
    "on an account that observes": Bad(
        lambda: observing(judging()), N.ACCEPT_LINES, "ACCOUNT_OBSERVES", "account", FREELY
    ),
    "of a held refund that is given up as if it had not been sent": Bad(
        held, N.REFUSE_INTENT, "HELD", "target", {"reason": "no"}, targets_refund=True
    ),
}  # fmt: skip


def give(bench: Workbench, bad: Bad, actor: Actor | None = None) -> Answer:
    given = {**bad.given, **({"target": bench.refund.id} if bad.targets_refund else {})}
    return bench.order(bad.name, actor or bad.actor, **given)


def staged(bad: Bad) -> Workbench:
    bench = bad.stage()
    if bench.table.load_case(bench.case_id) is None:
        bench.observe()
    return bench


@pytest.mark.proves("F100", "B22")
@pytest.mark.parametrize("what", BAD)
def test_an_intent_is_refused_with_its_rule_and_nothing_is_written(what: str) -> None:
    bad = BAD[what]
    bench = staged(bad)
    before, effects = books(bench.engine), list(bench.shop.effects)

    answer = give(bench, bad)

    assert (answer.outcome, answer.code, answer.field) == ("refused", bad.code, bad.where)
    assert answer.fix, "the way out is told"
    assert books(bench.engine) == before
    assert bench.shop.effects == effects
    assert bench.tally.counts["CommandRefused", bad.code] == 1


@settings(max_examples=60, deadline=None)
@given(stage=st.sampled_from(sorted(BAD)), told=st.lists(st.sampled_from(sorted(BAD)), min_size=1, max_size=4))
def test_whatever_is_asked_of_whatever_stage_a_refusal_changes_nothing(stage: str, told: list[str]) -> None:
    bench = staged(BAD[stage])
    for what in told:
        before = books(bench.engine)
        bad = BAD[what]
        if bad.targets_refund and not bench.intents(Act.REFUND):
            continue
        answer = give(bench, bad)
        if answer.outcome == "refused":
            assert answer.code.isupper()
            assert answer.field
            assert answer.fix
            assert books(bench.engine) == before
        else:
            assert answer.outcome in ("done", "awaiting_approval")


@pytest.mark.parametrize(
    "stage, lines", [(disputed, {b.SHIRTS: 1}), (marketplaces, {b.SHIRTS: 1})], ids=["disputed", "marketplaces"]
)
def test_no_rule_admits_a_refund_where_a_person_could_not(stage: Any, lines: Mapping[str, int]) -> None:
    bench = stage(Workbench().authorised())
    bench.receive(b.receipt("parcel-1", b.units(quantity=sum(lines.values()))))

    assert bench.intents(Act.REFUND) == []
    assert stage is marketplaces or bench.case.marks == {"refund_blocked"}


# What is not even a command


QUANTITIES = st.one_of(st.none(), st.integers(max_value=0), st.booleans(), st.text(max_size=2), st.floats())


@pytest.mark.proves("F100")
@given(quantity=QUANTITIES)
def test_a_line_without_a_whole_quantity_is_refused_by_its_place(quantity: object) -> None:
    line = {"line": b.SHIRTS} if quantity is None else {"line": b.SHIRTS, "quantity": quantity}

    with pytest.raises(Rejected) as refused:
        parse_command({"command": "AcceptLines", "case": "c", "version": 1, "lines": [line]}, b.AGENT)

    assert (refused.value.code, refused.value.field) == ("BAD_QUANTITY", "lines.0.quantity")


@pytest.mark.parametrize(
    "stated, code, key",
    [
        ({"currency": "USD"}, "UNKNOWN_KEY", "currency"),
        ({"order": "another-order"}, "UNKNOWN_KEY", "order"),
        ({"store": "another-store"}, "UNKNOWN_KEY", "store"),
        ({"lines": [{"line": "l", "quantity": 1, "currency": "USD"}]}, "BAD_VALUE", "lines.0"),
        ({"lines": [{"line": "l", "quantity": 1, "amount": 1.5}]}, "BAD_AMOUNT", "lines.0.amount"),
        ({"lines": [{"line": "l", "quantity": 1, "amount": -1}]}, "BAD_AMOUNT", "lines.0.amount"),
        ({"reason": "two words"}, "BAD_VALUE", "reason"),
    ],
)
def test_a_currency_an_order_or_a_store_is_never_typed_by_a_person(stated: dict[str, Any], code: str, key: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_command({"command": "AcceptLines", "case": "c", "version": 1} | stated, b.AGENT)

    assert (refused.value.code, refused.value.field) == (code, key)


def test_a_decision_by_another_channel_s_policy_is_refused_before_anything_is_decided() -> None:
    bench = judging()
    policy = bench.policies.policy
    bench.policies.policy = replace(policy, terms=replace(policy.terms, channel="amazon"))
    before = books(bench.engine)

    answer = bench.order(N.ACCEPT_LINES, **FREELY)

    assert (answer.outcome, answer.code) == ("refused", "WRONG_CHANNEL")
    assert books(bench.engine) == before


def test_an_intent_of_another_store_s_order_cannot_be_named() -> None:
    bench = approving()
    order, name = OrderId("another-order"), "another-return"
    bench.shop.orders[order] = b.order_reading(id=order)
    bench.shop.returns[name] = b.return_reading(id=name, order=order, rma="R-9", status=ChannelStatus.OPEN)
    bench.observe(order=order)
    other = case_of_channel("shopify", PLACE.account, "return", name)
    before = books(bench.engine)

    answer = bench.order(N.APPROVE_INTENT, b.APPROVER, case=other, target=bench.refund.id)

    assert (answer.outcome, answer.code) == ("refused", "UNKNOWN_INTENT")
    assert books(bench.engine) == before


def test_a_preview_writes_nothing_either() -> None:
    bench = judging()
    before = books(bench.engine)

    answer = bench.order(N.ACCEPT_LINES, confirm=False, **FREELY)

    assert answer.outcome == "previewed"
    assert books(bench.engine) == before


# Two decisions on the same units, an act that the channel cannot do


@pytest.mark.proves("F035")
@pytest.mark.parametrize("first, second", [(N.ACCEPT_LINES, N.EXCHANGE_LINES), (N.EXCHANGE_LINES, N.ACCEPT_LINES)])
def test_of_refund_and_exchange_of_the_same_units_the_second_is_refused(
    first: CommandName, second: CommandName
) -> None:
    bench = judging()
    assert bench.order(first, **FREELY).outcome == "done"
    refunds, before = len(bench.intents(Act.REFUND)), books(bench.engine)

    answer = bench.order(second, **FREELY)

    assert (answer.outcome, answer.code) == ("refused", "BAD_QUANTITY")
    assert books(bench.engine) == before
    assert len(bench.intents(Act.REFUND)) == refunds


@pytest.mark.proves("F035")
def test_of_two_who_decide_the_same_units_at_once_the_second_is_refused() -> None:
    bench = judging()
    version = bench.case.version
    bench.order(N.EXCHANGE_LINES, version=version, **FREELY)

    answer = bench.order(N.ACCEPT_LINES, version=version, **FREELY)

    assert (answer.outcome, answer.code) == ("refused", "STALE_VERSION")
    assert bench.intents(Act.REFUND) == []


class Unable(Shop):
    """A shop whose API cannot do one act."""

    cannot: Act | None = None

    def guard(self, act: Act) -> Guard | None:
        return None if act is self.cannot else super().guard(act)


@pytest.mark.proves("F125")
@pytest.mark.parametrize(
    "act, name, given",
    [
        (Act.APPROVE_RETURN, N.AUTHORISE_RETURN, {"reason": "inside"}),
        (Act.REFUND, N.KEEP_LINES, {"lines": ONE, "reason": "goodwill"}),
    ],
)
def test_an_act_that_the_channel_cannot_do_fails_when_it_is_decided_and_not_when_it_is_sent(
    act: Act, name: CommandName, given: dict[str, Any]
) -> None:
    shop = Unable()
    bench = Workbench(shop=shop)
    bench.observe()
    if act is Act.REFUND:
        bench.shop_return(status=ChannelStatus.OPEN)
        bench.observe()
    shop.cannot = act
    before = books(bench.engine)

    answer = command_case(bench.ports, b.command(name, actor=b.AGENT, version=bench.case.version, **given), PlainSeal())

    assert (answer.outcome, answer.code, answer.field) == ("refused", "NOT_SUPPORTED", "command")
    assert act.value in answer.fix
    assert books(bench.engine) == before


def test_the_deadlines_that_a_person_may_waive_are_the_merchant_s_own() -> None:
    bench = judging()
    rules = {kind: each.rule for kind, each in bench.case.deadlines.items()}
    own = DeadlineRule("refund_received", "event", 120, 4, (), 1, "shopify@1:deadlines.refund_received", "the merchant")

    assert rules["refund_received"] == own.rule
    assert rules["law_refund"].startswith("law@")
