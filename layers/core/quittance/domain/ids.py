"""Identifiers: derived from what they name, so that the same thing seen twice collides on purpose.

Nothing here is random; an identifier can be computed again from the facts alone.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NewType
from uuid import UUID, uuid5

CaseId = NewType("CaseId", str)
OrderId = NewType("OrderId", str)
IntentId = NewType("IntentId", str)
ReceiptId = NewType("ReceiptId", str)
DeliveryId = NewType("DeliveryId", str)

_NAMESPACE = UUID("8f2d7a52-6f0f-5b0e-9f55-2f1c6f0d9a10")
# A use case names the same few things many times over.
_REMEMBERED = 1024


@lru_cache(_REMEMBERED)
def _name(*parts: str | int) -> str:
    # Each part carries its length: no two lists of parts can name the same thing, whatever a channel's id holds.
    return str(uuid5(_NAMESPACE, "".join(f"{len(str(part))}:{part}" for part in parts)))


def case_of_channel(channel: str, account: str, kind: str, own_id: str) -> CaseId:
    """The case of something that carries the channel's own id in every source, such as a Shopify return."""
    return CaseId(_name("case", channel, account, kind, own_id))


def case_of_order(channel: str, account: str, order: str, kind: str, ordinal: int) -> CaseId:
    """The case of something without an id of its own: the n-th of its kind of one order."""
    return CaseId(_name("case-of-order", channel, account, order, kind, ordinal))


def intent_id(epoch: int, case: CaseId, version: int, index: int) -> IntentId:
    """The intent decided at this index of this version of a case; two clicks on one version are one intent."""
    return IntentId(_name("intent", epoch, case, version, index))


def replay_key(intent: IntentId, channel: str, account: str) -> str:
    """The idempotency key an intent carries to a channel that honours one: fixed at birth, never shared."""
    return _name("key", intent, channel, account)


@lru_cache(_REMEMBERED)
def shard_of(identifier: str, shards: int) -> int:
    """Spread identifiers evenly over index shards, the same way in every process."""
    return hashlib.blake2s(identifier.encode(), digest_size=2).digest()[0] % shards


def digest(*parts: str | bytes) -> str:
    """SHA-256 in hex over parts, each prefixed by its length so that no two lists of parts digest alike."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        total.update(len(raw).to_bytes(8, "big") + raw)
    return total.hexdigest()
