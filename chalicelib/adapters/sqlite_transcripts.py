"""`Transcripts` in SQLite: in the file of the requests, so that they are backed up together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.adapters.transcript_entries import read, written

if TYPE_CHECKING:
    import sqlite3

    from chalicelib.adapters.sqlite_file import Database
    from chalicelib.domain.sessions import Answered

_LAST = "SELECT coalesce(max(seq), 0) FROM transcripts WHERE session = ?"
_FIND = "SELECT entry_id, seq, body FROM transcripts WHERE session = ? AND entry_id = ?"
_INSERT = "INSERT INTO transcripts (session, seq, entry_id, body) VALUES (?, ?, ?, ?)"


class SqliteTranscripts:
    """The transcripts in *db*."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, session: str, entry: Answered) -> Answered:
        """Put an entry at the end, or give the one that has its id."""

        def add(db: sqlite3.Connection) -> Answered:
            known = _find(db, session, entry.entry_id)
            return known or _append(db, session, entry)

        return self._db.write(add)

    def retract(self, session: str, entry_id: str) -> Answered | None:
        """Empty an entry and move it to the end."""

        def retract(db: sqlite3.Connection) -> Answered | None:
            known = _find(db, session, entry_id)
            if known is None or known.retracted:
                return known
            emptied = replace(known, question="", answer="", retracted=True)
            placed = replace(emptied, seq=_last(db, session) + 1)
            db.execute(
                "UPDATE transcripts SET seq = ?, body = ? WHERE session = ? AND entry_id = ?",
                (placed.seq, written(placed), session, entry_id),
            )
            return placed

        return self._db.write(retract)

    def find(self, session: str, entry_id: str) -> Answered | None:
        """Read one entry."""
        return self._db.read(lambda db: _find(db, session, entry_id))

    def last(self, session: str) -> int:
        """Read the highest place."""
        return self._db.read(lambda db: _last(db, session))

    def after(self, session: str, seq: int, *, limit: int) -> tuple[Answered, ...]:
        """Read what came after a place."""
        query = "SELECT entry_id, seq, body FROM transcripts WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?"
        rows = self._db.read(lambda db: db.execute(query, (session, seq, limit)).fetchall())
        return tuple(read(*row) for row in rows)


def _find(db: sqlite3.Connection, session: str, entry_id: str) -> Answered | None:
    row = db.execute(_FIND, (session, entry_id)).fetchone()
    return None if row is None else read(*row)


def _last(db: sqlite3.Connection, session: str) -> int:
    last: int = db.execute(_LAST, (session,)).fetchone()[0]
    return last


def _append(db: sqlite3.Connection, session: str, entry: Answered) -> Answered:
    placed = replace(entry, seq=_last(db, session) + 1)
    db.execute(_INSERT, (session, placed.seq, placed.entry_id, written(placed)))
    return placed
