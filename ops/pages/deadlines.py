"""`docs/deadlines.md`, from the policy files: every deadline with its source, and which of them are armed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ops import documents
from ops.pages import markdown
from quittance.application.policy_schema import ACCOUNTS, ARMED, LAW
from quittance.domain.obligations import LAW_REFUND, LAW_WARNINGS

PATH: Final = "docs/deadlines.md"
ARMING: Final = (
    "A deadline ends at an instant that never stops; people work to an earlier one. It is armed by the state of a case"
    " and met when the state no longer calls for it. Kinds that are not armed belong to cases that Quittance does not"
    " open yet."
)
LAWFUL: Final = (
    "`{kind}`: pay back within the days below, counted from the notice; withheld at most until the goods or the proof"
    " of sending are in. Warned {warned} before."
)
HEAD: Final = ("kind", "from", "hours", "worked to", "warned before", "lane", "countries", "since", "armed", "source")


def pages(root: Path) -> Mapping[str, str]:
    found = documents.read(root / documents.FOLDER)
    blocks = [
        "# Deadlines",
        ARMING,
        f"## {LAW}",
        LAWFUL.format(kind=LAW_REFUND, warned=_warned(LAW_WARNINGS)),
        markdown.table(
            ["rule", "countries", "days to withdraw", "days to pay back", "withheld until", "source"],
            [_law(row) for row in found[LAW]["withdrawal"]],
        ),
    ]
    for name in sorted(found.keys() - {LAW, ACCOUNTS}):
        blocks += [f"## {name}", markdown.table(HEAD, [_deadline(row) for row in found[name]["deadline"]])]
    return {PATH: markdown.page("`policies/`", *blocks)}


def _law(row: Mapping[str, Any]) -> list[object]:
    return [
        markdown.code(row["rule"]),
        ", ".join(sorted(row["countries"])),
        row["days"],
        row["refund_days"],
        " or ".join(row["withhold_until"]),
        row["source"],
    ]


def _deadline(row: Mapping[str, Any]) -> list[object]:
    return [
        markdown.code(row["kind"]),
        row["starts"],
        row["hours"],
        f"{row['ahead_hours']} h earlier",
        _warned(row["warn_minutes"]),
        row["lane"],
        "all" if row["countries"] == ["*"] else ", ".join(row["countries"]),
        row["valid_from"],
        "yes" if row["kind"] in ARMED else "no",
        row["source"],
    ]


def _warned(minutes: Any) -> str:
    return ", ".join(f"{each // 60} h" if each % 60 == 0 else f"{each} min" for each in minutes) or "never"
