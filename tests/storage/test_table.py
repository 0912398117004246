"""What the table answers, access pattern by access pattern, in memory and on DynamoDB alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from quittance.application.commit import (
    Alias,
    CaseChange,
    Changes,
    IntentChange,
    Key,
    OrderChange,
    Scene,
    Text,
    Write,
)
from quittance.domain.account import Control, Mode
from quittance.domain.case import Case, returned
from quittance.domain.errors import Conflict, Rejected, Unavailable
from quittance.domain.events import CaseMarked, CaseOpened
from quittance.domain.ids import CaseId, IntentId, OrderId, case_of_channel
from quittance.domain.intent import IntentState
from quittance.domain.ledger import Amounts, Claim, Payment
from quittance.domain.observations import ChannelStatus
from quittance.domain.priority import standing
from quittance.storage import keys
from quittance.storage.engine import Engine
from quittance.storage.table import Table
from tests.storage import races, samples
from tests.storage.samples import ACCOUNT, CASE, CHANNEL, HOUR, INTENT, NOW, ORDER, OTHER_CASE

FAR = NOW + timedelta(days=365)


def everything_due(table: Table, lane: int, at: datetime = FAR) -> list[Key]:
    return [key for shard in range(keys.SHARDS) for key in table.due(lane, shard, at, 100)]


def an_order_with_two_cases(table: Table) -> Scene:
    order = samples.an_order(version=0, cases=frozenset({CASE, OTHER_CASE}))
    changes = Changes(
        NOW,
        cases=(CaseChange(None, races.fresh(), ()), CaseChange(None, races.fresh(OTHER_CASE), ())),
        order=OrderChange(None, order),
        intents=(IntentChange(None, races.ready()),),
    )
    table.commit(changes)
    return table.load_order(CHANNEL, ACCOUNT, ORDER)


def test_an_order_is_loaded_with_its_intents_and_cases(table: Table) -> None:
    scene = an_order_with_two_cases(table)

    assert scene.order == samples.an_order(version=1, cases=frozenset({CASE, OTHER_CASE}))
    assert scene.cases.keys() == {CASE, OTHER_CASE}
    assert scene.intents == {INTENT: races.ready()}


def test_an_order_nobody_wrote_is_an_empty_scene(table: Table) -> None:
    assert table.load_order(CHANNEL, ACCOUNT, OrderId("none")) == Scene()


def test_a_scene_holds_the_case_its_order_and_the_orders_other_cases(table: Table) -> None:
    whole = an_order_with_two_cases(table)

    assert table.load_scene(CASE) == whole
    assert table.load_scene(CaseId("none")) == Scene()


def test_a_parcel_without_an_order_is_a_scene_of_its_own(table: Table) -> None:
    parcel = samples.a_parcel(version=0, tail="")
    table.commit(Changes(NOW, (CaseChange(None, parcel, ()),)))

    scene = table.load_scene(parcel.id)

    assert scene.cases.keys() == {parcel.id}
    assert scene.order is None


def test_a_commit_raises_versions_by_one_and_keeps_everything_else(table: Table) -> None:
    before = races.opened(table)
    ordered = races.ordered(table)
    after = replace(before, marks=frozenset({"m"}))
    moved = replace(ordered, disputes=frozenset({"d"}))

    table.commit(Changes(NOW, (CaseChange(before, after, ()),), OrderChange(ordered, moved)))

    assert races.loaded(table) == replace(after, version=before.version + 1, tail=races.loaded(table).tail)
    assert races.read_order(table) == replace(moved, version=ordered.version + 1)


def test_what_is_no_longer_so_is_taken_out_of_the_items(table: Table, engine: Engine) -> None:
    before = races.opened(table)
    closed = replace(
        before, deadlines={}, marks=frozenset(), body=replace(returned(before), status=ChannelStatus.CLOSED)
    )

    table.commit(Changes(NOW, (CaseChange(before, closed, ()),)))

    item = engine.get(keys.case_head(CASE)) or {}
    assert not {"deadlines", "due_pk", "due_sk", "desk_pk", "desk_sk"} & item.keys()
    assert races.loaded(table).deadlines == {}


def test_an_order_that_is_only_checked_stays_as_it_is(table: Table) -> None:
    order = races.ordered(table)

    table.commit(Changes(NOW, order=OrderChange(order, order), intents=(IntentChange(None, races.ready()),)))

    assert races.read_order(table) == order


def test_a_stale_reader_never_moves_a_case_back(table: Table) -> None:
    stale = races.opened(table)
    received = replace(stale, body=replace(returned(stale), as_of=NOW + HOUR, country="DE"))
    table.commit(Changes(NOW, (CaseChange(stale, received, ()),)))

    with pytest.raises(Conflict):
        table.commit(Changes(NOW, (CaseChange(stale, replace(stale, marks=frozenset({"late"})), ()),)))

    assert returned(races.loaded(table)).country == "DE"


@pytest.mark.proves("F097")
def test_two_cases_of_one_order_cannot_reserve_the_same_unit(table: Table) -> None:
    stale = races.ordered(table)
    first = samples.with_claim(stale, INTENT, samples.a_claim(units=2))
    second = samples.with_claim(stale, samples.OTHER_INTENT, samples.a_claim(units=2))
    table.commit(Changes(NOW, order=OrderChange(stale, first)))

    with pytest.raises(Conflict):
        table.commit(Changes(NOW, order=OrderChange(stale, second)))

    assert races.claims(table) == {INTENT}


def test_all_of_a_commit_or_none_of_it_happens(table: Table, engine: Engine) -> None:
    stale = races.opened(table)
    table.commit(Changes(NOW, (races.marked(stale, "first"),)))

    with pytest.raises(Conflict):
        table.commit(
            Changes(
                NOW,
                (races.marked(stale, "second"),),
                OrderChange(None, samples.an_order()),
                (IntentChange(None, races.ready()),),
                (samples.a_delivery_key(),),
                (Alias(CHANNEL, ACCOUNT, "rma", "R", CASE),),
                (Text(CASE, "t", "words", NOW),),
            )
        )

    assert table.load_order(CHANNEL, ACCOUNT, ORDER) == Scene()
    assert table.delivery(samples.a_delivery_key()) is None
    assert table.find(CHANNEL, ACCOUNT, "rma", "R") is None
    assert engine.query("PERSON#" + CASE) == []


def test_an_empty_commit_writes_nothing(table: Table) -> None:
    table.commit(Changes(NOW))


def test_an_intent_is_written_alone(table: Table) -> None:
    before = races.admitted(table)

    table.commit_intent(before, races.claimed(before))

    after = races.intent_now(table)
    assert after is not None
    assert (after.state, after.version, after.attempt.fence) == (IntentState.SENDING, before.version + 1, 1)


def test_an_intent_that_only_waits_longer_is_a_new_version_too(table: Table) -> None:
    before = races.admitted(table)

    table.commit_intent(before, replace(before, due=NOW + 2 * HOUR))

    with pytest.raises(Conflict):
        table.commit_intent(before, replace(before, due=NOW + 3 * HOUR))


def test_history_tells_every_commit_of_a_case_and_its_chain_is_whole(table: Table) -> None:
    table.commit(Changes(NOW, (CaseChange(None, races.fresh(), (CaseOpened(races.fresh()),)),)))
    table.commit(Changes(NOW + HOUR, (races.marked(races.loaded(table), "m"),)))

    first, second = table.history(CASE)

    assert [event for event, _ in first.events] == ["CaseOpened"]
    assert second.events == (("CaseMarked", {"mark": "m"}),)
    assert (first.version, second.version) == (1, 2)
    assert (second.at, second.previous, races.loaded(table).tail) == (NOW + HOUR, first.hash, second.hash)
    assert table.history_broken_at(CASE) is None


def test_words_and_other_names_are_found_again(table: Table) -> None:
    table.commit(
        Changes(
            NOW,
            aliases=(Alias(CHANNEL, ACCOUNT, "tracking", "6A#1", CASE),),
            texts=(Text(CASE, "t1", "it does not fit", FAR),),
        )
    )

    assert table.find(CHANNEL, ACCOUNT, "tracking", "6A#1") == CASE
    assert table.find(CHANNEL, ACCOUNT, "tracking", "6A#2") is None
    assert table.words(CASE, "t1") == "it does not fit"
    assert table.words(CASE, "t2") is None


def test_words_go_when_their_time_is_over(table: Table, engine: Engine) -> None:
    table.commit(Changes(NOW, texts=(Text(CASE, "t1", "words", FAR),)))

    (item,) = engine.query("PERSON#" + CASE)

    assert item["expires_at"] == int(FAR.timestamp())


def test_an_account_observes_until_it_is_told_otherwise(table: Table) -> None:
    assert table.control(ACCOUNT) == Control()
    table.set_control(ACCOUNT, Control(Mode.LIVE, killed=True, epoch=2))
    assert table.control(ACCOUNT) == Control(Mode.LIVE, killed=True, epoch=2)


def test_an_epoch_never_falls(table: Table) -> None:
    table.set_control(ACCOUNT, Control(epoch=2))

    with pytest.raises(Rejected, match="EPOCH_FELL"):
        table.set_control(ACCOUNT, Control(epoch=1))


def test_a_pending_delivery_is_due_until_it_is_done(table: Table, engine: Engine) -> None:
    delivery, key = samples.a_delivery(), keys.delivery(samples.a_delivery_key())

    table.pend(delivery, "archive/x", 3, NOW + HOUR, "timeout")

    assert everything_due(table, keys.QUIET_LANE) == [key]
    assert table.pending(key) == (delivery.key, "archive/x", 3)
    table.end_delivery(delivery.key, NOW)
    assert everything_due(table, keys.QUIET_LANE) == []
    assert table.pending(key) is None
    record, item = table.delivery(delivery.key), engine.get(key) or {}
    assert record is not None
    assert record.state == "done"
    assert item["expires_at"] == int((NOW + timedelta(days=35)).timestamp())


def test_a_delivery_may_end_twice(table: Table) -> None:
    table.end_delivery(samples.a_delivery_key(), NOW)
    table.end_delivery(samples.a_delivery_key(), NOW + HOUR)


def test_what_is_no_delivery_is_not_pending(table: Table) -> None:
    assert table.pending(keys.case_head(CASE)) is None
    assert table.pending(keys.delivery(samples.a_delivery_key("never seen"))) is None


def test_a_parked_delivery_is_listed_and_its_delivery_has_ended(table: Table) -> None:
    table.pend(samples.a_delivery(), "archive/x", 12, NOW, "timeout")
    parked = samples.a_parked()

    table.park(parked)
    table.park(replace(parked, at=NOW + HOUR))

    assert table.parked(CHANNEL, ACCOUNT) == (parked,)
    assert everything_due(table, keys.QUIET_LANE) == []


def test_a_redriven_delivery_is_due_again_and_no_longer_parked(table: Table, engine: Engine) -> None:
    table.park(samples.a_parked())

    table.redrive(samples.a_parked(), NOW + HOUR)

    assert "expires_at" not in (engine.get(keys.delivery(samples.a_delivery_key())) or {})

    assert table.parked(CHANNEL, ACCOUNT) == ()
    assert table.pending(keys.delivery(samples.a_delivery_key())) == (samples.a_delivery_key(), "archive/x", 0)


def test_what_cannot_be_tried_again_is_closed(table: Table) -> None:
    table.park(samples.a_parked())

    table.close_parked(samples.a_parked(), "expired", FAR)

    assert table.parked(CHANNEL, ACCOUNT) == ()
    with pytest.raises(Conflict):
        table.close_parked(samples.a_parked(), "expired", FAR)


def test_a_poll_is_created_once_and_moves_on(table: Table) -> None:
    assert table.create_poll(samples.a_poll())
    assert not table.create_poll(samples.a_poll(cursor="other"))
    before = table.poll_at(keys.poll(ACCOUNT, "returns"))
    assert before == samples.a_poll(version=1)
    assert before is not None

    table.save_poll(before, replace(before, cursor="c", due=NOW + HOUR))

    after = table.poll(ACCOUNT, "returns")
    assert after == replace(before, cursor="c", due=NOW + HOUR, version=2)
    assert after is not None
    table.save_poll(after, replace(after, cursor=""))
    assert table.poll(ACCOUNT, "returns") == replace(after, cursor="", version=3)


def test_a_lease_is_held_until_it_runs_out(table: Table) -> None:
    assert table.take_lease("tick", NOW, NOW + HOUR)
    assert not table.take_lease("tick", NOW + HOUR / 2, NOW + 2 * HOUR)
    assert table.take_lease("tick", NOW + HOUR, NOW + 2 * HOUR)


def test_due_finds_what_is_due_and_nothing_else(table: Table) -> None:
    case = races.opened(table)
    assert case.due is not None
    lane, at = case.due

    assert everything_due(table, lane, at) == [keys.case_head(CASE)]
    assert everything_due(table, lane, at - timedelta(milliseconds=1)) == []
    assert [everything_due(table, other) for other in keys.LANES if other != lane] == [[], []]


def test_due_gives_the_earliest_first_and_no_more_than_asked_for(table: Table) -> None:
    for minutes in (3, 1, 2):
        intent = races.ready(id=IntentId(f"i-{minutes}"), due=NOW + minutes * timedelta(minutes=1))
        table.commit(Changes(NOW, intents=(IntentChange(None, intent),)))

    for each in range(keys.SHARDS):
        found = table.due(1, each, FAR, 2)
        assert len(found) <= 2
        assert list(found) == sorted(found)
    assert len(everything_due(table, 1)) == 3


def test_a_lane_that_no_tick_reads_is_refused(table: Table) -> None:
    for lane, shard in ((3, 0), (0, keys.SHARDS)):
        with pytest.raises(Rejected, match="BAD_LANE"):
            table.due(lane, shard, NOW, 1)


def test_due_keys_lead_to_what_they_name(table: Table) -> None:
    scene = an_order_with_two_cases(table)
    key = keys.intent(CHANNEL, ACCOUNT, ORDER, INTENT)

    assert table.intent_at(key) == (scene, INTENT)
    assert table.case_at(keys.case_head(CASE)) == scene.cases[CASE]


def test_a_key_of_another_kind_leads_nowhere(table: Table) -> None:
    an_order_with_two_cases(table)
    head, intent = keys.case_head(CASE), keys.intent(CHANNEL, ACCOUNT, ORDER, INTENT)

    assert table.intent_at(head) is None
    assert table.intent_at(keys.intent(CHANNEL, ACCOUNT, ORDER, IntentId("none"))) is None
    assert table.case_at(intent) is None
    assert table.case_at(keys.case_head(CaseId("none"))) is None
    assert table.poll_at(head) is None
    assert table.poll_at(keys.poll(ACCOUNT, "none")) is None


def test_a_case_that_fails_again_and_again_leaves_its_lane_until_it_changes(table: Table) -> None:
    races.opened(table)

    assert not table.count_try(races.loaded(table), 2)
    assert races.loaded(table).due_tries == 1
    assert table.count_try(races.loaded(table), 2)
    assert all(everything_due(table, lane) == [] for lane in keys.LANES)

    table.commit(Changes(NOW, (races.marked(races.loaded(table), "m"),)))
    assert races.loaded(table).due_tries == 0
    assert any(everything_due(table, lane) for lane in keys.LANES)


def test_a_count_made_while_a_case_was_being_changed_is_forgotten(table: Table) -> None:
    read = races.opened(table)
    table.count_try(read, 5)

    table.commit(Changes(NOW, (races.marked(read, "m"),)))

    assert races.loaded(table).due_tries == 0


def test_a_case_with_nothing_due_is_not_counted(table: Table) -> None:
    quiet = replace(races.fresh(), deadlines={})
    table.commit(Changes(NOW, (CaseChange(None, quiet, ()),)))

    assert not table.count_try(races.loaded(table), 1)
    assert races.loaded(table).due_tries == 0


def several_returns(table: Table, count: int) -> list[Case]:
    made = []
    for number in range(count):
        external = f"98765432{number}"
        case_id = case_of_channel(CHANNEL, ACCOUNT, "return", external)
        account = ACCOUNT if number % 2 == 0 else "another"
        case = races.fresh(case_id, external=external, account=account)
        table.commit(Changes(NOW, (CaseChange(None, case, (CaseMarked("m"),)),)))
        made.append(case)
    return made


def test_open_returns_of_an_account_are_known_by_the_channels_ids(table: Table) -> None:
    made = several_returns(table, 6)

    known = table.known_returns(CHANNEL, ACCOUNT, 100)

    assert known == {case.external: "open" for case in made if case.account == ACCOUNT}
    assert len(table.known_returns(CHANNEL, ACCOUNT, 2)) == 2


def test_the_desk_shows_open_cases_of_its_queue(table: Table) -> None:
    made = several_returns(table, 3)
    queue = standing(CHANNEL, made[0].kind).queue

    assert {case.id for case in table.desk_page(queue, 100)[0]} == {case.id for case in made}
    assert table.desk_page("amazon-claim", 100) == ((), "")


def test_more_than_a_transaction_can_carry_is_refused_before_it_is_sent(table: Table) -> None:
    names = tuple(samples.a_delivery_key(f"d-{number}") for number in range(101))
    with pytest.raises(Rejected, match=r"TOO_LARGE.*101"):
        table.commit(Changes(NOW, deliveries=names))

    huge = tuple(Text(CASE, f"t{number}", "x" * 350_000, FAR) for number in range(13))
    with pytest.raises(Rejected, match=r"TOO_LARGE.*bytes"):
        table.commit(Changes(NOW, texts=huge))
    with pytest.raises(Rejected, match=r"TOO_LARGE.*bytes"):
        table.commit(Changes(NOW, texts=(Text(CASE, "t", "x" * 410_000, FAR),)))


def test_two_writes_of_one_item_are_refused_before_they_are_sent(table: Table) -> None:
    alias = Alias(CHANNEL, ACCOUNT, "rma", "R", CASE)
    with pytest.raises(Rejected, match="TWO_WRITES"):
        table.commit(Changes(NOW, aliases=(alias, alias)))


def test_one_delivery_named_twice_is_one_write(table: Table) -> None:
    table.commit(Changes(NOW, deliveries=(samples.a_delivery_key(), samples.a_delivery_key())))

    assert table.delivery(samples.a_delivery_key()) is not None


class Colliding:
    """An engine on which every write meets another transaction."""

    def __init__(self, engine: Engine) -> None:
        self.get = engine.get
        self.query = engine.query
        self.batch_get = engine.batch_get
        self.query_index = engine.query_index

    def transact(self, _: object) -> None:
        raise Conflict("TransactionConflict")


def test_a_collision_is_not_taken_for_a_delivery_that_is_done(engine: Engine) -> None:
    collided = Table(Colliding(engine))
    with pytest.raises(Conflict):
        collided.end_delivery(samples.a_delivery_key(), NOW)
    with pytest.raises(Conflict):
        collided.pend(samples.a_delivery(), "archive/x", 1, NOW, "timeout")
    with pytest.raises(Conflict):
        collided.park(samples.a_parked())


def test_an_item_of_a_later_release_under_an_order_is_left_alone(table: Table, engine: Engine) -> None:
    scene = an_order_with_two_cases(table)
    engine.transact([Write(Key(keys.order(CHANNEL, ACCOUNT, ORDER).pk, "SOMETHING#1"), {"v": 1}, ())])

    assert table.load_order(CHANNEL, ACCOUNT, ORDER) == scene


def test_a_poll_without_a_due_key_says_so(table: Table, engine: Engine) -> None:
    table.create_poll(samples.a_poll())
    engine.transact([Write(keys.poll(ACCOUNT, "returns"), {}, (), frozenset({"due_pk", "due_sk"}))])

    with pytest.raises(Unavailable, match="due key"):
        table.poll(ACCOUNT, "returns")


def test_a_payment_captured_since_the_last_reading_may_be_claimed_in_the_commit_that_shows_it(table: Table) -> None:
    stale = races.ordered(table)
    more = replace(stale.ledger, payments={samples.PAYMENT: Payment(20000), "second": Payment(500)})
    amounts = Amounts({samples.PAYMENT: 15000, "second": 500}, {"a new line": (1, 15500)})
    richer = samples.with_claim(replace(stale, ledger=more), INTENT, Claim(amounts, NOW))

    table.commit(Changes(NOW, order=OrderChange(stale, richer)))

    assert races.read_order(table).ledger.available(samples.PAYMENT) == 4000
