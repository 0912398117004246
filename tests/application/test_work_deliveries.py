"""Deliveries of a batch: each is archived, known ones are skipped, nothing is dropped and nothing is done twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from quittance.application.ports import Channel, NoPolicy, Place
from quittance.application.work_deliveries import FIRST_TRY, PARKED_FOR, TRIES, UNLISTED
from quittance.channels import registry
from quittance.domain.account import Mode
from quittance.domain.command import CommandName
from quittance.domain.ids import CaseId, DeliveryId, case_of_channel
from quittance.domain.money import Money
from quittance.domain.observations import ChannelStatus
from quittance.domain.policy import DecidedBy, Policy, Versions
from quittance.domain.return_request import ReturnRequest
from quittance.storage import keys
from tests.support import builders as b
from tests.support.mailroom import MALFORMED, Mailroom
from tests.support.workbench import PLACE, OnePolicy, Workbench


@pytest.fixture
def bench() -> Workbench:
    return Workbench()


@pytest.fixture
def mail(bench: Workbench) -> Mailroom:
    return Mailroom(bench)


# What is taken in


@pytest.mark.proves("F034")
def test_a_delivery_opens_the_case_with_its_order_in_one_commit(bench: Workbench, mail: Mailroom) -> None:
    delivery = mail.webhook("d1")
    before = len(bench.engine.commits)

    assert mail.take(delivery) == ["committed"]

    written = {keys.kind_of(write.key) for write in bench.engine.commits[-1]}
    assert len(bench.engine.commits) == before + 1
    assert {"case head", "history", "order", "delivery"} <= written
    assert mail.state(delivery) == ("done", 0)
    assert mail.archive.kept["raw/shopify/d1"] == delivery


@pytest.mark.proves("F132")
def test_a_delivery_that_comes_again_writes_nothing_and_reads_nothing(bench: Workbench, mail: Mailroom) -> None:
    mail.take(mail.webhook("d1"))
    commits, reads = len(bench.engine.commits), bench.shop.reads

    assert mail.take(mail.webhook("d1"), mail.webhook("d1")) == ["repeated", "repeated"]

    assert (len(bench.engine.commits), bench.shop.reads) == (commits, reads)
    assert bench.tally.counts["DeliveryRepeated", "done"] == 2


def test_the_same_news_under_another_id_writes_nothing(bench: Workbench, mail: Mailroom) -> None:
    mail.take(mail.webhook("d1"))
    commits = len(bench.engine.commits)

    assert mail.take(mail.webhook("d2", topic="returns/update")) == ["unchanged"]

    assert len(bench.engine.commits) == commits


def test_hints_of_one_order_in_one_batch_read_the_channel_once(bench: Workbench, mail: Mailroom) -> None:
    batch = [mail.webhook(f"d{n}") for n in range(5)]

    assert mail.take(*batch) == ["committed"] * 5

    assert bench.shop.reads == 1
    assert {mail.state(delivery) for delivery in batch} == {("done", 0)}


def test_hints_of_two_orders_are_worked_on_apart(bench: Workbench, mail: Mailroom) -> None:
    other = mail.webhook("d2", {"order": "404"})

    assert mail.take(mail.webhook("d1"), other) == ["committed", "pending"]


def test_of_two_hints_at_one_order_the_wider_one_decides(bench: Workbench, mail: Mailroom) -> None:
    aside = mail.webhook("d1", topic="fulfillment_events/create")

    assert mail.take(aside, mail.webhook("d2")) == ["committed", "committed"]
    assert mail.state(aside) == ("done", 0)


def test_a_hint_that_matters_to_known_orders_alone_costs_nothing_for_another(bench: Workbench, mail: Mailroom) -> None:
    before = len(bench.engine.commits)

    assert mail.take(mail.webhook("d1", topic="fulfillment_events/create")) == ["irrelevant"]

    assert (bench.shop.reads, len(bench.engine.commits)) == (0, before)


def test_a_hint_that_names_the_return_alone_finds_its_order(bench: Workbench, mail: Mailroom) -> None:
    assert mail.take(mail.webhook("d1", {"return": b.RETURN})) == ["committed"]
    assert bench.case.order == b.ORDERED


def test_a_return_that_the_channel_does_not_know_is_waited_for(bench: Workbench, mail: Mailroom) -> None:
    assert mail.take(mail.webhook("d1", {"return": "gid://shopify/Return/404"})) == ["pending"]


# What cannot be worked on


def test_a_malformed_delivery_is_parked_at_once_with_its_reason_and_bytes(bench: Workbench, mail: Mailroom) -> None:
    delivery = mail.webhook("d1", MALFORMED)

    assert mail.take(delivery) == ["parked"]

    (parked,) = mail.parked()
    assert (parked.reason, parked.topic, parked.archive) == ("MALFORMED: body", "returns/request", "raw/shopify/d1")
    assert parked.expires == delivery.received_at + PARKED_FOR
    assert mail.state(delivery)[0] == "done"
    assert bench.shop.reads == 0
    assert mail.take(delivery) == ["repeated"]


def test_a_malformed_delivery_does_not_stop_its_neighbours(mail: Mailroom) -> None:
    assert mail.take(mail.webhook("d1", MALFORMED), mail.webhook("d2")) == ["parked", "committed"]


def test_a_delivery_of_a_channel_that_is_not_built_in_is_parked_and_stops_nobody(
    bench: Workbench, mail: Mailroom
) -> None:
    def channel(name: str) -> Channel:
        return bench.shop if name == "shopify" else registry.channel(name, credentials=lambda _: {}, meter=bench.tally)

    bench.ports = replace(bench.ports, channel=channel)
    stranger = mail.webhook("d1", channel="etsy")

    assert mail.take(stranger, mail.webhook("d2")) == ["parked", "committed"]
    assert mail.parked("etsy")[0].reason.startswith("UNKNOWN_CHANNEL")


def test_an_unknown_topic_is_recorded_and_ended(bench: Workbench, mail: Mailroom) -> None:
    delivery = mail.webhook("d1", topic="unheard/of")

    assert mail.take(delivery) == ["unknown_topic"]

    assert mail.state(delivery) == ("done", 0)
    assert bench.tally.counts["TopicUnknown", "recorded"] == 1
    assert mail.take(delivery) == ["repeated"]


@pytest.mark.proves("F034")
def test_an_unreadable_order_is_due_again_later_each_time_and_parked_at_the_limit(
    bench: Workbench, mail: Mailroom
) -> None:
    delivery = mail.webhook("d1")
    bench.shop.unreadable = 1000

    assert mail.take(delivery) == ["pending"]
    waits = []
    for tries in range(1, TRIES):
        assert mail.state(delivery) == ("pending", tries)
        waits.append(_wait_until_due(bench, mail))
        mail.again(delivery)

    assert waits[0] == FIRST_TRY
    assert waits == sorted(waits)
    assert mail.state(delivery)[0] == "done"
    assert "Unavailable" in mail.parked()[0].reason
    assert mail.again(delivery) == "nothing_due"
    assert not bench.scene.cases


def _wait_until_due(bench: Workbench, mail: Mailroom) -> timedelta:
    """Move the clock to the delivery's next try and say how long that was."""
    assert mail.due() == []
    since = bench.clock.now()
    while not mail.due():
        bench.wait(seconds=15)
    return bench.clock.now() - since


