"""The frozen holidays say what the library says, for the countries of the policies, and a stale file is found."""

from __future__ import annotations

import argparse
import json
import shutil
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import holidays
import pytest

from ops import cli, public_holidays
from quittance.domain.errors import Rejected
from tests.policies.documents import POLICIES

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))


def run(folder: Path, *, check: bool = False, now: datetime = NOW) -> int:
    def nobody() -> Any:
        raise AssertionError("no stack is needed to freeze holidays")

    return public_holidays.run(argparse.Namespace(folder=folder, check=check), nobody, now)


def frozen() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((POLICIES / "holidays.json").read_text("utf-8"))
    return found


def test_the_file_of_the_repository_is_what_the_library_says_and_names_its_version() -> None:
    assert public_holidays.complaints(POLICIES, frozen()["first_year"]) == []
    assert (frozen()["library"], frozen()["tzdata"]) == (version("holidays"), version("tzdata"))
    assert frozen()["last_year"] == frozen()["first_year"] + 3


def test_every_country_of_the_policies_and_of_the_marketplaces_is_in_it() -> None:
    assert set(frozen()["countries"]) == public_holidays.countries(POLICIES)
    assert {"FR", "GB", "IS", "US", "JP", "SA"} <= set(frozen()["countries"])


def test_a_day_off_of_a_country_or_a_region_is_one_of_the_library() -> None:
    germany = frozen()["countries"]["DE"]
    bavaria = holidays.country_holidays(
        "DE", subdiv="BY", years=range(frozen()["first_year"], frozen()["last_year"] + 1)
    )

    days = {*germany["days"], *germany["regions"]["BY"]["more"]} - {*germany["regions"]["BY"]["less"]}

    assert sorted(days) == [day.isoformat() for day in sorted(bavaria)]
    assert germany["zones"] == ["Europe/Berlin", "Europe/Busingen"]


def test_a_command_writes_this_year_and_three_more(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "holidays.json").unlink()

    assert run(folder, check=True) == 1
    assert "MISSING_FILE" in capsys.readouterr().out
    assert run(folder) == 0
    assert "2026 to 2029" in capsys.readouterr().out
    assert run(folder, check=True) == 0


def test_an_edited_file_and_one_that_runs_out_are_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "holidays.json"
    path.write_text(path.read_text("utf-8").replace("-07-14", "-07-15"), "utf-8")

    assert run(folder, check=True) == 1
    assert "STALE" in capsys.readouterr().out
    assert run(folder, check=True, now=datetime(frozen()["last_year"], 1, 1, tzinfo=UTC)) == 1
    assert "RUNS_OUT" in capsys.readouterr().out


def test_a_country_that_the_library_does_not_know_is_refused() -> None:
    with pytest.raises(Rejected, match="UNKNOWN_COUNTRY"):
        public_holidays.frozen(frozenset({"AQ", "XX"}), 2026)


def test_the_command_line_knows_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["holidays", str(folder)]) == 0
    assert cli.main(["holidays", str(folder), "--check"]) == 0
    assert capsys.readouterr().err == ""
