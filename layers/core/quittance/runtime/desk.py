"""How the desk knows who asks, and signs what it has shown: authority is the alias, a token is an HMAC.

Refuses an invocation without an alias, an alias of no known authority, and a token that is old or of something else.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from quittance.application.command_case import Answer
from quittance.domain.command import Actor, Authority
from quittance.domain.errors import Rejected
from quittance.domain.instant import from_text, to_text

VALID_FOR: Final = timedelta(minutes=10)
QUALIFIED: Final = 8


def actor_of(context: Any) -> Actor:
    """Return who asks, from the invoked ARN: `agent`, or one per person such as `agent-marie`.

    Raises Rejected(NOT_ALLOWED) for an unqualified ARN: a function invoked without an alias has no authority.
    """
    parts = str(context.invoked_function_arn).split(":")
    alias = parts[QUALIFIED - 1] if len(parts) == QUALIFIED else ""
    try:
        authority = Authority(alias.partition("-")[0])
    except ValueError:
        raise Rejected("NOT_ALLOWED", "alias", "invoke the viewer, agent or approver alias by its full ARN") from None
    return Actor(alias, authority, str(context.aws_request_id))


@dataclass(frozen=True, slots=True)
class PreviewSeal:
    """Signs with the first key and accepts all of them, so that a key can be rotated under people's hands."""

    keys: Sequence[bytes]
    now: datetime

    def sign(self, shown: str) -> str:
        """Return a token for what was shown: the time and an HMAC over both."""
        at = to_text(self.now)
        return f"{at}.{_mac(self.keys[0], at, shown)}"

    def verify(self, shown: str, token: str) -> None:
        """Raise Rejected(STALE_PREVIEW) unless the token was made for exactly this within the last ten minutes."""
        at, mac = token[:24], token[25:]
        matches = [hmac.compare_digest(_mac(key, at, shown).encode(), mac.encode()) for key in self.keys]
        if not any(matches):
            raise Rejected("STALE_PREVIEW", "token", "something changed since the preview; look at a new one")
        if not timedelta(0) <= self.now - from_text(at) <= VALID_FOR:
            raise Rejected("STALE_PREVIEW", "token", "the preview is older than ten minutes; look at a new one")


def _mac(key: bytes, at: str, shown: str) -> str:
    return hmac.digest(key, f"{at}\n{shown}".encode(), hashlib.sha256).hex()


def preview_keys(secret: Mapping[str, Any] | None) -> tuple[bytes, ...]:
    """The keys of the preview secret, `current` first, `previous` during a rotation."""
    found = [str(secret[name]) for name in ("current", "previous") if secret and secret.get(name)]
    if not found:
        raise Rejected("MISSING", "preview secret", "write {current: ...} into it")
    return tuple(key.encode() for key in found)


def answer_of(answer: Answer) -> dict[str, Any]:
    """The answer as JSON, without what is empty."""
    return {key: value for key, value in asdict(answer).items() if value not in ("", {}, None)}


def refusal_of(refusal: Rejected) -> dict[str, Any]:
    """A refusal as JSON: the code, the field and the fix."""
    return {"outcome": "refused", "code": refusal.code, "field": refusal.field, "fix": refusal.fix}


def texts_of(event: Mapping[str, Any], needed: Sequence[str], optional: Sequence[str] = ()) -> dict[str, str]:
    """The texts of a query, which has no other keys than `command` and these; raises Rejected naming the key."""
    unknown = sorted(event.keys() - {"command", *needed, *optional})
    if unknown:
        raise Rejected("UNKNOWN_KEY", unknown[0], f"use only command, {', '.join((*needed, *optional))}")
    texts = {key: event.get(key, "") for key in (*needed, *optional)}
    for key, value in texts.items():
        if not isinstance(value, str) or (key in needed and not value):
            raise Rejected("MISSING", key, "give it as text")
    return texts