@pytest.mark.proves("F034")
def test_an_order_that_the_channel_does_not_know_yet_is_tried_again_and_found(bench: Workbench, mail: Mailroom) -> None:
    held = bench.shop.orders.pop(b.ORDERED)
    delivery = mail.webhook("d1")

    assert mail.take(delivery) == ["pending"]
    bench.wait(seconds=30)
    assert mail.due() == [delivery.key]
    bench.shop.orders[b.ORDERED] = held

    assert mail.again(delivery) == "committed"
    assert mail.state(delivery)[0] == "done"
    assert mail.due() == []


@pytest.mark.proves("F034")
def test_an_order_that_never_turns_up_is_parked(bench: Workbench, mail: Mailroom) -> None:
    delivery = mail.webhook("d1", {"order": "404"})
    mail.take(delivery)

    outcomes = [mail.again(delivery) for _ in range(TRIES - 1)]

    assert outcomes == ["pending"] * (TRIES - 2) + ["parked"]
    assert mail.parked()[0].reason == "the channel knows no such order"
    assert mail.state(delivery)[0] == "done"


def test_a_pending_delivery_that_turns_out_to_change_nothing_is_ended(bench: Workbench, mail: Mailroom) -> None:
    bench.shop.unreadable = 1
    delivery = mail.webhook("d1")
    mail.take(delivery)
    mail.take(mail.webhook("d2"))

    assert mail.again(delivery) == "unchanged"
    assert mail.state(delivery)[0] == "done"


