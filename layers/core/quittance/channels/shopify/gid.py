"""Global ids: `gid://shopify/Return/123` outside, `123` inside.

Refuses an id of another type than expected, because a hint's headers are not signed and may not fit its body.
"""

from __future__ import annotations

import re
from typing import Final

from quittance.domain.errors import Rejected

_GID: Final = re.compile(r"gid://shopify/([A-Za-z]{1,64})/([0-9]{1,20})(?:\?.*)?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,20}", re.ASCII)


def to_gid(kind: str, number: str) -> str:
    """Return the global id of a number; raises Rejected(BAD_ID) for what is no number."""
    if not _NUMBER.fullmatch(number):
        raise Rejected("BAD_ID", kind, f"{kind} ids are whole numbers")
    return f"gid://shopify/{kind}/{number}"


def kind_of(gid: str) -> str:
    """Return the type that a global id names; raises Rejected(BAD_ID) for what is none."""
    return _parts(gid)[0]


def number_of(kind: str, gid: str) -> str:
    """Return the number of a global id of this type; raises Rejected(BAD_ID) for another type or no global id."""
    found, number = _parts(gid)
    if found != kind:
        raise Rejected("BAD_ID", kind, f"give gid://shopify/{kind}/<number>, not a {found}")
    return number


def any_number(gid: str) -> str:
    """Return the number of a global id whatever its type; raises Rejected(BAD_ID) for what is none."""
    return _parts(gid)[1]


def _parts(gid: str) -> tuple[str, str]:
    match = _GID.fullmatch(gid)
    if match is None:
        raise Rejected("BAD_ID", "gid", "give gid://shopify/<type>/<number>")
    return match[1], match[2]
