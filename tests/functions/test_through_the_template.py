"""Every function starts with what the template gives it, and says by name what it would miss."""

from __future__ import annotations

from typing import Any

import pytest

from quittance.domain.errors import Rejected
from tests.functions.stack import Stack, shared
from tests.support.deployed import Context
from tests.template.reading import FUNCTIONS, resource

__all__ = ["shared"]  # fixture

# What only tells one deployment from another has a default or is the library's own.
OPTIONAL = {
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
    "QUITTANCE_SETTLE_HORIZON_SECONDS",
    "QUITTANCE_LEASE_SECONDS",
    "QUITTANCE_DUE_CAP",
}
EMPTY: dict[str, Any] = {"Records": []}
NEEDED = [
    (function, name)
    for function in FUNCTIONS
    for name in sorted(resource(function)["Environment"]["Variables"])
    if name not in OPTIONAL
]


@pytest.mark.parametrize(
    "function", [one for one in FUNCTIONS if one not in ("ReceiveWebhookFunction", "DeskFunction")]
)
def test_a_function_starts_and_finds_nothing_to_do_in_an_empty_event(shared: Stack, function: str) -> None:
    answer = shared.cloud.call(function, EMPTY)

    assert answer in ({"batchItemFailures": []}, {})


@pytest.mark.parametrize("function, name", NEEDED)
def test_a_variable_that_the_template_forgets_is_missed_by_name(shared: Stack, function: str, name: str) -> None:
    entry = resource(function)["Handler"].rpartition(".")[2]

    def start() -> None:
        with shared.cloud.function(function, without=name) as module:
            getattr(module, entry)(EMPTY, Context("viewer"))

    with pytest.raises(Rejected) as refused:
        start()

    assert (refused.value.code, refused.value.field) == ("SETTING_MISSING", name)
