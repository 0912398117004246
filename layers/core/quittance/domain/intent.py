"""An intent: one durable instruction with an effect outside, from its admission to its proof.

Refuses every move that its table does not have; in particular nothing leads from UNKNOWN to a send except proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum

from quittance.domain.ids import CaseId, IntentId, OrderId
from quittance.domain.transitions import Machine
from quittance.domain.values import dataclass, replace


class Act(StrEnum):
    """What an intent does at the channel."""

    REFUND = "refund"
    APPROVE_RETURN = "approve_return"
    DECLINE_RETURN = "decline_return"
    REMOVE_LINES = "remove_lines"
    CLOSE_RETURN = "close_return"
    CANCEL_RETURN = "cancel_return"

    @property
    def is_money(self) -> bool:
        """Say whether the act moves money, and so holds headroom and takes its turn."""
        return self is Act.REFUND


class IntentState(StrEnum):
    """Where an intent stands; SETTLED, DECLINED, CANCELLED and SHADOWED end it, REVERSED is SETTLED undone outside."""

    RESERVED = "RESERVED"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    READY = "READY"
    SENDING = "SENDING"
    ACCEPTED = "ACCEPTED"
    UNKNOWN = "UNKNOWN"
    HOLD = "HOLD"
    SETTLED = "SETTLED"
    DECLINED = "DECLINED"
    CANCELLED = "CANCELLED"
    REVERSED = "REVERSED"
    SHADOWED = "SHADOWED"


class IntentVerb(StrEnum):
    """What may happen to an intent."""

    REQUIRE_APPROVAL = "require approval"
    APPROVE = "approve"
    APPROVE_AND_WAIT = "approve and wait"
    TAKE_TURN = "take turn"
    CLAIM = "claim"
    ACCEPT = "accept"
    SETTLE = "settle"
    DECLINE = "decline"
    LOSE = "lose"
    UNSENT = "prove unsent"
    ABSENT = "prove absent"
    HOLD = "hold"
    RETRY = "retry"
    CANCEL = "cancel"
    REVERSE = "reverse"
    RESTORE = "restore"


_S, _V = IntentState, IntentVerb
MACHINE: Machine[IntentState, IntentVerb] = Machine(
    "intent",
    [
        (_S.RESERVED, _V.REQUIRE_APPROVAL, _S.AWAITING_APPROVAL),
        (_S.RESERVED, _V.TAKE_TURN, _S.READY),
        (_S.RESERVED, _V.CANCEL, _S.CANCELLED),
        (_S.RESERVED, _V.HOLD, _S.HOLD),
        (_S.RESERVED, _V.RESTORE, _S.UNKNOWN),
        (_S.AWAITING_APPROVAL, _V.APPROVE, _S.READY),
        (_S.AWAITING_APPROVAL, _V.APPROVE_AND_WAIT, _S.RESERVED),
        (_S.AWAITING_APPROVAL, _V.CANCEL, _S.CANCELLED),
        (_S.AWAITING_APPROVAL, _V.HOLD, _S.HOLD),
        (_S.AWAITING_APPROVAL, _V.RESTORE, _S.UNKNOWN),
        (_S.READY, _V.CLAIM, _S.SENDING),
        (_S.READY, _V.CANCEL, _S.CANCELLED),
        (_S.READY, _V.HOLD, _S.HOLD),
        (_S.READY, _V.RESTORE, _S.UNKNOWN),
        (_S.SENDING, _V.SETTLE, _S.SETTLED),
        (_S.SENDING, _V.DECLINE, _S.DECLINED),
        (_S.SENDING, _V.ACCEPT, _S.ACCEPTED),
        (_S.SENDING, _V.LOSE, _S.UNKNOWN),
        (_S.SENDING, _V.UNSENT, _S.READY),
        (_S.SENDING, _V.RESTORE, _S.UNKNOWN),
        (_S.ACCEPTED, _V.SETTLE, _S.SETTLED),
        (_S.ACCEPTED, _V.DECLINE, _S.DECLINED),
        (_S.ACCEPTED, _V.LOSE, _S.UNKNOWN),
        (_S.ACCEPTED, _V.HOLD, _S.HOLD),
        (_S.ACCEPTED, _V.RESTORE, _S.UNKNOWN),
        (_S.UNKNOWN, _V.SETTLE, _S.SETTLED),
        (_S.UNKNOWN, _V.DECLINE, _S.DECLINED),
        (_S.UNKNOWN, _V.ABSENT, _S.READY),
        (_S.UNKNOWN, _V.HOLD, _S.HOLD),
        (_S.HOLD, _V.SETTLE, _S.SETTLED),
        (_S.HOLD, _V.RETRY, _S.READY),
        (_S.HOLD, _V.CANCEL, _S.CANCELLED),
        (_S.SETTLED, _V.REVERSE, _S.REVERSED),
    ],
)

ENDED = frozenset({_S.SETTLED, _S.DECLINED, _S.CANCELLED, _S.REVERSED, _S.SHADOWED})
_MOST_DOUBLINGS = 16
FENCE_LEAP = 1000
"""By how much a restore raises a fence: more claims than any intent sees between a backup and its restore."""


class ReplayGuard(StrEnum):
    """What protects against a second application when an intent is sent again, declared per act by the channel.

    KEYED: the channel honours a key for a lifetime. QUANTITY: a second application must fail, because the channel's
    own quantity is used up. REPEATABLE: a second application changes nothing. NONE: a second one would count.
    """

    KEYED = "keyed"
    QUANTITY = "quantity"
    REPEATABLE = "repeatable"
    NONE = "none"


LATER = "later:"
"""How the reason begins for which a ready intent was put off."""


@dataclass(frozen=True, slots=True)
class IntentLine:
    """Units of one return line that the intent is about, with their goods value in minor units."""

    return_line: str
    order_line: str
    quantity: int
    minor: int = 0


@dataclass(frozen=True, slots=True)
class Components:
    """What a refund is made of, in minor units; `fee` and `adjustment` are taken off and added as they stand."""

    goods: int = 0
    shipping: int = 0
    fee: int = 0
    adjustment: int = 0

    @property
    def total(self) -> int:
        """What the buyer gets: goods and outbound shipping, less the fee, plus a signed adjustment."""
        return self.goods + self.shipping - self.fee + self.adjustment


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of sending: times, the fence that owns it, the reading taken before it.

    `restored` is the state in the backup from which the intent came back, empty for one that never did; `before` are
    refunds that the backup knew when nothing of the intent had been sent, and which are therefore not its own.
    """

    fence: int = 0
    lease_until: datetime | None = None
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None
    sends: int = 0
    looks: int = 0
    absent_at: datetime | None = None
    snapshot: Mapping[str, str] = field(default_factory=dict)
    restored: str = ""
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """One instruction to a channel. `body_sha256` fixes its exact bytes at birth; `due` is its next look.

    `batch` is the feed batch that carries it, 0 none; an intent that is ready is in none.
    """

    id: IntentId
    case: CaseId
    channel: str
    account: str
    store: str
    order: OrderId
    external: str
    act: Act
    state: IntentState
    currency: str
    created_at: datetime
    requested_by: str
    reason: str
    rule: str
    lane: int = 1
    lines: tuple[IntentLine, ...] = ()
    components: Components = Components()
    payments: Mapping[str, int] = field(default_factory=dict)
    text: str = ""
    key: str = ""
    body_sha256: str = ""
    approved_by: str = ""
    epoch: int = 0
    version: int = 1
    due: datetime | None = None
    attempt: Attempt = Attempt()
    batch: int = 0
    reference: str = ""
    why: str = ""

    @property
    def has_ended(self) -> bool:
        """Say whether nothing of this intent is outstanding."""
        return self.state in ENDED

    @property
    def is_postponed(self) -> bool:
        """Say whether the intent is ready but was put off until it is due; being told of it again changes nothing."""
        return self.state is IntentState.READY and self.why.startswith(LATER)

    @property
    def total(self) -> int:
        """The amount in minor units that the buyer gets; zero for an act without money."""
        return self.components.total if self.act.is_money else 0

    def quantities(self) -> dict[str, int]:
        """Units per return line."""
        return {line.return_line: line.quantity for line in self.lines}


