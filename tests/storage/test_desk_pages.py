"""The list at the desk: open cases by the time that is left, page by page, while others write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from quittance.application.commit import CaseChange, Changes
from quittance.domain.case import Case
from quittance.domain.errors import Rejected
from quittance.domain.events import CaseMarked
from quittance.domain.ids import CaseId
from quittance.storage.table import Table
from tests.storage import samples

QUEUE = "shopify-return"


def open_cases(table: Table, hours: Iterator[int] | range) -> list[CaseId]:
    """One open case for each number of hours that its deadline has left."""
    made = []
    for number, left in enumerate(hours):
        deadlines = {"decide_request": samples.a_deadline(left, "r")}
        case = samples.a_return(CaseId(f"case-{number}"), f"9{number}", deadlines=deadlines, version=0, tail="")
        table.commit(Changes(samples.NOW, cases=(CaseChange(None, case, (CaseMarked("new"),)),)))
        made.append(case.id)
    return made


def pages(table: Table, size: int) -> list[tuple[Case, ...]]:
    """Every page of the list."""
    found, after = [], ""
    while True:
        shown, after = table.desk_page(QUEUE, size, after)
        found.append(shown)
        if not after:
            return found


@pytest.mark.proves("F048")
def test_the_list_is_sorted_by_the_time_that_is_left(table: Table) -> None:
    made = open_cases(table, range(30, 0, -3))

    listed = [case.id for page in pages(table, 4) for case in page]

    assert listed == made[::-1]


@pytest.mark.proves("F048")
def test_a_case_that_moves_between_two_pages_is_never_shown_twice(table: Table) -> None:
    open_cases(table, range(1, 13))
    first, after = table.desk_page(QUEUE, 5)
    moved = first[0]
    later = replace(moved, deadlines={"decide_request": samples.a_deadline(6, "r")})
    table.commit(Changes(samples.NOW, cases=(CaseChange(moved, later, (CaseMarked("moved"),)),)))
    urgent = samples.a_return(
        CaseId("case-new"), "990", deadlines={"d": samples.a_deadline(0, "r")}, version=0, tail=""
    )
    table.commit(Changes(samples.NOW, cases=(CaseChange(None, urgent, (CaseMarked("new"),)),)))

    second, _ = table.desk_page(QUEUE, 20, after)

    shown = [case.id for case in (*first, *second)]
    assert len(set(shown) - {moved.id}) == 11
    assert len([case for case in shown if case != moved.id]) == 11


def test_the_last_page_has_no_next(table: Table) -> None:
    open_cases(table, range(1, 4))

    assert table.desk_page(QUEUE, 3)[1] == ""
    assert table.desk_page(QUEUE, 2)[1] != ""
    assert table.desk_page("amazon-claim", 3) == ((), "")


def test_a_cursor_of_ones_own_making_is_refused(table: Table) -> None:
    with pytest.raises(Rejected, match="BAD_CURSOR"):
        table.desk_page(QUEUE, 3, "anything")
