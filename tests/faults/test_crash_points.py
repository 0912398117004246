"""Each point between two calls at which a process can end, and what has to hold when another takes over.

C10 to C13 lie in the life of a feed batch and have their tests beside it; the last test here sees that none is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from quittance.application.announce import HistoryRecord, announcements
from quittance.application.commit import Changes
from quittance.application.ports import Guard, SendOutcome
from quittance.application.route_due import route_due
from quittance.domain.command import CommandName
from quittance.domain.instant import to_text
from quittance.domain.intent import Act, Intent, IntentState
from quittance.domain.observations import Condition
from tests.faults.boundaries import Fault, FaultyEngine, FaultyShop
from tests.faults.struck import KEYED, UN_KEYED, KeyedShop, come_back, fragile, in_step, refunding, strike
from tests.support import builders as b
from tests.support.mailroom import Mailroom, MemoryQueues
from tests.support.pushed import shopify_event
from tests.support.reception import Door, door, module
from tests.support.shop import Shop, call_lost
from tests.support.workbench import Workbench

__all__ = ["door", "module"]  # fixtures

S = IntentState
ALL_POINTS = {f"C{number}" for number in range(16)}
ONE_SHIRT: dict[str, Any] = {"lines": {b.SHIRTS: 1}, "reason": "worn_once"}


# Before the intent exists


@pytest.mark.crash_point("C0")
def test_c0_before_the_message_is_queued_the_sender_keeps_it_and_nothing_has_happened(door: Door) -> None:
    """The queue does not answer: the sender hears 503 and sends again; the second time it is taken in once."""
    door.queue.error = EndpointConnectionError(endpoint_url="https://sqs.eu-west-1.amazonaws.com")

    assert door.post(shopify_event()) == 503
    assert door.queue.sent == []

    door.queue.error = None
    assert door.post(shopify_event()) == 200
    assert [sent["delivery"] for sent in door.queue.sent] == ["b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"]


@pytest.mark.proves("B1")
@pytest.mark.crash_point("C1")
@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER], ids=lambda fault: fault.value)
def test_c1_between_queue_and_commit_a_delivery_is_not_done_until_its_commit_and_is_done_with_it(fault: Fault) -> None:
    """The queue gives it again: worked on if the commit did not happen, recognised as repeated if it did."""
    bench = Workbench(engine=FaultyEngine(), shop=FaultyShop())
    mail = Mailroom(bench)
    webhook = mail.webhook("d1")

    strike(bench, "transact", fault, lambda: mail.take(webhook))
    was_written = fault is Fault.KILL_AFTER
    assert mail.state(webhook)[0] == ("done" if was_written else "unknown")

    assert mail.take(webhook) == ["repeated" if was_written else "committed"]
    assert mail.state(webhook)[0] == "done"
    assert bench.case.version == 1


# Admission


@pytest.mark.proves("F093")
@pytest.mark.crash_point("C2")
@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER], ids=lambda fault: fault.value)
def test_c2_an_admission_whose_answer_is_lost_takes_its_headroom_once_whoever_asks_again(fault: Fault) -> None:
    """The same click again finds the intent it made, or makes it if it was not made."""
    bench = fragile()
    bench.receive(b.receipt("parcel-1", b.units(condition=Condition.USED)))
    version = bench.case.version

    def click() -> object:
        return bench.order(CommandName.ACCEPT_LINES, **ONE_SHIRT, version=version)

    strike(bench, "transact", fault, click)
    click()

    (refund,) = bench.intents(Act.REFUND)
    assert (refund.state, refund.total) == (S.READY, 3000)
    in_step(bench)
    assert come_back(bench) is S.SETTLED


@pytest.mark.crash_point("C3")
def test_c3_an_admission_that_the_stream_never_told_is_woken_by_the_due_index_and_told_under_the_same_ids() -> None:
    """The commit carries its own due key and its own history: nobody has to remember what was not published."""
    bench, queues = refunding(), MemoryQueues()

    routed = route_due(bench.table, queues, bench.clock.now() + timedelta(seconds=60), lambda _: False)

    assert routed["refund", 1] == 1
    told, again = _told(bench), _told(bench)
    assert told == again
    assert len(set(told)) == len(told)
    bench.advance(bench.refund)
    assert bench.advance(bench.refund) is S.SETTLED, "woken twice, once by each, it is sent once"
    assert bench.shop.paid(bench.refund.id) == 1


def _told(bench: Workbench) -> list[str]:
    records = [
        HistoryRecord(e.case, e.version, to_text(e.at), e.channel, e.account, e.store, e.order, e.state, e.events)
        for e in bench.table.history(bench.case_id)
    ]
    return [told.id for record in records for told in announcements(record)]


# The send


@pytest.mark.crash_point("C4")
@pytest.mark.parametrize("guard, ends", [(KEYED, S.SETTLED), (UN_KEYED, S.HOLD)], ids=["keyed", "un-keyed"])
def test_c4_between_claim_and_send_a_key_sends_the_same_bytes_again_and_without_one_a_person_decides(
    guard: Guard, ends: IntentState
) -> None:
    """Nobody can tell it from a call that was made and lost: only a key that the channel honours may send again."""
    bench = refunding(guard)
    body = bench.refund.body_sha256

    strike(bench, "send", Fault.KILL_BEFORE, lambda: bench.advance(bench.refund))
    assert bench.refund.state is S.SENDING
    assert bench.shop.paid(bench.refund.id) == 0

    assert come_back(bench) is ends
    assert bench.shop.paid(bench.refund.id) == (ends is S.SETTLED)
    assert bench.refund.body_sha256 == body
    in_step(bench)


@pytest.mark.crash_point("C5")
@pytest.mark.parametrize("fault", [Fault.KILL_AFTER, Fault.APPLIED], ids=lambda fault: fault.value)
@pytest.mark.parametrize("guard", [KEYED, UN_KEYED], ids=["keyed", "un-keyed"])
def test_c5_a_send_that_was_applied_and_lost_its_answer_is_found_by_looking_back(guard: Guard, fault: Fault) -> None:
    """Settled by what the channel shows, in one send."""
    bench = refunding(guard)

    strike(bench, "send", fault, lambda: bench.advance(bench.refund))
    assert bench.shop.paid(bench.refund.id) == 1

    assert come_back(bench) is S.SETTLED
    assert (bench.shop.paid(bench.refund.id), bench.refund.attempt.sends) == (1, 1)
    in_step(bench)


@pytest.mark.crash_point("C6")
@pytest.mark.parametrize("guard", [KEYED, UN_KEYED], ids=["keyed", "un-keyed"])
def test_c6_between_the_answer_and_its_settlement_nothing_is_known_that_looking_back_does_not_find(
    guard: Guard,
) -> None:
    """The answer died with its worker; its effect is found and not repeated."""
    bench = refunding(guard)

    strike(bench, "transact", Fault.KILL_BEFORE, lambda: bench.advance(bench.refund), nth=_settling(guard))
    assert (bench.refund.state, bench.shop.paid(bench.refund.id)) == (S.SENDING, 1)

    assert come_back(bench) is S.SETTLED
    assert (bench.shop.paid(bench.refund.id), bench.refund.attempt.sends) == (1, 1)
    in_step(bench)


@pytest.mark.crash_point("C7")
def test_c7_a_settlement_whose_answer_is_lost_is_settled_and_settling_again_changes_nothing() -> None:
    """The second worker finds it ended and writes nothing."""
    bench = refunding()

    strike(bench, "transact", Fault.KILL_AFTER, lambda: bench.advance(bench.refund), nth=_settling(UN_KEYED))
    assert bench.refund.state is S.SETTLED
    commits = len(bench.engine.commits)

    assert bench.advance(bench.refund) is S.SETTLED
    assert len(bench.engine.commits) == commits
    assert bench.shop.paid(bench.refund.id) == 1
    in_step(bench)


def _settling(guard: Guard) -> int:
    """Which of a straight send's transactions is its last: the settlement."""
    bench = refunding(guard)
    before = len(bench.engine.commits)
    bench.advance(bench.refund)
    return len(bench.engine.commits) - before


