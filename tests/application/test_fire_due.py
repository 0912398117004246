"""A deadline fires once, at the latest step that has passed, never early; a case that fails on and on is put aside."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from quittance.application.apply_observation import Applied
from quittance.application.commit import Key, Write
from quittance.application.fire_due import TRIES, fire_due
from quittance.domain.errors import Conflict
from quittance.domain.ids import CaseId
from quittance.domain.observations import ChannelStatus, Condition
from quittance.storage import keys
from quittance.storage.items_case import case_attributes
from tests.support import builders as b
from tests.support.workbench import Workbench

# decide_request ends 72 hours after the request, which came an hour before the first reading;
# it warns 24 and 4 hours before its end.
LEGAL = b.NOW - timedelta(hours=1) + timedelta(hours=72)


@pytest.fixture
def bench() -> Workbench:
    made = Workbench()
    made.observe()
    return made


def head(bench: Workbench) -> Key:
    return keys.case_head(bench.case_id)


def told(bench: Workbench) -> list[tuple[str, int]]:
    """Every deadline event of the case's history, with the steps it skipped."""
    entries = bench.table.history(bench.case_id)
    found = [(name, facts) for entry in entries for name, facts in entry.events]
    return [(name, facts["skipped"]) for name, facts in found if name in ("DeadlineWarned", "DeadlineBreached")]


def keys_due(bench: Workbench) -> list[Key]:
    now = bench.clock.now()
    return [key for lane in keys.LANES for shard in range(keys.SHARDS) for key in bench.table.due(lane, shard, now, 9)]


@pytest.mark.proves("F005")
def test_each_step_fires_once_at_its_time_and_not_before(bench: Workbench) -> None:
    assert bench.case.deadlines["decide_request"].legal == LEGAL
    fired = []
    for hours in range(80):
        bench.clock.at = b.NOW + timedelta(hours=hours)
        fired += [hours] * bench.fire()
        fired += [hours] * bench.fire()

    assert fired == [47, 67, 71]
    assert told(bench) == [("DeadlineWarned", 0), ("DeadlineWarned", 0), ("DeadlineBreached", 0)]
    assert bench.case.marks == {"breached:decide_request"}


def test_a_millisecond_before_its_time_nothing_fires_and_nothing_is_written(bench: Workbench) -> None:
    bench.clock.at = LEGAL - timedelta(hours=24, milliseconds=1)
    commits = len(bench.engine.commits)

    assert bench.fire() == 0
    assert len(bench.engine.commits) == commits
    assert keys_due(bench) == []
    bench.wait(milliseconds=1)
    assert keys_due(bench) == [head(bench)]
    assert bench.fire() == 1


def test_after_a_pause_the_latest_passed_step_fires_once_and_names_the_skipped(bench: Workbench) -> None:
    bench.clock.at = LEGAL + timedelta(hours=5)

    assert bench.fire() == 1

    assert told(bench) == [("DeadlineBreached", 2)]
    assert bench.fire() == 0
    assert keys_due(bench) == []


@pytest.mark.proves("F157", "F166")
def test_an_escalation_fires_between_the_warning_and_the_breach_and_is_told(bench: Workbench) -> None:
    case = bench.case
    stepped = {"decide_request": replace(case.deadlines["decide_request"], escalate=(120,))}
    bench.engine.transact((Write(head(bench), case_attributes(replace(case, deadlines=stepped)), ()),))
    bench.clock.at = LEGAL - timedelta(hours=2)

    assert bench.fire() == 1
    assert bench.case.deadlines["decide_request"].escalate == (120,)
    assert bench.tally.counts["DeadlineFired", "escalated"] == 1
    bench.clock.at = LEGAL
    assert bench.fire() == 1
    told_events = [name for entry in bench.table.history(bench.case_id) for name, _ in entry.events]
    assert told_events[-3:] == ["DeadlineEscalated", "DeadlineBreached", "CaseMarked"]


def test_every_due_deadline_of_a_case_fires_in_one_commit() -> None:
    bench = Workbench()
    bench.authorised()
    bench.receive(b.receipt("parcel-1", b.units(condition=Condition.USED)))
    commits, version = len(bench.engine.commits), bench.case.version
    bench.wait(hours=100)

    fired = bench.fire()

    assert fired == len(told(bench)) > 1
    assert (len(bench.engine.commits), bench.case.version) == (commits + 1, version + 1)


def test_firing_moves_the_due_key_to_the_next_step(bench: Workbench) -> None:
    bench.clock.at = LEGAL - timedelta(hours=24)
    bench.fire()

    assert bench.case.due == (2, LEGAL - timedelta(hours=4))
    assert keys_due(bench) == []
    bench.clock.at = LEGAL - timedelta(hours=4)
    assert keys_due(bench) == [head(bench)]


