"""Writes what a function did as JSON lines, by Powertools: log lines, and metrics in CloudWatch's embedded format.

Refuses personal data by keeping an allow-list of field names: anything else is withheld, and its name says so.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from functools import partial
from pathlib import PurePath
from typing import Final, Literal

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from quittance.runtime.permitted import Value, permitted

Unit = Literal["Count", "Seconds", "Milliseconds", "Bytes", "Percent", "None"]


class _Output:
    """Standard output as it is when a line is written; a test or a measurement may have exchanged it."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


def _logger() -> Logger:
    return Logger(
        service=os.environ.get("POWERTOOLS_SERVICE_NAME", "quittance"),
        # Stated, because metrics are lines too: POWERTOOLS_LOG_LEVEL must not silence the alarms.
        level="INFO",
        logger_handler=logging.StreamHandler(_Output()),
        # ASCII, so that no text can end a line or fail to be written.
        json_serializer=partial(json.dumps, separators=(",", ":"), default=str),
        utc=True,
        datefmt="%Y-%m-%dT%H:%M:%S.%FZ",
        location=None,
        release=os.environ.get("QUITTANCE_RELEASE", "unknown"),
    )


_log: Final = _logger()
# An empty service keeps Powertools from adding a third dimension to the two.
_metrics: Final = EphemeralMetrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Quittance"), service="")


def info(message: str, **fields: Value) -> None:
    """Log one line. `message` is a constant text; whatever varies is a field of the allow-list."""
    _log.info(message, extra=permitted(fields))


def warning(message: str, **fields: Value) -> None:
    """Log one line about something that mends itself but should not become usual."""
    _log.warning(message, extra=permitted(fields))


def error(message: str, **fields: Value) -> None:
    """Log one line about something that a person has to look at."""
    _log.error(message, extra=permitted(fields))


def failure(message: str, caught: BaseException, **fields: Value) -> None:
    """Log a caught exception by its class and place; its text may quote what came in and is never written."""
    known: dict[str, Value] = {"error": type(caught).__name__, "at": _place(caught)}
    code = getattr(caught, "response", {}).get("Error", {}).get("Code")
    error(message, **fields | known | ({"code": str(code)} if code else {}))


def metric(name: str, value: float, channel: str, outcome: str, *, unit: Unit = "Count", **fields: Value) -> None:
    """Count `value` under `name`, with the two dimensions that Quittance has; the line is a log line at once.

    `channel` and `outcome` come from fixed sets: CloudWatch bills each combination. `fields` are properties of the
    line, as in `info`, and no dimensions. The time is the machine's, in the sandbox too: CloudWatch refuses others.
    """
    _metrics.add_metric(name, unit, value)
    _metrics.add_dimension("channel", channel)
    _metrics.add_dimension("outcome", outcome)
    declared = _metrics.serialize_metric_set()
    _metrics.clear_metrics()
    # A number alone, where Powertools writes a list of one: Logs Insights compares numbers.
    _log.info(name, extra=permitted(fields) | {**declared, name: value})


def _place(caught: BaseException) -> str:
    step = caught.__traceback__
    if step is None:
        return "unknown"
    while step.tb_next is not None:
        step = step.tb_next
    return f"{PurePath(step.tb_frame.f_code.co_filename).name}:{step.tb_lineno}"
