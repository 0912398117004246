"""The stream's records go where they belong: events to the bus, alerts to those concerned, ready intents to be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from quittance.domain.intent import Act
from quittance.storage import keys
from tests.functions.stack import Stack, stack
from tests.support.deployed import ACCOUNT_ID, names_of, stream_event, wake

__all__ = ["stack"]  # fixture

DAY = 24 * 3600


@pytest.fixture
def heard(stack: Stack) -> Stack:
    """Everything on the bus and on both topics is heard in one queue each."""
    cloud = stack.cloud
    heard = f"arn:aws:sqs:eu-west-1:{ACCOUNT_ID}:Heard"
    events = cloud.client("events")
    events.put_rule(Name="all", EventBusName="EventBus", EventPattern=json.dumps({"source": ["quittance"]}))
    events.put_targets(Rule="all", EventBusName="EventBus", Targets=[{"Id": "heard", "Arn": heard}])
    for topic in ("OperatorsTopic", "DeskTopic"):
        url = cloud.client("sqs").create_queue(QueueName=topic)["QueueUrl"]
        cloud.physical[f"{topic}Heard"] = url
        cloud.client("sns").subscribe(
            TopicArn=cloud.physical[topic], Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-west-1:{ACCOUNT_ID}:{topic}"
        )
    return stack


def publish(stack: Stack, *images: Any) -> Any:
    return stack.cloud.call("PublishEventsFunction", stream_event(*images))


def test_every_event_of_a_commit_is_put_on_the_bus_under_its_own_id(heard: Stack) -> None:
    case = heard.opened()
    image = heard.cloud.image(keys.event(case, 1))

    assert publish(heard, image) == {"batchItemFailures": []}

    events = [json.loads(body) for body in heard.cloud.messages("Heard")]
    wanted = [name for name, _ in heard.cloud.table.history(case)[0].events]
    assert [event["detail-type"] for event in events] == wanted
    assert {event["source"] for event in events} == {"quittance"}
    assert [event["detail"]["id"] for event in events] == [f"{case}#1#{n}" for n in range(len(wanted))]
    publish(heard, image)
    again = [json.loads(body)["detail"]["id"] for body in heard.cloud.messages("Heard")]
    assert again == [event["detail"]["id"] for event in events]


def test_a_missed_deadline_is_told_to_the_desk_and_to_nobody_else(heard: Stack) -> None:
    case = heard.opened()
    heard.cloud.set_clock(3 * DAY)
    heard.cloud.work("WatchdogFireFunction", wake(keys.case_head(case)))

    publish(heard, heard.cloud.image(keys.event(case, 2)))

    (alert,) = [json.loads(body) for body in heard.cloud.messages("DeskTopicHeard")]
    assert alert["Subject"] == "A deadline was missed (shopify)"
    assert case in alert["Message"]
    assert heard.cloud.messages("OperatorsTopicHeard") == []


def test_money_on_hold_is_told_to_the_operators(heard: Stack) -> None:
    case = heard.refunding()
    _, key = heard.intent(case, Act.REFUND)
    heard.shop.faults.lose_request("returnProcess")
    for seconds in (0, 300, 600, 900):
        heard.cloud.set_clock(seconds)
        heard.cloud.work("ExecuteRefundFunction", wake(key))
    last = heard.case(case).version

    publish(heard, heard.cloud.image(keys.event(case, last)))

    (alert,) = [json.loads(body) for body in heard.cloud.messages("OperatorsTopicHeard")]
    assert alert["Subject"] == "Money or a decision is on hold (shopify)"
    assert heard.cloud.messages("DeskTopicHeard") == []


def test_a_ready_intent_is_sent_to_the_money_queue_and_a_settled_one_is_not(heard: Stack) -> None:
    case = heard.refunding()
    _, refund = heard.intent(case, Act.REFUND)
    _, approval = heard.intent(case, Act.APPROVE_RETURN)

    publish(heard, heard.cloud.image(refund), heard.cloud.image(approval))

    (message,) = heard.cloud.messages("RefundQueue")
    assert json.loads(message)["keys"] == [{"pk": refund.pk, "sk": refund.sk}]
    assert heard.cloud.messages("UrgentQueue") == []


def test_an_intent_of_the_first_lane_goes_to_the_urgent_queue(heard: Stack) -> None:
    case = heard.refunding()
    _, refund = heard.intent(case, Act.REFUND)

    publish(heard, {**heard.cloud.image(refund), "lane": {"N": "0"}})

    assert len(heard.cloud.messages("UrgentQueue")) == 1
    assert heard.cloud.messages("RefundQueue") == []


def test_the_first_record_that_fails_ends_the_batch_and_is_answered(heard: Stack) -> None:
    case = heard.refunding()
    _, refund = heard.intent(case, Act.REFUND)
    history = [heard.cloud.image(keys.event(case, version)) for version in (1, 2)]
    heard.cloud.client("sqs").delete_queue(QueueUrl=heard.cloud.physical["RefundQueue"])

    answer = publish(heard, history[0], heard.cloud.image(refund), history[1])

    assert names_of(answer) == ["2"]
    told = {json.loads(body)["detail"]["version"] for body in heard.cloud.messages("Heard")}
    assert told == {1}, "what comes after the failed record waits for it"
