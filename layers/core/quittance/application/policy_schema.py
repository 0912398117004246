"""The shape of each policy file: every key, its type and the values it may have.

Refuses nothing by itself; `check_policy` reads documents with these tables and adds what no single key can show.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from quittance.application.policy_reading import (
    CODE,
    LOCALE,
    NAME,
    RULE,
    Reader,
    amounts,
    country,
    country_or_any,
    currency,
    day,
    each_key,
    flag,
    many,
    one_of,
    partial,
    table,
    text,
    whole,
    zone,
)
from quittance.domain.bounds import Owner
from quittance.domain.events import Resolution
from quittance.domain.intent import Act
from quittance.domain.observations import Condition
from quittance.domain.policy import DecidedBy, Gate, RefundWhen

SCHEMA: Final = 1
LAW: Final = "law"
ACCOUNTS: Final = "accounts"

# Which event each kind of deadline is counted from. The first group is armed by `domain.obligations`.
ARMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "decide_request": "requested",
        "goods_outstanding": "authorised",
        "decide_units": "received",
        "refund_received": "received",
        "identify_parcel": "received",
    }
)
# Kinds of cases that Quittance does not open yet: their rules are kept and shown, and no return case arms them.
KNOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "answer_message": "message_received",
        "answer_claim": "claim_opened",
        "appeal_claim": "claim_debited",
        "file_safe_t": "refunded",
    }
)
STARTS: Final[Mapping[str, str]] = MappingProxyType({**ARMED, **KNOWN})
MEANS: Final = ("original", "store_credit")

_SOURCE: Final = text(example="Directive 2011/83/EU article 9")
_HEAD: Final[Mapping[str, Reader]] = {
    "schema": whole(SCHEMA, SCHEMA),
    "name": text(NAME, "shopify"),
    "version": whole(1, 99_999_999),
    "valid_from": day,
    "source": _SOURCE,
}
_WITHDRAWAL: Final[Mapping[str, Reader]] = {
    "rule": text(RULE, "eu.withdrawal"),
    "countries": many(country, least=1),
    "starts": one_of("delivered"),
    "days": whole(1, 365),
    "refund_days": whole(1, 365),
    "withhold_until": many(one_of(Gate.RECEIVED, Gate.SENT)),
    "same_means": flag,
    "outbound_shipping": flag,
    "restocking_fee": flag,
    "source": _SOURCE,
}
_STORE: Final[Mapping[str, Reader]] = {
    "channel": text(NAME, "shopify"),
    "account": text(NAME, "maison-lumiere"),
    "store": text(NAME, "maison-lumiere"),
    "currency": currency,
    "country": country,
    "time_zone": zone,
    "locale": text(LOCALE, "fr-FR"),
    "owners": partial({act.value: one_of(*Owner) for act in Act}),
}
_ACCOUNT: Final[Mapping[str, Reader]] = {
    "account": text(NAME, "maison-lumiere"),
    "daily_budget": amounts,
    "velocity": table({"refunds": whole(1, 1000), "days": whole(1, 365)}),
}
_DEADLINE: Final[Mapping[str, Reader]] = {
    "kind": one_of(*STARTS),
    "starts": one_of(*STARTS.values()),
    "hours": whole(1, 24 * 366),
    "ahead_hours": whole(0, 24 * 366),
    "warn_minutes": many(whole(1, 60 * 24 * 366)),
    "lane": whole(0, 2),
    "countries": many(country_or_any, least=1),
    "valid_from": day,
    "source": _SOURCE,
}
_CONDITIONS: Final = many(one_of(*Condition))
_REASONS: Final = many(text(CODE, "OTHER"), least=1)
_PARTS: Final[Mapping[str, Mapping[str, Reader]]] = {
    "returns": {
        "window_days": whole(1, 3650),
        "decided_by": one_of(*DecidedBy),
        "authorise_alone_up_to": amounts,
        "resolutions": many(one_of(*Resolution), least=1),
    },
    "receipt": {"accept": _CONDITIONS, "reject": _CONDITIONS},
    "refund": {
        "when": one_of(*RefundWhen),
        "gate": one_of(*Gate),
        "means": one_of(*MEANS),
        "alone_up_to": amounts,
        "fee_percent": whole(0, 100),
        "fee_free_reasons": many(text(example="damaged-or-defective")),
    },
    "close": {"after_refund": flag, "reasons": _REASONS},
    "decline": {"reasons": _REASONS},
    "privacy": {"texts_days": whole(1, 365)},
}
_DEADLINES: Final = many(table(_DEADLINE))
_OVERRIDE: Final = partial({**{name: partial(part) for name, part in _PARTS.items()}, "deadline": _DEADLINES})

_CHANNEL: Final = table(
    {
        **_HEAD,
        "locked": flag,
        **{name: table(part) for name, part in _PARTS.items()},
        "deadline": _DEADLINES,
        "store": each_key(_OVERRIDE),
    },
    optional=frozenset({"store"}),
)
_READERS: Final[Mapping[str, Reader]] = {
    LAW: table({**_HEAD, "withdrawal": many(table(_WITHDRAWAL), least=1)}),
    ACCOUNTS: table(
        {
            **_HEAD,
            "store": many(table(_STORE, optional=frozenset({"owners"}))),
            "account": many(table(_ACCOUNT, optional=frozenset({"daily_budget", "velocity"}))),
        },
        optional=frozenset({"account"}),
    ),
}


def reader_of(name: str) -> Reader:
    """The reader of the file with this name: the law, the accounts, or else a channel."""
    return _READERS.get(name, _CHANNEL)
