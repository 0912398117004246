"""A wake message names up to a hundred items: one that fails never keeps its neighbours waiting."""

from __future__ import annotations

import pytest

from quittance.application.commit import Key
from quittance.domain.errors import Unavailable
from quittance.runtime.batch import Handled, Message
from quittance.runtime.wiring import for_each_key

KEYS = [Key("CASE#a", "HEAD"), Key("CASE#b", "HEAD"), Key("CASE#c", "HEAD")]
MESSAGE = Message("m-1", "wake", {"keys": [{"pk": key.pk, "sk": key.sk} for key in KEYS]}, 1, "DueQueue")


@pytest.mark.parametrize(
    "failing, outcome", [(ValueError("a fault of ours"), Handled.AGAIN), (Unavailable("busy"), Handled.DONE)]
)
def test_a_key_that_fails_does_not_hold_back_the_others(failing: Exception, outcome: Handled) -> None:
    worked: list[Key] = []

    def work(key: Key) -> None:
        if key == KEYS[0]:
            raise failing
        worked.append(key)

    assert for_each_key(MESSAGE, work, lambda: True) is outcome
    assert worked == KEYS[1:]


def test_without_time_for_the_next_key_the_message_is_given_again() -> None:
    worked: list[Key] = []

    assert for_each_key(MESSAGE, worked.append, lambda: len(worked) < 2) is Handled.AGAIN
    assert worked == KEYS[:2]
