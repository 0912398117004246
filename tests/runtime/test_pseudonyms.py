"""Who bought leaves the channel as a salted hash, and only where refunds are counted per customer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from quittance.domain.errors import Unavailable
from quittance.runtime.pseudonyms import HEX, SaltedPseudonyms
from quittance.runtime.secrets import Secrets
from tests.support.builders import NOW

GID = "gid://shopify/Customer/9113020563762"
NAME = "quittance/shop/customer-salt"


class Held:
    """Secrets Manager with one secret, or none."""

    def __init__(self, value: object) -> None:
        self.value = value

    def get_secret_value(self, *, SecretId: str) -> Mapping[str, Any]:  # noqa: N803  # the provider's name
        if self.value is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        assert SecretId == NAME
        return {"SecretString": json.dumps(self.value)}


def pseudonyms(value: object) -> SaltedPseudonyms:
    return SaltedPseudonyms(lambda account: account == "a", Secrets(Held(value), "", lambda: NOW), NAME)


@pytest.mark.proves("B24")
def test_the_hash_is_the_same_each_time_and_tells_nothing_of_the_id() -> None:
    made = pseudonyms({"salt": "s1"}).of("a", GID)

    assert made == pseudonyms({"salt": "s1"}).of("a", GID)
    assert len(made) == HEX
    assert "9113020563762" not in made


def test_another_salt_another_account_or_another_customer_is_another_hash() -> None:
    made = {
        pseudonyms({"salt": salt}).of(account, customer)
        for salt in ("s1", "s2")
        for account, customer in (("a", GID), ("b", GID), ("a", f"{GID}1"), ("a1", GID))
    }

    assert len(made) == 8


@pytest.mark.parametrize("value", [None, {}, {"salt": ""}, {"salt": 5}, {"current": "s1"}])
def test_without_a_salt_nothing_is_hashed(value: object) -> None:
    with pytest.raises(Unavailable, match="customer-salt holds no salt"):
        pseudonyms(value).of("a", GID)


def test_it_is_wanted_where_the_policy_counts_customers() -> None:
    assert pseudonyms(None).are_wanted("a")
    assert not pseudonyms(None).are_wanted("b")
