"""Which channels there are and where their parts lie; a part is loaded when it is asked for and not before.

Refuses a name that is not listed. Importing this loads no HTTP library, and neither does the pure part of a channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any, Final, cast

from quittance.application.ports import Acts, Channel, Meter, Pseudonyms, ReceiptReader
from quittance.domain.errors import Rejected

SETTLE_HORIZON: Final = timedelta(seconds=60)


# name: (what builds the channel, what builds its pure part)
_CHANNELS: Final[Mapping[str, tuple[str, str]]] = {
    "shopify": ("quittance.channels.shopify.adapter:build", "quittance.channels.shopify.acts:ShopifyActs"),
}
_RECEIPTS: Final = "quittance.channels.warehouse.receipts:read"


def names() -> tuple[str, ...]:
    """The sales channels that are listed."""
    return tuple(_CHANNELS)


def channel(
    name: str,
    *,
    credentials: Callable[[str], Mapping[str, str]],
    meter: Meter,
    endpoint: str = "",
    horizon: timedelta = SETTLE_HORIZON,
    pseudonyms: Pseudonyms | None = None,
) -> Channel:
    """Build a channel; raises Rejected(UNKNOWN_CHANNEL).

    `credentials(account)` gives the account's secret, `endpoint` stands in for the channel's address in the sandbox,
    and after `horizon` absence at the channel means absence. Without `pseudonyms` nobody asks who bought.
    """
    build = _load(_listed(name)[0])
    return cast("Channel", build(credentials, meter, endpoint=endpoint, horizon=horizon, pseudonyms=pseudonyms))


def acts(name: str, horizon: timedelta = SETTLE_HORIZON) -> Acts:
    """The pure part of a channel; raises Rejected(UNKNOWN_CHANNEL)."""
    return cast("Acts", _load(_listed(name)[1])(horizon))


def receipt_reader() -> ReceiptReader:
    """What reads the deliveries of warehouses."""
    return cast("ReceiptReader", _load(_RECEIPTS))


def _listed(name: str) -> tuple[str, str]:
    if name not in _CHANNELS:
        raise Rejected("UNKNOWN_CHANNEL", "channel", f"use one of {', '.join(names())}")
    return _CHANNELS[name]


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
