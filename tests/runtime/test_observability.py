"""What a function writes about its work, and what it never writes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.instant import from_text
from quittance.runtime import observability
from quittance.runtime.permitted import ALLOWED

ROOT: Final = Path(__file__).parents[2]


class Colour(Enum):
    RED = "red"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def lines_of(program: str, **env: str) -> list[dict[str, Any]]:
    """Return what a process of its own writes: the environment is read when the module is imported."""
    done = subprocess.run(
        [sys.executable, "-c", f"from quittance.runtime import observability\n{program}"],
        env={"PYTHONPATH": "layers/core", **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def declared(line: Mapping[str, Any]) -> dict[str, Any]:
    (one,) = line["_aws"]["CloudWatchMetrics"]
    assert isinstance(one, dict)
    return one


def test_a_line_says_level_message_time_service_and_release() -> None:
    (line,) = lines_of(
        "observability.info('case opened', case='c-1', channel='shopify')",
        POWERTOOLS_SERVICE_NAME="ingest_returns",
        QUITTANCE_RELEASE="r42",
    )

    assert from_text(line.pop("timestamp")).year >= 2026
    assert line == {
        "level": "INFO",
        "message": "case opened",
        "service": "ingest_returns",
        "release": "r42",
        "case": "c-1",
        "channel": "shopify",
    }


def test_no_field_that_is_allowed_stands_in_the_way_of_a_log_record() -> None:
    record = logging.makeLogRecord({})

    assert ALLOWED.isdisjoint([*vars(record), "message", "asctime", "timestamp", "service"])


def test_levels_are_told_apart(lines: Any) -> None:
    observability.info("a")
    observability.warning("b")
    observability.error("c")

    assert [(line["level"], line["message"]) for line in lines()] == [("INFO", "a"), ("WARNING", "b"), ("ERROR", "c")]


@pytest.mark.parametrize("name", ["email", "customer", "buyer_name", "body", "headers", "ip", "address", "amount"])
def test_a_field_outside_the_allow_list_is_withheld_and_its_name_said(lines: Any, name: str) -> None:
    observability.info("x", **{name: "camille@example.com", "case": "c-1"})

    (line,) = lines()
    assert line["withheld"] == [name]
    assert line["case"] == "c-1"
    assert "camille" not in json.dumps(line)


def test_a_value_that_is_no_plain_one_is_withheld(lines: Any) -> None:
    whole_order: Any = {"email": "camille@example.com"}
    observability.info("x", order=whole_order, outcome="done")

    (line,) = lines()
    assert (line["withheld"], line["outcome"]) == (["order"], "done")


def test_an_enum_is_written_by_its_value_and_a_long_text_is_cut(lines: Any) -> None:
    colour: Any = Colour.RED
    observability.info("x", state=colour, reason="r" * 1000)

    (line,) = lines()
    assert (line["state"], line["reason"]) == ("red", "r" * 200)


@pytest.mark.proves("F116")
def test_a_failure_is_written_by_class_and_place_and_never_by_its_text(lines: Any) -> None:
    try:
        int("camille@example.com")
    except ValueError as caught:
        observability.failure("message failed", caught, message_id="m-1")

    (line,) = lines()
    assert (line["level"], line["error"], line["message_id"]) == ("ERROR", "ValueError", "m-1")
    assert line["at"].startswith("test_observability.py:")
    assert "camille" not in json.dumps(line)


def test_an_error_that_was_never_raised_has_no_place(lines: Any) -> None:
    observability.failure("x", ValueError("camille"))

    assert lines()[0]["at"] == "unknown"


def test_a_metric_is_one_line_of_the_embedded_format_with_two_dimensions_and_its_value_as_a_number(lines: Any) -> None:
    before = time.time() * 1000

    observability.metric("TickLateness", 75, "all", "late", unit="Seconds", lane=0)

    (line,) = lines()
    assert before - 1 <= line["_aws"]["Timestamp"] <= time.time() * 1000
    assert declared(line) == {
        "Namespace": "Quittance",
        "Dimensions": [["channel", "outcome"]],
        "Metrics": [{"Name": "TickLateness", "Unit": "Seconds"}],
    }
    assert (line["TickLateness"], line["channel"], line["outcome"], line["lane"]) == (75, "all", "late", 0)
    assert (line["level"], line["message"]) == ("INFO", "TickLateness")


def test_a_metric_carries_nothing_of_the_one_before(lines: Any) -> None:
    observability.metric("CaseOpened", 1, "shopify", "done", store="paris")
    observability.metric("Parked", 2, "warehouse", "delivery")

    _, line = lines()
    assert declared(line)["Metrics"] == [{"Name": "Parked", "Unit": "Count"}]
    assert (line["Parked"], line["channel"], line["outcome"]) == (2, "warehouse", "delivery")
    assert line.keys().isdisjoint({"CaseOpened", "store"})


def test_a_metric_withholds_what_a_log_line_withholds(lines: Any) -> None:
    observability.metric("CaseOpened", 1, "shopify", "done", email="camille@example.com")

    (line,) = lines()
    assert line["withheld"] == ["email"]
    assert "camille" not in json.dumps(line)


def test_the_namespace_is_the_templates_and_a_service_name_is_no_third_dimension() -> None:
    (line,) = lines_of(
        "observability.metric('CaseOpened', 1, 'shopify', 'done')",
        POWERTOOLS_METRICS_NAMESPACE="Other",
        POWERTOOLS_SERVICE_NAME="quittance",
    )

    assert declared(line)["Namespace"] == "Other"
    assert declared(line)["Dimensions"] == [["channel", "outcome"]]
    assert line["service"] == "quittance"


def test_no_level_of_the_environment_silences_a_metric() -> None:
    (line,) = lines_of("observability.metric('TickCompleted', 1, 'watchdog', 'done')", POWERTOOLS_LOG_LEVEL="CRITICAL")

    assert line["TickCompleted"] == 1


def test_what_the_rooms_further_in_log_comes_out_in_the_same_form(lines: Any) -> None:
    logging.getLogger("quittance.channels.shopify.client").warning("served by %s", "2026-10")

    (line,) = lines()
    assert (line["level"], line["message"]) == ("WARNING", "served by 2026-10")


@given(text=st.text())
def test_whatever_a_field_holds_a_line_stays_one_line(text: str) -> None:
    written: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout.write", written.append)
        observability.info("x", reason=text)

    (line,) = written
    assert line.count("\n") == 1
    assert line.isascii()
    assert json.loads(line)["reason"] == text[:200]
