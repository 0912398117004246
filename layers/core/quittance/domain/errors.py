"""What can go wrong inside Quittance, by what the caller can do about it.

Three families and no more: `Rejected` (the input is wrong), `Conflict` (read again), `Unavailable` (try later).
"""

from __future__ import annotations


class QuittanceError(Exception):
    """The root of every error that Quittance raises on purpose."""


class Rejected(QuittanceError):
    """The input breaks a rule; nothing was written and the same input will be refused again.

    `code` is stable and in capitals, `field` names what to change and `fix` says how.
    """

    def __init__(self, code: str, field: str, fix: str) -> None:
        super().__init__(f"{code}: {field}: {fix}")
        self.code = code
        self.field = field
        self.fix = fix


class IllegalTransition(Rejected):
    """A state machine has no edge for this input; carries both, so that the reader sees what was tried."""

    def __init__(self, machine: str, state: str, verb: str) -> None:
        super().__init__("ILLEGAL_TRANSITION", machine, f"{state} has no edge for {verb}")
        self.machine = machine
        self.state = state
        self.verb = verb


class Conflict(QuittanceError):
    """Somebody else wrote first; what was read is stale, so read again and decide again."""


class Unavailable(QuittanceError):
    """Something outside did not answer in a usable way; nothing follows from it except trying later."""
