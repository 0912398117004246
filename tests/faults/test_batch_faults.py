"""Every touch of the outside on the way of a feed batch, times every fault and every pair: no double, nothing lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest

from quittance.application.ports import Refused, Unknown
from quittance.domain.feed_batch import FeedTerms
from quittance.domain.intent import IntentState
from tests.faults.boundaries import Fault, Script
from tests.faults.feed_life import Overtaken, check, life, touches
from tests.support.feeds import FeedHouse, another_tool, answer_lost

# As far behind the first fault as the second may strike: past the look-back that mends the first.
REACH = 8
EVERY = os.environ.get("QUITTANCE_PAIRS") == "all"


@pytest.mark.proves("B1")
@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value)
def test_a_batch_survives_every_single_fault(fault: Fault) -> None:
    for at in range(1, touches() + 1):
        script = Script({at: fault})

        check(life(script), script)


@pytest.mark.proves("B1")
@pytest.mark.parametrize("first", Fault, ids=lambda fault: fault.value)
def test_a_batch_survives_every_pair_of_faults(first: Fault) -> None:
    for at, (number, second) in product(range(1, touches() + 1), enumerate(Fault)):
        for later in distances(at + number):
            script = Script({at: first, at + later: second})

            check(life(script), script)


def distances(place: int) -> list[int]:
    """How far behind the first fault the second strikes: one distance after the other, unless all are asked for."""
    every = list(range(1, REACH + 1))
    return every if EVERY else [every[place % REACH]]


def refused_line(house: FeedHouse) -> None:
    """The channel refuses the second line."""
    house.lines = lambda number: Refused("NOT_ADJUSTABLE") if number == 2 else None


def silent_line(house: FeedHouse) -> None:
    """The report leaves out the last line, which was done."""
    house.lines = lambda number: Unknown("silent") if number == 3 else None


def fatal(house: FeedHouse) -> None:
    """The channel gives up after the first line and does not say how far it came."""
    house.fatal_after = 1


def stuck(house: FeedHouse) -> None:
    """The feed never ends."""
    house.stuck = True
    house.advice = FeedTerms(patience=timedelta(minutes=30))


def answers_lost(house: FeedHouse) -> None:
    """The answer to the first submission is lost."""
    house.faults.append(answer_lost)


def two_writers(house: FeedHouse) -> None:
    """The answer is lost, and another program creates a feed in the same minute."""
    house.faults.append(another_tool)


@pytest.mark.proves("B1")
@pytest.mark.parametrize("fault", [Fault.KILL_AFTER, Fault.APPLIED], ids=lambda fault: fault.value)
@pytest.mark.parametrize("channel", [refused_line, silent_line, fatal, stuck, answers_lost, two_writers])
def test_a_batch_survives_a_fault_while_the_channel_misbehaves(
    channel: Callable[[FeedHouse], None], fault: Fault
) -> None:
    for at in range(1, touches() + 1):
        script = Script({at: fault})

        check(life(script, channel), script)


@pytest.mark.proves("B10")
@pytest.mark.parametrize("pause", [0, 70, 20 * 60, 2 * 60 * 60])
def test_a_worker_that_others_overtake_does_no_harm(pause: int) -> None:
    """At each touch one worker stops for a while, others do whatever is due meanwhile, and then it goes on."""
    for at in range(1, touches() + 1):
        script = Overtaken({}, at=at, pause=pause)

        check(life(script), script)


@pytest.mark.proves("B3")
def test_only_a_submission_that_may_have_happened_needs_a_person() -> None:
    held: set[tuple[str, Fault]] = set()
    for fault in Fault:
        for at in range(1, touches() + 1):
            script = Script({at: fault})
            if IntentState.HOLD in life(script).states:
                held |= set(script.struck)

    # Killed just after the lock was taken or before its call, a worker cannot be told from one whose call was lost.
    assert held <= {
        ("transact", Fault.KILL_AFTER),
        ("transact", Fault.APPLIED),
        ("submit", Fault.KILL_BEFORE),
        ("submit", Fault.NOT_APPLIED),
        ("submit", Fault.LOST_RACE),
    }
