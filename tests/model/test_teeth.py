"""The search has teeth: with a rule of the engine taken away it finds the harm, and the shortest way to it."""

from __future__ import annotations

import pytest

from quittance.domain.intent import ReplayGuard
from tests.model.claims import is_at_rest
from tests.model.conftest import Explore
from tests.model.search import UNFAILING
from tests.model.terms import NEVER, World

ONE = World("one refund", captured=2)
TWO = World("two refunds", captured=2, amounts=(1, 1), faults=1, admitted=True)
TWO_ALIKE = World("two refunds, unmarked", captured=2, amounts=(1, 1), faults=1, admitted=True, marks=False)
COMPETING = World("two refunds for one", amounts=(1, 1), faults=0)
LATE = World("later than the horizon", captured=2, late=NEVER, faults=1, retries=0)
LATE_AND_KEYED = World("late and keyed", captured=2, guard=ReplayGuard.KEYED, late=2, faults=1, retries=0)
QUANTITY = World("quantity", captured=2, guard=ReplayGuard.QUANTITY, faults=1)
SHORT = World("other hands, without room", foreign=1, faults=0)
SLOW = World("money moves or fails later", slow=True, faults=1)
ROOMY = World("other hands, with room", captured=3, amounts=(1, 1), foreign=1, faults=1, admitted=True)

HARMS = [
    (ONE, ["claim_before_send"], "without a durable SENDING"),
    (ONE, ["unknown_is_kept"], "ours and is never booked as foreign"),
    (LATE, ["unknown_is_kept"], "one effect at most"),
    (LATE, ["look_back_before_resend"], "one effect at most"),
    (LATE, ["guard_before_resend"], "one effect at most"),
    (ONE, ["settle_horizon"], "a person who looks first is never wrong"),
    (QUANTITY, ["settle_horizon"], "so that it had no effect"),
    (ONE, ["lease_outlives_worker"], "a person who looks first is never wrong"),
    (ONE, ["lease_outlives_worker", "lease_is_respected"], "a person who looks first is never wrong"),
    (ONE, ["intent_version"], "hold headroom"),
    (ONE, ["intent_version", "intent_fence"], "one effect at most"),
    (TWO, ["single_turn"], "in flight at a time"),
    (COMPETING, ["headroom", "order_version"], "hold headroom"),
    (SHORT, ["hold_on_deficit"], "never below zero"),
    (LATE_AND_KEYED, ["late_effect_holds"], "one effect at most"),
    (LATE_AND_KEYED, ["claim_counts_as_send"], "one effect at most"),
    (SHORT, ["unsent_is_not_looked_for"], "SETTLED by its own effect"),
    (SLOW, ["failed_is_forgotten"], "never booked as foreign"),
    (ROOMY, ["snapshot_excluded"], "SETTLED by its own effect"),
    (TWO_ALIKE, ["snapshot_excluded", "owned_excluded", "proof_owned_once"], "SETTLED by its own effect"),
]
SPARE = [
    (ONE, ["intent_fence"]),
    (COMPETING, ["headroom"]),
    (COMPETING, ["order_version"]),
    (TWO_ALIKE, ["snapshot_excluded"]),
    (TWO_ALIKE, ["owned_excluded"]),
    (ONE, ["lease_is_respected"]),
]


@pytest.mark.proves("B1")
@pytest.mark.parametrize("world, rules, harm", HARMS, ids=lambda value: getattr(value, "name", None))
def test_a_rule_taken_away_is_missed(world: World, rules: list[str], harm: str, explore: Explore) -> None:
    space = explore(world.without(*rules))

    assert space.broken is not None, "nobody missed it"
    assert harm in space.broken, f"\n{space.trace()}"


@pytest.mark.parametrize("world, rules", SPARE, ids=lambda value: getattr(value, "name", None))
def test_a_rule_that_another_one_stands_for_is_not_missed(world: World, rules: list[str], explore: Explore) -> None:
    space = explore(world.without(*rules))

    assert space.broken is None, f"\n{space.trace()}"


@pytest.mark.proves("B3")
def test_proof_that_is_nobody_elses_keeps_the_work_from_going_round_for_ever(explore: Explore) -> None:
    space = explore(TWO_ALIKE.without("snapshot_excluded", "owned_excluded"))

    assert space.broken is None
    stuck = space.stuck(is_at_rest, UNFAILING)
    assert stuck is not None
    assert "go round for ever" in stuck


def test_a_trace_tells_each_step_and_what_was_paid(explore: Explore) -> None:
    told = explore(LATE.without("unknown_is_kept")).trace()

    assert told.startswith("later than the horizon without unknown_is_kept: intent 0 has one effect at most, not 2")
    assert "and hears nothing" in told
    assert told.rstrip().endswith("paid: intent 0 1 moved, intent 0 1 moved")


def test_a_rule_that_does_not_exist_cannot_be_taken_away() -> None:
    with pytest.raises(ValueError, match="no such rules"):
        ONE.without("good_luck")
