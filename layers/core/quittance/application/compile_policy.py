"""Compiles published documents into the policy of one store: law above channel above merchant.

Refuses a store that nobody listed and a document that is another one; it trusts what `check_policy` let through.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from quittance.application.policy_reading import ANYWHERE
from quittance.application.policy_schema import ACCOUNTS, LAW
from quittance.domain.bounds import Bounds, Owner, Velocity
from quittance.domain.errors import Rejected
from quittance.domain.intent import Act
from quittance.domain.money import parse
from quittance.domain.observations import Condition
from quittance.domain.policy import (
    DeadlineRule,
    DecidedBy,
    Gate,
    Policy,
    RefundWhen,
    Terms,
    Versions,
    Withdrawal,
)
from quittance.domain.values import dataclass

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Store:
    """A marketplace or shop of an account, as the accounts file lists it."""

    channel: str
    account: str
    store: str
    currency: str
    country: str
    time_zone: str
    locale: str
    owners: Mapping[str, str] = field(default_factory=dict)


def stores_of(accounts: Document, channel: str = "") -> tuple[Store, ...]:
    """Every store of a channel, or of all channels, in the order of the file."""
    stores = (Store(**row) for row in accounts["store"])
    return tuple(store for store in stores if channel in ("", store.channel))


def account_of(accounts: Document, channel: str, store: str) -> str | None:
    """The account that a store of this channel belongs to; None for a store nobody listed."""
    return next((listed.account for listed in stores_of(accounts, channel) if listed.store == store), None)


def store_named(accounts: Document, store: str) -> Store | None:
    """A store by its name alone, which is unique over all channels: a warehouse knows nothing else."""
    return next((listed for listed in stores_of(accounts) if listed.store == store), None)


def canonical(document: Document) -> str:
    """The document as JSON in which equal documents are equal text."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(document: Document) -> str:
    """SHA-256 in hex of the canonical text."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()


def merged(channel: Document, store: str) -> dict[str, Any]:
    """A channel's document with the store's own terms laid over it; a deadline is replaced whole, by its kind."""
    base = {key: value for key, value in channel.items() if key != "store"}
    over = dict(channel.get("store", {}).get(store, {}))
    rows = over.pop("deadline", [])
    laid = _laid_over(base, over)
    replaced = {row["kind"] for row in rows}
    laid["deadline"] = [row for row in base["deadline"] if row["kind"] not in replaced] + list(rows)
    return laid


def _laid_over(base: Document, over: Document) -> dict[str, Any]:
    laid = dict(base)
    for key, value in over.items():
        known = base.get(key)
        laid[key] = _laid_over(known, value) if isinstance(value, Mapping) and isinstance(known, Mapping) else value
    return laid


def deadlines_in(rows: Iterable[Document], country: str) -> tuple[Document, ...]:
    """One row per kind: the one that names the country of sale, else the one for every country."""
    chosen: dict[str, Document] = {}
    for row in rows:
        if country in row["countries"] or (ANYWHERE in row["countries"] and row["kind"] not in chosen):
            chosen[row["kind"]] = row
    return tuple(chosen.values())


def compile_policy(law: Document, accounts: Document, channel: Document, store: str) -> Policy:
    """Compile the three layers for one store.

    Raises Rejected(WRONG_POLICY) for a document that is not the law or the accounts, and Rejected(UNKNOWN_STORE) for a
    store that is not listed at the channel.
    """
    _named(law, LAW)
    _named(accounts, ACCOUNTS)
    place = next((listed for listed in stores_of(accounts, channel["name"]) if listed.store == store), None)
    if place is None:
        raise Rejected("UNKNOWN_STORE", "store", f"list {store} at {channel['name']} in the accounts file")
    stated = merged(channel, store)
    rows = deadlines_in(stated["deadline"], place.country)
    sources = {LAW: law["source"], channel["name"]: channel["source"]}
    sources |= {row["rule"]: row["source"] for row in law["withdrawal"]}
    sources |= {f"deadline.{row['kind']}": row["source"] for row in rows}
    versions = Versions(law["version"], accounts["version"], channel["version"])
    withdrawals = tuple(_withdrawal(row) for row in law["withdrawal"])
    bounds = bounds_of(accounts, channel["name"], store) or Bounds()
    return Policy(versions, withdrawals, _terms(stated, place, rows), sources, bounds)


def bounds_of(accounts: Document, channel: str, store: str) -> Bounds | None:
    """What an accounts file sets for a store and its account; None for a store that it does not list."""
    place = next((listed for listed in stores_of(accounts, channel) if listed.store == store), None)
    if place is None:
        return None
    stated: Document = next((row for row in accounts.get("account", ()) if row["account"] == place.account), {})
    velocity = stated.get("velocity")
    return Bounds(
        daily={code: parse(amount, code).minor for code, amount in stated.get("daily_budget", {}).items()},
        velocity=Velocity(velocity["refunds"], velocity["days"]) if velocity else None,
        owners={Act(act): Owner(owner) for act, owner in place.owners.items()},
    )


def counts_customers(accounts: Document, account: str) -> bool:
    """Say whether refunds of an account are counted per customer."""
    return any("velocity" in row for row in accounts.get("account", ()) if row["account"] == account)


def _named(document: Document, name: str) -> None:
    if document["name"] != name:
        raise Rejected("WRONG_POLICY", name, f"{document['name']} was given where {name} belongs")


def _withdrawal(row: Document) -> Withdrawal:
    return Withdrawal(
        rule=row["rule"],
        countries=frozenset(row["countries"]),
        days=row["days"],
        refund_days=row["refund_days"],
        withhold_until=frozenset(row["withhold_until"]),
        outbound_shipping=row["outbound_shipping"],
        restocking_fee=row["restocking_fee"],
        same_means=row["same_means"],
        source=row["source"],
    )


def _terms(stated: Document, place: Store, rows: Iterable[Document]) -> Terms:
    returns, receipt, refund = stated["returns"], stated["receipt"], stated["refund"]
    currency, rule = place.currency, f"{stated['name']}@{stated['version']}"
    return Terms(
        channel=stated["name"],
        locked=stated["locked"],
        currency=currency,
        time_zone=place.time_zone,
        window_days=returns["window_days"],
        decided_by=DecidedBy(returns["decided_by"]),
        authorise_alone_up_to=parse(returns["authorise_alone_up_to"][currency], currency),
        refund_when=RefundWhen(refund["when"]),
        refund_gate=Gate(refund["gate"]),
        refund_alone_up_to=parse(refund["alone_up_to"][currency], currency),
        fee_percent=refund["fee_percent"],
        fee_free_reasons=frozenset(refund["fee_free_reasons"]),
        accept_conditions=frozenset(Condition(one) for one in receipt["accept"]),
        reject_conditions=frozenset(Condition(one) for one in receipt["reject"]),
        close_after_refund=stated["close"]["after_refund"],
        close_reasons=frozenset(stated["close"]["reasons"]),
        decline_reasons=frozenset(stated["decline"]["reasons"]),
        resolutions=frozenset(returns["resolutions"]),
        deadlines=tuple(_deadline(row, rule) for row in rows),
        texts_days=stated["privacy"]["texts_days"],
    )


def _deadline(row: Document, rule: str) -> DeadlineRule:
    return DeadlineRule(
        kind=row["kind"],
        starts=row["starts"],
        hours=row["hours"],
        ahead=row["ahead_hours"],
        warn=tuple(row["warn_minutes"]),
        lane=row["lane"],
        rule=f"{rule}:deadline.{row['kind']}",
        source=row["source"],
    )
