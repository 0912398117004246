"""Tab-delimited feeds: a header line, then records; read by header name, as Amazon does.

An unknown column, a missing one and a record of another width are refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sandbox.amazon.feed_lines import DocumentError

ADJUSTMENT_COLUMNS: Final = (
    "order-id", "order-item-id", "adjustment-reason-code", "currency", "item-price-adj", "item-tax-adj",
    "shipping-price-adj", "shipping-tax-adj", "gift-wrap-price-adj", "gift-wrap-tax-adj", "item-promotion-adj",
    "item-promotion-id", "ship-promotion-adj", "ship-promotion-id", "quantity-cancelled",
)  # fmt: skip
ACKNOWLEDGEMENT_COLUMNS: Final = ("order-id", "amazon-order-item-code", "cancellation-reason-code")


def read(content: bytes, columns: tuple[str, ...]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """(record number from 1, record). Raises DocumentError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    lines = text.splitlines()
    header = lines[0].split("\t") if lines else []
    if unknown := [name for name in header if name not in columns]:
        raise DocumentError(f"unknown column {unknown[0]!r}")
    if missing := [name for name in columns if name not in header]:
        raise DocumentError(f"column {missing[0]!r} is missing")
    for number, line in enumerate(lines[1:], start=1):
        cells = line.split("\t")
        if not line.strip():
            continue
        if len(cells) != len(header):
            raise DocumentError(f"record {number} has {len(cells)} fields, the header {len(header)}")
        yield number, dict(zip(header, cells, strict=True))
