"""`quittance reconcile`, `restored` and `report shadow` on a table with orders in it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.reconcile import told, waited
from ops.report import judged, lines
from quittance.application.reconcile_books import reconcile_books
from quittance.domain.account import Mode
from quittance.domain.agreement import by_rule
from quittance.domain.case import Case
from quittance.domain.command import CommandName
from quittance.domain.difference import Difference
from quittance.domain.intent import IntentState
from quittance.domain.ledger import Amounts
from quittance.domain.observations import ChannelStatus, Condition, MoneyStatus, RefundReading
from quittance.domain.order import NOT_READ_SINCE_RESTORE, Order
from quittance.storage import keys
from tests.ops.world import World
from tests.policies.documents import POLICIES, SHOP
from tests.support import builders as b
from tests.support.workbench import PLACE, Workbench

LEDGER = keys.order(PLACE.channel, PLACE.account, b.ORDERED)
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def bench(world: World, capsys: Capture) -> Workbench:
    """The use cases on the command's own table, at the time of the machine."""
    assert world.run("policy", "publish", str(POLICIES), "--stack", "test") == 0
    engine: Any = world.stack.engine
    made = Workbench(engine=engine)
    made.clock.at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    capsys.readouterr()
    return made


def order_of(bench: Workbench) -> Order:
    found = bench.table.order_at(LEDGER)
    assert found is not None
    return found


def settled(bench: Workbench) -> Workbench:
    bench.refunding()
    assert bench.advance() is IntentState.SETTLED
    return bench


def run(world: World, *arguments: str) -> int:
    return world.run(*arguments, "--account", SHOP, "--stack", "test")


def compared(bench: Workbench) -> None:
    bench.clock.at = datetime.now(UTC) + timedelta(seconds=1)
    assert reconcile_books(bench.ports, LEDGER)


@pytest.mark.proves("F118", "B10")
def test_reconcile_makes_ledgers_and_polls_due_and_tells_what_differs(
    world: World, bench: Workbench, capsys: Capture
) -> None:
    settled(bench)
    world.run("account", "set", SHOP, "--mode", "live", "--stack", "test")
    poll = bench.table.poll(SHOP, "refunded_orders")
    assert poll is not None
    bench.table.save_poll(poll, replace(poll, due=poll.due + timedelta(hours=9)))
    capsys.readouterr()

    assert run(world, "reconcile", "--wait", "0") == 1
    assert capsys.readouterr().out.splitlines() == [
        f"1 ledgers of {SHOP} are to be compared",
        "1 of them wait still; the tick brings them to poll-channels",
        "no difference is open",
    ]
    due = bench.table.poll(SHOP, "refunded_orders")
    assert due is not None
    assert due.due <= datetime.now(UTC)
    assert order_of(bench).due is not None
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], refunds=())
    compared(bench)

    assert run(world, "reconcile", "--order", b.ORDERED, "--wait", "0") == 1
    out = capsys.readouterr().out
    case = next(case for case in bench.scene.cases.values() if isinstance(case.body, Difference))
    assert f"order {b.ORDERED}: ours 30.00 EUR, theirs 0.00 EUR, case {case.id}" in out
    assert f"missing refund R2, intent {bench.refund.id}: 30.00 EUR / 0.00 EUR" in out
    assert world.run("case", case.id, "--stack", "test") == 0
    assert "ours 30.00 EUR" in capsys.readouterr().out


def test_reconcile_of_an_order_without_a_ledger_or_an_account_nobody_listed_is_refused(
    world: World, bench: Workbench, capsys: Capture
) -> None:
    assert run(world, "reconcile", "--order", "4711") == 1
    assert "UNKNOWN_ORDER" in capsys.readouterr().err
    assert world.run("reconcile", "--account", "nobody", "--stack", "test") == 1
    assert "UNKNOWN_ACCOUNT" in capsys.readouterr().err


def test_reconcile_waits_until_all_are_compared_or_the_time_is_over() -> None:
    left = [3, 1, 0, 7]
    pauses: list[float] = []

    assert waited(lambda: left.pop(0), 60, pauses.append) == 0
    assert (left, len(pauses)) == ([7], 2)
    assert waited(lambda: 2, 0, pauses.append) == 2


def test_only_differences_can_be_told_as_such() -> None:
    plain: Case = b.case()

    with pytest.raises(TypeError):
        list(told([plain]))