def move(intent: Intent, verb: IntentVerb, **changes: object) -> Intent:
    """Return the intent after one edge of its table, one version on; raises IllegalTransition without an edge."""
    state = MACHINE.next(intent.state, verb)
    if state is IntentState.READY:
        changes = {"batch": 0, **changes}
    return replace(intent, state=state, version=intent.version + 1, **changes)  # type: ignore[arg-type]


def claim(intent: Intent, snapshot: Mapping[str, str], now: datetime, lease: timedelta) -> Intent:
    """Take the intent for one send: a new fence and a lease longer than the sender can live.

    The send counts from here on, because a worker that dies now may have sent. `snapshot` is the channel's reading
    just before; look-back tells our effect from others by it. A later look that is due already stays: moving it would
    cost a write of the index.
    """
    until = now + lease
    attempt = replace(
        sent(intent, now),
        fence=intent.attempt.fence + 1,
        lease_until=until,
        sends=intent.attempt.sends + 1,
        snapshot=dict(snapshot),
        absent_at=None,
    )
    return move(intent, IntentVerb.CLAIM, attempt=attempt, due=max(until, intent.due or until))


def join(intent: Intent, batch: int, snapshot: Mapping[str, str], now: datetime, look: timedelta) -> Intent:
    """Take the intent for one send within a feed batch: no worker leases it, its batch answers for it.

    It is looked at after `look`, in case the batch forgot it.
    """
    claimed = claim(intent, snapshot, now, look)
    return replace(claimed, batch=batch, attempt=replace(claimed.attempt, lease_until=None))


