"""What a function writes about its work, and what it never writes."""

from __future__ import annotations

import json
import time
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.runtime import observability


class Colour(Enum):
    RED = "red"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "ingest_returns")
    monkeypatch.setenv("QUITTANCE_RELEASE", "r42")
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_says_level_message_service_and_release(lines: Any) -> None:
    observability.info("case opened", case="c-1", channel="shopify")

    assert lines() == [
        {
            "level": "INFO",
            "message": "case opened",
            "service": "ingest_returns",
            "release": "r42",
            "case": "c-1",
            "channel": "shopify",
        }
    ]


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


def test_a_metric_is_one_line_of_the_embedded_format_with_two_dimensions(
    lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Other")
    before = time.time() * 1000

    observability.metric("TickLateness", 75, "all", "late", unit="Seconds", lane=0)

    (line,) = lines()
    declared = line["_aws"]
    assert before - 1 <= declared["Timestamp"] <= time.time() * 1000
    assert declared["CloudWatchMetrics"] == [
        {
            "Namespace": "Other",
            "Dimensions": [["channel", "outcome"]],
            "Metrics": [{"Name": "TickLateness", "Unit": "Seconds"}],
        }
    ]
    assert (line["TickLateness"], line["channel"], line["outcome"], line["lane"]) == (75, "all", "late", 0)


def test_the_namespace_is_quittance_unless_stated(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POWERTOOLS_METRICS_NAMESPACE", raising=False)
    observability.metric("CaseOpened", 1, "shopify", "done")

    assert lines()[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Quittance"


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
