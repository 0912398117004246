"""Scripted races: two who act on what they read, the second one stale, and the harm if nothing stopped it.

Each race names the conditions that stop it. A race with several guards is stopped by any one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from quittance.application.commit import (
    Alias,
    AtLeast,
    CaseChange,
    Changes,
    Condition,
    IntentChange,
    OrderChange,
    ShardChange,
    Write,
)
from quittance.domain.account import Control, Mode
from quittance.domain.allowance import Shard
from quittance.domain.case import Case
from quittance.domain.events import CaseMarked
from quittance.domain.ids import CaseId
from quittance.domain.intent import Attempt, Intent, IntentState
from quittance.domain.ledger import Claim
from quittance.domain.order import Order
from quittance.domain.policy import Versions
from quittance.storage import keys
from quittance.storage.engine import Engine
from quittance.storage.table import Table
from tests.storage import samples
from tests.storage.samples import NOW

Guard = tuple[str, str]
LATER: Final = NOW + timedelta(minutes=1)


def guard_of(write: Write, condition: Condition) -> Guard:
    """Name a condition by the work of its write: what a race has to be found for."""
    label = type(condition).__name__
    if isinstance(condition, AtLeast):
        label = f"{label} {condition.path[0]}"
    return work_of(write), label


def work_of(write: Write) -> str:
    kind = keys.kind_of(write.key)
    if write.is_check:
        return f"{kind} check"
    if kind == keys.DELIVERY.name:
        return f"{kind} {write.set['state']}"
    if kind == keys.CASE.name and "kind" not in write.set:
        return f"{kind} try"
    return kind


@dataclass(frozen=True)
class Race:
    """`play` raises Conflict or ends quietly; `harmed` says whether the stale one got through."""

    name: str
    guards: frozenset[Guard]
    play: Callable[[Table, Engine], None]
    harmed: Callable[[Table], bool]

    def __str__(self) -> str:
        return self.name


class Between:
    """An engine on which somebody else acts just before the next write."""

    def __init__(self, engine: Engine, act: Callable[[], None]) -> None:
        self._engine = engine
        self._acts = [act]
        self.get = engine.get
        self.query = engine.query
        self.batch_get = engine.batch_get
        self.query_index = engine.query_index

    def transact(self, writes: Any) -> None:
        while self._acts:
            self._acts.pop()()
        self._engine.transact(writes)


# What the races are made of.


def fresh(case: CaseId = samples.CASE, **changed: Any) -> Case:
    return samples.a_return(case, version=0, tail="", policy=Versions(1, 1, 1), **changed)


def opened(table: Table, case: CaseId = samples.CASE) -> Case:
    table.commit(Changes(NOW, (CaseChange(None, fresh(case), ()),)))
    return loaded(table, case)


def loaded(table: Table, case: CaseId = samples.CASE) -> Case:
    found = table.load_case(case)
    assert found is not None
    return found


def marked(case: Case, mark: str) -> CaseChange:
    return CaseChange(case, replace(case, marks=case.marks | {mark}), (CaseMarked(mark),))


def read_order(table: Table) -> Order:
    order = table.load_order(samples.CHANNEL, samples.ACCOUNT, samples.ORDER).order
    assert order is not None
    return order


def ordered(table: Table) -> Order:
    table.commit(Changes(NOW, order=OrderChange(None, samples.an_order(version=0))))
    return read_order(table)


def intent_now(table: Table) -> Intent | None:
    return table.load_order(samples.CHANNEL, samples.ACCOUNT, samples.ORDER).intents.get(samples.INTENT)


def ready(**changed: Any) -> Intent:
    return samples.a_refund(state=IntentState.READY, version=1, attempt=Attempt(), why="", **changed)


def admitted(table: Table) -> Intent:
    table.commit(Changes(NOW, intents=(IntentChange(None, ready()),)))
    found = intent_now(table)
    assert found is not None
    return found


def claimed(intent: Intent) -> Intent:
    attempt = replace(intent.attempt, fence=intent.attempt.fence + 1)
    return replace(intent, state=IntentState.SENDING, version=intent.version + 1, attempt=attempt)


def moved(intent: Intent, state: IntentState) -> Intent:
    return replace(intent, state=state, version=intent.version + 1)


def claims(table: Table) -> set[str]:
    return set(read_order(table).ledger.claims)


# The races.


def two_open_one_case(table: Table, _: Engine) -> None:
    table.commit(Changes(NOW, (CaseChange(None, fresh(marks=frozenset({"first"})), ()),)))
    table.commit(Changes(NOW, (CaseChange(None, fresh(marks=frozenset({"second"})), ()),)))


def two_change_one_case(table: Table, _: Engine) -> None:
    stale = opened(table)
    table.commit(Changes(NOW, (marked(stale, "first"),)))
    table.commit(Changes(NOW, (marked(stale, "second"),)))


def _first_mark_is_lost(table: Table) -> bool:
    return "first" not in loaded(table).marks


def two_clicks_on_one_version(table: Table, _: Engine) -> None:
    stale = opened(table)
    table.commit(Changes(NOW, (marked(stale, "click"),), intents=(IntentChange(None, ready()),)))
    sent = intent_now(table)
    assert sent is not None
    table.commit_intent(sent, claimed(sent))
    table.commit(Changes(NOW, (marked(stale, "click"),), intents=(IntentChange(None, ready()),)))


def _would_be_sent_again(table: Table) -> bool:
    intent = intent_now(table)
    return intent is not None and intent.state is IntentState.READY


def two_claims(first: Claim, second: Claim) -> Callable[[Table, Engine], None]:
    def play(table: Table, _: Engine) -> None:
        stale = ordered(table)
        for intent, claim in ((samples.INTENT, first), (samples.OTHER_INTENT, second)):
            change = OrderChange(stale, samples.with_claim(stale, intent, claim))
            table.commit(Changes(NOW, order=change))

    return play


def _first_claim_is_lost(table: Table) -> bool:
    return samples.INTENT not in claims(table)


def a_decision_rests_on_an_order_that_changed(table: Table, _: Engine) -> None:
    stale = ordered(table)
    table.commit(Changes(NOW, order=OrderChange(stale, replace(stale, disputes=frozenset({"d1"})))))
    table.commit(Changes(NOW, order=OrderChange(stale, stale), intents=(IntentChange(None, ready()),)))


def two_create_one_order(table: Table, _: Engine) -> None:
    for case in (samples.CASE, samples.OTHER_CASE):
        order = samples.an_order(version=0, cases=frozenset({case}))
        table.commit(Changes(NOW, order=OrderChange(None, order)))


def a_claim_of_what_was_cancelled(table: Table, _: Engine) -> None:
    stale = admitted(table)
    table.commit_intent(stale, moved(stale, IntentState.CANCELLED))
    table.commit_intent(stale, claimed(stale))


def _cancelled_is_sent(table: Table) -> bool:
    intent = intent_now(table)
    return intent is None or intent.state is not IntentState.CANCELLED


def a_sender_wakes_after_its_lease(table: Table, _: Engine) -> None:
    mine = claimed(admitted(table))
    for state in (mine, lost := moved(mine, IntentState.UNKNOWN), again := moved(lost, IntentState.READY)):
        table.commit_intent(_now(table), state)
    table.commit_intent(again, claimed(again))
    table.commit_intent(mine, moved(mine, IntentState.ACCEPTED))


def _now(table: Table) -> Intent:
    found = intent_now(table)
    assert found is not None
    return found


def _fence_fell(table: Table) -> bool:
    return _now(table).attempt.fence != 2


def one_delivery_worked_on_twice(table: Table, _: Engine) -> None:
    name = samples.a_delivery_key()
    table.commit(Changes(NOW, (marked(opened(table), "first"),), deliveries=(name,)))
    table.commit(Changes(NOW, (marked(loaded(table), "again"),), deliveries=(name,)))


def a_done_delivery_is_put_off(table: Table, _: Engine) -> None:
    table.end_delivery(samples.a_delivery_key(), NOW)
    table.pend(samples.a_delivery(), "archive/x", 1, LATER, "timeout")


def _done_is_pending(table: Table) -> bool:
    record = table.delivery(samples.a_delivery_key())
    return record is None or record.state != "done"


def _named(case: CaseId, instead_of: CaseId | None = None) -> Changes:
    return Changes(NOW, aliases=(Alias(samples.CHANNEL, samples.ACCOUNT, "rma", "RMA-1", case, instead_of),))


def two_cases_under_one_name(table: Table, _: Engine) -> None:
    table.commit(_named(samples.CASE))
    table.commit(_named(samples.OTHER_CASE))


def two_give_one_parcel_away(table: Table, _: Engine) -> None:
    parcel = samples.a_parcel().id
    table.commit(_named(parcel))
    table.commit(_named(samples.CASE, parcel))
    table.commit(_named(samples.OTHER_CASE, parcel))


def _name_was_taken_away(table: Table) -> bool:
    return table.find(samples.CHANNEL, samples.ACCOUNT, "rma", "RMA-1") != samples.CASE


def _booked(number: int, left: int, version: int = 0) -> Changes:
    shard = ShardChange(samples.ACCOUNT, "2026-11-21", "EUR", number, Shard(left, 1000, version))
    return Changes(NOW, shards=(shard,))


def two_take_first_from_one_shard(table: Table, _: Engine) -> None:
    table.commit(_booked(3, 400))
    table.commit(_booked(3, 900))


def two_take_from_one_shard(table: Table, _: Engine) -> None:
    table.commit(_booked(3, 1000))
    stale = table.spent(samples.ACCOUNT, "2026-11-21", "EUR")[3]
    table.commit(_booked(3, stale.left - 600, stale.version))
    table.commit(_booked(3, stale.left - 100, stale.version))


def _is_budget_given_twice(table: Table) -> bool:
    return table.spent(samples.ACCOUNT, "2026-11-21", "EUR")[3].left != 400


def two_people_redrive(table: Table, _: Engine) -> None:
    table.park(samples.a_parked())
    (stale,) = table.parked(samples.CHANNEL, samples.ACCOUNT)
    table.redrive(stale, LATER)
    table.end_delivery(samples.a_delivery_key(), LATER)
    table.redrive(stale, LATER)


def _kill(table: Table) -> None:
    table.set_control(samples.ACCOUNT, Control(Mode.LIVE, killed=True))


def a_switch_is_thrown_meanwhile(table: Table, engine: Engine) -> None:
    unaware = Table(Between(engine, lambda: _kill(table)))
    unaware.set_control(samples.ACCOUNT, Control(Mode.LIVE))


def a_switch_is_thrown_on_a_known_account(table: Table, engine: Engine) -> None:
    table.set_control(samples.ACCOUNT, Control(Mode.SHADOW))
    a_switch_is_thrown_meanwhile(table, engine)


def _sends_go_on(table: Table) -> bool:
    return not table.control(samples.ACCOUNT).killed


def two_create_one_poll(table: Table, _: Engine) -> None:
    table.save_poll(None, samples.a_poll(cursor="read so far"))
    table.save_poll(None, samples.a_poll(cursor="from the start"))


def two_move_one_poll(table: Table, _: Engine) -> None:
    table.save_poll(None, samples.a_poll())
    stale = table.poll(samples.ACCOUNT, "returns")
    assert stale is not None
    table.save_poll(stale, replace(stale, cursor="read so far"))
    table.save_poll(stale, replace(stale, cursor=""))


def _cursor_is_lost(table: Table) -> bool:
    poll = table.poll(samples.ACCOUNT, "returns")
    return poll is None or poll.cursor != "read so far"


def a_lease_is_taken_meanwhile(table: Table, engine: Engine) -> None:
    def other() -> None:
        assert table.take_lease("tick", LATER, LATER + timedelta(minutes=2))

    Table(Between(engine, other)).take_lease("tick", LATER, LATER + timedelta(minutes=1))


def a_lease_that_ran_out_is_taken_twice(table: Table, engine: Engine) -> None:
    table.take_lease("tick", NOW, LATER)
    a_lease_is_taken_meanwhile(table, engine)


def _owner_lost_its_lease(table: Table) -> bool:
    return table.take_lease("tick", LATER + timedelta(minutes=1), LATER)


def a_try_is_counted_of_a_case_that_moved_on(table: Table, _: Engine) -> None:
    stale = opened(table)
    table.commit(Changes(NOW, (marked(stale, "done"),)))
    table.count_try(stale, 1)


def _is_parked(table: Table) -> bool:
    far = NOW + timedelta(days=365)
    return keys.case_head(samples.CASE) not in [
        key for lane in keys.LANES for shard in range(keys.SHARDS) for key in table.due(lane, shard, far, 100)
    ]


ALL: Final = samples.a_claim(minor=9000, line=samples.SOLD[0])
REST: Final = samples.a_claim(minor=9000, line=samples.SOLD[1])
SAME_UNITS: Final = samples.a_claim(minor=100, units=2)
SHIPPING: Final = samples.a_claim(minor=100, shipping=500)
SHIPPING_TOO: Final = samples.a_claim(minor=100, line=samples.SOLD[1], shipping=500)
SMALL: Final = samples.a_claim(minor=100)
SMALL_TOO: Final = samples.a_claim(minor=100, line=samples.SOLD[1])


def _race(
    play: Callable[[Table, Engine], None], harmed: Callable[[Table], bool], *guards: Guard, name: str = ""
) -> Race:
    return Race(name or play.__name__, frozenset(guards), play, harmed)


HEAD_MOVED: Final = (keys.CASE.name, "VersionIs")
HEAD_NEW: Final = (keys.CASE.name, "Absent")
HISTORY_NEW: Final = (keys.EVENT.name, "Absent")
ORDER_MOVED: Final = (keys.ORDER.name, "VersionIs")
INTENT_MOVED: Final = (keys.INTENT.name, "VersionIs")

RACES: Final = (
    _race(two_open_one_case, _first_mark_is_lost, HEAD_NEW, HISTORY_NEW),
    _race(two_change_one_case, _first_mark_is_lost, HEAD_MOVED, HISTORY_NEW),
    _race(two_clicks_on_one_version, _would_be_sent_again, HEAD_MOVED, HISTORY_NEW, (keys.INTENT.name, "Absent")),
    _race(
        two_claims(ALL, REST),
        _first_claim_is_lost,
        ORDER_MOVED,
        (keys.ORDER.name, "AtLeast payments"),
        name="two_claims_of_one_payment",
    ),
    _race(
        two_claims(SAME_UNITS, SAME_UNITS),
        _first_claim_is_lost,
        ORDER_MOVED,
        (keys.ORDER.name, "AtLeast lines"),
        name="two_claims_of_the_same_units",
    ),
    _race(
        two_claims(SHIPPING, SHIPPING_TOO),
        _first_claim_is_lost,
        ORDER_MOVED,
        (keys.ORDER.name, "AtLeast free_shipping"),
        name="two_claims_of_the_shipping",
    ),
    _race(two_claims(SMALL, SMALL_TOO), _first_claim_is_lost, ORDER_MOVED, name="two_claims_that_both_fit"),
    _race(
        a_decision_rests_on_an_order_that_changed,
        lambda table: intent_now(table) is not None,
        (f"{keys.ORDER.name} check", "VersionIs"),
    ),
    _race(
        two_create_one_order,
        lambda table: samples.CASE not in read_order(table).cases,
        (keys.ORDER.name, "Absent"),
    ),
    _race(a_claim_of_what_was_cancelled, _cancelled_is_sent, INTENT_MOVED),
    _race(a_sender_wakes_after_its_lease, _fence_fell, INTENT_MOVED, (keys.INTENT.name, "FenceIs")),
    _race(
        one_delivery_worked_on_twice,
        lambda table: "again" in loaded(table).marks,
        (f"{keys.DELIVERY.name} done", "IsNot"),
    ),
    _race(a_done_delivery_is_put_off, _done_is_pending, (f"{keys.DELIVERY.name} pending", "IsNot")),
    _race(two_cases_under_one_name, _name_was_taken_away, (keys.ALIAS.name, "Absent")),
    _race(two_give_one_parcel_away, _name_was_taken_away, (keys.ALIAS.name, "PointsTo")),
    _race(two_take_first_from_one_shard, _is_budget_given_twice, (keys.SPENT.name, "Absent")),
    _race(two_take_from_one_shard, _is_budget_given_twice, (keys.SPENT.name, "VersionIs")),
    _race(two_people_redrive, _done_is_pending, (keys.PARKED.name, "IsNot")),
    _race(a_switch_is_thrown_meanwhile, _sends_go_on, (keys.CONTROL.name, "Absent")),
    _race(a_switch_is_thrown_on_a_known_account, _sends_go_on, (keys.CONTROL.name, "VersionIs")),
    _race(two_create_one_poll, _cursor_is_lost, (keys.POLL.name, "Absent")),
    _race(two_move_one_poll, _cursor_is_lost, (keys.POLL.name, "VersionIs")),
    _race(a_lease_is_taken_meanwhile, _owner_lost_its_lease, (keys.LEASE.name, "Absent")),
    _race(a_lease_that_ran_out_is_taken_twice, _owner_lost_its_lease, (keys.LEASE.name, "VersionIs")),
    _race(a_try_is_counted_of_a_case_that_moved_on, _is_parked, (f"{keys.CASE.name} try", "VersionIs")),
)
BY_NAME: Final[Mapping[str, Race]] = {race.name: race for race in RACES}
