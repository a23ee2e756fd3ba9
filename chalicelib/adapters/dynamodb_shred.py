"""
Shred keys in a DynamoDB table of their own, without backups (DESIGN section 3).

    p             s                  k      e                     x
    <request id>  <body id>          a key  expires, microseconds expires, epoch seconds, for DynamoDB's own deletion
    <request id>  <body id>.details  the second key, of the details alone

One that was erased has no `k` any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.sqlite_rows import micros
from chalicelib.domain.errors import Unavailable
from chalicelib.ports import ContentName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from chalicelib.adapters.dynamodb_table import Table

_NOBODYS = "-"
"""What stands for an empty name, which DynamoDB does not take for a key."""


class DynamoShredKeys:
    """`ShredKeys` in *table*."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(
        self,
        keys: Mapping[ContentName, bytes],
        *,
        expires_at: datetime,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        """
        Write keys whose names are new.

        A write that meets its own, because the answer to it was lost, meets the same key: that is told from another
        key by reading it back, consistently. *meanwhile* is done first: a function has little more than one processor.
        """
        if meanwhile is not None:
            meanwhile()
        at = micros(expires_at)
        for (p, s), key in ((_key(name), key) for name, key in keys.items()):
            if not self._table.put_new({"p": p, "s": s, "k": key, "e": at, "x": -(-at // 1_000_000)}):
                there = self._table.get((p, s))
                if there is None or there.get("k") != key:
                    raise Unavailable("storage")

    def key(self, name: ContentName, *, now: datetime) -> bytes | None:
        """Read a key."""
        item = self._table.get(_key(name))
        return None if item is None or item["e"] <= micros(now) else item.get("k")

    def erase(self, names: Sequence[ContentName]) -> None:
        """Erase keys; the item that is left says that there was one."""
        for name in names:
            self._table.without_attribute(_key(name), "k")

    def mark(self, name: ContentName, *, expires_at: datetime) -> None:
        """Leave a name without a key."""
        (p, s), at = _key(name), micros(expires_at)
        self._table.put_new({"p": p, "s": s, "e": at, "x": -(-at // 1_000_000)})

    def purge(self, *, now: datetime) -> int:
        """Erase what has expired; most have gone by themselves."""
        gone = [(item["p"], item["s"]) for item in self._table.scan() if item["e"] <= micros(now)]
        for key in gone:
            self._table.delete(key)
        return len(gone)

    def names(self, *, now: datetime) -> dict[ContentName, bool]:
        """Name every key, and whether it is still kept: a consistent scan, for the hourly round, which scans anyway."""
        items = self._table.scan(consistent=True)
        return {ContentName(item["p"], item["s"]): "k" in item for item in items if item["e"] > micros(now)}

    def ping(self) -> None:
        """Read, consistently, as every function that asks may; a table has no disk to fill, so nothing is written."""
        self._table.get((_NOBODYS, _NOBODYS))

    def close(self) -> None:
        """Do nothing: connections are the client's, and end with it."""


def _key(name: ContentName) -> tuple[str, str]:
    return name.request_id or _NOBODYS, name.body_id or _NOBODYS
