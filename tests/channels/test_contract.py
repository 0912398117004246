"""What every channel keeps, whatever its name: hints, bytes, outcomes, reads that never take silence for absence."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.application.ports import (
    Applied,
    Channel,
    Delivery,
    Hint,
    NotSent,
    Reading,
    Refused,
    SendOutcome,
    Unknown,
)
from quittance.channels import registry
from quittance.domain.errors import Rejected, Unavailable
from quittance.domain.ids import DeliveryId
from quittance.domain.intent import Act, ReplayGuard
from tests.channels.examples import EXAMPLES, Example, Outcome
from tests.channels.road import Answer, Json, Reply, Road
from tests.channels.shopify_shapes import ACCOUNT, HORIZON, NOW, TIMEOUT

every_channel = pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])


def per(what: str) -> pytest.MarkDecorator:
    """Each of the example's own cases, with its example."""
    cases = [(example, case) for example in EXAMPLES for case in getattr(example, what)]
    return pytest.mark.parametrize("example, case", cases, ids=[f"{e.name}-{i}" for i, (e, _) in enumerate(cases)])


def delivery(example: Example, topic: str, body: bytes) -> Delivery:
    return Delivery(example.name, ACCOUNT, ACCOUNT, topic, DeliveryId("d-1"), NOW, body)


def test_every_listed_channel_is_held_to_the_contract() -> None:
    assert {example.name for example in EXAMPLES} == set(registry.names())


@pytest.mark.proves("F001")
@per("hints")
def test_a_hint_points_where_its_body_says_and_asks_nobody(example: Example, case: tuple[str, Json, Hint]) -> None:
    topic, body, expected = case
    road = Road()
    channel = example.channel(road)
    sent = delivery(example, topic, json.dumps(body).encode())

    assert channel.hint(sent) == expected
    assert channel.hint(sent) == channel.hint(sent)
    assert road.sent == []


@per("hints")
def test_a_field_that_nobody_knows_changes_no_hint(example: Example, case: tuple[str, Json, Hint]) -> None:
    topic, body, expected = case
    extended = {"added_next_year": [{"deep": None}], **body}

    assert example.channel(Road()).hint(delivery(example, topic, json.dumps(extended).encode())) == expected


@per("malformed")
def test_a_malformed_body_is_refused_by_the_name_of_its_field(example: Example, case: tuple[str, bytes, str]) -> None:
    topic, body, field = case

    with pytest.raises(Rejected) as refusal:
        example.channel(Road()).hint(delivery(example, topic, body))

    assert (refusal.value.code, refusal.value.field) == ("MALFORMED", field)
    assert refusal.value.fix


@every_channel
def test_a_topic_that_nobody_handles_is_recorded_and_its_body_not_even_read(example: Example) -> None:
    hint = example.channel(Road()).hint(delivery(example, "invented/topic", b"\x00"))

    assert hint == Hint(topic_known=False)


@every_channel
@pytest.mark.parametrize("act", list(Act))
def test_an_act_has_a_guard_or_the_channel_cannot_do_it(example: Example, act: Act) -> None:
    guard = registry.acts(example.name, HORIZON).guard(act)

    assert guard == example.channel(Road()).guard(act)
    if guard is not None:
        assert guard.horizon == HORIZON
        assert (guard.lifetime > timedelta(0)) == (guard.kind is ReplayGuard.KEYED)
        assert registry.acts(example.name).render(example.intents[act], "words")


@every_channel
@pytest.mark.parametrize("act", list(Act))
def test_the_body_of_an_act_is_the_same_bytes_each_time_and_in_each_part(example: Example, act: Act) -> None:
    intent, words = example.intents[act], example.words.get(act, "")
    backwards = replace(intent, lines=intent.lines[::-1], payments=dict(reversed(list(intent.payments.items()))))
    body = example.channel(Road()).render(intent, words)

    assert body == registry.acts(example.name).render(backwards, words)
    assert json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == body


def code_of(outcome: SendOutcome) -> str:
    match outcome:
        case Applied(reference):
            return reference
        case Refused(code):
            return code
        case NotSent(why) | Unknown(why):
            return why


@pytest.mark.proves("B1")
def _always(reply: Reply | Exception) -> Answer:
    return lambda _: reply


@per("outcomes")
def test_each_answer_to_a_send_proves_exactly_one_thing_and_is_never_asked_for_twice(
    example: Example, case: Outcome
) -> None:
    road = Road(_always(case.answer))
    channel = example.channel(road)
    intent = example.intents[case.act]
    body = channel.render(intent, example.words.get(case.act, ""))

    outcome = channel.send(ACCOUNT, intent, body, TIMEOUT)

    assert (type(outcome).__name__, code_of(outcome)) == (case.proves, case.code)
    assert len(road.sent) == 1
    assert body in road.sent[0].body


