"""From what was loaded to a draft, and from drafts to one commit.

Decides nothing; it fixes the exact bytes of new intents and sees that words are stored apart from facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from quittance.application.commit import Changes, DeliveryKey, Scene, Text, changes_of
from quittance.application.ports import Acts, Ports
from quittance.domain.account import Control, Mode
from quittance.domain.allowance import SHARDS, Allowance, Customer, opened
from quittance.domain.bounds import local_day
from quittance.domain.draft import Draft
from quittance.domain.errors import Rejected
from quittance.domain.events import IntentAdmitted
from quittance.domain.ids import CaseId, digest, shard_of
from quittance.domain.intent import Intent
from quittance.domain.policy import Policy
from quittance.domain.values import replace

ATTEMPTS = 5
"""How often a use case reads and decides again after losing a race, before the queue tries later."""


def begin(scene: Scene, case: CaseId, control: Control, now: datetime) -> Draft:
    """A draft of a loaded case, its order and all intents of the order."""
    return Draft(scene.cases[case], scene.order, scene.intents, control, now)


def allowed(ports: Ports, draft: Draft, policy: Policy) -> Draft:
    """The draft with what the account's bounds are judged by; nothing is read where none is set or nothing is decided.

    What a draft before this one has read and taken from stays as it is.
    """
    bounds, order = policy.bounds, draft.order
    if order is None or not bounds.need_reading or draft.control.mode is Mode.OBSERVE:
        return draft
    budget, customer = draft.allowance.budget, draft.allowance.customer
    if budget is None and order.currency in bounds.daily:
        day = local_day(draft.now, policy.terms.time_zone)
        known = ports.table.spent(order.account, day, order.currency)
        first = shard_of(draft.case.id, SHARDS)
        budget = opened(order.account, day, order.currency, bounds.daily[order.currency], known, first=first)
    if customer is None and bounds.velocity is not None and order.customer:
        found = Customer(order.customer, ports.table.refunds_of(order.account, order.customer))
        customer = found.since(draft.now - timedelta(days=bounds.velocity.days))
    return replace(draft, allowance=Allowance(budget, customer))


def reference_of(words: str) -> str:
    """The name under which somebody's words are stored: their digest."""
    return digest(words)[:32]


def seal(draft: Draft, acts: Acts, texts_days: int) -> tuple[Draft, tuple[Text, ...]]:
    """Fix the exact body of every intent born in the draft, and move its words out of it.

    Raises Rejected(NOT_SUPPORTED) for an act that the channel cannot do.
    """
    texts: list[Text] = []
    intents = dict(draft.intents)
    for event in draft.events:
        if not isinstance(event, IntentAdmitted):
            continue
        intent = intents[event.intent.id]
        if acts.guard(intent.act) is None:
            raise Rejected("NOT_SUPPORTED", "command", f"{intent.channel} cannot {intent.act.value} by its API")
        intents[intent.id], words = _sealed(intent, acts)
        if words:
            expires = draft.now + timedelta(days=texts_days)
            texts.append(Text(intent.case, reference_of(words), words, expires))
    return replace(draft, intents=intents), tuple(texts)


def _sealed(intent: Intent, acts: Acts) -> tuple[Intent, str]:
    words = intent.text
    intent = replace(intent, text=reference_of(words) if words else "")
    return replace(intent, body_sha256=digest(acts.render(intent, words))), words


def commit(
    ports: Ports,
    scene: Scene,
    drafts: Sequence[Draft],
    deliveries: tuple[DeliveryKey, ...] = (),
    extra: Changes | None = None,
) -> bool:
    """Commit the drafts in one transaction; False when they change nothing. Raises Conflict.

    `extra` brings aliases, texts and the digest of a command along.
    """
    changes = changes_of(scene, drafts, drafts[-1].now)
    if extra is not None:
        changes = replace(changes, aliases=extra.aliases, texts=extra.texts, command=extra.command)
    if changes.is_empty:
        return False
    ports.table.commit(replace(changes, deliveries=deliveries))
    count_intents(ports, changes)
    return True


def count_intents(ports: Ports, changes: Changes) -> None:
    """Count every change of state of an intent."""
    for change in changes.intents:
        if change.before is None or change.before.state is not change.after.state:
            ports.meter.count("IntentTransition", change.after.channel, change.after.state.value)
