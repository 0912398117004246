"""A feed batch: intents that one document carries to the channel, from the first member to the last settled line.

Refuses every move that its table does not have; in particular nothing leads from UNKNOWN to a second submission.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum

from quittance.domain.ids import IntentId, OrderId, digest
from quittance.domain.intent import Act
from quittance.domain.transitions import Machine
from quittance.domain.values import dataclass, replace

STUCK = "feed_stuck"
UNREPORTED = "results_missing"
NOT_OVER = frozenset({STUCK, UNREPORTED})
"""Why an intent is held whose feed the channel has, and may still work on: it must not be sent beside it."""


class BatchState(StrEnum):
    """Where a batch stands; from DONE on its members are told one by one, and CLOSED ends it."""

    BUILDING = "BUILDING"
    SEALED = "SEALED"
    UPLOADED = "UPLOADED"
    SUBMITTING = "SUBMITTING"
    SUBMITTED = "SUBMITTED"
    UNKNOWN = "UNKNOWN"
    HELD = "HELD"
    DONE = "DONE"
    FATAL = "FATAL"
    CANCELLED = "CANCELLED"
    GIVEN_BACK = "GIVEN_BACK"
    DISBANDED = "DISBANDED"
    CLOSED = "CLOSED"


class BatchVerb(StrEnum):
    """What may happen to a batch."""

    SEAL = "seal"
    UPLOAD = "upload"
    SUBMIT = "submit"
    ACCEPT = "accept"
    REFUSE = "refuse"
    UNSENT = "prove unsent"
    LOSE = "lose"
    ADOPT = "adopt"
    HOLD = "hold"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"
    GIVE_BACK = "give back"
    DISBAND = "disband"
    CLOSE = "close"


_S, _V = BatchState, BatchVerb
BATCH_MACHINE: Machine[BatchState, BatchVerb] = Machine(
    "feed batch",
    [
        (_S.BUILDING, _V.SEAL, _S.SEALED),
        (_S.BUILDING, _V.GIVE_BACK, _S.GIVEN_BACK),
        (_S.BUILDING, _V.DISBAND, _S.DISBANDED),
        (_S.SEALED, _V.UPLOAD, _S.UPLOADED),
        (_S.SEALED, _V.GIVE_BACK, _S.GIVEN_BACK),
        (_S.SEALED, _V.DISBAND, _S.DISBANDED),
        (_S.UPLOADED, _V.SUBMIT, _S.SUBMITTING),
        (_S.UPLOADED, _V.GIVE_BACK, _S.GIVEN_BACK),
        (_S.UPLOADED, _V.DISBAND, _S.DISBANDED),
        (_S.SUBMITTING, _V.ACCEPT, _S.SUBMITTED),
        (_S.SUBMITTING, _V.REFUSE, _S.CANCELLED),
        (_S.SUBMITTING, _V.UNSENT, _S.UPLOADED),
        (_S.SUBMITTING, _V.LOSE, _S.UNKNOWN),
        (_S.UNKNOWN, _V.ADOPT, _S.SUBMITTED),
        (_S.UNKNOWN, _V.HOLD, _S.HELD),
        (_S.UNKNOWN, _V.DISBAND, _S.DISBANDED),
        (_S.SUBMITTED, _V.FINISH, _S.DONE),
        (_S.SUBMITTED, _V.FAIL, _S.FATAL),
        (_S.SUBMITTED, _V.CANCEL, _S.CANCELLED),
        (_S.SUBMITTED, _V.HOLD, _S.HELD),
        (_S.HELD, _V.FINISH, _S.DONE),
        (_S.HELD, _V.FAIL, _S.FATAL),
        (_S.HELD, _V.CANCEL, _S.CANCELLED),
        (_S.HELD, _V.CLOSE, _S.CLOSED),
        (_S.DONE, _V.HOLD, _S.HELD),
        (_S.DONE, _V.DISBAND, _S.DISBANDED),
        (_S.DONE, _V.CLOSE, _S.CLOSED),
        (_S.FATAL, _V.HOLD, _S.HELD),
        (_S.FATAL, _V.CLOSE, _S.CLOSED),
        (_S.CANCELLED, _V.CLOSE, _S.CLOSED),
        (_S.GIVEN_BACK, _V.DISBAND, _S.DISBANDED),
        (_S.GIVEN_BACK, _V.CLOSE, _S.CLOSED),
        (_S.DISBANDED, _V.CLOSE, _S.CLOSED),
    ],
)

UNSUBMITTED = frozenset({_S.BUILDING, _S.SEALED, _S.UPLOADED})
"""Where nothing has an effect outside yet: a document nobody submitted is an orphan."""

SKEW = timedelta(minutes=2)
"""How far the channel's clock may be behind ours when it dates a feed."""

MOST_KNOWN = 20
"""Feed ids that a lock remembers: more than Amazon lets one account create at once (a burst of 15)."""


