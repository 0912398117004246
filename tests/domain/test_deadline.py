"""A deadline fires the latest passed step once, names the skipped ones, and never fires early."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.deadline import Change, Deadline, StepKind, Wanted, fire, reconcile
from tests.support.builders import NOW, after

LEGAL = after(hours=72)
ARMED = Deadline(LEGAL, after(hours=68), "shopify@1:deadlines.x", warn=(24 * 60, 4 * 60), lane=1)
WANTED = Wanted(NOW, LEGAL, after(hours=68), "shopify@1:deadlines.x", (24 * 60, 4 * 60), 1)


def test_the_steps_are_the_warnings_in_time_and_then_the_breach() -> None:
    assert [(step.kind, step.at) for step in ARMED.steps()] == [
        (StepKind.WARN, after(hours=48)),
        (StepKind.WARN, after(hours=68)),
        (StepKind.BREACH, LEGAL),
    ]
    assert ARMED.due == after(hours=48)


def test_nothing_fires_a_moment_too_early() -> None:
    assert fire(ARMED, after(hours=48) - timedelta(milliseconds=1)) is None


def test_a_step_fires_at_its_very_instant_and_only_once() -> None:
    fired = fire(ARMED, after(hours=48))

    assert fired is not None
    assert (fired.step.kind, fired.skipped) == (StepKind.WARN, 0)
    assert fire(fired.after, after(hours=48)) is None
    assert fired.after.due == after(hours=68)


def test_late_the_last_passed_step_fires_and_names_what_it_stands_for() -> None:
    fired = fire(ARMED, after(hours=70))
    assert fired is not None
    assert (fired.step.kind, fired.step.at, fired.skipped) == (StepKind.WARN, after(hours=68), 1)

    breached = fire(ARMED, after(days=30))
    assert breached is not None
    assert (breached.step.kind, breached.skipped) == (StepKind.BREACH, 2)
    assert breached.after.due is None
    assert fire(breached.after, after(days=60)) is None


MINUTES = st.integers(0, 6000)


@given(st.sets(MINUTES, max_size=4), st.lists(MINUTES, min_size=1, max_size=8))
def test_however_often_it_is_looked_at_each_step_fires_or_is_named_once(warn: set[int], looks: list[int]) -> None:
    deadline = replace(ARMED, warn=tuple(sorted(warn, reverse=True)))
    heard = 0
    for minute in sorted(looks):
        fired = fire(deadline, after(minutes=minute))
        if fired is None:
            continue
        assert fired.step.at <= after(minutes=minute)
        heard += 1 + fired.skipped
        deadline = fired.after

    last = max(looks)
    passed = sum(step.at <= after(minutes=last) for step in deadline.steps())
    assert heard == passed
    assert deadline.due is None or deadline.due > after(minutes=last)


def test_what_the_state_calls_for_is_armed() -> None:
    armed, changes = reconcile({}, {"x": WANTED})

    assert armed == {"x": ARMED}
    assert changes == (Change("x", "armed", LEGAL),)


def test_a_deadline_that_stands_is_left_alone_with_the_warnings_it_has_given() -> None:
    warned = replace(ARMED, next=1)

    assert reconcile({"x": warned}, {"x": WANTED}) == ({"x": warned}, ())


def test_a_moved_deadline_starts_again_under_a_new_generation() -> None:
    later = replace(WANTED, legal=after(hours=96), working=after(hours=92))

    armed, changes = reconcile({"x": replace(ARMED, next=3, generation=4)}, {"x": later})

    assert (armed["x"].legal, armed["x"].next, armed["x"].generation) == (after(hours=96), 0, 5)
    assert changes == (Change("x", "moved", after(hours=96)),)


@pytest.mark.proves("F157")
def test_an_escalation_lies_between_the_warnings_and_the_end() -> None:
    steps = replace(ARMED, escalate=(6 * 60, 2 * 60)).steps()

    assert [(step.kind, step.at) for step in steps] == [
        (StepKind.WARN, after(hours=48)),
        (StepKind.ESCALATE, after(hours=66)),
        (StepKind.WARN, after(hours=68)),
        (StepKind.ESCALATE, after(hours=70)),
        (StepKind.BREACH, LEGAL),
    ]


def test_of_a_warning_and_an_escalation_at_one_instant_the_escalation_fires() -> None:
    both = replace(ARMED, warn=(120,), escalate=(120,))

    fired = fire(both, after(hours=70))

    assert fired is not None
    assert (fired.step.kind, fired.skipped) == (StepKind.ESCALATE, 1)


def test_what_had_passed_before_it_was_known_is_late_at_once_and_never_fires() -> None:
    armed, changes = reconcile({}, {"x": WANTED}, LEGAL)

    assert changes == (Change("x", "armed", LEGAL), Change("x", "late", LEGAL, skipped=2))
    assert armed["x"].due is None
    assert fire(armed["x"], after(days=30)) is None
    assert reconcile(armed, {"x": WANTED}, after(days=30)) == (armed, ())


def test_a_moment_before_its_end_it_is_armed_and_may_still_be_met() -> None:
    armed, changes = reconcile({}, {"x": WANTED}, LEGAL - timedelta(milliseconds=1))

    assert changes == (Change("x", "armed", LEGAL),)
    assert armed["x"].due == after(hours=48)


def test_a_deadline_that_is_moved_into_the_past_is_late_and_one_moved_out_of_it_runs_again() -> None:
    past = replace(WANTED, legal=after(hours=1), working=NOW)

    moved, changes = reconcile({"x": ARMED}, {"x": past}, after(hours=2))
    again, more = reconcile(moved, {"x": WANTED}, after(hours=3))

    assert [change.what for change in changes] == ["moved", "late"]
    assert [change.what for change in more] == ["moved"]
    assert (again["x"].generation, again["x"].due) == (3, after(hours=48))


def test_proof_takes_the_doubt_from_a_deadline_and_its_steps_stay() -> None:
    doubtful = replace(WANTED, provisional=True, rule="unsigned mail")

    armed, _ = reconcile({}, {"x": doubtful})
    warned = {"x": replace(armed["x"], next=1)}
    proven, changes = reconcile(warned, {"x": WANTED})

    assert armed["x"].provisional is True
    assert (proven["x"].provisional, proven["x"].rule, proven["x"].next) == (False, WANTED.rule, 1)
    assert changes == ()
    assert reconcile(proven, {"x": doubtful}) == (proven, ())


def test_another_working_instant_moves_no_step() -> None:
    away = replace(WANTED, working=after(hours=40))

    after_, changes = reconcile({"x": replace(ARMED, next=1)}, {"x": away})

    assert (after_["x"].working, after_["x"].next, changes) == (after(hours=40), 1, ())


def test_what_is_no_longer_called_for_is_met() -> None:
    assert reconcile({"x": ARMED}, {}) == ({}, (Change("x", "met", LEGAL),))
