"""Every condition of every write is there for a race; take the condition away and the race ends badly.

Conditions that stand for each other (`writes.REDUNDANT`) are taken away together, and all but one to see that each is
enough by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from quittance.application.commit import (
    Absent,
    AtLeast,
    CaseChange,
    Changes,
    Condition,
    CustomerChange,
    FenceIs,
    IntentChange,
    IsNot,
    OrderChange,
    PointsTo,
    ShardChange,
    Text,
    VersionIs,
    Write,
)
from quittance.domain.allowance import Shard
from quittance.domain.errors import Conflict
from quittance.storage import keys
from quittance.storage.engine import Engine
from quittance.storage.memory import MemoryEngine
from quittance.storage.table import Table
from quittance.storage.writes import REDUNDANT, writes_of
from tests.storage import races, samples
from tests.storage.engines import Weakened
from tests.storage.races import Guard, Race, guard_of
from tests.storage.races_batch import BATCH_RACES
from tests.storage.samples import NOW

RACES = (*races.RACES, *BATCH_RACES)
GROUPS = [race for race in RACES if len(race.guards) > 1]
TYPES: dict[str, type[Condition]] = {t.__name__: t for t in (Absent, VersionIs, FenceIs, AtLeast, IsNot, PointsTo)}


def play(race: Race, engine: Engine) -> bool:
    """Run the race and say whether it ended badly."""
    table = Table(engine)
    with suppress(Conflict):
        race.play(table, engine)
    return race.harmed(table)


def without(guards: frozenset[Guard]) -> Callable[[Write, Condition], bool]:
    return lambda write, condition: guard_of(write, condition) in guards


@pytest.mark.parametrize("race", RACES, ids=str)
def test_a_lost_race_does_no_harm(race: Race, engine: Engine) -> None:
    assert not play(race, engine)


@pytest.mark.parametrize("race", RACES, ids=str)
def test_without_its_guards_the_race_does_harm(race: Race, engine: Engine) -> None:
    assert play(race, Weakened(engine, without(race.guards)))


@pytest.mark.parametrize("race,kept", [(race, kept) for race in GROUPS for kept in sorted(race.guards)], ids=str)
def test_of_redundant_guards_each_is_enough(race: Race, kept: Guard) -> None:
    assert not play(race, Weakened(MemoryEngine(), without(race.guards - {kept})))


def test_guards_that_stand_for_each_other_are_declared_and_no_others_are() -> None:
    played = {frozenset(_declared(guard) for guard in race.guards) for race in GROUPS}

    assert played == set(REDUNDANT)


def _declared(guard: Guard) -> tuple[str, type[Condition]]:
    work, label = guard
    return work, TYPES[label.partition(" ")[0]]


def test_every_condition_of_every_write_has_a_race() -> None:
    written = {guard_of(write, condition) for write in all_writes() for condition in write.conditions}
    raced = {guard for race in RACES for guard in race.guards}

    assert written == raced


def all_writes() -> list[Write]:
    """One of every write that the storage makes: from changes of every kind, and from all that the races do."""
    made = list(writes_of(everything()))
    for race in RACES:
        engine = Weakened(MemoryEngine(), without(race.guards))
        play(race, engine)
        made += engine.seen
    return made


def everything() -> Changes:
    """Changes of every kind, new and moved, in one commit."""
    order = samples.an_order()
    claimed = samples.with_claim(order, samples.INTENT, samples.a_claim(shipping=500))
    case, other = samples.a_return(), races.fresh(samples.OTHER_CASE)
    refund, renamed = samples.a_refund(), races.ready(id=samples.OTHER_INTENT)
    return Changes(
        at=NOW,
        cases=(races.marked(case, "m"), CaseChange(None, other, ())),
        order=OrderChange(order, claimed),
        intents=(IntentChange(None, refund), IntentChange(renamed, replace(renamed, version=2))),
        deliveries=(samples.a_delivery_key(),),
        aliases=(
            *races._named(samples.CASE).aliases,
            replace(races._named(samples.CASE, samples.OTHER_CASE).aliases[0], name="RMA-2"),
        ),
        texts=(Text(samples.CASE, "t1", "words", NOW),),
        shards=(ShardChange("a", "2026-11-21", "EUR", 0, Shard(1, 2)), ShardChange("a", "d", "EUR", 1, Shard(1, 2, 3))),
        customers=(CustomerChange("a", "5f4dcc", samples.CASE, (NOW,)),),
    )


def test_a_commit_of_everything_holds_a_condition_on_all_but_words_and_whose_case_it_is() -> None:
    free = [keys.kind_of(write.key) for write in writes_of(everything()) if not write.conditions]

    assert free == [keys.TEXT.name, keys.CUSTOMER.name]