def test_an_answer_in_time_leaves_nothing_to_fire(bench: Workbench) -> None:
    bench.shop_return(status=ChannelStatus.DECLINED)
    bench.observe()
    bench.clock.at = LEGAL

    assert bench.fire() == 0
    assert told(bench) == []


def test_a_deadline_that_had_passed_before_we_knew_is_told_as_late_at_once_and_never_fires(bench: Workbench) -> None:
    late = Workbench()
    late.shop_return(requested_at=b.NOW - timedelta(days=10))
    late.observe()

    assert late.case.marks == {"late:decide_request"}
    assert late.case.due is None
    assert late.fire() == 0

    facts = [f for e in late.table.history(late.case_id) for name, f in e.events if name == "DeadlineBreached"]
    assert facts[0]["late"] is True
    bench.clock.at = LEGAL
    bench.fire()
    facts = [f for e in bench.table.history(bench.case_id) for name, f in e.events if name == "DeadlineBreached"]
    assert facts[0]["late"] is False


def test_a_key_that_leads_nowhere_is_nothing_to_do(bench: Workbench) -> None:
    assert fire_due(bench.ports, keys.case_head(CaseId("nobody"))) == 0
    assert fire_due(bench.ports, Key("POLICY#law", "CURRENT")) == 0


def test_a_race_is_lost_once_and_decided_again_on_what_the_winner_wrote(bench: Workbench) -> None:
    bench.clock.at = LEGAL
    commit = bench.table.commit

    def answered_meanwhile(changes: Any) -> None:
        bench.table.commit = commit  # type: ignore[method-assign]
        bench.shop_return(status=ChannelStatus.DECLINED)
        assert bench.observe() is Applied.COMMITTED
        commit(changes)

    bench.table.commit = answered_meanwhile  # type: ignore[method-assign]

    assert bench.fire() == 0
    assert told(bench) == []
    assert bench.tally.counts["CommitConflict", "deadline"] == 1


# A case that cannot be fired


def broken(bench: Workbench) -> None:
    def commit(_: Any) -> None:
        raise RuntimeError("this case breaks every commit")

    bench.table.commit = commit  # type: ignore[method-assign, assignment]


def test_a_case_that_fails_five_times_leaves_its_lane_and_is_counted(bench: Workbench) -> None:
    bench.clock.at = LEGAL
    commit = bench.table.commit
    broken(bench)
    for received in range(1, TRIES + 1):
        assert keys_due(bench) == [head(bench)]
        with pytest.raises(RuntimeError):
            fire_due(bench.ports, head(bench), received)

    assert fire_due(bench.ports, head(bench), TRIES + 1) == 0

    assert keys_due(bench) == []
    assert bench.tally.counts["Parked", "deadline"] == 1
    item = bench.engine.get(head(bench))
    assert item is not None
    assert item["due_pk"] == "DUE#parked"
    bench.table.commit = commit  # type: ignore[method-assign]
    bench.shop_return(tracking=frozenset({"JJD1"}))
    bench.observe()
    assert keys_due(bench) == [head(bench)], "a commit that gets through puts it back"


def test_a_first_delivery_is_not_a_try(bench: Workbench) -> None:
    bench.clock.at = LEGAL
    broken(bench)
    for _ in range(TRIES * 2):
        with pytest.raises(RuntimeError):
            fire_due(bench.ports, head(bench), 1)

    assert bench.case.due_tries == 0


def test_a_commit_forgets_the_tries(bench: Workbench) -> None:
    bench.clock.at = LEGAL - timedelta(hours=24)

    assert fire_due(bench.ports, head(bench), 3) == 1
    assert bench.case.due_tries == 0


def test_a_case_that_only_shares_a_message_with_a_failing_one_is_not_counted(bench: Workbench) -> None:
    bench.clock.at = LEGAL - timedelta(hours=24)
    bench.fire()
    commits = len(bench.engine.commits)

    for received in range(2, TRIES * 2):
        assert fire_due(bench.ports, head(bench), received) == 0

    assert len(bench.engine.commits) == commits
    assert bench.case.due_tries == 0
    bench.clock.at = LEGAL
    assert keys_due(bench) == [head(bench)]


def test_too_many_writers_leave_it_to_the_next_tick(bench: Workbench) -> None:
    bench.clock.at = LEGAL

    def lost(_: Any) -> None:
        raise Conflict("somebody is always faster")

    bench.table.commit = lost  # type: ignore[method-assign, assignment]

    assert bench.fire() == 0
    assert keys_due(bench) == [head(bench)]
