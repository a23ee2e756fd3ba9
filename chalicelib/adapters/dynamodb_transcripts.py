"""
`Transcripts` in DynamoDB.

    p             s          holds
    t#<session>   head       the last place that was given
    t#<session>   i#<entry>  at which place an entry is
    t#<session>   n#<place>  the entry

The three are written in one transaction, which the head decides: it is read before everything else that the decision
rests on, and whoever was slower by a turn looks again. Reads are consistent: a reader who asks for what came after a
place must not be given the second of two new ones alone.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.adapters.transcript_entries import read, written
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.adapters.dynamodb_table import Item, Table
    from chalicelib.domain.sessions import Answered

HEAD = "head"
TRIES = 40
"""How often a place is asked for anew: each time that it was taken, somebody else got on."""
_END = "n#~"


class DynamoTranscripts:
    """The transcripts in *table*."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, session: str, entry: Answered) -> Answered:
        """Put an entry at the end, or give the one that has its id."""
        for _ in range(TRIES):
            head = self._head(session)
            known = self.find(session, entry.entry_id)
            if known is not None:
                return known
            if placed := self._placed(session, entry, head, ()):
                return placed
        raise Unavailable("storage")

    def retract(self, session: str, entry_id: str) -> Answered | None:
        """Empty an entry and move it to the end."""
        for _ in range(TRIES):
            head = self._head(session)
            known = self.find(session, entry_id)
            if known is None or known.retracted:
                return known
            emptied = replace(known, question="", answer="", retracted=True)
            gone = self._table.without((_partition(session), _sort(known.seq)))
            if placed := self._placed(session, emptied, head, (gone,)):
                return placed
        raise Unavailable("storage")

    def find(self, session: str, entry_id: str) -> Answered | None:
        """Read one entry."""
        for _ in range(TRIES):
            place = self._table.get((_partition(session), f"i#{entry_id}"))
            if place is None:
                return None
            item = self._table.get((_partition(session), _sort(place["n"])))
            if item is not None:  # else it was moved between the two reads
                return _entry(item)
        raise Unavailable("storage")

    def last(self, session: str) -> int:
        """Read the highest place."""
        return _last(self._head(session))

    def after(self, session: str, seq: int, *, limit: int) -> tuple[Answered, ...]:
        """Read what came after a place."""
        items = self._table.query(_partition(session), low=_sort(seq + 1), high=_END, page=limit)
        return tuple(_entry(item) for item in islice(items, limit))

    def _head(self, session: str) -> Item | None:
        return self._table.get((_partition(session), HEAD))

    def _placed(
        self, session: str, entry: Answered, head: Item | None, along: Sequence[dict[str, object]]
    ) -> Answered | None:
        """Give *entry* the place after *head*; None if somebody else has it by now."""
        p, placed = _partition(session), replace(entry, seq=_last(head) + 1)
        steps = (
            self._table.step({"p": p, "s": _sort(placed.seq), "i": placed.entry_id, "b": written(placed)}),
            self._table.step({"p": p, "s": f"i#{placed.entry_id}", "n": placed.seq}),
        )
        head = self._table.swap((p, HEAD), head, {"n": placed.seq}, along=(*steps, *along))
        return None if head is None else placed


def _last(head: Item | None) -> int:
    last: int = 0 if head is None else head["n"]
    return last


def _partition(session: str) -> str:
    return f"t#{session}"


def _sort(seq: int) -> str:
    return f"n#{seq:09d}"


def _entry(item: Item) -> Answered:
    return read(item["i"], int(item["s"][2:]), item["b"])
