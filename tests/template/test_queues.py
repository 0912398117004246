"""No message is lost, none is read by a stranger, none waits unnoticed."""

from __future__ import annotations

import pytest

from tests.template.reading import FUNCTIONS, QUEUES, defaults, holds, listed, of_type, resource, sources

DAY = 86_400
AMAZON = "arn:aws:iam::437568002678:root"


def test_there_are_the_seven_queues_and_their_dead_letters() -> None:
    assert set(of_type("AWS::SQS::Queue")) == {*QUEUES, *(f"{queue}DeadLetters" for queue in QUEUES)}


@pytest.mark.parametrize("queue", QUEUES)
def test_a_message_that_keeps_failing_goes_to_the_dead_letters_of_its_own_queue(queue: str) -> None:
    redrive = resource(queue)["RedrivePolicy"]

    assert redrive["deadLetterTargetArn"] == f"{queue}DeadLetters.Arn"
    assert redrive["maxReceiveCount"] >= 5


@pytest.mark.parametrize("queue", QUEUES)
def test_dead_letters_are_kept_ten_days_longer_than_the_queue(queue: str) -> None:
    assert resource(queue)["MessageRetentionPeriod"] == 4 * DAY
    assert resource(f"{queue}DeadLetters")["MessageRetentionPeriod"] == 14 * DAY


@pytest.mark.proves("F116")
@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_encrypted_with_a_key_of_ours(queue: str) -> None:
    key = "AmazonKey.Arn" if queue == "AmazonQueue" else "DataKey.Arn"

    assert resource(queue)["KmsMasterKeyId"] == resource(f"{queue}DeadLetters")["KmsMasterKeyId"] == key


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_message_stays_hidden_six_times_as_long_as_its_function_may_run(function: str) -> None:
    for source in sources(function):
        if source["EventSourceArn"] != "Table.StreamArn":
            queue = resource(source["EventSourceArn"].removesuffix(".Arn"))
            assert queue["VisibilityTimeout"] >= 6 * resource(function)["Timeout"]


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if sources(name)])
def test_one_bad_record_does_not_send_its_neighbours_back(function: str) -> None:
    assert all(source["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for source in sources(function))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_flood_in_a_queue_cannot_take_the_accounts_whole_concurrency(function: str) -> None:
    for source in sources(function):
        if source["EventSourceArn"] != "Table.StreamArn":
            assert 2 <= source["ScalingConfig"]["MaximumConcurrency"] <= 10


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize(
    "suffix, metric",
    [("DeadLetters", "ApproximateNumberOfMessagesVisible"), ("", "ApproximateAgeOfOldestMessage")],
)
def test_operators_hear_of_dead_letters_and_of_messages_that_wait_too_long(
    queue: str, suffix: str, metric: str
) -> None:
    watched = [{"Name": "QueueName", "Value": f"{queue}{suffix}.QueueName"}]

    (alarm,) = [one for one in of_type("AWS::CloudWatch::Alarm").values() if one.get("Dimensions") == watched]
    assert (alarm["MetricName"], alarm["AlarmActions"]) == (metric, ["OperatorsTopic"])
    assert (alarm["Statistic"], alarm["ComparisonOperator"]) == ("Maximum", "GreaterThanThreshold")
    assert alarm["Threshold"] == 0 or suffix == ""


@pytest.mark.proves("F116")
def test_amazon_may_reach_its_queue_and_key_once_it_is_connected() -> None:
    key = resource("AmazonKey", AmazonIsConnected="yes")["KeyPolicy"]["Statement"]
    queue = resource("AmazonQueuePolicy", AmazonIsConnected="yes")

    (to_key,) = [one for one in key if one["Principal"]["AWS"] == AMAZON]
    (to_queue,) = queue["PolicyDocument"]["Statement"]
    assert sorted(to_key["Action"]) == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert queue["Queues"] == ["AmazonQueue"]
    assert to_queue["Principal"] == {"AWS": AMAZON}
    assert sorted(to_queue["Action"]) == ["sqs:GetQueueAttributes", "sqs:SendMessage"]
    assert to_queue["Resource"] == "AmazonQueue.Arn"


@pytest.mark.proves("F116")
def test_until_amazon_is_connected_no_stranger_is_named_anywhere() -> None:
    assert defaults()["AmazonIsConnected"] == "no"
    assert not holds("HasAmazon")
    assert of_type("AWS::SQS::QueuePolicy") == {}
    assert AMAZON not in str(of_type("AWS::KMS::Key"))


@pytest.mark.proves("F116")
@pytest.mark.parametrize("key", ["DataKey", "AmazonKey"])
def test_a_key_names_its_actions_and_turns_every_year(key: str) -> None:
    properties = resource(key, AmazonIsConnected="yes")

    assert properties["EnableKeyRotation"] is True
    for one in properties["KeyPolicy"]["Statement"]:
        assert [action for action in listed(one["Action"]) if "*" in action] == []
        assert one["Principal"] != "*"
        assert one["Principal"].get("AWS") != "*"


def test_aws_services_use_the_key_only_for_this_stack() -> None:
    services = {
        one["Principal"]["Service"]: one["Condition"]
        for one in resource("DataKey")["KeyPolicy"]["Statement"]
        if "Service" in one["Principal"]
    }

    logs = "arn:aws:logs:eu-west-1:111122223333:log-group:/quittance/shop/*"
    assert services == {
        "logs.eu-west-1.amazonaws.com": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs}},
        "cloudwatch.amazonaws.com": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
    }
