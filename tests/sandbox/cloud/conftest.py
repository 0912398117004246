"""One cloud for these tests, made from the real template, in which every function is a probe.

A probe makes the AWS calls that the test hands it, under the function's own role, and says how each went.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sandbox.cloud import Cloud

PROBE: Final = """
import os
import boto3
from botocore.exceptions import ClientError

def attempt(service, operation, arguments):
    try:
        getattr(boto3.client(service), operation)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "ok"

def handler(event, context):
    if "Records" in event:
        print("records", [record.get("eventID") or record["body"] for record in event["Records"]])
        return {"batchItemFailures": []}
    if "rawPath" in event:
        return {"statusCode": 200, "body": event["routeKey"] + " " + str(event["pathParameters"])}
    if "raise" in event:
        raise ValueError(event["raise"])
    outcomes = {name: attempt(*call) for name, call in event.get("calls", {}).items()}
    return {"outcomes": outcomes, "environment": dict(os.environ), "arn": context.invoked_function_arn}

tick = fire = handler
"""
FOLDERS: Final = (
    "desk",
    "execute_refund",
    "ingest_returns",
    "poll_channels",
    "publish_events",
    "receive_webhook",
    "sla_watchdog",
)
LEAK: Final = "QUITTANCE_OF_THE_HOST"


@pytest.fixture(scope="session")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("functions")
    for folder in FOLDERS:
        (root / folder).mkdir()
        (root / folder / "handler.py").write_text(PROBE, "utf-8")
    return root


@pytest.fixture(scope="session")
def cloud(probes: Path) -> Iterator[Cloud]:
    os.environ[LEAK] = "a setting of whoever runs the tests"
    try:
        with Cloud.start(functions_root=probes, endpoints={"shopify": "http://127.0.0.1:9"}) as started:
            yield started
    finally:
        del os.environ[LEAK]
