"""Feed batches in the table: what is read back is what was written, and a batch of any size is one query."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.application.batches import BatchChange, Leaving, LockChange
from quittance.application.commit import Changes, IntentChange, Key, OrderChange
from quittance.domain.errors import Rejected, Unavailable
from quittance.domain.feed_batch import BatchState, FeedBatch, FeedLock, Member
from quittance.domain.ids import IntentId, OrderId
from quittance.domain.intent import Act, IntentState
from quittance.storage import keys
from quittance.storage.engine import Engine
from quittance.storage.expressions import plain, typed
from quittance.storage.items import SCHEMA
from quittance.storage.items_batch import (
    BATCH_OPTIONAL,
    LOCK_OPTIONAL,
    batch_attributes,
    batch_key,
    batch_of,
    lock_attributes,
    lock_of,
    member_attributes,
    member_of,
)
from quittance.storage.sizes import item_size
from quittance.storage.table import Table
from tests.storage import samples
from tests.storage.races import admitted
from tests.storage.races_batch import (
    TYPE,
    a_batch,
    a_lock,
    a_member,
    entering,
    lock_now,
    open_batch,
    opening,
    stored,
)
from tests.storage.samples import NOW
from tests.storage.strategies import NAMES, TEXTS, of

UNIT = 1024


def _kept(key: Key, attributes: Any) -> Any:
    return plain({name: typed(value) for name, value in {"pk": key.pk, "sk": key.sk, **attributes}.items()})


BATCHES = st.builds(
    replace,
    of(FeedBatch),
    account=NAMES,
    type=NAMES,
    number=st.integers(1, 10**8 - 1),
    lane=st.integers(0, 2),
    state=st.sampled_from([state for state in BatchState if state is not BatchState.CLOSED]),
)
LOCKS = st.builds(replace, of(FeedLock), account=NAMES, type=NAMES)
MEMBERS = st.builds(Member, NAMES, TEXTS, st.sampled_from(Act), TEXTS.map(str.encode), TEXTS, st.booleans())


@given(BATCHES)
def test_a_header_is_read_back_as_it_was_written(batch: FeedBatch) -> None:
    assert batch_of(_kept(batch_key(batch), batch_attributes(batch))) == batch


@given(LOCKS)
def test_a_lock_is_read_back_as_it_was_written(lock: FeedLock) -> None:
    assert lock_of(_kept(keys.feed_lock(lock.account, lock.type), lock_attributes(lock))) == lock


@given(MEMBERS)
def test_a_member_is_read_back_as_it_was_written(member: Member) -> None:
    key = keys.member("a", TYPE, 1, member.intent)

    assert member_of(_kept(key, member_attributes(member))) == member


@given(BATCHES, LOCKS)
def test_what_may_be_missing_is_listed_so_that_a_write_can_remove_it(batch: FeedBatch, lock: FeedLock) -> None:
    always = frozenset({"v", "version", "state", "channel", "opened"})

    assert always <= batch_attributes(batch).keys() <= always | BATCH_OPTIONAL
    assert {"v", "version"} <= lock_attributes(lock).keys() <= {"v", "version"} | LOCK_OPTIONAL


def test_a_row_that_is_no_text_is_refused() -> None:
    with pytest.raises(Rejected, match="BAD_ROW"):
        member_attributes(replace(a_member(), row=b"\xff\xfe"))


def test_a_closed_batch_is_never_in_the_due_index() -> None:
    armed = a_batch(due=NOW)

    assert {"due_pk", "due_sk"} <= batch_attributes(armed).keys()
    assert not {"due_pk", "due_sk"} & batch_attributes(replace(armed, state=BatchState.CLOSED)).keys()


def test_a_batch_of_another_schema_is_unavailable_rather_than_misread() -> None:
    for reader, sk in ((batch_of, "BATCH#00000001"), (lock_of, "LOCK"), (member_of, "BATCH#00000001#i")):
        with pytest.raises(Unavailable, match="schema"):
            reader({"v": SCHEMA + 2, "pk": "FEED#a#refunds", "sk": sk})


def test_a_header_and_a_member_of_one_row_cost_one_write_unit_each() -> None:
    known = tuple(f"5{number:011d}" for number in range(15))
    sent = a_batch(
        state=BatchState.SUBMITTED, size=1000, volume=400_000, fence=1, due=NOW, sha256="ab" * 32, known=known,
        document="amzn1.tortuga.4.eu." + "x" * 60, submitted_at=NOW, lease_until=NOW, feed="512345678901",
    )  # fmt: skip
    row = replace(a_member(), row=b"r" * 500)

    assert item_size(batch_key(sent), batch_attributes(sent)) < UNIT
    assert item_size(keys.member(samples.ACCOUNT, TYPE, 1, row.intent), member_attributes(row)) < UNIT


def test_the_first_intent_opens_a_batch_and_the_lock_points_to_it(engine: Engine) -> None:
    table = Table(engine)
    assert table.feed_lock(samples.ACCOUNT, TYPE) is None
    table.join(opening(admitted(table), None))

    assert (lock_now(table).open, lock_now(table).last, lock_now(table).version) == (1, 1, 1)
    assert (stored(table).size, stored(table).state) == (1, BatchState.BUILDING)
    assert table.members(stored(table)) == [a_member()]


def test_members_come_in_the_order_of_their_intents(engine: Engine) -> None:
    table = Table(engine)
    open_batch(table)
    table.join(entering(admitted(table), stored(table)))

    found = [member.intent for member in table.members(stored(table))]
    assert found == sorted(found)
    assert len(found) == stored(table).size == 2


def test_members_of_another_batch_are_not_among_them(engine: Engine) -> None:
    table = Table(engine)
    open_batch(table)
    table.join(opening(admitted(table), lock_now(table)))

    assert [len(table.members(stored(table, number))) for number in (1, 2)] == [1, 1]


def test_intents_and_orders_of_members_are_read_as_they_stand(engine: Engine) -> None:
    table = Table(engine)
    table.commit(Changes(NOW, order=OrderChange(None, samples.an_order(version=0))))
    table.join(opening(admitted(table), None))
    batch, members = stored(table), table.members(stored(table))

    intents = table.member_intents(batch, members)
    assert (intents[samples.INTENT].state, intents[samples.INTENT].batch) == (IntentState.SENDING, 1)
    assert set(table.member_orders(batch, members)) == {samples.ORDER}
    assert samples.INTENT in table.member_scene(batch, members[0]).intents
    absent = replace(members[0], intent=IntentId("gone"), order=OrderId("gone"))
    assert table.member_intents(batch, [absent]) == {}


def test_a_member_that_leaves_stays_on_record_with_its_row(engine: Engine) -> None:
    table = Table(engine)
    table.join(opening(admitted(table), None))
    (member,) = table.members(stored(table))
    batch = stored(table)
    fewer = replace(batch, size=0, version=batch.version + 1)
    intent = table.member_intents(batch, [member])[member.intent]
    ready = replace(intent, state=IntentState.READY, batch=0, version=intent.version + 1)
    table.leave(Leaving(BatchChange(batch, fewer), replace(member, is_out=True), IntentChange(intent, ready)))

    (left,) = table.members(stored(table))
    assert (left.is_out, left.row, stored(table).size) == (True, member.row, 0)
    assert table.member_intents(batch, [member])[member.intent].batch == 0


def test_a_header_and_its_lock_move_together_and_lose_what_they_no_longer_say(engine: Engine) -> None:
    table = Table(engine)
    batch = open_batch(table)
    due = replace(batch, state=BatchState.SUBMITTING, known=("F1",), due=NOW)
    lock = lock_now(table)
    table.commit_batch(BatchChange(batch, due), LockChange(lock, replace(lock, holder=1, open=0)))
    assert (lock_now(table).holder, lock_now(table).open) == (1, 0)

    batch = stored(table)
    table.commit_batch(BatchChange(batch, replace(batch, state=BatchState.CLOSED, known=(), due=None)))
    assert (stored(table).known, stored(table).due, stored(table).version) == ((), None, 3)


def test_a_due_batch_is_found_in_its_lane_and_no_member_is(engine: Engine) -> None:
    table = Table(engine)
    table.join(opening(admitted(table), None))
    found = [key for shard in range(keys.SHARDS) for key in table.due(1, shard, NOW + timedelta(minutes=10), 10)]

    assert keys.batch(samples.ACCOUNT, TYPE, 1) in found
    assert keys.member(samples.ACCOUNT, TYPE, 1, samples.INTENT) not in found


def test_a_key_of_anything_else_is_no_batch(engine: Engine) -> None:
    table = Table(engine)
    table.join(opening(admitted(table), None))

    assert table.batch_at(keys.feed_lock(samples.ACCOUNT, TYPE)) is None
    assert table.batch_at(keys.member(samples.ACCOUNT, TYPE, 1, samples.INTENT)) is None
    assert table.batch(samples.ACCOUNT, TYPE, 2) is None
    assert a_lock().last == 0
