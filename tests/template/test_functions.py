"""Each function is told what it needs, runs as long as its caller waits, and is heard when it stops."""

from __future__ import annotations

import ast
import json
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest

from quittance.runtime import settings
from sandbox.translate import ROOT, TEMPLATE
from tests.template.reading import FUNCTIONS, defaults, of_type, resource, sources

NEEDS: Final[dict[str, Any]] = {name: getattr(settings, name.removesuffix("Function")) for name in FUNCTIONS}
API_WAITS: Final = 30


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_on_the_python_and_processor_that_the_layers_are_built_for(function: str) -> None:
    properties = resource(function)

    assert (properties["Runtime"], properties["Architectures"]) == ("python3.13", ["arm64"])
    assert [name.rstrip("0123456789abcdef") for name in properties["Layers"]] == ["CoreLayer", "DependenciesLayer"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_handler_that_the_template_names_is_there(function: str) -> None:
    properties = resource(function)
    folder = ROOT / properties["Code"]["S3Key"].removesuffix(".zip")
    module, _, name = properties["Handler"].partition(".")

    tree = ast.parse((folder / f"{module}.py").read_text("utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_told_exactly_what_its_settings_ask_for(function: str) -> None:
    told = set(resource(function, Sandbox="1", SandboxEndpoints="{}")["Environment"]["Variables"])
    asked = {
        f"QUITTANCE_{field.name.upper()}"
        for need in (NEEDS[function], settings.Deployment)
        for field in fields(need)
        if field.name != "deployment"
    }
    # Only who calls a channel needs to know where its simulator is.
    optional = {"QUITTANCE_SANDBOX_ENDPOINTS"}

    assert {name for name in told if name.startswith("QUITTANCE_")} - optional == asked - optional


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_settings_of_a_function_can_be_read_from_what_it_is_told(function: str) -> None:
    told = resource(function)["Environment"]["Variables"]
    urls = {name: f"https://sqs.eu-west-1.amazonaws.com/1/{told[name]}" for name in told if name.endswith("_QUEUE_URL")}

    read = settings.load(NEEDS[function], {name: str(value) for name, value in {**told, **urls}.items()})

    assert read.deployment.stack == "shop"
    assert read.deployment.sandbox is False
    assert read.deployment.sandbox_endpoints == {}


@pytest.mark.proves("F116")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_secret_is_in_the_environment_of_a_function(function: str) -> None:
    variables = resource(function)["Environment"]["Variables"]

    assert "resolve:secretsmanager" not in TEMPLATE.read_text("utf-8")
    assert {name: value for name, value in variables.items() if "SECRET" in name} == {
        name: f"quittance/shop/{value}"
        for name, value in {"QUITTANCE_PREVIEW_SECRET": "preview", "QUITTANCE_SALT_SECRET": "customer-salt"}.items()
        if name in variables
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_a_log_group_of_its_own_that_forgets_and_is_encrypted(function: str) -> None:
    group = resource(resource(function)["LoggingConfig"]["LogGroup"])

    assert group["LogGroupName"].startswith("/quittance/shop/")
    assert group["RetentionInDays"] == 30
    assert group["KmsKeyId"] == "DataKey.Arn"
    assert len({resource(one)["LoggingConfig"]["LogGroup"] for one in FUNCTIONS}) == len(FUNCTIONS)


def test_receive_webhook_gives_up_before_the_api_does() -> None:
    assert resource("ReceiveWebhookFunction")["Timeout"] <= API_WAITS / 2


def test_a_claimed_intent_belongs_to_one_run_until_that_run_has_surely_ended() -> None:
    told = resource("ExecuteRefundFunction")["Environment"]["Variables"]

    assert told["QUITTANCE_LEASE_SECONDS"] >= resource("ExecuteRefundFunction")["Timeout"] + 3


def test_a_tick_that_failed_is_not_tried_again_since_the_next_one_comes_within_the_minute() -> None:
    (invocation,) = of_type("AWS::Lambda::EventInvokeConfig").values()
    (rule,) = of_type("AWS::Events::Rule").values()
    again = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}

    assert invocation["FunctionName"] == "WatchdogTickFunction"
    assert {name: invocation[name] for name in again} == again
    assert [one["RetryPolicy"] for one in rule["Targets"]] == [again]
    assert resource("WatchdogTickFunction")["Timeout"] < 60


def test_the_tick_comes_every_minute_except_in_the_sandbox() -> None:
    ((name, rule),) = of_type("AWS::Events::Rule").items()

    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert [one["Arn"] for one in rule["Targets"]] == ["WatchdogTickFunction.Arn"]
    assert rule["State"] == "ENABLED"
    assert resource(name, Sandbox="1")["State"] == "DISABLED"


def test_a_silent_tick_is_an_alarm() -> None:
    alarm = resource("TickLateAlarm")

    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["Statistic"], alarm["Threshold"], alarm["ComparisonOperator"]) == ("Sum", 1, "LessThanThreshold")
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 300


def test_a_finished_tick_counts_itself_under_the_name_that_the_alarm_watches() -> None:
    watched = resource("TickLateAlarm")
    tick = ROOT / "functions" / "sla_watchdog" / "handler.py"

    assert [one["Name"] for one in watched["Dimensions"]] == ["channel", "outcome"]
    assert (watched["MetricName"], *(one["Value"] for one in watched["Dimensions"])) in _counted(tick)


@pytest.mark.parametrize("alarm, metric", [("ParkedAlarm", "Parked"), ("BooksDifferAlarm", "BooksDiffer")])
def test_what_is_parked_or_differs_is_an_alarm_whichever_channel_and_reason(alarm: str, metric: str) -> None:
    (query,) = resource(alarm)["Metrics"]

    assert query["Expression"] == f'SELECT SUM({metric}) FROM SCHEMA("Quittance", channel, outcome)'  # noqa: S608  # no database
    assert resource(alarm)["Threshold"] == 0
    assert f'count("{metric}", ' in "".join(
        path.read_text("utf-8") for path in (ROOT / "layers" / "core" / "quittance" / "application").glob("*.py")
    )


def test_a_record_of_the_stream_is_tried_alone_then_kept_and_never_too_old() -> None:
    (source,) = sources("PublishEventsFunction")

    assert source["EventSourceArn"] == "Table.StreamArn"
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["BisectBatchOnFunctionError"] is True
    assert source["MaximumRetryAttempts"] == 5
    assert source["MaximumRecordAgeInSeconds"] == -1
    assert source["DestinationConfig"] == {"OnFailure": {"Destination": "RawBucket.Arn"}}


def test_the_stream_gives_new_history_and_intents_that_became_ready() -> None:
    (source,) = sources("PublishEventsFunction")

    assert [json.loads(one["Pattern"]) for one in source["FilterCriteria"]["Filters"]] == [
        {"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "EVENT#"}]}}}},
        {"dynamodb": {"Keys": {"sk": {"S": [{"prefix": "INTENT#"}]}}, "NewImage": {"state": {"S": ["READY"]}}}},
    ]


def test_events_that_leave_late_are_told_to_operators_directly() -> None:
    alarm = resource("StreamLagAlarm")

    assert (alarm["MetricName"], alarm["AlarmActions"]) == ("IteratorAge", ["OperatorsTopic"])
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": "PublishEventsFunction"}]


def test_every_alarm_reaches_the_operators() -> None:
    assert {
        name for name, one in of_type("AWS::CloudWatch::Alarm").items() if one["AlarmActions"] != ["OperatorsTopic"]
    } == set()


@pytest.mark.proves("F119")
@pytest.mark.parametrize("alias", ["viewer", "agent", "approver"])
def test_authority_at_the_desk_is_an_alias_that_never_runs_old_code(alias: str) -> None:
    assert resource(f"Desk{alias.title()}") == {
        "Name": alias,
        "FunctionName": "DeskFunction",
        "FunctionVersion": "$LATEST",
    }


def test_the_api_has_the_two_doors_and_a_limit_on_both() -> None:
    (api,) = of_type("AWS::ApiGatewayV2::Api").values()
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()

    doors = {path: set(methods) for path, methods in api["Body"]["paths"].items()}
    assert doors == {"/webhooks/{channel}/{store}": {"post"}, "/receipts/{store}": {"post"}}
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}


@pytest.mark.proves("F116")
def test_the_access_log_knows_nobody() -> None:
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()

    logged = set(json.loads(stage["AccessLogSettings"]["Format"]).values())
    assert logged == {
        "$context.requestId",
        "$context.requestTime",
        "$context.routeKey",
        "$context.status",
        "$context.responseLatency",
        "$context.responseLength",
        "$context.error.responseType",
    }


def test_two_stacks_of_one_account_can_count_apart() -> None:
    told = resource("DeskFunction", MetricsNamespace="Staging")["Environment"]["Variables"]
    alarm = resource("TickLateAlarm", MetricsNamespace="Staging")

    assert told["POWERTOOLS_METRICS_NAMESPACE"] == "Staging"
    assert alarm["Namespace"] == "Staging"
    assert defaults()["MetricsNamespace"] == "Quittance"


def test_the_dashboard_is_read_as_json_and_shows_every_queue() -> None:
    body = json.loads(resource("OperatorsDashboard")["DashboardBody"])

    shown = json.dumps(body)
    assert all(
        f"{queue}Queue.QueueName" in shown for queue in ("Inbox", "Bulk", "Amazon", "Due", "Poll", "Urgent", "Refund")
    )
    assert "{Quittance,channel,outcome}" in shown


def _counted(handler: Path) -> set[tuple[Any, ...]]:
    """Return name, channel and outcome of each metric that the source counts; what is no constant comes as None."""
    calls = (node for node in ast.walk(ast.parse(handler.read_text("utf-8"))) if isinstance(node, ast.Call))
    return {
        tuple(getattr(call.args[place], "value", None) for place in (0, 2, 3))
        for call in calls
        if ast.unparse(call.func).endswith("metric") and len(call.args) == 4
    }