class NothingPublished(OnePolicy):
    """No layer is published at all."""

    def current(self, _channel: str, _store: str) -> Policy:
        raise NoPolicy("no version of law is published")

    def at(self, _versions: Versions, _channel: str, _store: str) -> Policy:
        raise NoPolicy("no version of law is published")


class NoAccounts(NothingPublished):
    """Not even the accounts."""

    def account_of(self, _channel: str, _store: str) -> str | None:
        raise NoPolicy("no version of accounts is published")

    def shop_of(self, _store: str) -> Place | None:
        raise NoPolicy("no version of accounts is published")


@pytest.mark.parametrize("nothing", [NothingPublished, NoAccounts])
def test_without_a_policy_nothing_is_decided_and_the_deliveries_wait(
    bench: Workbench, mail: Mailroom, nothing: type[OnePolicy]
) -> None:
    bench.ports = replace(bench.ports, policies=nothing(b.policy()))
    webhook, report = mail.webhook("d1"), mail.report("P-1", {"SHIRT-M": 1}, tracking="JJD1")

    assert mail.take(webhook, report) == ["pending", "pending"]
    assert not bench.scene.cases
    assert bench.tally.counts["PolicyMissing", "waiting"] == 2, "the alarm counts on it"

    bench.ports = replace(bench.ports, policies=bench.policies)
    assert [mail.again(webhook), mail.again(report)] == ["committed", "committed"]


def test_a_store_that_nobody_listed_waits_and_is_parked_in_the_end(bench: Workbench, mail: Mailroom) -> None:
    webhook = mail.webhook("d1", store="pop-up")
    report = replace(mail.report("P-1", {"SHIRT-M": 1}, rma="R-501"), store="pop-up")

    assert mail.take(webhook, report) == ["pending", "pending"]
    for _ in range(TRIES - 1):
        mail.again(webhook)
        mail.again(report)

    assert [parked.reason for parked in (*mail.parked(), *mail.parked("warehouse"))] == [UNLISTED, UNLISTED]
    assert bench.shop.reads == 0


def test_what_a_use_case_refuses_is_kept_with_code_field_and_fix(bench: Workbench, mail: Mailroom) -> None:
    """A rule that tells the channel what it cannot be told is a mistake in a policy, which a person mends."""
    bench.policies.policy = b.policy(decided_by=DecidedBy.RULE, authorise_alone_up_to=Money(100_000, "EUR"))
    bench.shop.guard = lambda _: None  # type: ignore[method-assign, assignment]
    delivery = mail.webhook("d1")

    assert mail.take(delivery) == ["pending"]
    for _ in range(TRIES - 1):
        mail.again(delivery)

    assert mail.parked()[0].reason.startswith("NOT_SUPPORTED: command: shopify cannot approve_return")
    assert not bench.scene.cases


# What warehouses report


def test_a_report_is_received_on_its_return_and_said_again_changes_nothing(bench: Workbench, mail: Mailroom) -> None:
    bench.authorised()
    report = mail.report("P-1", {"SHIRT-M": 1}, rma="R-501")

    assert mail.take(report) == ["committed"]
    assert bench.refund.total == 3000
    commits = len(bench.engine.commits)
    under_another_id = replace(report, id=DeliveryId("m-another"))

    assert mail.take(report, under_another_id) == ["repeated", "unchanged"]
    assert len(bench.engine.commits) == commits


