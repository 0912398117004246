"""The restore drill: a copy of the table from the middle of a day comes back, and nobody is paid twice for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sandbox.backup import Backup, switch_senders
from sandbox.report import compare
from sandbox.world import STORE, World
from tests.e2e.conftest import Shopper, Story
from tests.e2e.test_safety import _kill_worker, _wait_for, mutations

LONG_ENOUGH = timedelta(minutes=10)


@pytest.fixture(scope="module")
def whole_world() -> Iterator[World]:
    """A world of its own: a restore is of everything, and every other story would come back with it."""
    with World.start() as started:
        yield started


@pytest.fixture
def senders_on_again(world: World) -> Iterator[World]:
    """Whatever happened, the senders run and the account is live afterwards."""
    yield world
    switch_senders(world, on=True)
    world.ops("account", "set", STORE, "--mode", "live", "--unkill")


def payments(world: World) -> int:
    return mutations(world).count(("returnProcess",))


@pytest.mark.proves("B1")
def test_a_day_that_is_restored_from_its_middle_ends_with_equal_books_and_no_double(
    shopper: Shopper, senders_on_again: World
) -> None:
    world = senders_on_again
    before = _before_the_backup(shopper)
    backup = Backup.of(world)
    lost = _the_time_that_is_lost(shopper, before)
    paid = payments(world)
    assert {name: story.refunded for name, story in before.items()} == PAID

    _restore(world, backup)
    assert {before["sending"].intent("refund")["state"], before["ready"].intent("refund")["state"]} == {"UNKNOWN"}
    switch_senders(world, on=True)
    with pytest.raises(RuntimeError, match="are to be read"):
        world.ops("restored", "--account", STORE, "--check")
    world.pass_time(LONG_ENOUGH)
    world.ops("restored", "--account", STORE, "--check")
    assert payments(world) == paid, "an account that observes sends nothing"

    world.ops("account", "set", STORE, "--mode", "live")
    before["requested"].arrive("P-requested", CAP=1)
    lost.arrive("P-lost", SCARF=1)
    world.pass_time(LONG_ENOUGH)

    assert payments(world) == paid
    for name in ("settled", "sending", "ready", "approved"):
        assert before[name].intent("refund")["state"] == "SETTLED", name
    held = before["refused"].intent("refund")
    assert (held["state"], held["why"]) == ("HOLD", "approval_lost")
    before["refused"].decide("CancelHold", "approver", target=held["intent"], reason="refused_before")
    assert lost.refunded == 2500
    assert {name: story.refunded for name, story in before.items()} == PAID
    lines = compare(world.shopify.books(), world.ledgers())
    assert [line for line in lines if not line.agrees] == []


def _restore(world: World, backup: Backup) -> None:
    """As the runbook says: stop what sends, write the copy back, raise the epoch."""
    switch_senders(world, on=False)
    backup.write_back(world)
    switch_senders(world, on=False)
    assert "nothing is sent" in world.ops("restored", "--account", STORE)


PAID = {"settled": 4200, "sending": 11900, "ready": 3500, "approved": 64000, "refused": 0, "requested": 1900}


def _before_the_backup(shopper: Shopper) -> dict[str, Story]:
    """One refund is settled, one ready, one being sent by a worker that dies, two wait for approval, one is new."""
    world = shopper.world
    settled = _authorised(shopper, "SHAWL", "42.00")
    settled.arrive("P-settled", SHAWL=1)
    approved, refused = (_authorised(shopper, sku, "640.00") for sku in ("SOFA", "TABLE"))
    approved.arrive("P-approved", SOFA=1)
    refused.arrive("P-refused", TABLE=1)
    requested = shopper.asks_back("CAP", "19.00")
    for story in (settled, approved, refused):
        _wait_for(lambda story=story: "refund" in {one["act"] for one in story.shown["intents"]})  # type: ignore[misc]
    sending = _sending(shopper)
    switch_senders(world, on=False)
    ready = _authorised_by_the_shop(shopper, "GLOVES", "35.00")
    assert world.parcel("P-ready", {"GLOVES": 1}, rma=ready.rma) == 200
    _wait_for(lambda: [one["state"] for one in ready.shown["intents"] if one["act"] == "refund"] == ["READY"])
    return {
        "settled": settled, "sending": sending, "ready": ready, "approved": approved, "refused": refused,
        "requested": requested,
    }  # fmt: skip


def _authorised(shopper: Shopper, sku: str, price: str) -> Story:
    story = shopper.asks_back(sku, price)
    story.decide("AuthoriseReturn")
    return story


def _authorised_by_the_shop(shopper: Shopper, sku: str, price: str) -> Story:
    """While nothing can be sent, somebody says yes in the shop's own admin."""
    story = shopper.asks_back(sku, price)
    shopper.world.shopify.admin_approve(story.request)
    shopper.world.settle()
    return story


def _sending(shopper: Shopper) -> Story:
    world = shopper.world
    story = _authorised(shopper, "BOOTS", "119.00")
    world.shopify.faults.slow(5.0, "returnProcess")
    paid = payments(world)
    assert world.parcel("P-sending", {"BOOTS": 1}, rma=story.rma) == 200
    _wait_for(lambda: payments(world) > paid)
    assert _kill_worker(world, "ExecuteRefundFunction") >= 1
    world.cloud.client("sqs").purge_queue(QueueUrl=world.cloud.queue_url("Refund"))
    world.settle()
    assert story.intent("refund")["state"] == "SENDING"
    return story


def _the_time_that_is_lost(shopper: Shopper, before: dict[str, Story]) -> Story:
    """Everything goes on: what was ready is paid, people approve and refuse, a new return comes and is paid."""
    world = shopper.world
    switch_senders(world, on=True)
    for name, command in (("approved", "ApproveIntent"), ("refused", "RefuseIntent")):
        target = before[name].intent("refund")["intent"]
        before[name].decide(command, "approver", target=target, reason="looked_at")
    before["requested"].decide("AuthoriseReturn")
    before["requested"].arrive("P-requested", CAP=1)
    lost = _authorised(shopper, "SCARF", "25.00")
    lost.arrive("P-lost", SCARF=1)
    world.pass_time(LONG_ENOUGH)
    assert lost.refunded == 2500
    return lost
