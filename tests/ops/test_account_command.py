"""`quittance account set`: mode and kill switch as wished, and each poll of the account once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from quittance.application.ports import Poll
from quittance.domain.account import Control, Mode
from quittance.domain.instant import from_text
from quittance.storage.table import Table
from tests.ops.world import World
from tests.policies.documents import POLICIES, SHOP


@pytest.fixture
def table(world: World) -> Table:
    assert world.run("policy", "publish", str(POLICIES), "--stack", "test") == 0
    return world.stack.table


def test_an_account_nobody_set_observes(table: Table) -> None:
    assert table.control(SHOP) == Control(Mode.OBSERVE)


@pytest.mark.parametrize("mode", list(Mode))
def test_the_mode_is_set_and_told(world: World, table: Table, mode: Mode, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    assert world.run("account", "set", SHOP, "--mode", mode, "--stack", "test") == 0

    assert table.control(SHOP).mode is mode
    assert capsys.readouterr().out.startswith(f"{SHOP}: {mode}\n")


def test_kill_switch_and_mode_are_set_apart(world: World, table: Table) -> None:
    table.set_control(SHOP, Control(Mode.LIVE, killed=False, epoch=4))

    assert world.run("account", "set", SHOP, "--kill", "--stack", "test") == 0
    assert table.control(SHOP) == Control(Mode.LIVE, killed=True, epoch=4)

    assert world.run("account", "set", SHOP, "--mode", "shadow", "--stack", "test") == 0
    assert table.control(SHOP) == Control(Mode.SHADOW, killed=True, epoch=4)

    assert world.run("account", "set", SHOP, "--unkill", "--stack", "test") == 0
    assert table.control(SHOP) == Control(Mode.SHADOW, killed=False, epoch=4)


def test_the_polls_of_the_channel_are_created_once_and_then_left_alone(world: World, table: Table) -> None:
    world.run("account", "set", SHOP, "--mode", "live", "--stack", "test")
    first = [table.poll(SHOP, source) for source in ("open_returns", "known_returns")]

    world.run("account", "set", SHOP, "--mode", "live", "--stack", "test")

    assert [table.poll(SHOP, source) for source in ("open_returns", "known_returns")] == first
    assert [(poll.store, poll.every) for poll in first if isinstance(poll, Poll)] == [
        (SHOP, timedelta(minutes=5)),
        (SHOP, timedelta(hours=1)),
    ]


def test_refunded_orders_are_listed_from_the_moment_the_account_was_set(world: World, table: Table) -> None:
    world.run("account", "set", SHOP, "--mode", "observe", "--stack", "test")

    poll = table.poll(SHOP, "refunded_orders")

    assert poll is not None
    assert (poll.every, from_text(poll.cursor)) == (timedelta(hours=24), poll.due)


def test_an_account_that_is_not_published_is_refused(
    world: World, table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run("account", "set", "boutique", "--mode", "live", "--stack", "test") == 1
    assert "UNKNOWN_ACCOUNT" in capsys.readouterr().err
    assert table.control("boutique") == Control()


def test_nothing_to_set_is_no_success(world: World, table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run("account", "set", SHOP, "--stack", "test") == 1
    assert "NOTHING_TO_SET" in capsys.readouterr().err


def test_without_published_policies_the_way_out_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run("account", "set", SHOP, "--mode", "live", "--stack", "test") == 1
    assert "quittance policy publish" in capsys.readouterr().err


def test_the_period_may_be_set_for_polls_that_do_not_exist_yet(world: World, table: Table) -> None:
    assert world.run("account", "set", SHOP, "--mode", "live", "--poll-every", "720", "--stack", "test") == 0
    assert _periods(table) == [timedelta(hours=12), timedelta(hours=12)]

    assert world.run("account", "set", SHOP, "--mode", "live", "--poll-every", "5", "--stack", "test") == 0
    assert _periods(table) == [timedelta(hours=12), timedelta(hours=12)]


@pytest.mark.parametrize("text", ["0", "-5", "1.5", "soon", "10081"])
def test_a_period_that_makes_no_sense_is_refused(
    world: World, table: Table, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        world.run("account", "set", SHOP, f"--poll-every={text}", "--stack", "test")

    assert "no whole number of minutes" in capsys.readouterr().err


def _periods(table: Table) -> list[timedelta]:
    polls = [table.poll(SHOP, source) for source in ("open_returns", "known_returns")]
    return [poll.every for poll in polls if poll is not None]
