"""What every test shares: the tie from a test to its feature rows, the reference folder, Hypothesis profiles.

It holds no double and no builder of the domain; those live in tests/support.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROW: Final = re.compile(r"F\d{3}|B\d{1,2}")

# A test that forgets its double must not reach anybody's AWS account.
NOBODYS_AWS: Final[Mapping[str, str]] = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--proves-out",
        type=Path,
        metavar="FILE",
        help="write which tests prove which feature rows, as JSON; works with --collect-only",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ENVIRONMENT] = patch = pytest.MonkeyPatch()
    patch.delenv("AWS_PROFILE", raising=False)
    for name, value in NOBODYS_AWS.items():
        patch.setenv(name, value)
    settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_ENVIRONMENT].undo()


def pytest_collection_finish(session: pytest.Session) -> None:
    tests_of_row = defaultdict[str, set[str]](set)
    for item in session.items:
        for row in _rows(item):
            tests_of_row[row].add(item.nodeid.partition("[")[0])
    out: Path | None = session.config.getoption("--proves-out")
    if out is not None and _is_first_worker(session.config):
        proofs = {row: sorted(tests) for row, tests in sorted(tests_of_row.items())}
        out.write_text(json.dumps(proofs, indent=2) + "\n", encoding="utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have counted and want told: `record_property("told", line)`."""
    reports = terminalreporter.getreports("passed")
    lines = [str(value) for report in reports for name, value in report.user_properties if name == "told"]
    if lines:
        terminalreporter.section("told by tests")
        terminalreporter.write_line("\n".join(sorted(lines)))


@pytest.fixture(scope="session")
def reference() -> Path:
    """Give the folder of published facts; a test that needs it cannot run where it is not mounted."""
    stated = os.environ.get("QUITTANCE_REFERENCE")
    if not stated:
        pytest.skip("QUITTANCE_REFERENCE is not set")
    folder = Path(stated)
    if not folder.is_dir():
        pytest.fail(f"QUITTANCE_REFERENCE is {stated}, which is no folder; unset it or mount the folder")
    return folder


_ENVIRONMENT: Final = pytest.StashKey[pytest.MonkeyPatch]()


def _rows(item: pytest.Item) -> Iterator[str]:
    for mark in item.iter_markers("proves"):
        for row in mark.args:
            if not (isinstance(row, str) and ROW.fullmatch(row)):
                raise pytest.UsageError(f"{item.nodeid}: proves({row!r}) is no feature row; write one like 'F096'")
            yield row
        if mark.kwargs or not mark.args:
            raise pytest.UsageError(f"{item.nodeid}: proves() takes one or more feature rows, like 'F096'")


def _is_first_worker(config: pytest.Config) -> bool:
    return bool(getattr(config, "workerinput", {"workerid": "gw0"})["workerid"] == "gw0")
