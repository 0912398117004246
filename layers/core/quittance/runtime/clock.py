"""What time it is for the functions: the machine's, and in the sandbox the machine's plus an offset in the table.

Refuses to run ahead outside the sandbox, and refuses an offset that would turn time back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from quittance.domain.errors import Rejected
from quittance.runtime.settings import Deployment

OFFSET_KEY: Final = {"pk": {"S": "SANDBOX"}, "sk": {"S": "CLOCK"}}


class InvocationClock(Protocol):
    """A clock whose owner says when an invocation begins, so that one invocation sees one offset."""

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime."""
        ...

    def begin_invocation(self) -> None:
        """Forget what was read for the invocation before."""
        ...


class ItemClient(Protocol):
    """What is used of the DynamoDB client."""

    def get_item(self, *, TableName: str, Key: Mapping[str, Any], ConsistentRead: bool) -> Mapping[str, Any]:  # noqa: N803  # the provider's names
        """Return the item under "Item", or an answer without one."""
        ...


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime, to the millisecond that the table keeps."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def begin_invocation(self) -> None:
        """Do nothing: there is nothing to forget."""


class SandboxClock:
    """The machine's time plus `offset_seconds` of the item SANDBOX/CLOCK, read once per invocation when first asked.

    Built from the deployment (raises Rejected outside the sandbox), a DynamoDB client, the table's name and the
    machine's time. No item means no offset.
    """

    def __init__(
        self,
        deployment: Deployment,
        client: ItemClient,
        table: str,
        machine: Callable[[], datetime],
    ) -> None:
        if not deployment.sandbox:
            raise Rejected(
                "SETTING_REFUSED", "QUITTANCE_SANDBOX", "only the sandbox may move its clock; use SystemClock"
            )
        self._client = client
        self._table = table
        self._machine = machine
        self._offset: timedelta | None = None

    def now(self) -> datetime:
        """Return the sandbox's time; raises Rejected(BAD_OFFSET) for an item that is no count of seconds."""
        if self._offset is None:
            self._offset = self._read()
        return self._machine() + self._offset

    def begin_invocation(self) -> None:
        """Forget the offset; the next `now` reads it again."""
        self._offset = None

    def _read(self) -> timedelta:
        answer = self._client.get_item(TableName=self._table, Key=OFFSET_KEY, ConsistentRead=True)
        text = answer.get("Item", {}).get("offset_seconds", {"N": "0"}).get("N", "absent")
        if not (text.isascii() and text.isdigit()):
            raise Rejected("BAD_OFFSET", "offset_seconds", f"{text} is no whole number of seconds from 0 up")
        return timedelta(seconds=int(text))


def clock_for(deployment: Deployment, client: Callable[[], ItemClient], table: str) -> InvocationClock:
    """Return the clock that this deployment runs by; `client` is called in the sandbox alone."""
    return SandboxClock(deployment, client(), table, SystemClock().now) if deployment.sandbox else SystemClock()
