"""A source of an account is asked again: what changed goes on as hints, the rest is left alone.

Refuses to move its cursor over a page that could not be read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from quittance.application.commit import Key
from quittance.application.ports import Delivery, Page, Poll, Ports, Publisher, Row
from quittance.domain.errors import Conflict
from quittance.domain.ids import DeliveryId, digest
from quittance.domain.instant import to_text
from quittance.domain.values import replace

PAGES = 20
KNOWN_LIMIT = 2000
TOPIC = "poll/order"
HOUR = len("2026-11-21T21")


def poll_account(ports: Ports, publisher: Publisher, key: Key) -> int:
    """Ask one source, page by page, and return how many orders went on.

    What was read before a page fails has gone on already; the cursor stays there. Raises Unavailable.
    """
    poll = ports.table.poll_at(key)
    if poll is None or poll.due > ports.clock.now():
        return 0
    known = ports.table.known_returns(poll.channel, poll.account, KNOWN_LIMIT)
    forwarded = 0
    for _ in range(PAGES):
        page = ports.channel(poll.channel).poll(poll.account, poll.source, poll.cursor, sorted(known))
        forwarded += _forward(publisher, poll, page, known, ports.clock.now())
        moved = _moved(ports, poll, page)
        if moved is None or not page.cursor:
            break
        poll = moved
    ports.meter.count("PollCompleted", poll.channel, poll.source)
    return forwarded


def _moved(ports: Ports, poll: Poll, page: Page) -> Poll | None:
    """Save the cursor; the end of the source arms the next round. None when another worker polls too."""
    now = ports.clock.now()
    after = replace(
        poll,
        cursor=page.cursor or page.resume,
        version=poll.version + 1,
        due=poll.due if page.cursor else now + poll.every,
    )
    try:
        ports.table.save_poll(poll, after)
    except Conflict:
        return None
    return after


def _forward(publisher: Publisher, poll: Poll, page: Page, known: Mapping[str, str], at: datetime) -> int:
    changed = [row for row in page.rows if _is_news(row, known)]
    publisher.hints([_hint(poll, row, at) for row in changed])
    return len(changed)


def _is_news(row: Row, known: Mapping[str, str]) -> bool:
    return bool(row.changed) or any(known.get(return_id) != status for return_id, status in row.returns)


def _hint(poll: Poll, row: Row, at: datetime) -> Delivery:
    """The hint of a row, named by what was found and the hour.

    The same news found twice is one delivery; news that could not be worked on is found again an hour later, and an
    order that changed is named by its change.
    """
    name = digest(
        poll.source,
        row.order,
        *(f"{return_id}={status}" for return_id, status in row.returns),
        row.changed or to_text(at)[:HOUR],
    )
    body = json.dumps({"order": row.order}).encode()
    return Delivery(poll.channel, poll.account, poll.store, TOPIC, DeliveryId(name), at, body)
