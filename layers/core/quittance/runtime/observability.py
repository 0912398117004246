"""Writes what a function did as JSON lines: log lines, and metrics in CloudWatch's embedded metric format.

Refuses personal data by keeping an allow-list of field names: anything else is withheld, and its name says so.
"""

# Our own rather than Powertools' because of the allow-list, and because a metric and its log line are one line here.
# The import is not the reason: in function calls the webhook function costs 1.07 of its floor, and would cost 1.12
# with Powertools' Logger and Metrics beside it, of the 1.15 allowed.

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Final, Literal

Unit = Literal["Count", "Seconds", "Milliseconds", "Bytes", "Percent", "None"]
Value = str | int | bool | None

# Ids, channel, account, outcome and numbers. A name, an address, a text, a header or an amount has no place here.
ALLOWED: Final = frozenset(
    (
        "account action age_seconds at attempt batch bytes case channel code command count cursor deadline"
        " delivery derived duration_ms error event executed fence field generation intent key kind lane left limit"
        " message_id operation order outcome policy queue reason receipt release request_id return_id rule"
        " rule_version schema secret shard skipped source state step store table topic tries type until version"
    ).split()
)
LONGEST: Final = 200

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
_DIMENSIONS: Final = (("channel", "outcome"),)


def info(message: str, **fields: Value) -> None:
    """Log one line. `message` is a constant text; whatever varies is a field of the allow-list."""
    _write("INFO", message, fields)


def warning(message: str, **fields: Value) -> None:
    """Log one line about something that mends itself but should not become usual."""
    _write("WARNING", message, fields)


def error(message: str, **fields: Value) -> None:
    """Log one line about something that a person has to look at."""
    _write("ERROR", message, fields)


def failure(message: str, caught: BaseException, **fields: Value) -> None:
    """Log a caught exception by its class and place; its text may quote what came in and is never written."""
    known: dict[str, Value] = {"error": type(caught).__name__, "at": _place(caught)}
    code = getattr(caught, "response", {}).get("Error", {}).get("Code")
    _write("ERROR", message, fields | known | ({"code": str(code)} if code else {}))


def metric(name: str, value: float, channel: str, outcome: str, *, unit: Unit = "Count", **fields: Value) -> None:
    """Count `value` under `name`, with the two dimensions that Quittance has; the line is a log line at once.

    `channel` and `outcome` come from fixed sets: CloudWatch bills each combination. `fields` are properties of the
    line, as in `info`, and no dimensions. The time is the machine's, in the sandbox too: CloudWatch refuses others.
    """
    declared = {
        "Timestamp": time.time_ns() // 1_000_000,
        "CloudWatchMetrics": [
            {
                "Namespace": os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Quittance"),
                "Dimensions": _DIMENSIONS,
                "Metrics": [{"Name": name, "Unit": unit}],
            }
        ],
    }
    _write("INFO", name, fields, {"channel": channel, "outcome": outcome, name: value, "_aws": declared})


def _write(level: str, message: str, fields: Mapping[str, Value], also: Mapping[str, object] | None = None) -> None:
    line: dict[str, object] = {
        "level": level,
        "message": message,
        "service": os.environ.get("POWERTOOLS_SERVICE_NAME", "quittance"),
        "release": os.environ.get("QUITTANCE_RELEASE", "unknown"),
        **_permitted(fields),
        **(also or {}),
    }
    # One write a line: Lambda makes a log event of each.
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _permitted(fields: Mapping[str, Value]) -> dict[str, object]:
    permitted: dict[str, object] = {}
    withheld = []
    for name, value in fields.items():
        if name in ALLOWED and (value is None or isinstance(value, str | int | Enum)):
            permitted[name] = _short(value)
        else:
            withheld.append(name)
    if withheld:
        permitted["withheld"] = sorted(withheld)
    return permitted


def _short(value: object) -> object:
    plain = value.value if isinstance(value, Enum) else value
    return plain[:LONGEST] if isinstance(plain, str) else plain


def _place(caught: BaseException) -> str:
    step = caught.__traceback__
    if step is None:
        return "unknown"
    while step.tb_next is not None:
        step = step.tb_next
    return f"{PurePath(step.tb_frame.f_code.co_filename).name}:{step.tb_lineno}"
