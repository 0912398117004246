"""A day at the shop: what buyers, carriers, the warehouse and the staff do, and what must have come of it.

Every scene says what it expects; the day is good when all expectations hold and both books agree to the cent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from quittance.domain.ids import CaseId, case_of_channel
from sandbox.shopify.ordering import Item
from sandbox.world import STORE, World

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
FORGED: Final = 401


@dataclass
class Scene:
    """One story of the day: its case, what is expected of it in the end, and what was seen on the way."""

    title: str
    known_as: CaseId | None = None
    state: str = ""
    refunded: int = 0
    order: str = ""
    failures: list[str] = field(default_factory=list)

    @property
    def case(self) -> CaseId:
        """The case of the story; a story without one has none to ask for."""
        if self.known_as is None:
            raise LookupError(f"{self.title}: no case yet")
        return self.known_as

    def expect(self, what: str, seen: object, wanted: object) -> None:
        """Note a difference between what was seen and what had to be."""
        if seen != wanted:
            self.failures.append(f"{what}: {seen!r} instead of {wanted!r}")


class Day:
    """The day in the order in which it happens; `scenes` holds every story with its expectations."""

    def __init__(self, world: World, say: Callable[[str], None]) -> None:
        self.world = world
        self.shop = world.shopify
        self.say = say
        self.scenes: list[Scene] = []

    def play(self) -> None:
        """Play the whole day."""
        for scene in (
            self.approved,
            self.declined,
            self.two_of_three,
            self.kept,
            self.cancelled_by_buyer,
            self.clicked_twice,
            self.told_thrice,
            self.answer_lost,
            self.call_lost,
            self.above_the_limit,
            self.parcel_nobody_knows,
            self.left_alone,
        ):
            self.say((scene.__doc__ or "").strip())
            scene()
        self.world.pass_time(HOUR)
        self._check()

    def _check(self) -> None:
        for scene in self.scenes:
            if scene.known_as is not None:
                scene.expect("state", self.world.show(scene.case)["state"], scene.state)
            if scene.order:
                scene.expect("refunded at the shop", self.shop.books()[scene.order].refunded, scene.refunded)

    def _story(
        self, title: str, items: list[Item], *, delivered_ago: timedelta = 3 * DAY, **basket: Any
    ) -> tuple[Scene, str]:
        """An order that was placed, paid, shipped and delivered; returns its story and its gid."""
        order = self.shop.place_order(items, **basket)
        parcel = self.shop.fulfil(order.id)
        self.shop.record_event(parcel.id, "DELIVERED", happened_at=self.world.clock() - delivered_ago)
        scene = Scene(title, order=order.name)
        self.scenes.append(scene)
        return scene, order.id

    def _request(
        self, scene: Scene, order: str, units: dict[str, int], reason: str = "UNWANTED", note: str = ""
    ) -> str:
        request = self.shop.buyer_requests_return(order, units, reason, note or None)
        scene.known_as = self.world.case(request.id)
        self.world.settle()
        return request.name

    def _decide(
        self, scene: Scene, command: str, alias: str = "agent", outcome: str = "done", **more: Any
    ) -> dict[str, Any]:
        answer = self.world.decide(alias, command, scene.case, **more)
        told = " ".join(str(answer.get(key, "")) for key in ("code", "field", "fix")).strip()
        scene.expect(f"{command} ({told})" if told else command, answer["outcome"], outcome)
        self.world.settle()
        return answer

    def approved(self) -> None:
        """A return is authorised, arrives, is refunded and closed."""
        scene, order = self._story("approved, received, refunded", [Item("SCARF", "39.90")], shipping="4.90")
        rma = self._request(scene, order, {"SCARF": 1}, note="The colour is not mine.")
        self._decide(scene, "AuthoriseReturn", reason="inside_window")
        self.world.parcel("P-approved", {"SCARF": 1}, rma=rma)
        self.world.settle()
        scene.state, scene.refunded = "closed", 3990 + 490

    def declined(self) -> None:
        """A request two months after delivery is declined, with the reason."""
        scene, order = self._story("declined", [Item("HAT", "55.00")], delivered_ago=60 * DAY)
        self._request(scene, order, {"HAT": 1})
        self._decide(scene, "DeclineReturn", reason="RETURN_PERIOD_ENDED", comment="The thirty days are over.")
        scene.state, scene.refunded = "declined", 0

    def two_of_three(self) -> None:
        """Three units are requested; two come in two parcels, one of them is another thing."""
        scene, order = self._story("two of three, one wrong", [Item("MUG", "12.50", 3)])
        rma = self._request(scene, order, {"MUG": 3})
        self._decide(scene, "AuthoriseReturn")
        self.world.parcel("P-first", {"MUG": 1}, rma=rma)
        self.world.settle()
        self.world.parcel("P-second", {"MUG": 1}, "wrong_item", rma=rma)
        self.world.settle()
        line = next(iter(self.world.show(scene.case)["lines"]))
        self._decide(scene, "RejectLines", lines=[{"line": line, "quantity": 1}], reason="wrong_item")
        shown = self.world.show(scene.case)
        scene.expect("outstanding", shown["lines"][line]["outstanding"], 1)
        scene.expect("a deadline for it", "goods_outstanding" in shown["deadlines"], wanted=True)
        scene.state, scene.refunded = "partly_received", 1250

    def kept(self) -> None:
        """The parcel home would cost more than the thing: the buyer keeps it and is refunded."""
        scene, order = self._story("kept", [Item("CANDLE", "9.00", 2)])
        self._request(scene, order, {"CANDLE": 1}, "DEFECTIVE")
        self._decide(scene, "AuthoriseReturn")
        line = next(iter(self.world.show(scene.case)["lines"]))
        self._decide(scene, "KeepLines", lines=[{"line": line, "quantity": 1}], reason="postage_above_price")
        scene.state, scene.refunded = "closed", 900

    def cancelled_by_buyer(self) -> None:
        """A buyer thinks again and takes the request back."""
        scene, order = self._story("cancelled by the buyer", [Item("BELT", "29.00")])
        request = self.shop.buyer_requests_return(order, {"BELT": 1})
        scene.known_as = self.world.case(request.id)
        self.world.settle()
        self.shop.buyer_cancels_return(request.id)
        self.world.settle()
        scene.state, scene.refunded = "cancelled", 0

    def clicked_twice(self) -> None:
        """An agent's confirm button is hit twice."""
        scene, order = self._story("a double click", [Item("LAMP", "80.00")])
        rma = self._request(scene, order, {"LAMP": 1})
        self._decide(scene, "AuthoriseReturn")
        self.world.parcel("P-lamp", {"LAMP": 1}, "used", rma=rma)
        self.world.settle()
        shown = self.world.show(scene.case)
        line = {"line": next(iter(shown["lines"])), "quantity": 1}
        given = {
            "command": "AcceptLines",
            "case": scene.case,
            "version": shown["version"],
            "lines": [line],
            "reason": "worn_once",
        }
        token = self.world.desk("agent", **given).get("token", "")
        outcomes = [self.world.desk("agent", **given, token=token)["outcome"] for _ in range(2)]
        scene.expect("two clicks", outcomes, ["done", "done"])
        self.world.settle()
        scene.state, scene.refunded = "closed", 8000

    def told_thrice(self) -> None:
        """The shop's webhooks come late, in another order and three times; somebody forges one."""
        scene, order = self._story("told thrice", [Item("VASE", "24.00")])
        outbox = self.shop.webhooks
        outbox.hold()
        request = self.shop.buyer_requests_return(order, {"VASE": 1})
        scene.known_as = self.world.case(request.id)
        self.shop.admin_approve(request.id)
        outbox.reorder()
        outbox.release()
        self.world.settle()
        outbox.reorder(on=False)
        for webhook in self._webhooks_of("returns/"):
            outbox.send_again(webhook)
            outbox.send_again(webhook)
        forged = outbox.forge(self._webhooks_of("returns/")[-1])
        scene.expect("a forged webhook", forged, FORGED)
        self.world.settle()
        self.world.parcel("P-vase", {"VASE": 1}, rma=request.name)
        self.world.parcel("P-vase", {"VASE": 1}, rma=request.name)
        self.world.settle()
        scene.state, scene.refunded = "closed", 2400

    def _webhooks_of(self, topic: str) -> list[str]:
        return [sent.webhook_id for sent in self.shop.webhooks.deliveries.values() if sent.topic.startswith(topic)][-2:]

    def answer_lost(self) -> None:
        """A refund is applied and its answer lost; looking back finds it."""
        scene, order = self._story("an answer lost", [Item("BOOTS", "119.00")])
        self.shop.faults.lose_answer("returnProcess")
        self._to_refund(scene, order, "BOOTS", "P-boots")
        scene.expect("after the lost answer", self._refund_state(scene), "UNKNOWN")
        self.world.pass_time(timedelta(minutes=5))
        scene.expect("after looking back", self._refund_state(scene), "SETTLED")
        scene.state, scene.refunded = "closed", 11900

    def call_lost(self) -> None:
        """A call is lost before it was applied; nobody can know, so a person looks and sends it again."""
        scene, order = self._story("a call lost", [Item("COAT", "149.00")])
        self.shop.faults.lose_request("returnProcess")
        self._to_refund(scene, order, "COAT", "P-coat")
        self.world.pass_time(timedelta(minutes=10))
        scene.expect("after two absences", self._refund_state(scene), "HOLD")
        self._decide(scene, "RetryHold", "approver", target=self._refund(scene)["intent"], reason="seen_absent")
        scene.state, scene.refunded = "closed", 14900

    def above_the_limit(self) -> None:
        """A refund above what is decided alone waits for a second person."""
        scene, order = self._story("above the limit", [Item("SOFA", "640.00")])
        self._to_refund(scene, order, "SOFA", "P-sofa")
        scene.expect("waits", self._refund_state(scene), "AWAITING_APPROVAL")
        self._decide(scene, "ApproveIntent", "approver", target=self._refund(scene)["intent"])
        scene.state, scene.refunded = "closed", 64000

    def parcel_nobody_knows(self) -> None:
        """A parcel comes without a name that fits; a person finds out whose it is."""
        scene, order = self._story("a parcel nobody knew", [Item("TEAPOT", "34.00")])
        self._request(scene, order, {"TEAPOT": 1})
        self._decide(scene, "AuthoriseReturn")
        self.world.parcel("P-unknown", {"TEAPOT": 1}, tracking="JJD0099")
        self.world.settle()
        parcel = case_of_channel("shopify", STORE, "parcel", "P-unknown")
        scene.expect("the parcel", self.world.show(parcel)["state"], "unidentified")
        answer = self.world.decide("agent", "IdentifyParcel", parcel, target=scene.case)
        scene.expect("identified", answer["outcome"], "done")
        self.world.settle()
        scene.state, scene.refunded = "closed", 3400

    def left_alone(self) -> None:
        """A request is left until it is warned of, and then missed."""
        scene, order = self._story("left alone", [Item("RUG", "210.00")])
        self._request(scene, order, {"RUG": 1})
        self.world.pass_time(timedelta(hours=49))
        marks = self.world.show(scene.case)["marks"]
        scene.expect("marked", marks, ["breached:decide_request"])
        scene.state, scene.refunded = "requested", 0

    def _to_refund(self, scene: Scene, order: str, sku: str, parcel: str) -> None:
        """Request, authorise and receive one unit, up to the refund."""
        rma = self._request(scene, order, {sku: 1})
        self._decide(scene, "AuthoriseReturn")
        self.world.parcel(parcel, {sku: 1}, rma=rma)
        self.world.settle()

    def _refund(self, scene: Scene) -> dict[str, Any]:
        refunds = [one for one in self.world.show(scene.case)["intents"] if one["act"] == "refund"]
        return refunds[-1] if refunds else {}

    def _refund_state(self, scene: Scene) -> str:
        return str(self._refund(scene).get("state"))

    def failures(self) -> Iterator[str]:
        """Every expectation that did not hold."""
        for scene in self.scenes:
            yield from (f"{scene.title}: {failure}" for failure in scene.failures)
