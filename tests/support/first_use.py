"""What each function loads with its first event and not before, as a statement on its imported `handler`.

A function that is not listed has everything when its import ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FIRST_USE: Final[Mapping[str, str]] = {
    "IngestReturnsFunction": "handler.ingest.ports.channel('shopify')",
    "PollChannelsFunction": "handler.polls.ports.channel('shopify')",
    "ExecuteRefundFunction": "handler.execute.ports.channel('shopify')",
    "WatchdogTickFunction": "handler._tick()",
    "WatchdogFireFunction": "handler._fire().ports.acts('shopify')",
    "DeskFunction": "handler.desk.ports.acts('shopify')",
}
