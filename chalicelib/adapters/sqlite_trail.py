"""The audit trail in SQLite: one chain, each deed appended in the transaction of the change that it tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.adapters.sqlite_rows import instant, micros
from chalicelib.domain import audit
from chalicelib.domain.audit import AuditEntry, Deed, TrailHead

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

_COLUMNS = "seq, at, actor, verb, request_id, number, mac, about"


class Chain:
    """The tables `trail` and `trail_head`, chained with a key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def begin(self, db: sqlite3.Connection) -> None:
        """Sign the empty trail once, with the schema: a head that is missing later has been taken away."""
        _keep_head(db, audit.signed(TrailHead(), key=self._key))

    def append(self, db: sqlite3.Connection, deeds: Sequence[Deed]) -> None:
        """
        Chain *deeds* to the trail and move its signed head.

        A head that somebody has tampered with is not signed again: the trail goes on, and stays broken for every check.
        """
        if not deeds:
            return
        head = _head(db)
        genuine = audit.is_genuine(head, key=self._key)
        if not genuine:
            last = db.execute("SELECT seq, mac FROM trail ORDER BY seq DESC LIMIT 1").fetchone()
            head = TrailHead() if last is None else TrailHead(count=last[0], mac=last[1])
        for deed in deeds:
            entry = audit.append(head, deed, key=self._key)
            head = TrailHead(count=entry.seq, mac=entry.mac)
            row = (entry.seq, micros(deed.at), deed.actor, deed.verb, deed.request_id, deed.number, entry.mac)
            db.execute(f"INSERT INTO trail ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, deed.about))  # noqa: S608
        _keep_head(db, audit.signed(head, key=self._key) if genuine else head)

    def read(self, db: sqlite3.Connection, *, after: int, limit: int) -> tuple[Sequence[AuditEntry], TrailHead]:
        """Read the trail from the entry after *after*, and its head, as of one moment."""
        db.execute("BEGIN")
        try:
            query = f"SELECT {_COLUMNS} FROM trail WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - our own names
            return [_entry(row) for row in db.execute(query, (after, limit))], _head(db)
        finally:
            db.execute("ROLLBACK")

    def tally(self, db: sqlite3.Connection) -> Mapping[str, Mapping[str, int]]:
        """Count deeds by actor and verb."""
        query = "SELECT actor, verb, count(*) FROM trail GROUP BY actor, verb ORDER BY actor, verb"
        counts: dict[str, dict[str, int]] = {}
        for actor, verb, count in db.execute(query):
            counts.setdefault(actor, {})[verb] = count
        return counts


def _head(db: sqlite3.Connection) -> TrailHead:
    row = db.execute("SELECT count, mac, seal FROM trail_head").fetchone()
    return TrailHead() if row is None else TrailHead(count=row[0], mac=row[1], seal=row[2])


def _keep_head(db: sqlite3.Connection, head: TrailHead) -> None:
    db.execute("INSERT OR REPLACE INTO trail_head VALUES (1, ?, ?, ?)", (head.count, head.mac, head.seal))


def _entry(row: Sequence[Any]) -> AuditEntry:
    deed = Deed(at=instant(row[1]), actor=row[2], verb=row[3], request_id=row[4], number=row[5], about=row[7])
    return AuditEntry(seq=row[0], deed=deed, mac=row[6])