@pytest.mark.proves("B1")
def test_restored_stops_the_account_raises_the_epoch_and_has_every_order_read(
    world: World, bench: Workbench, capsys: Capture
) -> None:
    bench.refunding()
    world.run("account", "set", SHOP, "--mode", "live", "--stack", "test")
    capsys.readouterr()

    assert run(world, "restored") == 0

    control = bench.table.control(SHOP)
    assert (control.mode, control.epoch > 0) == (Mode.OBSERVE, True)
    assert (bench.refund.state, order_of(bench).frozen) == (IntentState.UNKNOWN, NOT_READ_SINCE_RESTORE)
    out = capsys.readouterr().out
    assert f"{SHOP}: observe, epoch {control.epoch}; nothing is sent" in out
    assert f"{SHOP}: 1 orders to be read, 1 intents unknown, 0 on hold as before" in out

    assert run(world, "restored", "--check") == 1
    assert "1 orders are to be read, 1 intents looked for, 0 answered by a person" in capsys.readouterr().out
    compared(bench)
    bench.wait(seconds=120)
    bench.advance(bench.refund)
    assert bench.refund.state is IntentState.HOLD
    assert run(world, "restored", "--check") == 0
    assert "0 orders are to be read, 0 intents looked for, 1 answered by a person" in capsys.readouterr().out


def shadowed(bench: Workbench) -> Workbench:
    """In shadow: a person approves and a parcel is accepted by rule; in the shop people approve and pay back."""
    bench.set(Mode.SHADOW)
    bench.observe()
    bench.order(CommandName.AUTHORISE_RETURN, reason="inside")
    bench.shop_return(status=ChannelStatus.OPEN)
    bench.observe()
    bench.receive(b.receipt("parcel-1", b.units(quantity=1)))
    return bench


@pytest.mark.proves("B9")
def test_the_shadow_report_tells_per_rule_what_people_did(world: World, bench: Workbench, capsys: Capture) -> None:
    shadowed(bench)
    assert run(world, "report", "shadow") == 0
    waiting = capsys.readouterr().out
    bench.wait(minutes=5)
    paid = b.refund_reading("PEOPLE", 2900)
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], refunds=(paid,))
    bench.observe()

    assert run(world, "report", "shadow") == 0
    out = capsys.readouterr().out

    assert waiting.splitlines()[0].split() == ["rule", "act", "agreed", "differed", "not", "yet", "ours", "theirs"]
    rows = {tuple(line.split()[:2]): line.split()[2:] for line in out.splitlines()[1:] if "@" in line}
    assert rows["shopify@1:returns.window_days", "approve_return"] == ["1", "0", "0", "0.00", "EUR", "0.00", "EUR"]
    assert rows["law@1:eu_withdrawal", "refund"] == ["0", "1", "0", "30.00", "EUR", "29.00", "EUR"]
    assert f"differed: refund by law@1:eu_withdrawal, order {b.ORDERED}" in out
    assert "30.00 EUR / 29.00 EUR" in out

    assert run(world, "report", "shadow", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["account"] == SHOP
    assert {one["verdict"] for one in document["decisions"]} == {"agreed", "differed"}
    assert sum(one["theirs"] for one in document["rules"]) == 2900


def test_what_a_rule_rejected_and_people_paid_is_in_the_report(bench: Workbench) -> None:
    shadowed(bench)
    bench.receive(b.receipt("parcel-2", b.units("CAP-1", 1, Condition.DAMAGED)))
    bench.wait(minutes=5)
    amounts = Amounts({b.CARD: 2000}, {b.CAP: (1, 2000)})
    goodwill = RefundReading("GOODWILL", amounts, MoneyStatus.MOVED)
    bench.shop.orders[b.ORDERED] = replace(bench.shop.orders[b.ORDERED], refunds=(goodwill,))
    bench.observe()

    found = judged(bench.table, bench.scene)

    rejected = [each for each in found if each.act == "reject"]
    assert [(each.verdict.value, each.ours, each.theirs) for each in rejected] == [("differed", 0, 2000)]
    assert any("reject" in line for line in lines(by_rule(found), found))


def test_without_shadow_decisions_the_report_says_so(world: World, bench: Workbench, capsys: Capture) -> None:
    assert run(world, "report", "shadow") == 0
    assert capsys.readouterr().out == "no rule has decided anything in shadow\n"