def readings(example: Example, channel: Channel) -> Iterator[Any]:
    """Every way to read a channel, each as something to call."""
    refund = example.intents[Act.REFUND]
    yield lambda: channel.read(ACCOUNT, refund.order, NOW)
    yield lambda: channel.order_of(ACCOUNT, refund.external)
    yield lambda: channel.prepare(ACCOUNT, refund, NOW)
    for act in Act:
        yield lambda act=act: channel.look_back(ACCOUNT, example.intents[act], frozenset())
    for source in example.poll_sources:
        yield lambda source=source: channel.poll(ACCOUNT, source, "", (refund.external,))


@every_channel
def test_an_answer_that_cannot_be_read_is_unavailable_to_every_read(example: Example) -> None:
    for name, spoilt in example.unreadable.items():
        for read in readings(example, example.channel(Road(_always(spoilt)))):
            with pytest.raises(Unavailable):
                pytest.fail(f"{name} was read as {read()}")


@every_channel
def test_an_order_that_the_channel_does_not_know_is_none_to_a_read_but_never_absence_to_a_look_back(
    example: Example,
) -> None:
    intents = example.intents.values()
    channel = example.channel(_unknown_order(example))

    assert channel.read(ACCOUNT, example.known_order(), NOW) is None
    for intent in intents:
        with pytest.raises(Unavailable):
            channel.look_back(ACCOUNT, intent, frozenset())
        with pytest.raises(Unavailable):
            channel.prepare(ACCOUNT, intent, NOW)


def _unknown_order(example: Example) -> Road:
    road = example.rebuilt(example.order())
    shown = road.answer
    road.answer = lambda sent: _without_order(shown(sent))
    return road


def _without_order(reply: Any) -> Any:
    return replace(reply, body={**reply.body, "data": dict.fromkeys(reply.body["data"])})


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a JSON."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield (*path, key)
        yield from places(value, (*path, key))


def spoilt(order: Json, path: tuple[Any, ...], value: Any, *, remove: bool) -> Json:
    changed = copy.deepcopy(order)
    node: Any = changed
    for key in path[:-1]:
        node = node[key]
    if remove and isinstance(node, dict):
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return changed


def is_subset(spoilt_reading: Reading, whole: Reading) -> bool:
    """A nullable value may be missing from a reading, but no line, payment, refund or return may."""
    pairs = ((spoilt_reading.order, whole.order), *zip(spoilt_reading.returns, whole.returns, strict=True))
    same_parts = all(
        getattr(a, name).keys() == getattr(b, name).keys()
        for a, b in pairs
        for name in ("lines", "payments")
        if hasattr(a, name)
    )
    refunds = [refund.id for refund in spoilt_reading.order.refunds] == [r.id for r in whole.order.refunds]
    return same_parts and refunds


def read_spoilt(example: Example, order: Json) -> Reading | None:
    """The reading of a spoilt order; None when it was noticed."""
    try:
        found = example.channel(example.rebuilt(order)).read(ACCOUNT, example.known_order(), NOW)
    except Unavailable:
        return None
    assert found is not None
    return found


@every_channel
def test_each_value_that_is_read_is_missed_when_it_is_left_out_or_null(example: Example) -> None:
    whole = example.order()
    expected = read_spoilt(example, whole)
    assert expected is not None

    for path in places(whole):
        nulled = read_spoilt(example, spoilt(whole, path, None, remove=False))
        assert nulled in (None, expected) or path[-1] in example.nullable, f"{path} is null and nobody noticed"
        if isinstance(path[-1], str):
            removed = read_spoilt(example, spoilt(whole, path, None, remove=True))
            assert removed in (None, expected), f"{path} is missing and nobody noticed"


@every_channel
@given(data=st.data())
def test_no_value_of_another_shape_becomes_absence(example: Example, data: st.DataObject) -> None:
    whole = example.order()
    expected = read_spoilt(example, whole)
    assert expected is not None
    path = data.draw(st.sampled_from(list(places(whole))))
    value: Any = data.draw(st.sampled_from([{}, "", 7.5, -1, True, [None], {"nodes": None, "pageInfo": None}]))

    found = read_spoilt(example, spoilt(whole, path, value, remove=False))

    assert found is None or is_subset(found, expected)
