"""A case: the head that every kind shares, with its deadlines, its marks and the body of its kind.

Decides nothing about returns or parcels; their modules do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from quittance.domain.deadline import Deadline
from quittance.domain.difference import Difference
from quittance.domain.ids import CaseId, OrderId
from quittance.domain.parcel import Parcel
from quittance.domain.policy import Versions
from quittance.domain.priority import CaseKind, Standing, standing
from quittance.domain.return_request import ReturnRequest
from quittance.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `version` counts its commits (0: not written yet), `tail` is the hash of its last history item.

    `external` is the channel's own id of what the case is about; `marks` are codes of why a person has to look;
    `names` are the other names (kind, value) under which it can be found.
    """

    id: CaseId
    kind: CaseKind
    channel: str
    account: str
    store: str
    external: str
    opened_at: datetime
    policy: Versions
    body: ReturnRequest | Parcel | Difference
    order: OrderId | None = None
    version: int = 0
    deadlines: Mapping[str, Deadline] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    names: frozenset[tuple[str, str]] = frozenset()
    tail: str = ""
    due_tries: int = 0

    @property
    def state(self) -> str:
        """The state of the body, as text for indexes and people."""
        return self.body.state.value

    @property
    def is_open(self) -> bool:
        """Say whether somebody may still have to do something."""
        return not self.body.state.is_final or bool(self.marks)

    @property
    def standing(self) -> Standing:
        """Risk, objective and queue, by channel and kind."""
        return standing(self.channel, self.kind)

    @property
    def due(self) -> tuple[int, datetime] | None:
        """The lane and the time of the next deadline step: the highest lane, the earliest step; None if none."""
        steps = [(deadline.lane, deadline.due) for deadline in self.deadlines.values()]
        armed = [(lane, at) for lane, at in steps if at is not None]
        if not armed:
            return None
        return min(lane for lane, _ in armed), min(at for _, at in armed)

    @property
    def next_legal(self) -> datetime | None:
        """The earliest legal instant among the armed deadlines."""
        return min((deadline.legal for deadline in self.deadlines.values()), default=None)


def returned(case: Case) -> ReturnRequest:
    """The body of a return; raises TypeError for a case of another kind, which is a fault of the caller."""
    if not isinstance(case.body, ReturnRequest):
        raise TypeError(f"case {case.id} is a {case.kind}, not a return")
    return case.body
