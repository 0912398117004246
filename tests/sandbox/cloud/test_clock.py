"""The sandbox's clock runs with the machine's, ahead of it, and never back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.clock import VirtualClock

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Table:
    """Remember what functions were told."""

    def __init__(self) -> None:
        self.told: list[int] = []


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def clock(table: Table) -> VirtualClock:
    return VirtualClock(table.told.append, lambda: NOON)


def test_it_is_the_machines_until_it_is_moved(clock: VirtualClock, table: Table) -> None:
    assert clock() == NOON
    assert table.told == []


def test_it_adds_up_and_tells_functions_the_whole_offset(clock: VirtualClock, table: Table) -> None:
    clock.advance(timedelta(hours=1))

    assert clock.advance(timedelta(days=1)) == NOON + timedelta(days=1, hours=1)
    assert table.told == [3600, 90_000]


def test_what_is_due_in_a_fraction_of_a_second_is_due_afterwards(clock: VirtualClock, table: Table) -> None:
    assert clock.advance(timedelta(milliseconds=1)) >= NOON + timedelta(milliseconds=1)
    assert table.told == [1]


def test_it_never_goes_back(clock: VirtualClock, table: Table) -> None:
    with pytest.raises(ValueError, match="forward only"):
        clock.advance(timedelta(microseconds=-1))
    assert table.told == []


@pytest.mark.parametrize(
    "instant, offset", [(NOON + timedelta(days=3), timedelta(days=3)), (NOON - timedelta(days=3), timedelta(0))]
)
def test_it_is_moved_to_an_instant_unless_that_has_passed(
    instant: datetime, offset: timedelta, clock: VirtualClock
) -> None:
    clock.advance_to(instant)

    assert clock.offset == offset


def test_a_table_that_cannot_be_told_leaves_it_where_it_was() -> None:
    def broken(_: int) -> None:
        raise ConnectionError

    clock = VirtualClock(broken, lambda: NOON)

    with pytest.raises(ConnectionError):
        clock.advance(timedelta(hours=1))
    assert clock() == NOON
