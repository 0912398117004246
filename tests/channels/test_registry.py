"""The registry names channels and loads a part of one only when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta

import pytest

from quittance.channels import registry
from quittance.channels.shopify.adapter import ShopifyChannel
from quittance.channels.warehouse import receipts
from quittance.domain.errors import Rejected
from quittance.domain.intent import Act
from tests.channels.road import Counted

HEAVY = ("requests", "urllib3", "http.client", "ssl")


def loaded_after(statement: str) -> set[str]:
    """Which heavy modules a fresh process has loaded after a statement."""
    told = f"import sys; {statement}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, env=_environment())
    return set(HEAVY) & set(done.stdout.split())


def _environment() -> Mapping[str, str]:
    return {"PYTHONPATH": ":".join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.parametrize("name", registry.names())
def test_the_pure_part_of_a_channel_loads_no_http_library(name: str) -> None:
    assert loaded_after("from quittance.channels import registry") == set()
    assert loaded_after(f"from quittance.channels import registry; registry.acts({name!r})") == set()
    assert loaded_after("from quittance.channels import registry; registry.receipt_reader()") == set()


def test_a_channel_itself_loads_one() -> None:
    assert "requests" in loaded_after("import quittance.channels.shopify.adapter")


def test_a_channel_is_built_with_what_it_is_given() -> None:
    def credentials(_: str) -> Mapping[str, str]:
        return {}

    made = registry.channel("shopify", credentials=credentials, meter=Counted(), horizon=timedelta(seconds=7))
    guard = made.guard(Act.REFUND)

    assert isinstance(made, ShopifyChannel)
    assert guard is not None
    assert guard.horizon == timedelta(seconds=7)
    assert registry.acts("shopify").guard(Act.REFUND) != guard


def test_the_reader_of_receipts_is_the_warehouses() -> None:
    assert registry.receipt_reader() is receipts.read


@pytest.mark.parametrize("name", ["", "Shopify", "warehouse", "os:system"])
def test_a_name_that_is_not_listed_is_refused(name: str) -> None:
    with pytest.raises(Rejected) as refusal:
        registry.acts(name)

    assert (refusal.value.code, refusal.value.fix) == ("UNKNOWN_CHANNEL", "use one of shopify")
