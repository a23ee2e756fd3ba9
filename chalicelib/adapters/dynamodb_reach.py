"""
Counters in a DynamoDB table of their own, without backups, and releases beside the requests, with them.

    table      p                   s                        holds
    counters   <ledger>#<shard>    <month>#<cell>           n, how many
    requests   reach               <month>                  d, what was published of it

A burst of contacts, all from one place in one month, falls on a shard by chance, so that no one key takes all of it.
"""

from __future__ import annotations

from collections import defaultdict
from random import SystemRandom
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.adapters.dynamodb_table import Table

SHARDS = 16
"""Keys that one count may fall on: DynamoDB takes 1,000 writes a second on each."""
PUBLISHED = "reach"
_dice = SystemRandom()


class DynamoCounters:
    """`Counters` in *table*; the public face may add and no more."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, ledger: str, month: str, cell: str) -> None:
        """Count one more, in one attempt of at most 1.5 seconds."""
        self._table.add_one((f"{ledger}#{_dice.randrange(SHARDS)}", f"{month}#{cell}"), "n")

    def read(self, ledger: str, *, since: str) -> Mapping[tuple[str, str], int]:
        """Add up the shards."""
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for shard in range(SHARDS):
            for item in self._table.query(f"{ledger}#{shard}", low=since or None):
                month, _, cell = item["s"].partition("#")
                counts[month, cell] += item["n"]
        return dict(counts)

    def close(self) -> None:
        """Do nothing: connections are the client's, and end with it."""


class DynamoReleases:
    """`Releases` in *table*, that of the requests."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, month: str, release: str) -> None:
        """Keep a month's release; one that is there stays."""
        self._table.put_new({"p": PUBLISHED, "s": month, "d": release})

    def read(self, *, since: str, until: str) -> Mapping[str, str]:
        """Read releases, a month's in one item."""
        return {item["s"]: item["d"] for item in self._table.query(PUBLISHED, low=since or "0", high=until)}

    def close(self) -> None:
        """Do nothing, as above."""
