"""`quittance feed`: what is open and held is told with its money, and one command answers a held batch whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from quittance.application.batches import BatchChange
from quittance.application.ports import Refused
from quittance.domain.account import Mode
from quittance.domain.feed_batch import BatchState
from quittance.domain.intent import Intent, IntentState
from tests.ops.carrying_desk import Answer, stored
from tests.ops.world import World
from tests.policies.documents import POLICIES, SHOP
from tests.support.feed_bench import FeedBench
from tests.support.feeds import REFUNDS, another_tool, call_lost

N = IntentState
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def published(world: World, capsys: Capture) -> World:
    assert world.run("policy", "publish", str(POLICIES), "--stack", "test") == 0
    capsys.readouterr()
    return world


def joined(orders: int = 3) -> FeedBench:
    return FeedBench(orders).refunding().join_all()


def held(orders: int = 3) -> FeedBench:
    """A batch whose submission nobody knows anything of, and all its members on hold."""
    bench = joined(orders)
    bench.house.faults.append(call_lost)
    return bench.run()


def listed(world: World, *arguments: str) -> int:
    return world.run("feed", "--account", SHOP, "--stack", "test", *arguments)


def answered(world: World, answer: str, *arguments: str, alias: str = "approver", batch: int = 1) -> int:
    named = ("--account", SHOP, "--type", REFUNDS, "--batch", str(batch), "--reason", "seen_in_admin")
    return world.run("feed", "answer", answer, *named, "--alias", alias, "--stack", "test", *arguments)


def rewritten(bench: FeedBench, intent: Intent, **changes: Any) -> None:
    bench.table.commit_intent(intent, replace(intent, version=intent.version + 1, **changes))


def test_a_held_batch_is_told_with_its_members_its_reason_and_the_money_at_risk(
    published: World, capsys: Capture
) -> None:
    bench = held()
    stored(published, bench)

    assert listed(published) == 0

    batch = bench.batch()
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"{REFUNDS} batch 1 is HELD (feed_unknown), submitted 2026-11-")
    assert out[1:] == [
        f"  feed unknown, document sha256 {batch.sha256}",
        "  members: 3 HOLD",
        "  held: 3 for feed_unknown",
        "  at risk: 90.00 EUR",
        "  it holds the writer lock: no other feed of the type is created",
    ]


def test_the_list_as_json_carries_the_same_and_leaves_out_what_is_closed(published: World, capsys: Capture) -> None:
    bench = joined().until(BatchState.SUBMITTED)
    stored(published, bench)

    assert listed(published, "--type", REFUNDS, "--json") == 0

    document = json.loads(capsys.readouterr().out)
    (told,) = document["batches"]
    assert document["account"] == SHOP
    assert (told["batch"], told["state"], told["feed"], told["holds_lock"]) == (1, "SUBMITTED", "F1", False)
    assert (told["members"], told["held_for"], told["gone"]) == ({"SENDING": 3}, {}, 0)
    assert told["at_risk"] == {"EUR": 9000}
    assert told["document_sha256"] == bench.batch().sha256
    assert told["submitted_at"] > told["opened_at"]

    header = bench.batch()
    closed = replace(header, state=BatchState.CLOSED, due=None, version=header.version + 1)
    bench.table.commit_batch(BatchChange(header, closed))
    assert listed(published) == 0
    assert capsys.readouterr().out == "no feed batch is open or held\n"


@pytest.mark.parametrize(
    "arguments, code",
    [
        (("feed",), "MISSING: --account"),
        (("feed", "--account", "nobody"), "UNKNOWN_ACCOUNT"),
        (("feed", "--account", SHOP, "--type", "prices"), "UNKNOWN_TYPE"),
    ],
)
def test_a_list_of_what_nobody_knows_is_refused(
    published: World, arguments: tuple[str, ...], code: str, capsys: Capture
) -> None:
    assert published.run(*arguments, "--stack", "test") == 1
    assert code in capsys.readouterr().err


@pytest.mark.proves("B7")
def test_a_retry_previews_and_confirms_each_member_and_the_batch_lets_go_of_its_lock(
    published: World, capsys: Capture
) -> None:
    bench = held()
    desk = stored(published, bench)

    assert answered(published, "retry") == 0

    assert [(refund.state, refund.batch) for refund in bench.refunds] == [(N.READY, 0)] * 3
    assert [(alias, event["command"], "token" in event) for alias, event in desk.asked] == [
        ("approver", "RetryHold", token) for _ in range(3) for token in (False, True)
    ]
    assert {event["reason"] for _, event in desk.asked} == {"seen_in_admin"}
    out = capsys.readouterr().out.splitlines()
    rows = {tuple(line.split()) for line in out[1:-1]}
    assert rows == {("done", refund.id, refund.case, "30.00", "EUR") for refund in bench.refunds}
    assert out[-1] == "of 3: 3 done"

    bench.wait(minutes=30)
    assert bench.step() is BatchState.CLOSED
    assert bench.lock.holder == 0


def test_a_second_run_asks_nobody_who_was_answered(published: World, capsys: Capture) -> None:
    bench = held()
    desk = stored(published, bench)
    broken = bench.refunds[1]
    desk.broken = {broken.id}

    assert answered(published, "cancel") == 1
    assert sorted(bench.states) == [N.CANCELLED, N.CANCELLED, N.HOLD]
    out = capsys.readouterr().out
    assert f"unanswered         {broken.id}" in out
    assert out.splitlines()[-1] == "of 3: 2 done, 1 unanswered Unavailable"
    assert listed(published, "--type", REFUNDS) == 0
    out = capsys.readouterr().out
    assert "  members: 2 CANCELLED, 1 HOLD\n  held: 1 for feed_unknown\n  at risk: 30.00 EUR\n" in out

    desk.broken, desk.asked = set(), []
    assert answered(published, "cancel") == 0
    assert [event["target"] for _, event in desk.asked] == [broken.id]
    assert capsys.readouterr().out.splitlines()[-1] == "of 1: 1 done"

    desk.asked = []
    assert answered(published, "cancel") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nobody is left to answer"
    assert desk.asked == []


@pytest.mark.proves("B1")
def test_who_asked_for_a_refund_does_not_retry_it_and_the_others_go_on(published: World, capsys: Capture) -> None:
    bench = held()
    own = bench.refunds[0]
    rewritten(bench, own, requested_by="approver")
    stored(published, bench)

    assert answered(published, "retry") == 1

    assert bench.states == [N.HOLD, N.READY, N.READY]
    out = capsys.readouterr().out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("refused") and "SAME_PERSON" in line] == [
        own.id
    ]
    assert answered(published, "retry", alias="approver-b") == 0
    assert bench.states == [N.READY] * 3


@pytest.mark.proves("B1")
def test_a_feed_that_may_still_be_worked_on_is_not_sent_again_but_may_be_given_up(
    published: World, capsys: Capture
) -> None:
    bench = joined().until(BatchState.SUBMITTED)
    bench.house.stuck = True
    bench.run(400)
    stored(published, bench)

    assert answered(published, "retry") == 1
    assert capsys.readouterr().out.splitlines()[-1] == "of 3: 3 refused FEED_NOT_OVER"
    assert bench.states == [N.HOLD] * 3

    assert answered(published, "cancel") == 0
    assert bench.states == [N.CANCELLED] * 3


def _report_missing(bench: FeedBench) -> None:
    bench.until(BatchState.SUBMITTED).house.reports_from = bench.clock.at + timedelta(days=30)


def _several(bench: FeedBench) -> None:
    bench.house.faults.append(another_tool)


@pytest.mark.parametrize(
    "prepare, why",
    [(_report_missing, "results_missing"), (_several, "feeds_unknown")],
    ids=["results_missing", "feeds_unknown"],
)
def test_every_reason_of_a_batch_can_be_answered_at_once(
    published: World, prepare: Callable[[FeedBench], object], why: str
) -> None:
    bench = joined(2)
    prepare(bench)
    bench.run(400)
    assert {refund.why for refund in bench.refunds} == {why}
    stored(published, bench)

    assert answered(published, "cancel") == 0

    assert bench.states == [N.CANCELLED] * 2


def test_who_is_held_for_a_reason_of_its_own_is_left_to_a_person(published: World, capsys: Capture) -> None:
    bench = held()
    rewritten(bench, bench.refunds[2], why="more_than_one_effect")
    desk = stored(published, bench)

    assert answered(published, "cancel") == 1

    assert bench.states == [N.CANCELLED, N.CANCELLED, N.HOLD]
    assert bench.refunds[2].id not in {event["target"] for _, event in desk.asked}
    assert "more_than_one_effect: held for a reason of its own" in capsys.readouterr().out


def test_who_was_answered_by_somebody_else_meanwhile_is_not_asked(published: World) -> None:
    bench = held(2)
    desk = stored(published, bench)

    def other(event: Answer) -> None:
        for refund in bench.refunds:
            if refund.id != event["target"] and refund.state is N.HOLD:
                rewritten(bench, refund, state=N.CANCELLED)

    desk.before = other
    assert answered(published, "cancel") == 1

    assert len(desk.asked) == 1
    assert bench.states == [N.CANCELLED] * 2


def test_a_preview_of_other_money_than_was_listed_is_not_confirmed(published: World, capsys: Capture) -> None:
    bench = held(2)
    desk = stored(published, bench)
    first = desk.bench.refunds[0].id

    def dearer(answer: dict[str, Any]) -> dict[str, Any]:
        shown = answer.get("shown", {}).get("intents", [])
        return {**answer, "shown": {"intents": [{**o, "total": 9999} if o["intent"] == first else o for o in shown]}}

    desk.after = dearer
    assert answered(published, "retry", "--json") == 1

    told = {one["intent"]: one for one in map(json.loads, capsys.readouterr().out.splitlines())}
    assert (told[first]["outcome"], told[first]["code"]) == ("unconfirmed", "OTHER_MONEY")
    assert bench.states == [N.HOLD, N.READY]


@pytest.mark.parametrize("alias", ["agent", "viewer"])
def test_an_alias_without_the_authority_is_refused_once_and_not_for_each_member(
    published: World, alias: str, capsys: Capture
) -> None:
    bench = held()
    desk = stored(published, bench)

    assert answered(published, "cancel", alias=alias) == 1

    assert len(desk.asked) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "of 3: 1 refused NOT_ALLOWED, 2 not asked"
    assert bench.states == [N.HOLD] * 3


def test_an_account_that_only_observes_is_refused_once(published: World, capsys: Capture) -> None:
    bench = held()
    desk = stored(published, bench)
    bench.set(Mode.OBSERVE)

    assert answered(published, "retry") == 1

    assert len(desk.asked) == 1
    assert "1 refused ACCOUNT_OBSERVES, 2 not asked" in capsys.readouterr().out


def test_a_desk_that_answers_nobody_is_asked_no_further(published: World, capsys: Capture) -> None:
    bench = held(5)
    desk = stored(published, bench)

    def silent(_: Answer) -> None:
        raise ReadTimeoutError(endpoint_url="https://lambda")

    desk.before = silent
    assert answered(published, "retry") == 1

    assert len(desk.asked) == 3
    assert capsys.readouterr().out.splitlines()[-1] == "of 5: 3 unanswered ReadTimeoutError, 2 not asked"


def test_a_desk_that_could_not_read_counts_as_no_answer(published: World, capsys: Capture) -> None:
    bench = held(2)
    desk = stored(published, bench)
    desk.after = lambda _: {"outcome": "refused", "code": "UNAVAILABLE", "field": "case", "fix": "again"}

    assert answered(published, "cancel") == 1

    assert capsys.readouterr().out.splitlines()[-1] == "of 2: 2 unanswered UNAVAILABLE"


def test_a_batch_whose_members_are_being_told_is_not_answered(published: World, capsys: Capture) -> None:
    desk = stored(published, joined().until(BatchState.SUBMITTED))

    assert answered(published, "cancel") == 1
    assert "NOT_HELD: --batch: it is SUBMITTED" in capsys.readouterr().err
    assert answered(published, "cancel", batch=7) == 1
    assert "UNKNOWN_BATCH: --batch" in capsys.readouterr().err
    assert desk.asked == []


def test_who_stays_held_after_the_feed_has_ended_late_is_still_answered(published: World) -> None:
    bench = joined().until(BatchState.SUBMITTED)
    bench.house.stuck = True
    bench.run(400)
    bench.house.stuck, bench.house.lines = False, lambda _: Refused("NOT_ADJUSTABLE")
    bench.until(BatchState.CLOSED)
    assert bench.states == [N.HOLD] * 3
    stored(published, bench)

    assert answered(published, "cancel") == 0

    assert bench.states == [N.CANCELLED] * 3


def test_options_may_stand_before_the_verb(published: World) -> None:
    bench = held(1)
    stored(published, bench)
    before = ("feed", "--stack", "test", "--account", SHOP, "--type", REFUNDS)

    assert published.run(*before, "answer", "cancel", "--batch", "1", "--reason", "seen", "--alias", "approver") == 0

    assert bench.states == [N.CANCELLED]


def test_a_type_is_needed_to_answer(published: World, capsys: Capture) -> None:
    named = ("answer", "cancel", "--batch", "1", "--reason", "seen", "--alias", "approver", "--stack", "test")

    assert published.run("feed", "--account", SHOP, *named) == 1
    assert "MISSING: --type" in capsys.readouterr().err
