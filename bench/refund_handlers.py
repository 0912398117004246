"""Three ways to pay a refund once: get-call-put, Powertools Idempotency around the call, and Quittance's own engine.

Each works on one refund at a time over the embedded DynamoDB and the same provider; misfortune comes from one script.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent,
)
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from bench.fault_plans import Fault
from bench.refund_world import Clock, Provider, ProviderChannel, Sold, ports, stock, write_down
from quittance.application.advance_intent import advance_intent
from quittance.application.commit import Key
from quittance.application.intent_step import Limits
from quittance.application.ports import Ports as OurPorts
from quittance.application.ports import Prepared, SendOutcome, Sighting, Unknown
from quittance.domain.errors import QuittanceError, Unavailable
from quittance.domain.intent import ENDED, Intent, IntentState
from quittance.domain.observations import Condition
from quittance.storage.dynamo import DynamoEngine
from quittance.storage.engine import Item
from quittance.storage.table import Table

LIMITS: Final = Limits(timedelta(seconds=57), timedelta(seconds=19))
# What the queue gives a message at most; afterwards it is a dead letter.
DELIVERIES: Final = 6
# Ours is also woken by its due index, which does not count.
WAKES: Final = 14
BETWEEN_WAKES: Final = timedelta(seconds=70)
# A function that has so many milliseconds left when it begins; its message comes back after a little more.
TIME_LEFT: Final = 5


class Killed(BaseException):
    """The process ends here; nothing after this line happens."""


class CallFailed(Exception):
    """The provider did not answer."""


@dataclass
class Script:
    """Counts the touches of the outside and strikes at those that it names."""

    strikes: Mapping[int, Fault]
    touches: int = 0
    struck: int = 0

    def touch(self, call: Callable[[], Any], failed: Callable[[], Any]) -> Any:
        """Make the call, or what its fault makes of it; `failed` says how a missing answer looks."""
        self.touches += 1
        fault = self.strikes.get(self.touches)
        if fault is None:
            return call()
        self.struck += 1
        if fault is Fault.KILL_BEFORE:
            raise Killed
        if fault is not Fault.NOT_APPLIED:
            call()
        if fault is Fault.KILL_AFTER:
            raise Killed
        return failed()


@dataclass
class Wire:
    """What lies between a client and DynamoDB, and where its requests can get lost, below the client's own retries."""

    client: Any
    script: Script | None = None
    _session: URLLib3Session = field(default_factory=URLLib3Session)

    def __post_init__(self) -> None:
        self.client.meta.events.register("before-send.dynamodb", self._send)

    def _send(self, request: Any, **_: Any) -> Any:
        if self.script is None:
            return None
        fault = self.script.strikes.get(self.script.touches + 1)
        error = ConnectTimeoutError if fault is Fault.NOT_APPLIED else ReadTimeoutError

        def failed() -> Any:
            raise error(endpoint_url=request.url)

        return self.script.touch(lambda: self._through(request, is_struck=fault is not None), failed)

    def _through(self, request: Any, *, is_struck: bool) -> Any:
        """Only what nobody will hear the answer of is sent here; the rest goes the client's own way."""
        return self._session.send(request) if is_struck else None


@dataclass(frozen=True, slots=True)
class Ended:
    """What one refund came to after all its deliveries."""

    done: bool
    held: bool = False


class Handler(Protocol):
    """One way to pay; `pay` brings one refund to its end under a script."""

    name: str

    def prepare(self, numbers: Sequence[int]) -> None:
        """Have what has to be there before these refunds are paid."""

    def pay(self, number: int, script: Script) -> Ended:
        """Deliver the refund's message until it is acknowledged, at most so often."""


def key_of(number: int) -> str:
    """The stable key under which refund `number` is paid, where its handler chooses it."""
    return f"refund-{number}"


@dataclass
class Around:
    """What naive and Powertools have in common: a message that is delivered until its handler returns."""

    name: str
    wire: Wire
    provider: Provider
    handle: Callable[[int, Script], object]

    def prepare(self, numbers: Sequence[int]) -> None:
        """The message says everything."""

    def pay(self, number: int, script: Script) -> Ended:
        """Deliver, wait until the function cannot be alive any more, deliver again."""
        for _ in range(DELIVERIES):
            with _armed(self.wire, script):
                try:
                    self.handle(number, script)
                except (Killed, Exception):  # noqa: BLE001  # whatever ends it, the queue gives the message again
                    time.sleep((TIME_LEFT + 1) / 1000)
                else:
                    return Ended(done=True)
        return Ended(done=False)


@contextmanager
def _armed(wire: Wire, script: Script) -> Iterator[None]:
    wire.script = script
    try:
        yield
    finally:
        wire.script = None


