"""What the reports hold: returns as text, XML and CSV, returns and reimbursements of Fulfilment by Amazon.

Rows come from the books as they are now; how they are written (dates, decimal marks, columns) is the seller's style.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from csv import QUOTE_ALL
from csv import writer as csv_writer
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Final
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from sandbox.amazon import money
from sandbox.amazon.house import Floor, Report
from sandbox.amazon.instants import stamp
from sandbox.amazon.records import Line, Order, Return
from sandbox.amazon.seller import ReportStyle

RETURN_COLUMNS: Final = (
    "Order ID", "Order date", "Return request date", "Return request status", "Amazon RMA ID", "Merchant RMA ID",
    "Label type", "Label cost", "Currency code", "Return carrier", "Tracking ID", "Label to be paid by",
    "A-to-Z Claim", "Is prime", "ASIN", "Merchant SKU", "Item Name", "Return quantity", "Return Reason", "In policy",
    "Return type", "Resolution", "Invoice number", "Return delivery date", "Order Amount", "Order quantity",
    "SafeT Action reason", "SafeT claim id", "SafeT claim state", "SafeT claim creation time",
    "SafeT claim reimbursement amount", "Refunded Amount",
)  # fmt: skip
EXTRA_COLUMNS: Final = ("Order Item ID", "Category")
FBA_RETURN_COLUMNS: Final = (
    "return-date", "order-id", "sku", "asin", "fnsku", "product-name", "quantity", "fulfillment-center-id",
    "detailed-disposition", "reason", "status", "license-plate-number", "customer-comments",
)  # fmt: skip
REIMBURSEMENT_COLUMNS: Final = (
    "approval-date", "reimbursement-id", "case-id", "amazon-order-id", "reason", "sku", "fnsku", "asin",
    "product-name", "condition", "currency-unit", "amount-per-unit", "quantity-reimbursed-cash", "amount-total",
    "quantity-reimbursed-inventory", "quantity-reimbursed-total", "original-reimbursement-id",
    "original-reimbursement-type",
)  # fmt: skip
FULFILMENT_CENTRE: Final = "LYS1"


@dataclass(frozen=True, slots=True)
class Row:
    """A returned line with all that its report row is made of."""

    order: Order
    line: Line
    returned: Return
    claimed: bool
    refunded: int


def rows(floor: Floor, report: Report, *, prime: bool | None = None) -> list[Row]:
    """The returns asked for in the report's window and marketplaces, oldest first."""
    found = []
    for one in sorted(floor.books.returns.values(), key=lambda item: item.requested_at):
        order = floor.books.orders[one.order]
        inside = report.data_from <= one.requested_at < report.data_until
        there = one.requested_at + floor.seller.lags.return_row <= floor.now
        if inside and there and order.marketplace.id in report.marketplaces and prime in (None, order.prime):
            line = next(line for line in order.lines if line.id == one.line)
            found.append(Row(order, line, one, bool(floor.books.claims_of(order.id)), _refunded(floor, one)))
    return found


def _refunded(floor: Floor, one: Return) -> int:
    parts = (part for move in floor.books.refunds_of(one.order) for part in move.shares)
    return -sum(part.total for part in parts if part.line == one.line)


class _Amounts:
    """Writes amounts with the style's decimal mark; with `mixed`, every second one with the other."""

    def __init__(self, style: ReportStyle) -> None:
        self._style = style
        self._count = 0

    def __call__(self, minor: int, currency: str) -> str:
        self._count += 1
        other = "," if self._style.mark == "." else "."
        mark = other if self._style.mixed and self._count % 2 == 0 else self._style.mark
        return money.text(minor, currency).replace(".", mark)


def _day(at: datetime | None, style: ReportStyle) -> str:
    return "" if at is None else at.astimezone(ZoneInfo(style.zone)).strftime(style.date)


def _flag(value: bool) -> str:  # noqa: FBT001
    return "Y" if value else "N"


def _cells(row: Row, style: ReportStyle, amount: _Amounts) -> dict[str, str]:
    one, order, line, currency = row.returned, row.order, row.line, row.order.currency
    values = (
        order.id, _day(order.placed_at, style), _day(one.requested_at, style), one.status, one.rma, one.merchant_rma,
        one.label_type, amount(one.label_cost, currency), currency, one.carrier, one.tracking, one.label_payer,
        _flag(row.claimed), _flag(order.prime), line.asin, line.sku, line.title, str(one.quantity), one.reason,
        _flag(one.in_policy), "C-Returns", one.resolution, one.invoice, _day(one.delivered_at, style),
        amount(order.total, currency), str(sum(other.quantity for other in order.lines)),
        one.safe_t.get("reason", ""), one.safe_t.get("id", ""), one.safe_t.get("state", ""),
        one.safe_t.get("time", ""), one.safe_t.get("amount", ""),
        amount(row.refunded, currency) if row.refunded else "",
    )  # fmt: skip
    cells = dict(zip(RETURN_COLUMNS, values, strict=True))
    return {**cells, "Order Item ID": line.id, "Category": "Home"}


def _header(style: ReportStyle) -> list[str]:
    names = [*style.extra, *RETURN_COLUMNS]
    return ["Seller RMA ID" if name == "Merchant RMA ID" and style.seller_rma_header else name for name in names]


def _encoded(text: str, style: ReportStyle) -> bytes:
    content = text.encode(style.encoding, "replace")
    return b"\xef\xbb\xbf" + content if style.byte_order_mark and style.encoding == "utf-8" else content