@pytest.mark.parametrize(
    "stated, field",
    [({"units": {}}, "units"), ({"received_at": "soon"}, "received_at"), ({"rma": ""}, "rma")],
)
def test_a_malformed_report_is_parked_at_once_naming_the_field(
    mail: Mailroom, stated: dict[str, object], field: str
) -> None:
    report = mail.report("P-1", **({"units": {"SHIRT-M": 1}, "rma": "R-501"} | stated))  # type: ignore[arg-type]

    assert mail.take(report) == ["parked"]
    assert f": {field}: " in mail.parked("warehouse")[0].reason


def test_a_report_with_an_unknown_condition_is_parked(mail: Mailroom) -> None:
    assert mail.take(mail.report("P-1", {"SHIRT-M": 1}, "eaten by a dog", rma="R-501")) == ["parked"]


# Any channel, by the same road


class _Listed(OnePolicy):
    """One store of one channel."""

    def __init__(self, policy: Policy, place: Place) -> None:
        super().__init__(policy)
        self.place = place

    def account_of(self, channel: str, store: str) -> str | None:
        return self.place.account if (channel, store) == (self.place.channel, self.place.store) else None

    def shop_of(self, store: str) -> Place | None:
        return self.place if store == self.place.store else None


@pytest.mark.proves("F124", "F130", "F131", "F143")
@pytest.mark.parametrize("name", ["lightspeed", "magento2", "bol", "walmart"])
def test_two_shops_and_two_marketplaces_go_the_same_road_with_one_human_command(bench: Workbench, name: str) -> None:
    place = Place(name, PLACE.account, PLACE.store)
    bench.policies = _Listed(b.policy(channel=name, close_after_refund=True), place)
    bench.ports = replace(bench.ports, policies=bench.policies)
    bench.shop.name = name
    mail = Mailroom(bench)
    case_id = case_of_channel(name, place.account, "return", b.RETURN)

    assert mail.take(mail.webhook("d1", channel=name)) == ["committed"]
    bench.order(CommandName.AUTHORISE_RETURN, reason="inside", case=case_id)
    _advance_all(bench, case_id)
    assert mail.take(mail.report("P-1", {"SHIRT-M": 2, "CAP-1": 1}, rma="R-501")) == ["committed"]
    _advance_all(bench, case_id)

    case = bench.table.load_case(case_id)
    assert case is not None
    assert (case.channel, case.state) == (name, "closed")
    assert sum(total for _, _, total in bench.shop.effects) == 8500
    assert bench.shop.returns[b.RETURN].status is ChannelStatus.CLOSED


def _advance_all(bench: Workbench, case_id: CaseId) -> None:
    for _ in range(3):
        scene = bench.table.load_scene(case_id)
        for intent in scene.intents.values():
            bench.advance(intent)


@pytest.mark.proves("F129")
def test_an_account_that_only_observes_shows_cases_and_has_no_effect_outside(bench: Workbench, mail: Mailroom) -> None:
    bench.set(Mode.OBSERVE)
    bench.policies.policy = b.policy(decided_by=DecidedBy.RULE, authorise_alone_up_to=Money(100_000, "EUR"))
    mail.take(mail.webhook("d1"))
    bench.shop_return(status=ChannelStatus.OPEN)
    mail.take(mail.webhook("d2"), mail.report("P-1", {"SHIRT-M": 1}, rma="R-501"))

    body = bench.case.body
    assert isinstance(body, ReturnRequest)
    assert sum(line.received for line in body.lines.values()) == 1
    assert bench.intents() == []
    assert bench.shop.effects == []


def test_the_case_of_another_channel_is_never_decided_by_this_ones_policy(bench: Workbench, mail: Mailroom) -> None:
    bench.policies.policy = b.policy(channel="bol")

    assert mail.take(mail.webhook("d1")) == ["pending"]

    assert not bench.scene.cases
