"""How long a secret is believed, how often one is fetched, and what happens when none can be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from quittance.runtime.secrets import Secrets, SecretUnavailable
from tests.support.pushed import NOON

GONE = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
DELETED = ClientError({"Error": {"Code": "InvalidRequestException"}}, "GetSecretValue")
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "GetSecretValue")


@dataclass
class Vault:
    """A Secrets Manager with one answer for every name, on the clock of the test."""

    answer: str | Exception = '{"key": "one"}'
    asked: list[str] = field(default_factory=list)
    now: datetime = NOON

    def get_secret_value(self, **request: str) -> Mapping[str, Any]:
        self.asked.append(request["SecretId"])
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"SecretString": self.answer}

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def secrets(vault: Vault) -> Secrets:
    return Secrets(vault, "quittance/prod/", lambda: vault.now)


def test_a_secret_is_asked_for_by_its_full_name(vault: Vault, secrets: Secrets) -> None:
    assert secrets.get("shopify/maison-lumiere") == {"key": "one"}
    assert vault.asked == ["quittance/prod/shopify/maison-lumiere"]


def test_a_secret_is_believed_for_less_than_300_seconds(vault: Vault, secrets: Secrets) -> None:
    secrets.get("a")
    vault.answer = '{"key": "two"}'

    vault.wait(299.9)
    assert secrets.get("a") == {"key": "one"}
    vault.wait(0.1)
    assert secrets.get("a") == {"key": "two"}


@pytest.mark.parametrize("error", [GONE, DELETED])
def test_a_missing_secret_is_none_and_asked_for_again_after_60_seconds(
    vault: Vault, secrets: Secrets, error: Exception
) -> None:
    vault.answer = error
    assert [secrets.get("a"), secrets.get("a")] == [None, None]
    assert len(vault.asked) == 1

    vault.answer = '{"key": "new"}'
    vault.wait(59.9)
    assert secrets.get("a") is None
    vault.wait(0.1)
    assert secrets.get("a") == {"key": "new"}


def test_a_refresh_fetches_only_when_the_last_fetch_is_30_seconds_old(vault: Vault, secrets: Secrets) -> None:
    secrets.get("a")
    vault.answer = '{"key": "two"}'

    vault.wait(29.9)
    assert secrets.refresh("a") == {"key": "one"}
    vault.wait(0.1)
    assert secrets.refresh("a") == {"key": "two"}
    assert secrets.get("a") == {"key": "two"}
    assert len(vault.asked) == 2


def test_a_refresh_of_one_name_does_not_hold_up_another(vault: Vault, secrets: Secrets) -> None:
    secrets.refresh("a")
    secrets.refresh("b")

    assert len(vault.asked) == 2


def test_a_refresh_that_fails_keeps_the_held_secret_and_counts_as_a_fetch(vault: Vault, secrets: Secrets) -> None:
    secrets.get("a")
    vault.wait(40)
    vault.answer = THROTTLED
    with pytest.raises(SecretUnavailable):
        secrets.refresh("a")

    assert secrets.refresh("a") == {"key": "one"}
    assert secrets.get("a") == {"key": "one"}
    assert len(vault.asked) == 2


def test_a_secret_that_cannot_be_fetched_any_more_is_not_believed_beyond_300_seconds(
    vault: Vault, secrets: Secrets
) -> None:
    secrets.get("a")
    vault.answer = ReadTimeoutError(endpoint_url="https://secretsmanager")
    vault.wait(300)

    with pytest.raises(SecretUnavailable) as caught:
        secrets.get("a")
    assert (caught.value.name, caught.value.reason) == ("a", "ReadTimeoutError")


def test_a_failed_fetch_is_not_repeated_within_5_seconds(vault: Vault, secrets: Secrets) -> None:
    vault.answer = THROTTLED
    for _ in range(10):
        with pytest.raises(SecretUnavailable):
            secrets.get("a")
    assert len(vault.asked) == 1

    vault.answer = '{"key": "one"}'
    vault.wait(5)
    assert secrets.get("a") == {"key": "one"}


@pytest.mark.parametrize("text", ["", "hunter2", '"hunter2"', '["hunter2"]', "{hunter2", "null"])
def test_a_secret_that_is_no_json_object_is_unavailable_and_not_quoted(
    vault: Vault, secrets: Secrets, text: str
) -> None:
    vault.answer = text

    with pytest.raises(SecretUnavailable) as caught:
        secrets.get("a")
    assert caught.value.reason == "malformed"
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


def test_unknown_names_are_rationed_to_60_a_minute_and_known_ones_are_not(vault: Vault, secrets: Secrets) -> None:
    secrets.get("known")
    vault.answer = GONE
    vault.wait(241)
    for n in range(60):
        assert secrets.get(f"invented-{n}") is None
    with pytest.raises(SecretUnavailable, match="unknown names"):
        secrets.get("one too many")

    vault.answer = '{"key": "two"}'
    vault.wait(59)
    assert secrets.get("known") == {"key": "two"}
    vault.wait(1)
    assert secrets.get("one too many") == {"key": "two"}


def test_invented_names_do_not_fill_the_memory(vault: Vault, secrets: Secrets) -> None:
    secrets.get("known")
    vault.answer = GONE
    for n in range(3_000):
        secrets.get(f"invented-{n}")
        vault.wait(2)

    assert len(secrets._known) <= 121
    assert "known" in secrets._known


def test_a_clock_that_was_set_back_makes_nothing_believed_for_ever(vault: Vault, secrets: Secrets) -> None:
    secrets.get("a")
    vault.answer = '{"key": "two"}'
    vault.wait(-86_400)

    assert secrets.get("a") == {"key": "two"}
