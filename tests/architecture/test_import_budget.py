"""What each function may load before its first event: the budget of a cold start, stated as tables.

Every handler is imported in an interpreter of its own. The tables are exact: what is new has to be written down here.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.first_use import FIRST_USE
from tests.template.reading import FUNCTIONS, resource

ROOT: Final = Path(__file__).parents[2]

# What boto3 loads by itself, by top-level name; a second copy of it in the layer changes nothing here.
OF_THE_SDK: Final = frozenset("boto3 botocore s3transfer jmespath dateutil six urllib3 certifi".split())
# Powertools' Logger and Metrics, and what they need.
OF_THE_LOGGER: Final = frozenset({"aws_lambda_powertools", "typing_extensions"})
LOADED_BY_POWERTOOLS: Final = frozenset({"logging", "metrics", "tracing", "utilities", "shared"})

# Modules of the standard library that cost milliseconds and that nobody needs for a first event.
HEAVY_STANDARD: Final = frozenset(
    "asyncio ctypes difflib doctest http.server pydoc sqlite3 tomllib unittest xml.dom".split()
)

# Network code of channels, and what it brings.
NETWORK: Final = frozenset(
    (
        "requests charset_normalizer idna quittance.channels.shopify.adapter quittance.channels.shopify.client"
        " quittance.channels.shopify.wire quittance.channels.shopify.tokens"
    ).split()
)

# What strangers knock at writes its lines itself; every other function does so by Powertools.
DOOR: Final = "ReceiveWebhookFunction"
BEHIND_THE_DOOR: Final = [function for function in FUNCTIONS if function != DOOR]
RECEIVE_WEBHOOK: Final = frozenset(
    (
        "channels channels.inbound domain domain.errors domain.instant runtime runtime.aws runtime.clock"
        " runtime.door_lines runtime.permitted runtime.secrets runtime.settings"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Budget:
    """What one function may load at import: its AWS clients, and modules of `quittance.channels`.

    `network` tells that its first event may load the network code of a channel.
    """

    clients: frozenset[str]
    channels: frozenset[str] = frozenset({"registry"})
    network: bool = False


def _budget(clients: str, channels: str = "registry", *, network: bool = False) -> Budget:
    return Budget(frozenset(clients.split()), frozenset(channels.split()), network)


BUDGETS: Final = {
    "ReceiveWebhookFunction": _budget("secretsmanager sqs", "inbound"),
    "IngestReturnsFunction": _budget(
        "dynamodb s3 secretsmanager", "registry warehouse warehouse.receipts", network=True
    ),
    "PollChannelsFunction": _budget("dynamodb secretsmanager sqs", network=True),
    "ExecuteRefundFunction": _budget("dynamodb secretsmanager", network=True),
    "WatchdogTickFunction": _budget("dynamodb sqs"),
    "WatchdogFireFunction": _budget("dynamodb"),
    "PublishEventsFunction": _budget("events sns sqs"),
    "DeskFunction": _budget("dynamodb secretsmanager"),
}

PROGRAM: Final = """
import json, sys
sys.path[:0] = {paths!r}
import boto3
made, real = [], boto3.client
boto3.client = lambda service, **how: made.append(service) or real(service, **how)
import handler
imported = sorted(sys.modules)
{first_use}
print(json.dumps({{"imported": imported, "used": sorted(sys.modules), "clients": sorted(set(made))}}))
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What an interpreter held after the import of a handler, and after its first use."""

    imported: frozenset[str]
    used: frozenset[str]
    clients: frozenset[str]


def test_every_function_of_the_template_has_a_budget() -> None:
    assert list(BUDGETS) == list(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_loads_the_sdk_and_the_logger_and_no_other_library(function: str) -> None:
    tops = {name.partition(".")[0] for name in loaded(function).imported}
    libraries = {name for name in tops if name not in sys.stdlib_module_names and not _is_of_the_interpreter(name)}

    assert libraries - OF_THE_SDK - {"quittance", "handler"} == (set() if function == DOOR else OF_THE_LOGGER)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_loads_no_heavy_module_of_the_standard_library(function: str) -> None:
    assert loaded(function).imported & HEAVY_STANDARD == set()


@pytest.mark.parametrize("function", BEHIND_THE_DOOR)
def test_of_powertools_only_what_its_logger_and_metrics_need_is_loaded(function: str) -> None:
    names = {name for name in loaded(function).imported if name.startswith("aws_lambda_powertools.")}

    assert {name.split(".")[1] for name in names} - {"exceptions", "package_logger", "warnings"} == LOADED_BY_POWERTOOLS
    assert {name for name in names if name.startswith("aws_lambda_powertools.utilities.")} == {
        "aws_lambda_powertools.utilities.jmespath_utils"
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_makes_the_aws_clients_of_its_budget_and_no_more(function: str) -> None:
    assert loaded(function).clients == BUDGETS[function].clients


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_import_loads_of_the_channels_what_the_budget_names(function: str) -> None:
    channels = {name.removeprefix("quittance.channels.") for name in _within(loaded(function).imported, "channels")}

    assert channels == BUDGETS[function].channels
    assert loaded(function).imported & NETWORK == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_a_function_that_talks_to_channels_ever_loads_network_code(function: str) -> None:
    """The watchdog, the desk and the publisher know what a channel would be told, and not how to reach it."""
    network = loaded(function).used & NETWORK

    assert network == (NETWORK if BUDGETS[function].network else set())


def test_the_webhook_function_loads_of_quittance_what_checks_and_queues_and_nothing_else() -> None:
    names = {name for name in loaded(DOOR).imported if name.startswith("quittance.")}

    assert {name.removeprefix("quittance.") for name in names} == RECEIVE_WEBHOOK


@functools.cache
def loaded(function: str) -> Loaded:
    """Import the handler of a function with its settings, in an interpreter that has seen nothing else."""
    properties = resource(function)
    folder = ROOT / properties["Code"]["S3Key"].removesuffix(".zip")
    program = PROGRAM.format(paths=[str(folder), str(ROOT / "layers" / "core")], first_use=FIRST_USE.get(function, ""))
    done = subprocess.run(
        [sys.executable, "-c", program], env=_environment(properties), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    return Loaded(frozenset(told["imported"]), frozenset(told["used"]), frozenset(told["clients"]))


def _environment(properties: dict[str, Any]) -> dict[str, str]:
    told = {name: str(value) for name, value in properties["Environment"]["Variables"].items()}
    urls = {name: f"https://sqs.eu-west-1.amazonaws.com/1/{told[name]}" for name in told if name.endswith("_QUEUE_URL")}
    return {**told, **urls, "AWS_DEFAULT_REGION": "eu-west-1"}


def _within(names: frozenset[str], room: str) -> set[str]:
    return {name for name in names if name.startswith(f"quittance.{room}.")}


def _is_of_the_interpreter(name: str) -> bool:
    """Tell what an installation adds on its own: its build settings and how it starts processes."""
    return name.startswith(("_sysconfigdata", "__")) or name == "_virtualenv"
