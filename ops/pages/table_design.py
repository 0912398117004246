"""`docs/table-design.md`, from the keys that the storage makes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ops.pages import markdown
from quittance.storage import keys

PATH: Final = "docs/table-design.md"


def pages(_root: Path) -> Mapping[str, str]:
    items = [(p.name, markdown.code(p.pk), markdown.code(p.sk), p.purpose) for p in keys.PATTERNS]
    indexes = [(p.index, markdown.code(p.pk), markdown.code(p.sk), p.purpose) for p in keys.INDEX_PATTERNS]
    return {
        PATH: markdown.page(
            "`storage/keys.py`",
            "# Table design",
            "One table. Every item has `pk` and `sk`; what is in braces is filled in.",
            markdown.table(["item", "pk", "sk", "for"], items),
            "## Indexes",
            "Keys only, and sparse: an item is in an index as long as it carries the two attributes. Shards:"
            f" {keys.SHARDS}; lanes: {', '.join(str(lane) for lane in keys.LANES)}, the lowest first.",
            markdown.table(["index", "pk", "sk", "for"], indexes),
        )
    }
