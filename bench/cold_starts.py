"""What the cold import of the functions that talk to channels costs, before and with the channel's own code.

The floor is boto3 and the same AWS clients alone; the HTTP library is ours to answer for, and stands above it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench import Figure, Result, imports, machine

RUNS: Final = 21
AT_MOST: Final = 1.6
ENV: Final = {
    "QUITTANCE_STACK": "bench",
    "QUITTANCE_RELEASE": "bench",
    "QUITTANCE_TABLE": "bench",
    "QUITTANCE_RAW_BUCKET": "bench",
    "QUITTANCE_SALT_SECRET": "bench",
}
NOTES: Final = (
    f"Fresh interpreters in turns of shuffled order; ratios are of CPU time in a turn, the median of {RUNS}.",
    (
        "With its channel: the import, and then the client of Shopify with `requests`, which a function loads for the "
        "first order that it reads or sends to."
    ),
    (
        "Layers without bytecode: the import as a layer starts that was built by another Python than the deployed one. "
        "Sources are compiled at each cold start, because Lambda lets nobody write beside them."
    ),
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function, the AWS clients that it makes, and the name under which its handler holds its ports."""

    name: str
    clients: tuple[str, ...]
    wired: str


FUNCTIONS: Final = (
    Function("ingest_returns", ("dynamodb", "secretsmanager", "s3"), "ingest"),
    Function("execute_refund", ("dynamodb", "secretsmanager"), "execute"),
)


def run() -> Result:
    with tempfile.TemporaryDirectory() as folder:
        figures = [figure for one in FUNCTIONS for figure in _figures(one, Path(folder) / one.name)]
    return Result(
        name="cold_starts",
        title="Cold imports of the functions that talk to channels",
        figures=tuple(figures),
        notes=NOTES,
        machine=machine("boto3", "botocore", "requests", "aws-lambda-powertools"),
    )


def _figures(function: Function, folder: Path) -> list[Figure]:
    handler = imports.handler(function.name, ENV)
    costs = imports.compare(
        {
            "floor": imports.clients(*function.clients),
            "handler": handler,
            "channel": replace(handler, text=f"import handler\nhandler.{function.wired}.ports.channel('shopify')"),
            "sources": imports.without_bytecode(handler, folder),
        },
        runs=RUNS,
    )
    ratios = {name: imports.ratio(cost, costs["floor"]) for name, cost in costs.items()}
    floor = f"{function.name}: floor (boto3 and the clients of {', '.join(function.clients)})"
    return [
        Figure(floor, costs["floor"].wall, "ms"),
        Figure(f"{function.name}: handler", costs["handler"].wall, "ms"),
        *_ratio(f"{function.name}: handler / floor", ratios["handler"], AT_MOST),
        *_ratio(f"{function.name}: handler with its channel / floor", ratios["channel"], AT_MOST),
        Figure(f"{function.name}: handler, layers without bytecode / floor", ratios["sources"].median, "x"),
    ]


def _ratio(what: str, found: imports.Ratio, at_most: float) -> list[Figure]:
    return [
        Figure(what, found.median, "x", at_most=at_most),
        Figure(f"{what}, lower quartile", found.low, "x"),
        Figure(f"{what}, upper quartile", found.high, "x"),
    ]
