"""`quittance case`: a case with everything that made it what it is, and whether its history is whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ops.case import shown
from quittance.application.commit import Key, Write, changes_of
from quittance.domain import decide_return
from quittance.domain.account import Control, Mode
from quittance.domain.case import Case
from quittance.domain.draft import Draft
from quittance.domain.errors import Rejected
from quittance.domain.events import CaseOpened
from quittance.domain.ids import CaseId
from quittance.domain.observations import ChannelStatus, Condition, Receipt
from quittance.domain.policy import Policy
from quittance.storage import keys
from quittance.storage.engine import Engine
from quittance.storage.memory import MemoryEngine
from quittance.storage.table import Table
from tests.ops.world import World
from tests.policies.documents import policy_of
from tests.support import builders as b


def written(engine: Engine) -> Case:
    """A return that was read, authorised at the channel and received, in two commits; its refund is on the way."""
    table, policy = Table(engine), policy_of("shopify")
    case = b.case()
    _commit(table, case.id, policy, ChannelStatus.REQUESTED, is_received=False)
    _commit(table, case.id, policy, ChannelStatus.OPEN, is_received=True)
    return case


def _commit(table: Table, case_id: CaseId, policy: Policy, status: ChannelStatus, *, is_received: bool) -> None:
    scene = table.load_scene(case_id)
    head = scene.cases.get(case_id)
    case = head or b.case()
    order = scene.order or replace(b.order(), version=0, cases=frozenset({case_id}))
    draft = Draft(case, order, scene.intents, Control(Mode.LIVE), b.NOW)
    if head is None:
        draft = draft.record(CaseOpened(case))
    draft = decide_return.read_order(draft, b.order_reading())
    draft = decide_return.read_return(
        draft, b.return_reading(status=status, as_of=b.NOW + timedelta(seconds=case.version))
    )
    if is_received:
        draft = decide_return.receive(draft, _receipt(), policy)
    draft = decide_return.follow_up(draft, policy)
    table.commit(changes_of(scene, [draft], b.NOW))


def _receipt() -> Receipt:
    return b.receipt("P-1", b.units("SHIRT-M", 2, Condition.NEW), b.units("CAP-1", 1, Condition.USED))


@pytest.mark.proves("F077")
def test_the_timeline_shows_every_commit_with_its_events() -> None:
    engine = MemoryEngine()
    case = written(engine)

    told = "\n".join(shown(Table(engine), case.id))

    history = Table(engine).history(case.id)
    assert [entry.version for entry in history] == [1, 2]
    for entry in history:
        assert f"  {entry.version}: 2026-11-21T12:00:00.000Z {entry.state}" in told
        assert all(f"    {name} " in told for name, _ in entry.events)
    assert told.endswith("  the chain is whole")


@pytest.mark.proves("F031")
def test_rules_deadlines_and_intents_of_the_case_are_shown() -> None:
    engine = MemoryEngine()
    case = written(engine)

    told = "\n".join(shown(Table(engine), case.id))

    assert "rules: law@1, accounts@1, shopify@1" in told
    assert "refund_received: until 2026-11-26T12:00:00.000Z" in told
    assert "by shopify@1:deadline.refund_received" in told
    assert "law_refund: until " in told
    assert "refund of 60.00 EUR is READY" in told
    assert "loyalty: empathise and retain" in told
    assert "2 requested, 2 authorised, 2 received, 2 accepted, 2 paying, SIZE_TOO_SMALL" in told


def test_a_tampered_history_is_told_and_fails(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    engine = world.stack.engine
    case = written(engine)
    assert world.run("case", case.id, "--stack", "test") == 0
    assert "the chain is whole" in capsys.readouterr().out

    item = keys.event(case.id, 1)
    engine.transact([Write(Key(item.pk, item.sk), {"state": "declined"}, ())])

    assert world.run("case", case.id, "--stack", "test") == 1
    assert "THE CHAIN IS BROKEN at version 1" in capsys.readouterr().out


def test_marks_are_shown_as_what_needs_a_person() -> None:
    engine = MemoryEngine()
    table = Table(engine)
    case = written(engine)
    scene = table.load_scene(case.id)
    draft = Draft(scene.cases[case.id], scene.order, scene.intents, Control(Mode.LIVE), b.NOW).marked(
        "surplus_in_parcel"
    )
    table.commit(changes_of(scene, [draft], b.NOW))

    assert "  needs a person: surplus_in_parcel" in list(shown(table, case.id))


def test_a_case_that_does_not_exist_is_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Rejected, match="UNKNOWN_CASE"):
        list(shown(Table(MemoryEngine()), CaseId("nothing")))

    assert world.run("case", "nothing", "--stack", "test") == 1
    assert "UNKNOWN_CASE" in capsys.readouterr().err
