"""Every state that the refund engine can reach with two workers, faults, late effects, other hands and a person."""

from __future__ import annotations

import pytest

from quittance.domain.intent import ReplayGuard
from tests.model.claims import has_ended, is_at_rest
from tests.model.conftest import Explore
from tests.model.search import UNFAILING, WITH_A_PERSON, search
from tests.model.terms import NEVER, World

KEYED, QUANTITY = ReplayGuard.KEYED, ReplayGuard.QUANTITY
SOUND = [
    World("one refund, two faults"),
    World("two refunds compete for one", amounts=(1, 1), faults=1),
    World("refunds of 1 and 2 compete for 2", captured=2, amounts=(1, 2), faults=1),
    World("two refunds fit", captured=2, amounts=(1, 1), faults=1, admitted=True),
    World("the channel checks, and other hands refund", foreign=1, faults=1, checks=True),
    World("other hands refund, with room", captured=2, foreign=1, faults=1),
    World("other hands refund, and nothing is marked", captured=2, foreign=1, faults=1, marks=False),
    World("keyed", guard=KEYED, faults=1),
    World("quantity", guard=QUANTITY),
    World("an effect lands at any time", captured=2, late=NEVER, faults=1),
    World("an effect lands at any time, quantity", captured=2, late=NEVER, guard=QUANTITY, faults=1),
    World("keyed, later than the horizon", captured=2, guard=KEYED, late=2, faults=1, retries=0),
    World("a worker outlives its lease", late=NEVER, pauses=True, faults=1),
    World("other hands refund, without room", foreign=1, faults=1),
    World("two refunds, and other hands", captured=2, amounts=(1, 1), foreign=1, faults=0, admitted=True),
    World("money moves or fails later", slow=True, faults=1),
]


def name_of(world: World) -> str:
    return world.name


def check(explore: Explore, world: World) -> None:
    space = explore(world)

    assert space.broken is None, f"\n{space.trace()}"
    stuck = space.stuck(is_at_rest, UNFAILING)
    assert stuck is None, f"\n{stuck}"
    unended = space.stuck(has_ended, WITH_A_PERSON)
    assert unended is None, f"\n{unended}"


@pytest.mark.proves("B1", "B2", "B3")
@pytest.mark.parametrize("world", SOUND, ids=name_of)
def test_no_reachable_state_pays_twice_and_every_way_comes_to_rest(world: World, explore: Explore) -> None:
    check(explore, world)


@pytest.mark.proves("B3")
def test_an_unkeyed_refund_is_sent_once_unless_a_person_says_so(explore: Explore) -> None:
    for world in (World("nobody retries", retries=0), World("nobody retries, late", late=NEVER, retries=0, faults=1)):
        space = explore(world)

        assert not [state for state in space.states if state.intents[0].sends > 1]


@pytest.mark.proves("B1")
def test_only_a_person_who_is_wrong_about_a_late_effect_can_pay_twice(explore: Explore) -> None:
    on_time = explore(World("a hasty person", captured=2, hasty=True))
    too_late = explore(World("a hasty person, later than the horizon", captured=2, late=NEVER, hasty=True, faults=1))

    assert on_time.broken is too_late.broken is None
    doubled = [[s for s in space.states if len(s.effects) > 1] for space in (on_time, too_late)]
    assert doubled[0] == []
    assert doubled[1]
    assert not [state for state in doubled[1] if state.trusted]


def test_the_worlds_reach_every_kind_of_end() -> None:
    states = search(World("checked", foreign=1, faults=1, checks=True)).states

    ends = {str(record.state) for state in states for record in state.intents}
    assert ends >= {"SETTLED", "DECLINED", "CANCELLED", "HOLD", "UNKNOWN"}
