"""Where a stream record goes: history to the bus and to people, a ready intent to the queue that sends it.

Refuses to call a record published before everything it asks for has been taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from quittance.application.announce import Alert, Announcement, HistoryRecord, Topic, alerts, announcements
from quittance.application.commit import Key
from quittance.application.ports import Publisher
from quittance.domain.errors import Unavailable
from quittance.domain.instant import to_text
from quittance.domain.intent import LATER, IntentState
from quittance.runtime import observability
from quittance.storage.expressions import plain
from quittance.storage.history import history_entry

SOURCE: Final = "quittance"
# PutEvents takes ten entries a call: docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
ENTRIES: Final = 10
SUBJECT: Final = 100


@dataclass(frozen=True, slots=True)
class Outlets:
    """The bus, the two topics and the queues that a record may have to reach."""

    events: Any
    bus: str
    notifications: Any
    topics: Mapping[Topic, str]
    publisher: Publisher

    def record(self, image: Mapping[str, Any]) -> None:
        """Publish one new image of the table; raises Unavailable or a client error when anything was not taken."""
        item = plain(image)
        key = Key(item["pk"], item["sk"])
        if key.sk.startswith("INTENT#"):
            self._wake(key, item)
        elif key.sk.startswith("EVENT#"):
            self._history(item)

    def _wake(self, key: Key, item: Mapping[str, Any]) -> None:
        is_postponed = str(item.get("because", "")).startswith(LATER)
        if item.get("state") == IntentState.READY.value and not is_postponed:
            self.publisher.wake("urgent" if item.get("lane") == 0 else "refund", [key])

    def _history(self, item: Mapping[str, Any]) -> None:
        entry = history_entry(item)
        record = HistoryRecord(
            entry.case, entry.version, to_text(entry.at), entry.channel, entry.account, entry.store, entry.order,
            entry.state, entry.events,
        )  # fmt: skip
        outgoing = list(announcements(record))
        for start in range(0, len(outgoing), ENTRIES):
            self._put(outgoing[start : start + ENTRIES])
        for alert in alerts(record):
            self._tell(alert)
        observability.metric("EventsPublished", len(outgoing), entry.channel, "published")

    def _put(self, outgoing: list[Announcement]) -> None:
        answer = self.events.put_events(
            Entries=[
                {"EventBusName": self.bus, "Source": SOURCE, "DetailType": one.name, "Detail": json.dumps(one.detail)}
                for one in outgoing
            ]
        )
        if answer.get("FailedEntryCount"):
            raise Unavailable(f"the bus refused {answer['FailedEntryCount']} of {len(outgoing)} events")

    def _tell(self, alert: Alert) -> None:
        self.notifications.publish(
            TopicArn=self.topics[alert.topic], Subject=alert.subject[:SUBJECT], Message=alert.text
        )
