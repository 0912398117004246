"""What became of a feed: the verdict on each message, and the two processing reports that Amazon writes about it.

Successes leave no trace in either report but a count: only errors and warnings are listed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

from sandbox.amazon.agenda import Deed

MALFORMED: Final = 5000
"""The one code that is known from outside: XML that does not parse or does not fit its schema."""
# The others are this simulator's own: no list of Amazon's is published.
UNKNOWN_ORDER: Final = 13_013
UNKNOWN_ITEM: Final = 13_014
WRONG_STATE: Final = 13_015
WRONG_MONEY: Final = 13_016
TOO_MUCH: Final = 13_017
WRONG_VALUE: Final = 13_018


class LineError(Exception):
    """A message of a feed that cannot be done."""

    def __init__(self, code: int, text: str, order: str = "", item: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.order = order
        self.item = item


class DocumentError(Exception):
    """A document in which nothing can be read: no message is done."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a feed: `check` raises LineError or returns what does it."""

    number: int
    check: Callable[[], Deed]


@dataclass(frozen=True, slots=True)
class Result:
    number: int
    code: int
    text: str
    order: str = ""
    item: str = ""
    kind: str = "Error"


@dataclass(slots=True)
class Outcome:
    processed: int = 0
    results: list[Result] = field(default_factory=list)
    complete: bool = True

    @property
    def failed(self) -> int:
        return len({one.number for one in self.results if one.kind == "Error"})

    @property
    def warned(self) -> int:
        return len({one.number for one in self.results if one.kind == "Warning"})


def xml_report(seller: str, transaction: str, outcome: Outcome) -> bytes:
    """The processing report of XML feeds."""
    rows = "".join(_xml_row(one) for one in outcome.results)
    status = "Complete" if outcome.complete else "Rejected"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<AmazonEnvelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="amzn-envelope.xsd">\n'
        f"<Header><DocumentVersion>1.02</DocumentVersion><MerchantIdentifier>{seller}</MerchantIdentifier></Header>\n"
        "<MessageType>ProcessingReport</MessageType>\n<Message><MessageID>1</MessageID><ProcessingReport>\n"
        f"<DocumentTransactionID>{transaction}</DocumentTransactionID><StatusCode>{status}</StatusCode>\n"
        f"<ProcessingSummary><MessagesProcessed>{outcome.processed}</MessagesProcessed>"
        f"<MessagesSuccessful>{outcome.processed - outcome.failed}</MessagesSuccessful>"
        f"<MessagesWithError>{outcome.failed}</MessagesWithError>"
        f"<MessagesWithWarning>{outcome.warned}</MessagesWithWarning></ProcessingSummary>\n"
        f"{rows}</ProcessingReport></Message></AmazonEnvelope>\n"
    ).encode()


def _xml_row(one: Result) -> str:
    order = f"<AmazonOrderID>{escape(one.order)}</AmazonOrderID>" if one.order else ""
    item = f"<AmazonOrderItemCode>{escape(one.item)}</AmazonOrderItemCode>" if one.item else ""
    more = f"<AdditionalInfo>{order}{item}</AdditionalInfo>" if order or item else ""
    return (
        f"<Result><MessageID>{one.number}</MessageID><ResultCode>{one.kind}</ResultCode>"
        f"<ResultMessageCode>{one.code}</ResultMessageCode>"
        f"<ResultDescription>{escape(one.text)}</ResultDescription>{more}</Result>\n"
    )


def text_report(outcome: Outcome) -> bytes:
    """The report of flat-file feeds: a summary, then a tab-delimited table of what went wrong."""
    head = [
        "Feed Processing Summary:",
        f"\tNumber of records processed\t\t{outcome.processed}",
        f"\tNumber of records successful\t\t{outcome.processed - outcome.failed}",
        "",
    ]
    table = ["original-record-number\torder-id\torder-item-id\terror-code\terror-type\terror-message"]
    table += [f"{one.number}\t{one.order}\t{one.item}\t{one.code}\t{one.kind}\t{one.text}" for one in outcome.results]
    return ("\n".join(head + (table if outcome.results else [])) + "\n").encode("cp1252", "replace")
