"""
A table of DynamoDB as this house uses it: read consistently, and written so that every write is decided once.

Values are str, int and bytes; `Item` is one item by its attribute names. Every item has a key `p` (partition) and `s`
(sort), and `x`, the epoch second from which DynamoDB may delete it, where it belongs to a requester. An item that is
ever written twice has `v`, its revision, and `w`, the ids of its latest writes.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb_connection import Refused
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chalicelib.adapters.dynamodb_connection import Connection, Patience

Item = dict[str, Any]
Key = tuple[str, str]

INDEX = "queue"
TTL = "x"
REQUESTS: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "p", "AttributeType": "S"},
        {"AttributeName": "s", "AttributeType": "S"},
        {"AttributeName": "q", "AttributeType": "S"},
        {"AttributeName": "o", "AttributeType": "N"},
    ],
    "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": INDEX,
            "KeySchema": [{"AttributeName": "q", "KeyType": "HASH"}, {"AttributeName": "o", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["i"]},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
"""The table of requests, as `CreateTable` and CloudFormation both spell it."""
SHRED_KEYS: dict[str, Any] = {
    "AttributeDefinitions": REQUESTS["AttributeDefinitions"][:2],
    "KeySchema": REQUESTS["KeySchema"],
    "BillingMode": "PAY_PER_REQUEST",
}
"""The table of shred keys, which is never backed up."""
CONTENT: dict[str, Any] = SHRED_KEYS
"""The table of what editors write, which is backed up, and from which nothing expires."""
COUNTERS = SHRED_KEYS
"""The table of counters, which is not backed up either."""

_BATCH = 100
_WRITE_ID = 8
_KEPT_WRITES = 4


class Table:
    """One table: reads, and the conditional write that everything here is decided by."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self.name = connection, name

    @property
    def patience(self) -> Patience:
        """How long one waits."""
        return self._connection.patience

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Read one item."""
        answer = self._connection.call("get_item", TableName=self.name, Key=_key(key), ConsistentRead=consistent)
        return _read(answer["Item"]) if answer.get("Item") else None

    def get_many(self, keys: Iterable[Key], *, consistent: bool = True) -> dict[Key, Item]:
        """Read many items; what is not there is not in the answer."""
        found: dict[Key, Item] = {}
        wanted = [_key(key) for key in dict.fromkeys(keys)]
        turn, began = 0, None
        while wanted:
            step, wanted = wanted[:_BATCH], wanted[_BATCH:]
            asked = {self.name: {"Keys": step, "ConsistentRead": consistent}}
            answer = self._connection.call("batch_get_item", RequestItems=asked)
            for raw in answer["Responses"].get(self.name, ()):
                item = _read(raw)
                found[item["p"], item["s"]] = item
            left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if left:
                began = self.patience.begin() if began is None else began
                if not self.patience.may_try_again(began, turn):
                    raise Unavailable("storage")
                turn += 1
            else:
                began = None
            wanted = [*left, *wanted]
        return found

    def query(
        self,
        partition: str,
        *,
        low: str | None = None,
        high: str | int | None = None,
        index: bool = False,
        forward: bool = True,
        page: int | None = None,
        consistent: bool = True,
    ) -> Iterator[Item]:
        """Read a partition in order, a page at a time as it is needed; an index is always read as it comes."""
        name, sort = ("q", "o") if index else ("p", "s")
        conditions = [f"{name} = :partition"]
        if low is not None and high is not None:
            conditions.append(f"{sort} BETWEEN :low AND :high")
        elif low is not None or high is not None:
            conditions.append(f"{sort} >= :low" if high is None else f"{sort} <= :high")
        values = {":partition": partition, ":low": low, ":high": high}
        parameters: dict[str, object] = {
            "TableName": self.name,
            "KeyConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeValues": written(values),
            "ScanIndexForward": forward,
        }
        if index:
            parameters["IndexName"] = INDEX
        else:
            parameters["ConsistentRead"] = consistent
        if page is not None:
            parameters["Limit"] = page
        while True:
            answer = self._connection.call("query", **parameters)
            yield from map(_read, answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def scan(self, *, consistent: bool = False) -> Iterator[Item]:
        """Read the whole table."""
        parameters: dict[str, object] = {"TableName": self.name, "ConsistentRead": consistent}
        while True:
            answer = self._connection.call("scan", **parameters)
            yield from map(_read, answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def swap(self, key: Key, old: Item | None, new: Item, *, along: Sequence[dict[str, object]] = ()) -> Item | None:
        """
        Write *new* in the place of *old*; give the item as it is now, or None if something else is there by now.

        What is to be written *along* with it, steps of a transaction, is written if it is, and not otherwise.

            we                          a colleague
            | read: v = 7               |
            |                           | read: v = 7
            |                           | write if v = 7: done, v = 8
            | write if v = 7: refused   |
            | decide anew, on v = 8     |

        An answer that is lost is settled by the write ids that the item carries:

            | write if v = 7: done, v = 8, but the answer does not arrive
            | write if v = 7: refused, by our own write
            | read: our id is among its latest writes: it was us

        Raises:
            Unavailable: `storage`, it was not written, or nobody can say now whether it was.
        """
        write_id = secrets.token_bytes(_WRITE_ID)
        before = b"" if old is None else old["w"]
        item = {
            **new,
            "p": key[0],
            "s": key[1],
            "v": 1 if old is None else old["v"] + 1,
            "w": (write_id + before)[: _WRITE_ID * _KEPT_WRITES],
        }
        nothing_is_there = "attribute_not_exists(p)"
        it_is_as_we_read_it = "v = :read"
        parameters: dict[str, object] = {"TableName": self.name, "Item": written(item)}
        if old is None:
            parameters["ConditionExpression"] = nothing_is_there
        else:
            parameters["ConditionExpression"] = it_is_as_we_read_it
            parameters["ExpressionAttributeValues"] = written({":read": old["v"]})
        try:
            if along:
                self._connection.call("transact_write_items", TransactItems=[{"Put": parameters}, *along])
            else:
                self._connection.call("put_item", **parameters)
        except Refused as refusal:
            return item if refusal.doubtful and self._is_ours(key, write_id) else None
        except Unavailable:
            if self._is_ours(key, write_id):
                return item
            raise
        return item

    def _is_ours(self, key: Key, write_id: bytes) -> bool:
        there = self.get(key)
        if there is None:
            return False
        latest = there.get("w", b"")
        return write_id in {latest[at : at + _WRITE_ID] for at in range(0, len(latest), _WRITE_ID)}

    def put(self, item: Item) -> None:
        """Write an item whatever is there: only for what is the same however often it is written."""
        self._connection.call("put_item", TableName=self.name, Item=written(item))

    def step(self, item: Item) -> dict[str, object]:
        """Say what `put` would write, as a step of a transaction."""
        return {"Put": {"TableName": self.name, "Item": written(item)}}

    def without(self, key: Key) -> dict[str, object]:
        """Say, as a step of a transaction, that there is no such item any more."""
        return {"Delete": {"TableName": self.name, "Key": _key(key)}}

    def counted(self, key: Key) -> dict[str, object]:
        """Say, as a step of a transaction, that the item's `n` is one more than before."""
        one_more = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": written({":one": 1})}
        return {"Update": {"TableName": self.name, "Key": _key(key), **one_more}}

    def put_new(self, item: Item, *, unless: str = "p") -> bool:
        """
        Write an item, unless there is one that has *unless*; False if so.

        That one may be our own, whose answer was lost: the caller knows what else could be there.
        """
        nothing_is_there = f"attribute_not_exists({unless})"
        try:
            self._connection.call(
                "put_item", TableName=self.name, Item=written(item), ConditionExpression=nothing_is_there
            )
        except Refused:
            return False
        return True

    def add_one(self, key: Key, counter: str) -> None:
        """Add one to a number, once: an answer that is lost is not asked for again, lest it counts twice."""
        self._connection.once(
            "update_item",
            TableName=self.name,
            Key=_key(key),
            UpdateExpression=f"ADD {counter} :one",
            ExpressionAttributeValues=written({":one": 1}),
        )

    def without_attribute(self, key: Key, name: str) -> None:
        """Take an attribute away from an item, if it is there."""
        with contextlib.suppress(Refused):
            self._connection.call(
                "update_item",
                TableName=self.name,
                Key=_key(key),
                UpdateExpression=f"REMOVE {name}",
                ConditionExpression="attribute_exists(p)",
            )

    def delete(self, key: Key, *, unchanged: Item | None = None) -> None:
        """Delete an item, if it is there; with *unchanged*, only if it is still as it was read."""
        parameters: dict[str, object] = {"TableName": self.name, "Key": _key(key)}
        if unchanged is not None:
            it_is_as_we_read_it = "v = :read"
            parameters["ConditionExpression"] = it_is_as_we_read_it
            parameters["ExpressionAttributeValues"] = written({":read": unchanged["v"]})
        with contextlib.suppress(Refused):
            self._connection.call("delete_item", **parameters)

    def exchange(self, put: Item, gone: Item) -> bool:
        """Delete *gone*, unless it has changed, and write *put*, both or neither; False if it has changed."""
        it_is_as_we_read_it = "v = :read"
        steps: Sequence[dict[str, object]] = (
            self.step(put),
            {
                "Delete": {
                    "TableName": self.name,
                    "Key": _key((gone["p"], gone["s"])),
                    "ConditionExpression": it_is_as_we_read_it,
                    "ExpressionAttributeValues": written({":read": gone["v"]}),
                }
            },
        )
        try:
            self._connection.call("transact_write_items", TransactItems=steps)
        except Refused as refusal:
            return refusal.doubtful and self.get((put["p"], put["s"])) is not None
        return True


def create_tables(
    connection: Connection,
    *,
    requests: str,
    shred_keys: str,
    content: str,
    counters: str,
    ttl: bool = False,
) -> None:
    """Make the tables on an engine for tests and trials; on AWS the templates make them."""
    wanted = {requests: REQUESTS, shred_keys: SHRED_KEYS, content: CONTENT, counters: COUNTERS}
    for name, description in wanted.items():
        connection.client.create_table(TableName=name, **description)
        connection.client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        if ttl and name not in {content, counters}:
            specification = {"Enabled": True, "AttributeName": TTL}
            connection.client.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)


def _key(key: Key) -> dict[str, dict[str, str]]:
    return {"p": {"S": key[0]}, "s": {"S": key[1]}}


def written(item: Item) -> dict[str, dict[str, Any]]:
    """Write an item as DynamoDB spells it."""
    return {name: _value(value) for name, value in item.items() if value is not None}


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, int):
        return {"N": str(int(value))}
    return {"B": value} if isinstance(value, bytes) else {"S": value}


def _read(raw: dict[str, dict[str, Any]]) -> Item:
    return {name: int(value["N"]) if "N" in value else next(iter(value.values())) for name, value in raw.items()}