def _tsv(header: Iterable[str], lines: Iterable[Iterable[str]], style: ReportStyle) -> bytes:
    text = "".join("\t".join(_written(line, style)) + "\n" for line in [header, *lines])
    return _encoded(text, style)


def _written(line: Iterable[str], style: ReportStyle) -> list[str]:
    cells = [cell.replace("\t", " ") for cell in line]
    while style.cut_short and cells and not cells[-1]:
        cells.pop()
    return [cell or style.blank for cell in cells]


def returns_text(floor: Floor, report: Report) -> bytes | None:
    """GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE; None when there is nothing to tell."""
    style, amount = floor.style, _Amounts(floor.style)
    found = [_cells(row, style, amount) for row in rows(floor, report)]
    names = [*style.extra, *RETURN_COLUMNS]
    return _tsv(_header(style), ([cells[name] for name in names] for cells in found), style) if found else None


def prime_csv(floor: Floor, report: Report) -> bytes | None:
    """GET_CSV_MFN_PRIME_RETURNS_REPORT."""
    style, amount = floor.style, _Amounts(floor.style)
    found = [_cells(row, style, amount) for row in rows(floor, report, prime=True)]
    out = StringIO()
    write = csv_writer(out, quoting=QUOTE_ALL, lineterminator="\n")
    write.writerow(RETURN_COLUMNS)
    write.writerows([cells[name] for name in RETURN_COLUMNS] for cells in found)
    return _encoded(out.getvalue(), style) if found else None


def returns_xml(floor: Floor, report: Report, *, prime: bool | None = None) -> bytes | None:
    """GET_XML_RETURNS_DATA_BY_RETURN_DATE and, for Prime orders alone, GET_XML_MFN_PRIME_RETURNS_REPORT."""
    found = rows(floor, report, prime=prime)
    details = "".join(_details(row) for row in found)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<AmazonEnvelope><Header><DocumentVersion>1.00</DocumentVersion>'
        f"<MerchantIdentifier>{floor.seller.id}</MerchantIdentifier></Header><MessageType>Return</MessageType>"
        f"<Message>{details}</Message></AmazonEnvelope>\n"
    )
    return text.encode() if found else None


def prime_xml(floor: Floor, report: Report) -> bytes | None:
    return returns_xml(floor, report, prime=True)


def _elements(fields: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())


def _details(row: Row) -> str:
    one, order, line = row.returned, row.order, row.line
    label = {
        "tracking_id": one.tracking,
        "return_carrier": one.carrier,
        "currency_code": order.currency,
        "label_cost": money.text(one.label_cost, order.currency),
        "label_type": one.label_type,
    }
    item = {
        "item_name": line.title,
        "asin": line.asin,
        "return_reason_code": one.reason,
        "merchant_sku": line.sku,
        "in_policy": _flag(one.in_policy),
        "return_quantity": str(one.quantity),
        "resolution": one.resolution,
        "refund_amount": money.text(row.refunded, order.currency),
    }
    head = {
        "order_id": order.id,
        "order_date": stamp(order.placed_at),
        "amazon_rma_id": one.rma,
        "return_request_date": stamp(one.requested_at),
        "return_request_status": one.status,
        "a_to_z_claim": _flag(row.claimed),
        "is_prime": _flag(order.prime),
    }
    tail = {
        "label_to_be_paid_by": one.label_payer,
        "return_type": "C-Returns",
        "order_amount": money.text(order.total, order.currency),
        "order_quantity": str(sum(other.quantity for other in order.lines)),
    }
    inner = f"<label_details>{_elements(label)}</label_details>{_elements(tail)}"
    return f"<return_details>{_elements(head)}{inner}<item_details>{_elements(item)}</item_details></return_details>"


def fba_returns(floor: Floor, report: Report) -> bytes | None:
    """GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA."""
    lines = []
    for one in floor.books.fba_returns:
        order = floor.books.orders[one.order]
        inside = report.data_from <= one.received_at < report.data_until
        if inside and order.marketplace.id in report.marketplaces:
            line = next(line for line in order.lines if line.id == one.line)
            lines.append(
                (
                    one.received_at.isoformat(timespec="seconds"),
                    order.id,
                    line.sku,
                    line.asin,
                    _fnsku(line.asin),
                    line.title,
                    str(one.quantity),
                    FULFILMENT_CENTRE,
                    one.disposition,
                    one.reason,
                    one.status,
                    one.id,
                    one.comment,
                )
            )
    return _tsv(FBA_RETURN_COLUMNS, lines, floor.style) if lines else None


def _fnsku(asin: str) -> str:
    return f"X00{asin[3:]}"


def reimbursements(floor: Floor, report: Report) -> bytes | None:
    """GET_FBA_REIMBURSEMENTS_DATA."""
    lines = []
    for one in floor.books.reimbursements:
        if report.data_from <= one.at < report.data_until:
            per_unit = money.text(one.per_unit, one.currency)
            total = money.text(one.per_unit * one.quantity, one.currency)
            count = str(one.quantity)
            lines.append(
                (
                    one.at.isoformat(timespec="seconds"),
                    one.id,
                    "",
                    one.order or "",
                    one.reason,
                    one.sku,
                    _fnsku(one.asin),
                    one.asin,
                    one.title,
                    "SELLABLE",
                    one.currency,
                    per_unit,
                    count,
                    total,
                    "0",
                    count,
                    "",
                    "",
                )
            )
    return _tsv(REIMBURSEMENT_COLUMNS, lines, floor.style) if lines else None


Write = Callable[[Floor, Report], bytes | None]
