"""Guards taken out one by one: whichever is missing, a named test turns red.

Ten of them in every run of the suite; all with QUITTANCE_GUARDS=all, as `make faults` does.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.faults.guards import CORE, Guard, guards, is_missed

AT_LEAST: Final = 40
IN_EVERY_RUN: Final = 10
EVERY: Final = os.environ.get("QUITTANCE_GUARDS") == "all"
# Spread over the list, which goes the way of a refund.
CHOSEN: Final = guards() if EVERY else guards()[:: -(-len(guards()) // IN_EVERY_RUN)]


@pytest.mark.parametrize("guard", CHOSEN, ids=str)
def test_a_guard_taken_out_turns_a_named_test_red(guard: Guard, tmp_path: Path) -> None:
    missed, printed = is_missed(guard, tmp_path)

    assert missed, printed


@pytest.mark.parametrize("guard", guards(), ids=str)
def test_a_guard_stands_in_the_code_once(guard: Guard) -> None:
    for cut in guard.cuts:
        assert (CORE / cut.module).read_text(encoding="utf-8").count(cut.text) == 1, cut.text


def test_the_guards_are_many_and_each_has_a_name_of_its_own() -> None:
    names = Counter(guard.name for guard in guards())

    assert len(names) >= AT_LEAST
    assert max(names.values()) == 1
