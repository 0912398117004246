"""A parcel nobody knew finds its return: the receipt moves to it, its names point to it, the parcel closes.

Refuses a second target, and a target that cannot receive goods.
"""

from __future__ import annotations

from quittance.application.commit import Alias
from quittance.domain import decide_return, obligations
from quittance.domain.case import Case
from quittance.domain.draft import Draft
from quittance.domain.errors import Rejected
from quittance.domain.events import ParcelIdentified
from quittance.domain.parcel import Parcel
from quittance.domain.policy import Policy


def identify_in(parcel: Case, target: Draft, policy: Policy, by: str) -> tuple[Draft, Draft]:
    """Give the parcel's goods to the target's draft; returns the parcel's draft and the target's.

    Raises Rejected(ALREADY_IDENTIFIED) for a parcel that has a target.
    """
    if not isinstance(parcel.body, Parcel):
        raise Rejected("NOT_A_PARCEL", "case", "only an unidentified parcel can be identified")
    if parcel.body.target:
        raise Rejected("ALREADY_IDENTIFIED", "case", f"the parcel belongs to case {parcel.body.target}")
    closing = Draft(parcel, None, {}, target.control, target.now).record(ParcelIdentified(target.case.id, by))
    for mark in sorted(closing.case.marks):
        closing = closing.unmarked(mark)
    closing = obligations.keep(closing, policy)
    received = decide_return.receive(target, parcel.body.receipt, policy)
    return closing, received.named(parcel.names)


def repointed(parcel: Case, target: Case) -> tuple[Alias, ...]:
    """The parcel's names, pointing to the target from now on."""
    return tuple(
        Alias(target.channel, target.account, kind, name, target.id, parcel.id) for kind, name in sorted(parcel.names)
    )
