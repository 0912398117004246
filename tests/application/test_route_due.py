"""What is due goes to the queue that does it, claims first; a full queue leaves its lane where nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from quittance.application.commit import Key
from quittance.application.route_due import PER_MESSAGE, route_due, target_of
from quittance.domain.ids import OrderId
from quittance.domain.priority import CaseKind
from quittance.domain.refund import lane_of
from quittance.storage import keys
from tests.support import builders as b
from tests.support.mailroom import Mailroom, MemoryQueues
from tests.support.workbench import Workbench

CASE = keys.case_head(b.case().id)
INTENT = keys.intent("shopify", "maison-lumiere", OrderId("1"), b.intent().id)
DELIVERY = Key("DELIVERY#shopify#maison-lumiere#d1", "DELIVERY")
POLL = keys.poll("maison-lumiere", "returns")


class Index:
    """What is due, by lane and shard; only what the tick asks of a table."""

    def __init__(self, due: dict[tuple[int, int], list[Key]]) -> None:
        self.held = due
        self.asked: list[tuple[int, int]] = []

    def due(self, lane: int, shard: int, _now: datetime, limit: int) -> Sequence[Key]:
        self.asked.append((lane, shard))
        return self.held.get((lane, shard), [])[:limit]


def route(
    due: dict[tuple[int, int], list[Key]], full: Sequence[str] = ()
) -> tuple[dict[tuple[str, int], int], MemoryQueues]:
    queues = MemoryQueues()
    routed = route_due(Index(due), queues, b.NOW, lambda target: target in full)  # type: ignore[arg-type]  # an index is enough
    return routed, queues


@pytest.mark.parametrize(
    "key, lane, target",
    [
        (CASE, 0, "due"),
        (CASE, 2, "due"),
        (DELIVERY, 2, "inbox"),
        (POLL, 2, "poll"),
        (INTENT, 0, "urgent"),
        (INTENT, 1, "refund"),
        (INTENT, 2, "refund"),
    ],
)
def test_the_key_says_who_works_on_it(key: Key, lane: int, target: str) -> None:
    assert target_of(key, lane) == target


def test_lanes_go_in_order_and_every_shard_is_asked() -> None:
    index = Index({(2, 0): [DELIVERY], (0, 7): [INTENT], (1, 3): [INTENT], (0, 1): [CASE]})
    queues = MemoryQueues()

    route_due(index, queues, b.NOW, lambda _: False)  # type: ignore[arg-type]  # an index is enough

    assert [target for target, _ in queues.woken] == ["due", "urgent", "refund", "inbox"]
    assert index.asked == [(lane, shard) for lane in range(3) for shard in range(8)]


def test_what_went_where_is_counted_by_target_and_lane() -> None:
    routed, _ = route({(0, 0): [CASE, INTENT], (0, 1): [CASE], (2, 4): [POLL]})

    assert routed == {("due", 0): 2, ("urgent", 0): 1, ("poll", 2): 1}


def test_a_message_carries_at_most_a_hundred_keys() -> None:
    _, queues = route({(1, shard): [INTENT] * 90 for shard in range(3)})

    assert [len(sent) for _, sent in queues.woken] == [PER_MESSAGE, PER_MESSAGE, 70]


def test_a_full_queue_gets_nothing_and_the_others_do() -> None:
    routed, queues = route({(1, 0): [CASE, INTENT], (2, 0): [DELIVERY]}, full=["due", "inbox"])

    assert routed == {("refund", 1): 1}
    assert [target for target, _ in queues.woken] == ["refund"]


@pytest.mark.proves("B18")
@pytest.mark.parametrize("full", [["due"], ["refund", "inbox", "poll"], ["due", "refund", "inbox", "poll"]])
def test_claims_and_cancellations_never_wait_behind_the_backlog_of_other_lanes(full: list[str]) -> None:
    backlog = {(lane, shard): [CASE, INTENT, DELIVERY] for lane in (1, 2) for shard in range(8)}

    _, queues = route({(0, 3): [CASE, INTENT], **backlog}, full=full)

    assert [target for target, _ in queues.woken[:2]] == ["due", "urgent"]
    assert {target for target, _ in queues.woken[2:]}.isdisjoint(full)


def test_urgent_intents_wait_for_nobody_but_themselves() -> None:
    routed, _ = route({(0, 0): [INTENT, CASE], (1, 0): [INTENT]}, full=["urgent"])

    assert routed == {("due", 0): 1, ("refund", 1): 1}


@pytest.mark.parametrize("kind, lane", [(kind, 0 if kind in ("claim", "cancellation") else 1) for kind in CaseKind])
def test_what_a_claim_or_a_cancellation_sends_is_of_the_first_lane(kind: CaseKind, lane: int) -> None:
    assert lane_of(kind) == lane
    assert target_of(INTENT, lane) == ("urgent" if lane == 0 else "refund")
    assert target_of(keys.batch("eu", "refunds", 1), lane) == target_of(INTENT, lane)


def test_nothing_due_sends_nothing() -> None:
    assert route({}) == ({}, route({})[1])


def test_what_the_use_cases_armed_is_found_at_its_time_and_not_before() -> None:
    bench, queues = Workbench(), MemoryQueues()
    bench.observe()
    bench.shop.unreadable = 1
    Mailroom(bench).take(Mailroom(bench).webhook("d1"))
    legal = bench.case.deadlines["decide_request"].legal

    assert route_due(bench.table, queues, b.NOW, lambda _: False) == {}
    assert route_due(bench.table, queues, b.NOW + timedelta(seconds=30), lambda _: False) == {("inbox", 2): 1}
    assert route_due(bench.table, queues, legal, lambda _: False) == {("inbox", 2): 1, ("due", 2): 1}


def test_a_ready_refund_that_the_stream_forgot_is_woken_by_the_tick() -> None:
    bench, queues = Workbench().refunding(), MemoryQueues()

    routed = route_due(bench.table, queues, b.NOW + timedelta(seconds=60), lambda _: False)

    assert routed[("refund", 1)] == 1
    (woken,) = [sent for target, sent in queues.woken if target == "refund"]
    assert woken[0].sk == f"INTENT#{bench.refund.id}"
