"""Scripted misfortune: what the caller sees, and what the books say happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

import pytest
import requests

from sandbox.shopify import Faults, Kind
from tests.sandbox.shopify.world import REFUND, World


def refund_input(world: World, order: str) -> dict[str, object]:
    payment = world.shopify.floor().books.paid(order)[0]
    entry = {"orderId": order, "parentId": payment.id, "gateway": "x", "kind": "REFUND", "amount": "20.00"}
    return {"input": {"orderId": order, "transactions": [entry]}, "key": "decision-1"}


@pytest.mark.proves("B1", "B3")
@pytest.mark.parametrize(
    "script, applied",
    [
        (lambda faults: faults.lose_request("refundCreate"), False),
        (lambda faults: faults.lose_answer("refundCreate"), True),
    ],
)
def test_a_lost_connection_leaves_the_caller_in_the_dark(
    world: World, script: Callable[[Faults], None], applied: bool
) -> None:
    order = world.delivered_order()
    script(world.shopify.faults)

    with pytest.raises(requests.ConnectionError):
        world.send(REFUND, refund_input(world, order))

    assert (world.shopify.books()["#1001"].refunded == 2000) is applied
    assert (world.shopify.requests[-1].applied, world.shopify.requests[-1].answered) == (applied, False)
    again = world.data(REFUND, refund_input(world, order))
    assert again["refund"]
    assert world.shopify.books()["#1001"].refunded == 2000


@pytest.mark.parametrize(
    "script, status, applied",
    [
        (lambda faults: faults.refuse(503), 503, False),
        (lambda faults: faults.refuse(429), 429, False),
        (lambda faults: faults.refuse(403), 403, False),
        (lambda faults: faults.fail_after(502), 502, True),
    ],
)
def test_a_status_may_come_before_or_after_the_act(
    world: World, script: Callable[[Faults], None], status: int, applied: bool
) -> None:
    order = world.delivered_order()
    script(world.shopify.faults)

    answer = world.send(REFUND, refund_input(world, order))

    assert answer.status_code == status
    assert (world.shopify.books()["#1001"].refunded == 2000) is applied
    assert ("Retry-After" in answer.headers) is (status == 429)


def test_a_throttled_request_is_not_applied(world: World) -> None:
    order = world.delivered_order()
    world.shopify.faults.throttle("refundCreate")
    answer = world.send(REFUND, refund_input(world, order))

    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert answer.json()["extensions"]["cost"]["requestedQueryCost"] > 0
    assert world.shopify.books()["#1001"].refunded == 0


def test_an_answer_may_break_off(world: World) -> None:
    order = world.delivered_order()
    world.shopify.faults.truncate("Refund")
    answer = world.send(REFUND, refund_input(world, order))

    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert world.shopify.books()["#1001"].refunded == 2000


def test_an_internal_error_may_hide_a_success(world: World) -> None:
    order = world.delivered_order()
    world.shopify.faults.internal_error(lambda call: call.variables.get("key") == "decision-1")
    answer = world.send(REFUND, refund_input(world, order))

    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "data" not in answer.json()
    assert world.shopify.books()["#1001"].refunded == 2000


def test_a_slow_answer_keeps_its_key_in_flight(world: World) -> None:
    order = world.delivered_order()
    world.shopify.faults.slow(0.4, "refundCreate")
    variables = refund_input(world, order)
    slow = Thread(target=world.send, args=(REFUND, variables))
    slow.start()
    while not world.shopify.requests:
        time.sleep(0.01)

    meanwhile = world.data(REFUND, variables)
    slow.join()

    assert meanwhile["refund"] is None
    assert meanwhile["userErrors"][0]["message"] == "This request is currently in progress, please try again."
    assert world.data(REFUND, variables)["refund"]
    assert world.shopify.books()["#1001"].refunded == 2000


def test_faults_are_consumed_in_order_and_spare_other_requests(world: World) -> None:
    faults = world.shopify.faults
    faults.refuse(500, "refundCreate", times=2)
    assert world.send("{ shop { name } }").status_code == 200
    assert faults.waiting() == 2
    order = world.delivered_order()
    statuses = [world.send(REFUND, refund_input(world, order)).status_code for _ in range(3)]

    assert statuses == [500, 500, 200]
    assert [item.fault for item in world.shopify.requests] == [None, Kind.REFUSED_STATUS, Kind.REFUSED_STATUS, None]


def test_the_log_tells_what_was_asked_and_whether_it_counted(world: World) -> None:
    order = world.delivered_order()
    world.data(REFUND, refund_input(world, order))
    world.data(REFUND, refund_input(world, order) | {"key": "other", "input": {"orderId": "gid://shopify/Order/1"}})

    first, second = world.shopify.requests
    assert (first.operation, first.fields, first.is_mutation) == ("Refund", ("refundCreate",), True)
    assert first.variables["key"] == "decision-1"
    assert (first.applied, second.applied) == (True, False)
