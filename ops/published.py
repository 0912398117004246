"""What is published in a stack, as the command needs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from quittance.application.compile_policy import Store, stores_of
from quittance.application.policy_schema import ACCOUNTS
from quittance.application.ports import NoPolicy
from quittance.storage import keys
from quittance.storage.engine import Engine


def stores(engine: Engine) -> tuple[Store, ...]:
    """The stores of the accounts file in force; raises NoPolicy when none was published."""
    return stores_of(document(engine, ACCOUNTS))


def document(engine: Engine, name: str) -> Mapping[str, Any]:
    """The document in force; raises NoPolicy when none was published."""
    pointer = engine.get(keys.current_policy(name))
    item = engine.get(keys.policy(name, pointer["version"])) if pointer else None
    if item is None:
        raise NoPolicy(f"{name} is not published; run `quittance policy publish` first")
    found: Mapping[str, Any] = json.loads(item["json"])
    return found
