"""The lines of the one function that strangers knock at: the same lines as `observability`, without Powertools.

Serves receive_webhook alone, whose cold start every sender waits for; Powertools would be a tenth of its import.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Final

from quittance.runtime.permitted import Value, permitted

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
_DIMENSIONS: Final = (("channel", "outcome"),)


def error(message: str, **fields: Value) -> None:
    """Log one line about something that a person has to look at."""
    _write({"level": "ERROR", "message": message, **_common(), **permitted(fields)})


def metric(name: str, value: int, channel: str, outcome: str, **fields: Value) -> None:
    """Count `value` under `name`, with the two dimensions that Quittance has; the line is a log line at once."""
    declared = {
        "Timestamp": time.time_ns() // 1_000_000,
        "CloudWatchMetrics": [
            {
                "Namespace": os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Quittance"),
                "Dimensions": _DIMENSIONS,
                "Metrics": [{"Name": name, "Unit": "Count"}],
            }
        ],
    }
    counted = {"channel": channel, "outcome": outcome, name: value, "_aws": declared}
    _write({"level": "INFO", "message": name, **_common(), **permitted(fields), **counted})


def _common() -> dict[str, object]:
    return {
        "service": os.environ.get("POWERTOOLS_SERVICE_NAME", "quittance"),
        "release": os.environ.get("QUITTANCE_RELEASE", "unknown"),
    }


def _write(line: dict[str, object]) -> None:
    # One write a line: Lambda makes a log event of each.
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()
