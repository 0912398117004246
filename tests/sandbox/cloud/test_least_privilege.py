"""Every function is asked to do everything, under its own role: what its work does not need must be denied."""

from __future__ import annotations

from typing import Any, Final

import pytest

from sandbox.cloud import QUEUES, Cloud

Call = tuple[str, str, dict[str, Any]]

DENIED: Final = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}
READ_AND_COMMIT: Final = {"get item", "get items", "query table", "update item", "commit"}
CREDENTIALS: Final = {"read shopify credentials", "read amazon credentials"}

MAY: Final[dict[str, set[str]]] = {
    "ReceiveWebhookFunction": {"read signing secret", "put incoming", "send Inbox"},
    "IngestReturnsFunction": READ_AND_COMMIT
    | CREDENTIALS
    | {"get incoming", "get archive", "put archive", "read salt"}
    | {"receive Inbox", "receive Bulk", "receive Amazon"},
    "PollChannelsFunction": READ_AND_COMMIT | CREDENTIALS | {"query desk", "send Bulk", "receive Poll"},
    "ExecuteRefundFunction": READ_AND_COMMIT | CREDENTIALS | {"receive Urgent", "receive Refund"},
    "WatchdogTickFunction": {"query due", "get item", "update item"}
    | {f"send {queue}" for queue in ("Due", "Inbox", "Poll", "Refund", "Urgent")},
    "WatchdogFireFunction": READ_AND_COMMIT | {"receive Due"},
    "PublishEventsFunction": {"put event", "tell operators", "tell desk", "send Urgent", "send Refund"},
    "DeskFunction": READ_AND_COMMIT | {"query desk", "read preview key"},
}


@pytest.fixture(scope="module")
def calls(cloud: Cloud) -> dict[str, Call]:
    """Give each act a name; what is read must be there, or its absence would look like a denial."""
    for name in ("inbound/shopify/maison-lumiere", "shopify/maison-lumiere", "amazon/maison-lumiere"):
        cloud.put_secret(name, {"example": "of a test"})
    for key in ("incoming/one", "archive/one"):
        cloud.client("s3").put_object(Bucket=cloud.raw_bucket, Key=key, Body=b"{}")
    return {**_secrets(), **_table(cloud), **_objects(cloud), **_messages(cloud)}


@pytest.mark.proves("F116")
@pytest.mark.parametrize("function", MAY)
def test_a_function_can_do_its_work_and_nothing_besides(function: str, cloud: Cloud, calls: dict[str, Call]) -> None:
    outcomes = cloud.invoke(function, {"calls": calls})["outcomes"]

    assert {name: code for name, code in outcomes.items() if code not in DENIED | {"ok"}} == {}
    assert {name for name, code in outcomes.items() if code == "ok"} == MAY[function]


@pytest.mark.proves("F116")
def test_the_grants_of_one_store_do_not_reach_another_stacks_secrets(cloud: Cloud) -> None:
    cloud.client("secretsmanager").create_secret(Name="quittance/other/shopify/maison-lumiere", SecretString="{}")
    calls = {"read": ("secretsmanager", "get_secret_value", {"SecretId": "quittance/other/shopify/maison-lumiere"})}

    assert cloud.invoke("IngestReturnsFunction", {"calls": calls})["outcomes"]["read"] in DENIED


def _secrets() -> dict[str, Call]:
    names = {
        "read signing secret": "inbound/shopify/maison-lumiere",
        "read shopify credentials": "shopify/maison-lumiere",
        "read amazon credentials": "amazon/maison-lumiere",
        "read preview key": "preview",
        "read salt": "customer-salt",
    }
    read = {
        name: ("secretsmanager", "get_secret_value", {"SecretId": f"quittance/sandbox/{secret}"})
        for name, secret in names.items()
    }
    written = {"SecretId": "quittance/sandbox/shopify/maison-lumiere", "SecretString": "{}"}
    return {**read, "write credentials": ("secretsmanager", "put_secret_value", written)}