@dataclass(frozen=True, slots=True)
class FeedTerms:
    """What a channel advises for feeds of one type; the defaults are Amazon's, the strictest that is known.

    `pace`, `most_bytes`: at most one feed of a type in 20 minutes, of less than 10 MiB
    (developer-docs.amazon.com/sp-api/docs/feeds-api-best-practices). `horizon`: after so long a feed that was created
    is listed. `look`: how often its status is asked. `patience`: after so long without a result a person is asked.
    `fresh`: how old the readings of its members may be when a batch is submitted.
    """

    gather: timedelta = timedelta(minutes=2)
    pace: timedelta = timedelta(minutes=20)
    most: int = 1000
    most_bytes: int = 10 * 1024 * 1024 - 64 * 1024
    horizon: timedelta = timedelta(minutes=15)
    look: timedelta = timedelta(minutes=5)
    patience: timedelta = timedelta(hours=24)
    fresh: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """The header of a batch. `fence` rises with each submission; `known` are the feeds that were listed before it.

    `cursor` is the last member that was told what became of it, `failed` how many could not be told in this pass.
    """

    channel: str
    account: str
    type: str
    number: int
    state: BatchState
    opened_at: datetime
    epoch: int = 0
    lane: int = 2
    size: int = 0
    volume: int = 0
    version: int = 1
    fence: int = 0
    due: datetime | None = None
    sha256: str = ""
    document: str = ""
    submitted_at: datetime | None = None
    lease_until: datetime | None = None
    known: tuple[str, ...] = ()
    feed: str = ""
    readings: int = 0
    absent_at: datetime | None = None
    cursor: str = ""
    failed: int = 0
    tries: int = 0
    strangers: int = 0
    why: str = ""

    @property
    def is_urgent(self) -> bool:
        """Say whether a member cannot wait for company: a claim or a cancellation."""
        return self.lane == 0


@dataclass(frozen=True, slots=True)
class FeedLock:
    """Who writes feeds of one type of an account: `holder` has one whose id is not known yet, 0 is nobody.

    `open` is the batch that takes members, `last` the highest number given, `feeds` whose feed is which batch's.
    """

    account: str
    type: str
    version: int = 0
    fence: int = 0
    holder: int = 0
    open: int = 0
    last: int = 0
    submitted_at: datetime | None = None
    feeds: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """One intent in a batch with the exact bytes of its row; `is_out`: it left before the batch was sealed."""

    intent: IntentId
    order: OrderId
    act: Act
    row: bytes
    body_sha256: str
    is_out: bool = False

    @property
    def is_whole(self) -> bool:
        """Say whether the row is what was decided when the intent was born."""
        return digest(self.row) == self.body_sha256


def advance(batch: FeedBatch, verb: BatchVerb, **changes: object) -> FeedBatch:
    """Return the batch after one edge of its table, one version on; raises IllegalTransition without an edge."""
    state = BATCH_MACHINE.next(batch.state, verb)
    return replace(batch, state=state, version=batch.version + 1, **changes)  # type: ignore[arg-type]


def opened(lock: FeedLock, channel: str, epoch: int, now: datetime) -> tuple[FeedLock, FeedBatch]:
    """The next batch of the type, without a member, and the lock that points to it."""
    number = lock.last + 1
    batch = FeedBatch(channel, lock.account, lock.type, number, BatchState.BUILDING, now, epoch)
    return replace(lock, open=number, last=number), batch


def has_room(batch: FeedBatch, row: bytes, epoch: int, terms: FeedTerms) -> bool:
    """Say whether the batch takes members of this epoch, and the row still fits into its document."""
    is_open = batch.state is BatchState.BUILDING and batch.epoch == epoch
    return is_open and batch.size < terms.most and batch.volume + len(row) <= terms.most_bytes


def joined(batch: FeedBatch, row: bytes, lane: int, lock: FeedLock, terms: FeedTerms, now: datetime) -> FeedBatch:
    """The batch with one member more; it is due when it may be sealed, in the lane of its most urgent member."""
    fuller = replace(
        batch,
        size=batch.size + 1,
        volume=batch.volume + len(row),
        lane=min(batch.lane, lane),
        version=batch.version + (1 if batch.size else 0),
    )
    return replace(fuller, due=max(now, may_seal_at(fuller, lock, terms)))


def may_seal_at(batch: FeedBatch, lock: FeedLock, terms: FeedTerms) -> datetime:
    """When the batch has gathered long enough, at the channel's pace; an urgent or a full one waits for no company."""
    if batch.is_urgent:
        return batch.opened_at
    paced = batch.opened_at if lock.submitted_at is None else lock.submitted_at + terms.pace
    is_full = batch.size >= terms.most
    return max(batch.opened_at if is_full else batch.opened_at + terms.gather, paced)


def look_from(batch: FeedBatch, terms: FeedTerms) -> datetime:
    """The first instant at which a feed that is not listed means anything."""
    known = [at for at in (batch.submitted_at, batch.lease_until) if at is not None]
    return max([*known, batch.opened_at]) + terms.horizon


def taken(lock: FeedLock, number: int) -> FeedLock:
    """The lock in the hands of a batch that is about to be submitted."""
    return replace(lock, holder=number, fence=lock.fence + 1)


def released(lock: FeedLock, number: int, feed: str = "", submitted_at: datetime | None = None) -> FeedLock:
    """The lock free again, if this batch held it, and remembering the feed that became known."""
    feeds = dict(list({**lock.feeds, feed: number}.items())[-MOST_KNOWN:]) if feed else lock.feeds
    holder = 0 if lock.holder == number else lock.holder
    return replace(lock, holder=holder, feeds=feeds, submitted_at=submitted_at or lock.submitted_at)


def shut(lock: FeedLock, number: int) -> FeedLock:
    """The lock when this batch takes no more members."""
    return replace(lock, open=0) if lock.open == number else lock
