"""Reads what the template tells a function, once, into a frozen class that holds only what that function uses.

Refuses a missing or malformed variable by name, and any sandbox endpoint outside the sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar, get_type_hints
from urllib.parse import urlsplit

from quittance.domain.errors import Rejected

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Which stack and release this process belongs to, and whether it lives in the sandbox.

    `sandbox_endpoints` maps a channel to the address of its simulator; it is empty outside the sandbox.
    """

    stack: str
    release: str
    sandbox: bool = False
    sandbox_endpoints: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.sandbox_endpoints and not self.sandbox:
            raise Rejected(
                "SETTING_REFUSED",
                "QUITTANCE_SANDBOX_ENDPOINTS",
                "it counts only with QUITTANCE_SANDBOX=1; remove it from a deployed function",
            )

    @property
    def secret_prefix(self) -> str:
        """The start of every secret name of this stack."""
        return f"quittance/{self.stack}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveWebhook:
    """The inbox for small deliveries, the raw bucket for those that no message can carry."""

    deployment: Deployment
    inbox_queue_url: str
    raw_bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReturns:
    """Deliveries are archived in the raw bucket before anything is done with them.

    `salt_secret` is the name of the secret with which customers are hashed.
    """

    deployment: Deployment
    table: str
    raw_bucket: str
    salt_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PollChannels:
    """Changed rows go to the bulk queue."""

    deployment: Deployment
    table: str
    bulk_queue_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteRefund:
    """Both durations are whole seconds; a lease outlives the longest run of the function."""

    deployment: Deployment
    table: str
    settle_horizon_seconds: int = 60
    lease_seconds: int = 57


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogTick:
    """`due_cap` is the number of visible messages above which a lane's queue is left alone."""

    deployment: Deployment
    table: str
    inbox_queue_url: str
    due_queue_url: str
    poll_queue_url: str
    urgent_queue_url: str
    refund_queue_url: str
    due_cap: int = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogFire:
    """Firing needs the table alone."""

    deployment: Deployment
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishEvents:
    """One bus for listeners, two topics for people, two queues for money."""

    deployment: Deployment
    event_bus: str
    operators_topic: str
    desk_topic: str
    urgent_queue_url: str
    refund_queue_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """`preview_secret` is the name of the secret that signs previews."""

    deployment: Deployment
    table: str
    preview_secret: str


def load(need: type[S], environment: Mapping[str, str]) -> S:
    """Fill the frozen dataclass `need`: field `raw_bucket` is read from QUITTANCE_RAW_BUCKET, and so on.

    A field may be text, a whole number above 0, a flag (1 or 0), a JSON object of loopback addresses, or again such a
    dataclass. Blank counts as missing. Raises Rejected(SETTING_MISSING | SETTING_REFUSED) naming the variable.
    """
    hints = get_type_hints(need)
    stated: dict[str, Any] = {}
    for one in fields(need):  # type: ignore[arg-type]  # what is no dataclass fails here, by name
        kind = hints[one.name]
        if isinstance(kind, type) and is_dataclass(kind):
            stated[one.name] = load(kind, environment)
            continue
        variable = f"QUITTANCE_{one.name.upper()}"
        text = environment.get(variable, "").strip()
        if text:
            stated[one.name] = _READERS[kind](variable, text)
        elif _is_required(one):
            raise Rejected("SETTING_MISSING", variable, f"{need.__name__} needs it; set it in the template")
    return need(**stated)


def _is_required(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _text(variable: str, text: str) -> str:
    if variable.endswith("_QUEUE_URL") and urlsplit(text).scheme not in {"http", "https"}:
        raise Rejected("SETTING_REFUSED", variable, "it is no URL; use !Ref of the queue, not its name or ARN")
    return text


def _count(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise Rejected("SETTING_REFUSED", variable, f"{text!r} is no whole number above 0")
    return int(text)


def _flag(variable: str, text: str) -> bool:
    if text not in {"0", "1"}:
        raise Rejected("SETTING_REFUSED", variable, f"{text!r} is neither 1 nor 0")
    return text == "1"


def _endpoints(variable: str, text: str) -> Mapping[str, str]:
    try:
        stated = json.loads(text)
    except ValueError:
        stated = None
    if not isinstance(stated, dict):
        raise Rejected("SETTING_REFUSED", variable, 'it is no JSON object like {"shopify": "http://127.0.0.1:8000"}')
    for channel, address in stated.items():
        # The credentials of an account travel to this address: it must not be able to leave the machine.
        if not isinstance(address, str) or urlsplit(address).hostname not in LOOPBACK:
            raise Rejected("SETTING_REFUSED", variable, f"the address of {channel} is not on this machine (127.0.0.1)")
    return MappingProxyType(stated)


_READERS: Final[Mapping[Any, Any]] = {str: _text, int: _count, bool: _flag, Mapping[str, str]: _endpoints}