@pytest.mark.crash_point("C8")
def test_c8_between_settlement_and_the_news_of_it_the_news_is_in_the_commit_and_keeps_its_id() -> None:
    """Whoever listens hears of the settlement once: it may be told again, and then under the same id."""
    bench = refunding()
    strike(bench, "transact", Fault.KILL_AFTER, lambda: bench.advance(bench.refund), nth=_settling(UN_KEYED))

    settled = [
        (entry.version, number)
        for entry in bench.table.history(bench.case_id)
        for number, (name, _) in enumerate(entry.events)
        if name == "RefundSettled"
    ]
    assert len(settled) == 1
    version, number = settled[0]
    assert _told(bench).count(f"{bench.case_id}#{version}#{number}") == 1

    before = _told(bench)
    bench.wait(hours=2)
    bench.advance(bench.refund)
    assert _told(bench) == before, "told again under the same ids, and nothing new"


@pytest.mark.crash_point("C9")
def test_c9_a_worker_that_wakes_after_its_lease_settles_nothing_and_its_late_effect_is_found() -> None:
    """Without a key nobody sends again: the sleeper's answer is of an old fence, the look-back settles."""
    bench = refunding()

    def sleep_and_apply(shop: Shop, intent: Intent) -> SendOutcome:
        bench.wait(seconds=70)
        assert bench.advance(bench.refund) is S.UNKNOWN, "the lease was taken over while its owner slept"
        return shop.apply(intent)

    bench.shop.faults = [sleep_and_apply]
    bench.advance(bench.refund)

    assert (bench.refund.state, bench.refund.attempt.fence) == (S.UNKNOWN, 2)
    assert come_back(bench) is S.SETTLED
    assert (bench.shop.paid(bench.refund.id), bench.refund.attempt.sends) == (1, 1)
    in_step(bench)