def sent(intent: Intent, now: datetime) -> Attempt:
    """The attempt after a call at `now`, whatever came of it."""
    return replace(intent.attempt, first_sent_at=intent.attempt.first_sent_at or now, last_sent_at=now)


def unsent(intent: Intent) -> Attempt:
    """The attempt of a claim that is proven not to have sent."""
    sends = intent.attempt.sends - 1
    first = intent.attempt.first_sent_at if sends else None
    return replace(intent.attempt, sends=sends, first_sent_at=first)


def restored(intent: Intent, known: Iterable[str], now: datetime) -> Attempt:
    """The attempt of an intent that came back from a backup: it may have been sent in the time that was lost.

    It counts as sent once more, at `now` at the latest, under a fence beyond any that the lost time gave out; its key
    may be as old as the intent. `known` are the refunds in the ledger of the backup.
    """
    attempt = intent.attempt
    return replace(
        attempt,
        fence=attempt.fence + FENCE_LEAP,
        sends=attempt.sends + 1,
        looks=0,
        absent_at=None,
        first_sent_at=attempt.first_sent_at or intent.created_at,
        last_sent_at=now,
        lease_until=None,
        restored=attempt.restored or intent.state.value,
        before=attempt.before if attempt.sends else tuple(sorted(known)),
    )


def look_from(intent: Intent, horizon: timedelta) -> datetime:
    """The first instant at which absence at the channel means anything.

    It is the later of last send and lease end, plus the settle horizon: a lease that ran out proves its owner dead,
    not its request.
    """
    known = [t for t in (intent.attempt.last_sent_at, intent.attempt.lease_until) if t is not None]
    return max([*known, intent.created_at]) + horizon


def back_off(looks: int, first: timedelta, limit: timedelta) -> timedelta:
    """Doubling waits between looks, bounded by `limit`."""
    return min(first * (1 << min(looks, _MOST_DOUBLINGS)), limit)
