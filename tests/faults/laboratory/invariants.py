"""What must hold after every step, each as a named function under its sentence; the numbers are the contract's.

It reads the stored items and the channel's own books, never what a use case believes: a wrong sum in the domain is
found here, because nothing here adds with the domain's functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from quittance.application.commit import Key
from quittance.domain.ids import digest
from quittance.domain.intent import Intent, IntentVerb, ReplayGuard
from quittance.domain.observations import MoneyStatus
from quittance.storage.history import chain_hash
from quittance.storage.items import read_once
from tests.faults.laboratory.engine import Change, Item
from tests.faults.laboratory.laws import ENDED, Invariants, kind_of, law, name_of

if TYPE_CHECKING:
    from tests.faults.laboratory.channel import Effect
    from tests.faults.laboratory.scheduler import Worker

UNATTRIBUTED: Final = "unattributed"
FOREIGN: Final = "foreign"
IN_FLIGHT: Final = frozenset({"READY", "SENDING", "ACCEPTED", "UNKNOWN"})
WITHOUT_EFFECT: Final = frozenset({"DECLINED", "CANCELLED"})
OLDEST_KEY: Final = 20 * 3_600_000


def _came_back(item: Item) -> bool:
    """Say whether the intent came back from a backup, which makes all of an order unknown at once."""
    return bool(item.get("try", {}).get("restored"))


def _total(item: Item) -> int:
    parts: tuple[int, ...] = (item.get("goods", 0), item.get("ship", 0), -item.get("fee", 0), item.get("adj", 0))
    return sum(parts)


def _movements(ledger: Item) -> Iterator[Item]:
    yield from ledger.get("claims", {}).values()
    yield from (seen for seen in ledger.get("refunds", {}).values() if seen["owner"] != UNATTRIBUTED)


def _left(ledger: Item, payment: str) -> int:
    taken = sum(int(moved.get("pay", {}).get(payment, 0)) for moved in _movements(ledger))
    captured = int(ledger["payments"][payment].get("captured", 0))
    return captured - taken


# I1: the books of an order.


@law("order", "I1", "available + claimed + refunded is what was captured, on every payment")
def the_sum_is_kept(_: Invariants, change: Change) -> str:
    for payment, paid in change.after.get("payments", {}).items():
        left = _left(change.after, payment)
        if paid["available"] != max(0, left):
            return f"{payment} has {paid['available']} available where {left} are left"
    return ""


@law("order", "I1", "no line is refunded or claimed beyond the units that were sold, unless other hands did it")
def no_line_is_overdrawn(_: Invariants, change: Change) -> str:
    ledger = change.after
    for line, sold in ledger.get("lines", {}).items():
        ours = [
            *ledger.get("claims", {}).values(),
            *(seen for seen in ledger.get("refunds", {}).values() if seen["owner"] not in (FOREIGN, UNATTRIBUTED)),
        ]
        units = sum(moved.get("lines", {}).get(line, [0])[0] for moved in ours)
        if units > sold["sold"]:
            return f"{units} units of {line} where {sold['sold']} were sold"
    return ""


@law("commit", "I1", "exactly the active refunds of an order hold headroom, and one at most is in flight")
def claims_are_the_active_refunds(laws: Invariants, changes: Sequence[Change]) -> str:
    for pk in {change.key.pk for change in changes if change.key.pk.startswith("ORDER#")}:
        partition = laws.world.engine.partition(pk)
        if "LEDGER" not in partition:
            continue
        ledger = partition["LEDGER"]
        refunds = {sk.removeprefix("INTENT#"): i for sk, i in partition.items() if i.get("act") == "refund"}
        active = {name for name, item in refunds.items() if item["state"] not in ENDED}
        if active != set(ledger.get("claims", {})):
            return f"active are {sorted(active)}, headroom is held by {sorted(ledger.get('claims', {}))}"
        flying = sorted(
            name for name in active if refunds[name]["state"] in IN_FLIGHT and not _came_back(refunds[name])
        )
        if len(flying) > 1:
            return f"in flight are {flying}"
        short = [p for p in ledger.get("payments", {}) if _left(ledger, p) < 0]
        waiting = [name for name in flying if refunds[name]["state"] == "READY" and not refunds[name].get("approved")]
        if short and waiting:
            return f"{short} are overdrawn, and {waiting} may still be sent"
    return ""


@law("effect", "I1", "what we pay back on an order is never more than was captured")
def nothing_is_overpaid(laws: Invariants, effect: Effect) -> str:
    shop = laws.world.shop
    order = shop.returns[effect.external].order
    names = {seen.id for seen in shop.orders[order].refunds}
    ours = sum(each.minor for each in shop.money if each.name in names and each.status is not MoneyStatus.FAILED)
    captured = sum(payment.captured for payment in shop.orders[order].payments.values())
    return f"{ours} of {captured}" if ours > captured else ""


# I2 to I4: effects.


@law("effect", "I2", "an intent has one effect at the channel at most")
def one_effect(laws: Invariants, effect: Effect) -> str:
    made = laws.world.shop.made_by(effect.intent)
    return f"{[one.name for one in made]} carry {effect.intent}" if len(made) > 1 else ""


@law("effect", "I2", "no unit is paid back twice: never more than came back or was left to the buyer")
def no_unit_twice(laws: Invariants, effect: Effect) -> str:
    lines = laws.world.shop.returns[effect.external].lines
    for part in effect.parts:
        paid, owed = lines[part.return_line].refunded, laws.world.owed[part.return_line]
        if paid > owed:
            return f"{paid} units of {part.return_line} where {owed} are owed"
    return ""


@law("effect", "I3", "what was declined or cancelled has no effect, where effects land within the settle horizon")
def no_effect_after_the_end(laws: Invariants, effect: Effect) -> str:
    state = next((item["state"] for name, item in laws.intents() if name == effect.intent), "forgotten")
    return f"{effect.name} for a {state} intent" if state in WITHOUT_EFFECT and laws.world.is_bounded else ""


@law("intent", "I3", "a settled refund has exactly one effect, equal in amount, currency and lines")
def settled_means_paid(laws: Invariants, change: Change, _: Worker | None) -> str:
    after = change.after
    if after["act"] != "refund" or after["state"] not in ("SETTLED", *WITHOUT_EFFECT):
        return ""
    made = laws.world.shop.made_by(name_of(change))
    if after["state"] in WITHOUT_EFFECT:
        return f"{after['state']} with {made}" if made and laws.world.is_bounded else ""
    units: dict[str, int] = {}
    for _line, line, quantity, _minor in after.get("lines", ()):
        units[line] = units.get(line, 0) + quantity
    fits = [e for e in made if (e.minor, e.currency, dict(e.lines)) == (_total(after), after["cur"], units)]
    if len(made) == 1 and fits == made and after.get("ref") == made[0].name:
        return ""
    return f"settled by {after.get('ref')} where its effects are {made}"


@law("send", "I4", "nothing is sent without a durable claim of the same fence, key and body before")
def claimed_before_sent(_: Invariants, intent: Intent, body: bytes, stored: Item, __: Worker | None) -> str:
    if stored.get("key") != intent.key or stored.get("body") != digest(body):
        return "another key or body than was fixed at birth"
    if intent.attempt.fence < 1 or stored["fence"] < intent.attempt.fence:
        return f"fence {intent.attempt.fence} where {stored['fence']} is stored"
    is_owner = stored["fence"] == intent.attempt.fence
    return f"sent while {stored['state']}" if is_owner and stored["state"] != "SENDING" else ""


# I5 to I8: the intent.


@law("intent", "I5", "key and body of an intent never change, and no two intents share a key")
def key_and_body_are_fixed(laws: Invariants, change: Change, _: Worker | None) -> str:
    before, after = change.before, change.after
    if before is not None and (before.get("key"), before.get("body")) != (after.get("key"), after.get("body")):
        return "they changed"
    owner = laws.memory.keys.setdefault(after["key"], name_of(change))
    return f"{owner} has the same key" if owner != name_of(change) else ""


@law("intent", "I6", "the fence rises with every claim and never falls")
def fence_rises(_: Invariants, change: Change, __: Worker | None) -> str:
    before, after = change.before or {}, change.after
    old, new = before.get("fence", 0), after["fence"]
    claims = after["state"] == "SENDING" and before.get("state") != "SENDING"
    return f"from {old} to {new}" if new < old or (claims and new == old) else ""


@law("intent", "I6", "an owner whose fence was passed changes nothing")
def old_owners_are_fenced_off(_: Invariants, change: Change, worker: Worker | None) -> str:
    if worker is None or change.before is None:
        return ""
    claimed, stored = worker.seen.get(name_of(change)), change.before["fence"]
    return f"it owns fence {claimed}, stored is {stored}" if claimed is not None and claimed < stored else ""


@law("order", "I7", "headroom is given back only by what has ended with a proof")
def headroom_needs_proof(laws: Invariants, change: Change) -> str:
    gone = (change.before or {}).get("claims", {}).keys() - change.after.get("claims", {}).keys()
    for name in sorted(gone):
        intent = laws.world.engine.partition(change.key.pk)[f"INTENT#{name}"]
        if intent["state"] not in ENDED:
            return f"{name} is {intent['state']} and holds nothing"
        if intent["state"] in WITHOUT_EFFECT and not intent.get("because"):
            return f"{name} is {intent['state']} without a reason"
    return ""


@law("intent", "I8", "after a send that may have had its effect the channel is read before the next one")
def read_before_resend(laws: Invariants, change: Change, _: Worker | None) -> str:
    before, after = change.before or {}, change.after
    if after["state"] != "SENDING" or before.get("state") == "SENDING" or not before.get("try", {}).get("sends"):
        return ""
    name, memory = name_of(change), laws.memory
    if name in memory.retried:
        return ""
    if memory.looked_at.get(name, -1) < memory.claimed_at.get(name, 0):
        return f"claimed again at {laws.world.scheduler.now} ms without a look since {memory.claimed_at.get(name)} ms"
    return _guard_forbids(laws, name, before)


def _guard_forbids(laws: Invariants, name: str, before: Item) -> str:
    kind = laws.world.guard.kind if before.get("act") == "refund" else ReplayGuard.REPEATABLE
    if kind is ReplayGuard.NONE:
        return "nobody said so, and a second application would count"
    if kind is ReplayGuard.QUANTITY and before["try"]["sends"] > 1:
        return "a third send on a guard by quantity"
    age = laws.world.scheduler.now - laws.memory.first_claim.get(name, laws.world.scheduler.now)
    return f"its key is {age} ms old" if kind is ReplayGuard.KEYED and age > OLDEST_KEY else ""


# I11, I12, I15, I17.


@law("commit", "I11", "a hold always tells a person")
def holds_page(_: Invariants, changes: Sequence[Change]) -> str:
    held = {
        name_of(c)
        for c in changes
        if kind_of(c) == "intent" and c.after["state"] == "HOLD" and (c.before or {}).get("state") != "HOLD"
    }
    if not held:
        return ""
    told = {
        event["facts"]["intent"]
        for c in changes
        if kind_of(c) == "history"
        for event in c.after["events"]
        if event["name"] == "IntentMoved" and event["facts"]["verb"] == IntentVerb.HOLD.value
    }
    return f"{sorted(held - told)} are held in silence" if held - told else ""


@law("send", "I12", "above the limit or out of a hold nothing is sent without another person's consent")
def two_persons(laws: Invariants, intent: Intent, _: bytes, stored: Item, __: Worker | None) -> str:
    limit = laws.world.policies.policy.terms.refund_alone_up_to.minor
    if not intent.act.is_money or (intent.total <= limit and intent.id not in laws.memory.needed_approval):
        return ""
    approver = stored.get("approved", "")
    return f"asked by {intent.requested_by}, approved by {approver or 'nobody'}" if (
        not approver or approver == intent.requested_by
    ) else ""  # fmt: skip


@law("history", "I15", "history is only added to, one entry a version, each chained to the one before")
def history_is_chained(laws: Invariants, change: Change) -> str:
    if change.before is not None:
        return f"version {change.after['version']} was written over"
    version = change.after["version"]
    previous = laws.world.engine.partition(change.key.pk).get(f"EVENT#{version - 1:08d}")
    if version > 1 and previous is None:
        return f"version {version} comes after a gap"
    known = previous["hash"] if previous is not None else ""
    return "" if change.after.get("prev", "") == known else f"version {version} does not name the hash before it"


@law("intent", "I17", "one order of a person, clicked as often as may be, makes one refund at most")
def one_click_one_refund(laws: Invariants, change: Change, worker: Worker | None) -> str:
    if change.before is not None or change.after["act"] != "refund" or worker is None:
        return ""
    if not worker.work.startswith("command_case"):
        return ""
    born = laws.memory.born_of.setdefault(worker.name.partition("/")[0], set())
    born.add(name_of(change))
    return f"{sorted(born)}" if len(born) > 1 else ""


# At the end.


def differences(laws: Invariants) -> Iterator[tuple[str, Mapping[str, int], Mapping[str, int]]]:
    """Orders whose ledger and channel do not show the same refunds: the order, what we have, what they have."""
    for order, ledger, _ in laws.orders():
        refunds = ledger.get("refunds", {})
        ours = {name: sum(seen.get("pay", {}).values()) for name, seen in refunds.items()}
        theirs = {
            seen.id: seen.amounts.total
            for seen in laws.world.shop.orders[order].refunds
            if seen.status is not MoneyStatus.FAILED or refunds.get(seen.id, {}).get("owner", FOREIGN) != FOREIGN
        }
        if ours != theirs:
            yield order, ours, theirs


@law("end", "I3", "what is settled was paid once, what ended otherwise was not")
def ended_as_paid(laws: Invariants) -> str:
    for name, item in laws.intents():
        made = laws.world.shop.made_by(name)
        expected = {"SETTLED": 1, "DECLINED": 0, "CANCELLED": 0}.get(item["state"])
        if item["act"] == "refund" and expected is not None and len(made) != expected:
            if expected == 0 and not laws.world.is_bounded:
                continue
            return f"{name} is {item['state']} and has {[one.name for one in made]}"
    return ""


@law("end", "I1", "both books are equal: the ledger and the channel show the same refunds")
def books_are_equal(laws: Invariants) -> str:
    return "; ".join(f"order {order}: ledger {ours}, channel {theirs}" for order, ours, theirs in differences(laws))


@law("end", "I11", "once faults stop everything ends or waits for a person: nothing is lost")
def nothing_is_lost(laws: Invariants) -> str:
    name = laws.restless()
    if not name:
        return ""
    item = next(item for other, item in laws.intents() if other == name)
    return f"{name} is {item['state']} since {laws.memory.moved_at.get(name, 0)} ms, {item.get('because', '')}"


@law("end", "I15", "every hash of every history is right")
def hashes_are_right(laws: Invariants) -> str:
    engine = laws.world.engine
    for pk in engine.partitions():
        for sk, item in engine.partition(pk).items():
            if sk.startswith("EVENT#") and item["hash"] != _hash_of(item):
                return f"{pk} {sk}"
    return ""


@read_once
def _hash_of(item: Item) -> str:
    content = {name: value for name, value in item.items() if name not in ("pk", "sk")}
    return chain_hash(Key(item["pk"], item["sk"]), content)
