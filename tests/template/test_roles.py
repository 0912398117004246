"""Each function may do what its work needs, to the resources it needs, and nothing besides."""

from __future__ import annotations

from typing import Final

import pytest

from tests.template.reading import FUNCTIONS, QUEUES, SECRETS, allowed, holders, of_type, resource, sources, statements

ENGINE: Final = {"IngestReturnsFunction", "PollChannelsFunction", "ExecuteRefundFunction"}
WRITERS: Final = ENGINE | {"WatchdogFireFunction", "DeskFunction"}
TICK: Final = {"WatchdogTickFunction"}
PUBLISHER: Final = {"PublishEventsFunction"}

HOLDERS: Final = {
    ("secretsmanager:GetSecretValue", f"{SECRETS}inbound/*"): {"ReceiveWebhookFunction"},
    ("secretsmanager:GetSecretValue", f"{SECRETS}shopify/*"): ENGINE,
    ("secretsmanager:GetSecretValue", f"{SECRETS}amazon/*"): ENGINE,
    ("secretsmanager:GetSecretValue", "PreviewSecret.Id"): {"DeskFunction"},
    ("secretsmanager:GetSecretValue", "CustomerSaltSecret.Id"): {"IngestReturnsFunction"},
    ("dynamodb:PutItem", "Table.Arn"): set(),  # a put replaces what is there; the engine writes by update alone
    ("dynamodb:ConditionCheckItem", "Table.Arn"): WRITERS,
    ("dynamodb:UpdateItem", "Table.Arn"): WRITERS | TICK,
    ("dynamodb:GetItem", "Table.Arn"): WRITERS | TICK,
    ("dynamodb:Query", "Table.Arn"): WRITERS,
    ("dynamodb:BatchGetItem", "Table.Arn"): WRITERS,
    ("dynamodb:Query", "Table.Arn/index/due"): TICK,
    ("dynamodb:Query", "Table.Arn/index/desk"): {"DeskFunction", "PollChannelsFunction"},
    ("dynamodb:GetRecords", "Table.StreamArn"): PUBLISHER,
    ("s3:PutObject", "RawBucket.Arn/incoming/*"): {"ReceiveWebhookFunction"},
    ("s3:GetObject", "RawBucket.Arn/incoming/*"): {"IngestReturnsFunction"},
    ("s3:PutObject", "RawBucket.Arn/archive/*"): {"IngestReturnsFunction"},
    ("s3:GetObject", "RawBucket.Arn/archive/*"): {"IngestReturnsFunction"},
    ("s3:PutObject", "RawBucket.Arn/aws/lambda/*"): PUBLISHER,
    ("events:PutEvents", "EventBus.Arn"): PUBLISHER,
    ("sns:Publish", "OperatorsTopic"): PUBLISHER,
    ("sns:Publish", "DeskTopic"): PUBLISHER,
}
# Checked by the tests of queues, logs and keys below, pair by pair.
ELSEWHERE: Final = ("sqs:", "logs:", "kms:")
PREFIXES: Final = (SECRETS, "RawBucket.Arn/")


@pytest.mark.proves("F116")
@pytest.mark.parametrize("action, target", HOLDERS)
def test_only_the_functions_that_need_it_may(action: str, target: str) -> None:
    assert holders(action, target) == HOLDERS[action, target]


@pytest.mark.proves("F116")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_nothing_that_the_list_of_holders_does_not_know(function: str) -> None:
    beside = {"dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:ListStreams", "s3:ListBucket"}

    unknown = {
        (action, target)
        for action, target in allowed(function)
        if not action.startswith(ELSEWHERE) and (action, target) not in HOLDERS and action not in beside
    }

    assert unknown == set()


def test_each_function_has_a_role_of_its_own() -> None:
    roles = [resource(function)["Role"] for function in FUNCTIONS]

    assert len(set(roles)) == len(FUNCTIONS) == len(of_type("AWS::Lambda::Function"))
    assert {role.removesuffix(".Arn") for role in roles} == set(of_type("AWS::IAM::Role"))


