"""An account sends only when it is live and nobody has stopped it; without a word from anybody it observes."""

from __future__ import annotations

import pytest

from quittance.domain.account import Control, Mode


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("killed", [False, True])
def test_only_a_live_account_that_is_not_stopped_may_send(mode: Mode, killed: bool) -> None:
    assert Control(mode, killed).may_send is (mode is Mode.LIVE and not killed)


def test_an_account_nobody_set_observes() -> None:
    assert Control().mode is Mode.OBSERVE
    assert not Control().may_send
