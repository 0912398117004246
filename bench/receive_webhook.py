"""What taking in one webhook of 10 KB costs in process, and what the cold import of its handler costs.

The network is cut where botocore would send: serialising, signing and parsing a call are in the figure.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import importlib.util
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from bench import ROOT, Figure, Result, imports, machine, percentile

RUNS: Final = 7
CALLS: Final = 1500
WARM_UP: Final = 200
SIZE: Final = 10_240
SECRET: Final = "shpss_0123456789abcdef"  # noqa: S105  # of nobody's shop
ENV: Final = {
    "QUITTANCE_STACK": "bench",
    "QUITTANCE_RELEASE": "bench",
    "QUITTANCE_INBOX_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/inbox",
    "QUITTANCE_RAW_BUCKET": "bench",
}

NOTES: Final = (
    f"Calls: the real handler, {RUNS} runs of {CALLS} after {WARM_UP} unmeasured; a percentile is the runs' median.",
    (
        "Both AWS clients are real and answered by a botocore `before-send` hook: serialising, signing and parsing are "
        "in the figure, network time is not. Log lines go to the null device."
    ),
    (
        "Imports: fresh interpreters in turns of shuffled order, bytecode written before. Ratios are of CPU time in a "
        "turn, the median of 41; a difference that is smaller than the distance of the quartiles is no finding."
    ),
    (
        "Layers without bytecode: the import as a layer starts that was built by another Python than the deployed one. "
        "Sources are compiled at each cold start, because Lambda lets nobody write beside them."
    ),
)

Handler = Callable[[dict[str, Any], None], dict[str, Any]]
Runs = list[list[float]]


def run() -> Result:
    body = json.dumps({"id": 1, "note": "x" * (SIZE - 21)}).encode()
    with _loaded() as module:
        walls, cpus = _runs(module.handler, _event(body))
        own = replace(module.reception, queue=_Queue())
        _, own_cpus = _runs(lambda event, _: own.receive(event), _event(body))
    floor = imports.clients("sqs", "secretsmanager")
    handler = imports.handler("receive_webhook", ENV)
    with tempfile.TemporaryDirectory() as folder:
        sources = imports.without_bytecode(handler, Path(folder))
        costs = imports.compare({"floor": floor, "handler": handler, "sources": sources})
    ours = imports.ratio(costs["handler"], costs["floor"])
    uncompiled = imports.ratio(costs["sources"], costs["floor"])
    return Result(
        name="receive_webhook",
        title="receive_webhook: one webhook of 10 KB, and a cold import",
        figures=(
            Figure("verify and enqueue, p50", _over(walls, 0.5), "ms"),
            Figure("verify and enqueue, p99", _over(walls, 0.99), "ms", at_most=2),
            Figure("verify and enqueue, CPU p50", _over(cpus, 0.5), "ms"),
            Figure("verify and enqueue, CPU p99", _over(cpus, 0.99), "ms", at_most=2),
            Figure("of which not the SDK's, CPU p50", _over(own_cpus, 0.5), "ms"),
            Figure("of which not the SDK's, CPU p99", _over(own_cpus, 0.99), "ms"),
            Figure("import: floor (boto3, SQS and Secrets Manager clients)", costs["floor"].wall, "ms"),
            Figure("import: handler", costs["handler"].wall, "ms"),
            Figure("import: handler / floor", ours.median, "x", at_most=1.15),
            Figure("import: handler / floor, lower quartile", ours.low, "x"),
            Figure("import: handler / floor, upper quartile", ours.high, "x"),
            Figure("import: handler, layers without bytecode / floor", uncompiled.median, "x"),
            Figure("import: the same, lower quartile", uncompiled.low, "x"),
            Figure("import: the same, upper quartile", uncompiled.high, "x"),
        ),
        notes=NOTES,
        machine=machine("boto3", "botocore", "aws-lambda-powertools"),
    )


class _Queue:
    """A client that answers at once: what remains is the handler's own work."""

    def send_message(self, **_: str) -> None:
        return


def _runs(handler: Handler, event: dict[str, Any]) -> tuple[Runs, Runs]:
    walls: Runs = []
    cpus: Runs = []
    with Path(os.devnull).open("w", encoding="utf-8") as null, contextlib.redirect_stdout(null):
        _timed(handler, event, WARM_UP)
        for _ in range(RUNS):
            wall, cpu = _timed(handler, event, CALLS)
            walls.append(sorted(wall))
            cpus.append(sorted(cpu))
    return walls, cpus


def _timed(handler: Handler, event: dict[str, Any], calls: int) -> tuple[list[float], list[float]]:
    walls, cpus = [], []
    for _ in range(calls):
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        answer = handler(event, None)
        cpus.append((time.thread_time_ns() - cpu) / 1e6)
        walls.append((time.perf_counter_ns() - wall) / 1e6)
        if answer["statusCode"] != 200:  # noqa: PLR2004  # what is measured is an accepted webhook
            raise RuntimeError(f"the handler answered {answer}")
    return walls, cpus


def _over(runs: Runs, share: float) -> float:
    return statistics.median(percentile(ordered, share) for ordered in runs)


def _event(body: bytes) -> dict[str, Any]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
    return {
        "version": "2.0",
        "routeKey": "POST /webhooks/{channel}/{store}",
        "pathParameters": {"channel": "shopify", "store": "maison-lumiere"},
        "headers": {
            "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
            "x-shopify-topic": "returns/request",
            "x-shopify-shop-domain": "maison-lumiere.myshopify.com",
            "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
            "x-shopify-event-id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
            "x-shopify-triggered-at": "2026-11-21T11:59:58.123456789Z",
            "x-shopify-api-version": "2026-10",
        },
        "isBase64Encoded": True,
        "body": base64.b64encode(body).decode(),
    }


@contextlib.contextmanager
def _loaded() -> Iterator[ModuleType]:
    file = ROOT / "functions" / "receive_webhook" / "handler.py"
    with patch.dict(os.environ, {**imports.AWS, **ENV}):
        module = _module(file)
        _cut_network(module.reception.queue, _queue_answer)
        _cut_network(module.reception.secrets.client, _secret_answer)
        yield module


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("measured_handler", file)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(file)
    module = importlib.util.module_from_spec(spec)
    # dataclasses look the module up while its classes are made
    with patch.dict("sys.modules", {"measured_handler": module}):
        spec.loader.exec_module(module)
    return module


class _Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def _cut_network(client: Any, answer: Callable[[Any], dict[str, Any]]) -> None:
    def respond(request: Any, **_: Any) -> AWSResponse:
        content = json.dumps(answer(request)).encode()
        headers = HTTPHeaders()
        headers["content-type"] = "application/x-amz-json-1.0"
        return AWSResponse(request.url, 200, headers, _Raw(content))

    client.meta.events.register("before-send.*.*", respond)


def _queue_answer(request: Any) -> dict[str, Any]:
    text = json.loads(request.body)["MessageBody"]
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return {"MessageId": "00000000-0000-0000-0000-000000000000", "MD5OfMessageBody": digest}


def _secret_answer(_: Any) -> dict[str, Any]:
    return {"Name": "inbound", "SecretString": json.dumps({"secrets": [SECRET]})}
