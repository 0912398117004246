"""A test may claim only feature rows that exist; without this a typing error would invent a feature."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_every_row_that_a_test_claims_stands_in_the_feature_list(
    reference: Path, request: pytest.FixtureRequest
) -> None:
    text = (reference / "features.md").read_text("utf-8")
    rows = set(re.findall(r"^(?:\| (F\d{3}) \||(B\d{1,2})\. )", text, re.MULTILINE))
    listed = {row for pair in rows for row in pair if row}
    assert listed, "the feature list holds no row: has its format changed?"

    claims = {
        (row, item.nodeid)
        for item in request.session.items
        for mark in item.iter_markers("proves")
        for row in mark.args
        if row not in listed
    }

    assert claims == set()
