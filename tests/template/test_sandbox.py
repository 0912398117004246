"""The sandbox's doors are shut everywhere else, and what it changes about the stack is this list and no more."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

import pytest

from sandbox import cloud
from sandbox.translate import REWRITES, TEMPLATE, emulated
from tests.template.reading import FUNCTIONS, broken_rules, defaults, resource, stack

ENDPOINTS: Final = '{"shopify": "http://127.0.0.1:8000"}'


@pytest.mark.parametrize("environment", ["production", "staging"])
@pytest.mark.parametrize("stated", [{"Sandbox": "1"}, {"SandboxEndpoints": ENDPOINTS}])
@pytest.mark.proves("F116")
def test_outside_the_sandbox_cloudformation_refuses(environment: str, stated: dict[str, str]) -> None:
    assert broken_rules(Environment=environment, **stated) != []


def test_simulators_without_the_sandbox_are_refused_even_there() -> None:
    assert broken_rules(Environment="sandbox", SandboxEndpoints=ENDPOINTS) != []


@pytest.mark.parametrize(
    "stated",
    [{}, {"Environment": "staging"}, {"Environment": "sandbox", "Sandbox": "1", "SandboxEndpoints": ENDPOINTS}],
)
def test_a_stack_that_keeps_to_its_environment_is_let_through(stated: dict[str, str]) -> None:
    assert broken_rules(**stated) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_deployed_function_knows_nothing_of_the_sandbox(function: str) -> None:
    assert [name for name in resource(function)["Environment"]["Variables"] if "SANDBOX" in name] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_where_simulators_are_is_told_to_those_alone_who_call_a_channel(function: str) -> None:
    told = resource(function, Sandbox="1", SandboxEndpoints=ENDPOINTS)["Environment"]["Variables"]
    callers = {"IngestReturnsFunction", "PollChannelsFunction", "ExecuteRefundFunction"}

    assert told["QUITTANCE_SANDBOX"] == "1"
    assert told.get("QUITTANCE_SANDBOX_ENDPOINTS") == (ENDPOINTS if function in callers else None)


def test_the_sandbox_states_parameters_that_the_template_has_and_keeps_its_rules() -> None:
    assert set(cloud.PARAMETERS) <= set(defaults())
    assert broken_rules(**cloud.PARAMETERS) == []
    assert int(cloud.PARAMETERS["Lease"]) >= int(cloud.PARAMETERS["RefundTimeout"]) + 3


def test_the_sandbox_changes_the_stack_in_five_ways() -> None:
    assert [name.partition(":")[0] for name in REWRITES] == ["HTTP API", "bucket", "queue sources", "roles", "alarms"]


def test_what_the_sandbox_takes_out_adds_and_alters_is_known_by_name() -> None:
    before, after = _plain(stack())["Resources"], emulated({})["Resources"]

    assert set(before) - set(after) == {"RawBucketPolicy", "ParkedAlarm", "BooksDifferAlarm"}
    assert {name: after[name]["Type"] for name in set(after) - set(before)} == {
        f"Api{kind}{number}": f"AWS::ApiGatewayV2::{kind}" for kind in ("Integration", "Route") for number in (0, 1)
    }
    altered = {name for name in set(before) & set(after) if before[name] != after[name]}
    sources = {name for name in before if before[name]["Type"] == "AWS::Lambda::EventSourceMapping"}
    senders = {name for name, one in before.items() if "sqs:SendMessage'" in str(one) and "Role" in name}
    assert altered == {"Api"} | senders | sources - {"PublishEventsFunctionChanges"}


def test_the_routes_of_the_sandbox_are_those_of_the_api() -> None:
    made = emulated({})["Resources"]

    routes = {one["Properties"]["RouteKey"] for one in made.values() if one["Type"] == "AWS::ApiGatewayV2::Route"}
    assert routes == {"POST /webhooks/{channel}/{store}", "POST /receipts/{store}"}


def test_a_source_keeps_the_concurrency_that_was_stated() -> None:
    made = emulated({"IngestConcurrency": "7"})["Resources"]

    assert made["IngestReturnsFunctionInbox"]["Properties"]["ScalingConfig"] == {"MaximumConcurrency": 7}


def test_every_other_part_of_the_stack_is_the_templates_own() -> None:
    before, after = _plain(stack()), emulated({})

    for part in ("Parameters", "Rules", "Conditions", "Outputs"):
        assert after[part] == before[part]
    assert TEMPLATE.name == "template.yaml"


def _plain(found: Any) -> Any:
    return json.loads(json.dumps(copy.deepcopy(found)))