@pytest.mark.crash_point("C9")
def test_c9_a_worker_that_wakes_after_another_has_sent_under_the_same_key_adds_no_effect() -> None:
    """With a key the successor has sent and settled; the sleeper's call is the same call, and settles nothing."""
    bench = Workbench(engine=FaultyEngine(), shop=KeyedShop()).authorised()
    bench.shop.refund_guard = KEYED
    bench.receive(b.receipt("parcel-1", b.units(quantity=1)))

    def sleep_and_apply(shop: Shop, intent: Intent) -> SendOutcome:
        assert come_back(bench) is S.SETTLED
        return shop.apply(intent)

    bench.shop.faults = [sleep_and_apply]
    settled_by_successor = bench.advance(bench.refund)

    assert settled_by_successor is not S.SETTLED, "the sleeper lost its race and says so"
    assert bench.refund.state is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1
    in_step(bench)


# People, and other hands


@pytest.mark.crash_point("C14")
@pytest.mark.parametrize("first", ["person", "look-back"])
def test_c14_a_person_and_a_look_back_answer_one_hold_at_once_and_the_second_sees_what_the_first_wrote(
    first: str,
) -> None:
    """The version decides: one of them writes, the other is refused or finds the refund ended."""
    bench = refunding()
    bench.shop.faults = [call_lost]
    bench.advance(bench.refund)
    assert come_back(bench) is S.HOLD
    bench.shop.apply(bench.refund)
    (seen,) = bench.shop.orders[b.ORDERED].refunds
    answers: list[str] = []

    def person() -> None:
        held = bench.refund.id
        answer = bench.order(CommandName.SETTLE_HOLD, b.APPROVER, target=held, reason="seen", reference=seen.id)
        answers.append(answer.code or answer.outcome)

    def look() -> None:
        bench.wait(hours=25)
        bench.advance(bench.refund)

    one, other = (person, look) if first == "person" else (look, person)
    _between(bench, one)
    other()

    assert bench.refund.state is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1
    assert answers == [("done" if first == "person" else "STALE_VERSION")]
    in_step(bench)


def _between(bench: Workbench, first: Callable[[], None]) -> None:
    """Whoever commits next is overtaken by `first`, just before."""
    commit = bench.table.commit

    def overtaken(changes: Changes) -> None:
        bench.table.commit = commit  # type: ignore[method-assign]  # the table is the double
        first()
        commit(changes)

    bench.table.commit = overtaken  # type: ignore[method-assign]  # the table is the double


@pytest.mark.proves("B2")
@pytest.mark.crash_point("C15")
def test_c15_a_refund_made_outside_lowers_what_is_left_and_holds_what_no_longer_fits() -> None:
    """A colleague pays the whole order back in the shop: a deficit is recorded, and the ready refund is not sent."""
    bench = refunding()
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 8500)

    bench.advance(bench.refund)

    order = bench.scene.order
    assert order is not None
    assert order.ledger.available(b.CARD) == 0
    assert (order.ledger.deficit, bench.refund.state) == (3000, S.HOLD)
    assert "deficit" in bench.case.marks
    assert [intent for intent in bench.intents(Act.REFUND) if intent.state is S.READY] == []
    bench.wait(hours=30)
    bench.advance(bench.refund)
    assert bench.shop.paid(bench.refund.id) == 0


@pytest.mark.crash_point("C15")
def test_c15_a_refund_made_outside_that_leaves_enough_is_foreign_and_ours_goes_out() -> None:
    """Other hands paid a little: it is booked as theirs, the headroom is lower, ours is sent once."""
    bench = refunding()
    bench.shop.colleague_refunds(b.ORDERED, b.CARD, 500)

    assert come_back(bench) is S.SETTLED
    assert bench.shop.paid(bench.refund.id) == 1
    in_step(bench)


# The list


def test_every_crash_point_from_c0_to_c15_has_a_test_of_its_name() -> None:
    found = set[str]()
    for file in Path(__file__).parent.glob("test_*.py"):
        marked = re.findall(r'crash_point\(("C\d+"(?:, "C\d+")*)\)', file.read_text("utf-8"))
        found |= {point for group in marked for point in re.findall(r"C\d+", group)}

    assert found == ALL_POINTS
