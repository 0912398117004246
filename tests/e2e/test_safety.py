"""What must not happen outside, whatever happens inside: a dead worker, an account that may not send, a bad policy."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest

from sandbox.translate import ROOT
from sandbox.world import STORE, World
from tests.e2e.conftest import Shopper

FOUND_WITHIN = 20.0


@pytest.fixture
def live_again(world: World) -> Iterator[World]:
    """The account is live and unkilled again afterwards."""
    yield world
    world.ops("account", "set", STORE, "--mode", "live", "--unkill")


def mutations(world: World) -> list[tuple[str, ...]]:
    """Everything that was asked of the shop to change."""
    return [one.fields for one in world.shopify.requests if one.is_mutation]


def test_a_worker_that_is_killed_after_the_shop_has_paid_ends_with_one_refund(shopper: Shopper) -> None:
    world = shopper.world
    story = shopper.asks_back("BOOTS", "119.00")
    story.decide("AuthoriseReturn")
    world.shopify.faults.slow(5.0, "returnProcess")
    paid = mutations(world).count(("returnProcess",))

    assert world.parcel("P-killed", {"BOOTS": 1}, rma=story.rma) == 200
    _wait_for(lambda: mutations(world).count(("returnProcess",)) > paid)
    assert _kill_worker(world, "ExecuteRefundFunction") >= 1
    # The message is lost with its worker: the due index alone has to bring the refund back.
    world.cloud.client("sqs").purge_queue(QueueUrl=world.cloud.queue_url("Refund"))
    world.settle()
    assert story.intent("refund")["state"] == "SENDING"

    world.pass_time(timedelta(minutes=5))

    assert story.intent("refund")["state"] == "SETTLED"
    assert story.intent("refund")["sends"] == 1, "a send counts from its claim, because nobody may live to count it"
    assert story.refunded == 11900
    assert mutations(world).count(("returnProcess",)) == paid + 1


def _wait_for(happened: Callable[[], bool]) -> None:
    limit = time.monotonic() + FOUND_WITHIN
    while not happened():
        assert time.monotonic() < limit, "the refund was never sent"
        time.sleep(0.02)


def _kill_worker(world: World, function: str) -> int:
    """Kill the processes of one function of this world's own cloud; returns how many there were."""
    killed = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            command = (process / "cmdline").read_text()
        except (OSError, ValueError):
            continue  # it ended while we looked
        if parent == world.cloud.pid and function in command:
            os.kill(int(process.name), signal.SIGKILL)
            killed += 1
    return killed


@pytest.mark.proves("F129")
def test_an_account_that_observes_sees_everything_and_does_nothing(shopper: Shopper, live_again: World) -> None:
    world = shopper.world
    world.ops("account", "set", STORE, "--mode", "observe")
    story = shopper.asks_back("SOCKS", "9.00")
    before = mutations(world)

    answer = story.decide("AuthoriseReturn")

    assert (answer["outcome"], answer["code"], answer["field"]) == ("refused", "ACCOUNT_OBSERVES", "account")
    assert story.shown["intents"] == []
    world.shopify.admin_approve(story.request)
    world.settle()
    story.arrive("P-observed", SOCKS=1)
    assert story.shown["state"] == "received"
    assert mutations(world) == before


def test_in_shadow_every_decision_is_made_and_nothing_is_sent(shopper: Shopper, live_again: World) -> None:
    world = shopper.world
    world.ops("account", "set", STORE, "--mode", "shadow")
    story = shopper.asks_back("GLOVES", "35.00")
    before = mutations(world)

    assert story.decide("AuthoriseReturn")["outcome"] == "done"
    world.shopify.admin_approve(story.request)
    world.settle()
    story.arrive("P-shadow", GLOVES=1)
    world.tick()

    assert {one["state"] for one in story.shown["intents"]} == {"SHADOWED"}
    assert {one["act"] for one in story.shown["intents"]} >= {"approve_return", "refund"}
    assert mutations(world) == before
    world.ops("account", "set", STORE, "--mode", "live")
    world.pass_time(timedelta(minutes=3))
    assert mutations(world) == before, "what was a shadow never becomes real"
    assert story.refunded == 0


def test_the_kill_switch_keeps_a_refund_back_until_it_is_lifted(shopper: Shopper, live_again: World) -> None:
    world = shopper.world
    story = shopper.asks_back("WATCH", "99.00")
    story.decide("AuthoriseReturn")
    world.ops("account", "set", STORE, "--kill")

    story.arrive("P-watch", WATCH=1)
    assert story.intent("refund")["state"] == "READY"
    assert story.intent("refund")["why"].endswith("account_may_not_send")
    assert story.refunded == 0

    world.ops("account", "set", STORE, "--unkill")
    world.pass_time(timedelta(minutes=6))
    assert story.intent("refund")["state"] == "SETTLED"
    assert story.refunded == 9900


def test_a_policy_below_the_law_stops_its_publishing_and_what_is_in_force_stays(world: World, tmp_path: Path) -> None:
    folder = Path(copytree(ROOT / "policies", tmp_path / "policies"))
    shopify = folder / "shopify.toml"
    text = shopify.read_text("utf-8").replace("version = 1", "version = 2", 1)
    shopify.write_text(text.replace('gate = "received"', 'gate = "whenever"'), "utf-8")
    before = world.items("POLICY#")

    with pytest.raises(RuntimeError, match=r"refund\.gate"):
        world.ops("policy", "publish", str(folder))

    assert world.items("POLICY#") == before


def test_authority_is_the_alias_that_was_invoked(shopper: Shopper) -> None:
    story = shopper.asks_back("BELT", "29.00")
    order = {"command": "AuthoriseReturn", "case": story.case, "version": 1}

    refused = shopper.world.desk("viewer", **order)
    done = shopper.world.desk("agent", **order)

    assert (refused["outcome"], refused["code"]) == ("refused", "NOT_ALLOWED")
    assert done["outcome"] == "done"
