"""A deadline fires the latest passed step once, names the skipped ones, and never fires early."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

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


def test_what_is_no_longer_called_for_is_met() -> None:
    assert reconcile({"x": ARMED}, {}) == ({}, (Change("x", "met", LEGAL),))
