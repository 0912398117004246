"""Published policies: documents read from the table by version and compiled for a store.

Refuses a document whose bytes are not the ones that were published.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from quittance.application.compile_policy import (
    Document,
    account_of,
    bounds_of,
    compile_policy,
    counts_customers,
    fingerprint,
    store_named,
)
from quittance.application.policy_schema import ACCOUNTS, LAW
from quittance.application.ports import NoPolicy, Place
from quittance.domain.errors import Rejected, Unavailable
from quittance.domain.policy import Policy, Versions
from quittance.domain.values import dataclass, replace
from quittance.storage import keys
from quittance.storage.engine import Engine

FRESH: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Pointer:
    version: int
    read_at: datetime


class PublishedPolicies:
    """Implements `application.ports.Policies`. `machine_time` ages the pointers: after a minute they are read again.

    A version never changes, so that what was compiled from it is kept as long as the process lives.
    """

    def __init__(self, engine: Engine, machine_time: Callable[[], datetime]) -> None:
        self._engine = engine
        self._machine_time = machine_time
        self._pointers: dict[str, _Pointer] = {}
        self._documents: dict[tuple[str, int], Document] = {}
        self._compiled: dict[tuple[Versions, int, str, str], Policy] = {}

    def current(self, channel: str, store: str) -> Policy:
        """What is in force now; raises NoPolicy when a layer is not published or the store is not listed."""
        versions = Versions(self._version(LAW), self._version(ACCOUNTS), self._version(channel))
        return self.at(versions, channel, store)

    def at(self, versions: Versions, channel: str, store: str) -> Policy:
        """What was in force when a case was opened, within the bounds that the accounts file sets now.

        Raises NoPolicy when one of the versions is missing.
        """
        bounded = self._version(ACCOUNTS)
        known = self._compiled.get((versions, bounded, channel, store))
        if known is not None:
            return known
        layers = (
            self._document(LAW, versions.law),
            self._document(ACCOUNTS, versions.accounts),
            self._document(channel, versions.channel),
        )
        try:
            compiled = compile_policy(*layers, store)
        except Rejected as refusal:
            raise NoPolicy(str(refusal)) from refusal
        bounds = bounds_of(self._document(ACCOUNTS, bounded), channel, store)
        compiled = compiled if bounds is None else replace(compiled, bounds=bounds)
        self._compiled[versions, bounded, channel, store] = compiled
        return compiled

    def counts_customers(self, account: str) -> bool:
        """Say whether refunds of an account are counted per customer; raises NoPolicy when nothing is published."""
        return counts_customers(self._accounts(), account)

    def account_of(self, channel: str, store: str) -> str | None:
        """The account that a store belongs to; None for a store nobody listed, NoPolicy when nothing is published."""
        return account_of(self._accounts(), channel, store)

    def shop_of(self, store: str) -> Place | None:
        """Where a store sells, by its name alone; None for an unlisted one, NoPolicy when nothing is published."""
        listed = store_named(self._accounts(), store)
        return None if listed is None else Place(listed.channel, listed.account, listed.store)

    def _accounts(self) -> Document:
        return self._document(ACCOUNTS, self._version(ACCOUNTS))

    def _version(self, layer: str) -> int:
        known, now = self._pointers.get(layer), self._machine_time()
        if known is not None and now - known.read_at < FRESH:
            return known.version
        item = self._engine.get(keys.current_policy(layer))
        if item is None:
            raise NoPolicy(f"no version of {layer} is published; run `quittance policy publish`")
        self._pointers[layer] = _Pointer(item["version"], now)
        return int(item["version"])

    def _document(self, layer: str, version: int) -> Document:
        known = self._documents.get((layer, version))
        if known is not None:
            return known
        item = self._engine.get(keys.policy(layer, version))
        if item is None:
            raise NoPolicy(f"version {version} of {layer} is not published")
        document: dict[str, Any] = json.loads(item["json"])
        if fingerprint(document) != item["sha256"]:
            raise Unavailable(f"version {version} of {layer} is not what was published; publish a version above it")
        self._documents[layer, version] = document
        return document
