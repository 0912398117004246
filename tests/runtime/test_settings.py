"""What a function is told by its environment, and which mistakes in it stop the import with the variable's name."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from quittance.domain.errors import Rejected
from quittance.runtime import settings

STACK = {"QUITTANCE_STACK": "prod", "QUITTANCE_RELEASE": "r42"}
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/inbox"
WEBHOOK = {**STACK, "QUITTANCE_INBOX_QUEUE_URL": QUEUE, "QUITTANCE_RAW_BUCKET": "raw"}
ENDPOINTS = "QUITTANCE_SANDBOX_ENDPOINTS"
NEEDS = [
    settings.ReceiveWebhook,
    settings.IngestReturns,
    settings.PollChannels,
    settings.ExecuteRefund,
    settings.WatchdogTick,
    settings.WatchdogFire,
    settings.PublishEvents,
    settings.Desk,
]


def test_a_need_holds_its_own_variables_and_nothing_else() -> None:
    loaded = settings.load(settings.ReceiveWebhook, {**WEBHOOK, "QUITTANCE_TABLE": "cases"})

    assert loaded == settings.ReceiveWebhook(
        deployment=settings.Deployment(stack="prod", release="r42"), inbox_queue_url=QUEUE, raw_bucket="raw"
    )
    assert loaded.deployment.secret_prefix == "quittance/prod/"


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.__name__)
def test_each_missing_variable_is_named(need: type[Any]) -> None:
    required = [
        f"QUITTANCE_{one.name.upper()}"
        for one in dataclasses.fields(need)
        if one.default is dataclasses.MISSING and one.name != "deployment"
    ]
    whole = {**STACK, **dict.fromkeys(required, QUEUE)}
    assert settings.load(need, whole)

    for variable in [*STACK, *required]:
        for blank in ({}, {variable: "  "}):
            stated = {name: value for name, value in whole.items() if name != variable} | blank
            with pytest.raises(Rejected, match=variable) as refused:
                settings.load(need, stated)
            assert refused.value.code == "SETTING_MISSING"


def test_durations_and_caps_have_the_defaults_of_the_house() -> None:
    execute = settings.load(settings.ExecuteRefund, {**STACK, "QUITTANCE_TABLE": "cases"})
    urls = {f"QUITTANCE_{name}_QUEUE_URL": QUEUE for name in ("INBOX", "DUE", "POLL", "URGENT", "REFUND")}
    tick = settings.load(settings.WatchdogTick, {**STACK, **urls, "QUITTANCE_TABLE": "cases"})

    assert (execute.settle_horizon_seconds, execute.lease_seconds, tick.due_cap) == (60, 57, 20_000)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "soon", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_a_duration_that_is_no_count_is_refused_by_name(text: str) -> None:
    stated = {**STACK, "QUITTANCE_TABLE": "cases", "QUITTANCE_LEASE_SECONDS": text}

    with pytest.raises(Rejected, match="QUITTANCE_LEASE_SECONDS"):
        settings.load(settings.ExecuteRefund, stated)


def test_a_queue_name_in_place_of_its_url_is_refused_by_name() -> None:
    with pytest.raises(Rejected, match="QUITTANCE_INBOX_QUEUE_URL"):
        settings.load(settings.ReceiveWebhook, {**WEBHOOK, "QUITTANCE_INBOX_QUEUE_URL": "InboxQueue"})


def test_the_sandbox_sends_a_channel_to_its_simulator() -> None:
    stated = {**STACK, "QUITTANCE_SANDBOX": "1", ENDPOINTS: '{"shopify": "http://127.0.0.1:8123"}'}

    loaded = settings.load(settings.Deployment, stated)

    assert loaded.sandbox
    assert loaded.sandbox_endpoints == {"shopify": "http://127.0.0.1:8123"}


@pytest.mark.parametrize("sandbox", [{}, {"QUITTANCE_SANDBOX": "0"}, {"QUITTANCE_SANDBOX": ""}])
def test_outside_the_sandbox_an_endpoint_is_refused(sandbox: dict[str, str]) -> None:
    with pytest.raises(Rejected, match=ENDPOINTS) as refused:
        settings.load(settings.Deployment, {**STACK, **sandbox, ENDPOINTS: '{"shopify": "http://127.0.0.1:8123"}'})

    assert refused.value.code == "SETTING_REFUSED"


@pytest.mark.parametrize(
    "text",
    [
        '{"shopify": "https://evil.example"}',
        '{"shopify": "http://127.0.0.1@evil.example"}',
        '{"shopify": "http://127.0.0.1.evil.example"}',
        '{"shopify": 1}',
        '["http://127.0.0.1"]',
        "{",
    ],
)
def test_in_the_sandbox_an_endpoint_cannot_leave_the_machine(text: str) -> None:
    with pytest.raises(Rejected, match=ENDPOINTS):
        settings.load(settings.Deployment, {**STACK, "QUITTANCE_SANDBOX": "1", ENDPOINTS: text})


@pytest.mark.parametrize("text", ["true", "yes", "2"])
def test_a_sandbox_flag_that_is_neither_1_nor_0_is_refused(text: str) -> None:
    with pytest.raises(Rejected, match="QUITTANCE_SANDBOX"):
        settings.load(settings.Deployment, {**STACK, "QUITTANCE_SANDBOX": text})


def test_settings_cannot_be_changed_afterwards() -> None:
    loaded = settings.load(settings.ReceiveWebhook, WEBHOOK)

    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.raw_bucket = "another"  # type: ignore[misc]  # that is the point
