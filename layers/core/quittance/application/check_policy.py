"""Checks policy documents before they are published: each by its own keys, then all of them against one another.

Refuses what is not understood, what cannot be meant, what a locked channel does not leave open, and what is below the
law; a problem names the file, the key, the rule and the way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from quittance.application.compile_policy import Document, merged, stores_of
from quittance.application.policy_reading import Found
from quittance.application.policy_schema import ACCOUNTS, LAW, STARTS, reader_of
from quittance.domain.events import Resolution
from quittance.domain.observations import Condition
from quittance.domain.policy import Gate
from quittance.domain.values import dataclass

# Channels whose operator sets the rules: their file stays locked whatever it says.
MARKETPLACES: Final = frozenset({"amazon", "bol", "tiktok", "walmart"})
# A buyer who withdraws owes at most the loss of value of used goods, which a person sets as an amount; that the parcel
# holds something else is the one finding that leaves nothing to pay back. Source: Directive 2011/83/EU article 14(2).
REJECTED_ALONE: Final = frozenset({Condition.WRONG_ITEM})
# What delays the buyer's money, so that none of them may be longer than the law's days for paying it back.
DELAYS_MONEY: Final = ("decide_request", "decide_units", "refund_received")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong in one place: the name of the file, the key in it, the rule that is broken and how to mend it."""

    file: str
    key: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.rule}: {self.message}"


def check(documents: Mapping[str, Document]) -> tuple[Problem, ...]:
    """Every problem of the documents, given by file name without its ending; none means that they may be published.

    What one file contradicts in another is looked at once each file by itself is readable.
    """
    problems = [Problem(need, "", "MISSING_FILE", f"write {need}.toml") for need in (LAW, ACCOUNTS)
                if need not in documents]  # fmt: skip
    for name, document in documents.items():
        problems += [Problem(name, *found) for found in _alone(name, document)]
    if not problems:
        problems += _together(documents)
    return tuple(sorted(set(problems)))


def _alone(name: str, document: Document) -> Iterator[Found]:
    found = tuple(reader_of(name)("", document))
    yield from found
    if not found and document["name"] != name:
        yield "name", "BAD_NAME", f"the file is called {name}; rename one of them"


def _together(documents: Mapping[str, Document]) -> Iterator[Problem]:
    law, accounts = documents[LAW], documents[ACCOUNTS]
    yield from (Problem(LAW, *found) for found in _law(law))
    yield from (Problem(ACCOUNTS, *found) for found in _accounts(accounts, documents.keys()))
    for name in documents.keys() - {LAW, ACCOUNTS}:
        yield from (Problem(name, *found) for found in _channel(documents[name], accounts, law))


def _law(law: Document) -> Iterator[Found]:
    for key, values in (
        ("rule", [row["rule"] for row in law["withdrawal"]]),
        ("countries", [country for row in law["withdrawal"] for country in row["countries"]]),
    ):
        for value in _doubles(values):
            yield f"withdrawal.{key}", "DUPLICATE", f"{value} stands in two rows; which one is meant?"


def _doubles(values: Iterable[str]) -> list[str]:
    listed = list(values)
    return sorted({value for value in listed if listed.count(value) > 1})


def _accounts(accounts: Document, files: Iterable[str]) -> Iterator[Found]:
    stores = stores_of(accounts)
    known = set(files) - {LAW, ACCOUNTS}
    for index, store in enumerate(stores):
        if store.channel not in known:
            yield f"store.{index}.channel", "MISSING_FILE", f"write {store.channel}.toml or correct the channel"
    for name in _doubles(store.store for store in stores):
        yield "store.store", "DUPLICATE", f"{name} is listed twice; addresses name a store by this alone"
    channels = {(store.account, store.channel) for store in stores}
    for account in _doubles(account for account, _ in channels):
        yield "store.account", "CHANNEL_MISMATCH", f"{account} is at two channels; give each an account of its own"
    yield from _bounds(accounts)


def _bounds(accounts: Document) -> Iterator[Found]:
    rows = accounts.get("account", [])
    for name in _doubles(row["account"] for row in rows):
        yield "account.account", "DUPLICATE", f"{name} stands in two rows; which one is meant?"
    for index, row in enumerate(rows):
        own = [store for store in stores_of(accounts) if store.account == row["account"]]
        if not own:
            yield f"account.{index}.account", "UNKNOWN_ACCOUNT", "no store is listed for it; correct the name"
        for code in sorted({store.currency for store in own} - row.get("daily_budget", {}).keys()):
            if "daily_budget" in row:
                message = f"its stores sell in {code}; without an amount every refund there needs approval"
                yield f"account.{index}.daily_budget.{code}", "MISSING_AMOUNT", message


