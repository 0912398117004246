"""The functions of this repository start from their layers, under their roles, and do nothing when there is nothing."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
import requests

from sandbox.cloud import Cloud
from sandbox.packages import core_layer_zip, dependencies_layer_zip
from sandbox.translate import ROOT
from tests.support.first_use import FIRST_USE
from tests.template.reading import FUNCTIONS, resource

# What Lambda's own Python brings beside the standard library.
BROUGHT_BY_LAMBDA: Final = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
FED_BY_QUEUES: Final = ("IngestReturns", "PollChannels", "ExecuteRefund", "WatchdogFire")


@pytest.fixture(scope="module")
def real() -> Iterator[Cloud]:
    with Cloud.start() as started:
        yield started


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack both layers, and lay boto3 beside them as Lambda does."""
    into = tmp_path_factory.mktemp("opt")
    for packed in (core_layer_zip(), dependencies_layer_zip()):
        with zipfile.ZipFile(io.BytesIO(packed)) as pack:
            pack.extractall(into)
    runtime = into / "runtime"
    runtime.mkdir()
    for name in BROUGHT_BY_LAMBDA:
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (runtime / source.name).symlink_to(source)
    return into


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_needs_its_layers_and_boto3_and_nothing_else(function: str, layers: Path) -> None:
    properties = resource(function)
    folder = ROOT / properties["Code"]["S3Key"].removesuffix(".zip")
    module, _, name = properties["Handler"].partition(".")
    path = [str(folder), str(layers / "python"), str(layers / "runtime")]
    told = {key: str(value) for key, value in properties["Environment"]["Variables"].items()}
    urls = {key: f"https://sqs.eu-west-1.amazonaws.com/1/{told[key]}" for key in told if key.endswith("_QUEUE_URL")}

    program = f"import sys; sys.path += {path!r}; import {module}; assert callable({module}.{name})"
    program += f"; {FIRST_USE.get(function, 'pass')}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        env={
            **told,
            **urls,
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("function", FED_BY_QUEUES)
def test_an_empty_batch_is_answered_as_done(function: str, real: Cloud) -> None:
    assert real.invoke(f"{function}Function", {"Records": []}) == {"batchItemFailures": []}


def test_an_empty_stream_batch_is_answered_as_done(real: Cloud) -> None:
    assert real.invoke("PublishEventsFunction", {"Records": []}) == {"batchItemFailures": []}


def test_a_tick_finds_nothing_due_and_says_that_it_has_finished(real: Cloud) -> None:
    real.invoke("WatchdogTickFunction")

    lines = [json.loads(line) for line in real.logs("WatchdogTick") if line.startswith("{")]
    assert [line["outcome"] for line in lines if "TickCompleted" in line] == ["completed"]


def test_a_delivery_for_a_store_that_nobody_connected_is_refused(real: Cloud) -> None:
    answer = requests.post(f"{real.api_url}/webhooks/shopify/nobody", data=b"{}", timeout=20)

    assert answer.status_code == 404
    assert real.queues_idle()