def _call(provider: Provider, number: int, script: Script) -> str:
    def failed() -> str:
        raise CallFailed("the provider did not answer")

    key = key_of(number)
    reference: str = script.touch(lambda: provider.refund(key, key, key, 1, 100), failed)
    return reference


def naive(wire: Wire, provider: Provider, table: str) -> Handler:
    """Look for the refund's record; if there is none, pay and write it."""

    def handle(number: int, script: Script) -> None:
        item = {"id": {"S": key_of(number)}}
        if "Item" in wire.client.get_item(TableName=table, Key=item, ConsistentRead=True):
            return
        reference = _call(provider, number, script)
        wire.client.put_item(TableName=table, Item={**item, "reference": {"S": reference}})

    return Around("naive", wire, provider, handle)


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells a function: how long it may run."""

    function_name: str = "refund"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:refund"
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds."""
        return TIME_LEFT


def powertools(wire: Wire, provider: Provider, table: str) -> Handler:
    """The handler under `@idempotent` on the refund's id, as its documentation begins.

    https://docs.powertools.aws.dev/lambda/python/latest/utilities/idempotency/
    """
    layer = DynamoDBPersistenceLayer(table_name=table, boto3_client=wire.client)
    current: list[Script] = []

    @idempotent(persistence_store=layer, config=IdempotencyConfig(event_key_jmespath="refund_id"))
    def refund(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        return {"reference": _call(provider, event["number"], current[-1])}

    def handle(number: int, script: Script) -> None:
        current[:] = [script]
        refund({"refund_id": key_of(number), "number": number}, Context())

    return Around("Powertools", wire, provider, handle)


class StruckChannel(ProviderChannel):
    """The provider as a channel, with the script at each of its doors."""

    script: Script | None = None

    def _at(self, call: Callable[[], Any], failed: Callable[[], Any]) -> Any:
        return call() if self.script is None else self.script.touch(call, failed)

    def prepare(self, *arguments: Any) -> Prepared:
        """Read before the send, or not."""
        found: Prepared = self._at(lambda: super(StruckChannel, self).prepare(*arguments), _unreadable)
        return found

    def send(self, *arguments: Any) -> SendOutcome:
        """Send; a call that fails leaves its outcome unknown."""
        found: SendOutcome = self._at(lambda: super(StruckChannel, self).send(*arguments), lambda: Unknown("timeout"))
        return found

    def look_back(self, account: str, intent: Intent, owned: frozenset[str]) -> Sighting:
        """Look back, or not."""
        found: Sighting = self._at(lambda: super(StruckChannel, self).look_back(account, intent, owned), _unreadable)
        return found


def _unreadable() -> Any:
    raise Unavailable("the provider does not answer")


@dataclass
class Ours:
    """The engine as execute_refund runs it: woken by queue and due index, one step at a time."""

    wire: Wire
    table: str
    channel: StruckChannel
    ports: OurPorts
    clock: Clock
    keys: dict[int, Key] = field(default_factory=dict)
    name: str = "Quittance"

    @classmethod
    def on(cls, wire: Wire, table: str, provider: Provider) -> Ours:
        """On a table at the end of a wire."""
        clock, channel = Clock(), StruckChannel(provider, ())
        engine = DynamoEngine(wire.client, table, pause=lambda _: None)
        return cls(wire, table, channel, ports(Table(engine), channel, clock), clock)

    def prepare(self, numbers: Sequence[int]) -> None:
        """A ready refund for each number in an account of its own: by the use cases in memory, then written down."""
        written: list[Item] = []
        for number in numbers:
            sold = Sold(key_of(number), 1, (f"return-{number}",))
            self.channel.add(sold)
            _, items = stock(self.channel, self.clock, f"account-{number}", [sold], Condition.NEW)
            (intent,) = [item for item in items if item["sk"].startswith("INTENT#")]
            self.keys[number] = Key(intent["pk"], intent["sk"])
            written += items
        write_down(self.wire.client, self.table, written)

    def pay(self, number: int, script: Script) -> Ended:
        """Wake the intent until it has ended or waits for a person."""
        for _ in range(WAKES):
            state = self._woken(self.keys[number], script)
            if state is IntentState.HOLD or state in ENDED:
                return Ended(done=state is not IntentState.HOLD, held=state is IntentState.HOLD)
            self.clock.at += BETWEEN_WAKES
        return Ended(done=False)

    def _woken(self, key: Key, script: Script) -> IntentState | None:
        self.channel.script = script
        with _armed(self.wire, script):
            try:
                return advance_intent(self.ports, key, LIMITS)
            except (Killed, QuittanceError, BotoCoreError, ClientError):
                return None
            finally:
                self.channel.script = None
