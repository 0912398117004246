"""The webhook function's own lines are the lines of every other function."""

from __future__ import annotations

import json

import pytest

from quittance.runtime import door_lines, observability


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_metric_declares_the_same_as_that_of_the_other_functions(capsys: pytest.CaptureFixture[str]) -> None:
    door_lines.metric("DeliveryReceived", 1, "shopify", "accepted", store="maison", note="not allowed")
    observability.metric("DeliveryReceived", 1, "shopify", "accepted", store="maison", note="not allowed")

    ours, theirs = lines(capsys)
    assert ours["_aws"]["CloudWatchMetrics"] == theirs["_aws"]["CloudWatchMetrics"]  # type: ignore[index]
    assert {key: value for key, value in ours.items() if key != "_aws"}.items() <= theirs.items()
    assert ours["withheld"] == ["note"]


def test_an_error_carries_only_what_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    door_lines.error("delivery not taken in", channel="shopify", body="secret words")

    (line,) = lines(capsys)
    assert (line["level"], line["message"], line["channel"], line["withheld"]) == (
        "ERROR",
        "delivery not taken in",
        "shopify",
        ["body"],
    )
    assert "secret words" not in json.dumps(line)
