"""What the bench's table rests on: plans that are written once, and handlers that fail and hold as the table says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from bench.fault_plans import FILE, Fault, Plan, plans, read, written
from bench.refund_faults import Field, faults_of, field_of
from sandbox.emulator import Emulator

CALL = 2
"""The touch at which naive and Powertools call the provider: after their first request to DynamoDB."""


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    emulator = Emulator.start()
    yield field_of(emulator, count(1))
    emulator.stop()


def test_the_plans_are_those_of_the_file() -> None:
    assert FILE.read_text("utf-8") == written(plans())
    assert read() == list(plans())
    assert len({plan.name for plan in read()}) == len(read())


@pytest.mark.parametrize("name", ["naive", "Powertools"])
@pytest.mark.parametrize("fault", [Fault.KILL_AFTER, Fault.APPLIED], ids=lambda fault: fault.value)
def test_a_record_around_an_unkeyed_call_pays_twice_when_the_answer_is_lost(
    field: Field, name: str, fault: Fault
) -> None:
    found = faults_of(field, name, [Plan(f"single {CALL}", {CALL: fault})], keyed=False)["single"]

    assert (found.runs, found.double, found.lost, found.stuck) == (1, 1, 0, 0)


@pytest.mark.parametrize("name", ["naive", "Powertools"])
def test_a_stable_key_that_the_provider_honours_mends_that(field: Field, name: str) -> None:
    found = faults_of(field, name, [Plan(f"single {CALL}", {CALL: Fault.APPLIED})], keyed=True)["single"]

    assert (found.runs, found.double) == (1, 0)


@pytest.mark.parametrize("keyed", [False, True], ids=["un-keyed", "keyed"])
def test_ours_pays_once_or_hands_it_to_a_person_whatever_strikes_its_send(field: Field, *, keyed: bool) -> None:
    found = faults_of(field, "Quittance", [one for one in read() if one.is_single][16:32], keyed=keyed)["single"]

    assert found.runs == 16
    assert (found.double, found.lost, found.stuck) == (0, 0, 0)
    assert not (keyed and found.held)
