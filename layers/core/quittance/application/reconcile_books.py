"""A ledger whose time has come is laid beside the channel's books, by the same road as every other observation.

Refuses to take an order that cannot be read for one that agrees: it is asked again, later.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from quittance.application.apply_observation import Applied, apply_observation
from quittance.application.commit import Changes, Key, OrderChange
from quittance.application.ports import Hint, Place, Ports
from quittance.domain.errors import Conflict, Unavailable
from quittance.domain.order import COMPARE_AFTER, Order
from quittance.domain.values import replace

UNREADABLE_WAIT = timedelta(hours=1)
# Shopify shows orders that are older only to apps that may read all orders.
GIVE_UP_AFTER = timedelta(days=60)


def reconcile_books(ports: Ports, key: Key) -> bool:
    """Compare the order whose ledger the key names, if it is due; False for a key of anything else.

    Raises Unavailable when the channel cannot be read; the ledger is then due again in an hour.
    """
    order = ports.table.order_at(key)
    if order is None:
        return False
    if order.due is None or order.due > ports.clock.now():
        return True
    place = Place(order.channel, order.account, order.store)
    try:
        applied = apply_observation(ports, place, Hint(order=order.id))
    except Unavailable:
        ports.meter.count("BooksCompared", order.channel, "unreadable")
        _later(ports, order, UNREADABLE_WAIT)
        raise
    if applied is Applied.UNKNOWN_ORDER:
        _later(ports, order, COMPARE_AFTER)
    ports.meter.count("BooksCompared", order.channel, applied.value)
    return True


def _later(ports: Ports, order: Order, wait: timedelta) -> None:
    """Put the comparison off; an order that the channel has not shown for long is not asked for any more."""
    now = ports.clock.now()
    due = None if now - order.as_of > GIVE_UP_AFTER else now + wait
    with suppress(Conflict):  # Whoever wrote first has its own idea of when.
        ports.table.commit(Changes(now, order=OrderChange(order, replace(order, due=due))))
