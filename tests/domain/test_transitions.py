"""A state machine is a table of edges: one target per state and verb, and no edge means no."""

from __future__ import annotations

from enum import StrEnum

import pytest

from quittance.domain.errors import IllegalTransition
from quittance.domain.transitions import Machine


class Light(StrEnum):
    RED = "red"
    GREEN = "green"


class Switch(StrEnum):
    GO = "go"
    BREAK = "break"


TRAFFIC = Machine("light", [(Light.RED, Switch.GO, Light.GREEN)])


def test_an_edge_leads_to_its_target() -> None:
    assert TRAFFIC.next(Light.RED, Switch.GO) is Light.GREEN
    assert TRAFFIC.allows(Light.RED, Switch.GO)


def test_a_missing_edge_is_refused_with_machine_state_and_verb() -> None:
    assert not TRAFFIC.allows(Light.GREEN, Switch.GO)
    with pytest.raises(IllegalTransition) as refusal:
        TRAFFIC.next(Light.GREEN, Switch.GO)
    assert (refusal.value.machine, refusal.value.state, refusal.value.verb) == ("light", "green", "go")
    assert refusal.value.code == "ILLEGAL_TRANSITION"


def test_a_table_with_two_edges_for_one_state_and_verb_is_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match="red has two edges for go"):
        Machine("light", [(Light.RED, Switch.GO, Light.GREEN), (Light.RED, Switch.GO, Light.RED)])


def test_a_state_that_nothing_leads_out_of_is_terminal() -> None:
    assert TRAFFIC.is_terminal(Light.GREEN)
    assert not TRAFFIC.is_terminal(Light.RED)