@pytest.mark.parametrize("role", sorted(of_type("AWS::IAM::Role")))
def test_a_role_is_for_lambda_alone_and_is_written_out_in_full(role: str) -> None:
    properties = resource(role)

    (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust == {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    assert "ManagedPolicyArns" not in properties


@pytest.mark.proves("F116")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_action_of_a_role_is_a_pattern(function: str) -> None:
    assert [action for one in statements(function) for action in one["Action"] if "*" in action] == []


@pytest.mark.proves("F116")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_star_in_a_resource_stands_only_behind_a_prefix_of_ours(function: str) -> None:
    patterns = {target for one in statements(function) for target in one["Resource"] if "*" in target}

    assert {
        target for target in patterns if not (target.startswith(PREFIXES) and target.index("*") == len(target) - 1)
    } == set()


@pytest.mark.parametrize("function", sorted(WRITERS | TICK | PUBLISHER))
def test_whoever_knows_the_table_is_forbidden_to_delete_from_it(function: str) -> None:
    denied = [one for one in statements(function) if one["Effect"] == "Deny"]

    assert [one["Resource"] for one in denied] == [["Table.Arn"]]
    assert set(denied[0]["Action"]) == {"dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PartiQLDelete"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_sends_to_the_queues_whose_addresses_it_has(function: str) -> None:
    names = resource(function)["Environment"]["Variables"]
    addressed = {value for name, value in names.items() if name.endswith("_QUEUE_URL")}

    assert {target for action, target in allowed(function) if action == "sqs:SendMessage"} == {
        f"{queue}.Arn" for queue in addressed
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_takes_from_the_queues_that_feed_it(function: str) -> None:
    feeding = {one["EventSourceArn"] for one in sources(function)} - {"Table.StreamArn"}

    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage"):
        assert {target for taken, target in allowed(function) if taken == action} == feeding


def test_every_queue_is_worked_on_by_one_function() -> None:
    workers = [source["EventSourceArn"] for function in FUNCTIONS for source in sources(function)]

    assert sorted(workers) == sorted([*(f"{queue}.Arn" for queue in QUEUES), "Table.StreamArn"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_writes_to_its_own_logs_alone(function: str) -> None:
    group = resource(function)["LoggingConfig"]["LogGroup"]

    assert {pair for pair in allowed(function) if pair[0].startswith("logs:")} == {
        ("logs:CreateLogStream", f"{group}.Arn"),
        ("logs:PutLogEvents", f"{group}.Arn"),
    }


@pytest.mark.proves("F116")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_uses_a_key_only_through_the_services_that_it_calls(function: str) -> None:
    keyed = [one for one in statements(function) if any(action.startswith("kms:") for action in one["Action"])]
    called = {action.partition(":")[0] for action, _ in allowed(function)} - {"kms", "logs", "events"}

    through = {name for one in keyed for name in one["Condition"]["StringEquals"]["kms:ViaService"]}
    assert through == {f"{service}.eu-west-1.amazonaws.com" for service in called}
    assert {target for one in keyed for target in one["Resource"]} - {"AmazonKey.Arn"} == {"DataKey.Arn"}


def test_only_who_reads_amazons_queue_may_use_its_key() -> None:
    assert holders("kms:Decrypt", "AmazonKey.Arn") == {"IngestReturnsFunction"}


@pytest.mark.parametrize("topic", ["OperatorsTopic", "DeskTopic"])
def test_a_topic_is_published_to_by_one_function_and_operators_hear_alarms_of_this_account(topic: str) -> None:
    policy = resource(f"{topic}Policy")

    publisher, *services = policy["PolicyDocument"]["Statement"]
    assert policy["Topics"] == [topic] == [publisher["Resource"]]
    assert publisher["Principal"] == {"AWS": "PublishEventsRole.Arn"}
    assert [(one["Principal"], one["Condition"]) for one in services] == [
        ({"Service": "cloudwatch.amazonaws.com"}, {"StringEquals": {"aws:SourceAccount": "111122223333"}})
    ] * (topic == "OperatorsTopic")
