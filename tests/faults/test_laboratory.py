"""The laboratory itself: a seed is one run on every machine, and an engine without its guards is found out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from quittance.application.commit import AtLeast, Condition, FenceIs, VersionIs, Write
from tests.faults.laboratory.dice import Dice
from tests.faults.laboratory.engine import LaboratoryEngine
from tests.faults.laboratory.exhaustive import doors
from tests.faults.laboratory.faults import POSSIBLE, STRIKES, Fault
from tests.faults.laboratory.laws import LAWS
from tests.faults.laboratory.plans import Script
from tests.faults.laboratory.run import Outcome
from tests.faults.laboratory.scenarios import Scenario, whole_path
from tests.faults.laboratory.seeds import replay, seeded, tallied
from tests.faults.laboratory.stage import GUARDS
from tests.faults.laboratory.tally import Tally

ROOT: Final = Path(__file__).parents[2]
SOME_SEEDS: Final = (3, 231, 778)


def story_in_another_process(seed: int, hash_seed: str) -> str:
    told = subprocess.run(
        [sys.executable, "-m", "tests.faults.laboratory", "--seed", str(seed)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": "layers/core"},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout


def test_a_seed_tells_the_same_story_in_every_process() -> None:
    stories = {story_in_another_process(778, hash_seed) for hash_seed in ("0", "4711")}

    assert stories == {replay(778) + "\n"}


def test_a_run_with_a_trace_goes_the_way_of_the_run_without() -> None:
    for seed in SOME_SEEDS:
        plain = seeded(seed)
        told = replay(seed)

        assert all(f"  {fault.value} at {boundary}" in told for boundary, fault in plain.struck)
        assert f"{plain.settled} of {plain.refunds} settled" in told


class Forgetful(LaboratoryEngine):
    """An engine that forgets conditions on items of one kind."""

    prefix = "INTENT#"
    forgets: tuple[type[Condition], ...] = (VersionIs, FenceIs)

    def _write(self, writes: Sequence[Write]) -> None:
        weak = [self._weak(write) for write in writes]
        super()._write([write for write in weak if write.conditions or not write.is_check])

    def _weak(self, write: Write) -> Write:
        if not write.key.sk.startswith(self.prefix):
            return write
        return Write(
            write.key, write.set, tuple(c for c in write.conditions if type(c) not in self.forgets), write.remove
        )


class ForgetfulOfOrders(Forgetful):
    """Without the version and the headroom of an order."""

    prefix = "LEDGER"
    forgets = (VersionIs, AtLeast)


MOST_SEEDS: Final = 3000


def found_out(engine: type[LaboratoryEngine], law: str) -> int:
    """The first seed that breaks a law on this engine."""
    return next(seed for seed in range(MOST_SEEDS) if seeded(seed, engine=engine).law == law)


@pytest.mark.proves("F096")
def test_without_the_fence_a_seed_pays_twice_and_its_story_says_how() -> None:
    doubled = found_out(Forgetful, "I2")

    told = replay(doubled, Forgetful)

    assert "an intent has one effect at the channel at most" in told
    assert told.count("advance_intent: send refund") >= 2
    assert ">>>> " in told
    assert "READY -> SENDING, fence 0 -> 1" in told
    assert told.endswith(f"again: make faults SEED={doubled}")
    assert not seeded(doubled).broken


def test_without_version_and_headroom_of_an_order_a_seed_breaks_its_books() -> None:
    assert not seeded(found_out(ForgetfulOfOrders, "I1")).broken


def test_every_fault_has_a_door_and_a_way_to_strike() -> None:
    assert {fault for faults in POSSIBLE.values() for fault in faults} == set(Fault)
    assert set(STRIKES) == set(Fault)


def test_the_whole_path_meets_every_kind_of_door() -> None:
    assert set(doors(Scenario("whole path", "un-keyed", whole_path), {})) == set(POSSIBLE)


def test_a_script_strikes_only_where_its_fault_is_possible() -> None:
    script = Script({1: Fault.STALE_INDEX})
    first = doors(Scenario("whole path", "keyed", whole_path), {})[0]

    assert script.draw(first) is None


def test_every_law_has_a_number_of_the_contract_and_a_sentence() -> None:
    numbers = {law.number for laws in LAWS.values() for law in laws}

    assert numbers >= {f"I{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 17)}
    assert all(len(law.sentence) > 20 for laws in LAWS.values() for law in laws)


def test_dice_fall_the_same_on_every_python() -> None:
    dice = Dice(7)

    assert [dice.below(100) for _ in range(8)] == [32, 15, 65, 7, 53, 36, 5, 50]


def test_tallies_add_up() -> None:
    parts, whole = Tally(), tallied(range(20))
    for part in (range(7), range(7, 20)):
        parts.join(tallied(part))

    assert parts == whole
    assert whole.runs == 20
    assert set(whole.held) <= set(GUARDS)


def test_a_broken_run_is_kept_with_its_seed() -> None:
    tally = Tally()
    tally.add(Outcome("one refund", "keyed", 9, (), 1, 0, 0, 0, broken="I2 broken", law="I2"), 42)

    assert (tally.failing, tally.broken["doubles"]) == ([(42, "I2 broken")], 1)
