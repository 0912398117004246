"""How a simulated seller is set up: ids, secrets, marketplaces, mailboxes, and what Amazon lets this seller do.

Everything about time is virtual; what Amazon does not publish (lags, delays) is a setting here with a plain default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sandbox.amazon.marketplaces import MARKETPLACES, Marketplace

DEFAULT_COUNTRIES = ("DE", "FR", "IT", "ES")


@dataclass(frozen=True, slots=True)
class Lags:
    """How long Amazon takes. `finances`: from the effect to its line in Finances (up to 48 h on the live service).

    `return_row`: from a return's request to its row in a report, which then bears the earlier date.
    """

    feed_queue: timedelta = timedelta(minutes=1)
    feed_work: timedelta = timedelta(minutes=2)
    report_queue: timedelta = timedelta(minutes=1)
    report_work: timedelta = timedelta(minutes=1)
    finances: timedelta = timedelta(hours=3)
    deferred: timedelta | None = None
    notification: timedelta = timedelta(seconds=2)
    mail: timedelta = timedelta(seconds=20)
    return_row: timedelta = timedelta(0)
    cancellation: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class ReportStyle:
    """How this seller's report files look: they differ from account to account, so a reader must not guess.

    `date` is a strftime form, read in `zone`, which no file names. `mark` is the decimal mark; `mixed` writes every
    second amount with the other. `extra` columns come first. `blank` stands in empty cells; `cut_short` leaves
    those at the end of a row out.
    """

    encoding: str = "utf-8"
    byte_order_mark: bool = False
    date: str = "%d-%b-%Y"
    zone: str = "UTC"
    mark: str = "."
    mixed: bool = False
    seller_rma_header: bool = False
    extra: tuple[str, ...] = ()
    gzip: bool = False
    blank: str = ""
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class Seller:
    """`rates` overrides the published (rate, burst) of an operation, as Amazon does for larger sellers.

    `caps_refunds` makes Amazon refuse what goes beyond an order's money. It is off: what Amazon does is not published,
    and without it the books show what a caller really asked for. `cancel_order` switches the synchronous operation on.
    """

    id: str = "A3TH9S8BH6GOGM"
    name: str = "Maison Lumière"
    countries: tuple[str, ...] = DEFAULT_COUNTRIES
    refresh_token: str = "Atzr|sandbox-refresh-token"  # noqa: S105
    mailbox: str = "amazon@maison-lumiere.example"
    authorised_senders: tuple[str, ...] = ("amazon@maison-lumiere.example",)
    lags: Lags = field(default_factory=Lags)
    style: ReportStyle = field(default_factory=ReportStyle)
    caps_refunds: bool = False
    cancel_order: bool = False
    rates: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    report_again_after: timedelta = timedelta(minutes=30)
    auto_refund_after: timedelta | None = timedelta(days=4)
    claim_days: int = 3
    account_status: str = "NORMAL"

    @property
    def marketplaces(self) -> tuple[Marketplace, ...]:
        return tuple(MARKETPLACES[country] for country in self.countries)

    @property
    def account_id(self) -> str:
        return f"amzn1.merchant.o.{self.id}"


@dataclass(frozen=True, slots=True)
class Application:
    """The application that all these sellers have authorised. `own_queue` is where Amazon sends its new secret."""

    id: str = "amzn1.sellerapps.app.2eca283f-9f5a-4d13-b16c-474EXAMPLE57"
    client_id: str = "amzn1.application-oa2-client.sandbox"
    client_secret: str = "amzn1.oa2-cs.v1.sandbox-secret"  # noqa: S105
    token_life: timedelta = timedelta(hours=1)
    old_secret_life: timedelta = timedelta(days=7)