def _table(cloud: Cloud) -> dict[str, Call]:
    named = {"TableName": cloud.table}
    key = {"pk": {"S": "PROBE"}, "sk": {"S": "PROBE"}}
    request = {**named, "Key": key}
    checked = {"ConditionCheck": {**request, "ConditionExpression": "attribute_not_exists(never)"}}
    written = {"Update": {**named, "Key": {**key, "sk": {"S": "OTHER"}}, **_adding_one()}}
    delete = {"DeleteRequest": {"Key": key}}
    return {
        "get item": ("dynamodb", "get_item", request),
        "get items": ("dynamodb", "batch_get_item", {"RequestItems": {cloud.table: {"Keys": [key]}}}),
        "query table": ("dynamodb", "query", {**named, **_equals("pk")}),
        "query due": ("dynamodb", "query", {**named, "IndexName": "due", **_equals("due_pk")}),
        "query desk": ("dynamodb", "query", {**named, "IndexName": "desk", **_equals("desk_pk")}),
        "replace item": ("dynamodb", "put_item", {**named, "Item": key}),
        "update item": ("dynamodb", "update_item", request),
        "commit": ("dynamodb", "transact_write_items", {"TransactItems": [checked, written]}),
        "delete item": ("dynamodb", "delete_item", request),
        "delete in a commit": ("dynamodb", "transact_write_items", {"TransactItems": [{"Delete": request}]}),
        "delete in a batch": ("dynamodb", "batch_write_item", {"RequestItems": {cloud.table: [delete]}}),
        "scan": ("dynamodb", "scan", named),
        "drop the table": ("dynamodb", "delete_table", named),
    }


def _adding_one() -> dict[str, Any]:
    return {"UpdateExpression": "ADD seen :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}


def _equals(attribute: str) -> dict[str, Any]:
    return {"KeyConditionExpression": f"{attribute} = :it", "ExpressionAttributeValues": {":it": {"S": "PROBE"}}}


def _objects(cloud: Cloud) -> dict[str, Call]:
    named = {"Bucket": cloud.raw_bucket}
    return {
        "put incoming": ("s3", "put_object", {**named, "Key": "incoming/one", "Body": "{}"}),
        "get incoming": ("s3", "get_object", {**named, "Key": "incoming/one"}),
        "put archive": ("s3", "put_object", {**named, "Key": "archive/one", "Body": "{}"}),
        "get archive": ("s3", "get_object", {**named, "Key": "archive/one"}),
        "put elsewhere": ("s3", "put_object", {**named, "Key": "elsewhere", "Body": "{}"}),
        "delete from the archive": ("s3", "delete_object", {**named, "Key": "archive/one"}),
    }


def _messages(cloud: Cloud) -> dict[str, Call]:
    event = {
        "Source": "quittance",
        "DetailType": "Probe",
        "Detail": "{}",
        "EventBusName": cloud.outputs["EventBusName"],
    }
    sent: dict[str, Call] = {
        f"send {queue}": ("sqs", "send_message", {"QueueUrl": cloud.queue_url(queue), "MessageBody": "{}"})
        for queue in QUEUES
    }
    received: dict[str, Call] = {
        f"receive {queue}": ("sqs", "receive_message", {"QueueUrl": cloud.queue_url(queue)}) for queue in QUEUES
    }
    letters = cloud.queue_url("InboxQueueDeadLetters")
    return {
        **sent,
        **received,
        "read dead letters": ("sqs", "receive_message", {"QueueUrl": letters}),
        "put event": ("events", "put_events", {"Entries": [event]}),
        "tell operators": ("sns", "publish", {"TopicArn": cloud.outputs["OperatorsTopicArn"], "Message": "probe"}),
        "tell desk": ("sns", "publish", {"TopicArn": cloud.outputs["DeskTopicArn"], "Message": "probe"}),
        "call another function": ("lambda", "invoke", {"FunctionName": cloud.resource("DeskFunction")}),
        "decrypt directly": ("kms", "encrypt", {"KeyId": cloud.outputs["DataKeyArn"], "Plaintext": "probe"}),
    }
