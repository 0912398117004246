"""The stack of the template stands on this machine, whole, alone, and gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest
import requests
from botocore.exceptions import ClientError

from sandbox.cloud import Cloud, FunctionFailed
from sandbox.translate import ROOT
from tests.sandbox.cloud.conftest import LEAK

GONE_WITHIN: Final = 10.0


@pytest.mark.parametrize(
    "path, route",
    [
        ("/webhooks/shopify/maison-lumiere", "POST /webhooks/{channel}/{store}"),
        ("/receipts/maison-lumiere", "POST /receipts/{store}"),
    ],
)
def test_a_post_to_the_api_reaches_receive_webhook(path: str, route: str, cloud: Cloud) -> None:
    answer = requests.post(cloud.api_url + path, data=b"{}", timeout=20)

    assert answer.status_code == 200
    assert answer.text.startswith(route)


@pytest.mark.parametrize(
    "queue, function",
    [
        ("Inbox", "IngestReturns"),
        ("Bulk", "IngestReturns"),
        ("Amazon", "IngestReturns"),
        ("Due", "WatchdogFire"),
        ("Poll", "PollChannels"),
        ("Urgent", "ExecuteRefund"),
        ("Refund", "ExecuteRefund"),
    ],
)
def test_a_message_in_a_queue_is_worked_on_by_its_function(queue: str, function: str, cloud: Cloud) -> None:
    cloud.client("sqs").send_message(QueueUrl=cloud.queue_url(queue), MessageBody=f"for {queue}")

    cloud.wait_until_idle()

    assert any(f"for {queue}" in line for line in cloud.logs(function))
    assert cloud.queues_idle()
    assert cloud.dead_letters() == {}


def test_the_stream_gives_history_and_ready_intents_and_keeps_the_rest_to_itself(cloud: Cloud) -> None:
    before = len(_records(cloud))
    for sk, state in (("EVENT#00000001", ""), ("INTENT#1", "READY"), ("INTENT#2", "RESERVED"), ("HEAD", "READY")):
        item = {"pk": {"S": "CASE#1"}, "sk": {"S": sk}, "state": {"S": state}}
        cloud.client("dynamodb").put_item(TableName=cloud.table, Item=item)

    cloud.wait_until_idle()

    assert sum(line.count("', '") + 1 for line in _records(cloud)[before:]) == 2


def test_the_desk_sees_through_which_alias_it_was_called(cloud: Cloud) -> None:
    called = {alias: cloud.invoke(f"Desk{alias.title()}")["arn"] for alias in ("viewer", "agent", "approver")}

    assert called == {alias: f"{cloud.outputs['DeskFunctionArn']}:{alias}" for alias in called}


def test_nothing_of_the_hosts_environment_reaches_a_function(cloud: Cloud) -> None:
    environment = cloud.invoke("DeskFunction")["environment"]

    assert LEAK in os.environ
    assert LEAK not in environment
    assert environment["HOME"] != os.environ.get("HOME")
    assert environment["AWS_ACCESS_KEY_ID"] != os.environ.get("AWS_ACCESS_KEY_ID")
    assert environment["PATH"] == "/usr/bin:/bin"


def test_a_function_finds_the_package_and_its_libraries_in_its_layers(cloud: Cloud) -> None:
    environment = cloud.invoke("ExecuteRefundFunction")["environment"]

    assert len(environment["_LAMBDA_LAYERS_DIRS"].split(os.pathsep)) == 2
    assert environment["QUITTANCE_SANDBOX"] == "1"
    assert environment["QUITTANCE_SANDBOX_ENDPOINTS"] == '{"shopify": "http://127.0.0.1:9"}'


def test_a_function_that_raises_is_reported_as_such(cloud: Cloud) -> None:
    with pytest.raises(FunctionFailed, match="out of paper"):
        cloud.invoke("DeskFunction", {"raise": "out of paper"})


def test_a_secret_can_be_written_twice(cloud: Cloud) -> None:
    for version in ("first", "second"):
        cloud.put_secret("shopify/twice", {"version": version})

    held = cloud.client("secretsmanager").get_secret_value(SecretId="quittance/sandbox/shopify/twice")
    assert held["SecretString"] == '{"version": "second"}'


def test_the_offset_of_the_clock_lies_where_functions_read_it(cloud: Cloud) -> None:
    cloud.set_clock_offset(90)

    key = {"pk": {"S": "SANDBOX"}, "sk": {"S": "CLOCK"}}
    assert cloud.client("dynamodb").get_item(TableName=cloud.table, Key=key)["Item"] == {
        **key,
        "offset_seconds": {"N": "90"},
    }
    with pytest.raises(ValueError, match="never behind"):
        cloud.set_clock_offset(-1)


def test_the_schedule_of_the_tick_is_off(cloud: Cloud) -> None:
    (rule,) = cloud.client("events").list_rules()["Rules"]

    assert rule["State"] == "DISABLED"


def test_work_that_does_not_end_is_named(cloud: Cloud) -> None:
    cloud.client("sqs").send_message(QueueUrl=cloud.queue_url("Poll"), MessageBody="late", DelaySeconds=2)

    with pytest.raises(TimeoutError, match="Poll"):
        cloud.wait_until_idle(within=0.2)
    cloud.wait_until_idle()


@pytest.mark.proves("F116")
def test_cloudformation_itself_refuses_the_sandbox_in_production(probes: Path) -> None:
    with pytest.raises(ClientError, match="leave it empty unless Environment is sandbox"):
        Cloud.start(functions_root=probes, parameters={"Environment": "production"})


def test_a_missing_function_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no code"):
        Cloud.start(functions_root=tmp_path)


def test_two_clouds_stand_side_by_side_and_a_stopped_one_leaves_nothing(cloud: Cloud, probes: Path) -> None:
    with Cloud.start(functions_root=probes) as other:
        folder = Path(other.invoke("DeskFunction")["environment"]["HOME"])
        other.put_secret("shopify/only-there", {})
        assert other.url != cloud.url
        assert folder.is_dir()

    assert not _runs(other.pid)
    assert not folder.exists()
    other.stop()


def test_a_cloud_whose_owner_was_killed_ends_with_its_functions(probes: Path) -> None:
    owner = (
        "import os, signal, sys; from pathlib import Path; from sandbox.cloud import Cloud\n"
        "cloud = Cloud.start(functions_root=Path(sys.argv[1]))\n"
        "print(cloud.pid, cloud.invoke('DeskFunction')['environment']['HOME'], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )

    done = subprocess.run(
        [sys.executable, "-c", owner, str(probes)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    pid, _, folder = done.stdout.strip().partition(" ")
    limit = time.monotonic() + GONE_WITHIN
    while _runs(int(pid)) and time.monotonic() < limit:
        time.sleep(0.1)
    assert not _runs(int(pid))
    assert not Path(folder).exists()


def _records(cloud: Cloud) -> list[str]:
    return [line for line in cloud.logs("PublishEvents") if line.startswith("records")]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
