"""`docs/policies.md`, from the policy files: the terms of all channels side by side, as they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ops import documents
from ops.pages import markdown
from quittance.application.policy_schema import ACCOUNTS, LAW

PATH: Final = "docs/policies.md"
BOUNDS: Final = (
    [
        markdown.code("[[account]] daily_budget"),
        "no limit, and nothing is read",
        (
            "an amount per currency: what rules pay back by themselves in one day of the store's time zone; beyond it,"
            " and in a currency that is not named, a refund waits for an approver (`daily_budget`,"
            " `currency_without_limit`)"
        ),
    ],
    [
        markdown.code("[[account]] velocity"),
        "nobody is counted, and nobody asks who bought",
        "after `refunds` refunds of one customer within `days` days the next one waits for an approver (`velocity`)",
    ],
    [
        markdown.code("[[store]] owners"),
        "every act is `quittance`",
        "an act that is `observe` or `other` is decided and shown, and never sent",
    ],
)
ELSEWHERE: Final = frozenset({"schema", "name", "deadline", "store"})


def pages(root: Path) -> Mapping[str, str]:
    found = documents.read(root / documents.FOLDER)
    names = sorted(found.keys() - {LAW, ACCOUNTS})
    terms = {name: dict(_flat("", found[name])) for name in names}
    keys = list(dict.fromkeys(key for name in names for key in terms[name]))
    differing = [key for key in keys if len({terms[name].get(key) for name in names}) > 1]
    shared = [key for key in keys if key not in differing]
    return {
        PATH: markdown.page(
            "`policies/`",
            "# Policies of the channels",
            "Each channel's cases are decided by its own terms and by no others; above all of them stands `law.toml`."
            " A locked policy is the channel's, and nobody here can depart from it.",
            "## Where they differ",
            markdown.table(["term", *names], _rows(differing, names, terms)),
            "## Where they agree",
            markdown.table(["term", *names], _rows(shared, names, terms)),
            "## Terms of single stores",
            markdown.table(["store", "term", "value"], _overrides(found, names)),
            "## Bounds of accounts and stores",
            "What rules may do by themselves, and who carries out which act. Bounds hold as they are published now, for"
            " cases of any age; a term above holds as it was when the case was opened.",
            markdown.table(["key in `accounts.toml`", "without it", "what it does"], BOUNDS),
            markdown.table(["account or store", "bound", "value"], _bounds(found[ACCOUNTS])),
        )
    }


def _bounds(accounts: Mapping[str, Any]) -> list[list[str]]:
    rows = [(row["account"], {key: row[key] for key in row if key != "account"}) for row in accounts.get("account", ())]
    rows += [(row["store"], {"owners": row["owners"]}) for row in accounts["store"] if "owners" in row]
    return [[name, markdown.code(key), value] for name, own in rows for key, value in _flat("", own)]


def _rows(keys: list[str], names: list[str], terms: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    return [[markdown.code(key), *(terms[name].get(key, "") for name in names)] for key in keys]


def _overrides(found: Mapping[str, Mapping[str, Any]], names: list[str]) -> list[list[str]]:
    return [
        [store, markdown.code(key), value]
        for name in names
        for store, own in found[name].get("store", {}).items()
        for key, value in _flat("", own)
    ]


def _flat(start: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if not start and key in ELSEWHERE:
            continue
        if isinstance(value, Mapping):
            yield from _flat(f"{start}{key}.", value)
        else:
            yield f"{start}{key}", _text(value)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "none"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
