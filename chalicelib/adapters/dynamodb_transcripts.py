"""
`Transcripts` in DynamoDB.

    p             s          holds
    t#<session>   head       the last place that was given
    t#<session>   i#<entry>  at which place an entry is
    t#<session>   n#<place>  the entry

The three are written in one transaction on condition of what was read. Whatever its answer, the entry's own item tells
afterwards whether it is there, so nothing is written twice and nobody is told that it was not written when it was.
Reads are consistent: a reader who asks for what came after a place must not be given the second of two new ones alone.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb_connection import Refused
from chalicelib.adapters.transcript_entries import read, written
from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
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
            known = self.find(session, entry.entry_id)
            if known is not None:
                return known
            self._place(session, entry, self.last(session), None)
        raise Unavailable("storage")

    def retract(self, session: str, entry_id: str) -> Answered | None:
        """Empty an entry and move it to the end."""
        for _ in range(TRIES):
            known = self.find(session, entry_id)
            if known is None or known.retracted:
                return known
            emptied = replace(known, question="", answer="", retracted=True)
            self._place(session, emptied, self.last(session), known.seq)
        raise Unavailable("storage")

    def find(self, session: str, entry_id: str) -> Answered | None:
        """Read one entry."""
        while True:
            place = self._table.get((_partition(session), f"i#{entry_id}"))
            if place is None:
                return None
            item = self._table.get((_partition(session), _sort(place["n"])))
            if item is not None:  # else it was moved between the two reads
                return _entry(item)

    def last(self, session: str) -> int:
        """Read the highest place."""
        head = self._table.get((_partition(session), HEAD))
        last: int = 0 if head is None else head["n"]
        return last

    def after(self, session: str, seq: int, *, limit: int) -> tuple[Answered, ...]:
        """Read what came after a place."""
        items = self._table.query(_partition(session), low=_sort(seq + 1), high=_END, page=limit)
        return tuple(_entry(item) for item in islice(items, limit))

    def _place(self, session: str, entry: Answered, last: int, before: int | None) -> None:
        """Try to give *entry* the place after *last*, and to take it from *before*; `find` tells whether it worked."""
        p, seq = _partition(session), last + 1
        nobody_was_faster: dict[str, Any] = {"n": last} if last else {}
        as_it_was: dict[str, Any] = {} if before is None else {"n": before}
        steps = [
            self._table.step({"p": p, "s": _sort(seq), "i": entry.entry_id, "b": written(entry)}, {}),
            self._table.step({"p": p, "s": f"i#{entry.entry_id}", "n": seq}, as_it_was),
            self._table.step({"p": p, "s": HEAD, "n": seq}, nobody_was_faster),
        ]
        if before is not None:
            steps.append(self._table.step_delete((p, _sort(before))))
        try:
            self._table.together(steps)
        except Refused:
            return


def _partition(session: str) -> str:
    return f"t#{session}"


def _sort(seq: int) -> str:
    return f"n#{seq:09d}"


def _entry(item: Item) -> Answered:
    return read(item["i"], int(item["s"][2:]), item["b"])
