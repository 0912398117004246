"""How Shopify is spoken to: one bounded request at a time, tokens fetched once, the bucket obeyed, nothing let slip."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from quittance.application.ports import Applied, NotSent, Unknown
from quittance.channels.shopify import documents, wire
from quittance.channels.shopify.acts import ShopifyActs
from quittance.channels.shopify.adapter import ShopifyChannel
from quittance.channels.shopify.client import Client
from quittance.domain.errors import Unavailable
from tests.channels import shopify_shapes as shapes
from tests.channels.road import Counted, Json, Reply, Road, Sent
from tests.channels.shopify_shapes import ACCOUNT, HORIZON, NOW, RETURN, TIMEOUT

APP = {"shop": "maison-lumiere", "client_id": "app-7", "client_secret": "shpss_never-shown"}
MINE = shapes.refund_intent()
BODY = ShopifyActs(HORIZON).render(MINE, "")
ASKED: Json = {"return": {"id": shapes.gid("Return", RETURN), "order": {"id": shapes.gid("Order", "8001")}}}


class Machine:
    """Seconds that a test moves; sleeping moves them too."""

    def __init__(self) -> None:
        self.at = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


def send(shop: ShopifyChannel, timeout: timedelta = TIMEOUT) -> object:
    return shop.send(ACCOUNT, MINE, BODY, timeout)


# The request


def test_a_request_goes_to_the_shops_own_address_pinned_unredirected_and_with_two_limits() -> None:
    road = shapes.desk(ReturnProcess={"returnProcess": shapes.processed()})

    send(shapes.channel(road), timedelta(seconds=12))

    (sent,) = road.sent
    assert sent.url == "https://maison-lumiere.myshopify.com/admin/api/2026-10/graphql.json"
    assert sent.headers["X-Shopify-Access-Token"] == "shpat_secret"
    assert sent.options["timeout"] == (2.0, 10.0)
    assert sent.body.endswith(b',"variables":' + BODY + b"}")
    assert sent.json["query"] == documents.MUTATIONS[MINE.act].document


def test_a_redirect_is_not_followed_so_that_no_token_leaves_for_another_host() -> None:
    road = Road(lambda _: Reply(b"", 302, {"Location": "https://elsewhere.example/"}))

    assert send(shapes.channel(road)) == Unknown("http_302")
    assert [sent.url.split("/")[2] for sent in road.sent] == ["maison-lumiere.myshopify.com"]


def test_the_session_of_a_deployment_tries_once_and_trusts_nothing_around_it() -> None:
    session = wire.plain_session()

    assert session.trust_env is False
    assert {adapter.max_retries.total for adapter in session.adapters.values()} == {0}  # type: ignore[attr-defined]


def test_an_answer_above_five_megabytes_is_not_kept() -> None:
    huge = Reply(b" " * (wire.LARGEST_ANSWER + 1))

    assert send(shapes.channel(Road(lambda _: huge))) == Unknown("answer_too_large")
    with pytest.raises(Unavailable, match="answer_too_large"):
        shapes.channel(Road(lambda _: huge)).order_of(ACCOUNT, RETURN)


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}"
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def over_sockets(endpoint: str) -> ShopifyChannel:
    client = Client(lambda _: shapes.CREDENTIALS, Counted(), endpoint=endpoint)
    return ShopifyChannel(client, ShopifyActs(HORIZON))


def test_over_real_sockets_a_silent_server_is_unknown_after_the_time_limit() -> None:
    release = threading.Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        release.wait(10)

    with server(silent) as endpoint:
        began = time.monotonic()
        outcome = send(over_sockets(endpoint), timedelta(seconds=0.4))
        lasted = time.monotonic() - began
        release.set()

    assert outcome == Unknown("timeout")
    assert lasted < 5


def test_over_real_sockets_an_answer_that_drips_is_unknown_after_the_time_limit() -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            try:
                handler.wfile.write(b" " * 70_000)
            except OSError:
                return
            time.sleep(0.1)

    with server(drip) as endpoint:
        began = time.monotonic()
        outcome = send(over_sockets(endpoint), timedelta(seconds=1))
        lasted = time.monotonic() - began

    assert outcome == Unknown("timeout")
    assert lasted < 5


def test_over_real_sockets_a_server_that_hangs_up_is_unknown_and_asked_once() -> None:
    asked: list[int] = []

    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        asked.append(1)
        handler.connection.shutdown(socket.SHUT_RDWR)

    with server(hang_up) as endpoint:
        outcome = send(over_sockets(endpoint))

    assert outcome == Unknown("connection_lost")
    assert len(asked) == 1


def test_over_real_sockets_an_answer_cut_short_is_unknown() -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"data"')
        handler.close_connection = True

    with server(cut) as endpoint:
        outcome = send(over_sockets(endpoint))

    assert isinstance(outcome, Unknown)


def test_over_real_sockets_nobody_at_the_address_means_that_nothing_was_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"

    assert send(over_sockets(endpoint)) == NotSent("unreachable")


def test_in_the_sandbox_the_shop_is_the_first_part_of_the_path() -> None:
    road = shapes.desk(OrderOfReturn=ASKED)

    shapes.channel(road, endpoint="http://127.0.0.1:8000/").order_of(ACCOUNT, RETURN)

    assert road.sent[0].url == "http://127.0.0.1:8000/maison-lumiere/admin/api/2026-10/graphql.json"


# Tokens


def shop_with_tokens(machine: Machine, given: Mapping[str, str] = APP, lasts: int = 86399) -> tuple[Road, Json]:
    """An API that grants numbered tokens and accepts the ones in `state["good"]`."""
    state: Json = {"granted": 0, "good": set(), "refuse": False}

    def answer(sent: Sent) -> Reply:
        if sent.url.endswith("/admin/oauth/access_token"):
            form = {name: values[0] for name, values in parse_qs(sent.body.decode()).items()}
            if state["refuse"] or form != {**_form(given), "grant_type": "client_credentials"}:
                return Reply({"error": "invalid_client"}, 400)
            state["granted"] += 1
            token = f"shpat_{state['granted']}"
            state["good"].add(token)
            return Reply({"access_token": token, "scope": "write_returns", "expires_in": lasts})
        if sent.headers["X-Shopify-Access-Token"] not in state["good"]:
            return Reply({"errors": "[API] Invalid API key or access token"}, 401)
        return shapes.data(**ASKED, returnProcess=shapes.processed())

    return Road(answer), state


def _form(given: Mapping[str, str]) -> Json:
    return {name: given[name] for name in ("client_id", "client_secret")}


def with_tokens(road: Road, machine: Machine, **given: Any) -> ShopifyChannel:
    options: Json = {"credentials": lambda _: APP, "clock": machine, "sleep": machine.sleep} | given
    return shapes.channel(road, **options)


def test_one_token_serves_until_shortly_before_its_end() -> None:
    machine = Machine()
    road, state = shop_with_tokens(machine)
    shop = with_tokens(road, machine)

    for hours in (0, 12, 23.8):
        machine.at = 1_000.0 + hours * 3600
        assert shop.order_of(ACCOUNT, RETURN) == "8001"
    assert state["granted"] == 1

    machine.at = 1_000.0 + 23.9 * 3600
    shop.order_of(ACCOUNT, RETURN)
    assert state["granted"] == 2


def test_many_threads_without_a_token_fetch_one() -> None:
    machine = Machine()
    road, state = shop_with_tokens(machine)
    slow = road.answer

    def answer(sent: Sent) -> Reply | Exception:
        if sent.url.endswith("access_token"):
            time.sleep(0.05)
        return slow(sent)

    road.answer = answer
    shop = with_tokens(road, machine)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: shop.order_of(ACCOUNT, RETURN), range(24)))

    assert found == ["8001"] * 24
    assert state["granted"] == 1


def test_a_refused_token_is_fetched_again_once_for_a_read() -> None:
    machine = Machine()
    road, state = shop_with_tokens(machine)
    shop = with_tokens(road, machine)
    shop.order_of(ACCOUNT, RETURN)
    state["good"].clear()

    assert shop.order_of(ACCOUNT, RETURN) == "8001"
    assert state["granted"] == 2

    granting, refusing = road.answer, Reply({"errors": "no"}, 401)
    road.answer = lambda sent: granting(sent) if sent.url.endswith("access_token") else refusing
    before = len(road.sent)
    with pytest.raises(Unavailable, match="access token"):
        shop.order_of(ACCOUNT, RETURN)
    assert len(road.sent) - before == 3


def test_a_refused_token_at_a_send_means_not_sent_and_a_new_token_next_time() -> None:
    machine = Machine()
    road, state = shop_with_tokens(machine)
    shop = with_tokens(road, machine)
    shop.order_of(ACCOUNT, RETURN)
    state["good"].clear()
    before = len(road.sent)

    assert send(shop) == NotSent("token_refused", timedelta(minutes=1))
    assert len(road.sent) - before == 1
    assert isinstance(send(shop), Applied)


def test_a_token_that_cannot_be_renewed_early_serves_to_its_end() -> None:
    machine = Machine()
    road, state = shop_with_tokens(machine)
    shop = with_tokens(road, machine)
    shop.order_of(ACCOUNT, RETURN)
    state["refuse"] = True

    machine.at += 86399 - 60
    assert shop.order_of(ACCOUNT, RETURN) == "8001"
    machine.at += 120
    with pytest.raises(Unavailable, match="check client_id and client_secret"):
        shop.order_of(ACCOUNT, RETURN)
    assert send(shop) == NotSent("no_token", timedelta(minutes=1))


def test_a_rotated_secret_gets_a_token_of_its_own() -> None:
    machine = Machine()
    rotated = {**APP, "client_secret": "shpss_next"}
    current = [APP]
    road, state = shop_with_tokens(machine)
    shop = with_tokens(road, machine, credentials=lambda _: current[0])
    shop.order_of(ACCOUNT, RETURN)
    next_road, _ = shop_with_tokens(machine, rotated)
    road.answer = next_road.answer
    current[0] = rotated

    assert shop.order_of(ACCOUNT, RETURN) == "8001"
    assert state["granted"] == 1


@pytest.mark.parametrize(
    "given, named",
    [
        ({}, "shop"),
        ({"shop": "evil.example/x", "access_token": "t"}, "shop"),
        ({"shop": "maison-lumiere"}, "client_id"),
        ({"shop": "maison-lumiere", "client_id": "a"}, "client_secret"),
        ({"shop": "maison-lumiere", "access_token": "shpat_1\r\nX: y"}, "access_token"),
        ({"shop": "maison-lumiere", "access_token": ""}, "access_token"),
    ],
)
def test_credentials_that_cannot_be_used_are_named_by_their_key_and_nothing_is_sent(
    given: Mapping[str, str], named: str
) -> None:
    road = Road()
    shop = shapes.channel(road, credentials=lambda _: given)

    with pytest.raises(Unavailable, match=named):
        shop.order_of(ACCOUNT, RETURN)
    assert isinstance(send(shop), NotSent)
    assert road.sent == []


@pytest.mark.parametrize(
    "answer",
    [Reply(b"<html>"), Reply([]), Reply({}), Reply({"access_token": "t"}), Reply({"access_token": 1, "expires_in": 9})],
)
def test_a_grant_of_another_shape_is_no_token(answer: Reply) -> None:
    shop = shapes.channel(Road(lambda _: answer), credentials=lambda _: APP)

    with pytest.raises(Unavailable, match="no token"):
        shop.order_of(ACCOUNT, RETURN)


# The bucket


def asked(left: float, wanted: float = 20) -> Reply:
    cost = {"requestedQueryCost": wanted, "actualQueryCost": 5, "throttleStatus": shapes.bucket(left)}
    return Reply({"data": ASKED, "extensions": {"cost": cost}})


def test_a_read_waits_until_the_bucket_can_pay_for_it() -> None:
    machine = Machine()
    shop = shapes.channel(Road(lambda _: asked(5, wanted=250)), clock=machine, sleep=machine.sleep)
    shop.order_of(ACCOUNT, RETURN)
    assert machine.slept == []

    shop.order_of(ACCOUNT, RETURN)

    assert machine.slept == [2.45]


def test_points_come_back_while_nobody_asks() -> None:
    machine = Machine()
    shop = shapes.channel(Road(lambda _: asked(5, wanted=250)), clock=machine, sleep=machine.sleep)
    shop.order_of(ACCOUNT, RETURN)
    machine.at += 3

    shop.order_of(ACCOUNT, RETURN)

    assert machine.slept == []


def test_a_wait_that_is_too_long_is_left_to_the_queue_and_nothing_is_sent() -> None:
    machine = Machine()
    road = Road(lambda _: asked(0, wanted=900))
    shop = shapes.channel(road, clock=machine, sleep=machine.sleep)
    shop.order_of(ACCOUNT, RETURN)

    with pytest.raises(Unavailable, match="throttled"):
        shop.order_of(ACCOUNT, RETURN)

    assert len(road.sent) == 1
    assert machine.slept == []


def test_a_throttled_read_waits_as_told_and_is_asked_once_more() -> None:
    machine = Machine()
    road = shapes.desk(OrderOfReturn=[shapes.throttled(50.0, 250), ASKED])
    shop = shapes.channel(road, clock=machine, sleep=machine.sleep)

    assert shop.order_of(ACCOUNT, RETURN) == "8001"
    assert machine.slept == [2.0]


def test_a_send_never_waits_and_passes_on_how_long_it_would_have_to() -> None:
    machine = Machine()
    road = shapes.desk(ReturnProcess=shapes.throttled(40.0, 1040))
    shop = shapes.channel(road, clock=machine, sleep=machine.sleep)

    for _ in range(2):
        assert send(shop) == NotSent("throttled", timedelta(seconds=10))
    assert machine.slept == []


@pytest.mark.parametrize(
    "reply, seconds",
    [
        (Reply({"errors": "Throttled"}, 429, {"Retry-After": "7.0"}), 7),
        (Reply({"errors": "Throttled"}, 429, {"Retry-After": "soon"}), 2),
        (Reply({"errors": "Throttled"}, 430), 2),
        (shapes.throttled(0.0, 900_000), 60),
        (shapes.throttled(500.0, 10), 1),
        (shapes.failed("THROTTLED", extensions={"cost": {"throttleStatus": {"restoreRate": float("nan")}}}), 2),
    ],
)
def test_the_wait_of_a_throttled_send_is_bounded_whatever_the_answer_says(reply: Reply, seconds: int) -> None:
    assert send(shapes.channel(Road(lambda _: reply))) == NotSent("throttled", timedelta(seconds=seconds))


# Versions and logs


def test_an_answer_by_another_version_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    meter = Counted()
    drifted = Reply({"data": ASKED}, headers={"X-Shopify-API-Version": "2027-01"})

    shapes.channel(Road(lambda _: drifted), meter=meter).order_of(ACCOUNT, RETURN)

    assert meter.counts == [("ApiVersionDrift", "shopify", "drifted", 1)]
    assert "answers account maison-lumiere with 2027-01 instead of 2026-10" in caplog.text


def test_the_pinned_version_is_silent() -> None:
    meter = Counted()

    shapes.channel(shapes.desk(OrderOfReturn=ASKED), meter=meter).order_of(ACCOUNT, RETURN)

    assert meter.counts == []


def _granting_then(reply: Reply) -> Road:
    granted = Reply({"access_token": "shpat_granted", "expires_in": 9})
    return Road(lambda sent: granted if sent.url.endswith("access_token") else reply)


def test_no_secret_token_body_or_word_of_the_buyer_gets_into_a_log_or_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    words = "buyer@example.com lives in Lyon"
    refused = Reply({"errors": [{"message": words, "extensions": {"code": "ACCESS_DENIED"}}]})
    odd = Reply({"data": {"return": {"id": words}}}, headers={"X-Shopify-API-Version": words})
    told: list[str] = []
    for reply in (refused, odd, Reply(words.encode()), Reply({"errors": words}, 401)):
        for given in (APP, shapes.CREDENTIALS):
            shop = shapes.channel(_granting_then(reply), credentials=lambda _, g=given: g)
            with pytest.raises(Unavailable) as error:
                shop.order_of(ACCOUNT, RETURN)
            told += [str(error.value), repr(error.value.__cause__), str(send(shop))]

    everything = caplog.text + json.dumps(told)
    secrets = ("shpat_", "shpss_", "buyer@example.com", "Lyon")
    assert [secret for secret in secrets if secret in everything] == []


def test_reading_takes_the_time_it_is_given_and_never_the_machines() -> None:
    road = shapes.desk(Order={"order": shapes.order()})

    found = shapes.channel(road).read(ACCOUNT, MINE.order, NOW)

    assert found is not None
    assert found.order.as_of == NOW
