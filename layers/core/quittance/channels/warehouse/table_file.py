"""Receipts from a CSV file, one row per group of units: each receipt becomes the JSON body that HTTP would carry.

Refuses a file by row and column, and takes nothing of a file of which one row is wrong.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from quittance.channels.warehouse.receipts import MOST_LINES, NAMES, At, receipt_of, refuse, text, unit_of
from quittance.domain.errors import Rejected

NEEDED: Final = ("receipt_id", "received_at", "sku", "quantity", "condition")
COLUMNS: Final = (*NEEDED, *NAMES, "note", "photo")
MOST_ROWS: Final = 20_000
_OF_RECEIPT: Final = ("received_at", *NAMES, "note")
_OF_UNITS: Final = ("sku", "condition", "photo")


@dataclass(frozen=True, slots=True)
class Body:
    """One receipt of a file as the body of POST /receipts/{store}."""

    receipt: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    cells: Mapping[str, str]

    def at(self, column: str) -> str:
        return f"row {self.number}, column {column}"


def bodies(file: bytes) -> tuple[Body, ...]:
    """Read a whole file in the order of its receipts; rows of one receipt need not stand together.

    UTF-8 with or without a mark; columns by comma, semicolon or tab, in any order, empty ones where there is nothing
    to say. Raises Rejected naming row and column.
    """
    grouped: dict[str, list[_Row]] = {}
    for row in _rows(file):
        grouped.setdefault(text(row.cells, "receipt_id", row.at), []).append(row)
    return tuple(Body(receipt, _body(receipt, rows)) for receipt, rows in grouped.items())


def _rows(file: bytes) -> Iterator[_Row]:
    try:
        decoded = file.decode("utf-8-sig")
    except UnicodeDecodeError:
        refuse("file", "save it as CSV in UTF-8")
    lines = csv.reader(io.StringIO(decoded, newline=""), delimiter=_delimiter(decoded), strict=True)
    try:
        header = _header(next(lines, []))
        for cells in lines:
            if any(cell.strip() for cell in cells):
                yield _row(lines.line_num, header, cells)
    except csv.Error:
        refuse(f"row {lines.line_num}", "close the quotes of this row; a quote inside quotes is written twice")


def _delimiter(decoded: str) -> str:
    first = decoded.partition("\n")[0]
    return max(",;\t", key=first.count)


def _header(cells: list[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    for column in columns:
        if column not in COLUMNS or columns.count(column) > 1:
            refuse(f"row 1, column {column[:32]}", f"name each column once, of {', '.join(COLUMNS)}")
    for column in NEEDED:
        if column not in columns:
            refuse(f"row 1, column {column}", "add this column")
    return columns


def _row(number: int, header: list[str], cells: list[str]) -> _Row:
    if number > MOST_ROWS:
        refuse(f"row {number}", f"split the file: at most {MOST_ROWS} rows")
    if len(cells) != len(header):
        refuse(f"row {number}", f"give {len(header)} columns, as row 1 has")
    return _Row(number, dict(zip(header, cells, strict=True)))


def _body(receipt: str, rows: list[_Row]) -> bytes:
    if len(rows) > MOST_LINES:
        refuse(rows[MOST_LINES].at("receipt_id"), f"give at most {MOST_LINES} rows per receipt")
    stated = {column: cell for column in _OF_RECEIPT if (cell := _agreed(column, rows))}
    body: dict[str, Any] = {"receipt_id": receipt, **stated, "units": [_units(row) for row in rows]}
    try:
        receipt_of(body)
    except Rejected as refusal:
        raise Rejected(refusal.code, rows[0].at(refusal.field), refusal.fix) from None
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _agreed(column: str, rows: list[_Row]) -> str:
    """The one value of a column in all rows of a receipt; an empty cell says the same as the others."""
    agreed = ""
    for row in rows:
        cell = text(row.cells, column, row.at, needed=False)
        if agreed and cell and cell != agreed:
            refuse(row.at(column), "give the same in all rows of one receipt")
        agreed = agreed or cell
    return agreed


def _units(row: _Row) -> dict[str, Any]:
    counted = row.cells["quantity"].strip()
    is_count = counted.isascii() and counted.isdecimal() and len(counted) <= len(str(MOST_ROWS))
    at: At = row.at
    raw = {column: row.cells[column].strip() for column in _OF_UNITS if row.cells.get(column, "").strip()}
    unit_of({**raw, "quantity": int(counted) if is_count else None}, at)
    return {**raw, "quantity": int(counted)}
