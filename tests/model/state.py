"""A state of the model: hashable tuples all the way down, with times as ticks from now, so that waiting comes round.

What is past a threshold is clamped to it; two states that differ only in what nobody asks any more are one.
"""

from __future__ import annotations

from typing import NamedTuple

from quittance.domain.intent import IntentState

UNBORN = "unborn"
NOBODY = -1
OTHER_HANDS = -1


class Record(NamedTuple):
    """An intent as stored. Times are ticks from now: past ones negative. `ref` is the effect it names."""

    state: IntentState | None = None
    fence: int = 0
    sends: int = 0
    lease: int = 0
    last: int = 0
    first: int | None = None
    absent: int | None = None
    born: int = 0
    snapshot: tuple[int, ...] = ()
    ref: int = NOBODY


class Books(NamedTuple):
    """A ledger as stored: claims in their order, refunds as (effect, owner, amount), the turn, the freeze."""

    claims: tuple[int, ...] = ()
    refunds: tuple[tuple[int, str, int], ...] = ()
    turn: int = NOBODY
    frozen: bool = False


class Effect(NamedTuple):
    """A refund at the channel, `age` ticks old. `after` are the intents that had read for their send before it came."""

    owner: int
    amount: int
    status: str = "moved"
    after: tuple[int, ...] = ()
    age: int = 0


class Request(NamedTuple):
    """A call nobody waits for any more; it must land or vanish within `left` ticks, None: whenever."""

    intent: int
    left: int | None


class Change(NamedTuple):
    """An intent as it was read and as it shall be."""

    intent: int
    before: Record
    after: Record


class Plan(NamedTuple):
    """A commit that a worker is about to make; `books` is None where the order is not even checked."""

    why: str
    changes: tuple[Change, ...]
    books: tuple[Books, Books] | None = None
    sends: bool = False


class Finish(NamedTuple):
    """A definite answer that a worker is about to write down, again on newer facts where it loses a race."""

    intent: int
    held: Record
    verdict: str
    ref: int


class Send(NamedTuple):
    """A claim that this worker made, and the one call it may make with it."""

    intent: int
    held: Record


class Job(NamedTuple):
    """A worker between two steps. A paused one does not age and may go on at any later time."""

    age: int
    next: Plan | Finish | Send
    paused: bool = False


class State(NamedTuple):
    """Everything: what is stored, what the channel holds, who is at work, and what may still go wrong."""

    intents: tuple[Record, ...]
    books: Books
    effects: tuple[Effect, ...] = ()
    requests: tuple[Request, ...] = ()
    jobs: tuple[Job, ...] = ()
    faults: int = 0
    foreign: int = 0
    retries: int = 0
    trusted: bool = True


class Step(NamedTuple):
    """An edge: what happened, of which kind, and where it leads.

    Kinds: work (of the system), time, fault, other (hands), person. `fence` is the claim under which a worker wrote.
    """

    kind: str
    words: tuple[object, ...]
    state: State
    intent: int = NOBODY
    fence: int | None = None
    is_send: bool = False
