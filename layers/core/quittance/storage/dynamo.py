"""The engine over DynamoDB: consistent reads, one transaction per commit, and three ways a call can end.

Refuses to guess: a failed condition is Conflict, a missing answer is Unavailable once the time for retries is used up,
and whatever else DynamoDB refuses is a fault of ours and raised as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from secrets import SystemRandom
from typing import Any, Final

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from quittance.application.commit import Key, Write
from quittance.domain.errors import Conflict, Unavailable
from quittance.storage import keys
from quittance.storage.expressions import plain, rendered, typed_key

_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 1.0
_MOST_TRIES: Final = 10
_UNHURRIED: Final = timedelta(days=1)
_SERVER_ERROR: Final = 500
# BatchGetItem takes so many keys: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_MOST_KEYS: Final = 100
_LOST: Final = frozenset(
    {
        "ConditionalCheckFailed",
        "ConditionalCheckFailedException",
        "TransactionConflict",
        "TransactionConflictException",
    }
)
_BUSY: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
_BUSY_REASONS: Final = frozenset({"ProvisionedThroughputExceeded", "RequestLimitExceeded", "ThrottlingError"})

Consumed = Callable[[str, Any], None]


class DynamoEngine:
    """One table of one client. `remaining` says how long this invocation may still wait for retries.

    Without it a program waits as long as ten tries take.

    `consumed` is told the operation and DynamoDB's ConsumedCapacity of every call; `pause` waits for seconds.
    A retried write may find that its first try was applied: that is a Conflict, and reading again shows it.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        remaining: Callable[[], timedelta] = lambda: _UNHURRIED,
        *,
        consumed: Consumed | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._remaining = remaining
        self._consumed = consumed
        self._pause = pause
        self._jitter = SystemRandom().uniform

    def get(self, key: Key) -> dict[str, Any] | None:
        """One item, read consistently."""
        answer = self._call("get_item", TableName=self._table, Key=typed_key(key), ConsistentRead=True)
        return plain(answer["Item"]) if "Item" in answer else None

    def query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        """Every item of a partition whose sort key begins so, page after page."""
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if prefix:
            condition, values = f"{condition} AND begins_with(sk, :sk)", {**values, ":sk": {"S": prefix}}
        pages = self._pages(KeyConditionExpression=condition, ExpressionAttributeValues=values, ConsistentRead=True)
        return [plain(item) for page in pages for item in page["Items"]]

    def query_index(self, index: str, pk: str, upto: str, limit: int, since: str = "") -> list[Key]:
        """The first keys of an index partition from one sort key to another; the index may lag behind the table."""
        found: list[Key] = []
        bounds = f"{index}_sk BETWEEN :since AND :sk" if since else f"{index}_sk <= :sk"
        pages = self._pages(
            IndexName=index,
            KeyConditionExpression=f"{index}_pk = :pk AND {bounds}",
            ExpressionAttributeValues={
                ":pk": {"S": pk},
                ":sk": {"S": upto},
                **({":since": {"S": since}} if since else {}),
            },
            Limit=limit,
        )
        for page in pages:
            found += (Key(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"])
            if len(found) >= limit:
                break
        return found[:limit]

    def _pages(self, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        start: dict[str, Any] = {}
        while True:
            answer = self._call("query", TableName=self._table, **parameters, **start)
            yield answer
            if not answer.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def batch_get(self, wanted: Iterable[Key]) -> dict[Key, dict[str, Any]]:
        """The items that exist among these keys, each read consistently."""
        found: dict[Key, dict[str, Any]] = {}
        ordered = list(dict.fromkeys(wanted))
        for start in range(0, len(ordered), _MOST_KEYS):
            for item in self._batch([typed_key(key) for key in ordered[start : start + _MOST_KEYS]]):
                found[Key(item["pk"], item["sk"])] = item
        return found

    def _batch(self, wanted: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        tries = 0
        while wanted:
            request = {self._table: {"Keys": wanted, "ConsistentRead": True}}
            answer = self._call("batch_get_item", RequestItems=request)
            yield from (plain(item) for item in answer["Responses"].get(self._table, ()))
            wanted = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if wanted:
                self._wait(tries, "batch_get_item: some keys were left unread")
                tries += 1

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none; a single change needs no transaction, which would cost twice as much."""
        if len(writes) == 1 and not writes[0].is_check:
            self._call("update_item", writes, **rendered(writes[0], self._table))
            return
        items = [{"ConditionCheck" if w.is_check else "Update": rendered(w, self._table)} for w in writes]
        self._call("transact_write_items", writes, TransactItems=items)

    def _call(self, operation: str, writes: Sequence[Write] = (), **parameters: Any) -> Mapping[str, Any]:
        if self._consumed is not None:
            parameters["ReturnConsumedCapacity"] = "INDEXES"
        tries = 0
        while True:
            try:
                answer: Mapping[str, Any] = getattr(self._client, operation)(**parameters)
            except (HTTPClientError, NoConnection) as error:
                self._wait(tries, f"{operation}: {type(error).__name__}", error)
            except ClientError as error:
                _raise_unless_busy(error, writes)
                self._wait(tries, f"{operation}: {_code(error)}", error)
            else:
                if self._consumed is not None:
                    self._consumed(operation, answer.get("ConsumedCapacity"))
                return answer
            tries += 1

    def _wait(self, tries: int, what: str, error: Exception | None = None) -> None:
        seconds = self._jitter(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2**tries))
        if tries >= _MOST_TRIES or timedelta(seconds=seconds) >= self._remaining():
            raise Unavailable(f"{what}; tried {tries + 1} times, no time is left") from error
        self._pause(seconds)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _raise_unless_busy(error: ClientError, writes: Sequence[Write]) -> None:
    """Raise Conflict for a lost race and the error itself for what no retry can mend; return for what it can."""
    response: Any = error.response
    reasons = response.get("CancellationReasons") or [{"Code": _code(error), "Item": response.get("Item")}]
    codes = {str(reason.get("Code")) for reason in reasons}
    if codes & _LOST:
        raise Conflict(_lost(writes, reasons)) from error
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if not (_code(error) in _BUSY or codes & _BUSY_REASONS or status >= _SERVER_ERROR):
        raise error


def _lost(writes: Sequence[Write], reasons: Sequence[Mapping[str, Any]]) -> str:
    """Which conditions or transactions were lost and what version was found instead, without any id."""
    told = []
    for write, reason in zip(writes, reasons, strict=False):
        if reason.get("Code") in _LOST:
            found = (reason.get("Item") or {}).get("version", {}).get("N", "none")
            told.append(f"{keys.kind_of(write.key)}: {reason['Code']}, found version {found}, {write.conditions}")
    return "; ".join(told)