def _channel(document: Document, accounts: Document, law: Document) -> Iterator[Found]:
    yield from _lock(document)
    common = set(_terms(document, law))
    yield from common
    yield from _strangers(document, accounts)
    for store in stores_of(accounts, document["name"]):
        stated = merged(document, store.store)
        own = set(_terms(stated, law)) - common
        yield from ((f"store.{store.store}.{key}", rule, message) for key, rule, message in own)
        for part, key in (("returns", "authorise_alone_up_to"), ("refund", "alone_up_to")):
            if store.currency not in stated[part][key]:
                where = f"{part}.{key}.{store.currency}"
                yield where, "MISSING_AMOUNT", f"store {store.store} sells in {store.currency}; state an amount"


def _lock(document: Document) -> Iterator[Found]:
    name = document["name"]
    if name in MARKETPLACES and not document["locked"]:
        yield "locked", "POLICY_LOCKED", f"{name} sets its rules itself; leave it true"
    if document["locked"] and document.get("store"):
        yield "store", "POLICY_LOCKED", f"{name} sets its rules itself; no store may depart from them"


def _strangers(document: Document, accounts: Document) -> Iterator[Found]:
    channels = {store.store: store.channel for store in stores_of(accounts)}
    for name in document.get("store", {}):
        if name not in channels:
            yield f"store.{name}", "UNKNOWN_STORE", "list it in accounts.toml first"
        elif channels[name] != document["name"]:
            yield f"store.{name}", "CHANNEL_MISMATCH", f"it is a store of {channels[name]}; its terms belong there"


def _terms(stated: Document, law: Document) -> Iterator[Found]:
    receipt = stated["receipt"]
    for condition in sorted(set(receipt["accept"]) & set(receipt["reject"])):
        yield "receipt.reject", "BAD_VALUE", f"{condition} is accepted and rejected; leave it in one list"
    if Condition.UNKNOWN in receipt["accept"]:
        yield "receipt.accept", "BAD_VALUE", "unknown says that nobody has looked; a person decides it"
    for row in stated["deadline"]:
        yield from ((f"deadline.{row['kind']}.{key}", rule, message) for key, rule, message in _deadline(row))
    places = [f"{row['kind']} in {country}" for row in stated["deadline"] for country in row["countries"]]
    for place in _doubles(places):
        yield f"deadline.{place.partition(' ')[0]}.countries", "DUPLICATE", f"{place} has two rows"
    for row in law["withdrawal"]:
        yield from _floor(stated, row)


def _deadline(row: Document) -> Iterator[Found]:
    warn = row["warn_minutes"]
    if row["starts"] != STARTS[row["kind"]]:
        yield "starts", "BAD_VALUE", f"{row['kind']} is counted from {STARTS[row['kind']]}"
    if row["ahead_hours"] >= row["hours"]:
        yield "ahead_hours", "BAD_VALUE", f"people would have to be done before it starts; stay below {row['hours']}"
    if warn != sorted(warn, reverse=True):
        yield "warn_minutes", "BAD_WARN", "put the earliest warning, the largest number, first"
    if warn and max(warn) >= row["hours"] * 60:
        yield "warn_minutes", "BAD_WARN", f"{max(warn)} minutes is not after the start; stay below {row['hours'] * 60}"


def _floor(stated: Document, law: Document) -> Iterator[Found]:
    """What a shop may not set lower than the law, whoever its buyers are: any of them may live in such a country."""
    returns, refund, rule = stated["returns"], stated["refund"], law["rule"]
    if returns["window_days"] < law["days"]:
        yield "returns.window_days", "BELOW_LAW", f"{rule} gives {law['days']} days"
    if Resolution.ACCEPT not in returns["resolutions"]:
        yield "returns.resolutions", "BELOW_LAW", f"{rule} gives the money back; offer accept"
    if law["same_means"] and refund["means"] != "original":
        yield "refund.means", "BELOW_LAW", f"{rule} pays back by the means that the buyer used; write original"
    if refund["gate"] not in {Gate.AUTHORISED, *law["withhold_until"]}:
        yield "refund.gate", "BELOW_LAW", f"{rule} does not let the shop wait for {refund['gate']}"
    for condition in sorted(set(stated["receipt"]["reject"]) - REJECTED_ALONE):
        yield "receipt.reject", "BELOW_LAW", f"{rule} leaves the buyer a part; {condition} has to be seen by a person"
    for row in stated["deadline"]:
        if row["kind"] in DELAYS_MONEY and row["hours"] > law["refund_days"] * 24:
            message = f"{rule} pays back within {law['refund_days']} days"
            yield f"deadline.{row['kind']}.hours", "BELOW_LAW", message
