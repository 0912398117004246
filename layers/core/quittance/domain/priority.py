"""Priority: which risk a case carries, what is aimed at, and in which queue people find it.

Decides by channel and kind alone; urgency is computed when somebody looks, never stored.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from quittance.domain.values import dataclass


class CaseKind(StrEnum):
    """What a case is about."""

    RETURN = "return"
    CLAIM = "claim"
    CONVERSATION = "conversation"
    CANCELLATION = "cancellation"
    PARCEL = "parcel"
    DIFFERENCE = "difference"


class Risk(StrEnum):
    """What the seller may lose: the account's standing, the customer, or the public's good opinion."""

    COMPLIANCE = "compliance"
    LOYALTY = "loyalty"
    REPUTATION = "reputation"


class Objective(StrEnum):
    """What handling a case aims at."""

    COMPLY = "document and comply"
    RETAIN = "empathise and retain"


@dataclass(frozen=True, slots=True)
class Standing:
    """The risk of a case, its objective, its queue at the desk, and its class (smaller is handled first)."""

    risk: Risk
    objective: Objective
    queue: str
    rank: int


# Channels whose operator measures and punishes sellers; the others are the merchant's own or public.
_PUNISHING = frozenset({"amazon", "walmart", "bol", "tiktok"})
_PUBLIC = frozenset({"instagram"})


@cache
def standing(channel: str, kind: CaseKind) -> Standing:
    """Return where a case of this channel and kind stands; an unlisted channel is the merchant's own shop."""
    if channel in _PUNISHING:
        urgent = kind in (CaseKind.CLAIM, CaseKind.CANCELLATION)
        return Standing(Risk.COMPLIANCE, Objective.COMPLY, f"{channel}-{kind}", 0 if urgent else 1)
    if channel in _PUBLIC:
        return Standing(Risk.REPUTATION, Objective.RETAIN, f"{channel}-{kind}", 1)
    return Standing(Risk.LOYALTY, Objective.RETAIN, f"{channel}-{kind}", 2)
